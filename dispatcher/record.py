"""Writing down what came of attempts, and deciding what follows: the only place that does either.

Findings come from the worker (a provider's answer), from receipts (minutes or days later, twice,
in any order) and from the loop (a time-out). All end here, so that the rules about what replaces
what, when to try again and when to stop exist once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from campaigns.cadence import Decision, GiveUp, Positive, Retry, Wait, decide, next_due
from campaigns.channel import ChannelName
from campaigns.delivery import OPEN, Status
from campaigns.desk import next_manned
from campaigns.outcome import ABANDONED, MEANING, Outcome, of_call, replaces
from campaigns.permission import Rulebook
from campaigns.scenario import OrderKind, Policy, Scenario, StopOn
from dispatcher import metrics
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Transaction,
    attempts,
    campaigns,
    deliveries,
    groups,
    once_committed,
    touches,
    webhooks,
)
from dispatcher.ledger.attempts import Attempt, Ending
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.logs import mask

log = structlog.get_logger()

# A letter of which nobody knows whether it left is sent again, under the same Message-ID.
RESEND_AFTER = timedelta(minutes=15)
MAX_SENDS = 3
# How many openings of the customer's hours are held against those of the operators.
CALL_BACK_TRIES = 8
# When the provider is asked for the first time whether it took a call or an SMS.
FIRST_QUESTION = timedelta(minutes=10)

_IN_FLIGHT = (Status.SENDING, Status.AWAITING)
_WAITING = (Status.PENDING, Status.QUEUED)
# Ended for the sake of the one who was to be told: those who share the message still are.
_LEAVES_HEIRS = (Status.SETTLED, Status.SUPERSEDED, Status.WITHDRAWN)
_CLOSED = (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became known of an attempt. `ended_at` is when the attempt itself was over."""

    attempt_id: int
    outcome: Outcome
    ended_at: datetime
    detail: str = ""
    reference: str | None = None
    seconds: float | None = None


class _To(Protocol):
    """Makes a change of the delivery under judgement."""

    def __call__(
        self, after: Status, reason: str = "", due_at: datetime | None = None
    ) -> Change: ...


def record(
    tx: Transaction, engine: Engine, findings: Sequence[Finding], now: datetime
) -> frozenset[int]:
    """Write down findings; the attempts that changed by them. What is weaker than what is known,
    or known already, changes nothing, so that a receipt may come twice, late and out of order.
    """
    if not findings:
        return frozenset()
    book = _Book(tx, engine, [finding.attempt_id for finding in findings], now)
    for finding in findings:
        book.enter(finding)
    return book.close()


def hold(tx: Transaction, engine: Engine, attempt_id: int) -> Attempt:
    """An attempt as it stands, kept from being judged by anybody else until the transaction ends.

    Held like the books hold it, so that findings may follow in the same transaction.
    """
    return hold_all(tx, engine, [attempt_id])[attempt_id]


def hold_all(tx: Transaction, engine: Engine, attempt_ids: Sequence[int]) -> Mapping[int, Attempt]:
    """Several attempts at once, so that nobody who does the same waits crosswise."""
    _lock(tx, engine, attempt_ids)
    return attempts.load(tx, attempt_ids)


def note_sign(
    tx: Transaction,
    engine: Engine,
    finding: Finding,
    now: datetime,
) -> bool:
    """A call in progress shows what it will come to, if nothing stronger follows.

    The end may have overtaken it: then it is news about a call that is over, like any other. True
    when it changed what is recorded.
    """
    attempt = hold(tx, engine, finding.attempt_id)
    if is_over(attempt):
        return bool(record(tx, engine, [finding], now))
    attempts.mark_sign(tx, attempt.id, finding.outcome, finding.reference)
    return False


def is_over(attempt: Attempt) -> bool:
    """Whether its outcome is known. A call of which nobody knows may be going on."""
    return attempt.outcome is not None and MEANING[attempt.outcome].settled


def _lock(
    tx: Transaction, engine: Engine, attempt_ids: Sequence[int]
) -> tuple[Mapping[int, Campaign], Mapping[int, Delivery]]:
    places = attempts.places(tx, attempt_ids)
    found = {
        campaign_id: campaigns.get(tx, campaign_id)
        for campaign_id in {place.campaign_id for place in places}
    }
    scenarios = [engine.scenario(tx, c.scenario_id).scenario for c in found.values()]
    locked = deliveries.lock(
        tx,
        [place.delivery_id for place in places],
        with_siblings=any(ends_other_channels(scenario) for scenario in scenarios),
    )
    return found, locked


