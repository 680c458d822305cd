"""Answering a customer at once: one short message, by the provider the customer wrote to.

A reply is claimed and committed before the provider is called. Whoever dies over it leaves it
claimed, and when the lease is over it is in doubt: it is not sent a second time by anybody.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from channels.base import Channel, Handover, HandoverKind, SmsMessage, postponed
from dispatcher.engine import Engine
from dispatcher.ledger import replies
from dispatcher.ledger.replies import Ending, Reply, ReplyStatus
from dispatcher.logs import mask
from dispatcher.tokens import TokenFor, attempt_key, sign

log = structlog.get_logger()

# An answer that comes later than this is none.
KEEP_TRYING = timedelta(days=1)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
# No campaign of ours: what its turn at a provider is counted under.
NO_CAMPAIGN = 0
# Stands for a delivery in the token of a reply; deliveries are counted from one.
NO_DELIVERY = 0


def send_batch(engine: Engine, inquiry_ids: Sequence[int]) -> int:
    """Send the replies to these inquiries that still wait; how many were handed over.

    Safe to call any number of times with the same ones: each is claimed once.
    """
    return asyncio.run(_send(engine, inquiry_ids))


async def _send(engine: Engine, inquiry_ids: Sequence[int]) -> int:
    """One after the other: a death leaves at most one of them in doubt."""
    count = 0
    async with contextlib.AsyncExitStack() as stack:
        entered: dict[tuple[str, str], Channel] = {}
        for inquiry_id in inquiry_ids:
            reply = await asyncio.to_thread(_claim, engine, inquiry_id)
            if reply is None:
                continue
            providers = engine.channels.get(reply.channel)
            key = (reply.channel, reply.provider)
            if providers is not None and reply.provider in providers and key not in entered:
                entered[key] = await stack.enter_async_context(providers[reply.provider])
            handover = await _deliver(engine, entered.get(key), reply)
            await asyncio.to_thread(_finish, engine, reply, handover)
            count += handover.kind is HandoverKind.ACCEPTED
    return count


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
    """What the provider is handed. Its receipts are genuine, and belong to no attempt."""
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
