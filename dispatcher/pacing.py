"""How fast a provider is used: the instants at which messages may go, one every 1/rate seconds.

Not so many in each calendar second: at the edge of two such seconds twice as many would go at once,
and a provider that looks at a sliding second would turn them away. Whoever wants to send reserves
an instant (virtual scheduling, as in GCRA); instants are never closer together than the rate says.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

# Who would wait longer than this is told to come again: what stands open in a worker's hands
# is what a crash leaves in doubt.
LONGEST_WAIT_SECONDS = 20.0
# How late a busy process may be for an instant without losing it. What is made up for comes closer
# to the next one by as much.
LATENESS_SECONDS = 0.004
# How much of a limit is used. One message more than the limit then needs 1.0178 seconds, whatever
# the limit: with the first of them late by the above, no sliding second holds more than the
# provider allows, and 13 ms are left for what the way to it may crowd.
USED_SHARE = 0.9825


def rate_below(per_second: float) -> float:
    """At how many a second messages go to a provider that takes so many in any second."""
    return per_second * USED_SHARE


class ProviderLimit(BaseModel):
    """What one provider account bears. None: no limit of ours."""

    per_second: float | None = Field(default=None, strict=True, gt=0, le=10_000)
    at_once: int | None = Field(default=None, strict=True, ge=1, le=100_000)  # calls

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pacer(Protocol):
    """Hands out the instants at which messages may go to one provider account."""

    async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:
        """Wait for one's turn, then None; or at once the seconds after which to come again, when
        the turn would come too late. Urgent messages go first, campaigns take turns."""
        ...


class Unpaced:
    """No limit: everybody's turn is now."""

    async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class Slot:
    """An instant to send at, so many seconds from now; a moment ago if we are a little late.

    With `reserved` false it is too far ahead to be kept for anybody: nothing was taken.
    """

    wait_seconds: float
    reserved: bool = True


class Gate(Protocol):
    """Reserves instants for one provider account; may be used from any thread."""

    def reserve(self, longest_seconds: float) -> Slot:
        """The next free instant, unless it is further ahead than that. Never raises."""
        ...


class LocalGate:
    """The instants of one process."""

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second
        self._now = now
        self._lock = threading.Lock()
        self._next_at = float("-inf")

    def reserve(self, longest_seconds: float) -> Slot:
        with self._lock:
            now = self._now()
            # After a rest the first one goes now; nothing is saved up.
            at = self._next_at if self._next_at >= now - LATENESS_SECONDS else now
            if at - now > longest_seconds:
                return Slot(at - now, reserved=False)
            self._next_at = at + self._interval
            return Slot(at - now)
