"""Whose turn it is: those who wait to send to one provider account, and the thread that serves.

One thread in a process reserves one instant at a time, waits until it, and gives it to whoever is
best at that moment: urgent messages first, then campaigns in turn. So an urgent one never waits
behind bulk for longer than the instant that is already reserved. Those who wait belong to the event
loops of several worker threads.
"""

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass

import structlog

from dispatcher.pacing import LONGEST_WAIT_SECONDS, Gate

log = structlog.get_logger()

# How long the thread stays when nobody waits.
LINGER_SECONDS = 0.5
# How long a loop may be busy before it is passed over, or has died.
PATIENCE_SECONDS = 0.5
# After a mistake of ours.
COME_AGAIN_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class Waiting:
    """One message that waits for its turn. The future belongs to `loop` alone."""

    loop: asyncio.AbstractEventLoop
    turn: "asyncio.Future[float | None]"
    campaign_id: int


class Rota:
    """Campaigns that take turns, each with those who wait for it in the order they came."""

    def __init__(self) -> None:
        self._queues: OrderedDict[int, deque[Waiting]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, one: Waiting) -> None:
        self._queues.setdefault(one.campaign_id, deque()).append(one)
        self._count += 1

    def remove(self, one: Waiting) -> bool:
        """Whether it was still there."""
        queue = self._queues.get(one.campaign_id)
        if queue is None or one not in queue:
            return False
        queue.remove(one)
        self._count -= 1
        if not queue:
            del self._queues[one.campaign_id]
        return True

    def next(self) -> Waiting | None:
        """The first of the campaign whose turn it is, which goes to the end of the row."""
        if not self._queues:
            return None
        campaign_id, queue = self._queues.popitem(last=False)
        self._count -= 1
        one = queue.popleft()
        if queue:
            self._queues[campaign_id] = queue
        return one

    def before(self, campaign_id: int) -> int:
        """How many would go before one more of this campaign."""
        own = len(self._queues.get(campaign_id, ()))
        return own + sum(
            min(len(queue), own + 1)
            for known, queue in self._queues.items()
            if known != campaign_id
        )


class Turns:
    """A Pacer over a gate."""

    def __init__(self, gate: Gate, per_second: float, name: str = "") -> None:
        self._gate = gate
        self._name = name
        self._interval = 1 / per_second
        self._changed = threading.Condition()
        # All of these under the condition's lock.
        self._urgent = Rota()
        self._bulk = Rota()
        self._server: threading.Thread | None = None
        self._next_at = float(
            "-inf"
        )  # the instant that is reserved, or the earliest after the last
        self._gap = self._interval  # between our instants: longer when others take some
        self._rested = True
        self._given: Waiting | None = None  # whose loop has not yet heard of it

    async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:
        loop = asyncio.get_running_loop()
        one = Waiting(loop, loop.create_future(), campaign_id)
        with self._changed:
            wait_seconds = self._expected(campaign_id, urgent=urgent)
            if wait_seconds > LONGEST_WAIT_SECONDS:
                return wait_seconds
            (self._urgent if urgent else self._bulk).add(one)
            self._see_served()
        try:
            return await one.turn
        except asyncio.CancelledError:
            with self._changed:
                if not (self._urgent.remove(one) or self._bulk.remove(one)):
                    # Its turn had come just now: somebody else's, then.
                    self._give()
            raise

    def _expected(self, campaign_id: int, *, urgent: bool) -> float:
        """In how many seconds one more would have its turn."""
        before = self._urgent.before(campaign_id) if urgent else len(self._urgent)
        if not urgent:
            before += self._bulk.before(campaign_id)
        return max(self._next_at - time.monotonic(), 0) + before * self._gap

    def _see_served(self) -> None:
        if self._server is None:
            self._server = threading.Thread(
                target=self._serve, name=f"turns-{self._name}", daemon=True
            )
            self._server.start()
        else:
            self._changed.notify()

    def _serve(self) -> None:
        """Reserve and give, until nobody has been waiting for a while."""
        last_at: float | None = None
        try:
            while self._is_wanted():
                slot = self._gate.reserve(LONGEST_WAIT_SECONDS)
                with self._changed:
                    slot_at = self._next_at = time.monotonic() + slot.wait_seconds
                    if not slot.reserved:
                        self._send_away(slot.wait_seconds)
                        continue
                    if last_at is not None and not self._rested:
                        self._learn(slot_at - last_at)
                    last_at = slot_at
                    while (left := slot_at - time.monotonic()) > 0:
                        self._changed.wait(left)
                    self._next_at = slot_at + self._interval
                    self._give()
                    # A loop that is busy would otherwise find several turns at once, and send so.
                    self._changed.wait_for(self._is_told, PATIENCE_SECONDS)
        except Exception:
            # Whoever waits must not wait for ever.
            log.exception("turns.broken", account=self._name)
            with self._changed:
                self._server = None
                self._send_away(COME_AGAIN_SECONDS)

    def _is_wanted(self) -> bool:
        with self._changed:
            self._rested = not self._is_anybody_there()
            wanted = self._changed.wait_for(self._is_anybody_there, LINGER_SECONDS)
            if not wanted:
                self._server = None
            return wanted

    def _is_anybody_there(self) -> bool:
        return len(self._urgent) + len(self._bulk) > 0

    def _learn(self, gap: float) -> None:
        """How far our instants lie apart while somebody is always waiting."""
        self._gap = max(0.8 * self._gap + 0.2 * gap, self._interval)

    def _give(self) -> None:
        """The instant has come: to the best one whose loop still lives."""
        self._given = None
        while (one := self._urgent.next() or self._bulk.next()) is not None:
            if self._tell(one, None):
                self._given = one
                return

    def _send_away(self, wait_seconds: float) -> None:
        while (one := self._urgent.next() or self._bulk.next()) is not None:
            self._tell(one, wait_seconds)

    def _is_told(self) -> bool:
        return self._given is None

    def _tell(self, one: Waiting, answer: float | None) -> bool:
        """Answer in the loop that waits; False when it is closed."""

        def answer_it() -> None:
            if not one.turn.done():
                one.turn.set_result(answer)
            with self._changed:
                if self._given is one:
                    self._given = None
                    self._changed.notify()

        with contextlib.suppress(RuntimeError):
            one.loop.call_soon_threadsafe(answer_it)
            return True
        return False
