"""A letter's bytes made into a `Letter`, whatever they are.

Nothing a stranger sends makes this raise, take long or fill the memory: each piece is read by a
module that bounds its own work, and a last guard turns what nobody thought of into a letter that a
person has to look at.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import structlog

from campaigns.inquiry.letter import Flaw, Letter, Mailbox
from campaigns.inquiry.report import MailReport
from channels.mailbox.addresses import mailboxes
from channels.mailbox.bodies import charset_of, read_bodies
from channels.mailbox.charsets import known_charset
from channels.mailbox.header_block import HeaderBlock
from channels.mailbox.header_words import Parameter, header_text, undecoded
from channels.mailbox.identifiers import identifier, identifiers
from channels.mailbox.language import language_of
from channels.mailbox.limits import Deadline, Limits
from channels.mailbox.plain import plain_line, plain_text
from channels.mailbox.quotes import own_words
from channels.mailbox.reports import read_report
from channels.mailbox.structure import Part, read_structure

log = structlog.get_logger()

_LONGEST_HEADER = 2000
_LONGEST_SUBJECT = 500
_LONGEST_DATE = 100
_RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
_START = 64 * 1024
_USUAL = Limits()


@dataclass(frozen=True, slots=True)
class ReadLetter:
    letter: Letter
    report: MailReport | None = None


def read_letter(raw: bytes, *, is_whole: bool = True, limits: Limits = _USUAL) -> ReadLetter:
    """The letter, and what it reports of a letter of ours if that is what it is for. Never raises;
    `is_whole` False says that only the beginning was fetched."""
    try:
        return _Reading(raw, limits, is_whole=is_whole).read()
    except Exception as error:  # the last guard: the original is kept, and a person looks at it
        _tell(error)
        return ReadLetter(Letter(flaws=frozenset({Flaw.UNREADABLE, Flaw.NO_SENDER, Flaw.NO_TEXT})))


class _Reading:
    """One letter while it is being read."""

    def __init__(self, raw: bytes, limits: Limits, *, is_whole: bool) -> None:
        self._raw = _with_line_feeds(raw)
        self._limits = limits
        self._deadline = Deadline(limits.seconds)
        self._flaws: set[Flaw] = set() if is_whole else {Flaw.TOO_LARGE}
        self._root = read_structure(
            self._raw, limits, self._deadline, self._flaws, is_whole=is_whole
        )
        self._block: HeaderBlock = self._root.headers
        self._likely = _codec_of(self._root)

    def read(self) -> ReadLetter:
        letter = Letter()
        report = None
        for step in (self._with_headers, self._with_addresses, self._with_texts):
            try:
                letter = step(letter)
            except Exception as error:  # what the other steps find is worth having
                self._flaws.add(Flaw.UNREADABLE)
                _tell(error)
        try:
            report = read_report(self._raw, self._root, letter)
        except Exception as error:  # then it is a letter like others
            _tell(error)
        return ReadLetter(replace(letter, flaws=frozenset(self._flaws)), report)

    def _with_headers(self, _: Letter) -> Letter:
        headers: dict[str, list[str]] = {}
        for name, value in self._block.fields:
            headers.setdefault(name, []).append(self._line(value, _LONGEST_HEADER))
        references = [self._letters(value) for value in self._block.every("references")]
        replied = [self._letters(value) for value in self._block.every("in-reply-to")]
        subjects = (self._line(one, _LONGEST_SUBJECT) for one in self._block.every("subject"))
        report_type = self._root.parameters.get("report-type", Parameter(b"")).raw
        most = self._limits.references
        return Letter(
            message_id=self._message_id(),
            in_reply_to=identifiers(" ".join(replied), most),
            references=identifiers(" ".join(references), most),
            subject=next((subject for subject in subjects if subject), ""),
            sent_at=_instant(headers.get("date", ())),
            headers={name: tuple(values) for name, values in headers.items()},
            media_type=plain_line(self._root.media_type, 100),
            report_type=plain_line(report_type.decode("latin-1").lower(), 100),
        )

    def _with_addresses(self, letter: Letter) -> Letter:
        senders = self._mailboxes("from")
        if not senders:
            self._flaws.add(Flaw.NO_SENDER)
        if len(senders) > 1:
            self._flaws.add(Flaw.SEVERAL_SENDERS)
        recipients = {one.address: None for name in _RECIPIENTS for one in self._mailboxes(name)}
        return replace(
            letter,
            senders=senders,
            reply_to=self._mailboxes("reply-to"),
            return_path=self._return_path(),
            recipients=tuple(recipients)[: self._limits.addresses],
        )

    def _with_texts(self, letter: Letter) -> Letter:
        bodies = read_bodies(self._raw, self._root, self._limits, self._deadline, self._flaws)
        text = "\n\n".join(one for one in (bodies.own, bodies.forwarded) if one.strip())
        words = own_words(bodies.own or bodies.forwarded, self._limits.word_characters)
        if not text.strip():
            self._flaws.add(Flaw.NO_TEXT)
            if not letter.subject and not letter.senders and not bodies.attachments:
                self._flaws.add(Flaw.UNREADABLE)
        return replace(
            letter,
            text=plain_text(text, self._limits.text_characters),
            words=words,
            language=language_of(words, letter.subject),
            attachments=tuple(bodies.attachments),
        )

    def _message_id(self) -> str:
        found = (identifier(self._letters(one)) for one in self._block.every("message-id"))
        return next((one for one in found if one), "")

    def _return_path(self) -> str | None:
        """The first, which is the last that a server wrote."""
        values = self._block.every("return-path")
        if not values:
            return None
        value = self._letters(values[0]).strip()
        if value.startswith("<>"):
            return ""
        found = mailboxes([value], 1)
        return found[0].address if found else plain_line(value.strip("<> ").lower(), 320)

    def _mailboxes(self, name: str) -> tuple[Mailbox, ...]:
        values = [self._letters(value) for value in self._block.every(name)]
        return mailboxes(values, self._limits.addresses, self._likely)

    def _letters(self, value: bytes) -> str:
        """A value with its encoded words as they are."""
        return undecoded(value, self._likely)[0]

    def _line(self, value: bytes, most: int) -> str:
        """As much of a value as is kept, in letters and in one line."""
        text, is_sure = header_text(value[: 8 * most], self._likely)
        if not is_sure:
            self._flaws.add(Flaw.CHARSET)
        return plain_line(text, most)


def _tell(error: Exception) -> None:
    """The kind of error alone: its words may quote the letter."""
    log.error("letter_not_read", error=type(error).__name__)


def _with_line_feeds(raw: bytes) -> bytes:
    """Very old systems end lines with a carriage return alone."""
    start = raw[:_START]
    if b"\n" not in start and b"\r" in start:
        return raw.replace(b"\r", b"\n")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _codec_of(root: Part) -> str:
    """The charset that undeclared headers are most likely in: that of the first text."""
    declared = (known_charset(charset_of(part)) for part in root.walk())
    return next((codec for codec in declared if codec), "")


def _instant(values: Iterable[str]) -> datetime | None:
    """The instant of a Date header, if it is one that a clock could show."""
    for value in values:
        try:
            at = parsedate_to_datetime(value[:_LONGEST_DATE])
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            at.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return at
    return None
