"""One open SMTP connection, and how far a letter came on it.

A letter's envelope goes out as one group of commands where the server takes groups (RFC 2920), and
step by step elsewhere; either way the letter itself is written only after every step was answered,
so "certainly not sent" and "perhaps sent" stay apart. Where it takes groups, the envelope of the
next letter may go out with the end of this one (section 3.1): one round trip a letter, not two.
"""

import asyncio
from dataclasses import dataclass
from typing import cast

from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPException

from channels.email.dialogue import Dialogue
from channels.email.envelope import EnvelopeAddress
from channels.email.replies import Reply, Stage

GO_ON = 354
CLOSING = 421
_STAGES = (Stage.SENDER, Stage.RECIPIENT, Stage.CONTENT)


class PromptClient(SMTP):
    """aiosmtplib's client that has really closed when it says so.

    A TLS connection closes by an exchange that would outlive the batch's event loop and leave its
    socket open, so the transport is cut; nothing of ours is in it.
    """

    def close(self) -> None:
        transport = self.transport
        super().close()
        if transport is not None:
            cast(asyncio.Transport, transport).abort()  # uvloop's is one in all but its class


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the server offers beyond the old SMTP (RFC 5321, section 2.2)."""

    pipelining: bool
    eight_bit: bool
    utf8: bool

    @classmethod
    def of(cls, client: SMTP) -> "Extensions":
        return cls(
            pipelining=client.supports_extension("pipelining"),
            eight_bit=client.supports_extension("8bitmime"),
            utf8=client.supports_extension("smtputf8"),
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whose letter it is, to whom, and what the server must bear to take it."""

    sender: EnvelopeAddress
    recipient: EnvelopeAddress
    utf8: bool
    eight_bit: bool

    def steps(self, extensions: Extensions) -> "Steps":
        options = ""
        if self.eight_bit and extensions.eight_bit:
            options += " BODY=8BITMIME"
        if self.utf8 or self.sender.needs_utf8:
            options += " SMTPUTF8"
        return (
            f"MAIL FROM:<{self.sender.text}>{options}\r\n",
            f"RCPT TO:<{self.recipient.text}>\r\n",
            "DATA\r\n",
        )


Steps = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Begun:
    """How far the envelope came: the first step that was not agreed to, else DATA and its 354.

    `trouble` says why there is no answer to that step.
    """

    stage: Stage
    reply: Reply | None
    trouble: SMTPException | None = None

    @property
    def may_go_on(self) -> bool:
        return self.stage is Stage.CONTENT and self.reply is not None and self.reply.code == GO_ON


class MailSession:
    """A connection that is logged in and greeted. Calls may raise SMTPException."""

    def __init__(self, dialogue: Dialogue, extensions: Extensions) -> None:
        self._dialogue = dialogue
        self._extensions = extensions
        self._unfinished = False
        self.idle_since = 0.0  # by the event loop's clock

    @property
    def alive(self) -> bool:
        return self._dialogue.alive

    @property
    def takes_utf8(self) -> bool:
        return self._extensions.utf8

    @property
    def can_announce(self) -> bool:
        return self._extensions.pipelining

    async def begin(self, envelope: Envelope) -> Begun:
        """Say whose letter it is, to whom, and that it comes. Where the connection is known to be
        dead, trouble of the first step: nothing was said."""
        steps = envelope.steps(self._extensions)
        return await (self._all_at_once if self._extensions.pipelining else self._in_turn)(steps)

    async def go_on(self) -> Begun:
        """What was said to the envelope that went out with the letter before."""
        return await self._read_group(*await self._dialogue.hear_rest())

    async def content(
        self,
        block: bytes,
        verdict_seconds: float | None = None,
        announced: Envelope | None = None,
    ) -> Reply:
        """Send the prepared block and wait for the verdict on it.

        A server that scans the letter first may take minutes (RFC 5321, section 4.5.3.2.6, says
        ten): who does not wait sends it twice. `announced`: the envelope that goes out behind it;
        `go_on` then tells what was said to that one.
        """
        if announced is None:
            reply = await self._say(block, verdict_seconds)
        else:
            group = block + "".join(announced.steps(self._extensions)).encode()
            replies, trouble = await self._dialogue.ask(group, 1, verdict_seconds, later=3)
            if trouble is not None:
                raise trouble
            [reply] = replies
        # After its verdict the server has forgotten the letter by itself (section 4.1.1.4), and a
        # round trip is saved.
        self._unfinished = announced is not None
        return reply

    async def noop(self) -> Reply:
        """Ask whether the server still listens; nothing comes of it."""
        return await self._say(b"NOOP\r\n")

    async def quit(self, patience_seconds: float) -> None:
        await self._say(b"QUIT\r\n", patience_seconds)

    def abandon(self) -> None:
        """Close without a word: the other side is out of step or going away."""
        self._dialogue.close()

    async def _in_turn(self, steps: Steps) -> Begun:
        stage, reply = Stage.SENDER, None
        try:
            if self._unfinished:
                await self._say(b"RSET\r\n")
            self._unfinished = True
            for stage, step in zip(_STAGES, steps, strict=True):  # noqa: B007 - told afterwards
                reply = await self._say(step.encode())
                if not reply.positive:
                    break
        except SMTPException as trouble:
            return Begun(stage, None, trouble)
        return Begun(stage, reply)

    async def _all_at_once(self, steps: Steps) -> Begun:
        """The group; every answer is read and each judged by itself (RFC 2920, section 3.1)."""
        again = self._unfinished
        group = ("RSET\r\n" if again else "") + "".join(steps)
        self._unfinished = True
        try:
            replies, trouble = await self._dialogue.ask(group.encode(), 4 if again else 3)
        except SMTPException as dead:
            return Begun(Stage.SENDER, None, dead)
        return await self._read_group(replies[1:] if again else replies, trouble)

    async def _read_group(self, replies: list[Reply], trouble: SMTPException | None) -> Begun:
        for stage, reply in zip(_STAGES, replies, strict=False):
            if stage is Stage.CONTENT or not reply.positive:
                await self._take_back(stage, replies, trouble)
                return Begun(stage, reply)
        return Begun(_STAGES[len(replies)], None, trouble)

    async def _take_back(
        self, stage: Stage, replies: list[Reply], trouble: SMTPException | None
    ) -> None:
        """A server that refused the envelope may wait for the letter all the same.

        Where it has nobody to give it to, a lone dot ends it (RFC 2920, section 3.1), and RSET goes
        before the next. Where it has, or does not say, a dot might send an empty letter: then the
        connection is cut, and nothing is sent.
        """
        if trouble is not None:
            self.abandon()
        elif stage is not Stage.CONTENT and replies[-1].code == GO_ON:
            if replies[1].code < 400:
                self.abandon()
                return
            _verdict, trouble = await self._dialogue.ask(b".\r\n")
            if trouble is not None:
                self.abandon()

    async def _say(self, data: bytes, timeout_seconds: float | None = None) -> Reply:
        replies, trouble = await self._dialogue.ask(data, 1, timeout_seconds)
        if trouble is not None:
            raise trouble
        return replies[0]
