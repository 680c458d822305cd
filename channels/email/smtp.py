"""E-mail out by SMTP over a few kept-open connections.

The reference of an accepted letter is its Message-ID: a letter sent again carries the same one, so
a provider's log, a bounce and our ledger speak of the same thing.
"""

import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

from aiosmtplib import SMTPException
from aiosmtplib.errors import SMTPServerDisconnected

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import (
    AccountState,
    Cause,
    Fault,
    Following,
    Handover,
    MailMessage,
    Message,
    Payload,
    Receipt,
    Sought,
    accepted,
    postponed,
    refused,
    uncertain,
)
from channels.email.connections import ConnectionPool, MailServer, Unreachable, say_goodbye
from channels.email.envelope import (
    EnvelopeAddress,
    UnsafeAddress,
    data_block,
    envelope_address,
    has_utf8_headers,
    return_path,
)
from channels.email.replies import Reply, Stage, judge_refusal
from channels.email.session import CLOSING, Envelope, MailSession
from channels.gateway import is_loopback
from channels.looplocal import LoopLocal
from templates.i18n import _

TlsMode = Literal["none", "starttls", "tls"]


class SmtpChannel:
    """Hands letters to one mail server.

    `tls`: `starttls` (port 587, the default), `tls` (465) or `none`. Certificates are verified
    unless `verify_certificates` is set to False by hand. Raises ValueError when a password would
    travel in the clear to another machine. Time-outs are in seconds and hold for each step.
    """

    channel = ChannelName.EMAIL
    provider = "smtp"

    def __init__(
        self,
        host: str,
        port: int,
        *,
        username: str | None = None,
        password: str | None = None,
        tls: TlsMode = "starttls",
        timeout_seconds: float = 30.0,
        concurrency: int = 8,
        verify_certificates: bool = True,
        tls_context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
    ) -> None:
        if username and tls == "none" and not is_loopback(host):
            raise ValueError(
                _(
                    "the password of the mail server {host} would travel unencrypted; "
                    "set tls to starttls or tls"
                ).format(host=host)
            )
        self.concurrency = concurrency
        self._server = MailServer(
            host=host,
            port=port,
            username=username or None,
            password=password or None,
            tls=tls,
            timeout_seconds=timeout_seconds,
            verify_certificates=verify_certificates,
            tls_context=tls_context,
            local_hostname=local_hostname,
        )
        self._pools: LoopLocal[ConnectionPool] = LoopLocal("the e-mail channel")

    async def __aenter__(self) -> Self:
        if not self._pools.join():
            self._pools.open(ConnectionPool(self._server, self.concurrency))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool = self._pools.leave()
        if pool is not None:
            await pool.close()

    async def deliver(self, message: Message, following: Following | None = None) -> Handover:
        """Send one letter at most once. See `channels.base` for what each answer means, and what
        `following` is for."""
        if not isinstance(message, MailMessage):
            raise TypeError("the e-mail channel sends letters only")
        sender = return_path(message.sender)  # ours: a bad one is a mistake in the settings
        try:
            recipient = envelope_address(message.contact_point)
        except UnsafeAddress as error:
            return refused(Outcome.BAD_ADDRESS, str(error), Fault.RECIPIENT)
        pool = self._pools.current()
        if not pool.has(message.message_id):  # else it holds its slot already
            await pool.slots.acquire()
        way = _Way(pool, message, sender, recipient, following)
        try:
            return await way.deliver()
        except Unreachable as error:
            return postponed(error.detail, cause=error.cause)
        finally:
            if not pool.has(way.announced):
                pool.slots.release()

    def take_back(self, announced: Message) -> None:
        """A letter that `following` named is not delivered after all."""
        if isinstance(announced, MailMessage):
            self._pools.current().forget(announced.message_id)

    async def look_up(self, reference: str) -> Receipt | None:  # noqa: ARG002 - the contract
        """SMTP has no way to ask afterwards; bounces come by mail."""
        return None

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:  # noqa: ARG002
        return None

    async def account(self) -> AccountState:
        """Connect, encrypt and log in as for a letter, and say goodbye: no letter is begun.

        What is wrong is told in the reader's language, without the server's own words.
        """
        pool = self._pools.current()
        async with pool.slots:
            try:
                session = await pool.open()
            except Unreachable as error:
                return AccountState(False, error.words)
            try:
                reply = await session.noop()
            except SMTPException:
                return AccountState(False, _("the mail server drops the connection"))
            finally:
                await say_goodbye(session)
        if not reply.positive:
            return AccountState(False, _("the mail server answers {code}").format(code=reply.code))
        return AccountState(True, _("the mail server lets us in"))

    def receipt(self, payload: Payload) -> Receipt:
        """SMTP calls nobody back; raises NotImplementedError, for nothing can lead here."""
        raise NotImplementedError(
            f"no receipts by HTTP for e-mail: {payload.url.partition('?')[0]}"
        )


