"""Handing a slice of opened attempts to its providers: as many at a time as each bears, each
message at most once, and none that must not go any more.

A mail server may be told to whom the next letter goes together with the end of this one. The next
one is looked at then, and once more before anything of it is sent.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from channels.base import (
    AnnouncingChannel,
    Channel,
    Following,
    Handover,
    HandoverKind,
    Message,
    postponed,
    uncertain,
)
from dispatcher import metrics
from dispatcher.answers import FAILOVER_SECONDS, Answered
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.health import Event, note, tell
from dispatcher.last_look import LastLook
from dispatcher.ledger.circuits import Key
from dispatcher.opening import Opened
from dispatcher.own_reasons import OwnReason

log = structlog.get_logger()

# Whoever is told to stop takes nothing new and waits so long for what is under way. A service that
# is stopped is given ten seconds as a rule; the rest is for writing down what came of it.
STOP_SECONDS = 6.5
LOOK_SECONDS = 0.2
# Due again at once: another worker takes it.
STOPPED = postponed(OwnReason.STOPPED, retry_after_seconds=0)


@dataclass(frozen=True, slots=True)
class Way:
    """One provider during a batch. `trips`: how often it had been in trouble when the slice was
    judged; who is found in trouble since gets nothing more of it."""

    channel: Channel
    trips: int
    announcing: AnnouncingChannel | None = None  # the same, where it can be told what follows

    @classmethod
    def over(cls, channel: Channel, trips: int) -> "Way":
        return cls(channel, trips, channel if isinstance(channel, AnnouncingChannel) else None)

    @property
    def key(self) -> Key:
        return self.channel.channel, self.channel.provider


@dataclass(slots=True)
class _Lane:
    """One of the messages at a time that a provider bears."""

    way: Way
    waiting: deque[Opened]
    held: Opened | None = None  # nothing is known of it yet
    is_under_way: bool = False
    announced: Opened | None = None  # goes next, and the provider may know

    def take(self) -> Opened | None:
        """What goes next in this lane."""
        if self.announced is not None:
            return self.announced
        return self.waiting.popleft() if self.waiting else None

    def take_back(self) -> None:
        """What was announced does not go."""
        opened, self.announced = self.announced, None
        if opened is not None and self.way.announcing is not None:
            self.way.announcing.take_back(opened.message)


@dataclass(slots=True)
class Slice:
    """What is handed over now. `answered` hears of each what came of it, once."""

    engine: Engine
    ways: Mapping[str, Way]
    look: LastLook
    answered: Callable[[Answered], None]
    _lanes: list[_Lane] = field(default_factory=list)

    async def hand_over(self, batch: Sequence[Opened]) -> None:
        """Hand all of them over; when this process is to stop, those that are under way.

        What has not begun by then goes back. What does not end in time is uncertain.
        """
        if self.engine.stopping.is_set():  # while they were being opened
            for opened in batch:
                self._hold_back(opened, STOPPED)
            return
        queues: defaultdict[str, deque[Opened]] = defaultdict(deque)
        for opened in batch:
            queues[opened.provider].append(opened)
        for provider, queue in queues.items():
            way = self.ways[provider]
            for _ in range(min(way.channel.concurrency, len(queue))):
                self._lanes.append(_Lane(way, queue))
        tasks = {asyncio.create_task(self._run(lane)): lane for lane in self._lanes}
        try:
            await self._attend(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for lane in self._lanes:  # broken off, or left by a bug
                lane.take_back()
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _attend(self, tasks: Mapping[asyncio.Task[None], _Lane]) -> None:
        stopping, is_told = self.engine.stopping, False
        left = set(tasks)
        while left and stopping.left_seconds(STOP_SECONDS) > 0:
            _done, left = await asyncio.wait(left, timeout=LOOK_SECONDS)
            if stopping.is_set() and not is_told:
                is_told = True
                self._send_back()
                for task in left:
                    if not tasks[task].is_under_way:
                        task.cancel()

    def _send_back(self) -> None:
        for lane in self._lanes:
            if lane.announced is not None and lane.announced is not lane.held:
                self._hold_back(lane.announced, STOPPED)
                lane.take_back()
            while lane.waiting:
                self._hold_back(lane.waiting.popleft(), STOPPED)

    async def _run(self, lane: _Lane) -> None:
        while (opened := lane.take()) is not None:
            lane.held = opened
            lane.is_under_way = False
            try:
                await self._deliver(lane, opened)
            except asyncio.CancelledError:
                if lane.held is not None:
                    self._break_off(lane, lane.held)
                raise
            lane.held = None

    def _break_off(self, lane: _Lane, opened: Opened) -> None:
        """Stopped in the midst of it: what was handed over may have arrived."""
        if not lane.is_under_way:
            self._hold_back(opened, STOPPED)
            return
        lost = uncertain("stopped before the answer came")
        self.answered(Answered(opened, lost, self.engine.clock.now()))

    async def _deliver(self, lane: _Lane, opened: Opened) -> None:
        engine, way = self.engine, lane.way
        held_back = await _wait(engine, way, opened, self.look)
        if held_back is None:
            held_back = self._forbids(way, opened)
        if held_back is not None:
            if lane.announced is opened:
                lane.take_back()
            self._hold_back(opened, held_back)
            return
        lane.is_under_way = True
        lane.announced = None
        self.look.forget(opened)
        began = time.monotonic()
        handover = await deliver(way, opened, partial(self._announce, lane))
        seconds, at = time.monotonic() - began, engine.clock.now()
        lane.held = None  # from here on nothing can be broken off
        metrics.handed_over(*way.key, handover, seconds)
        self.answered(Answered(opened, handover, at))
        event = note(engine, way.key, handover, at, seconds, opened.probe)
        if event is not None:
            await asyncio.shield(asyncio.to_thread(_tell, engine, event))

    def _forbids(self, way: Way, opened: Opened) -> Handover | None:
        """Why a message whose turn has come must not go at this instant, by what is known here."""
        held_back = _too_late(self.engine, opened, self.engine.clock.now())
        if held_back is not None:
            return held_back
        if opened.probe is None and self.engine.watch.trips(way.key) != way.trips:
            # Judged anew a moment later: by another provider, or when this one is back.
            return postponed(OwnReason.PROVIDER_AWAY, retry_after_seconds=FAILOVER_SECONDS)
        return None

    def _announce(self, lane: _Lane) -> Message | None:
        """The message to go next in this lane, when it may go at this instant without waiting."""
        if not lane.waiting or self.engine.stopping.is_set():
            return None
        opened = lane.waiting[0]
        if (
            opened.probe is not None
            or self.engine.is_paced(lane.way.key)
            or not self.look.lets_go(opened)
            or self._forbids(lane.way, opened) is not None
        ):
            return None
        lane.announced = lane.waiting.popleft()
        return opened.message

    def _hold_back(self, opened: Opened, why: Handover) -> None:
        self.answered(Answered(opened, why, self.engine.clock.now(), asked=False))


async def _wait(engine: Engine, way: Way, opened: Opened, look: LastLook) -> Handover | None:
    """Wait for a message's turn; why it must not go when that has come, or cannot come soon."""
    pacer = engine.pacer(way.channel.channel, opened.provider)
    wait_seconds = await pacer.turn(opened.delivery.campaign_id, urgent=opened.delivery.urgent)
    if wait_seconds is not None:
        return postponed(OwnReason.PACE, wait_seconds)
    return await look.holds_back(opened)


