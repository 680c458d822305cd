"""Where a window is open now: the zones of the country, each with its clock and its next change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    """Regions whose clocks show the same. `zone` is that of most of them.

    `closed` says why the window is closed now, and is None while it is open; `changes_at`, when it
    closes or opens: None when it never does.
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
    """These regions by what their clocks show and what the window does, from the west to the
    east."""
    names: dict[str, set[str]] = {}
    for region in regions.by_key.values():  # each stands there in all its spellings
        names.setdefault(region.zone, set()).add(region.name)
    alike: dict[object, list[str]] = {}
    for zone in sorted(names, key=lambda zone: (-len(names[zone]), zone)):
        alike.setdefault((_offset(now, zone), _change(now, zone, window, holidays)), []).append(
            zone
        )
    found = [
        ZoneHours(
            zones[0],
            tuple(sorted(name for zone in zones for name in names[zone])),
            *_change(now, zones[0], window, holidays),
        )
        for zones in alike.values()
    ]
    return sorted(found, key=lambda one: _offset(now, one.zone))


def _offset(at: datetime, zone: str) -> timedelta:
    return at.astimezone(zone_named(zone)).utcoffset() or timedelta()


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
