"""How fast a campaign goes, and by when everybody will have been tried once."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from campaigns.calendar import NeverAllowed, closes_at, next_allowed
from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from campaigns.scenario import Window

MINUTE = timedelta(minutes=1)
# More openings of a window than a campaign has days.
MOST_OPENINGS = 400

Counts = Mapping[ChannelName, int]


class Pace:
    """Messages of the last minute, as the difference of counters that are read anyway.

    At the first look nothing is known of before: then `lately` says how many were begun within the
    minute until then.
    """

    def __init__(self, at: datetime, attempts: Counts, lately: Counts) -> None:
        before = {channel: n - lately.get(channel, 0) for channel, n in attempts.items()}
        self._looks: deque[tuple[datetime, Counts]] = deque([(at - MINUTE, before)])
        self._looks.append((at, dict(attempts)))

    def look(self, at: datetime, attempts: Counts) -> None:
        """The counters stand so now."""
        if at > self._looks[-1][0]:
            self._looks.append((at, dict(attempts)))
        # One look from before the minute stays, to count from.
        while len(self._looks) > 2 and self._looks[1][0] <= at - MINUTE:
            self._looks.popleft()

    def per_minute(self) -> Counts:
        """How many were begun within the minute until the last look."""
        at, counts = self._looks[-1]
        return {
            channel: max(0, round(n - self._count_at(at - MINUTE, channel)))
            for channel, n in counts.items()
        }

    def _count_at(self, at: datetime, channel: ChannelName) -> float:
        """Between two looks messages are taken to go out evenly."""
        earlier = self._looks[0]
        for later in self._looks:
            if later[0] > at:
                break
            earlier = later
        else:
            return earlier[1].get(channel, 0)
        begin, end = earlier[1].get(channel, 0), later[1].get(channel, 0)
        if at <= earlier[0]:
            return begin
        return begin + (end - begin) * ((at - earlier[0]) / (later[0] - earlier[0]))


def ends_at(
    now: datetime,
    count: int,
    per_minute: float,
    zone: str,
    window: Window,
    holidays: Holidays,
    until: datetime,
) -> datetime | None:
    """When so many messages will have gone out at this pace, within the hours of a window; None:
    not before `until`, or never."""
    if per_minute <= 0:
        return None
    left, at = MINUTE * (count / per_minute), now
    for _opening in range(MOST_OPENINGS):
        try:
            at = next_allowed(at, zone, window, holidays)
        except NeverAllowed:
            return None
        closing_at = closes_at(at, zone, window, holidays)
        if closing_at is None or at + left <= closing_at:
            return at + left if at + left <= until else None
        left -= closing_at - at
        at = closing_at
        if at >= until:
            return None
    return None
