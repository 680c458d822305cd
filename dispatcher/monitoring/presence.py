"""A process's signs of life in the ledger, so that anybody can tell which roles are at work."""

import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Self

import structlog

from dispatcher import metrics
from dispatcher.errors import LedgerAway
from dispatcher.ledger import Ledger, LedgerFault, processes
from dispatcher.ledger.processes import BEAT_SECONDS, Process

log = structlog.get_logger()

# A ledger that is away must not hold up a stop: who cannot say goodbye is missed soon.
GOODBYE_SECONDS = 3.0


def program_version() -> str:
    """The version of this program."""
    try:
        return version("dispatcher")
    except PackageNotFoundError:
        return "unknown"


class Presence:
    """Beats in a thread of its own for the length of a `with` block. Nothing that befalls it stops
    the role: who is not seen works all the same."""

    def __init__(
        self,
        ledger: Ledger,
        role: str,
        queues: Sequence[str] = (),
        *,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self._ledger, self._beat_seconds = ledger, beat_seconds
        self._process = Process(
            id=str(uuid.uuid4()),
            role=role,
            host=socket.gethostname(),
            pid=os.getpid(),
            queues=tuple(queues),
            version=program_version(),
        )
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def _run(self) -> None:
        self._try(self._beat)
        while not self._stopped.wait(self._beat_seconds):
            self._try(self._beat)
        self._try(self._leave)

    def _beat(self) -> None:
        with self._ledger.write() as tx:
            processes.beat(tx, self._process)

    def _leave(self) -> None:
        with self._ledger.write() as tx:
            processes.leave(tx, self._process.id)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (*LedgerFault, LedgerAway) as error:
            metrics.beat_unwritten()
            log.error("ledger.away", kind=type(error).__name__)
        except Exception:
            metrics.beat_unwritten()
            log.exception("presence.broken")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join(GOODBYE_SECONDS)
