"""A letter that came in, taken apart into what decisions need.

Nothing in it is believed: every field is a stranger's. Texts are cut to a bounded length and hold
no control characters but line ends; what could not be read is named in `flaws`, and the letter is
kept raw elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with its domain in lower case (and the whole of it where it is ASCII), and the
    name that stands before it."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    media_type: str
    size_bytes: int


class Flaw(StrEnum):
    """What reading had to put up with. None of them stops a letter from being registered."""

    HEADERS = "headers"  # some could not be read
    CHARSET = "charset"  # undeclared, unknown or wrong: the text was guessed
    ENCODING = "encoding"  # base64 or quoted-printable with errors in it
    STRUCTURE = "structure"  # parts that do not end, or do not begin
    TOO_MANY_PARTS = "too_many_parts"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"  # only the beginning was fetched or read
    TOO_SLOW = "too_slow"  # reading took longer than it may
    NO_SENDER = "no_sender"
    SEVERAL_SENDERS = "several_senders"
    NO_TEXT = "no_text"  # no part with words in it
    UNREADABLE = "unreadable"  # nothing could be made of it: a person has to look at the original


@dataclass(frozen=True, slots=True)
class Letter:
    """`text` is everything readable; `words` is what the sender wrote this time: without quoted
    letters and signature. `headers` maps lower-case names to every value under that name, decoded
    and unfolded, in the order of the letter.
    """

    message_id: str = ""  # with its angle brackets; empty where there is none worth the name
    in_reply_to: tuple[str, ...] = ()  # as Message-IDs, with brackets
    references: tuple[str, ...] = ()
    senders: tuple[Mailbox, ...] = ()  # From
    reply_to: tuple[Mailbox, ...] = ()
    return_path: str | None = None  # "" is the null path <>; None: nobody told
    recipients: tuple[str, ...] = ()  # To, Cc, Delivered-To, X-Original-To, Envelope-To
    subject: str = ""
    sent_at: datetime | None = None  # aware, as the letter claims
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    media_type: str = "text/plain"  # of the whole letter, in lower case
    report_type: str = ""  # of a multipart/report, in lower case
    text: str = ""
    words: str = ""
    language: str = "ru"  # or en
    attachments: tuple[Attachment, ...] = ()
    flaws: frozenset[Flaw] = frozenset()

    @property
    def sender(self) -> Mailbox | None:
        """The first usable address of From."""
        return self.senders[0] if self.senders else None

    def values(self, name: str) -> tuple[str, ...]:
        return self.headers.get(name.lower(), ())
