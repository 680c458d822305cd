"""A branch's telephone desk: its lines, its operators, and how many calls they can bear.

Whoever is called may ask for an operator. More calls than the free operators can be expected to
bear would mean people who asked in vain.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from campaigns.calendar import NeverAllowed, UnknownZone, is_allowed, next_allowed, zone_named
from campaigns.holidays import Holidays
from campaigns.scenario import Strict, Window

LONGEST_WAIT_SECONDS = 30  # the standard, chapter 4, section 2, item 11

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SIP = re.compile(
    r"sips?:[A-Za-z0-9._~+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?"
)


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
    lines: int | None = Field(default=None, strict=True, ge=0, le=10_000)
    operators: int = Field(default=1, strict=True, ge=0, le=10_000)
    expected_share: float = Field(default=0.1, strict=True, gt=0, le=1)
    wait_seconds: int = Field(default=20, strict=True, ge=5, le=LONGEST_WAIT_SECONDS)

    @field_validator("operator")
    @classmethod
    def _operator_can_be_dialled(cls, value: str) -> str:
        if value and not _E164.fullmatch(value) and not _SIP.fullmatch(value):
            raise PydanticCustomError("bad_operator", "a number in E.164 or sip:user@host")
        return value

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value:
            try:
                zone_named(value)
            except UnknownZone:
                raise PydanticCustomError("bad_zone", "a zone such as Asia/Tomsk") from None
        return value


@dataclass(frozen=True, slots=True)
class Load:
    """What is going on at a desk now."""

    calls: int = 0  # under way
    may_ask: int = 0  # of them, those that were offered an operator and have not asked
    with_operator: int = 0  # those that have asked

    def plus(self, *, offers_operator: bool) -> "Load":
        """With one more call."""
        return Load(self.calls + 1, self.may_ask + offers_operator, self.with_operator)

    def joined(self, other: "Load") -> "Load":
        """Both together."""
        return Load(
            self.calls + other.calls,
            self.may_ask + other.may_ask,
            self.with_operator + other.with_operator,
        )


@dataclass(frozen=True, slots=True)
class Desks:
    """Every branch's desk; branches without one of their own share `default`."""

    default: Desk = field(default_factory=Desk)
    by_branch: Mapping[str, Desk] = field(default_factory=dict)

    def name_of(self, branch: str) -> str:
        """Whose lines a call to a customer of this branch takes: its own, or '' for the rest.

        Exports write branches in capitals or with two spaces; that is no other branch.
        """
        if branch in self.by_branch:
            return branch
        wanted = fold(branch)
        return next((name for name in self.by_branch if fold(name) == wanted), "")

    def desk(self, name: str) -> Desk:
        return self.by_branch.get(name, self.default)

    @property
    def count_calls(self) -> bool:
        """Whether calls have to be counted at all."""
        return any(
            desk.lines is not None or desk.operator
            for desk in (self.default, *self.by_branch.values())
        )


def fold(branch: str) -> str:
    return " ".join(branch.split()).casefold()


def calls_allowed(desk: Desk, load: Load, *, offers_operator: bool) -> int | None:
    """How many more calls may be placed now; None: as many as one likes.

    Every call under way that was offered an operator may still ask, with the expected share; those
    who have asked already are no expectation any more. Calls that offer none only take a line.
    """
    bounds = []
    if desk.lines is not None:
        bounds.append(desk.lines - load.calls)
    if offers_operator:
        free = max(desk.operators - load.with_operator, 0)
        bearable = math.floor(free / desk.expected_share + 1e-9)
        bounds.append(bearable - load.may_ask)
    return max(min(bounds), 0) if bounds else None


def operator_is_there(desk: Desk, at: datetime, zone: str, holidays: Holidays) -> bool:
    """Whether somebody can be reached at the desk at this instant: its hours, in its zone.

    `zone` is the house's own, for a desk that names none.
    """
    manned = bool(desk.operator) and desk.operators > 0
    return manned and is_allowed(at, desk.zone or zone, desk.hours, holidays)


def next_manned(desk: Desk, at: datetime, zone: str, holidays: Holidays) -> datetime:
    """The first instant from `at` on when somebody is at the desk; `at` itself where nobody ever
    is, for then waiting is no use."""
    if not desk.operator or desk.operators == 0:
        return at
    try:
        return next_allowed(at, desk.zone or zone, desk.hours, holidays)
    except NeverAllowed:
        return at
