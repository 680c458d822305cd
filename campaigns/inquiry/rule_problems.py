"""What is wrong in a file of rules for inquiries, in words for whoever wrote it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from campaigns.inquiry.rule_rows import LONGEST_PHRASE, ROWS, RulesFile
from campaigns.inquiry.rules import Topic
from campaigns.recipient import Segment
from campaigns.toml_lines import Lines, line_of
from templates.i18n import _
from templates.problem import Problem
from templates.similar import did_you_mean


def unreadable(path: Path, *, is_text: bool = True) -> Problem:
    if not is_text:
        return Problem(
            "not_utf8",
            _("The file is not in the encoding UTF-8."),
            _("Save it again as UTF-8; Notepad offers this under “Save as”."),
            file=str(path),
        )
    return Problem(
        "file_unreadable",
        _("The file of rules for inquiries cannot be read or is too large."),
        _("Check DISPATCHER_INQUIRIES_FILE, and that you may open the file."),
        file=str(path),
    )


def broken_file(reason: str, line: int, file: str) -> Problem:
    return Problem(
        "toml_syntax",
        _("The file is not correct TOML: {reason}.").format(reason=reason),
        _("Check quotes, brackets and the sign = on this line; no name may stand twice."),
        file=file,
        line=line,
    )


def found_twice(field: str, value: str, place: int, file: str, lines: Lines) -> Problem:
    if field == "name":
        message = _("The branch “{name}” stands here twice, or has no name.")
        advice = _("Leave one section for each branch.")
    else:
        message = _("Accounts that begin with “{name}” belong to another branch already.")
        advice = _("Leave them to one branch, or write more of their first digits.")
    return Problem(
        "branch_twice" if field == "name" else "accounts_twice",
        message.format(name=value[:80]),
        advice,
        file=file,
        line=line_of(lines, ("branch", place, field)) or 1,
        field=f"branch.{place + 1}.{field}",
        value=value[:80],
    )


def problem_of(
    detail: Mapping[str, Any], file: str, lines: Lines, known: Sequence[str] = ()
) -> Problem:
    """One finding of the check; `known` are the branches that the file describes."""
    path = tuple(part for part in detail["loc"] if part != "[key]")
    value = detail["input"]
    told = str(value)[:80] if isinstance(value, str | int | float) else None
    code, message, advice = _words(str(detail["type"]), path, told or "", known)
    return Problem(
        code=code,
        message=message,
        advice=advice,
        file=file,
        line=line_of(lines, path) or 1,
        field=".".join(_counted(path)) or None,
        value=told,
    )


def _counted(path: Sequence[object]) -> Sequence[str]:
    """As people count: `route.2.person` is the second route's."""
    return [str(part + 1) if isinstance(part, int) else str(part) for part in path]


def _words(
    kind: str, path: Sequence[object], value: str, known: Sequence[str]
) -> tuple[str, str, str]:
    names = [str(part) for part in path if isinstance(part, str)]
    name = names[-1] if names else ""
    if kind == "extra_forbidden":
        fields = _known_fields(names[:-1])
        allowed = _("Write one of: {words}.").format(words=", ".join(sorted(fields)))
        message = _("There is no field “{name}” here.").format(name=name[:80])
        return "unknown_field", message, did_you_mean(name, fields) or allowed
    if kind == "missing":
        message = _("The field “{name}” is missing here.").format(name=name)
        return "missing_field", message, _example(name)
    if kind == "unknown_branch":
        message = _("No section [[branch]] describes “{name}”.").format(name=value)
        allowed = _("Add one; its name is enough.")
        return kind, message, did_you_mean(value, known) or allowed
    fixed = _fixed().get(kind)
    if fixed is not None:
        return kind, fixed[0].format(name=name, value=value), fixed[1]
    message = _("The value of “{name}” cannot be used.").format(name=name)
    return "wrong_value", message, _choice(name, value) or _example(name)


def _known_fields(above: Sequence[str]) -> Sequence[str]:
    model = ROWS.get(above[0], RulesFile) if above else RulesFile
    return list(model.model_fields)


def _choice(name: str, value: str) -> str:
    """Advice for a value out of a few."""
    texts = {
        "topic": [str(one) for one in Topic],
        "topics": [str(one) for one in Topic],
        "segments": [str(one) for one in Segment],
    }.get(name)
    if texts is None:
        return ""
    near = did_you_mean(value, texts) if value else ""
    return near or _("Write one of: {words}.").format(words=", ".join(texts))


def _fixed() -> dict[str, tuple[str, str]]:
    cannot = _("The value of “{name}” cannot be used.")
    return {
        "bad_email": (
            cannot,
            _("Write an address such as desk@example.com; of senders also *@example.com."),
        ),
        "bad_phone": (cannot, _("Write a telephone number such as +73822000000.")),
        "bad_line": (cannot, _("Write one line of at most 100 characters.")),
        "bad_beginning": (
            cannot,
            _('Write the first digits of accounts in quotes, such as accounts = ["5501"].'),
        ),
        "bad_pattern": (
            _("This form of accounts cannot be used."),
            _(
                "Write 4 to 32 digits or letters, such as {example}; brackets ( ), *, + and . are "
                "not allowed."
            ).format(example=r"\d{10}, \d{8,12}, TM-\d{8}|\d{12}"),
        ),
        "word_with_space": (
            _("“{value}” is more than one word."),
            _("Move it to phrases."),
        ),
        "says_nothing": (
            _("“{value}” has no word by which a letter can be told."),
            _("Write a word of letters that does not stand in every letter."),
        ),
        "long_phrase": (
            _("“{value}” is too long for a phrase."),
            _("Write at most {count} words.").format(count=LONGEST_PHRASE),
        ),
        "empty_rule": (
            _("This rule fits no letter: it names nothing."),
            _("Name words, phrases, senders, mailboxes or accounts."),
        ),
        "never_reached": (
            _("This route is never reached: one above it takes all that it would get."),
            _("Move it up, or remove it."),
        ),
    }


def _example(name: str) -> str:
    examples = {
        "topic": '[[topic]] topic = "outage"',
        "route": '[[route]] person = "desk@example.com"',
        "branch": '[[branch]] name = "Томское отделение"',
        "periods": "[periods] answer_days = 14",
        "words": 'words = ["подстанция"]',
        "phrases": 'phrases = ["нет света"]',
        "senders": 'senders = ["*@example.com"]',
        "mailboxes": 'mailboxes = ["claims@example.com"]',
        "accounts": 'accounts = ["5501"]',
        "weight": "weight = 2 (0–10)",
        "person": 'person = "desk@example.com"',
        "head": 'head = "head@example.com"',
        "topics": 'topics = ["billing", "reading"]',
        "branches": 'branches = ["Томское отделение"]',
        "segments": 'segments = ["business"]',
        "name": 'name = "Томское отделение"',
        "phone": 'phone = "+73822000000"',
        "hours": 'hours = "пн–пт 8:00–20:00"',
        "replace": "replace = true",
        "account_pattern": "account_pattern = '\\d{10}'",
        "respond_in_working_days": "respond_in_working_days = false",
    }
    example = examples.get(name, f"{name} = 3 (1–365)")
    return _("Write for example: {example}.").format(example=example)
