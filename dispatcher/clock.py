"""The one source of "now". Everything that needs the time is given a Clock.

Two weeks of a campaign run in seconds under a `SimulatedClock`, with the very same code that runs
under the `SystemClock`. Where several machines share a ledger they share its server's time, too: a
wall clock that is set wrong on one of them must not call anybody at night.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Protocol
from weakref import ref

import structlog

log = structlog.get_logger()

ASK_EVERY_SECONDS = 10.0
# An answer that took longer is asked for again, so often in all; the shortest counts.
QUICK_SECONDS = 0.05
TRIES = 3
# A difference that is smaller than this, or than the question took, is none.
SMALLEST_SECONDS = 0.01
# From so much on the machine's own clock is told to be wrong.
WORTH_TELLING = timedelta(seconds=5)


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def uptime_seconds() -> float:
    """Time as nobody can set it. On Linux it goes on while the machine sleeps."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


@dataclass(frozen=True, slots=True)
class Answer:
    """What another clock showed at some instant between two of our uptime: the question's and the
    answer's. Nothing else may stand between these, or the middle of them is wrong by half of it."""

    told_at: datetime
    asked_seconds: float
    heard_seconds: float

    @property
    def took_seconds(self) -> float:
        return self.heard_seconds - self.asked_seconds

    @property
    def zero_at(self) -> datetime:
        """When the uptime was nought by that clock, to half of what the answer took."""
        middle_seconds = (self.asked_seconds + self.heard_seconds) / 2
        return self.told_at.astimezone(UTC) - timedelta(seconds=middle_seconds)


class SharedClock:
    """The time that `ask` tells, which all machines ask: the clock of the ledger's server.

    It is asked at the beginning and then every ten seconds, in a thread of its own; in between, and
    while nobody answers, the machine's uptime is counted on from the last answer. The wall clock of
    the machine itself plays no part; one that differs is told in the log.
    """

    def __init__(self, ask: Callable[[], Answer], *, every_seconds: float = ASK_EVERY_SECONDS):
        self._ask = ask
        self._zero_at = datetime.min.replace(tzinfo=UTC)  # when the uptime was nought
        self._wrong = timedelta()
        self._stopped = Event()
        self.ask()
        asking = Thread(
            target=_keep_asking,
            args=(ref(self), self._stopped, every_seconds),
            name="clock",
            daemon=True,
        )
        asking.start()

    def now(self) -> datetime:
        return self._zero_at + timedelta(seconds=uptime_seconds())

    def ask(self) -> None:
        """Compare with the other clock, and follow it. Raises what asking raises."""
        answer = self._shortest()
        # Half of the question's length is what nobody knows about the answer.
        least = timedelta(seconds=max(SMALLEST_SECONDS, answer.took_seconds / 2))
        if abs(answer.zero_at - self._zero_at) > least:
            self._zero_at = answer.zero_at
        self._tell(datetime.now(UTC) - self.now())

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()

    def _shortest(self) -> Answer:
        """Of a few answers, where the first are slow."""
        shortest = self._ask()
        for _again in range(TRIES - 1):
            if shortest.took_seconds <= QUICK_SECONDS:
                break
            shortest = min(shortest, self._ask(), key=lambda answer: answer.took_seconds)
        return shortest

    def _tell(self, wrong: timedelta) -> None:
        """Once, whenever it has changed by much."""
        if abs(wrong - self._wrong) >= WORTH_TELLING:
            self._wrong = wrong
            log.warning("clock.differs", seconds=round(wrong.total_seconds(), 1))


def _keep_asking(known: "ref[SharedClock]", stopped: Event, every_seconds: float) -> None:
    """As long as somebody looks at the clock."""
    while not stopped.wait(every_seconds) and (clock := known()) is not None:
        try:
            clock.ask()
        except Exception as error:
            # The uptime goes on; whoever needs the ledger itself tells that it is away.
            log.debug("clock.alone", kind=type(error).__name__)
        del clock


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
