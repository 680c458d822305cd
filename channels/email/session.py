"""One open SMTP connection, spoken to step by step.

`aiosmtplib.SMTP.data` does DATA and the letter in one call, and its exception does not tell on
which side of the final dot the connection broke. Just that decides between "certainly not sent"
and "perhaps sent", so the two steps are taken apart here.
"""

import asyncio

from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPServerDisconnected

from channels.email.envelope import EnvelopeAddress
from channels.email.replies import Reply


class PromptClient(SMTP):
    """aiosmtplib's client that has really closed when it says so.

    A TLS connection closes by an exchange that would outlive the batch's event loop and leave its
    socket open, so the transport is cut; nothing of ours is in it after QUIT.
    """

    def close(self) -> None:
        transport = self.transport
        super().close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


class MailSession:
    """A connection that is logged in and greeted. Every call may raise SMTPException."""

    def __init__(self, client: SMTP, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._unfinished = False

    @property
    def alive(self) -> bool:
        return self._client.is_connected

    @property
    def takes_utf8(self) -> bool:
        return self._client.supports_extension("smtputf8")

    async def reset(self) -> None:
        """Forget a transaction that was refused half-way.

        After an accepted letter the server has forgotten by itself (RFC 5321, section 4.1.1.4),
        and a round trip is saved.
        """
        if self._unfinished:
            await self._say("RSET")
            self._unfinished = False

    async def mail(self, sender: EnvelopeAddress, *, utf8: bool, eight_bit: bool) -> Reply:
        options = ""
        if eight_bit and self._client.supports_extension("8bitmime"):
            options += " BODY=8BITMIME"
        if utf8 or sender.needs_utf8:
            options += " SMTPUTF8"
        reply = await self._say(f"MAIL FROM:<{sender.text}>{options}")
        self._unfinished = True
        return reply

    async def recipient(self, recipient: EnvelopeAddress) -> Reply:
        return await self._say(f"RCPT TO:<{recipient.text}>")

    async def start_data(self) -> Reply:
        return await self._say("DATA")

    async def content(self, block: bytes, verdict_seconds: float | None = None) -> Reply:
        """Send the prepared block and wait for the verdict on it.

        A server that scans the letter first may take minutes (RFC 5321, section 4.5.3.2.6, says
        ten): who does not wait sends it twice.
        """
        protocol = self._client.protocol
        if protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        protocol.write(block)
        seconds = self._timeout_seconds if verdict_seconds is None else verdict_seconds
        response = await protocol.read_response(timeout=seconds)
        self._unfinished = False
        return Reply(response.code, response.message)

    async def noop(self) -> Reply:
        """Ask whether the server still listens; nothing comes of it."""
        return await self._say("NOOP")

    async def quit(self) -> None:
        await self._client.quit(timeout=min(self._timeout_seconds, 2.0))

    def abandon(self) -> None:
        """Close without a word: the other side is out of step or going away."""
        self._client.close()

    async def _say(self, command: str) -> Reply:
        response = await self._client.execute_command(command.encode("utf-8"))
        return Reply(response.code, response.message)
