"""LMTP (RFC 2033) and plain SMTP on top of aiosmtpd, without losing what it would refuse.

aiosmtpd bounces a letter with a line of more than 1,001 bytes and an address that is not written by
the book. Both exist, and whoever wrote such a letter is owed an answer all the same.
"""

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

logger = logging.getLogger(__name__)

# aiosmtpd logs every command, addresses included; whatever level others set, not ours.
logging.getLogger("mail.log").addFilter(lambda record: record.levelno >= logging.ERROR)

MAX_RECIPIENTS = 100
MAX_COMMAND_BYTES = 4096
LINE_BYTES = 64 * 1024  # that are held until the rest of a line comes
# Between angle brackets, quoted or not; with a lone quotation mark in it; without brackets.
_PATHS = (
    re.compile(r'<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>(.*)', re.DOTALL),
    re.compile(r"<([^>]*)>(.*)", re.DOTALL),
    re.compile(r"([^\s<>]+)(.*)", re.DOTALL),
)

TOO_LARGE = "552 5.3.4 Letter too large"
BUSY = "451 4.3.0 Not taken, try again later"
FULL = "452 4.3.1 No room at the moment, try again later"


class Room:
    """Bytes of letters in the air, over all connections."""

    def __init__(self, size_bytes: int) -> None:
        self.left_bytes = size_bytes


# Takes what was handed over: the letter, the sender (empty: the null path), the recipients.
HandOver = Callable[[bytes, str, list[str]], Awaitable[bool]]


class LetterIn(SMTP):
    """One connection. `hand_over` says whether the letter is safe; it may raise."""

    line_length_limit = LINE_BYTES  # of what is held, not of a line: see `_receive`
    command_size_limit = MAX_COMMAND_BYTES

    def __init__(self, hand_over: HandOver, room: Room, gone: Callable[[], None], **options: Any):
        super().__init__(_Hooks(), **options)
        # The library's own is one for all connections, and each new one empties it.
        self.command_size_limits = defaultdict(lambda: MAX_COMMAND_BYTES)
        self._hand_over, self._room, self._gone = hand_over, room, gone
        self._is_lmtp = False

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._gone()

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802 - the library's name
        self._is_lmtp = bool(hostname)
        await super().smtp_EHLO(hostname)

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - the library's name
        self._is_lmtp = False
        await super().smtp_EHLO(hostname)

    @syntax("HELO hostname")
    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - the library's name
        self._is_lmtp = False
        await super().smtp_HELO(hostname)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the library's name
        if await self.check_helo_needed():
            return
        recipients = list(self._envelope().rcpt_tos)
        if arg or not recipients:
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        letter = bytearray()
        held = _Held(self._room)
        try:
            refusal = await self._receive(letter, held)
            status = refusal or await self._taken(bytes(letter), recipients)
        finally:
            held.give_back()
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        # LMTP answers for each recipient (RFC 2033, section 4.2); the letter is one all the same.
        for _recipient in recipients if self._is_lmtp else recipients[:1]:
            await self.push(status)

    async def _receive(self, letter: bytearray, held: "_Held") -> str:
        """Read to the lone dot, line by line of any length; a refusal when it cannot be kept."""
        refusal = ""
        limit = self.data_size_limit or 0
        at_line_start = True
        while True:
            try:
                piece: bytes = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.read(error.consumed)
            if at_line_start and piece == b".\r\n":
                return refusal
            if at_line_start and piece.startswith(b"."):
                piece = piece[1:]
            at_line_start = piece.endswith(b"\r\n")
            if refusal:
                continue
            if len(letter) + len(piece) > limit:
                refusal = TOO_LARGE
            elif not held.take(len(piece)):
                refusal = FULL
            else:
                letter += piece
            if refusal:
                letter.clear()
                held.give_back()

    async def _taken(self, letter: bytes, recipients: list[str]) -> str:
        sender = self._envelope().mail_from or ""
        try:
            is_safe = await self._hand_over(letter, "" if sender == "<>" else sender, recipients)
        except Exception as error:
            logger.error("a letter handed over was not taken (%s)", type(error).__name__)
            return BUSY
        return "250 2.0.0 Taken" if is_safe else BUSY

    def _envelope(self) -> Envelope:
        if self.envelope is None:
            raise RuntimeError("no connection")
        return self.envelope

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """An address, whatever it looks like, and what follows it. The null path is `<>`."""
        text = arg.lstrip()
        found = next((path for pattern in _PATHS if (path := pattern.match(text))), None)
        if found is None or any(ord(sign) < 32 for sign in found[1]):
            return None, None
        return found[1].strip() or "<>", found[2]


class _Held:
    """What one letter takes of the room."""

    def __init__(self, room: Room) -> None:
        self._room, self._bytes = room, 0

    def take(self, size_bytes: int) -> bool:
        if size_bytes > self._room.left_bytes:
            return False
        self._room.left_bytes -= size_bytes
        self._bytes += size_bytes
        return True

    def give_back(self) -> None:
        self._room.left_bytes += self._bytes
        self._bytes = 0


class _Hooks:
    """What aiosmtpd asks on the way to DATA."""

    async def handle_RCPT(  # noqa: N802 - the library's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        if address == "<>":
            return "501 5.1.3 A recipient is needed"
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        logger.error("a mail server's command could not be read (%s)", type(error).__name__)
        return BUSY


class TurnedAway(asyncio.Protocol):
    """Says that there are too many, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()
