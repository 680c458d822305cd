"""Sending what stands in the outbox, answers to customers first.

A letter is claimed and committed before the mail server is called, and what came of it is written
down after. Whoever dies in between leaves it claimed by a robot that is seen no more; then it is
sent again, the very same letter under the same Message-ID.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from campaigns.channel import ChannelName
from channels.base import Cause, Channel, Handover, HandoverKind, MailMessage
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault, Transaction, outbox
from dispatcher.ledger.outbox import Claimed, MailEnding, MailKind, MailStatus
from dispatcher.logs import mask

log = structlog.get_logger()

BATCH = 50
# While the mail server is away one letter at a time asks whether it is back.
PROBE = 1
# So long an idle postman keeps its connections.
KEEPS_CONNECTIONS_SECONDS = 20.0
# How long one letter is tried; the minute is long over then, but the customer still waits.
KEEP_TRYING = timedelta(days=5)
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)
# A server that is away is asked so often that answers go soon after its return.
SERVER_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
# A letter of which nobody knows whether it was taken: the server may still be thinking.
DOUBT_PAUSE = timedelta(seconds=15)
MOST_SENDS_IN_DOUBT = 5
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Round:
    """What one batch came to."""

    tried: int = 0
    server_is_away: bool = False


class Postman:
    """Sends in a thread of its own, over a few connections that stay open while there is work."""

    def __init__(self, engine: Engine, robot: str) -> None:
        self._engine, self._robot = engine, robot
        self._wanted = threading.Event()
        self._away = 0  # rounds in a row that found no mail server
        self._endings: list[MailEnding] = []  # known to nobody but us until they are written down
        self._may_have_lost = False  # claims of which we were not told

    def wake(self) -> None:
        """There is something to send, now."""
        self._wanted.set()

    def run(self, stopped: threading.Event, pause_seconds: float = 1.0) -> None:
        """Send whatever is due until stopped; what goes wrong is told and survived."""
        while not stopped.is_set():
            try:
                asyncio.run(self._work(stopped, pause_seconds))
            except (*LedgerFault, LedgerAway) as error:
                log.error("ledger.away", kind=type(error).__name__)
                stopped.wait(pause_seconds)
            except Exception:
                log.exception("postman.broken")
                stopped.wait(pause_seconds)

    def send_due(self) -> int:
        """Send what is due now and return; how many letters were tried."""
        return asyncio.run(self._send_due())

    async def _send_due(self) -> int:
        channel = self._channel()
        if channel is None:
            return 0
        tried = 0
        async with channel:
            while (came_to := await self._round(channel)).tried:
                tried += came_to.tried
                if came_to.server_is_away:
                    break
        return tried

    def _channel(self) -> Channel | None:
        providers = self._engine.channels.get(ChannelName.EMAIL)
        return providers.first if providers and providers.names else None

    async def _work(self, stopped: threading.Event, pause_seconds: float) -> None:
        """As long as there is something to do, and a while longer, over the same connections."""
        channel = self._channel()
        if channel is None:
            await asyncio.to_thread(stopped.wait, pause_seconds)
            return
        async with channel:
            idle_since = time.monotonic()
            while not stopped.is_set():
                came_to = await self._round(channel)
                if came_to.server_is_away:
                    await asyncio.to_thread(stopped.wait, self._server_pause())
                elif came_to.tried:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > KEEPS_CONNECTIONS_SECONDS:
                    return
                else:
                    await asyncio.to_thread(self._wanted.wait, pause_seconds)
                    self._wanted.clear()

    def _server_pause(self) -> float:
        return SERVER_PAUSES_SECONDS[min(self._away, len(SERVER_PAUSES_SECONDS)) - 1]

    async def _round(self, channel: Channel) -> _Round:
        await asyncio.to_thread(self._catch_up)
        self._may_have_lost = True  # until all of this round is written down
        claimed = await asyncio.to_thread(self._claim, PROBE if self._away else BATCH)
        if not claimed:
            self._may_have_lost = False
            return _Round()
        handovers = await self._hand_over(channel, claimed)
        self._may_have_lost = False
        is_away = all(one.cause is Cause.UNREACHABLE for one in handovers)
        self._away = self._away + 1 if is_away else 0
        return _Round(len(claimed), is_away)

    def _catch_up(self) -> None:
        """After a ledger that was away for longer than we insist: what we know of the last round is
        written down, and what it claimed besides waits again. While this robot lives nobody else
        frees it."""
        if self._endings:
            self._finish()
        if self._may_have_lost:
            lost = self._engine.ledger.insist(lambda tx: outbox.release(tx, self._robot))
            self._may_have_lost = False
            if lost:
                log.warning("outbox.released", letters=lost)

    def _claim(self, limit: int) -> Sequence[Claimed]:
        tries = itertools.count()

        def act(tx: Transaction) -> Sequence[Claimed]:
            if next(tries):  # the try before may have been committed without our being told
                outbox.release(tx, self._robot)
            return outbox.claim(tx, self._robot, self._engine.clock.now(), limit)

        now = self._engine.clock.now()
        with self._engine.ledger.read() as tx:
            due_at = outbox.next_due(tx)
        # Looking costs no writer's turn; claiming does.
        return self._engine.ledger.insist(act) if due_at is not None and due_at <= now else ()

    async def _hand_over(self, channel: Channel, claimed: Sequence[Claimed]) -> Sequence[Handover]:
        """Send them all. What came of each is written down as soon as it is known, with whatever
        else has become known meanwhile: who dies leaves in doubt only what is in the air."""
        limit = asyncio.Semaphore(channel.concurrency)
        sending = [asyncio.create_task(self._send(channel, one, limit)) for one in claimed]
        pending = set(sending)
        try:
            while pending:
                _done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.to_thread(self._finish)
        finally:
            if pending:  # the ledger is away: what has begun is finished, and written down later
                await asyncio.wait(pending)
        return [one.result() for one in sending]

    async def _send(self, channel: Channel, one: Claimed, limit: asyncio.Semaphore) -> Handover:
        async with limit:
            try:
                handover = await channel.deliver(_message(one))
            except Exception:
                log.exception("channel.broken", provider=channel.provider, outbox=one.id)
                handover = Handover(HandoverKind.UNCERTAIN, detail="internal error")
        now = self._engine.clock.now()
        ending = ending_of(one, handover, now)
        self._endings.append(ending)
        _tell(one, handover, ending, now)
        return handover

    def _finish(self) -> None:
        endings = self._endings.copy()  # while it is written down more may come
        if not endings:
            return
        self._engine.ledger.insist(lambda tx: outbox.finish(tx, endings, self._robot))
        del self._endings[: len(endings)]


def _message(one: Claimed) -> MailMessage:
    return MailMessage(
        token=str(one.id),
        contact_point=one.recipient,
        sender=one.sender,
        message_id=one.message_id,
        content=one.content,
    )


def _tell(one: Claimed, handover: Handover, ending: MailEnding, now: datetime) -> None:
    """The canonical line: one for each time a letter was tried."""
    waited = now - one.asked_at
    log.info(
        "letter.out",
        kind=one.kind.value,
        inquiry=one.inquiry_id,
        contact_point=mask(one.recipient),
        status=ending.status.value,
        seconds=round(waited.total_seconds(), 3),
        detail=handover.detail,
    )
    if one.kind is MailKind.ACKNOWLEDGEMENT and waited > MINUTE:
        log.warning("letter.late", inquiry=one.inquiry_id, seconds=int(waited.total_seconds()))


def ending_of(one: Claimed, handover: Handover, now: datetime) -> MailEnding:
    """What follows from the mail server's answer: sent, failed for good, or tried again later."""
    match handover.kind:
        case HandoverKind.ACCEPTED:
            return MailEnding(one.id, MailStatus.SENT, sent_at=now)
        case HandoverKind.REFUSED:
            return MailEnding(one.id, MailStatus.FAILED, handover.detail)
        case HandoverKind.UNCERTAIN if one.sends >= MOST_SENDS_IN_DOUBT:
            return MailEnding(one.id, MailStatus.FAILED, handover.detail)
    if now - one.asked_at >= KEEP_TRYING:
        return MailEnding(one.id, MailStatus.FAILED, handover.detail)
    due_at = now + pause_after(one, handover)
    was_sent = handover.cause is not Cause.UNREACHABLE
    return MailEnding(one.id, MailStatus.WAITING, handover.detail, due_at=due_at, was_sent=was_sent)


def pause_after(one: Claimed, handover: Handover) -> timedelta:
    """How long a letter that was not taken waits. The server's own absence is waited for by the
    postman, not by each letter."""
    if handover.cause is Cause.UNREACHABLE:
        return timedelta()
    if handover.kind is HandoverKind.UNCERTAIN:
        return DOUBT_PAUSE
    pause = min(FIRST_PAUSE * (1 << min(one.sends - 1, 12)), LONGEST_PAUSE)
    if handover.retry_after_seconds is not None:
        pause = max(pause, min(timedelta(seconds=handover.retry_after_seconds), LONGEST_PAUSE))
    return pause
