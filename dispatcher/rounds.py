"""A thread that looks again and again for something to do, as long as its process lives."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import structlog

from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault

log = structlog.get_logger()

LOOK_SECONDS = 1.0


class Rounds(ABC):
    """`name`: of the thread; `join_seconds`: how long the end of the process waits for it."""

    def __init__(self, name: str, join_seconds: float) -> None:
        self._name, self._join_seconds = name, join_seconds
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(self._join_seconds)

    @property
    def is_whole(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @abstractmethod
    def _run(self) -> None:
        """What the thread does: to prepare, and to `_go_round`."""

    def _go_round(self, turn: Callable[[], object]) -> None:
        """One turn after the other. A turn that found nothing to do says so by what is false."""
        while not self._ended.is_set():
            try:
                found = bool(turn())
            except (LedgerAway, *LedgerFault) as error:
                log.error("ledger.away", kind=type(error).__name__)
                found = False
            except Exception:
                # A bug here must not end the thread: others wait for it, too.
                log.exception(f"{self._name}.broken")
                found = False
            self._rest(found=found)

    def _rest(self, *, found: bool) -> None:
        if not found:
            self._ended.wait(LOOK_SECONDS)
