"""Sending what stands in the outbox, answers to customers first.

A letter is claimed and committed before the mail server is called, and what came of it is written
down after. Whoever dies in between leaves it claimed by a robot that is seen no more; then it is
sent again, the very same letter under the same Message-ID.
"""

import asyncio
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from campaigns.channel import ChannelName
from channels.base import Cause, Channel, Handover, HandoverKind, MailMessage
from dispatcher import metrics
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault
from dispatcher.ledger.outbox import Claimed, MailEnding, MailKind, MailStatus
from dispatcher.logs import mask
from dispatcher.mailrobot.endings import ending_of
from dispatcher.mailrobot.hands import Hands

log = structlog.get_logger()

# While the mail server is away one letter at a time asks whether it is back.
PROBE = 1
# So long the letters of a round are waited for; then others go beside those that take longer.
ROUND_SECONDS = 1.0
# So long a mail server may think about a letter that it has (RFC 5321, section 4.5.3.2.6: ten
# minutes). To give up sooner is to send it twice.
VERDICT_SECONDS = 300.0
# So long an idle postman keeps its connections.
KEEPS_CONNECTIONS_SECONDS = 20.0
# A server that is away is asked so often that answers go soon after its return.
SERVER_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
MINUTE = timedelta(minutes=1)

Tasks = Collection[asyncio.Task[None]]


@dataclass(eq=False, slots=True)
class _Round:
    """Letters that were claimed together. None came of those that were not tried."""

    size: int
    is_probe: bool
    came: list[Handover | None] = field(default_factory=list)
    is_waited_for: bool = True


