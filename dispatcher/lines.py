"""Lines: whether one more call may be placed now, and whether it may offer an operator.

A provider account bears so many calls at once (`limits`), a desk so many lines and so many people
who ask for an operator (the file of desks).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.channel import ChannelName
from campaigns.desk import Desks, Load, calls_allowed, operator_is_there
from campaigns.holidays import Holidays
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, claims, lines, touches
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.own_reasons import OwnReason
from dispatcher.pacing import LONGEST_WAIT_SECONDS, ProviderLimit
from templates.call import Action
from templates.call_file import read_call

NO_LINE = "no_line"  # the reason of a delivery that waits for one
OWN_LIMIT = OwnReason.PACE.value  # … or for its turn at a provider
CAMPAIGN_LIMIT = "campaign_limit"  # … or until its campaign's limit of an hour lets it go
# A call lasts about a minute: within a few seconds some line will be free again.
COME_AGAIN = timedelta(seconds=15)
# Letters go fastest, and one that is sent again in doubt is the same letter: more at a time.
BATCHES = {ChannelName.PHONE: 1, ChannelName.SMS: 1, ChannelName.EMAIL: 4}
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
        """How many more calls the accounts bear now; None: as many as one likes."""
        rooms = [
            limit - self.by_provider[name]
            for name in providers
            if (limit := at_once(self.limits, name)) is not None
        ]
        bounded = len(rooms) == len(list(providers))
        return sum(max(room, 0) for room in rooms) if bounded else None


@dataclass(slots=True)
class Rooms:
    """How many calls are worth claiming for each desk: those that can be placed now, less those
    that are claimed already. A desk that can place none is not claimed from at all: its deliveries
    stay due, nobody waits behind them, and nothing is written about them again and again.

    Names of desks are those that were planned; one that has gone from the file is the default one.
    """

    lines: Lines
    queued: Counter[str]
    manned: frozenset[str]  # the desks where operators are at work
    offers: Callable[[int], bool]  # whether calls of a scenario may offer one

    def left(self, scenario_id: int, desk: str) -> int | None:
        name = self.lines.desks.name_of(desk)
        allowed = calls_allowed(
            self.lines.desks.desk(name),
            self.lines.by_desk.get(name, Load()),
            offers_operator=name in self.manned and self.offers(scenario_id),
        )
        return None if allowed is None else max(allowed - self.queued[name], 0)

    def take(self, desk: str, count: int) -> None:
        self.queued[self.lines.desks.name_of(desk)] += count


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
    by_provider, by_desk = lines.under_way(tx, engine.clock.now())
    found.by_provider = by_provider
    for name, load in by_desk.items():
        desk = engine.desks.name_of(name)  # as the file names it by now
        found.by_desk[desk] = found.by_desk.get(desk, Load()).joined(load)
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
    size, rate = engine.settings.batch_size * BATCHES[channel], rate_of(engine, channel)
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


def desk_rooms(tx: Transaction, engine: Engine, now: datetime) -> Rooms | None:
    """How many calls are worth claiming for each desk; None where no desk bounds them."""
    if ChannelName.PHONE not in engine.channels or not engine.desks.count_calls:
        return None
    counted, holidays = count_lines(tx, engine, for_opening=False), engine.rules(tx).holidays
    queued: Counter[str] = Counter()
    for name, count in claims.queued_calls(tx).items():
        queued[engine.desks.name_of(name)] += count
    names = ("", *engine.desks.by_branch)
    return Rooms(
        counted,
        queued,
        frozenset(name for name in names if counted.offers_operator(name, now, holidays)),
        lambda scenario_id: may_offer_operator(engine.scenario(tx, scenario_id)),
    )


def may_offer_operator(stored: StoredScenario) -> bool:
    """Whether a call of this scenario has a key for the operator, be it only for some customers."""
    texts = stored.templates.get(ChannelName.PHONE, {})
    return any(
        command.action is Action.OPERATOR
        for text in texts.values()
        for command in read_call(text).commands
    )
