"""The mail server of the sandbox: real SMTP, with a mailbox for every fate of a letter."""

import asyncio
import hmac
import logging
import re
import ssl
from collections.abc import Mapping
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from campaigns.channel import ChannelName
from channels.sandbox.patterns import Fate
from channels.sandbox.world import HOLD_SECONDS, Contact, World

# aiosmtpd logs every command, addresses included.
logging.getLogger("mail.log").setLevel(logging.ERROR)

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r\n[ \t]+)?(\S+)", re.IGNORECASE | re.MULTILINE)
MAX_LETTER_BYTES = 32 * 1024 * 1024

REFUSALS: Mapping[Fate, str] = {
    Fate.NO_SUCH_MAILBOX: "550 5.1.1 No such mailbox",
    Fate.TRY_LATER: "450 4.7.1 Greylisted, try again later",
    Fate.FULL: "452 4.2.2 Mailbox full",
}


class Letter(Envelope):
    """An envelope that remembers what is to become of each recipient's copy."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: list[Contact] = []


class _LetterSmtp(SMTP):
    def _create_envelope(self) -> Envelope:
        return Letter()


class MailHandler:
    """What aiosmtpd asks at each step of a letter."""

    def __init__(self, world: World, closing: asyncio.Event, *, login_needed: bool) -> None:
        self._world = world
        self._closing = closing
        self._login_needed = login_needed

    async def handle_MAIL(  # noqa: N802 - the library's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self._login_needed and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        contact = self._world.contact(ChannelName.EMAIL, address)
        refusal = REFUSALS.get(contact.fate)
        if refusal is not None:
            self._world.refused += 1
            return refusal
        envelope.rcpt_tos.append(address)
        if isinstance(envelope, Letter):
            envelope.contacts.append(contact)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self,
        server: SMTP,
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        contacts = envelope.contacts if isinstance(envelope, Letter) else []
        content = envelope.content
        for contact in contacts:
            reference = message_id(content if isinstance(content, bytes) else b"")
            self._world.take(contact, reference or contact.dice.sid("no-message-id-"))
        for contact in contacts:
            await self._be_rude(server, contact)
        return "250 2.0.0 OK: taken"

    async def _be_rude(self, server: SMTP, contact: Contact) -> None:
        """Delay the answer or never give it; a lost connection cancels this coroutine."""
        if contact.fate is Fate.SLOW:
            await self._wait(contact.slow_seconds)
        elif contact.fate is Fate.TIMEOUT_AFTER_ACCEPT:
            await self._wait(HOLD_SECONDS)
        elif contact.fate is Fate.DROP_AFTER_ACCEPT:
            transport = server.transport
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
            await self._wait(HOLD_SECONDS)

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return


class MailServer:
    """Listens on one port; with credentials it asks for a login, with a context for STARTTLS."""

    def __init__(
        self,
        world: World,
        closing: asyncio.Event,
        *,
        username: str | None,
        password: str | None,
        tls_context: ssl.SSLContext | None,
    ) -> None:
        self._handler = MailHandler(world, closing, login_needed=username is not None)
        self._username, self._password = username, password
        self._tls_context = tls_context
        self._server: asyncio.Server | None = None
        self._protocols: set[SMTP] = set()

    async def listen(self, host: str, port: int) -> int:
        """Start, and return the port (the given one, or a free one for 0)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, host, port, backlog=256)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for protocol in list(self._protocols):
            if isinstance(protocol.transport, asyncio.WriteTransport):
                protocol.transport.abort()
        await asyncio.sleep(0)  # lets the aborted connections say so

    def _protocol(self) -> SMTP:
        options: dict[str, Any] = {}
        if self._username is not None:
            options = {
                "auth_require_tls": self._tls_context is not None,
                "authenticator": self._authenticate,
            }
        self._protocols = {known for known in self._protocols if known.transport is not None}
        protocol = _LetterSmtp(
            self._handler,
            hostname="sandbox.localhost",
            ident="Dispatcher sandbox",
            enable_SMTPUTF8=True,
            data_size_limit=MAX_LETTER_BYTES,
            tls_context=self._tls_context,
            require_starttls=self._tls_context is not None,
            loop=asyncio.get_running_loop(),
            **options,
        )
        self._protocols.add(protocol)
        return protocol

    def _authenticate(
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,  # noqa: ARG002
        mechanism: str,  # noqa: ARG002
        credentials: object,
    ) -> AuthResult:
        genuine = (
            isinstance(credentials, LoginPassword)
            and hmac.compare_digest(credentials.login, (self._username or "").encode())
            and hmac.compare_digest(credentials.password, (self._password or "").encode())
        )
        return AuthResult(success=genuine, handled=genuine)


def message_id(letter: bytes) -> str:
    """The Message-ID of a letter exactly as its header writes it; empty when there is none."""
    head = letter.partition(b"\r\n\r\n")[0] + b"\r\n"
    found = _MESSAGE_ID.search(head)
    return found[1].decode("ascii", "replace") if found else ""
