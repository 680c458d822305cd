"""The worker: a claimed batch of deliveries becomes attempts, messages, and recorded outcomes.

Three steps, with no transaction open while a provider is called:

1. judge each delivery of a slice and write its attempt down (one transaction);
2. hand the messages to the channel, as many at a time as it bears, each at most once; who had to
   wait for that is looked at once more first, and held back if it must not go any more;
3. write down what came of each.

Whoever dies between 1 and 3 leaves attempts that are open; the loop finds them and calls them
uncertain. Nobody is contacted twice by it.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from campaigns.channel import ChannelName, Purpose
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import Channel, Handover, HandoverKind, Message, postponed
from dispatcher import metrics
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.health import Event, note, tell
from dispatcher.last_look import LastLook
from dispatcher.ledger import (
    Transaction,
    attempts,
    campaigns,
    circuits,
    deliveries,
    once_committed,
    touches,
)
from dispatcher.ledger.circuits import Key
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.lines import OWN_LIMIT
from dispatcher.logs import mask
from dispatcher.opening import Opened, open_batch
from dispatcher.record import Finding, ends_other_channels, leave, record
from dispatcher.stopping import pause_wordless
from dispatcher.tokens import attempt_key

log = structlog.get_logger()

# Outcomes are written down in pieces, so that one slow answer does not hold back the others.
FLUSH_AFTER_SECONDS = 0.5
# How many rounds of the channel's concurrency are opened at a time: few where a crash leaves doubt
# that staff must settle, more where a letter may simply go again.
SLICE_ROUNDS = {ChannelName.PHONE: 2, ChannelName.SMS: 2, ChannelName.EMAIL: 8}
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


@dataclass(frozen=True, slots=True)
class Way:
    """One provider during a batch, and how many messages it is handed at a time."""

    channel: Channel
    limit: asyncio.Semaphore

    @property
    def key(self) -> Key:
        return self.channel.channel, self.channel.provider


def send_batch(
    engine: Engine, channel: ChannelName, delivery_ids: Sequence[int], claim: str
) -> int:
    """Carry out a claimed batch; how many messages were handed over.

    Rows that are no longer queued under this claim (a message that came twice, a lapsed lease) are
    left alone.
    """
    with metrics.batch(channel, len(delivery_ids)):
        return asyncio.run(_send(engine, channel, delivery_ids, claim))


async def _send(
    engine: Engine, channel: ChannelName, delivery_ids: Sequence[int], claim: str
) -> int:
    """Slice by slice: what is opened at a time is what a crash leaves in doubt. Outcomes of one
    slice are written while the next is under way.
    """
    answers: asyncio.Queue[Answered | None] = asyncio.Queue()
    providers = engine.channels[channel]
    size = SLICE_ROUNDS[channel] * sum(one.concurrency for one in providers.by_name.values())
    count = 0
    async with contextlib.AsyncExitStack() as stack:
        ways = {
            name: Way(await stack.enter_async_context(one), asyncio.Semaphore(one.concurrency))
            for name, one in providers.by_name.items()
        }
        writer = asyncio.create_task(_write(engine, answers, size))
        try:
            for start in range(0, len(delivery_ids), size):
                ids = delivery_ids[start : start + size]
                # Who is found in trouble from here on gets nothing more of what is opened now.
                trips = {name: engine.watch.trips(way.key) for name, way in ways.items()}
                judged_at = time.monotonic()
                opened = await asyncio.to_thread(_open, engine, channel, ids, claim)
                look = LastLook(engine, opened, judged_at)
                await _hand_over(engine, ways, opened, answers, trips, look)
                count += len(opened)
        finally:
            answers.put_nowait(None)
            await writer
    return count


def _open(
    engine: Engine, channel: ChannelName, delivery_ids: Sequence[int], claim: str
) -> list[Opened]:
    lease = timedelta(seconds=engine.settings.lease_seconds)

    def act(tx: Transaction) -> list[Opened]:
        # The time is asked for here: the database may have let us wait past the window's end.
        now = engine.clock.now()
        return open_batch(tx, engine, channel, delivery_ids, claim, now, now + lease)

    opened = engine.ledger.insist(act)
    pause_wordless(engine, engine.clock.now())
    return opened


async def _hand_over(
    engine: Engine,
    ways: Mapping[str, Way],
    batch: Sequence[Opened],
    answers: "asyncio.Queue[Answered | None]",
    trips: Mapping[str, int],
    look: LastLook,
) -> None:
    """Send a slice concurrently. `trips` tells how often each provider was in trouble before."""

    async def deliver(opened: Opened) -> None:
        way = ways[opened.provider]
        async with way.limit:
            held_back = await _wait(engine, way, opened, look)
            now = engine.clock.now()
            if held_back is None:
                held_back = _too_late(engine, opened, now)
            away = engine.watch.trips(way.key) != trips[opened.provider]
            if held_back is None and away and opened.probe is None:
                # Judged anew a moment later: by another provider, or when this one is back.
                held_back = postponed("provider away", retry_after_seconds=FAILOVER_SECONDS)
            if held_back is not None:
                answers.put_nowait(Answered(opened, held_back, now, asked=False))
                return
            began = time.monotonic()
            handover = await _deliver(way.channel, opened)
            seconds, at = time.monotonic() - began, engine.clock.now()
            metrics.handed_over(*way.key, handover, seconds)
            answers.put_nowait(Answered(opened, handover, at))
            event = note(engine, way.key, handover, at, seconds, opened.probe)
            if event is not None:
                await asyncio.to_thread(_tell, engine, event)

    await asyncio.gather(*(deliver(opened) for opened in batch))


async def _wait(engine: Engine, way: Way, opened: Opened, look: LastLook) -> Handover | None:
    """Wait for a message's turn; why it must not go when that has come, or cannot come soon."""
    pacer = engine.pacer(way.channel.channel, opened.provider)
    wait_seconds = await pacer.turn(opened.delivery.campaign_id, urgent=opened.delivery.urgent)
    if wait_seconds is not None:
        return postponed(OWN_LIMIT, wait_seconds)
    return await look.holds_back(opened)


