"""How the deliveries of a plan flow through windows, lines and cadence: the reckoning itself.

See `campaigns.forecast` for what is asked and what is answered.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush

from campaigns.cadence import next_due
from campaigns.calendar import closes_at
from campaigns.channel import ChannelName
from campaigns.forecast import HOUR, Fates, Forecast, Rules, Stretch, Turn

# What flows is looked at in pieces no longer than this; retries fall due on its multiples.
STEP = timedelta(minutes=15)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def foresee(turns: Sequence[Turn], rules: Rules) -> Forecast:
    """How the deliveries of a plan would fare."""
    flow = _Flow(rules)
    for turn in turns:
        flow.take(turn)
    return flow.run()


# Served first: what has been due longest, then whoever was tried least.
_Batch = tuple[datetime, int, str]  # due at, number of the attempt, zone


@dataclass(slots=True)
class _Server:
    """The way out of one channel and desk: one quantity after the other."""

    channel: ChannelName
    desk: str
    per_hour: float | None
    free_at: datetime
    waiting: dict[_Batch, tuple[float, float]] = field(default_factory=dict)  # with its survival
    order: list[_Batch] = field(default_factory=list)

    @property
    def next_at(self) -> datetime:
        return max(self.free_at, self.order[0][0])

    def put(self, batch: _Batch, count: float, survival: float) -> None:
        """Wait, with whoever is due at the same time."""
        if batch not in self.waiting:
            heappush(self.order, batch)
            self.waiting[batch] = count, survival
            return
        there, before = self.waiting[batch]
        # As many as are left of both by the time that the later ones came.
        self.waiting[batch] = there * _ratio(survival, before) + count, survival

    def pop(self) -> tuple[_Batch, float, float]:
        batch = heappop(self.order)
        return (batch, *self.waiting.pop(batch))


class _Flow:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._servers: dict[tuple[ChannelName, str], _Server] = {}
        self._stretches: list[Stretch] = []
        self._fates: defaultdict[ChannelName, Fates] = defaultdict(Fates)

    def take(self, turn: Turn) -> None:
        key = turn.channel, turn.desk
        if key not in self._servers:
            per_hour = self._rules.per_hour.get(key)
            self._servers[key] = _Server(*key, per_hour, self._rules.start_at)
        self._fates[turn.channel].deliveries += turn.deliveries
        self._wait(self._servers[key], turn.due_at, 1, turn.zone, turn.deliveries, 1.0)

    def run(self) -> Forecast:
        servers = [server for server in self._servers.values() if server.order]
        agenda = [(server.next_at, index) for index, server in enumerate(servers)]
        heapify(agenda)
        while agenda:
            at, index = heappop(agenda)
            server = servers[index]
            if at < server.next_at:
                heappush(agenda, (server.next_at, index))
                continue
            self._serve(server)
            if server.order:
                heappush(agenda, (server.next_at, index))
        return Forecast(tuple(self._stretches), dict(self._fates))

    def _serve(self, server: _Server) -> None:
        """One piece of what has waited longest."""
        now = server.next_at
        (due_at, number, zone), count, before = server.pop()
        fates, survival = self._fates[server.channel], self._survival(server.channel)
        left = count * _ratio(survival, before)
        fates.superseded += count - left
        closing_at = self._closing(server.channel, now, zone)
        if closing_at <= now:  # it closed while they waited
            self._wait(server, now, number, zone, left, survival)
            return
        ends_at, attempts = now, left
        if server.per_hour is not None:
            needs = timedelta(hours=min(left / server.per_hour, 1e6))
            ends_at = min(now + needs, now + STEP, closing_at)
            if ends_at < now + needs:
                attempts = server.per_hour * ((ends_at - now) / HOUR)
            server.free_at = ends_at
        self._attempt(server, number, zone, now, ends_at, attempts, survival)
        rest = left - attempts
        if rest > 1e-9:
            self._wait(server, due_at, number, zone, rest, survival, not_before=ends_at)

    def _attempt(
        self,
        server: _Server,
        number: int,
        zone: str,
        begins_at: datetime,
        ends_at: datetime,
        attempts: float,
        survival: float,
    ) -> None:
        channel, fates = server.channel, self._fates[server.channel]
        made = Stretch(channel, zone, server.desk, number, begins_at, ends_at, attempts)
        self._stretches.append(made)
        fates.attempts += attempts
        chance = self._rules.chance(channel, number)
        fates.reached += attempts * chance.positive
        again = attempts * chance.again
        policy = self._rules.policies[channel]
        if number >= policy.max_attempts:
            fates.given_up += attempts * (1.0 - chance.positive)
            return
        fates.given_up += attempts * (1.0 - chance.positive - chance.again)
        if again > 0:
            retry_at = _round_up(ends_at + policy.retry)
            self._wait(server, retry_at, number + 1, zone, again, survival)

    def _wait(
        self,
        server: _Server,
        due_at: datetime,
        number: int,
        zone: str,
        count: float,
        survival: float,
        not_before: datetime | None = None,
    ) -> None:
        """Until the window is open, if that comes before the end."""
        at = self._due(server.channel, max(due_at, not_before or due_at), zone)
        if at is None:
            fates = self._fates[server.channel]
            fates.out_of_time += count
            fates.untried += count if number == 1 else 0.0
            return
        # Who is due already and still may go keeps the place in the queue.
        keeps = not_before is not None and at <= not_before
        server.put((due_at if keeps else at, number, zone), count, survival)

    def _due(self, channel: ChannelName, at: datetime, zone: str) -> datetime | None:
        rules = self._rules
        return next_due(
            rules.policies[channel],
            at,
            zone,
            rules.holidays,
            campaign_start_at=rules.start_at,
            campaign_end_at=rules.end_at,
        )

    def _closing(self, channel: ChannelName, at: datetime, zone: str) -> datetime:
        window = self._rules.policies[channel].window
        closing_at = closes_at(at, zone, window, self._rules.holidays)
        return min(closing_at or self._rules.end_at, self._rules.end_at)

    def _survival(self, channel: ChannelName) -> float:
        """The share of customers whom no other channel has reached by now."""
        if not self._rules.stops:
            return 1.0
        others = (f for name, f in self._fates.items() if name is not channel and f.deliveries)
        return math.prod(max(1.0 - fates.reached / fates.deliveries, 0.0) for fates in others)


def _ratio(now: float, before: float) -> float:
    return now / before if before > 0 else 0.0


def _round_up(at: datetime) -> datetime:
    return _EPOCH + math.ceil((at - _EPOCH) / STEP) * STEP


def share_out(
    total: float | None, own: Mapping[str, float | None], wanted: Mapping[str, float]
) -> Mapping[str, float | None]:
    """What each desk bears when they share `total` by what they want; None: any number.

    Nobody gets more than its `own`; what one cannot use the others have.
    """
    if total is None:
        return dict(own)
    found: dict[str, float | None] = {}
    left, names = total, [name for name in own if wanted.get(name)]
    while names:
        weight = sum(wanted[name] for name in names)
        bound = [
            name
            for name in names
            if (most := own[name]) is not None and most <= left * wanted[name] / weight
        ]
        if not bound:
            return found | {name: left * wanted[name] / weight for name in names}
        for name in bound:
            most = own[name]
            assert most is not None  # noqa: S101 - it bounds
            found[name] = most
            left -= most
        names = [name for name in names if name not in bound]
    return found
