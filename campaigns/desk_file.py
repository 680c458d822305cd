"""Reading the branches' desks from a TOML file: `[default]` and one `[branch."…"]` for each branch.

Strict: an unknown name or a wrong value is told with its line, because a line that is silently
ignored would be found out by customers who asked for an operator in vain.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from campaigns.desk import LONGEST_WAIT_SECONDS, Desk, Desks, fold
from campaigns.scenario import WEEKDAYS, Strict, Window
from campaigns.toml_lines import Lines, key_lines, line_of
from templates.i18n import _
from templates.problem import Problem, Refused
from templates.similar import did_you_mean

_LIMIT_BYTES = 1_000_000


class _DeskFile(Strict):
    default: Desk = Desk()
    branch: dict[str, Desk] = Field(default_factory=dict)


def read_desks(path: Path) -> Desks:
    """Read and check a file of desks. Raises Refused with every problem in it."""
    return parse_desks(_text(path), str(path))


def parse_desks(source: str, file: str = "desks.toml") -> Desks:
    """The same from its text. Raises Refused."""
    try:
        table, lines = tomllib.loads(source), key_lines(source)
    except tomllib.TOMLDecodeError as error:
        raise Refused([_not_toml(error, source, file)]) from None
    except (RecursionError, ValueError):
        raise Refused([_broken("too complex", 1, file)]) from None
    try:
        found = _DeskFile.model_validate(table)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise Refused([_problem(detail, file, lines) for detail in details]) from None
    twice = _named_twice(found.branch, file, lines)
    if twice:
        raise Refused(twice)
    return Desks(found.default, found.branch)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size <= _LIMIT_BYTES:
            return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(
            [
                Problem(
                    "not_utf8",
                    _("The file is not in the encoding UTF-8."),
                    _("Save it again as UTF-8; Notepad offers this under “Save as”."),
                    file=str(path),
                )
            ]
        ) from None
    except OSError:
        pass
    raise Refused(
        [
            Problem(
                "file_unreadable",
                _("The file of desks cannot be read or is too large."),
                _("Check DISPATCHER_DESKS_FILE, and that you may open the file."),
                file=str(path),
            )
        ]
    )


def _not_toml(error: tomllib.TOMLDecodeError, source: str, file: str) -> Problem:
    found = re.search(r"at line (\d+)", str(error))
    line = int(found[1]) if found else max(1, len(source.rstrip().splitlines()))
    problem = _broken(re.sub(r"\s*\(at .*\)$", "", str(error)), line, file)
    here = source.splitlines()[line - 1 : line]
    if here and re.match(r"\s*\[\s*branch\s*\.\s*[^\s\"']", here[0]):
        example = _examples()["branch"]
        advice = _("Write the name of a branch in quotes: {example}.").format(example=example)
        return replace(problem, advice=advice)
    return problem


def _broken(reason: str, line: int, file: str) -> Problem:
    return Problem(
        "toml_syntax",
        _("The file is not correct TOML: {reason}.").format(reason=reason),
        _("Check quotes, brackets and the sign = on this line; no name may stand twice."),
        file=file,
        line=line,
    )


def _named_twice(branches: Mapping[str, Desk], file: str, lines: Lines) -> list[Problem]:
    """Names that differ in capitals and spaces only are one branch to a customer."""
    seen: dict[str, str] = {}
    problems = []
    for name in branches:
        former = seen.setdefault(fold(name), name)
        if former != name or not fold(name):
            problems.append(
                Problem(
                    "branch_twice",
                    _("The branch “{name}” stands here twice, or has no name.").format(
                        name=name[:80]
                    ),
                    _("Leave one section for each branch."),
                    file=file,
                    line=line_of(lines, ("branch", name)),
                    field=f"branch.{name}",
                )
            )
    return problems


def _problem(detail: ErrorDetails, file: str, lines: Lines) -> Problem:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    code, message, advice = _words(detail, path)
    value = detail["input"]
    return Problem(
        code=code,
        message=message,
        advice=advice,
        file=file,
        line=line_of(lines, path) or 1,
        field=".".join(str(part) for part in path) or None,
        value=str(value)[:80] if isinstance(value, str | int | float) else None,
    )


def _words(detail: ErrorDetails, path: tuple[object, ...]) -> tuple[str, str, str]:
    kind, name = detail["type"], str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        known = _known_names(path[:-1])
        allowed = _("Write one of: {words}.").format(words=", ".join(sorted(known)))
        message = _("There is no field “{name}” here.").format(name=name[:80])
        return "unknown_field", message, did_you_mean(name, known) or allowed
    code, advice = _fixed().get(kind, ("", ""))
    if code:
        return code, _("The value of “{name}” cannot be used.").format(name=name), advice
    example = _examples().get(name, "[default]")
    return (
        "wrong_value",
        _("The value of “{name}” cannot be used.").format(name=name),
        _("Write for example: {example}.").format(example=example),
    )


def _known_names(path: tuple[object, ...]) -> list[str]:
    if not path:
        return list(_DeskFile.model_fields)
    model = Window if path[-1] == "hours" else Desk
    return [field.alias or name for name, field in model.model_fields.items()]


def _fixed() -> dict[str, tuple[str, str]]:
    return {
        "bad_operator": (
            "bad_operator",
            _("Write a number such as +73822000000, or an address such as sip:desk@example.com."),
        ),
        "bad_zone": (
            "unknown_zone",
            _("Write a name like Asia/Novosibirsk or an offset like UTC+7."),
        ),
        "bad_time": ("bad_time", _("Write hours and minutes in quotes, such as “10:00”.")),
        "bad_days": (
            "bad_days",
            _("Name at least one of: {words}.").format(words=", ".join(WEEKDAYS)),
        ),
    }


def _examples() -> dict[str, str]:
    """What is allowed, by an example at its edge or in its middle."""
    return {
        "operator": 'operator = "+73822000000"',
        "hours": 'hours = { from = "09:00", until = "18:00", days = ["mon", "fri"] }',
        "holidays": "holidays = false",
        "zone": 'zone = "Asia/Tomsk"',
        "lines": "lines = 30 (0–10000)",
        "operators": "operators = 4 (0–10000)",
        "expected_share": "expected_share = 0.15 (0–1)",
        "wait_seconds": f"wait_seconds = 20 (5–{LONGEST_WAIT_SECONDS})",
        "branch": '[branch."Томское отделение"]',
    }