def ends_other_channels(scenario: Scenario) -> bool:
    """Whether an outcome on one channel may end the deliveries on the others."""
    return scenario.stop_on is StopOn.ANY or scenario.order.kind is OrderKind.CASCADE


class _Book:
    """One transaction's findings: judged one by one, written together.

    The deliveries are locked before their attempts are read: who waits for the lock must judge by
    what the one before has written. Where an outcome can end other channels, all deliveries of
    these customers are locked at once, in one order, so that two such books never wait for each
    other.
    """

    def __init__(
        self, tx: Transaction, engine: Engine, attempt_ids: Sequence[int], now: datetime
    ) -> None:
        self._tx, self._engine, self._now = tx, engine, now
        self._campaigns, self._deliveries = _lock(tx, engine, attempt_ids)
        self._attempts = dict(attempts.load(tx, attempt_ids))
        self._rules = engine.rules(tx)
        self._changes: list[Change] = []
        self._endings: list[Ending] = []
        self._reached: list[tuple[Campaign, Delivery, Collection[ChannelName]]] = []
        self._left: list[tuple[Delivery, Status]] = []
        self._positive_at: dict[int, datetime | None] = {}
        self._lines: list[dict[str, object]] = []

    def enter(self, finding: Finding) -> None:
        # A second finding about the same attempt in one batch would judge by what is out of date.
        attempt = self._attempts.pop(finding.attempt_id, None)
        if attempt is None:
            return
        outcome = of_call(
            finding.outcome, attempt.sign, asked_operator=attempt.operator_at is not None
        )
        if attempt.outcome is not None and not replaces(outcome, attempt.outcome):
            return
        delivery = self._deliveries[attempt.delivery_id]
        campaign = self._campaigns[delivery.campaign_id]
        scenario = self._engine.scenario(self._tx, campaign.scenario_id).scenario
        policy = scenario.policy(delivery.channel)
        if attempt.positive and MEANING[outcome].reached and outcome not in policy.positive:
            return  # whoever does more than the scenario asks for has done what it asks for
        ended_at = max(finding.ended_at, attempt.started_at)
        dead = set(delivery.dead_points)
        if MEANING[outcome].address_is_dead:
            dead.add(attempt.contact_point)
        decision = decide(
            policy,
            outcome,
            attempts_made=delivery.attempts,
            contact_points_left=any(point not in dead for point in delivery.points),
            ended_at=ended_at,
        )
        if outcome is Outcome.NOBODY_FREE and isinstance(decision, Retry):
            decision = self._call_back(decision, attempt, delivery, campaign, policy)
        positive = isinstance(decision, Positive)
        # What one attempt achieved, the failure of another does not undo.
        stays = (
            not positive
            and delivery.status is Status.POSITIVE
            and attempts.reached_otherwise(self._tx, attempt)
        )
        change = (
            None
            if stays
            else _follow(
                decision, attempt, delivery, campaign, policy, self._rules, outcome, dead, self._now
            )
        )
        self._endings.append(
            Ending(
                attempt_id=attempt.id,
                outcome=outcome,
                positive=positive,
                ended_at=ended_at,
                next_due_at=change.due_at if change and change.after is Status.PENDING else None,
                reason=_reason(finding, attempt, outcome),
                reference=finding.reference or attempt.reference,
                seconds=finding.seconds if finding.seconds is not None else attempt.seconds,
            )
        )
        if change is not None:
            self._changes.append(change)
            if not isinstance(decision, Wait):
                self._left.append((delivery, change.after))
        elif positive and delivery.status in _IN_FLIGHT:
            deliveries.mark_in_flight(self._tx, [delivery.id], Status.POSITIVE)
        if positive:
            self._positive_at[attempt.id] = ended_at
            needless = _leaves_nothing_to(scenario, delivery.channel)
            if needless:
                self._reached.append((campaign, delivery, needless))
        elif attempt.positive:
            self._positive_at[attempt.id] = None
        self._lines.append(_line(attempt, outcome, positive, change, delivery))

    def _call_back(
        self,
        decision: Retry,
        attempt: Attempt,
        delivery: Delivery,
        campaign: Campaign,
        policy: Policy,
    ) -> Retry:
        """A call back to who asked in vain: when the customer may be called and somebody is there
        to talk to."""
        desk, house_zone = self._engine.desks.desk(attempt.desk), self._engine.settings.zone
        at = decision.at
        for _try in range(CALL_BACK_TRIES):
            due_at = _due(at, delivery, campaign, policy, self._rules, self._now)
            if due_at is None:
                break
            at = next_manned(desk, due_at, house_zone, self._rules.holidays)
            if at == due_at:
                return Retry(at)
        return decision

    def close(self) -> frozenset[int]:
        """Write everything; the attempts that changed."""
        tx = self._tx
        attempts.end(tx, self._endings)
        late = (c for c in self._changes if c.after is Status.POSITIVE and c.before in _WAITING)
        attempts.forget_next(tx, [change.delivery_id for change in late])
        deliveries.change(tx, self._changes)
        touches.mark_positive(tx, self._positive_at)
        for campaign, delivery, channels in self._reached:
            supersede(tx, campaign, delivery, channels, self._now)
        for delivery, ended_as in self._left:
            leave(tx, delivery, ended_as, self._now)
        webhooks.messages_ended(tx, [change.delivery_id for change in self._changes], self._now)
        for line in self._lines:
            log.info("attempt", **line)
        once_committed(tx, partial(metrics.attempts_ended, self._lines))
        return frozenset(ending.attempt_id for ending in self._endings)


