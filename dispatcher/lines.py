"""Lines: whether one more call may be placed now, and whether it may offer an operator.

A provider account bears so many calls at once (`limits`), a desk so many lines and so many people
who ask for an operator (the file of desks).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.channel import ChannelName
from campaigns.desk import Desks, Load, calls_allowed, operator_is_there
from campaigns.holidays import Holidays
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, lines, touches
from dispatcher.pacing import LONGEST_WAIT_SECONDS, ProviderLimit

NO_LINE = "no_line"  # the reason of a delivery that waits for one
OWN_LIMIT = "own_limit"  # … or for its turn at a provider
# A call lasts about a minute: within a few seconds some line will be free again.
COME_AGAIN = timedelta(seconds=15)
# A batch of a slow provider is small: what is opened and waits for its turn holds a line.
BATCH_SECONDS = 5.0


@dataclass(slots=True)
class Lines:
    """The calls under way, as one worker counts them; its own openings are added as they happen."""

    desks: Desks
    limits: Mapping[str, ProviderLimit]
    zone: str
    by_provider: Counter[str] = field(default_factory=Counter)
    by_desk: dict[str, Load] = field(default_factory=dict)

    def offers_operator(self, desk: str, now: datetime, holidays: Holidays) -> bool:
        """Whether a call to this desk's customers may offer an operator now."""
        return operator_is_there(self.desks.desk(desk), now, self.zone, holidays)

    def is_free(self, provider: str, desk: str, *, offers_operator: bool) -> bool:
        """Whether one more call may be placed now."""
        limit = at_once(self.limits, provider)
        if limit is not None and self.by_provider[provider] >= limit:
            return False
        allowed = calls_allowed(
            self.desks.desk(desk),
            self.by_desk.get(desk, Load()),
            offers_operator=offers_operator,
        )
        return allowed is None or allowed > 0

    def take(self, provider: str, desk: str, *, offers_operator: bool) -> None:
        """One more call is under way."""
        self.by_provider[provider] += 1
        self.by_desk[desk] = self.by_desk.get(desk, Load()).plus(offers_operator=offers_operator)

    def left(self, providers: Iterable[str]) -> int | None:
        """How many more calls could be placed at all now; None: as many as one likes."""
        at_providers = [
            None
            if (limit := at_once(self.limits, name)) is None
            else limit - self.by_provider[name]
            for name in providers
        ]
        at_desks = [
            calls_allowed(
                self.desks.desk(name), self.by_desk.get(name, Load()), offers_operator=False
            )
            for name in ("", *self.desks.by_branch)
        ]
        sums = [
            sum(max(room, 0) for room in rooms if room is not None)
            for rooms in (at_providers, at_desks)
            if None not in rooms
        ]
        return min(sums, default=None)


def at_once(limits: Mapping[str, ProviderLimit], provider: str) -> int | None:
    limit = limits.get(f"{ChannelName.PHONE}.{provider}")
    return limit.at_once if limit else None


def are_counted(engine: Engine) -> bool:
    """Whether anything bounds the calls at once; else nobody needs to count."""
    return engine.desks.count_calls or any(
        limit.at_once is not None for limit in engine.settings.limits.values()
    )


def count_lines(tx: Transaction, engine: Engine, *, for_opening: bool) -> Lines:
    """The calls under way. `for_opening`: nobody else opens calls until this transaction ends, so
    that two workers never take the last line both."""
    found = Lines(engine.desks, engine.settings.limits, engine.settings.zone)
    if not are_counted(engine):
        return found
    if for_opening:
        touches.one_at_a_time(tx, ChannelName.PHONE)
    by_provider, by_desk = lines.under_way(tx)
    found.by_provider, found.by_desk = by_provider, dict(by_desk)
    return found


def rate_of(engine: Engine, channel: ChannelName) -> float | None:
    """How many messages a second all providers of a channel take; None: nobody knows."""
    ways = engine.channels.get(channel)
    rates = [
        limit.per_second if (limit := engine.settings.limits.get(f"{channel}.{name}")) else None
        for name in (ways.names if ways else ())
    ]
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known and len(known) == len(rates) else None


def batch_size(engine: Engine, channel: ChannelName) -> int:
    """How many deliveries go to a worker at a time: not more than have their turn soon."""
    size, rate = engine.settings.batch_size, rate_of(engine, channel)
    return size if rate is None else max(1, min(size, int(rate * BATCH_SECONDS)))


def rooms(
    tx: Transaction, engine: Engine, held: Mapping[ChannelName, int]
) -> dict[ChannelName, int]:
    """How many more deliveries of a channel are worth claiming, where anything bounds that.

    More than can go in a while would only stand in queues, where a pause or a more urgent campaign
    comes too late for them. `held`: how many are claimed or being sent already.
    """
    found: dict[ChannelName, int] = {}
    for channel in engine.channels:
        rate = rate_of(engine, channel)
        if rate is not None:
            soon = int(rate * LONGEST_WAIT_SECONDS) + batch_size(engine, channel)
            found[channel] = max(soon - held.get(channel, 0), 0)
    if ChannelName.PHONE in engine.channels and are_counted(engine):
        names = engine.channels[ChannelName.PHONE].names
        left = count_lines(tx, engine, for_opening=False).left(names)
        if left is not None:
            # Some of them will turn out not to be called at all.
            worth = max(2 * left - held.get(ChannelName.PHONE, 0), 0)
            found[ChannelName.PHONE] = min(worth, found.get(ChannelName.PHONE, worth))
    return found
