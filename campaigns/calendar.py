"""When a channel may be used: local hours, weekdays and public holidays, turned into UTC instants.

The standard (chapter 5, section 1, items 6 and 12) allows calls and SMS daily from 10:00 to 21:00
of the customer's local time, except on public holidays. "Daily" includes Saturday and Sunday.

An instant is judged by what the clock on the customer's wall shows then, so that an hour repeated
by a change of clocks counts both times and a skipped hour never comes. Windows are half-open. A
window that crosses midnight belongs to the day on which it opens: that day's weekday and holiday
decide about the small hours, too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaigns.holidays import Holidays
from campaigns.scenario import WEEKDAYS, Window
from templates.i18n import _

__all__ = [
    "Closed",
    "Holidays",
    "NeverAllowed",
    "Opening",
    "UnknownZone",
    "closed_days",
    "closes_at",
    "is_allowed",
    "next_allowed",
    "why_closed",
    "zone_named",
]

HORIZON_DAYS = 400  # longer than a year: a window on one weekday still finds its day
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?")


class UnknownZone(ValueError):
    """A time zone that neither the zone table knows nor a UTC offset spells."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            _(
                "Time zone {name} is unknown. "
                "Write a name like Asia/Novosibirsk or an offset like UTC+7."
            ).format(name=repr(name[:64]))
        )


class NeverAllowed(Exception):
    """No instant within the horizon is inside the window: its days are all holidays."""

    def __init__(self, after_at: datetime, zone: str, window: Window) -> None:
        self.after_at = after_at
        self.zone = zone
        self.window = window
        super().__init__(
            _(
                "The window {opens}–{closes} ({days}) has no allowed hour within {number} days "
                "after {day}. Check its days and the table of holidays."
            ).format(
                opens=f"{window.opens_at:%H:%M}",
                closes=f"{window.closes_at:%H:%M}",
                days=", ".join(window.days),
                number=HORIZON_DAYS,
                day=after_at.date().isoformat(),
            )
        )


class Closed(StrEnum):
    """Why a channel may not be used at an instant."""

    HOURS = "hours"  # the day is one of the window's, the hour is not
    WEEKDAY = "weekday"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Opening:
    """One unbroken stretch of allowed time, `[opens_at, closes_at)` in UTC."""

    opens_at: datetime
    closes_at: datetime


@lru_cache(maxsize=1024)
def zone_named(name: str) -> tzinfo:
    """The zone called `Asia/Omsk`, or fixed at an offset such as `UTC+6`, `+06:00`.

    Raises UnknownZone. An offset is what billing systems export when they know no names; it knows
    no change of clocks, and Russia has had none since 2014.
    """
    if offset := _OFFSET.fullmatch(name.strip()):
        sign = -1 if offset[1] == "-" else 1
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if shift <= timedelta(hours=14):
            return timezone(sign * shift)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(name) from None


def is_allowed(at: datetime, zone: str | tzinfo, window: Window, holidays: Holidays) -> bool:
    """Whether the channel may be used at this instant."""
    at = _in_utc(at)
    return any(o.opens_at <= at < o.closes_at for o in _openings(at.date(), zone, window, holidays))


def next_allowed(at: datetime, zone: str | tzinfo, window: Window, holidays: Holidays) -> datetime:
    """`at` itself when it is allowed, else the first allowed instant after it; in UTC.

    Raises NeverAllowed when there is none within `HORIZON_DAYS`, UnknownZone for an unknown zone
    and ValueError for an instant without a zone.
    """
    at = _in_utc(at)
    for opening in _openings(at.date(), zone, window, holidays):
        if at < opening.closes_at:
            return max(at, opening.opens_at)
    raise NeverAllowed(at, str(zone), window)


def why_closed(
    at: datetime, zone: str | tzinfo, window: Window, holidays: Holidays
) -> Closed | None:
    """What keeps the window closed at this instant; None when it is open."""
    if is_allowed(at, zone, window, holidays):
        return None
    local = at.astimezone(zone_named(zone) if isinstance(zone, str) else zone)
    day = local.date()
    if window.closes_at <= window.opens_at and local.time() < window.closes_at:
        day -= _DAY  # the small hours belong to the day on which the window opened
    return _rests_on(day, window, holidays) or Closed.HOURS


def closed_days(
    after_at: datetime,
    before_at: datetime,
    zone: str | tzinfo,
    window: Window,
    holidays: Holidays,
) -> tuple[tuple[date, Closed], ...]:
    """The whole local days between two instants on which the window does not open, and why."""
    tz = zone_named(zone) if isinstance(zone, str) else zone
    first, last = after_at.astimezone(tz).date(), before_at.astimezone(tz).date()
    days = _days_from(first, 1, min((last - first).days - 1, HORIZON_DAYS))
    found = ((day, _rests_on(day, window, holidays)) for day in days)
    return tuple((day, why) for day, why in found if why is not None)


def _rests_on(day: date, window: Window, holidays: Holidays) -> Closed | None:
    """Why the window does not open on a local day at all; None when it does."""
    if WEEKDAYS[day.weekday()] not in window.days:
        return Closed.WEEKDAY
    if not window.holidays and holidays.is_holiday(day):
        return Closed.HOLIDAY
    return None


