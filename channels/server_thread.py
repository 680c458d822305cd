"""A server in a thread and an event loop of its own, beside whatever else the program does."""

import asyncio
import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self


class ServerThread(ABC):
    """From `_begin` until `stop`, or the end of a `with` block.

    `name`: of the thread; `begin_seconds` and `stop_seconds`: how long one waits for it, None for
    as long as it takes.
    """

    def __init__(
        self, name: str, begin_seconds: float | None = 10.0, stop_seconds: float | None = 10.0
    ) -> None:
        self._name = name
        self._begin_seconds, self._stop_seconds = begin_seconds, stop_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    async def _serve(self, begun: Callable[[], None], leaving: asyncio.Event) -> None:
        """Serve until `leaving` is set; `begun` is to be called as soon as somebody may come."""

    def _begin(self) -> None:
        """Returns when it serves. Raises what keeps it from that, and RuntimeError where it takes
        too long."""
        begun: Future[None] = Future()
        # Whoever must end at once does not wait for it.
        self._thread = threading.Thread(
            target=self._live, args=(begun,), name=self._name, daemon=True
        )
        self._thread.start()
        try:
            begun.result(self._begin_seconds)
        except TimeoutError:
            raise RuntimeError(f"{self._name} does not start") from None

    @property
    def is_serving(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Harmless where it has not begun, or has stopped already."""
        if self._loop is not None and self._leaving is not None:
            with contextlib.suppress(RuntimeError):  # it has stopped already
                self._loop.call_soon_threadsafe(self._leaving.set)
        if self._thread is not None:
            self._thread.join(self._stop_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _live(self, begun: Future[None]) -> None:
        try:
            asyncio.run(self._stay(begun))
        except BaseException as error:
            if begun.done():
                raise
            begun.set_exception(error)

    async def _stay(self, begun: Future[None]) -> None:
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        await self._serve(lambda: begun.set_result(None), self._leaving)
        if not begun.done():
            raise RuntimeError(f"{self._name} has ended before it began")


def bound_socket(host: str, port: int, backlog: int) -> socket.socket:
    """A socket that already listens, at a free port where 0 is asked for."""
    bound = socket.create_server((host, port), backlog=backlog)
    # asyncio does so only for sockets it made itself; else an answer waits 40 ms for its ACK.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound
