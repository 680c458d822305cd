"""Letters that we owe. Written in the transaction that makes them owed, sent after it.

    waiting --claimed--> sending --> sent | failed
       ^                    |
       +--- not taken, or its robot is dead, or nobody knows ---+

Each occasion (the answer to one Message-ID, a reminder of one deadline) has one letter, for ever. A
letter of which nobody knows whether it went is sent again: it is the same one, byte for byte, under
the same Message-ID.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.receipts import storable
from dispatcher.ledger.tables import outbox

# Written out instead of bound: only so does SQLite see that the partial index fits.
IS_UNSENT = outbox.c.status.in_([literal_column("'waiting'"), literal_column("'sending'")])
MEGABYTE = 1024 * 1024


class MailKind(StrEnum):
    ACKNOWLEDGEMENT = "acknowledgement"  # the answer within a minute
    ANSWER = "answer"  # in substance, by staff
    INTERIM = "interim"
    ROUTE = "route"  # to the specialist
    REMINDER = "reminder"  # to the specialist and the head


# What each letter that comes in asks is made once, as in `letters`.
_OWED = {
    name: made.insert(outbox)
    .on_conflict_do_nothing(index_elements=[outbox.c.occasion])
    .returning(outbox.c.id)
    for name, made in (("postgresql", postgresql), ("sqlite", sqlite))
}
_OF_OCCASION = select(outbox.c.id).where(outbox.c.occasion == bindparam("occasion"))
_ANSWERS_TO = select(func.count()).where(
    outbox.c.recipient == bindparam("recipient"),
    outbox.c.kind == literal_column(f"'{MailKind.ACKNOWLEDGEMENT.value}'"),
    outbox.c.asked_at > bindparam("since_at"),
)


class MailStatus(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


# So does each that was tried. A specialist's letter takes along a letter that is kept anyhow: once
# it is over, it is let go.
_ENDED = (
    update(outbox)
    .where(outbox.c.id == bindparam("ended_id"))
    .values(
        status=bindparam("status"),
        reason=bindparam("reason"),
        sent_at=bindparam("sent_at"),
        due_at=bindparam("due_at"),
        robot=None,
        sends=outbox.c.sends - bindparam("uncounted"),
        doubts=outbox.c.doubts + bindparam("in_doubt"),
        given_up_at=bindparam("given_up_at"),
        sender=func.coalesce(bindparam("new_sender"), outbox.c.sender),
        content=case(
            (and_(bindparam("is_over"), outbox.c.kind == MailKind.ROUTE), b""),
            else_=outbox.c.content,
        ),
    )
)
_SENT = _ENDED.where(outbox.c.status != MailStatus.SENT)
_NOT_SENT = _ENDED.where(
    outbox.c.status == MailStatus.SENDING, outbox.c.robot == bindparam("its_robot")
)


@dataclass(frozen=True, slots=True)
class Owed:
    """A letter to be sent. `sender` is that of the envelope, empty for the null path; `asked_at`
    is when what it answers arrived."""

    occasion: str
    kind: MailKind
    sender: str
    recipient: str
    message_id: str
    content: bytes = field(repr=False)
    asked_at: datetime
    inquiry_id: int | None = None
    letter_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    id: int
    kind: MailKind
    inquiry_id: int | None
    letter_id: int | None
    sender: str
    recipient: str
    message_id: str
    content: bytes = field(repr=False)
    asked_at: datetime
    owed_at: datetime
    sends: int  # this one included
    doubts: int = 0  # times nobody knew whether it was taken


@dataclass(frozen=True, slots=True)
class MailEnding:
    """What came of a claimed letter. `due_at` is set when and only when it waits again; `was_sent`
    False says that it never got as far as the mail server, which does not count. `given_up_at`: it
    failed, and not for the recipient's own mailbox. `sender`: the envelope's from now on."""

    id: int
    status: MailStatus
    reason: str = ""
    sent_at: datetime | None = None
    due_at: datetime | None = None
    was_sent: bool = True
    in_doubt: bool = False
    given_up_at: datetime | None = None
    sender: str | None = None


def owe(tx: Transaction, letter: Owed, now: datetime) -> int | None:
    """Put a letter into the outbox; None where its occasion has one already."""
    values = {
        "occasion": letter.occasion,
        "kind": letter.kind,
        "inquiry_id": letter.inquiry_id,
        "letter_id": letter.letter_id,
        "sender": letter.sender,
        "recipient": letter.recipient,
        "message_id": letter.message_id,
        "content": letter.content,
        "asked_at": letter.asked_at,
        "owed_at": now,
        "status": MailStatus.WAITING,
        "due_at": now,
    }
    return tx.execute(_OWED[tx.dialect.name], values).scalar()


def is_owed(tx: Transaction, occasion: str) -> bool:
    """Whether the occasion has its letter, sent or not."""
    return tx.execute(_OF_OCCASION, {"occasion": occasion}).first() is not None


def claim(
    tx: Transaction,
    robot: str,
    now: datetime,
    limit: int = 50,
    *,
    most_bytes: int = 8 * MEGABYTE,
    at_least_one: bool = True,
) -> Sequence[Claimed]:
    """Take what is due, answers to customers first; nobody else sends it while this robot lives.

    No more than `most_bytes` together, but the first one however large it is if `at_least_one`.
    """
    first = outbox.c.kind != MailKind.ACKNOWLEDGEMENT  # false sorts before true
    due = tx.execute(
        select(outbox.c.id, func.length(outbox.c.content).label("bytes"))
        .where(IS_UNSENT, outbox.c.status == MailStatus.WAITING, outbox.c.due_at <= now)
        .order_by(first, outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids: list[int] = []
    for row in due:
        if row.bytes <= most_bytes or (at_least_one and not ids):
            ids.append(row.id)
            most_bytes -= row.bytes
    if not ids:
        return ()
    rows = tx.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids))
        .values(status=MailStatus.SENDING, robot=robot, sends=outbox.c.sends + 1)
        .returning(*(outbox.c[one.name] for one in fields(Claimed)))
    )
    claimed = [Claimed(**{**row._mapping, "kind": MailKind(row.kind)}) for row in rows]
    return sorted(claimed, key=lambda one: (one.kind is not MailKind.ACKNOWLEDGEMENT, one.id))


def finish(tx: Transaction, endings: Collection[MailEnding], robot: str) -> None:
    """Write down what came of letters that this robot claimed. That one was sent stands in any
    case: a robot that was taken for dead knows better."""
    for statement, ended in (
        (_SENT, [one for one in endings if one.status is MailStatus.SENT]),
        (_NOT_SENT, [one for one in endings if one.status is not MailStatus.SENT]),
    ):
        rows = [
            {
                "ended_id": ending.id,
                "its_robot": robot,
                "status": ending.status,
                "reason": storable(ending.reason),
                "sent_at": ending.sent_at,
                "due_at": ending.due_at,
                "uncounted": 0 if ending.was_sent else 1,
                "in_doubt": int(ending.in_doubt),
                "given_up_at": ending.given_up_at,
                "new_sender": ending.sender,
                "is_over": ending.status is not MailStatus.WAITING,
            }
            for ending in ended
        ]
        if rows:
            tx.execute(statement, rows)


def release(tx: Transaction, robot: str, keeping: Collection[int] = ()) -> int:
    """What a robot claimed and does not know of waits again; how many letters. `keeping`: those
    that it has in its hands."""
    mine = and_(outbox.c.robot == robot, outbox.c.id.not_in(list(keeping)))
    return set_free(tx, mine, "claim lost")


def set_free(tx: Transaction, whose: ColumnElement[bool], reason: str) -> int:
    """What somebody claimed waits again; how many letters."""
    return tx.execute(
        update(outbox)
        .where(IS_UNSENT, outbox.c.status == MailStatus.SENDING, whose)
        .values(status=MailStatus.WAITING, robot=None, reason=reason)
    ).rowcount


@dataclass(frozen=True, slots=True)
class Standing:
    """How the answers to customers stand."""

    waiting: int  # not sent yet
    oldest_asked_at: datetime | None
    oldest_reason: str = ""  # why the oldest was not taken, if it was tried


def standing(tx: Transaction, kind: MailKind = MailKind.ACKNOWLEDGEMENT) -> Standing:
    of_kind = (IS_UNSENT, outbox.c.kind == kind)
    count: int = tx.execute(select(func.count()).where(*of_kind)).scalar_one()
    oldest = tx.execute(
        select(outbox.c.asked_at, outbox.c.reason)
        .where(*of_kind)
        .order_by(outbox.c.asked_at, outbox.c.id)
        .limit(1)
    ).first()
    return Standing(count, oldest.asked_at, oldest.reason) if oldest else Standing(count, None)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Letters that failed, and not for the recipient's own mailbox."""

    count: int
    reason: str = ""  # of the latest


def given_up(tx: Transaction, since_at: datetime) -> GivenUp:
    is_recent = outbox.c.given_up_at > since_at
    reasons = select(outbox.c.reason).where(is_recent).order_by(outbox.c.given_up_at.desc())
    latest = tx.execute(reasons.limit(1)).scalar()
    count: int = tx.execute(select(func.count()).where(is_recent)).scalar_one()
    return GivenUp(count, latest or "")


def next_due(tx: Transaction) -> datetime | None:
    """The earliest instant at which a letter that waits may go."""
    due: datetime | None = tx.execute(
        select(func.min(outbox.c.due_at)).where(IS_UNSENT, outbox.c.status == MailStatus.WAITING)
    ).scalar_one()
    return due


def answers_since(tx: Transaction, recipient: str, since_at: datetime) -> int:
    """How many answers this address was given since then."""
    asked = {"recipient": recipient, "since_at": since_at}
    return tx.execute(_ANSWERS_TO, asked).scalar_one()
