"""The instant of sending: may this delivery go now, and what becomes of it if not?

Between planning and now the customer may have said stop, paid, or been called by another campaign;
the window may have closed; the campaign may have been paused. Whatever was decided when planning
is only a wish.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from campaigns.cadence import GiveUpReason, contact_for, next_due
from campaigns.calendar import closes_at
from campaigns.channel import ChannelName
from campaigns.delivery import OPEN, SkipReason, Status
from campaigns.outcome import Outcome
from campaigns.permission import (
    Facts,
    History,
    Rulebook,
    account_party,
    look_back,
    may_be_told,
    may_be_used,
    parties_of,
    point_party,
    quiet_for,
)
from campaigns.recipient import Recipient
from campaigns.scenario import OrderKind, Policy, SameContact
from channels.base import CallMessage, Message
from channels.routing import share
from dispatcher.compose import compose
from dispatcher.engine import Engine
from dispatcher.health import probe_time
from dispatcher.ledger import (
    Transaction,
    attempts,
    audiences,
    campaign_limits,
    circuits,
    groups,
    suppressions,
    touches,
)
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.campaign_limits import Allowance
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.circuits import Circuit, Key
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.ledger.groups import Former
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.lines import (
    CAMPAIGN_LIMIT,
    COME_AGAIN,
    NO_LINE,
    OWN_LIMIT,
    Lines,
    count_lines,
)
from dispatcher.tokens import attempt_key
from templates.call import Action
from templates.errors import RenderError

log = structlog.get_logger()

PROVIDER_AWAY = "provider_away"  # every provider that could carry it is out of order
NO_WORDS = "words"  # a message that cannot be made
# Another campaign is calling this number just now.
LINE_BUSY = timedelta(minutes=5)
# Those who wait for a provider do not all come in the second in which it is tried again.
SPREAD_AT_LEAST, SPREAD_AT_MOST = timedelta(seconds=10), timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery that may go now."""

    delivery: Delivery
    number: int
    contact_point: str
    message: Message
    not_after: datetime
    parties: tuple[str, ...]
    accounts: tuple[Recipient, ...]  # of which the message speaks, the delivery's own first
    joined: frozenset[int]  # the recipients behind the others
    earlier: Attempt | None  # the uncertain letter that is sent once more
    provider: str
    desk: str = ""  # whose lines a call takes
    offers_operator: bool = False
    probe: Circuit | None = None  # this message tries whether the provider is back


@dataclass(frozen=True, slots=True)
class Cleared:
    """A delivery against which no rule speaks. Whether a provider and a line are there for it was
    not asked."""

    number: int
    contact_point: str
    parties: tuple[str, ...]
    accounts: tuple[Recipient, ...]
    joined: frozenset[int]
    earlier: Attempt | None
    closes_at: datetime | None  # the window; None: never


