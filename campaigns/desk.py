"""A branch's telephone desk: its lines, its operators, and how many calls they can bear.

Whoever is called may ask for an operator. More calls than the free operators can be expected to
bear would mean people who asked in vain.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import Field

from campaigns.calendar import is_allowed
from campaigns.holidays import Holidays
from campaigns.scenario import Strict, Window

LONGEST_WAIT_SECONDS = 30  # the standard, chapter 4, section 2, item 11


class Desk(Strict):
    """One branch's desk. `lines` None: as many calls at once as the provider's account bears.

    `operator` is a number in E.164 or a `sip:` address, empty for none. `expected_share` is the
    part of answered calls that ask for an operator, learned from earlier campaigns.
    """

    operator: str = ""
    hours: Window = Window(
        opens_at="09:00", closes_at="18:00", days=("mon", "tue", "wed", "thu", "fri")
    )
    zone: str = ""  # empty: the house's own
    lines: int | None = Field(default=None, ge=0, le=10_000)
    operators: int = Field(default=1, ge=0, le=10_000)
    expected_share: float = Field(default=0.1, gt=0, le=1)
    wait_seconds: int = Field(default=20, ge=5, le=LONGEST_WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class Load:
    """What is going on at a desk now: calls under way, and how many of them want an operator."""

    calls: int = 0
    with_operator: int = 0


@dataclass(frozen=True, slots=True)
class Desks:
    """Every branch's desk; branches without one of their own share `default`."""

    default: Desk = field(default_factory=Desk)
    by_branch: Mapping[str, Desk] = field(default_factory=dict)

    def name_of(self, branch: str) -> str:
        """Whose lines a call to a customer of this branch takes: its own, or '' for the rest."""
        return branch if branch in self.by_branch else ""

    def desk(self, name: str) -> Desk:
        return self.by_branch.get(name, self.default)


def calls_allowed(desk: Desk, load: Load, *, offers_operator: bool) -> int | None:
    """How many more calls may be placed now; None: as many as one likes.

    Every call under way may still ask for an operator, with the expected share; those who have
    asked already are no expectation any more.
    """
    bounds = []
    if desk.lines is not None:
        bounds.append(desk.lines - load.calls)
    if offers_operator:
        free = max(desk.operators - load.with_operator, 0)
        bearable = math.floor(free / desk.expected_share + 1e-9)
        bounds.append(bearable - (load.calls - load.with_operator))
    return max(min(bounds), 0) if bounds else None


def operator_is_there(desk: Desk, at: datetime, zone: str, holidays: Holidays) -> bool:
    """Whether somebody can be reached at the desk at this instant: its hours, in its zone.

    `zone` is the house's own, for a desk that names none.
    """
    manned = bool(desk.operator) and desk.operators > 0
    return manned and is_allowed(at, desk.zone or zone, desk.hours, holidays)
