"""A few SMTP connections kept open through a batch: opened at first need, reopened when lost."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiosmtplib import SMTPException
from aiosmtplib.errors import SMTPHeloError, SMTPResponseException

from channels.email import troubles
from channels.email.session import MailSession, PromptClient


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
    """At most `size` connections of one event loop."""

    def __init__(self, server: MailServer, size: int) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(size)
        self._idle: list[MailSession] = []

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        async with self._slots:
            yield

    async def take(self) -> tuple[MailSession, bool]:
        """A session and whether it is fresh. The last one put back comes first: it is warmest."""
        while self._idle:
            session = self._idle.pop()
            if session.alive:
                return session, False
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
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            raise Unreachable(error) from error
        return MailSession(client, self._server.timeout_seconds)

    def put_back(self, session: MailSession) -> None:
        if session.alive:
            self._idle.append(session)

    def drop(self, session: MailSession) -> None:
        session.abandon()

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(say_goodbye(session) for session in idle))
        await asyncio.sleep(0)  # lets the cut transports close their sockets


async def say_goodbye(session: MailSession) -> None:
    with contextlib.suppress(SMTPException, OSError):
        await session.quit()
    session.abandon()


def _own_name() -> str:
    name = socket.gethostname()
    allowed = name.isascii() and all(c.isalnum() or c in "-." for c in name)
    return name if name and allowed else "localhost"
