"""A campaign's own limit: at most so many attempts an hour on a channel, whatever else would go.

The hour slides: no sixty minutes hold more than the limit, wherever one begins to count. Attempts
go evenly, one every `interval` (GCRA, as `dispatcher.pacing` has it for seconds); what could not
go for a moment is made up for, two minutes of it at most. Those are taken from the pace, for else
the hour after them would hold too many: 300 an hour go at a pace of 291.

Instants may come in any order and from several machines: each one that is let through moves `next`
on by an interval, and that alone bounds how many of them lie within an hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
# So much of a pause is made up for: a worker that is busy, a loop that is started anew, a rehearsal
# in which the loop looks once a minute.
SAVED = timedelta(minutes=2)
# What is looked for at a time: the loop need not wake for every single letter of a hundred thousand
# an hour.
AT_A_TIME = timedelta(seconds=2)
MOST_PER_HOUR = 1_000_000

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Hourly:
    """`per_hour`: 1 to `MOST_PER_HOUR`. Raises ValueError for anything else."""

    per_hour: int

    def __post_init__(self) -> None:
        if not 1 <= self.per_hour <= MOST_PER_HOUR:
            raise ValueError("the limit of an hour")

    @property
    def at_once(self) -> int:
        """How many may go at one instant after a pause."""
        return 1 + (self.per_hour - 1) * SAVED // HOUR

    @property
    def interval(self) -> timedelta:
        """Between two attempts: `at_once` and an hour of intervals are `per_hour` in all."""
        return _up(HOUR, self.per_hour - self.at_once + 1)

    @property
    def pace(self) -> float:
        """How many go in an hour that follows another."""
        return HOUR / self.interval

    def begun(self, next_at: datetime | None, now: datetime) -> datetime:
        """From when on the intervals count: nothing older than `SAVED` is made up for."""
        oldest = now - (self.at_once - 1) * self.interval
        return oldest if next_at is None else max(next_at, oldest)

    def left(self, next_at: datetime | None, now: datetime) -> int:
        """How many may go at this instant. `next_at`: from when on the next one may; None: since
        ever."""
        since = self.begun(next_at, now)
        return 0 if since > now else (now - since) // self.interval + 1

    def after(self, next_at: datetime | None, now: datetime, count: int) -> datetime:
        """From when on the next one may go after these went at this instant."""
        return self.begun(next_at, now) + count * self.interval

    def looked_for_at(self, next_at: datetime) -> datetime:
        """When it is worth looking for what may go: then there are some."""
        return next_at + min(AT_A_TIME // self.interval, self.at_once - 1) * self.interval


def _up(whole: timedelta, parts: int) -> timedelta:
    """A part of it, to the microsecond and rather longer than shorter."""
    return -(-(whole // _MICROSECOND) // parts) * _MICROSECOND
