"""Answering a customer at once: one short message, by the provider the customer wrote to.

A reply is claimed and committed before the provider is called. Whoever dies over it leaves it
claimed, and when the lease is over it is in doubt: it is not sent a second time by anybody.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from channels.base import Channel, Handover, HandoverKind, SmsMessage, postponed
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import replies
from dispatcher.ledger.replies import Ending, Reply, ReplyStatus
from dispatcher.logs import mask
from dispatcher.tokens import NO_DELIVERY, TokenFor, attempt_key, sign

log = structlog.get_logger()

# An answer that comes later than this is none.
KEEP_TRYING = timedelta(days=1)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
# No campaign of ours: what its turn at a provider is counted under.
NO_CAMPAIGN = 0


def send_batch(engine: Engine, inquiry_ids: Sequence[int]) -> int:
    """Send the replies to these inquiries that still wait; how many were handed over.

    Safe to call any number of times with the same ones: each is claimed once.
    """
    return asyncio.run(_send(engine, inquiry_ids))


async def _send(engine: Engine, inquiry_ids: Sequence[int]) -> int:
    """As many at a time as each provider is handed of bulk: who is claimed is being sent, so a
    death leaves no more than those in doubt. What goes wrong with one does not stop the others.
    """
    ways = await asyncio.to_thread(_ways, engine, inquiry_ids)
    async with contextlib.AsyncExitStack() as stack:
        opened = {way: await _open(stack, engine, way) for way in dict.fromkeys(ways.values())}
        # All are waited for, so that no channel is closed over a message that is under way.
        came_to = await asyncio.gather(
            *(_answer(engine, opened[way], inquiry_id) for inquiry_id, way in ways.items())
        )
    return sum(came_to)


@dataclass(slots=True)
class _Way:
    """A provider during a batch, and how many messages it is handed at a time."""

    channel: Channel | None  # None: not set up
    limit: asyncio.Semaphore
    is_over: bool = False


async def _open(stack: contextlib.AsyncExitStack, engine: Engine, way: replies.Way) -> _Way:
    providers, (_channel, name) = engine.channels.get(way[0]), way
    if providers is None or name not in providers:
        return _Way(None, asyncio.Semaphore(1))
    channel = await stack.enter_async_context(providers[name])
    return _Way(channel, asyncio.Semaphore(channel.concurrency))


async def _answer(engine: Engine, way: _Way, inquiry_id: int) -> bool:
    """Claim one and send it; whether the provider took it."""
    async with way.limit:
        if way.is_over:
            return False
        try:
            reply = await asyncio.to_thread(_claim, engine, inquiry_id)
            if reply is None:
                return False
            handover = await _deliver(engine, way.channel, reply)
            await asyncio.to_thread(_finish, engine, reply, handover)
        except LedgerAway:
            # Who was not claimed waits on, and a worker is told of them again.
            way.is_over = True
            log.error("reply.lost", inquiry=inquiry_id)
            return False
        except Exception:
            log.exception("reply.broken", inquiry=inquiry_id)
            return False
        return handover.kind is HandoverKind.ACCEPTED


def _ways(engine: Engine, inquiry_ids: Sequence[int]) -> Mapping[int, replies.Way]:
    with engine.ledger.read() as tx:
        return replies.ways(tx, inquiry_ids)


def _claim(engine: Engine, inquiry_id: int) -> Reply | None:
    lease_until = engine.clock.now() + timedelta(seconds=engine.settings.lease_seconds)
    return engine.ledger.insist(lambda tx: replies.claim(tx, inquiry_id, lease_until))


def _finish(engine: Engine, reply: Reply, handover: Handover) -> None:
    ending = _ending(reply, handover, engine.clock.now())
    engine.ledger.insist(lambda tx: replies.finish(tx, ending))
    log.info(
        "reply",
        inquiry=reply.inquiry_id,
        channel=reply.channel.value,
        contact_point=mask(reply.contact_point),
        provider=reply.provider,
        status=ending.status.value,
        detail=ending.reason,
    )


async def _deliver(engine: Engine, channel: Channel | None, reply: Reply) -> Handover:
    if channel is None:
        return postponed("the provider is not set up")
    wait_seconds = await engine.pacer(reply.channel, reply.provider).turn(NO_CAMPAIGN, urgent=True)
    if wait_seconds is not None:
        return postponed("our own limit", wait_seconds)
    try:
        return await channel.deliver(message_of(engine, reply))
    except Exception:
        log.exception("channel.broken", provider=reply.provider, inquiry=reply.inquiry_id)
        return Handover(HandoverKind.UNCERTAIN, detail="internal error")


def message_of(engine: Engine, reply: Reply) -> SmsMessage:
    """What the provider is handed. Its receipts belong to no attempt, but to the reply."""
    key = attempt_key(NO_DELIVERY, reply.inquiry_id)
    return SmsMessage(
        token=sign(engine.secret, TokenFor.RECEIPT, key),
        contact_point=reply.contact_point,
        sender=engine.settings.sms_sign,
        text=reply.text,
        receipts_url=engine.receipts_url,
    )


def _ending(reply: Reply, handover: Handover, now: datetime) -> Ending:
    match handover.kind:
        case HandoverKind.ACCEPTED:
            return Ending(
                reply.inquiry_id, ReplyStatus.SENT, reference=handover.reference, sent_at=now
            )
        case HandoverKind.REFUSED:
            return Ending(reply.inquiry_id, ReplyStatus.FAILED, handover.detail)
        case HandoverKind.UNCERTAIN:
            return Ending(
                reply.inquiry_id,
                ReplyStatus.UNCERTAIN,
                handover.detail,
                reference=handover.reference,
            )
        case HandoverKind.POSTPONED:
            age = now - reply.asked_at
            if age >= KEEP_TRYING:
                return Ending(reply.inquiry_id, ReplyStatus.FAILED, handover.detail)
            pause = min(max(age, FIRST_PAUSE), LONGEST_PAUSE)
            if handover.retry_after_seconds is not None:
                pause = min(timedelta(seconds=handover.retry_after_seconds), KEEP_TRYING)
            return Ending(
                reply.inquiry_id, ReplyStatus.WAITING, handover.detail, due_at=now + pause
            )