@dataclass(slots=True)
class Bench:
    """What a batch of one campaign is judged by."""

    tx: Transaction
    engine: Engine
    campaign: Campaign
    stored: StoredScenario
    policy: Policy
    rules: Rulebook
    people: Mapping[int, Recipient]
    members: Mapping[int, Sequence[Delivery]]
    facts: Facts
    uncertain: Mapping[int, Attempt]
    formers: Mapping[tuple[int, ChannelName], Former]
    histories: dict[str, History]
    busy: set[str]
    away: dict[Key, Circuit]  # providers out of order, on every channel
    lines: Lines | None  # calls under way; None on the other channels
    allowance: Allowance | None  # of the campaign, if it limits itself
    now: datetime
    closings: dict[str, datetime | None] = field(default_factory=dict)  # by zone; now: closed

    def due(self, delivery: Delivery, wanted_at: datetime) -> datetime | None:
        return next_due(
            self.policy,
            wanted_at,
            delivery.zone,
            self.rules.holidays,
            campaign_start_at=self.campaign.start_at,
            campaign_end_at=self.campaign.end_at,
        )

    def closes_at(self, zone: str) -> datetime | None:
        """When the window of this zone that is open now closes; now, when it is closed; None when
        it never does. All of a zone are judged at one instant, so it is reckoned once."""
        if zone not in self.closings:
            self.closings[zone] = closes_at(self.now, zone, self.policy.window, self.rules.holidays)
        return self.closings[zone]

    def is_away(self, channel: ChannelName) -> bool:
        """Whether no provider of a channel is well: each is left alone or being tried."""
        ways = self.engine.channels.get(channel)
        return ways is not None and all((channel, name) in self.away for name in ways.names)

    def closed(self, channel: ChannelName) -> frozenset[str]:
        """The providers of a channel that are left alone now."""
        return frozenset(
            name
            for (where, name), circuit in self.away.items()
            if where is channel and circuit.retry_at > self.now
        )

    def try_provider(self, key: Key) -> tuple[bool, Circuit | None]:
        """Whether a message may go to this provider, and the circuit that it tries, if it does.

        When a provider's pause is over, exactly one message of all workers goes there; the others
        wait for what comes of it.
        """
        circuit = self.away.get(key)
        if circuit is None:
            return True, None
        until = self.now + probe_time(self.engine.settings)
        trial = replace(circuit, retry_at=until)
        # Another worker that was quicker has moved it about as far as we would have.
        self.away[key] = trial
        won = circuits.take_probe(self.tx, circuit, until)
        return won, trial if won else None

    def note(self, going: Ready, channel: ChannelName) -> None:
        """What goes now counts for the rest of the batch, as if it stood in the ledger already."""
        if channel is ChannelName.PHONE:
            self.busy.update(going.parties)
        if self.allowance is not None:
            self.allowance.take()
        if self.lines is not None:
            self.lines.take(going.provider, going.desk, offers_operator=going.offers_operator)
        if channel in self.rules.caps:
            for party in going.parties:
                past = self.histories.get(party, History())
                recent = (*past.recent, self.now)
                self.histories[party] = History(past.last_positive_at, recent)


def set_up(
    tx: Transaction,
    engine: Engine,
    campaign: Campaign,
    channel: ChannelName,
    batch: Sequence[Delivery],
    now: datetime,
    *,
    only_look: bool = False,
) -> Bench:
    """Everything a batch is judged by. With `only_look` nothing will be opened: nobody is locked
    out, and neither lines nor what a campaign's own limit leaves are counted."""
    stored = engine.scenario(tx, campaign.scenario_id)
    policy = stored.scenario.policy(channel)
    leads = [delivery.recipient_id for delivery in batch]
    members = (
        groups.members(tx, campaign.id, channel, leads)
        if stored.scenario.joins is not SameContact.SEPARATE
        else {}
    )
    joined = [member.recipient_id for group in members.values() for member in group]
    people = audiences.get_many(tx, [*leads, *joined])
    parties = {party for person in people.values() for party in parties_of(person)}
    uncertain = (
        attempts.latest(tx, [d.id for d in batch if d.outcome is Outcome.UNCERTAIN])
        if channel is ChannelName.EMAIL
        else {}
    )
    rules = engine.rules(tx)
    if not only_look and (policy.quiet_after_positive or channel in rules.caps):
        touches.one_at_a_time(tx, channel)
    # Before anything is counted: from here on nobody else opens calls.
    is_counted = channel is ChannelName.PHONE and not only_look
    lines = count_lines(tx, engine, for_opening=True) if is_counted else None
    busy = touches.busy_parties(tx, parties) if channel is ChannelName.PHONE else frozenset()
    histories = (
        dict(touches.history(tx, channel, parties, now - look_back(policy)))
        if policy.quiet_after_positive or channel in rules.caps
        else {}  # nothing is counted from it
    )
    is_cascade = stored.scenario.order.kind is OrderKind.CASCADE
    allowance = None if only_look else campaign_limits.hold(tx, campaign.id, channel, now)
    return Bench(
        tx=tx,
        engine=engine,
        campaign=campaign,
        stored=stored,
        policy=policy,
        rules=rules,
        people=people,
        members=members,
        facts=Facts(
            suppressions.of_parties(tx, parties, now),
            {channel: histories},
        ),
        uncertain={i: a for i, a in uncertain.items() if a.outcome is Outcome.UNCERTAIN},
        formers=groups.formers(tx, campaign.id, leads) if is_cascade else {},
        histories=histories,
        busy=set(busy),
        away=dict(circuits.standing(tx)),
        lines=lines,
        allowance=allowance,
        now=now,
    )


