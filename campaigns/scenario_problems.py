"""What pydantic found in a scenario, told to the person who wrote the file."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from campaigns.channel import ChannelName
from campaigns.scenario import WEEKDAYS, ChannelRules, Order, Scenario, Window
from campaigns.toml_lines import Lines, line_of
from templates.i18n import _
from templates.problem import Problem
from templates.similar import did_you_mean

_UNKNOWN = {
    "purpose": "unknown_purpose",
    "positive": "unknown_outcome",
    "channels": "unknown_channel",
}
_TYPE_OF = {
    "string": "wrong_type_text",
    "bool": "wrong_type_flag",
    "int": "wrong_type_number",
    "tuple": "wrong_type_list",
    "frozen": "wrong_type_list",
    "set": "wrong_type_list",
    "dict": "wrong_type_table",
    "model": "wrong_type_table",
}


def explain(error: ValidationError, file: str, lines: Lines) -> list[Problem]:
    """One problem for each finding, with the line of the field and what to write instead."""
    return [_problem(detail, file, lines) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails, file: str, lines: Lines) -> Problem:
    given: dict[str, Any] = detail.get("ctx") or {}
    path = tuple(part for part in detail["loc"] if part != "[key]")
    if "field" in given:
        path = tuple(str(given["field"]).split("."))
    code, message, advice = _words(detail, path, given)
    value = given.get("value", detail["input"])
    return Problem(
        code=code,
        message=message,
        advice=advice,
        file=file,
        line=line_of(lines, path) or 1,
        field=".".join(str(part) for part in path) or None,
        value=str(value)[:80] if isinstance(value, str | int | float) else None,
    )


def _words(
    detail: ErrorDetails, path: Sequence[object], given: dict[str, Any]
) -> tuple[str, str, str]:
    kind = detail["type"]
    name = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        known = _known_fields(path[:-1])
        advice = did_you_mean(name, known) or _allowed(known)
        return "unknown_field", _("There is no field “{name}” here.").format(name=name), advice
    if kind == "missing":
        message = _("The field “{name}” is missing.").format(name=name)
        return "missing_field", message, _missing_advice(name)
    if kind == "enum":
        return _unknown_value(detail, path)
    if kind in _fixed():
        message, advice = _fixed()[kind]
        return kind, message, advice
    if kind in ("greater_than_equal", "less_than_equal"):
        return "out_of_range", _("The number is out of range."), _("Write a number from 1 to 100.")
    if kind == "string_pattern_mismatch" and name == "shorten":
        return (
            "bad_name",
            _("This is not the name of a field."),
            _("Write for example: {example}.").format(example='shorten = "offer"'),
        )
    if kind == "string_pattern_mismatch":
        return (
            "bad_name",
            _("A name may hold only small Latin letters, digits and hyphens."),
            _("Write for example: {example}.").format(example="debt-reminder"),
        )
    if kind in ("too_short", "string_too_short"):
        return "empty", _("Something must stand here."), _missing_advice(name)
    if kind == "string_too_long":
        limit = given.get("max_length", "")
        return (
            "too_long",
            _("The text is too long."),
            _("At most {limit} characters.").format(limit=limit),
        )
    code = next((code for word, code in _TYPE_OF.items() if kind.startswith(word)), "wrong_value")
    return code, *_types()[code]


def _unknown_value(detail: ErrorDetails, path: Sequence[object]) -> tuple[str, str, str]:
    word = str(detail["input"])
    place = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    is_channel_key = len(path) == 2 and path[0] == "channels"
    code = "unknown_channel" if is_channel_key else _UNKNOWN.get(place, "unknown_value")
    if path[:2] == ("order", "channels"):
        code = "unknown_channel"
    known = _choices(detail) if code != "unknown_channel" else [str(c) for c in ChannelName]
    message = _("The word “{word}” is not known here.").format(word=word[:80])
    return code, message, did_you_mean(word, known) or _allowed(known)


def _choices(detail: ErrorDetails) -> list[str]:
    expected = str((detail.get("ctx") or {}).get("expected", ""))
    return [part.strip(" '") for part in expected.replace(" or ", ",").split(",") if part.strip()]


def _allowed(words: Iterable[str]) -> str:
    return _("Write one of: {words}.").format(words=", ".join(sorted(words)))


def _known_fields(path: Sequence[object]) -> list[str]:
    model: type[BaseModel] = Scenario
    if path and path[0] == "order":
        model = Order
    elif path and path[-1] == "window":
        model = Window
    elif path and path[0] == "channels":
        model = ChannelRules
    return [field.alias or name for name, field in model.model_fields.items()]


def _missing_advice(name: str) -> str:
    examples = {
        "name": 'name = "debt-reminder"',
        "title": 'title = "Напоминание о задолженности"',
        "purpose": 'purpose = "service"',
        "channels": '[channels.sms] template = "debt-reminder"',
        "template": 'template = "debt-reminder"',
    }
    return _("Write for example: {example}.").format(example=examples.get(name, f'{name} = "…"'))


def _fixed() -> dict[str, tuple[str, str]]:
    return {
        "bad_duration": (
            _("This is not a length of time."),
            _("Write for example “2h”, “7d” or “1d 12h” (s, m, h, d), at most two years."),
        ),
        "bad_time": (
            _("This is not a time of day."),
            _("Write hours and minutes in quotes, such as “10:00”."),
        ),
        "bad_days": (
            _("The window is empty or names unknown days: nothing could ever be sent."),
            _("Name at least one of: {words}.").format(words=", ".join(WEEKDAYS)),
        ),
        "urgent_not_emergency": (
            _("Only an emergency may be urgent."),
            _("Remove urgent = true, or write purpose = “emergency”."),
        ),
        "impossible_outcome": (
            _("This outcome cannot happen on this channel."),
            _("See the table of outcomes in docs/scenarios.md."),
        ),
        "no_positive": (
            _("Nothing counts as a positive outcome, so the customer would be bothered for ever."),
            _("Name at least one outcome, or remove the line to keep the standard's."),
        ),
        "order_mismatch": (
            _("order.channels must name exactly the scenario's channels, each once."),
            _("Name the same channels as in the [channels.…] sections."),
        ),
    }


def _types() -> dict[str, tuple[str, str]]:
    return {
        "wrong_type_text": (_("Text is expected here."), _("Put the value in quotes.")),
        "wrong_type_flag": (_("Yes or no is expected here."), _("Write true or false.")),
        "wrong_type_number": (
            _("A whole number is expected here."),
            _("Write a number without quotes, such as 5."),
        ),
        "wrong_type_list": (
            _("A list is expected here."),
            _("Write a list in square brackets, such as [“sms”, “email”]."),
        ),
        "wrong_type_table": (
            _("A section is expected here."),
            _("Write it as a section of its own, such as [channels.sms]."),
        ),
        "wrong_value": (
            _("The value cannot be used here."),
            _("See the examples in docs/scenarios.md."),
        ),
    }