def _too_late(engine: Engine, opened: Opened, now: datetime) -> Handover | None:
    """The last look at the clock: 21:00:00.000 is outside, however long the batch took, and so is a
    lease that might end before the answer comes."""
    if now >= opened.not_after:
        return postponed(OwnReason.WINDOW)
    if now >= opened.lease_until - timedelta(seconds=engine.settings.longest_message_seconds):
        return postponed(OwnReason.LEASE, retry_after_seconds=1)
    return None


async def deliver(way: Way, opened: Opened, following: Following) -> Handover:
    """Hand one message over. A bug in a channel must not take the rest of the batch with it."""
    try:
        if way.announcing is not None:
            return await way.announcing.deliver(opened.message, following)
        return await way.channel.deliver(opened.message)
    except Exception:
        log.exception("channel.broken", provider=way.channel.provider, delivery=opened.delivery.id)
        return Handover(HandoverKind.UNCERTAIN, detail="internal error")


def _tell(engine: Engine, event: Event) -> None:
    try:
        tell(engine, event)
    except LedgerAway:
        # Answers go on coming in: what they say will be said again.
        log.error("health.lost", provider=event.key[1])
    except Exception:
        # A bug here must not take the messages under way with it.
        log.exception("health.unwritable", provider=event.key[1])
