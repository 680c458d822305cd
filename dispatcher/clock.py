"""The one source of "now". Everything that needs the time is given a Clock.

Two weeks of a campaign run in seconds under a `SimulatedClock`, with the very same code that runs
under the `SystemClock`.
"""

from datetime import UTC, datetime
from threading import Lock
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class SimulatedClock:
    """Stands still until it is told to move, and never goes back."""

    def __init__(self, start_at: datetime) -> None:
        self._now = start_at.astimezone(UTC)
        self._lock = Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def move_to(self, instant: datetime) -> None:
        """Move forward to `instant`; an instant already past changes nothing."""
        with self._lock:
            self._now = max(self._now, instant.astimezone(UTC))
