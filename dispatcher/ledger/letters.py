"""Letters: every one that came in, what became of it, and the original, compressed."""

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from campaigns.inquiry.letter import Attachment, Flaw
from campaigns.inquiry.verdict import Reason, Verdict
from dispatcher.errors import NotFound
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.receipts import storable
from dispatcher.ledger.tables import letter_sources, letters, mailbox_messages
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A letter as it is written down. `identity` tells it from any other for ever; by `writer`, and
    by whom our answer went to, `answered` and `answered_domain`, letters are counted: mailboxes
    without tags and letter case, empty where there is none to count."""

    identity: str
    mailbox: str
    message_id: str
    sender: str
    subject: str
    words: str
    words_digest: str
    arrived_at: datetime
    verdict: Verdict
    reason: Reason
    size_bytes: int
    flaws: Collection[Flaw] = ()
    attachments: Sequence[Attachment] = ()
    inquiry_id: int | None = None
    attempt_id: int | None = None
    writer: str = ""
    answered: str = ""
    answered_domain: str = ""


@dataclass(frozen=True, slots=True)
class StoredLetter:
    id: int
    mailbox: str
    message_id: str
    sender: str
    subject: str
    words: str
    arrived_at: datetime
    taken_at: datetime
    verdict: Verdict
    reason: Reason
    size_bytes: int
    flaws: tuple[Flaw, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    inquiry_id: int | None = None
    attempt_id: int | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """A letter as it came. Only its beginning where it was too large to be fetched whole."""

    content: bytes = field(repr=False)
    is_whole: bool


# What each letter is asked about and written down with is made once, and values come beside it:
# made anew it takes several times as long as the database itself, a third of a burst's time.
_INSERTED = insert(letters).returning(letters.c.id)
_SOURCE_INSERTED = insert(letter_sources)
_SAME_LETTER = select(letters.c.id).where(letters.c.identity == bindparam("identity"))

# Names our lock among the advisory locks of a PostgreSQL database.
ROBOT_LOCK = 72_115_201


def one_robot_at_a_time(tx: Transaction) -> None:
    """Until this transaction ends, no other robot takes letters in.

    Two copies of a letter, or two letters of one sender, would each be judged without the other.
    SQLite has one writer at a time anyhow.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(ROBOT_LOCK)))


def known(tx: Transaction, identity: str) -> int | None:
    """The id of a letter that was taken in before."""
    return tx.execute(_SAME_LETTER, {"identity": identity}).scalar()


def add(tx: Transaction, letter: NewLetter, raw: bytes, *, is_whole: bool, now: datetime) -> int:
    """Write a letter down with its original. The identity must be new (`known`)."""
    values = {
        "identity": letter.identity,
        "mailbox": letter.mailbox,
        "message_id": storable(letter.message_id),
        "sender": storable(letter.sender),
        "subject": storable(letter.subject),
        "words": storable(letter.words),
        "words_digest": letter.words_digest,
        "arrived_at": letter.arrived_at,
        "taken_at": now,
        "verdict": letter.verdict,
        "reason": letter.reason,
        "flaws": sorted(letter.flaws),
        "attachments": [[storable(a.name), a.media_type, a.size_bytes] for a in letter.attachments],
        "size_bytes": letter.size_bytes,
        "inquiry_id": letter.inquiry_id,
        "attempt_id": letter.attempt_id,
        "writer": storable(letter.writer),
        "answered": storable(letter.answered),
        "answered_domain": storable(letter.answered_domain),
    }
    letter_id: int = tx.execute(_INSERTED, values).scalar_one()
    content = zlib.compress(raw, 3)
    source = {"letter_id": letter_id, "content": content, "is_whole": is_whole}
    tx.execute(_SOURCE_INSERTED, source)
    return letter_id


def original(tx: Transaction, letter_id: int) -> Original:
    """Raises NotFound."""
    row = tx.execute(
        select(letter_sources.c.content, letter_sources.c.is_whole).where(
            letter_sources.c.letter_id == letter_id
        )
    ).first()
    if row is None:
        raise NotFound(_("letter"), str(letter_id))
    return Original(zlib.decompress(row.content), row.is_whole)


def of_inquiry(tx: Transaction, inquiry_id: int) -> Sequence[StoredLetter]:
    """Every letter about an inquiry, the first one first."""
    rows = tx.execute(
        select(letters).where(letters.c.inquiry_id == inquiry_id).order_by(letters.c.id)
    )
    return [
        StoredLetter(
            id=row.id,
            mailbox=row.mailbox,
            message_id=row.message_id,
            sender=row.sender,
            subject=row.subject,
            words=row.words,
            arrived_at=row.arrived_at,
            taken_at=row.taken_at,
            verdict=Verdict(row.verdict),
            reason=Reason(row.reason),
            size_bytes=row.size_bytes,
            flaws=tuple(Flaw(one) for one in row.flaws),
            attachments=tuple(Attachment(*one) for one in row.attachments),
            inquiry_id=row.inquiry_id,
            attempt_id=row.attempt_id,
        )
        for row in rows
    ]


def uids_taken(
    tx: Transaction, mailbox: str, uid_validity: int, uids: Collection[int]
) -> frozenset[int]:
    """Which of these messages of a folder were taken in already."""
    found = tx.execute(
        select(mailbox_messages.c.uid).where(
            mailbox_messages.c.mailbox == mailbox,
            mailbox_messages.c.uid_validity == uid_validity,
            mailbox_messages.c.uid.in_(list(uids)),
        )
    ).scalars()
    return frozenset(found)


def note_uids(
    tx: Transaction, mailbox: str, uid_validity: int, taken: Iterable[tuple[int, int]]
) -> None:
    """Remember which letter each of these messages is; told again, nothing changes."""
    rows = [
        {"mailbox": mailbox, "uid_validity": uid_validity, "uid": uid, "letter_id": letter_id}
        for uid, letter_id in taken
    ]
    if rows:
        made = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(mailbox_messages)
        tx.execute(made.on_conflict_do_nothing(), rows)
