"""One thing that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from babel.units import format_unit

from templates.i18n import current_language


class Severity(StrEnum):
    SERIOUS = "serious"  # customers are not served, or soon will not be
    WARNING = "warning"  # it works, and somebody should look
    NOTICE = "notice"  # good to know


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is for programs and never changes; `what` and `advice` are for people."""

    code: str
    severity: Severity
    what: str
    advice: str


def numbers(ids: Sequence[int]) -> str:
    """The first few of them; who sees these finds the others."""
    shown = ", ".join(str(one) for one in ids[:5])
    return shown if len(ids) <= 5 else f"{shown}, …"


def span(length: timedelta) -> str:
    """A length of time as people say it, in one unit."""
    seconds = max(length.total_seconds(), 0)
    if seconds < 120:
        value, unit = seconds, "second"
    elif seconds < 2 * 3600:
        value, unit = seconds / 60, "minute"
    elif seconds < 48 * 3600:
        value, unit = seconds / 3600, "hour"
    else:
        value, unit = seconds / 86400, "day"
    return str(format_unit(int(value), unit, "short", locale=current_language()))
