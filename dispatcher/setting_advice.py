"""What is wrong with a setting, and what to write instead, in the reader's language."""

import difflib
from collections.abc import Collection, Sequence

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from templates.i18n import _

# A row with more mistakes than that is better compared with .env.example.
_MOST_MISTAKES = 3


def advice_on(mistakes: Sequence[ErrorDetails], row: type[BaseModel] | None) -> str:
    """What to mend in one setting; `row`: what may stand in each row of it, where it is a table.

    Of a row every mistake is told: a misspelt field is one that is unknown and one that is missing.
    """
    place = mistakes[0]["loc"][:2]
    same = [one for one in mistakes if one["loc"][:2] == place] if row else mistakes[:1]
    return " ".join(_advice_within(one, row) for one in same[:_MOST_MISTAKES])


def did_you_mean(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name.upper(), sorted(known), n=1)
    if near:
        return _("there is no such setting; did you mean {name}?").format(name=near[0])
    return _("there is no such setting; .env.example lists them all.")


def harmless(name: str) -> str:
    """A name that somebody wrote, harmless for a terminal."""
    return "".join(c if c.isprintable() else "·" for c in name[:40])


def _advice_within(error: ErrorDetails, row: type[BaseModel] | None) -> str:
    """The advice, with the place inside a table where it is wrong."""
    inner = [str(part) for part in error["loc"][1:] if part != "[key]"]
    if not inner:
        return _advice(error)
    if error["type"] == "extra_forbidden" and row is not None:
        advice = _no_such_field(inner[-1], row)
        inner = inner[:-1]
    else:
        advice = _advice(error)
    where = " → ".join(harmless(part) for part in inner)
    return f"{where}: {advice}"


def _no_such_field(name: str, row: type[BaseModel]) -> str:
    names = {"name": harmless(name), "known": ", ".join(row.model_fields)}
    near = difflib.get_close_matches(name.lower(), row.model_fields, n=1)
    if near:
        return _("there is no field “{name}” here, did you mean {near}? Known: {known}.").format(
            near=near[0], **names
        )
    return _("there is no field “{name}” here; known: {known}.").format(**names)


def _advice(error: ErrorDetails) -> str:
    """What to write instead, for the mistakes that pydantic tells in English only."""
    kind, limits = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(limits.get("error", error["msg"]))
    if kind == "missing":
        return _("this field is missing.")
    if kind in ("int_parsing", "int_type", "int_from_float"):
        return _("a whole number is expected.")
    if kind in ("float_parsing", "float_type"):
        return _("a number is expected.")
    if kind == "greater_than" and limits.get("gt") == 0:
        return _("a number greater than zero is expected.")
    if kind in ("greater_than_equal", "greater_than"):
        return _("at least {limit} is expected.").format(limit=limits.get("ge", limits.get("gt")))
    if kind in ("less_than_equal", "less_than"):
        return _("at most {limit} is expected.").format(limit=limits.get("le", limits.get("lt")))
    if kind in ("literal_error", "enum"):
        expected = str(limits.get("expected", "")).replace(" or ", ", ").replace("'", "")
        return _("one of these is expected: {names}.").format(names=expected)
    if kind in ("bool_parsing", "bool_type"):
        return _("true or false is expected.")
    if kind in ("dict_type", "json_invalid"):
        return _("a table in JSON is expected; .env.example shows one.")
    return _("this value does not fit; .env.example shows what does.")
