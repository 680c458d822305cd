"""The instant of sending: each claimed delivery is judged once more, and its attempt written down.

Between planning and now the customer may have said stop, paid, or been called by another campaign;
the window may have closed; the campaign may have been paused. Whatever was decided when planning
is only a wish.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from campaigns.cadence import GiveUpReason, contact_for, next_due
from campaigns.calendar import closes_at, is_allowed
from campaigns.channel import ChannelName
from campaigns.delivery import SkipReason, Status
from campaigns.outcome import Outcome
from campaigns.permission import (
    Facts,
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
from campaigns.scenario import Policy, SameContact
from channels.base import CallMessage, Message
from dispatcher.compose import compose
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Transaction,
    attempts,
    audiences,
    campaigns,
    deliveries,
    suppressions,
    touches,
)
from dispatcher.ledger.attempts import Attempt, Opening
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.record import hand_on
from templates.errors import RenderError

log = structlog.get_logger()

# Another campaign is calling this number just now.
LINE_BUSY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Opened:
    """An attempt that stands in the ledger, and the message to hand over for it."""

    attempt_id: int
    number: int
    delivery: Delivery
    contact_point: str
    message: Message
    not_after: datetime  # the first instant at which it must not be sent any more
    settle_after: timedelta
    is_resend: bool

    def next_due(
        self, wanted_at: datetime, policy: Policy, rules: Rulebook, campaign: Campaign
    ) -> datetime | None:
        return next_due(
            policy,
            wanted_at,
            self.delivery.zone,
            rules.holidays,
            campaign_start_at=campaign.start_at,
            campaign_end_at=campaign.end_at,
        )


@dataclass(frozen=True, slots=True)
class _Ready:
    """A delivery that may go now."""

    delivery: Delivery
    number: int
    contact_point: str
    message: Message
    not_after: datetime
    parties: tuple[str, ...]
    earlier: Attempt | None  # the uncertain letter that is sent once more


@dataclass(slots=True)
class _Bench:
    """What a batch of one campaign is judged by."""

    engine: Engine
    campaign: Campaign
    stored: StoredScenario
    policy: Policy
    rules: Rulebook
    people: Mapping[int, Recipient]
    members: Mapping[int, Sequence[Delivery]]
    facts: Facts
    uncertain: Mapping[int, Attempt]
    busy: set[str]
    now: datetime

    def due(self, delivery: Delivery, wanted_at: datetime) -> datetime | None:
        return next_due(
            self.policy,
            wanted_at,
            delivery.zone,
            self.rules.holidays,
            campaign_start_at=self.campaign.start_at,
            campaign_end_at=self.campaign.end_at,
        )


def open_batch(
    tx: Transaction,
    engine: Engine,
    channel: ChannelName,
    delivery_ids: Sequence[int],
    claim: str,
    now: datetime,
    lease_until: datetime,
) -> list[Opened]:
    """Judge a claimed batch and write down the attempts of those that may go."""
    locked = [
        delivery
        for delivery in deliveries.lock(tx, delivery_ids).values()
        if delivery.status is Status.QUEUED and delivery.claim == claim
    ]
    opened: list[Opened] = []
    for campaign_id in sorted({delivery.campaign_id for delivery in locked}):
        batch = [delivery for delivery in locked if delivery.campaign_id == campaign_id]
        bench = _bench(tx, engine, campaigns.get(tx, campaign_id), channel, batch, now)
        changes: list[Change] = []
        ready: list[_Ready] = []
        ended: list[Delivery] = []
        for delivery in batch:
            verdict = _judge(bench, delivery)
            if isinstance(verdict, _Ready):
                ready.append(verdict)
                if channel is ChannelName.PHONE:
                    bench.busy.update(verdict.parties)
                continue
            changes.append(verdict)
            if verdict.after is Status.WITHDRAWN:
                ended.append(delivery)
        deliveries.change(tx, changes)
        for delivery in ended:
            hand_on(tx, delivery, now)
        opened += _write_open(tx, bench, channel, ready, lease_until)
    return opened


def _bench(
    tx: Transaction,
    engine: Engine,
    campaign: Campaign,
    channel: ChannelName,
    batch: Sequence[Delivery],
    now: datetime,
) -> _Bench:
    stored = engine.scenario(tx, campaign.scenario_id)
    policy = stored.scenario.policy(channel)
    leads = [delivery.recipient_id for delivery in batch]
    members = (
        deliveries.members(tx, campaign.id, channel, leads)
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
    if policy.quiet_after_positive or channel in rules.caps:
        touches.one_at_a_time(tx, channel)
    busy = touches.busy_parties(tx, parties) if channel is ChannelName.PHONE else frozenset()
    return _Bench(
        engine=engine,
        campaign=campaign,
        stored=stored,
        policy=policy,
        rules=rules,
        people=people,
        members=members,
        facts=Facts(
            suppressions.of_parties(tx, parties, now),
            {channel: touches.history(tx, channel, parties, now - look_back(policy))},
        ),
        uncertain={i: a for i, a in uncertain.items() if a.outcome is Outcome.UNCERTAIN},
        busy=set(busy),
        now=now,
    )


def _judge(bench: _Bench, delivery: Delivery) -> _Ready | Change:
    """Whether this delivery may go at this instant; if not, what becomes of it."""
    now, campaign, scenario = bench.now, bench.campaign, bench.stored.scenario

    def to(after: Status, reason: str = "", due_at: datetime | None = None) -> Change:
        return Change(
            delivery.id, Status.QUEUED, after, reason, due_at, postponed=delivery.postponed
        )

    def later(wanted_at: datetime, reason: str) -> Change:
        due_at = bench.due(delivery, wanted_at)
        return to(Status.PENDING, reason, due_at) if due_at else to(Status.EXPIRED, reason)

    if delivery.end_as is not None:
        return to(delivery.end_as)
    if campaign.status is CampaignStatus.CANCELLED:
        return to(Status.CANCELLED)
    if now >= campaign.end_at:
        return to(Status.EXPIRED, "campaign_end")
    if campaign.status is not CampaignStatus.RUNNING:
        return to(Status.PENDING, due_at=now)
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
    accounts = [lead, *_to_be_told(bench, delivery)]
    parties = (*(account_party(a.account_number) for a in accounts), point_party(point))
    quiet = None if earlier else quiet_for(bench.policy, parties, bench.facts, bench.rules)
    if quiet is not None and quiet > now:
        return later(quiet, "quiet")
    if not is_allowed(now, delivery.zone, bench.policy.window, bench.rules.holidays):
        return later(now, "window")
    if not bench.busy.isdisjoint(parties):
        return later(now + LINE_BUSY, "line_busy")
    try:
        message = compose(
            bench.engine,
            bench.stored,
            delivery.channel,
            accounts,
            contact_point=point,
            delivery_id=delivery.id,
            number=number,
            now=earlier.started_at if earlier else now,
        )
    except (RenderError, ValueError) as error:
        # Its words name the place, never the customer's data.
        reason = str(error) if isinstance(error, RenderError) else type(error).__name__
        log.warning("compose.failed", delivery=delivery.id, reason=reason)
        return to(Status.GIVEN_UP, f"words: {reason}")
    closing = closes_at(now, delivery.zone, bench.policy.window, bench.rules.holidays)
    not_after = min(closing, campaign.end_at) if closing else campaign.end_at
    return _Ready(delivery, number, point, message, not_after, parties, earlier)


def _to_be_told(bench: _Bench, delivery: Delivery) -> list[Recipient]:
    """The joined accounts of which the message still speaks."""
    if bench.stored.scenario.joins is not SameContact.MERGE:
        return []
    people = (bench.people[m.recipient_id] for m in bench.members.get(delivery.recipient_id, ()))
    return [
        person
        for person in people
        if may_be_told(
            bench.stored.scenario, delivery.channel, person, bench.facts, bench.rules, bench.now
        )
        is None
    ]


def _write_open(
    tx: Transaction,
    bench: _Bench,
    channel: ChannelName,
    ready: Sequence[_Ready],
    lease_until: datetime,
) -> list[Opened]:
    """From here on a crash leaves an open attempt behind, which is what it must leave."""
    fresh = [one for one in ready if one.earlier is None]
    ids = attempts.open_many(
        tx,
        [
            Opening(
                one.delivery.id,
                one.number,
                bench.campaign.id,
                channel,
                one.contact_point,
                bench.engine.channels[channel].provider,
                one.delivery.zone,
                one.message.expected_seconds if isinstance(one.message, CallMessage) else None,
            )
            for one in fresh
        ],
        bench.now,
    )
    touches.note(
        tx,
        [
            (ids[one.delivery.id], party, channel, bench.now)
            for one in fresh
            for party in dict.fromkeys(one.parties)
        ],
    )
    again = [one.earlier.id for one in ready if one.earlier is not None]
    if again:
        attempts.reopen(tx, again)
    deliveries.change(
        tx,
        [
            Change(
                one.delivery.id,
                Status.QUEUED,
                Status.SENDING,
                due_at=lease_until,
                attempts=one.number,
                postponed=one.delivery.postponed,
            )
            for one in ready
        ],
    )
    return [
        Opened(
            attempt_id=one.earlier.id if one.earlier else ids[one.delivery.id],
            number=one.number,
            delivery=one.delivery,
            contact_point=one.contact_point,
            message=one.message,
            not_after=one.not_after,
            settle_after=bench.policy.settle_after,
            is_resend=one.earlier is not None,
        )
        for one in ready
    ]
