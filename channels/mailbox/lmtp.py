"""Letters in by LMTP or SMTP, from a mail server that hands them over to us.

A letter is agreed to (250) only once it is safely in the ledger. In any doubt it is not: the mail
server keeps it and comes again, and the ledger tells what it took already.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Self

from channels.mailbox.arrived import Arrived
from channels.mailbox.envelope_header import with_envelope
from channels.mailbox.lmtp_protocol import LetterIn, Room, TurnedAway
from channels.server_thread import ServerThread, bound_socket

logger = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
MAX_CONNECTIONS = 50
LETTERS_IN_THE_AIR = 5  # of the largest size: what all connections together may hold in memory
TAKERS = 4


class LmtpListener(ServerThread):
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
        super().__init__("lmtp")
        self._take, self._now, self._mailbox = take, now, name
        self._letter_max_bytes = letter_max_bytes
        self._take_seconds, self._idle_seconds = take_seconds, idle_seconds
        self._max_connections = max_connections
        self._room = Room(LETTERS_IN_THE_AIR * letter_max_bytes)
        self._socket = bound_socket(host, port, backlog=128)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._takers = ThreadPoolExecutor(TAKERS, thread_name_prefix="lmtp-take")
        self._connections: set[LetterIn] = set()

    def start(self) -> Self:
        """Take letters; returns when it does."""
        self._begin()
        return self

    def stop(self) -> None:
        """Hang up. A letter that is being taken is taken, and comes again: nobody said 250."""
        super().stop()
        self._takers.shutdown(wait=False, cancel_futures=True)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    async def _serve(self, begun: Callable[[], None], leaving: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._connection, sock=self._socket)
        begun()
        await leaving.wait()
        server.close()
        for connection in list(self._connections):
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        await asyncio.sleep(0)  # lets the aborted connections say so

    def _connection(self) -> asyncio.Protocol:
        if len(self._connections) >= self._max_connections:
            logger.warning("%s: too many connections", self._mailbox)
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
        arrived = Arrived(self._mailbox, raw, self._now(), size_bytes=len(raw))
        taking = asyncio.get_running_loop().run_in_executor(self._takers, self._take, arrived)
        # One that has not begun in time is called off; one under way goes on, and is known when
        # the letter comes again.
        return await asyncio.wait_for(taking, self._take_seconds)