def _too_late(engine: Engine, opened: Opened, now: datetime) -> Handover | None:
    """The last look at the clock: 21:00:00.000 is outside, however long the batch took, and so is a
    lease that might end before the answer comes."""
    if now >= opened.not_after:
        return postponed("window closed")
    if now >= opened.lease_until - timedelta(seconds=engine.settings.longest_message_seconds):
        return postponed("lease over", retry_after_seconds=1)
    return None


def _tell(engine: Engine, event: Event) -> None:
    try:
        tell(engine, event)
    except LedgerAway:
        # Answers go on coming in: what they say will be said again.
        log.error("health.lost", provider=event.key[1])
    except Exception:
        # A bug here must not take the messages under way with it.
        log.exception("health.unwritable", provider=event.key[1])


async def _write(engine: Engine, answers: "asyncio.Queue[Answered | None]", size: int) -> None:
    """Write outcomes down as they come, until the None that ends them."""
    finished = False
    while not finished:
        pieces = [await answers.get()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_AFTER_SECONDS):
                while pieces[-1] is not None and len(pieces) < size:
                    pieces.append(await answers.get())
        finished = pieces[-1] is None
        known = [piece for piece in pieces if piece is not None]
        if known:
            await asyncio.to_thread(_write_down, engine, known)


async def _deliver(channel: Channel, opened: Opened) -> Handover:
    """Hand one message over. A bug in a channel must not take the rest of the batch with it."""
    try:
        return await channel.deliver(opened.message)
    except Exception:
        log.exception("channel.broken", provider=channel.provider, delivery=opened.delivery.id)
        return Handover(HandoverKind.UNCERTAIN, detail="internal error")


def _write_down(engine: Engine, answers: Sequence[Answered]) -> None:
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
            _write_down(engine, [answer])


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
    # receipts that overtake us write about the same ones just now.
    locked = deliveries.lock(
        tx,
        [answer.opened.delivery.id for answer in answers],
        with_siblings=bool(findings)
        and any(ends_other_channels(answer.opened.scenario) for answer in answers),
    )
    _await_receipts(tx, handed, answers, locked)
    attempts.take_back_send(tx, unsent)
    record(tx, engine, findings, now)
    _postpone(tx, engine, later, now)


def _await_receipts(
    tx: Transaction,
    handed: Mapping[int, tuple[str | None, datetime]],
    answers: Sequence[Answered],
    locked: Mapping[int, Delivery],
) -> None:
    """The provider took these. A receipt may have overtaken its answer: then only note the name."""
    if not handed:
        return
    attempts.mark_handed(tx, handed)
    by_delivery = {a.opened.delivery.id: a for a in answers if a.opened.attempt_id in handed}
    changes = []
    for delivery_id, answer in by_delivery.items():
        delivery = locked[delivery_id]
        if delivery.status is Status.SENDING and delivery.attempts == answer.opened.number:
            due_at = answer.at + answer.opened.settle_after
            changes.append(
                Change(
                    delivery.id,
                    Status.SENDING,
                    Status.AWAITING,
                    due_at=due_at,
                    end_as=delivery.end_as,
                )
            )
    deliveries.change(tx, changes)


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


__all__ = ["Message", "send_batch", "write_down"]
