"""What a campaign would do, reckoned and not rehearsed: attempts by hour and zone, and its end.

No single customer is simulated. Deliveries that are due alike are one quantity that flows: it waits
for the window of its zone, goes at the pace that lines and providers bear, and what was not reached
by a share known from earlier campaigns comes back when the cadence says. The same question always
gets the same answer.

Quantities are expectations, and so are fractions: 0.3 of an attempt is an attempt that three of ten
such campaigns make.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.calendar import Holidays
from campaigns.channel import ChannelName
from campaigns.scenario import Policy

HOUR = timedelta(hours=1)
# Less than this many expected attempts left: the campaign is as good as over.
REST = 0.5


@dataclass(frozen=True, slots=True)
class Turn:
    """Deliveries of a plan that are due alike. `desk`: whose lines a call takes."""

    channel: ChannelName
    zone: str
    due_at: datetime
    deliveries: float
    desk: str = ""


@dataclass(frozen=True, slots=True)
class Chance:
    """What comes of an attempt, as shares: `positive`, and `lost`: over without being reached."""

    positive: float
    lost: float = 0.0

    @property
    def again(self) -> float:
        return max(1.0 - self.positive - self.lost, 0.0)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a forecast goes by.

    `chances`: by channel, of the first attempt, the second, and so on; the last one stands for all
    further ones. `per_hour`: how many attempts an hour a channel and desk bear; what is not named
    bears any number. `stops`: who was reached on one channel is left alone on the others.
    """

    policies: Mapping[ChannelName, Policy]
    chances: Mapping[ChannelName, Sequence[Chance]]
    holidays: Holidays
    start_at: datetime
    end_at: datetime
    per_hour: Mapping[tuple[ChannelName, str], float] = field(default_factory=dict)
    stops: bool = False

    def chance(self, channel: ChannelName, number: int) -> Chance:
        known = self.chances[channel]
        return known[min(number, len(known)) - 1]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Attempts that go evenly between two instants; at one, where they are the same."""

    channel: ChannelName
    zone: str
    desk: str
    number: int
    begins_at: datetime
    ends_at: datetime
    attempts: float


@dataclass(slots=True)
class Fates:
    """What becomes of the deliveries of a channel: reached, given up, superseded and out of time
    add up to `deliveries`."""

    deliveries: float = 0.0
    reached: float = 0.0
    given_up: float = 0.0
    superseded: float = 0.0  # reached on another channel
    out_of_time: float = 0.0
    untried: float = 0.0  # of these, without a single attempt
    attempts: float = 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    stretches: Sequence[Stretch]
    fates: Mapping[ChannelName, Fates]

    @property
    def attempts(self) -> float:
        return sum(fates.attempts for fates in self.fates.values())

    def finishes_at(self, channel: ChannelName | None = None) -> datetime | None:
        """When all but half an attempt has been made; None where none is."""
        return _all_but_rest([s for s in self.stretches if channel in (None, s.channel)])

    def first_round_at(self, channel: ChannelName, desk: str) -> datetime | None:
        """When everybody has been tried once; None where nobody is."""
        first = (s for s in self.stretches if s.number == 1 and s.channel is channel)
        return _all_but_rest([s for s in first if s.desk == desk])

    def by_hour(self) -> Mapping[tuple[datetime, ChannelName, str], float]:
        """Expected attempts by the hour (UTC), the channel and the zone."""
        found: defaultdict[tuple[datetime, ChannelName, str], float] = defaultdict(float)
        for stretch in self.stretches:
            for hour_at, attempts in _by_hour(stretch):
                found[hour_at, stretch.channel, stretch.zone] += attempts
        return found


def _by_hour(stretch: Stretch) -> Iterator[tuple[datetime, float]]:
    """A stretch shared out to the hours it lies in."""
    hour_at = stretch.begins_at.replace(minute=0, second=0, microsecond=0)
    whole = (stretch.ends_at - stretch.begins_at) / HOUR
    if not whole:
        yield hour_at, stretch.attempts
        return
    while hour_at < stretch.ends_at:
        begins_at = max(hour_at, stretch.begins_at)
        share = (min(hour_at + HOUR, stretch.ends_at) - begins_at) / HOUR / whole
        yield hour_at, stretch.attempts * share
        hour_at += HOUR


def _all_but_rest(stretches: Sequence[Stretch]) -> datetime | None:
    """The instant by which no more than `REST` of their attempts are left to be made."""
    left, found = 0.0, None
    for stretch in sorted(stretches, key=lambda s: s.ends_at, reverse=True):
        left += stretch.attempts
        found = stretch.ends_at
        if left > REST:
            # Half an attempt before the end of it: within the stretch itself.
            share = min((left - REST) / stretch.attempts, 1.0)
            return stretch.begins_at + (stretch.ends_at - stretch.begins_at) * share
    return found