class _Way:
    """One letter's way to the server."""

    def __init__(
        self,
        pool: ConnectionPool,
        message: MailMessage,
        sender: EnvelopeAddress,
        recipient: EnvelopeAddress,
        following: Following | None,
    ) -> None:
        self._pool, self._message, self._following = pool, message, following
        self._sender, self._recipient = sender, recipient
        self.announced = ""  # the Message-ID of the letter whose envelope went out behind this one

    async def deliver(self) -> Handover:
        """Use a kept connection; when the server closed it meanwhile, a fresh one, once. Raises
        Unreachable."""
        pool = self._pool
        session = pool.take_announced(self._message.message_id)
        is_begun, fresh = session is not None, False
        if session is None:
            session, fresh = await pool.take()
        handover = await self._send(session, is_begun=is_begun)
        if handover is None and not fresh:
            session.abandon()
            session = await pool.open()
            handover = await self._send(session)
        if self.announced and session.alive:
            pool.keep_for(self.announced, session)
        else:
            pool.put_back(session)
        return handover or postponed(
            "the mail server closes the connection at once", cause=Cause.UNREACHABLE
        )

    async def _send(self, session: MailSession, *, is_begun: bool = False) -> Handover | None:
        """One transaction; None when the connection was found dead before anything was said."""
        envelope = _envelope(session, self._message, self._sender, self._recipient)
        if isinstance(envelope, Handover):
            return envelope
        begun = await (session.go_on() if is_begun else session.begin(envelope))
        stage, reply = begun.stage, begun.reply
        if reply is None:
            session.abandon()
            if not isinstance(begun.trouble, SMTPServerDisconnected):
                # A time-out or an answer that is not SMTP: the letter has not begun.
                return postponed(
                    f"{stage}: no proper answer in time, before the letter", cause=Cause.UNREACHABLE
                )
            # An envelope that went out ahead of its turn is given a connection of its own.
            return None if stage is Stage.SENDER or is_begun else _dropped(stage)
        if reply.code == CLOSING and stage is Stage.SENDER:  # for idleness: a fresh one may do
            session.abandon()
            return None
        if not begun.may_go_on:
            return _refusal(session, reply, stage)
        if not session.alive:  # it said more than it was asked, or went away with the answer
            session.abandon()
            return _dropped(stage)
        return await self._send_content(session)

    async def _send_content(self, session: MailSession) -> Handover:
        """The letter itself: from the first byte on, silence no longer means "not sent"."""
        message = self._message
        block = data_block(message.content)
        next_envelope = self._announce(session)
        try:
            reply = await session.content(block, message.verdict_seconds, next_envelope)
        except SMTPException as error:
            session.abandon()
            lost = isinstance(error, SMTPServerDisconnected)
            why = "connection lost" if lost else "no proper answer in time"
            return uncertain(f"{why} after the letter was sent", reference=message.message_id)
        if reply.positive:
            return accepted(message.message_id)
        if reply.code < 400:  # neither yes nor no
            session.abandon()
            return uncertain(
                "no proper answer in time after the letter was sent", reference=message.message_id
            )
        return _refusal(session, reply, Stage.CONTENT)

    def _announce(self, session: MailSession) -> Envelope | None:
        """The envelope of the letter to follow, where this connection can be told it already.

        A server that may take minutes over its verdict is told nothing: the next letter would wait.
        """
        if (
            self._following is None
            or not session.can_announce
            or self._message.verdict_seconds is not None
        ):
            return None
        message = self._following()
        if not isinstance(message, MailMessage):
            return None
        try:
            sender, recipient = return_path(message.sender), envelope_address(message.contact_point)
        except UnsafeAddress:
            return None  # told when its turn has come
        envelope = _envelope(session, message, sender, recipient)
        if isinstance(envelope, Handover):
            return None
        self.announced = message.message_id
        return envelope


def _envelope(
    session: MailSession,
    message: MailMessage,
    sender: EnvelopeAddress,
    recipient: EnvelopeAddress,
) -> Envelope | Handover:
    """What this server is told of a letter; the refusal, where it could not understand it."""
    if (sender.needs_utf8 or recipient.needs_utf8) and not session.takes_utf8:
        return refused(
            Outcome.BOUNCED,
            "the server cannot write to non-Latin addresses",
            Fault.RECIPIENT if recipient.needs_utf8 else Fault.SENDER,
        )
    eight_bit = not message.content.isascii()
    # The envelope may be plain where the letter is not: the null path, or a recipient of ours.
    utf8 = recipient.needs_utf8 or (session.takes_utf8 and has_utf8_headers(message.content))
    return Envelope(sender, recipient, utf8=utf8, eight_bit=eight_bit)


def _dropped(stage: Stage) -> Handover:
    return postponed(
        f"{stage}: the server dropped the connection before the letter", cause=Cause.UNREACHABLE
    )


def _refusal(session: MailSession, reply: Reply, stage: Stage) -> Handover:
    """Read a refusal; 421 means that the server is about to close (RFC 5321, section 3.8), and what
    is no refusal that it is out of step."""
    if reply.code == CLOSING or reply.code < 400:
        session.abandon()
    return judge_refusal(reply, stage)
