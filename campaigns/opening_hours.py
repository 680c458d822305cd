"""Where a window is open now: the zones of the country, each with its clock and its next change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.calendar import (
    Closed,
    Holidays,
    NeverAllowed,
    closes_at,
    next_allowed,
    why_closed,
    zone_named,
)
from campaigns.regions import Regions
from campaigns.scenario import STANDARD_WINDOW, Window


@dataclass(frozen=True, slots=True)
class ZoneHours:
    """One zone. `changes_at`: when the window closes, or opens; None when it never does.

    `closed` says why it is closed now, and is None while it is open.
    """

    zone: str
    regions: tuple[str, ...]
    closed: Closed | None
    changes_at: datetime | None


def hours_now(
    now: datetime,
    regions: Regions,
    holidays: Holidays,
    window: Window = STANDARD_WINDOW,
) -> Sequence[ZoneHours]:
    """Every zone of these regions, from the west to the east."""
    names: dict[str, set[str]] = {}
    for region in regions.by_key.values():  # each stands there in all its spellings
        names.setdefault(region.zone, set()).add(region.name)
    found = [
        ZoneHours(zone, tuple(sorted(of_zone)), *_change(now, zone, window, holidays))
        for zone, of_zone in names.items()
    ]
    return sorted(
        found, key=lambda one: (now.astimezone(zone_named(one.zone)).utcoffset(), one.zone)
    )


def _change(
    now: datetime, zone: str, window: Window, holidays: Holidays
) -> tuple[Closed | None, datetime | None]:
    closed = why_closed(now, zone, window, holidays)
    if closed is None:
        return None, closes_at(now, zone, window, holidays)
    try:
        return closed, next_allowed(now, zone, window, holidays)
    except NeverAllowed:
        return closed, None