class Postman:
    """Sends in a thread of its own, over a few connections that stay open while there is work."""

    def __init__(self, engine: Engine, robot: str) -> None:
        self._engine = engine
        self._hands = Hands(engine, robot)
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._in_air: set[asyncio.Task[None]] = set()
        self._away = 0  # rounds in a row that found no mail server
        self._must_pause = False
        self._is_probing = False

    @property
    def holds_letters(self) -> bool:
        """Whether letters are on the way, or what came of them is known to nobody but us."""
        return not self._hands.are_empty

    def wake(self) -> None:
        """There is something to send, now."""
        self._wanted.set()

    def run(self, stopped: threading.Event, pause_seconds: float = 1.0) -> None:
        """Send whatever is due until stopped; what goes wrong is told and survived. What is on the
        way then is waited for, however long that takes."""
        self._stopped = stopped
        while not stopped.is_set():
            try:
                asyncio.run(self._work(pause_seconds))
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
        tried, self._must_pause = 0, False
        async with channel:
            limit = asyncio.Semaphore(channel.concurrency)
            while not self._must_pause:
                count = await self._round(channel, limit)
                tried += count
                if not count:
                    break
                await self._land(self._in_air)
        return tried

    def _channel(self) -> Channel | None:
        providers = self._engine.channels.get(ChannelName.EMAIL)
        return providers.first if providers and providers.names else None

    async def _work(self, pause_seconds: float) -> None:
        """As long as there is something to do, and a while longer, over the same connections."""
        channel = self._channel()
        if channel is None:
            await asyncio.to_thread(self._stopped.wait, pause_seconds)
            return
        async with channel:
            limit = asyncio.Semaphore(channel.concurrency)
            idle_since = time.monotonic()
            while not self._stopped.is_set():
                tried = await self._survive(channel, limit, pause_seconds)
                if tried or self._in_air:
                    idle_since = time.monotonic()
                if self._must_pause:
                    self._must_pause = False
                    await asyncio.to_thread(self._stopped.wait, self._server_pause())
                elif time.monotonic() - idle_since > KEEPS_CONNECTIONS_SECONDS:
                    return
                elif not tried:
                    await asyncio.to_thread(self._wanted.wait, pause_seconds)
                    self._wanted.clear()
            while self._in_air:
                await asyncio.wait(self._in_air, return_when=asyncio.FIRST_COMPLETED)
                await self._survive(channel, limit, pause_seconds)  # begins nothing any more
            await self._survive(channel, limit, pause_seconds)

    async def _survive(self, channel: Channel, limit: asyncio.Semaphore, pause: float) -> int:
        """A round. Letters that are on the way stay so, whatever befalls it."""
        try:
            return await self._round(channel, limit)
        except (*LedgerFault, LedgerAway) as error:
            log.error("ledger.away", kind=type(error).__name__)
        except Exception:
            log.exception("postman.broken")
        await asyncio.to_thread(self._stopped.wait, pause)
        return 0

    def _server_pause(self) -> float:
        return SERVER_PAUSES_SECONDS[min(max(self._away, 1), len(SERVER_PAUSES_SECONDS)) - 1]

    async def _round(self, channel: Channel, limit: asyncio.Semaphore) -> int:
        """Claim what is due and hand it over; how many letters. Those of which nothing is known
        after a while are on the way still."""
        await asyncio.to_thread(self._hands.write_down)
        await asyncio.to_thread(self._hands.take_back)
        room = self._hands.room
        if self._away:
            room = 0 if self._is_probing else PROBE
        if room <= 0 or self._stopped.is_set():
            return 0
        claimed = await asyncio.to_thread(self._hands.claim, room)
        if claimed:
            batch = _Round(len(claimed), is_probe=bool(self._away))
            try:
                tasks = self._begin(channel, claimed, limit, batch)
            except Exception:
                for one in claimed:
                    self._hands.came(one, None)
                raise
            await self._land(tasks, ROUND_SECONDS)
            batch.is_waited_for = False
        return len(claimed)

    def _begin(
        self,
        channel: Channel,
        claimed: Sequence[Claimed],
        limit: asyncio.Semaphore,
        batch: _Round,
    ) -> Tasks:
        self._is_probing = self._is_probing or batch.is_probe
        tasks = [asyncio.create_task(self._send(channel, one, limit, batch)) for one in claimed]
        self._in_air.update(tasks)
        for task in tasks:
            task.add_done_callback(self._in_air.discard)
        return tasks

    async def _land(self, tasks: Tasks, seconds: float | None = None) -> None:
        """Wait for these, so long at most. What came of each is written down as soon as it is
        known, with whatever else has become known meanwhile: who dies leaves in doubt only what is
        in the air."""
        until = None if seconds is None else time.monotonic() + seconds
        pending = set(tasks)
        while pending:
            left = None if until is None else max(until - time.monotonic(), 0)
            done, pending = await asyncio.wait(
                pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return
            await asyncio.to_thread(self._hands.write_down)

    async def _send(
        self, channel: Channel, one: Claimed, limit: asyncio.Semaphore, batch: _Round
    ) -> None:
        handover, ending = None, None
        try:
            async with limit:
                if not self._stopped.is_set():
                    handover = await _deliver(channel, one)
            if handover is not None:
                now = self._engine.clock.now()
                ending = ending_of(one, handover, now, self._engine.settings.mail_from)
                _tell(one, handover, ending, now)
        except Exception:
            log.exception("postman.broken", outbox=one.id)
            if handover is not None:  # it may have gone: never again by itself
                gone_at = self._engine.clock.now()
                ending = MailEnding(one.id, MailStatus.FAILED, "broken", given_up_at=gone_at)
        finally:
            self._hands.came(one, ending)
            self._came_back(batch, handover)

    def _came_back(self, batch: _Round, handover: Handover | None) -> None:
        batch.came.append(handover)
        if not batch.is_waited_for:
            self.wake()
        if len(batch.came) < batch.size:
            return
        is_away = all(one is not None and one.cause is Cause.UNREACHABLE for one in batch.came)
        self._away = self._away + 1 if is_away else 0
        self._must_pause = is_away
        if batch.is_probe:
            self._is_probing = False


async def _deliver(channel: Channel, one: Claimed) -> Handover:
    message = MailMessage(
        token=str(one.id),
        contact_point=one.recipient,
        sender=one.sender,
        message_id=one.message_id,
        content=one.content,
        verdict_seconds=VERDICT_SECONDS,
    )
    try:
        return await channel.deliver(message)
    except Exception:
        log.exception("channel.broken", provider=channel.provider, outbox=one.id)
        return Handover(HandoverKind.UNCERTAIN, detail="internal error")


def _tell(one: Claimed, handover: Handover, ending: MailEnding, now: datetime) -> None:
    """The canonical line: one for each time a letter was tried."""
    waited = now - one.asked_at
    if one.kind is MailKind.ACKNOWLEDGEMENT and ending.status is MailStatus.SENT:
        metrics.letter_answered(waited.total_seconds())
    log.info(
        "letter.out",
        kind=one.kind.value,
        inquiry=one.inquiry_id,
        contact_point=mask(one.recipient),
        status=ending.status.value,
        seconds=round(waited.total_seconds(), 3),
        detail=handover.detail,
    )
    if handover.kind is HandoverKind.REFUSED and ending.status is MailStatus.WAITING:
        log.warning("letter.refused", inquiry=one.inquiry_id, detail=handover.detail)
    if ending.given_up_at is not None:
        log.warning("letter.given_up", inquiry=one.inquiry_id, detail=handover.detail)
    if one.kind is MailKind.ACKNOWLEDGEMENT and waited > MINUTE:
        log.warning("letter.late", inquiry=one.inquiry_id, seconds=int(waited.total_seconds()))
