"""A few SMTP connections kept open: opened at first need, reopened when lost, left when idle."""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import cast

from aiosmtplib import SMTPException
from aiosmtplib.errors import SMTPHeloError, SMTPResponseException, SMTPServerDisconnected

from channels.email import troubles
from channels.email.dialogue import Dialogue
from channels.email.session import Extensions, MailSession, PromptClient

# Servers let go of a silent client after some minutes (RFC 5321, section 4.5.3.2.7: five at least),
# firewalls sooner and without a word; a new connection costs less than a letter that waits.
LONGEST_IDLE_SECONDS = 60.0
GOODBYE_SECONDS = 2.0
# A server that has said "go on" hears the letter within this time, or nothing at all.
LONGEST_ANNOUNCED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are handed over, and how to get in."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: str
    timeout_seconds: float
    verify_certificates: bool
    tls_context: ssl.SSLContext | None
    local_hostname: str | None

    def client(self) -> PromptClient:
        # start_tls=None would upgrade by chance; the settings alone decide. A name for EHLO is
        # given because the library would otherwise ask DNS for it on every connection.
        return PromptClient(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            timeout=self.timeout_seconds,
            use_tls=self.tls == "tls",
            start_tls=self.tls == "starttls",
            validate_certs=self.verify_certificates,
            tls_context=self.tls_context,
            local_hostname=self.local_hostname or _own_name(),
        )


class Unreachable(Exception):
    """No usable connection to the server: certainly nothing was sent.

    `detail` is for staff and logs: what to look at, never a secret or an address of a customer;
    `words` is the same in the reader's language. `cause` tells a login that is refused from a
    server that is away.
    """

    def __init__(self, error: Exception) -> None:
        code = error.code if isinstance(error, SMTPResponseException) else None
        trouble = troubles.trouble_of(error)
        self.detail = trouble.format(code=code)
        self.words = troubles.words(trouble, code)
        self.cause = troubles.cause_of(error)
        super().__init__(self.detail)


class ConnectionPool:
    """At most `size` connections of one event loop; who delivers holds one of `slots` meanwhile.

    So does a letter that was announced: its connection can be used for nothing else.

    A connection that nobody has used for `longest_idle_seconds` is said goodbye to, also when no
    letter comes for hours, as long as the loop turns.
    """

    def __init__(
        self, server: MailServer, size: int, longest_idle_seconds: float = LONGEST_IDLE_SECONDS
    ) -> None:
        self.slots = asyncio.Semaphore(size)
        self._server = server
        self._longest_idle_seconds = longest_idle_seconds
        self._loop = asyncio.get_running_loop()
        self._idle: list[MailSession] = []  # the longest idle first
        self._announced: dict[str, MailSession] = {}  # by Message-ID
        self._sweep: asyncio.TimerHandle | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()

    async def take(self) -> tuple[MailSession, bool]:
        """A session and whether it is fresh. The last one put back comes first: it is warmest.

        Raises Unreachable.
        """
        while self._idle:
            session = self._idle.pop()
            if session.alive and not self._is_stale(session):
                return session, False
            self._let_go(session)
        return await self.open(), True

    async def open(self) -> MailSession:
        """A new session, greeted and logged in. Raises Unreachable."""
        client = self._server.client()
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                try:
                    await client.ehlo()
                except SMTPHeloError:
                    await client.helo()
            if client.transport is None or not client.is_connected:
                raise SMTPServerDisconnected("Connection lost")
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            raise Unreachable(error) from error
        except asyncio.CancelledError:
            client.close()
            raise
        # uvloop's transports are such in all but their class.
        dialogue = Dialogue(cast(asyncio.Transport, client.transport), self._server.timeout_seconds)
        return MailSession(dialogue, Extensions.of(client))

    def put_back(self, session: MailSession) -> None:
        if not session.alive:
            session.abandon()
            return
        session.idle_since = self._loop.time()
        self._idle.append(session)
        if self._sweep is None:
            self._look_again_after(self._longest_idle_seconds)

    def keep_for(self, message_id: str, session: MailSession) -> None:
        """The connection on which this letter was announced."""
        session.idle_since = self._loop.time()
        self._announced[message_id] = session
        self._loop.call_later(LONGEST_ANNOUNCED_SECONDS, self._wait_no_more, message_id, session)

    def _wait_no_more(self, message_id: str, session: MailSession) -> None:
        """Whoever announced a letter may have been told to stop before it was announced, and say
        nothing of it afterwards."""
        if self._announced.get(message_id) is session:
            self.forget(message_id)

    def has(self, message_id: str) -> bool:
        return message_id in self._announced

    def forget(self, message_id: str) -> None:
        """This letter does not come: a connection that expects one is of no use for any other."""
        session = self._announced.pop(message_id, None)
        if session is not None:
            session.abandon()
            self.slots.release()

    def take_announced(self, message_id: str) -> MailSession | None:
        """The connection that expects this letter, when it still does: the server has not gone, and
        was not kept waiting for long."""
        session = self._announced.pop(message_id, None)
        if session is None:
            return None
        waited_seconds = self._loop.time() - session.idle_since
        if session.alive and waited_seconds < LONGEST_ANNOUNCED_SECONDS:
            return session
        session.abandon()
        return None

    async def close(self) -> None:
        for message_id in list(self._announced):
            self.forget(message_id)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        idle, self._idle = self._idle, []
        await asyncio.gather(*self._goodbyes, *(say_goodbye(session) for session in idle))
        await asyncio.sleep(0)  # lets the cut transports close their sockets

    def _is_stale(self, session: MailSession) -> bool:
        return self._loop.time() - session.idle_since >= self._longest_idle_seconds

    def _let_go(self, session: MailSession) -> None:
        if not session.alive:
            session.abandon()
            return
        goodbye = self._loop.create_task(say_goodbye(session))
        self._goodbyes.add(goodbye)
        goodbye.add_done_callback(self._goodbyes.discard)

    def _look_again_after(self, seconds: float) -> None:
        self._sweep = self._loop.call_later(max(seconds, 0.01), self._let_the_stale_go)

    def _let_the_stale_go(self) -> None:
        self._sweep = None
        idle, self._idle = self._idle, []
        for session in idle:
            if session.alive and not self._is_stale(session):
                self._idle.append(session)
            else:
                self._let_go(session)
        if self._idle:
            oldest = self._idle[0].idle_since
            self._look_again_after(oldest + self._longest_idle_seconds - self._loop.time())


async def say_goodbye(session: MailSession) -> None:
    try:
        with contextlib.suppress(SMTPException, OSError):
            await session.quit(GOODBYE_SECONDS)
    finally:
        session.abandon()


def _own_name() -> str:
    name = socket.gethostname()
    allowed = name.isascii() and all(c.isalnum() or c in "-." for c in name)
    return name if name and allowed else "localhost"
