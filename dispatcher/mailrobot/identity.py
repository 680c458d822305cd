"""What tells one letter from another, whichever way and however often they come."""

import hashlib
import re

from campaigns.inquiry.letter import Letter

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n|\r\r")
_SPACES = re.compile(r"\s+")


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
    """The same for the same words, however they are spaced. No words are like no other."""
    words = _SPACES.sub(" ", letter.words).strip().casefold()
    if not words:
        return identity
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()


def occasion_of_answer(letter: Letter, identity: str) -> str:
    """One for each Message-ID, for ever (RFC 3834, section 2); a letter without one is its own."""
    named = letter.message_id or f"letter:{identity}"
    return "ack:" + hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()
