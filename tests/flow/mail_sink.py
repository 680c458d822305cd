"""A mail server for the tests: real SMTP for what the robot sends, with a say in each step."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Received:
    """A letter as it came over the wire."""

    sender: str  # of the envelope
    recipient: str
    content: bytes = field(repr=False)
    at: float = 0.0  # by the monotonic clock

    @property
    def letter(self) -> EmailMessage:
        return message_from_bytes(self.content, EmailMessage, policy=policy.default)

    @property
    def text(self) -> str:
        body = self.letter.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def header(self, name: str) -> str:
        return str(self.letter.get(name, ""))


class MailSink:
    """`refusals` answers RCPT for an address, `sender_refusals` MAIL (empty: for the null path);
    `after_content` is told of a letter before the server says that it took it, and may raise Rude
    to say nothing at all. About a letter to one of `thinking` the server thinks until the event.
    Stopped, it frees its port and takes it again when it is started."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refusals: dict[str, str] = {}
        self.sender_refusals: dict[str, str] = {}
        self.thinking: dict[str, threading.Event] = {}
        self.after_content: Callable[[Received], object] = lambda _received: None
        self.after_refusal: Callable[[], object] = lambda: None
        self.connections = 0
        self._changed = threading.Condition()
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._open: list[SMTP] = []
        self.start()

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        listening = socket.create_server(("127.0.0.1", self._port), backlog=128)
        # asyncio does so only for sockets it made itself; else each answer waits 40 ms for an ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = int(listening.getsockname()[1])
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listening, ready)), daemon=True
        )
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        if self._loop is not None and self._leaving is not None and self._thread is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._leaving.set)
            self._thread.join(10)
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def to(self, recipient: str) -> Sequence[Received]:
        return [one for one in self.received if one.recipient == recipient]

    def wait_for(self, met: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
        """Until something that this server's events change is so; whether it is."""
        until = time.monotonic() + seconds
        with self._changed:
            while not met():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                # Events wake us; the tick is for what is learnt elsewhere, after them.
                self._changed.wait(min(left, 0.05))
        return True

    async def _serve(self, listening: socket.socket, ready: threading.Event) -> None:
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(self._protocol, sock=listening)
        ready.set()
        await self._leaving.wait()
        server.close()
        for one in self._open:
            _hang_up(one)
        self._open.clear()
        await asyncio.sleep(0)  # lets the aborted connections say so

    def _protocol(self) -> SMTP:
        self.connections += 1
        protocol = SMTP(
            self,
            hostname="sink.localhost",
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )
        self._open.append(protocol)
        self._tell()
        return protocol

    async def handle_MAIL(  # noqa: N802 - the library's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if (refusal := self.sender_refusals.get(address.strip("<>"))) is not None:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address in self.refusals:
            self._tell()
            refusal = self.refusals[address]
            self.after_refusal()
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        one = Received(
            (envelope.mail_from or "").strip("<>"),
            envelope.rcpt_tos[0],
            content,
            at=time.monotonic(),
        )
        self.received.append(one)
        try:
            self.after_content(one)
        except Rude:
            _hang_up(server)
        self._tell()
        if (thought := self.thinking.get(one.recipient)) is not None:
            await asyncio.to_thread(thought.wait, PATIENCE_SECONDS)
        return "250 taken"

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()


class Rude(Exception):
    """The server has the letter and hangs up without a word."""


def _hang_up(server: SMTP) -> None:
    transport = server.transport
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