def closes_at(
    at: datetime, zone: str | tzinfo, window: Window, holidays: Holidays
) -> datetime | None:
    """The first instant from `at` on that is not allowed, in UTC: `at` itself when closed already.

    None when the window stays open for `HORIZON_DAYS`, as a whole-day one does that knows neither
    weekdays nor holidays.
    """
    at = _in_utc(at)
    for opening in _openings(at.date(), zone, window, holidays):
        if opening.opens_at <= at < opening.closes_at:
            return _end_of_run(opening.closes_at, zone, window, holidays)
    return at


@lru_cache(maxsize=4096)
def _end_of_run(
    closing_at: datetime, zone: str | tzinfo, window: Window, holidays: Holidays
) -> datetime | None:
    """Where a chain of openings ends that follow each other without a gap (whole days do)."""
    horizon_at = _later(closing_at, HORIZON_DAYS * _DAY)
    end_at = closing_at
    while end_at < horizon_at:
        following = (
            opening.closes_at
            for opening in _openings(end_at.date(), zone, window, holidays)
            if opening.opens_at <= end_at < opening.closes_at
        )
        longer_at = next(following, None)
        if longer_at is None:
            return end_at
        end_at = longer_at
    return None


@lru_cache(maxsize=65536)
def _openings(
    utc_on: date, zone: str | tzinfo, window: Window, holidays: Holidays
) -> tuple[Opening, ...]:
    """Every opening that touches this UTC day, and the first that begins after it.

    The whole decision for a day is made once; millions of deliveries then only compare instants.
    """
    tz = zone_named(zone) if isinstance(zone, str) else zone
    starts_at = datetime.combine(utc_on, time(), UTC)
    ends_at = _later(starts_at, _DAY)
    found: list[Opening] = []
    for day in _days_from(utc_on, -2, HORIZON_DAYS + 1):
        if _rests_on(day, window, holidays) is not None:
            continue
        found.extend(o for o in _openings_of(day, tz, window) if o.closes_at > starts_at)
        if found and found[-1].opens_at >= ends_at:
            break
    return tuple(sorted(found, key=lambda opening: opening.opens_at))


def _openings_of(day: date, tz: tzinfo, window: Window) -> list[Opening]:
    """The stretches of UTC during which the wall clock is inside this day's window.

    One as a rule; two when an hour is repeated around an edge of the window; none when the clocks
    jump over the whole of it.
    """
    opens_local = datetime.combine(day, window.opens_at)
    closes_local = datetime.combine(day, window.closes_at)
    if window.closes_at <= window.opens_at:
        closes_local += _DAY
    found: list[Opening] = []
    for offset, since_at, until_at in _offsets(opens_local, closes_local, tz):
        opens = max((opens_local - offset).replace(tzinfo=UTC), since_at)
        closes = min((closes_local - offset).replace(tzinfo=UTC), until_at)
        if opens >= closes:
            continue
        if found and found[-1].closes_at == opens:
            found[-1] = Opening(found[-1].opens_at, closes)
        else:
            found.append(Opening(opens, closes))
    return found


def _offsets(
    from_local: datetime, until_local: datetime, tz: tzinfo
) -> Iterator[tuple[timedelta, datetime, datetime]]:
    """The UTC offsets in force around a stretch of local time, each with its UTC `[since, until)`.

    The margin of a day and a half is wider than any offset (14 h) with any jump (24 h: Samoa
    skipped a date in 2011). Zones change on whole seconds, at most once in so short a time.
    """
    since_at = from_local.replace(microsecond=0, tzinfo=UTC) - _DAY * 1.5
    until_at = until_local.replace(tzinfo=UTC) + _DAY * 1.5
    before, after = _offset_at(since_at, tz), _offset_at(until_at, tz)
    if before == after:
        yield before, since_at, until_at
        return
    low, high = 0, int((until_at - since_at) / _SECOND) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_at(since_at + middle * _SECOND, tz) == before:
            low = middle
        else:
            high = middle
    changes_at = since_at + high * _SECOND
    yield before, since_at, changes_at
    yield after, changes_at, until_at


def _offset_at(at: datetime, tz: tzinfo) -> timedelta:
    return at.astimezone(tz).utcoffset() or timedelta()


def _days_from(day: date, first: int, last: int) -> Iterator[date]:
    """The dates from `day + first` to `day + last`, as far as the calendar reaches."""
    lowest, highest = date.min.toordinal() + 4, date.max.toordinal() - 4
    start = day.toordinal()
    for ordinal in range(max(start + first, lowest), min(start + last, highest) + 1):
        yield date.fromordinal(ordinal)


def _later(at: datetime, by: timedelta) -> datetime:
    """`at + by`, stopping at the end of the calendar."""
    last_at = datetime.max.replace(tzinfo=UTC)
    return last_at if last_at - at < by else at + by


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise ValueError("an instant without a time zone cannot be judged: give an aware datetime")
    return at.astimezone(UTC)
