"""Whether a process can do its work now: asked by balancers and supervisors, as often as they like.

What is told says which part is missing, and nothing about anybody.
"""

import threading
import time
from collections.abc import Callable

from dispatcher.engine import Engine
from dispatcher.ledger import LedgerFault, gauges
from dispatcher.ledger.migration import LATEST, version
from dispatcher.queue import QueueAway, ping

# An answer is good for so long; whoever asks oftener is told the last one.
GOOD_FOR_SECONDS = 1.0
# So long the ledger may think.
PATIENCE_SECONDS = 3
# So long a second one who asks waits for the first: each of them keeps a thread from its work.
TURN_SECONDS = 0.2
# With somebody else asking, the last answer stands in for the next one no longer than this.
STANDS_IN_SECONDS = GOOD_FOR_SECONDS + PATIENCE_SECONDS

SHAPE_IS_OLD = "the ledger's schema is older than this program"


class Readiness:
    """`works` tells what is wrong with the role itself; nothing: all is well."""

    def __init__(
        self,
        engine: Engine,
        *,
        needs_queue: bool = False,
        works: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._works, self._clock = engine, works, clock
        self._needs_queue = needs_queue and engine.settings.redis_url is not None
        self._lock = threading.Lock()
        self._last: tuple[float, str] | None = None

    def trouble(self) -> str:
        """What keeps this process from its work; empty when nothing does."""
        if not self._lock.acquire(timeout=TURN_SECONDS):
            return self._known(STANDS_IN_SECONDS, otherwise="no answer in time")
        try:
            if self._last is None or self._clock() - self._last[0] >= GOOD_FOR_SECONDS:
                found = self._works() or self._ledger() or self._queue()
                self._last = self._clock(), found
            return self._last[1]
        finally:
            self._lock.release()

    def _known(self, seconds: float, *, otherwise: str) -> str:
        """What was answered last, if it is not older."""
        last = self._last
        return last[1] if last is not None and self._clock() - last[0] < seconds else otherwise

    def _ledger(self) -> str:
        try:
            with self._engine.ledger.read() as tx:
                gauges.limit_questions(tx, PATIENCE_SECONDS)
                found = version(tx)
        except LedgerFault:
            return "the ledger does not answer"
        # One of a newer program is well: an upgrade goes on while we work.
        return "" if found is not None and found >= LATEST else SHAPE_IS_OLD

    def _queue(self) -> str:
        url = self._engine.settings.redis_url
        if not self._needs_queue or url is None:
            return ""
        try:
            ping(url.get_secret_value())
        except QueueAway:
            return "Redis does not answer"
        return ""
