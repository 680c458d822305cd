"""What came of handing messages over, written down: attempts handed, ended or never made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from campaigns.channel import Purpose
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import Handover, HandoverKind
from dispatcher import metrics
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import (
    Transaction,
    attempts,
    campaigns,
    circuits,
    deliveries,
    once_committed,
    touches,
    webhooks,
)
from dispatcher.ledger.circuits import Key
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.logs import mask
from dispatcher.opening import Opened
from dispatcher.record import Finding, ends_other_channels, leave, record
from dispatcher.tokens import attempt_key

log = structlog.get_logger()

# Another provider is asked at once, nearly: this one has certainly not sent anything.
FAILOVER_SECONDS = 1.0
BACKOFF_SECONDS = 60.0
MAX_BACKOFF_SECONDS = 3600.0
MAX_DOUBLINGS = 6
# A recipient whose own server keeps saying "later" for about a day was tried long enough.
MAX_POSTPONED = 24


@dataclass(frozen=True, slots=True)
class Answered:
    """An attempt and what came of handing it over. `asked` is false where we ourselves held it
    back: that says nothing of the provider."""

    opened: Opened
    handover: Handover
    at: datetime
    asked: bool = True


def keep(engine: Engine, answers: Sequence[Answered]) -> None:
    """Write a piece of the outcomes; one that cannot be written must not take the others along."""
    try:
        engine.ledger.insist(lambda tx: write_down(tx, engine, answers))
    except LedgerAway:
        # The attempts stay open; when the ledger is back the loop will find them uncertain.
        log.error("outcomes.lost", attempts=len(answers))
    except Exception:
        if len(answers) == 1:
            log.exception("outcome.unwritable", delivery=answers[0].opened.delivery.id)
            return
        for answer in answers:
            keep(engine, [answer])


def write_down(tx: Transaction, engine: Engine, answers: Sequence[Answered]) -> None:
    """Record what the provider answered to each attempt of a batch."""
    now = engine.clock.now()
    handed: dict[int, tuple[str | None, datetime]] = {}
    findings: list[Finding] = []
    later: list[Answered] = []
    unsent: list[int] = []
    for answer in answers:
        handover, attempt_id = answer.handover, answer.opened.attempt_id
        match handover.kind:
            case HandoverKind.ACCEPTED:
                handed[attempt_id] = (handover.reference, answer.at)
            case HandoverKind.REFUSED:
                outcome = handover.outcome or Outcome.FAILED
                findings.append(Finding(attempt_id, outcome, answer.at, handover.detail))
            case HandoverKind.UNCERTAIN:
                findings.append(
                    Finding(
                        attempt_id,
                        Outcome.UNCERTAIN,
                        answer.at,
                        handover.detail,
                        reference=handover.reference,
                    )
                )
            case HandoverKind.POSTPONED:
                if answer.opened.is_resend:
                    # It may have left the first time; only the second time is certain.
                    if not handover.about_recipient:
                        unsent.append(attempt_id)
                    findings.append(
                        Finding(attempt_id, Outcome.UNCERTAIN, answer.at, handover.detail)
                    )
                elif handover.about_recipient and answer.opened.delivery.postponed >= MAX_POSTPONED:
                    findings.append(
                        Finding(attempt_id, Outcome.DEFERRED, answer.at, handover.detail)
                    )
                else:
                    later.append(answer)
    # The deliveries before their attempts, as everybody does it, and once for all that follows:
    # receipts that overtake us write about the same ones just now. What was only handed over needs
    # no reading: its change says by itself what it holds for.
    if findings or later:
        deliveries.lock(
            tx,
            [answer.opened.delivery.id for answer in answers],
            with_siblings=bool(findings)
            and any(ends_other_channels(answer.opened.scenario) for answer in answers),
        )
    _await_receipts(tx, handed, answers)
    attempts.take_back_send(tx, unsent)
    record(tx, engine, findings, now)
    _postpone(tx, engine, later, now)


def _await_receipts(
    tx: Transaction,
    handed: Mapping[int, tuple[str | None, datetime]],
    answers: Sequence[Answered],
) -> None:
    """The provider took these. A receipt may have overtaken its answer: then only note the name."""
    taken = [answer for answer in answers if answer.opened.attempt_id in handed]
    deliveries.await_receipts(
        tx,
        {
            answer.opened.delivery.id: (
                answer.opened.number,
                answer.at + answer.opened.settle_after,
            )
            for answer in taken
        },
    )
    attempts.mark_handed(tx, handed)


def _postpone(tx: Transaction, engine: Engine, answers: Sequence[Answered], now: datetime) -> None:
    """Nothing was sent: no attempt was made, and the delivery is due again a little later."""
    if not answers:
        return
    by_delivery = {answer.opened.delivery.id: answer for answer in answers}
    locked = deliveries.lock(tx, list(by_delivery))
    sends = {answer.opened.attempt_id: answer.opened.sends for answer in answers}
    # What nobody has written about since, but the loop, which gave the worker up: we know better.
    ours = {
        attempt.id
        for attempt in attempts.load(tx, sends).values()
        if attempt.sends == sends[attempt.id]
        and (attempt.ended_at is None or attempt.outcome is Outcome.UNCERTAIN)
        and attempt.handed_at is None
        and locked[attempt.delivery_id].status in (Status.SENDING, Status.UNCERTAIN)
        and locked[attempt.delivery_id].attempts == attempt.number
    }
    touches.forget(tx, ours)
    attempts.discard(tx, ours)
    ended: list[tuple[Delivery, Status]] = []
    rules = engine.rules(tx)
    closed = circuits.standing(tx).keys()
    changes = []
    for delivery in locked.values():
        answer = by_delivery[delivery.id]
        if answer.opened.attempt_id not in ours:
            continue
        campaign = campaigns.get(tx, delivery.campaign_id)
        scenario = engine.scenario(tx, campaign.scenario_id).scenario
        seconds = _seconds_until_next(engine, answer, scenario.purpose, closed)
        policy = scenario.policy(delivery.channel)
        due_at = answer.opened.next_due(now + timedelta(seconds=seconds), policy, rules, campaign)
        after = delivery.end_as or (Status.PENDING if due_at else Status.EXPIRED)
        log.info(
            "postponed",
            delivery=delivery.id,
            channel=delivery.channel.value,
            contact_point=mask(answer.opened.contact_point),
            detail=answer.handover.detail,
            due_at=due_at.isoformat() if due_at else None,
        )
        if delivery.end_as is not None:
            ended.append((delivery, after))
        changes.append(
            Change(
                delivery.id,
                delivery.status,
                after,
                answer.handover.detail if delivery.end_as is None else "",
                due_at if after is Status.PENDING else None,
                attempts=delivery.attempts - 1,
                postponed=delivery.postponed + answer.asked,
            )
        )
    deliveries.change(tx, changes)
    for delivery, ended_as in ended:
        leave(tx, delivery, ended_as, now)
    webhooks.messages_ended(tx, [change.delivery_id for change in changes], now)
    once_committed(tx, partial(_count_postponed, answers))


def _count_postponed(answers: Sequence[Answered]) -> None:
    for answer in answers:
        channel, provider = answer.opened.delivery.channel, answer.opened.provider
        metrics.postponed(channel, provider, answer.handover, asked=answer.asked)


def _seconds_until_next(
    engine: Engine, answer: Answered, purpose: Purpose, closed: Collection[Key]
) -> float:
    """How long to wait after a hand-over that certainly sent nothing.

    Not at all, nearly, while there is a provider that has not turned this message away; then as the
    last one asked for, or longer each time.
    """
    opened, delivery = answer.opened, answer.opened.delivery
    asked_for = answer.handover.retry_after_seconds
    if answer.asked and not answer.handover.about_recipient:
        is_another = engine.channels[delivery.channel].is_another(
            opened.contact_point,
            purpose,
            attempt_key(delivery.id, opened.number),
            turned_away=delivery.postponed + 1,
            closed={provider for channel, provider in closed if channel is delivery.channel},
        )
        if is_another:
            return FAILOVER_SECONDS
    if asked_for is not None:
        return asked_for
    doublings = min(delivery.postponed, MAX_DOUBLINGS)
    return min(BACKOFF_SECONDS * 2.0**doublings, MAX_BACKOFF_SECONDS)
