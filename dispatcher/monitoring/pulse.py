"""Whether a process's main thread turns."""

import time
from collections.abc import Callable

# Longer than anything that a turn waits for: a ledger that is away for a minute, twice.
STILL_AFTER_SECONDS = 180.0


class Pulse:
    """The main thread says so at each turn; others ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at = clock()
        self._trouble = ""

    def turn(self, trouble: str = "") -> None:
        """The main thread is alive; `trouble` is what kept it from its work in this turn."""
        self._turned_at, self._trouble = self._clock(), trouble

    @property
    def is_still(self) -> bool:
        """Whether it has not turned for so long that it never will again."""
        return self._clock() - self._turned_at > STILL_AFTER_SECONDS

    @property
    def trouble(self) -> str:
        """What kept it from its work; empty when nothing did."""
        return "the main thread stands still" if self.is_still else self._trouble