def _reason(finding: Finding, attempt: Attempt, outcome: Outcome) -> str:
    """The provider's words; of news that came late also what was believed until then."""
    hung_up = outcome is Outcome.NOBODY_FREE and finding.outcome is not Outcome.NOBODY_FREE
    if hung_up and attempt.sign is not Outcome.NOBODY_FREE:
        return ABANDONED
    if attempt.outcome is None:
        return finding.detail
    return f"{finding.detail} (late; was {attempt.outcome})".strip()


def _leaves_nothing_to(scenario: Scenario, reached_on: ChannelName) -> frozenset[ChannelName]:
    """The channels that have nothing left to do once the customer was reached on this one.

    A cascade goes on to a next channel only because the former ones did not reach the customer.
    """
    order = scenario.sequence()
    if scenario.stop_on is StopOn.ANY:
        return frozenset(order)
    if scenario.order.kind is OrderKind.CASCADE:
        return frozenset(order[order.index(reached_on) + 1 :])
    return frozenset()


def _follow(
    decision: Decision,
    attempt: Attempt,
    delivery: Delivery,
    campaign: Campaign,
    policy: Policy,
    rules: Rulebook,
    outcome: Outcome,
    dead: Collection[str],
    now: datetime,
) -> Change | None:
    """The change of the delivery that follows, or None where it stays as it is."""
    is_latest = attempt.number == delivery.attempts
    before = delivery.status

    def to(after: Status, reason: str = "", due_at: datetime | None = None) -> Change:
        return Change(
            delivery.id,
            before,
            after,
            reason,
            due_at,
            outcome=outcome if is_latest else None,
            dead_points=dead,
        )

    if isinstance(decision, Positive):
        newer_in_flight = not is_latest and before in _IN_FLIGHT
        may_turn = before in OPEN or before in (Status.GIVEN_UP, Status.EXPIRED)
        return to(Status.POSITIVE) if may_turn and not newer_in_flight else None
    resend = before in _WAITING and attempt.outcome is Outcome.UNCERTAIN
    if not is_latest or not (resend or before in (*_IN_FLIGHT, Status.UNCERTAIN, Status.POSITIVE)):
        return None
    if isinstance(decision, Wait):
        return _when_uncertain(attempt, delivery, campaign, policy, rules, now, to=to)
    if delivery.end_as is not None:
        return to(delivery.end_as)
    if before is Status.POSITIVE and campaign.status in _CLOSED:
        return to(Status.EXPIRED, "campaign_end")
    if campaign.status is CampaignStatus.CANCELLED:
        return to(Status.CANCELLED)
    if isinstance(decision, GiveUp):
        return to(Status.GIVEN_UP, decision.reason.value)
    assert isinstance(decision, Retry)  # noqa: S101 - the last of a closed set
    due_at = _due(decision.at, delivery, campaign, policy, rules, now)
    if due_at is None or campaign.status in _CLOSED:
        return to(Status.EXPIRED, "campaign_end")
    return to(Status.PENDING, due_at=due_at)


def _due(
    wanted_at: datetime,
    delivery: Delivery,
    campaign: Campaign,
    policy: Policy,
    rules: Rulebook,
    now: datetime,
) -> datetime | None:
    return next_due(
        policy,
        max(wanted_at, now),
        delivery.zone,
        rules.holidays,
        campaign_start_at=campaign.start_at,
        campaign_end_at=campaign.end_at,
    )


