"""When messages may go, by time zone: open or closed now, until when, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import get_timezone_location

from campaigns.calendar import (
    Closed,
    NeverAllowed,
    UnknownZone,
    closes_at,
    next_allowed,
    why_closed,
    zone_named,
)
from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from campaigns.scenario import Window
from templates.i18n import current_language

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ZoneHours:
    """A window by the clock of one zone. `changes_at`: when it closes, if it is open, and when it
    opens, if it is not; None: never. `waiting`: how many wait there, where that is known."""

    zone: str
    channels: tuple[ChannelName, ...]
    window: Window
    is_open: bool
    changes_at: datetime | None
    closed: Closed | None
    now: datetime
    waiting: int | None = None

    @property
    def local_hour(self) -> float:
        """The time of the day there, in hours from midnight."""
        local = self.now.astimezone(zone_named(self.zone))
        return local.hour + local.minute / 60

    @property
    def stretches(self) -> Sequence[tuple[float, float]]:
        """The window within a day of that zone: from hour to hour. Nothing on a day of rest."""
        if self.closed in (Closed.HOLIDAY, Closed.WEEKDAY):
            return ()
        opens = self.window.opens_at.hour + self.window.opens_at.minute / 60
        closes = self.window.closes_at.hour + self.window.closes_at.minute / 60
        if opens == closes:
            return ((0.0, 24.0),)
        return ((opens, closes),) if opens < closes else ((0.0, closes), (opens, 24.0))


def hours_in(
    zone: str,
    channels: tuple[ChannelName, ...],
    window: Window,
    holidays: Holidays,
    now: datetime,
    waiting: int | None = None,
) -> ZoneHours:
    """Raises UnknownZone."""
    closed = why_closed(now, zone, window, holidays)
    changes_at: datetime | None
    if closed is None:
        changes_at = closes_at(now, zone, window, holidays)
    else:
        try:
            changes_at = next_allowed(now, zone, window, holidays)
        except NeverAllowed:
            changes_at = None
    return ZoneHours(zone, channels, window, closed is None, changes_at, closed, now, waiting)


def by_zone(
    windows: Mapping[ChannelName, Window],
    zones: Iterable[str],
    holidays: Holidays,
    now: datetime,
    waiting: Mapping[tuple[ChannelName, str], int] | None = None,
) -> Sequence[ZoneHours]:
    """Every zone, from the east, where the day begins; channels that share a window together.

    With `waiting` only what somebody waits for, in the zones of those who wait.
    """
    alike: dict[Window, list[ChannelName]] = {}
    for channel, window in windows.items():
        alike.setdefault(window, []).append(channel)
    found = []
    for window, channels in alike.items():
        for zone in dict.fromkeys(zones):
            count = None
            if waiting is not None:
                count = sum(waiting.get((channel, zone), 0) for channel in channels)
                if not count:
                    continue
            try:
                found.append(hours_in(zone, tuple(channels), window, holidays, now, count))
            except UnknownZone:
                continue
    return sorted(found, key=lambda one: (_offset(one.zone, now), one.channels), reverse=True)


def place_of(zone: str) -> str:
    """A zone as people call it: «Омск»; the name itself where there is no better one."""
    if "/" not in zone:
        return zone
    try:
        return str(get_timezone_location(zone, locale=current_language(), return_city=True))
    except LookupError:
        return zone


def _offset(zone: str, now: datetime) -> timedelta:
    return now.astimezone(zone_named(zone)).utcoffset() or timedelta()
