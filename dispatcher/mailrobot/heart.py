"""A robot's heartbeat, in a thread of its own, and its watch over the others: what a dead one was
sending is sent by the living.
"""

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault, robots

log = structlog.get_logger()

BEAT_SECONDS = 3.0
DEAD_AFTER_SECONDS = 15.0
# Longer pauses between our own looks say nothing of the others: the ledger was away for them, too.
LONGEST_STILLNESS_SECONDS = 2 * BEAT_SECONDS


class Watch:
    """Tells who has died by one clock alone, the watcher's own."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._still: dict[str, float] = {}  # for how long no beat was seen
        self._looked_at: float | None = None

    def dead(self, beats: Mapping[str, int], at: float) -> Mapping[str, int]:
        """Those that gave no sign of life for long, each with its last beat. `at` in seconds, by a
        clock that is never put forward or back."""
        since = at if self._looked_at is None else self._looked_at
        passed = min(max(at - since, 0.0), LONGEST_STILLNESS_SECONDS)
        self._still = {
            robot: self._still[robot] + passed if self._last.get(robot) == count else 0.0
            for robot, count in beats.items()
        }
        self._last, self._looked_at = dict(beats), at
        return {
            robot: count
            for robot, count in beats.items()
            if self._still[robot] >= DEAD_AFTER_SECONDS
        }


class Heart:
    """`freed` is called when there is something to send that a dead robot left behind."""

    def __init__(
        self,
        engine: Engine,
        robot: str,
        freed: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._robot, self._freed, self._clock = engine, robot, freed, clock
        self._watch = Watch()

    def beat(self) -> None:
        """Be alive in the eyes of the others, and look after them. Raises LedgerFault."""
        ledger = self._engine.ledger
        with ledger.write() as tx:
            robots.beat(tx, self._robot, self._engine.clock.now())
        with ledger.read() as tx:
            others = {one: n for one, n in robots.beats(tx).items() if one != self._robot}
            is_lost = robots.is_anything_lost(tx, self._robot)
        dead = self._watch.dead(others, self._clock())
        if not dead and not is_lost:
            return
        with ledger.write() as tx:
            freed = robots.free(tx, self._robot, dead)
        if freed:
            log.warning("outbox.freed", letters=freed)
            self._freed()

    def run(self, stopped: threading.Event, is_needed: Callable[[], bool] = lambda: True) -> None:
        """Beat until stopped, or until nothing is left that needs it."""
        while not stopped.wait(BEAT_SECONDS) and is_needed():
            try:
                self.beat()
            except (*LedgerFault, LedgerAway) as error:
                log.error("ledger.away", kind=type(error).__name__)
            except Exception:
                log.exception("heart.broken")
