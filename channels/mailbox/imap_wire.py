"""A connection to a mail server on which every wait ends: in time, or when we are told to stop.

imaplib reads lines and literals of any size that a server names, and a time-out leaves its reader
unusable. Here both are bounded, and a wait in the middle of anything ends soon after `stopped` is
set.
"""

import imaplib
import select
import socket
import ssl
import threading
import time

SLICE_SECONDS = 0.1
MAX_LINE_BYTES = 16 * 1024 * 1024  # a search's answer is one line: some two million numbers
ALLOWED_BYTES = 16 * 1024 * 1024
ALLOWED_SECONDS = 120.0
_PIECE_BYTES = 64 * 1024

# The kernel finds a dead peer while we only listen: in 10 + 3 × 5 seconds.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


class Stopped(Exception):
    """We were told to stop."""


class Wire:
    """`timeout_seconds` holds for each wait; what one command may cost in all is set by `allow`."""

    def __init__(self, stopped: threading.Event, timeout_seconds: float) -> None:
        self._stopped, self._timeout_seconds = stopped, timeout_seconds
        self._buffer = bytearray()
        self._socket: socket.socket | None = None
        self._left_bytes, self._deadline = 0, 0.0
        self.allow()

    @property
    def socket(self) -> socket.socket:
        if self._socket is None:
            raise imaplib.IMAP4.abort("there is no connection")
        return self._socket

    def allow(self, size_bytes: int = ALLOWED_BYTES, seconds: float = ALLOWED_SECONDS) -> None:
        """What the answer to the next command may cost."""
        self._left_bytes, self._deadline = size_bytes, time.monotonic() + seconds

    def connect(self, host: str, port: int) -> None:
        """Try each address of the host in turn. Raises OSError."""
        trouble: OSError = OSError("the host has no address")
        for family, kind, protocol, _name, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            tried = socket.socket(family, kind, protocol)
            try:
                tried.setblocking(False)
                self._socket = tried
                if tried.connect_ex(address):
                    self._wait(select.POLLOUT)
                if code := tried.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError(code, "no connection")  # noqa: TRY301
            except OSError as error:
                tried.close()
                trouble = error
            except BaseException:
                tried.close()
                raise
            else:
                _watch_over(tried)
                return
        self._socket = None
        raise trouble

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Go on over TLS; the certificate is verified as the context says. Raises OSError.

        What came in the clear before is not believed (RFC 3501, section 6.2.1).
        """
        if self._buffer:
            raise imaplib.IMAP4.abort("something was slipped in before TLS")
        wrapped = context.wrap_socket(
            self.socket, server_hostname=host, do_handshake_on_connect=False
        )
        self._socket = wrapped
        while True:
            try:
                return wrapped.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)

    def send(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            try:
                left = left[self.socket.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(select.POLLOUT)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)

    def readline(self) -> bytes:
        """A line with its end; nothing when the server hung up."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE_BYTES:
                raise imaplib.IMAP4.abort("a line without an end")
            if not self._receive():
                return b""
        return self._consume(end + 1)

    def read(self, size: int) -> bytes:
        """So many bytes. What is larger than was asked for is not even begun."""
        if size > self._left_bytes:
            raise imaplib.IMAP4.abort("the server sends more than was asked for")
        while len(self._buffer) < size:
            if not self._receive():
                raise imaplib.IMAP4.abort("the server hung up in the middle of a letter")
        return self._consume(size)

    def has_input(self, seconds: float) -> bool:
        """Wait until there is something to read, but no longer."""
        if self._buffer:
            return True
        end = time.monotonic() + seconds
        while True:
            try:
                return self._receive(end) or self._hung_up()
            except TimeoutError:
                if time.monotonic() >= end:
                    return False
                raise

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _hung_up(self) -> bool:
        raise imaplib.IMAP4.abort("the server hung up")

    def _consume(self, size: int) -> bytes:
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise imaplib.IMAP4.abort("the server does not stop talking")
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def _receive(self, until: float | None = None) -> bool:
        """Read what there is, waiting for it if need be; False when the server hung up."""
        while True:
            try:
                piece = self.socket.recv(_PIECE_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN, until)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, until)
            else:
                self._buffer += piece
                return bool(piece)

    def _wait(self, event: int, until: float | None = None) -> None:
        """Raises TimeoutError, or Stopped."""
        poll = select.poll()
        poll.register(self.socket, event)
        if until is None:
            until = min(time.monotonic() + self._timeout_seconds, self._deadline)
        while True:
            if self._stopped.is_set():
                raise Stopped
            left = until - time.monotonic()
            if poll.poll(max(min(left, SLICE_SECONDS), 0) * 1000):
                return
            if left <= 0:
                raise TimeoutError


def _watch_over(connected: socket.socket) -> None:
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if (option := getattr(socket, name, None)) is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
