"""A mail server that takes commands in groups (RFC 2920) and answers each group as it is told."""

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

OFFER = b"250-groups\r\n250-8BITMIME\r\n250 PIPELINING\r\n"
AGREED = (b"250 2.1.0 yours", b"250 2.1.5 theirs", b"354 go on", b"250 2.0.0 taken")


@dataclass
class Script:
    """What is answered to MAIL, RCPT, DATA and the final dot.

    None in place of an answer: the connection is closed there. `pieces` cuts what is sent after a
    group into segments; `beside_354` and `after_verdict` are said unasked.
    """

    answers: Sequence[bytes | None] = AGREED
    pieces: Callable[[bytes], list[bytes]] = lambda data: [data]
    beside_354: bytes = b""
    after_verdict: bytes = b""


@dataclass
class Heard:
    """A connection, as the server saw it."""

    groups: list[bytes] = field(default_factory=list)  # each up to its DATA, without what follows
    letters: list[bytes] = field(default_factory=list)  # with the final dot, or without where none
    farewell: bytes = b""


class GroupServer:
    """Answers a group only when its DATA has come: who speaks step by step would wait forever.

    Scripts are used one after the other, whatever the connection; then everything is agreed to.
    """

    def __init__(self, *scripts: Script, announced: int = 0) -> None:
        """`announced`: of so many letters nothing is said before the next group has come, too."""
        self.connections: list[Heard] = []
        self.left = threading.Semaphore(0)  # released when a connection is over
        self._scripts = iter(scripts)
        self._announced = announced
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    @property
    def letters(self) -> list[bytes]:
        return [letter for heard in self.connections for letter in heard.letters]

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def cut(self) -> None:
        """Close what is open, as a server does that has waited long enough."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listening.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(client)
            self.connections.append(Heard())
            heard = self.connections[-1]
            self._run(lambda client=client, heard=heard: self._serve(client, heard))  # type: ignore[misc]

    def _serve(self, client: socket.socket, heard: Heard) -> None:
        with client, contextlib.suppress(OSError):
            client.sendall(b"220 groups\r\n")
            self._converse(client, heard)
        self.left.release()

    def _converse(self, client: socket.socket, heard: Heard) -> None:
        waiting = b""
        while True:
            waiting, command = _until(client, waiting, b"\r\n")
            if not command or command.upper().startswith((b"EHLO", b"QUIT")):
                heard.farewell = command
                if command.upper().startswith(b"EHLO"):
                    client.sendall(OFFER)
                    continue
                client.sendall(b"221 bye\r\n")
                return
            waiting, rest = _until(client, waiting, b"DATA\r\n")
            heard.groups.append(command + rest)
            script = next(self._scripts, Script())
            said = [b"250 forgotten"] * (command == b"RSET\r\n") + list(script.answers[:3])
            whole = b"".join(line + b"\r\n" for line in said[: _first_none(said)] if line)
            for piece in script.pieces(whole + script.beside_354):
                client.sendall(piece)
            if None in said:
                return
            if not (script.answers[2] or b"").startswith(b"354"):
                continue
            waiting, letter = _until(client, waiting, b"\r\n.\r\n", b".\r\n")
            heard.letters.append(letter)
            if not letter.endswith(b".\r\n") or (verdict := script.answers[3]) is None:
                return
            if len(heard.letters) <= self._announced:
                waiting, group = _until(client, waiting, b"DATA\r\n")
                waiting = group + waiting
            client.sendall(verdict + b"\r\n" + script.after_verdict)


def _first_none(said: Sequence[bytes | None]) -> int:
    return said.index(None) if None in said else len(said)


def _until(
    client: socket.socket, waiting: bytes, end: bytes, alone: bytes | None = None
) -> tuple[bytes, bytes]:
    """Read up to `end` (or to `alone`, where it is the first that comes): what is left, and that.

    All that came, where the client went away first.
    """
    while True:
        if alone is not None and waiting.startswith(alone):
            return waiting[len(alone) :], alone
        found = waiting.find(end)
        if found >= 0:
            return waiting[found + len(end) :], waiting[: found + len(end)]
        more = client.recv(1 << 16)
        if not more:
            return b"", waiting
        waiting += more