def judge(bench: Bench, delivery: Delivery) -> Ready | Change:
    """Whether this delivery may go at this instant; if not, what becomes of it."""
    cleared = clear(bench, delivery)
    return cleared if isinstance(cleared, Change) else _place(bench, delivery, cleared)


def _to(
    delivery: Delivery, after: Status, reason: str = "", due_at: datetime | None = None
) -> Change:
    return Change(delivery.id, Status.QUEUED, after, reason, due_at, postponed=delivery.postponed)


def _later(bench: Bench, delivery: Delivery, wanted_at: datetime, reason: str) -> Change:
    due_at = bench.due(delivery, wanted_at)
    if due_at is None:
        return _to(delivery, Status.EXPIRED, reason)
    return _to(delivery, Status.PENDING, reason, due_at)


def clear(bench: Bench, delivery: Delivery) -> Cleared | Change:
    """What the rules say of this delivery at this instant; nothing is changed by asking."""
    now, campaign, scenario = bench.now, bench.campaign, bench.stored.scenario
    to, later = partial(_to, delivery), partial(_later, bench, delivery)
    if delivery.end_as is not None:
        return to(delivery.end_as)
    if campaign.status is CampaignStatus.CANCELLED:
        return to(Status.CANCELLED)
    if now >= campaign.end_at:
        return to(Status.EXPIRED, "campaign_end")
    if campaign.status is not CampaignStatus.RUNNING:
        return to(Status.PENDING, due_at=now)
    turn = turn_at(bench, delivery)
    if turn is not None and turn > now:
        return later(turn, "cascade")
    lead = bench.people[delivery.recipient_id]
    forbidden = may_be_told(scenario, delivery.channel, lead, bench.facts, bench.rules, now)
    if forbidden is not None:
        return to(Status.WITHDRAWN, forbidden.value)
    usable = [
        point
        for point in delivery.points
        if may_be_used(scenario, delivery.channel, point, bench.facts, now)
    ]
    if not usable:
        return to(Status.WITHDRAWN, SkipReason.SUPPRESSED.value)
    earlier = bench.uncertain.get(delivery.id)
    number = earlier.number if earlier else delivery.attempts + 1
    point = contact_for(number, usable, delivery.dead_points)
    if point is None:
        return to(Status.GIVEN_UP, GiveUpReason.BAD_ADDRESS.value)
    if earlier is not None:
        if earlier.contact_point not in usable:
            return to(Status.WITHDRAWN, SkipReason.SUPPRESSED.value)
        point = earlier.contact_point
    joined = _to_be_told(bench, delivery)
    accounts = (lead, *joined.values())
    parties = (*(account_party(a.account_number) for a in accounts), point_party(point))
    quiet = None if earlier else quiet_for(bench.policy, parties, bench.facts, bench.rules)
    if quiet is not None and quiet > now:
        return later(quiet, "quiet")
    closing = bench.closes_at(delivery.zone)
    if closing == now:
        return later(now, "window")
    if not bench.busy.isdisjoint(parties):
        return later(now + LINE_BUSY, "line_busy")
    return Cleared(number, point, parties, accounts, frozenset(joined), earlier, closing)


