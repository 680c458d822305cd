"""One thing that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dispatcher.ledger.circuits import Key
from dispatcher.report.span import span


class Severity(StrEnum):
    SERIOUS = "serious"  # customers are not served, or soon will not be
    WARNING = "warning"  # it works, and somebody should look
    NOTICE = "notice"  # good to know


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is for programs and never changes; `what` and `advice` are for people.

    `on_screen` is the advice for who has the pages before them rather than a console, where that is
    another; `way` the provider that is spoken of.
    """

    code: str
    severity: Severity
    what: str
    advice: str
    on_screen: str = ""
    way: Key | None = None


def numbers(ids: Sequence[int]) -> str:
    """The first few of them; who sees these finds the others."""
    shown = ", ".join(str(one) for one in ids[:5])
    return shown if len(ids) <= 5 else f"{shown}, …"


__all__ = ["Finding", "Severity", "numbers", "span"]
