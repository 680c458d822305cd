"""The wire of one SMTP connection: groups of commands out, as many replies in, one deadline.

aiosmtplib opens the connection, encrypts it and logs in. From then on its transport speaks to this
protocol instead: aiosmtplib's own waits for one reply to one command and forgets what came beside
it, so a group of commands (RFC 2920) would lose its answers, and the locks and time-outs around
every command cost more than the rest of a letter's way.
"""

import asyncio

from aiosmtplib.errors import (
    SMTPException,
    SMTPReadTimeoutError,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from channels.email.replies import Reply

LONGEST_REPLY = 32_768  # bytes; generous over any real one
INVALID = -1  # the code of an answer that is not SMTP


class Dialogue(asyncio.Protocol):
    """Asks a server one group of commands at a time.

    What a server says unasked puts the two sides out of step: the next answer could be taken for
    another. Such a connection is not used again.
    """

    def __init__(self, transport: asyncio.Transport, timeout_seconds: float) -> None:
        self._transport = transport
        self._timeout_seconds = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._lines: list[str] = []  # of a reply that goes on
        self._length = 0
        self._awaited = 0
        self._left_for_later = 0  # of those: nobody waits for them yet
        self._replies: list[Reply] = []
        self._waiter: asyncio.Future[None] | None = None
        self._seconds = timeout_seconds
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._trouble: SMTPException | None = None
        transport.set_protocol(self)

    @property
    def alive(self) -> bool:
        return self._trouble is None and not self._transport.is_closing()

    async def ask(
        self, data: bytes, count: int = 1, timeout_seconds: float | None = None, *, later: int = 0
    ) -> tuple[list[Reply], SMTPException | None]:
        """Write `data` and wait for `count` replies to it; `later` more follow them (`hear_rest`).

        The replies that came, and why no more of them did: SMTPServerDisconnected, a time-out
        since the last of them, or SMTPResponseException for what is no reply. Raises
        SMTPServerDisconnected when the connection is known to be of no use: then nothing of `data`
        was written.
        """
        if not self.alive:
            raise SMTPServerDisconnected("Connection lost")
        self._replies = []
        self._awaited = count + later
        self._left_for_later = later
        self._seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        self._waiter = self._loop.create_future()
        self._transport.write(data)
        self._set_alarm()
        return await self._hear()

    async def hear_rest(self) -> tuple[list[Reply], SMTPException | None]:
        """Wait for the replies that were left for later; the same as `ask` returns. Once."""
        self._left_for_later = 0
        if self._awaited and self._trouble is None:
            self._waiter = self._loop.create_future()
        return await self._hear()

    async def _hear(self) -> tuple[list[Reply], SMTPException | None]:
        try:
            if self._waiter is not None:
                await self._waiter
        except asyncio.CancelledError:
            self.close()  # nobody will read the answers any more
            raise
        finally:
            self._waiter = None
        missing = max(self._awaited - self._left_for_later, 0)
        heard, self._replies = self._replies, []
        if not missing and self._left_for_later:
            # What came at once with the last of them is for later.
            came = self._left_for_later - self._awaited
            heard, self._replies = heard[: len(heard) - came], heard[len(heard) - came :]
        return heard, self._trouble if missing else None

    def close(self) -> None:
        """Cut the connection without a word; what was not yet written is not sent.

        A TLS connection closes by an exchange that would outlive the event loop and leave its
        socket open, so the transport is cut.
        """
        self._fail(SMTPServerDisconnected("Connection closed"))
        self._transport.close()
        self._transport.abort()

    # What the transport calls.

    def data_received(self, data: bytes) -> None:
        if self._trouble is not None:
            return
        self._buffer += data
        begin = 0
        while (
            self._awaited
            and self._trouble is None
            and (end := self._buffer.find(b"\n", begin)) >= 0
        ):
            self._take_line(bytes(self._buffer[begin:end]))
            begin = end + 1
        del self._buffer[:begin]
        if self._trouble is not None:
            return
        if self._length + len(self._buffer) > LONGEST_REPLY:
            self._fail(SMTPResponseException(INVALID, "Response too long"))
        elif self._buffer and not self._awaited:
            self._fail(SMTPResponseException(INVALID, "More answers than questions"))

    def eof_received(self) -> None:
        self._fail(SMTPServerDisconnected("Unexpected EOF received"))

    def connection_lost(self, exc: Exception | None) -> None:
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = exc
        self._fail(lost)

    def _take_line(self, line: bytes) -> None:
        """One line of a reply; a hyphen after its code says that the reply goes on."""
        code = line[:3]
        if not (len(code) == 3 and code.isdigit() and b"200" <= code < b"600"):
            self._fail(SMTPResponseException(INVALID, "Malformed SMTP response line"))
            return
        self._length += len(line)
        if self._length > LONGEST_REPLY:
            self._fail(SMTPResponseException(INVALID, "Response too long"))
            return
        self._lines.append(line[4:].strip(b" \t\r").decode("utf-8", "surrogateescape"))
        if line[3:4] == b"-":
            return
        self._replies.append(Reply(int(code), "\n".join(self._lines)))
        self._lines.clear()
        self._length = 0
        self._awaited -= 1
        if self._awaited:
            self._deadline = self._loop.time() + self._seconds
        if (
            self._awaited <= self._left_for_later
            and self._waiter is not None
            and not self._waiter.done()
        ):
            self._waiter.set_result(None)

    def _fail(self, trouble: SMTPException) -> None:
        """Of several troubles the first tells why."""
        if self._trouble is None:
            self._trouble = trouble
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._awaited and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_alarm(self) -> None:
        """One timer for the whole connection: it looks again when it rings too early."""
        self._deadline = self._loop.time() + self._seconds
        if self._alarm is not None:
            if self._alarm.when() <= self._deadline:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if not self._awaited:
            return
        if self._loop.time() < self._deadline:
            self._alarm = self._loop.call_at(self._deadline, self._ring)
            return
        self._fail(SMTPReadTimeoutError("Timed out waiting for server response"))