def _place(bench: Bench, delivery: Delivery, cleared: Cleared) -> Ready | Change:
    """Find a place in the campaign's hour, a provider and a line for what may go, and put it into
    words."""
    now, campaign = bench.now, bench.campaign
    to, later = partial(_to, delivery), partial(_later, bench, delivery)
    number, point, earlier = cleared.number, cleared.contact_point, cleared.earlier
    if bench.allowance is not None and bench.allowance.left <= 0:
        return later(bench.allowance.next_look_at(), CAMPAIGN_LIMIT)
    provider = _provider(bench, delivery, point, number, earlier)
    if provider is None:
        return later(_back_at(bench, delivery), PROVIDER_AWAY)
    # As planned; a desk that has gone from the file since is the default one.
    desk = bench.engine.desks.name_of(delivery.desk) if bench.lines is not None else ""
    if bench.lines is not None and not bench.lines.is_free(provider, desk, offers_operator=False):
        return later(now + COME_AGAIN, NO_LINE)
    try:
        message = compose(
            bench.engine,
            bench.stored,
            delivery.channel,
            cleared.accounts,
            contact_point=point,
            delivery_id=delivery.id,
            number=number,
            now=earlier.started_at if earlier else now,
            operator_is_there=bench.lines is None
            or bench.lines.offers_operator(desk, now, bench.rules.holidays),
        )
    except (RenderError, ValueError) as error:
        # Its words name the place, never the customer's data.
        reason = str(error) if isinstance(error, RenderError) else type(error).__name__
        log.warning("compose.failed", delivery=delivery.id, reason=reason)
        return to(Status.GIVEN_UP, f"{NO_WORDS}: {reason}")
    offers = isinstance(message, CallMessage) and message.script.offers(Action.OPERATOR)
    if offers and bench.lines and not bench.lines.is_free(provider, desk, offers_operator=True):
        return later(now + COME_AGAIN, NO_LINE)
    closing = cleared.closes_at
    not_after = min(closing, campaign.end_at) if closing else campaign.end_at
    is_free, probe = bench.try_provider((delivery.channel, provider))
    if not is_free:
        return later(_back_at(bench, delivery), PROVIDER_AWAY)
    return Ready(
        delivery,
        number,
        point,
        message,
        not_after,
        cleared.parties,
        cleared.accounts,
        cleared.joined,
        earlier,
        provider,
        desk=desk,
        offers_operator=offers,
        probe=probe,
    )


def _provider(
    bench: Bench, delivery: Delivery, point: str, number: int, earlier: Attempt | None
) -> str | None:
    """Who carries it; None when everybody that may is left alone now."""
    ways, closed = bench.engine.channels[delivery.channel], bench.closed(delivery.channel)
    if earlier is not None and earlier.provider in ways:
        # The same letter under the same name, in the same hands.
        return earlier.provider if earlier.provider not in closed else None
    return ways.choose(
        point,
        bench.stored.scenario.purpose,
        attempt_key(delivery.id, number),
        turned_away=delivery.postponed,
        closed=closed,
    )


def _back_at(bench: Bench, delivery: Delivery) -> datetime:
    """When to ask again after finding every provider out of order: soon after the first of them is
    tried, spread over a while that grows with the pause, always the same for one delivery."""
    turns = [
        circuit.retry_at
        for (channel, _name), circuit in bench.away.items()
        if channel is delivery.channel and circuit.retry_at > bench.now
    ]
    first = min(turns, default=bench.now + probe_time(bench.engine.settings))
    spread = min(max((first - bench.now) / 2, SPREAD_AT_LEAST), SPREAD_AT_MOST)
    return first + spread * share(str(delivery.id), PROVIDER_AWAY)


def turn_at(bench: Bench, delivery: Delivery) -> datetime | None:
    """In a cascade: when the former channel has had its time; None when nothing is to wait for.

    The delay counts from the former's first real attempt, however late that was (a pause, an
    outage). One that is about to go is waited for; one that is held back itself (quiet time, a
    provider that is away) is not.
    """
    scenario = bench.stored.scenario
    if scenario.order.kind is not OrderKind.CASCADE:
        return None
    order = scenario.sequence()
    for channel in reversed(order[: order.index(delivery.channel)]):
        former = bench.formers.get((delivery.recipient_id, channel))
        if former is None:
            continue
        if former.first_started_at is not None:
            return former.first_started_at + scenario.order.delay
        if former.postponed or bench.is_away(channel):
            continue  # its provider is away: no reason to keep silent on the other channels
        # So is one that waits for a line, or for its turn: that comes.
        goes_now = former.due_at is None or former.due_at <= bench.now
        goes_now = goes_now or former.reason in (NO_LINE, OWN_LIMIT, CAMPAIGN_LIMIT)
        if former.status in OPEN and (goes_now or former.status is not Status.PENDING):
            return bench.now + scenario.order.delay
    return None


def _to_be_told(bench: Bench, delivery: Delivery) -> Mapping[int, Recipient]:
    """The joined accounts of which the message still speaks, by recipient."""
    if bench.stored.scenario.joins is not SameContact.MERGE:
        return {}
    joined = [m.recipient_id for m in bench.members.get(delivery.recipient_id, ())]
    return {
        recipient_id: bench.people[recipient_id]
        for recipient_id in joined
        if may_be_told(
            bench.stored.scenario,
            delivery.channel,
            bench.people[recipient_id],
            bench.facts,
            bench.rules,
            bench.now,
        )
        is None
    }
