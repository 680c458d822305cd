"""One thing that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dispatcher.report.span import span


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


__all__ = ["Finding", "Severity", "numbers", "span"]
