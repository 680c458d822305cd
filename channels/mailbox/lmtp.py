"""Letters in by LMTP or SMTP, from a mail server that hands them over to us.

A letter is agreed to (250) only once it is safely in the ledger. In any doubt it is not: the mail
server keeps it and comes again, and the ledger tells what it took already.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from types import TracebackType
from typing import Self

from channels.mailbox.arrived import Arrived
from channels.mailbox.envelope_header import with_envelope
from channels.mailbox.lmtp_protocol import LetterIn, Room, TurnedAway

logger = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
MAX_CONNECTIONS = 50
LETTERS_IN_THE_AIR = 5  # of the largest size: what all connections together may hold in memory
TAKERS = 4


class LmtpListener:
    """Listens in a thread of its own; `port` is known as soon as it is made.

    Who is let in is the network's business: bind it to the loopback, or to an inner address that
    only the mail server reaches. `take` is called in a worker thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        take: Callable[[Arrived], bool],
        *,
        now: Callable[[], datetime],
        letter_max_bytes: int = 40 * MEGABYTE,
        take_seconds: float = 30.0,
        idle_seconds: float = 300.0,
        max_connections: int = MAX_CONNECTIONS,
        name: str = "lmtp",
    ) -> None:
        self._take, self._now, self._name = take, now, name
        self._letter_max_bytes = letter_max_bytes
        self._take_seconds, self._idle_seconds = take_seconds, idle_seconds
        self._max_connections = max_connections
        self._room = Room(LETTERS_IN_THE_AIR * letter_max_bytes)
        self._socket = socket.create_server((host, port), backlog=128)
        # asyncio does so only for sockets it made itself; else an answer waits 40 ms for its ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._takers = ThreadPoolExecutor(TAKERS, thread_name_prefix="lmtp-take")
        self._connections: set[LetterIn] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Take letters; returns when it does."""
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), name="lmtp", daemon=True
        )
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the listener does not start")
        return self

    @property
    def is_listening(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Hang up. A letter that is being taken is taken, and comes again: nobody said 250."""
        if self._loop is not None and self._leaving is not None:
            with contextlib.suppress(RuntimeError):  # it has stopped already
                self._loop.call_soon_threadsafe(self._leaving.set)
        if self._thread is not None:
            self._thread.join(10)
        self._takers.shutdown(wait=False, cancel_futures=True)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(self._connection, sock=self._socket)
        ready.set()
        await self._leaving.wait()
        server.close()
        for connection in list(self._connections):
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        await asyncio.sleep(0)  # lets the aborted connections say so

    def _connection(self) -> asyncio.Protocol:
        if len(self._connections) >= self._max_connections:
            logger.warning("%s: too many connections", self._name)
            return TurnedAway()
        connection = LetterIn(
            self._hand_over,
            self._room,
            lambda: self._connections.discard(connection),
            hostname="dispatcher.localhost",
            ident="Dispatcher",
            enable_SMTPUTF8=True,
            data_size_limit=self._letter_max_bytes,
            timeout=self._idle_seconds,
            loop=asyncio.get_running_loop(),
        )
        self._connections.add(connection)
        return connection

    async def _hand_over(self, letter: bytes, sender: str, recipients: list[str]) -> bool:
        """Whether the letter is safe. Raises what `take` raises, and TimeoutError."""
        raw = with_envelope(letter, sender, recipients)
        arrived = Arrived(self._name, raw, self._now(), size_bytes=len(raw))
        taking = asyncio.get_running_loop().run_in_executor(self._takers, self._take, arrived)
        # One that has not begun in time is called off; one under way goes on, and is known when
        # the letter comes again.
        return await asyncio.wait_for(taking, self._take_seconds)