def _when_uncertain(
    attempt: Attempt,
    delivery: Delivery,
    campaign: Campaign,
    policy: Policy,
    rules: Rulebook,
    now: datetime,
    *,
    to: _To,
) -> Change | None:
    """Calls and SMS wait for a receipt or for staff; a letter may be sent again.

    What was decided meanwhile (paid, reached otherwise) needs no answer to the doubt.
    """
    if delivery.end_as is not None:
        return to(delivery.end_as)
    if delivery.channel is ChannelName.EMAIL and attempt.sends < MAX_SENDS:
        due_at = _due(now + RESEND_AFTER, delivery, campaign, policy, rules, now)
        if due_at is not None and campaign.status not in _CLOSED:
            return to(Status.PENDING, "resend", due_at)
    if delivery.channel is ChannelName.EMAIL:
        return to(Status.UNCERTAIN)
    return to(Status.UNCERTAIN, due_at=now + FIRST_QUESTION)


def supersede(
    tx: Transaction,
    campaign: Campaign,
    delivery: Delivery,
    channels: Collection[ChannelName],
    now: datetime,
) -> None:
    """The customer was reached on one channel: these others have nothing left to do."""
    joined = groups.members(tx, campaign.id, delivery.channel, [delivery.recipient_id])
    group = [
        delivery.recipient_id,
        *(m.recipient_id for m in joined.get(delivery.recipient_id, ())),
    ]
    others = [
        d
        for d in deliveries.siblings(tx, campaign.id, group).values()
        if d.channel in channels and d.channel is not delivery.channel and d.status in OPEN
    ]
    stop(tx, others, Status.SUPERSEDED, now, reached=group)


def stop(
    tx: Transaction,
    rows: Sequence[Delivery],
    as_status: Status,
    now: datetime,
    *,
    reached: Collection[int] = (),
) -> int:
    """End open deliveries by a decision. What is in flight ends with its outcome, or so.

    `reached` are recipients who need no message any more: none is left to them.
    """
    ended = [d for d in rows if d.status in (*_WAITING, Status.UNCERTAIN)]
    deliveries.change(tx, [Change(d.id, d.status, as_status) for d in ended])
    flying = [d for d in rows if d.status in _IN_FLIGHT]
    deliveries.mark_in_flight(tx, [d.id for d in flying], as_status)
    for delivery in ended:
        # In doubt, those who share the message may have been told with it.
        if delivery.status is not Status.UNCERTAIN:
            hand_on(tx, delivery, now, reached=reached)
    webhooks.messages_ended(tx, [d.id for d in ended], now)
    return len(ended) + len(flying)


def leave(tx: Transaction, delivery: Delivery, ended_as: Status, now: datetime) -> None:
    """What a delivery that ended by a decision leaves to those who were to share its message."""
    if ended_as in _LEAVES_HEIRS:
        is_reached = ended_as is Status.SUPERSEDED
        told = groups.reached_recipients(tx, delivery) if is_reached else frozenset()
        hand_on(tx, delivery, now, reached=told)


def hand_on(
    tx: Transaction, delivery: Delivery, now: datetime, *, reached: Collection[int] = ()
) -> None:
    """Whose message was stopped for their own sake leaves it to those who were to share it."""
    members = groups.members(
        tx, delivery.campaign_id, delivery.channel, [delivery.recipient_id], lock=True
    ).get(delivery.recipient_id, ())
    joined = [member for member in members if member.recipient_id not in reached]
    if joined:
        heir, *others = joined
        due_at = delivery.due_at if delivery.status is Status.PENDING and delivery.due_at else now
        groups.take_over(tx, delivery, heir, [other.id for other in others], due_at)


def _line(
    attempt: Attempt,
    outcome: Outcome,
    positive: bool,
    change: Change | None,
    delivery: Delivery,
) -> dict[str, object]:
    """The canonical line: one per outcome of an attempt."""
    return {
        "campaign": attempt.campaign_id,
        "delivery": attempt.delivery_id,
        "number": attempt.number,
        "channel": attempt.channel.value,
        "contact_point": mask(attempt.contact_point),
        "provider": attempt.provider,
        "outcome": outcome.value,
        "positive": positive,
        "status": (change.after if change else delivery.status).value,
        "next_due_at": change.due_at.isoformat() if change and change.due_at else None,
    }
