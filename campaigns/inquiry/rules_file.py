"""Reading the rules for inquiries: what comes with the product, and the staff's own file.

The staff's topics are added to the built-in ones and asked first; routes, branches, periods and
the form of accounts are theirs alone. Strict: every mistake is told with its line, all at once,
because a rule that is silently ignored sends a complaint to nobody.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from campaigns.desk import fold
from campaigns.inquiry.rule_problems import broken_file, found_twice, problem_of, unreadable
from campaigns.inquiry.rule_rows import BranchRow, RulesFile, TopicRow, covers
from campaigns.inquiry.rules import Branch, InquiryRules, Periods, Route, TopicRule
from campaigns.toml_lines import Lines, key_lines
from templates.problem import Problem, Refused

BUILT_IN = Path(__file__).with_name("inquiries.toml")
LIMIT_BYTES = 1_000_000


def read_rules(path: Path | None) -> InquiryRules:
    """The built-in rules with the staff's own, if there is such a file. Raises Refused with every
    problem in it."""
    if path is None:
        return _built_in()
    return parse_rules(_text(path), str(path))


def parse_rules(source: str, file: str = "inquiries.toml") -> InquiryRules:
    """The same from the text of the staff's file. Raises Refused."""
    own = _parse(source, file)
    topics = tuple(_topic(row) for row in own.topic)
    return InquiryRules(
        topics=topics if own.replace else topics + _built_in().topics,
        routes=tuple(
            Route(row.person, row.head, row.topics, row.branches, row.segments) for row in own.route
        ),
        branches=tuple(Branch(row.name, row.phone, row.hours, row.accounts) for row in own.branch),
        periods=Periods(**own.periods.model_dump()),
        account_pattern=own.account_pattern,
    )


@lru_cache(maxsize=1)
def _built_in() -> InquiryRules:
    found = _parse(BUILT_IN.read_text(encoding="utf-8"), BUILT_IN.name)
    return InquiryRules(topics=tuple(_topic(row) for row in found.topic))


def _topic(row: TopicRow) -> TopicRule:
    return TopicRule(
        row.topic, row.words, row.phrases, row.senders, row.mailboxes, row.accounts, row.weight
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise Refused([unreadable(path)])
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused([unreadable(path, is_text=False)]) from None
    except OSError:
        raise Refused([unreadable(path)]) from None


def _parse(source: str, file: str) -> RulesFile:
    try:
        table, lines = tomllib.loads(source), key_lines(source)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else max(1, len(source.rstrip().splitlines()))
        raise Refused([broken_file(re.sub(r"\s*\(at .*\)$", "", str(error)), line, file)]) from None
    except (RecursionError, ValueError):
        raise Refused([broken_file("too complex", 1, file)]) from None
    try:
        rules = RulesFile.model_validate(table)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise Refused([problem_of(detail, file, lines) for detail in details]) from None
    problems = [*_branch_problems(rules, file, lines), *_route_problems(rules, file, lines)]
    if problems:
        raise Refused(problems)
    return rules


def _branch_problems(rules: RulesFile, file: str, lines: Lines) -> Sequence[Problem]:
    names: dict[str, str] = {}
    accounts: dict[str, str] = {}
    problems = []
    for place, row in enumerate(rules.branch):
        if fold(row.name) in names:
            problems.append(found_twice("name", row.name, place, file, lines))
        names.setdefault(fold(row.name), row.name)
        problems += [
            found_twice("accounts", beginning, place, file, lines)
            for beginning in _taken(row, accounts)
        ]
    return problems


def _taken(row: BranchRow, accounts: dict[str, str]) -> Sequence[str]:
    """The beginnings of accounts that another branch has already."""
    name = fold(row.name)
    return [one for one in row.accounts if accounts.setdefault(one, name) != name]


def _route_problems(rules: RulesFile, file: str, lines: Lines) -> Sequence[Problem]:
    known: Mapping[str, str] = {fold(row.name): row.name for row in rules.branch}
    problems: list[Problem] = []
    for place, row in enumerate(rules.route):
        details: list[dict[str, Any]] = []
        if any(covers(former, row) for former in rules.route[:place]):
            details.append({"type": "never_reached", "loc": ("route", place), "input": row.person})
        details += [
            {"type": "unknown_branch", "loc": ("route", place, "branches"), "input": name}
            for name in row.branches
            if known and fold(name) not in known
        ]
        problems += [
            problem_of(detail, file, lines, known=list(known.values())) for detail in details
        ]
    return problems
