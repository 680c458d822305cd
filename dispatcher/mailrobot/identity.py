"""What tells one letter from another, whichever way and however often they come."""

import hashlib
import re
from dataclasses import dataclass

from campaigns.inquiry.address import domain_of, likeness
from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.public_mail import is_public
from templates.answers import number_in

# What is said in fewer characters, «Спасибо!», is said on many occasions.
FEWEST_CHARACTERS = 20

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n|\r\r")
_SPACES = re.compile(r"\s+")
_PREFIX = re.compile(
    r" ?(?:re|fwd?|aw|wg|отв|ответ|пересл) ?(?:\[\d{1,3}\]|\(\d{1,3}\)|\d{1,3})? ?:"
)

# Who writes so means the letter that went before.
_AGAIN = re.compile(
    r"[(\[]? ?\b(?:повторно|повторн(?:ое|ый|ая) (?:обращение|письмо|запрос|заявка)|ещ[её] раз"
    r"|second request|once again)\b ?[)\]]?[.!:, ]*"
)


def identity_of(letter: Letter, raw: bytes) -> str:
    """The same for copies of a letter that came by two mailboxes, with other Received lines above;
    another one for anything its sender wrote anew."""
    end = _END_OF_HEADERS.search(raw)
    body = raw[end.end() :] if end else raw
    told = (
        letter.message_id,
        *(sender.address for sender in letter.senders),
        letter.subject,
        letter.sent_at.isoformat() if letter.sent_at else "",
    )
    if not any(told):  # nothing to tell it by but the whole of it
        body = raw
    digest = hashlib.sha256("\x00".join(told).encode("utf-8", "replace"))
    # Mail systems disagree about line ends, and about the empty ones at the end.
    digest.update(b"\x00" + body.replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


def words_digest(letter: Letter, identity: str) -> str:
    """The same for the same words under the same subject with the same files, however they are
    spaced and whether or not they answer. No words are like no other."""
    words = _spaced(letter.words)
    if not words:
        return identity
    files = (f"{one.name}\x00{one.size_bytes}" for one in letter.attachments)
    told = "\x00".join((_bare(letter.subject), words, *files))
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def says_little(letter: Letter) -> bool:
    """Whether the same words again need not be about the same thing."""
    return len(_spaced(letter.words)) < FEWEST_CHARACTERS


def _bare(subject: str) -> str:
    """Without our number and what mail programs put before it."""
    number = number_in(subject)
    bare = subject.replace(f"[{number}]", " ").replace(number, " ") if number else subject
    plain, at = _spaced(bare), 0
    while prefix := _PREFIX.match(plain, at):
        at = prefix.end()
    return _spaced(_AGAIN.sub(" ", plain[at:]))


def _spaced(text: str) -> str:
    return _SPACES.sub(" ", text).strip().casefold()


@dataclass(frozen=True, slots=True)
class Correspondents:
    """Who writes and who would be answered, as mailboxes without tags and letter case. Where nobody
    is named as the writer, it is whom they want to be answered; empty: nobody, and nothing is
    counted by it."""

    writer: str
    recipient: str
    # Of the recipient, where the letter answers something; empty where strangers share the domain.
    # Many customers may write of their own accord from one domain in a day; a program that goes
    # round under a new address each time speaks of what we wrote.
    domain: str

    @property
    def are_one(self) -> bool:
        """Whether an answer would tell whoever wrote nothing of anybody else."""
        return self.recipient in ("", self.writer)


def correspondents_of(letter: Letter, recipient: Mailbox | None) -> Correspondents:
    """`recipient` is whom the answer to the letter would go to."""
    answered = likeness(recipient.address) if recipient else ""
    domain = domain_of(answered)
    return Correspondents(
        writer=likeness(letter.sender.address) if letter.sender else answered,
        recipient=answered,
        domain=domain if _answers_something(letter) and not is_public(domain) else "",
    )


def _answers_something(letter: Letter) -> bool:
    return bool(letter.in_reply_to or letter.references or number_in(letter.subject))


def occasion_of_answer(letter: Letter, identity: str) -> str:
    """One for each Message-ID, for ever (RFC 3834, section 2); a letter without one is its own."""
    named = letter.message_id or f"letter:{identity}"
    return "ack:" + hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()
