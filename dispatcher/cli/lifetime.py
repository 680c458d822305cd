"""The life of a process: its main thread turns or waits until a signal, and then all of it ends."""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import structlog

from dispatcher import metrics
from dispatcher.dispatch import Loop
from dispatcher.errors import AlreadyRunning, LedgerAway
from dispatcher.ledger import LedgerFault
from dispatcher.monitoring.pulse import Pulse
from dispatcher.settings import Settings

log = structlog.get_logger()

# Between two turns of a loop that finds work: enough for some to gather. A turn costs as much
# whether there is little to claim or much; what is claimed lasts the workers for longer than this.
BUSY_SECONDS = 0.2
# From the signal to stop to the end of the process, whatever hangs.
STOP_SECONDS = 8.5


def heed_signals(stop: threading.Event) -> threading.Event:
    """The first signal to stop sets it; a process that has not ended in time then is ended. To be
    called before anybody is told that the role works, and before it begins anything.

    A signal comes in the midst of anything, also of a wait for this very event, whose lock it would
    find taken: so it is only put into a queue that may be written to at any moment, and a thread
    that is there already, however full the machine is by then, does the rest.
    """
    signals: SimpleQueue[None] = SimpleQueue()

    def end() -> None:
        signals.get()
        stop.set()
        time.sleep(STOP_SECONDS)
        _end_at_once()

    threading.Thread(target=end, name="signals", daemon=True).start()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: signals.put(None))
    return stop


def _end_at_once() -> None:
    """Something hangs: a database, a provider, a thread. What is in flight stands in the ledger and
    is found there; whoever stopped us would kill us a little later all the same."""
    log.warning("stop.forced", after_seconds=STOP_SECONDS)
    os._exit(0)


@contextmanager
def ended_together() -> Iterator[list[Callable[[], object]]]:
    """At its end everything in the list is called side by side: there is one time for all of them,
    and the parts of a process do not depend on each other's patience."""
    endings: list[Callable[[], object]] = []
    try:
        yield endings
    finally:
        with ThreadPoolExecutor(max(len(endings), 1)) as hands:
            for done in [hands.submit(end) for end in endings]:
                done.result()


def turn(
    loop: Loop, poll_seconds: float, stop: threading.Event, pulse: Pulse | None = None
) -> None:
    """Tick until stopped. A database that is away is waited for; any other error is a bug, told
    and survived, because the campaigns of others must go on."""
    while not stop.is_set():
        trouble = ""
        pause_seconds = poll_seconds
        try:
            is_busy = _tick(loop)
            pause_seconds = BUSY_SECONDS if is_busy else loop.idle_seconds(poll_seconds)
        except (*LedgerFault, LedgerAway) as error:
            log.error("ledger.away", kind=type(error).__name__)
            metrics.tick_broken("ledger_away")
            trouble = "the ledger does not answer"
        except Exception:
            log.exception("loop.broken")
            metrics.tick_broken("bug")
            trouble = "the last turn of the loop was broken off"
        if pulse is not None:
            pulse.turn(trouble)
        stop.wait(pause_seconds)


def _tick(loop: Loop) -> bool:
    """One turn; whether there is more to do at once."""
    with metrics.tick() as counted:
        tick = loop.tick()
        counted.claimed = tick.claimed
    return tick.is_full or not tick.is_idle


def wait(stop: threading.Event, pulse: Pulse | None = None) -> None:
    """Until a signal says so; one in the instant before we begin to wait would wake nobody."""
    while not stop.wait(0.5):
        if pulse is not None:
            pulse.turn()


@contextmanager
def on_the_ledger(settings: Settings) -> Iterator[None]:
    """Roles may share an embedded ledger with each other, but not with `up`, which on its start
    takes everything in flight for dead."""
    if not settings.is_embedded:
        yield
        return
    with locked(settings.data_dir, fcntl.LOCK_SH):
        yield


@contextmanager
def locked(data_dir: Path, how: int) -> Iterator[None]:
    """A lock on the folder of the embedded ledger; it goes with the process."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(str(data_dir)) from None
        yield
