"""Letters that we owe. Written in the transaction that makes them owed, sent after it.

    waiting --claimed--> sending --> sent | failed
       ^                    |
       +--- not taken, or its robot is dead, or nobody knows ---+

Each occasion (the answer to one Message-ID, a reminder of one deadline) has one letter, for ever. A
letter of which nobody knows whether it went is sent again: it is the same one, byte for byte, under
the same Message-ID.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.receipts import storable
from dispatcher.ledger.tables import outbox, robots

# Written out instead of bound: only so does SQLite see that the partial index fits.
_IS_UNSENT = outbox.c.status.in_([literal_column("'waiting'"), literal_column("'sending'")])
# A robot that was not seen for so long is dead, and what it was sending waits again.
ROBOT_IS_DEAD_AFTER = timedelta(seconds=15)


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
# sent, it is let go.
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
    )
)
_SENT = _ENDED.where(outbox.c.status != MailStatus.SENT).values(
    content=case((outbox.c.kind == MailKind.ROUTE, b""), else_=outbox.c.content)
)
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
    sends: int  # this one included


@dataclass(frozen=True, slots=True)
class MailEnding:
    """What came of a claimed letter. `due_at` is set when and only when it waits again; `was_sent`
    False says that it never got as far as the mail server, which does not count."""

    id: int
    status: MailStatus
    reason: str = ""
    sent_at: datetime | None = None
    due_at: datetime | None = None
    was_sent: bool = True


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
        "status": MailStatus.WAITING,
        "due_at": now,
    }
    return tx.execute(_OWED[tx.dialect.name], values).scalar()


def is_owed(tx: Transaction, occasion: str) -> bool:
    """Whether the occasion has its letter, sent or not."""
    return tx.execute(_OF_OCCASION, {"occasion": occasion}).first() is not None


def claim(tx: Transaction, robot: str, now: datetime, limit: int = 50) -> Sequence[Claimed]:
    """Take what is due, answers to customers first; nobody else sends it while this robot lives."""
    first = outbox.c.kind != MailKind.ACKNOWLEDGEMENT  # false sorts before true
    due = (
        select(outbox.c.id)
        .where(_IS_UNSENT, outbox.c.status == MailStatus.WAITING, outbox.c.due_at <= now)
        .order_by(first, outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    rows = tx.execute(
        update(outbox)
        .where(outbox.c.id.in_(select(due.c.id)))
        .values(status=MailStatus.SENDING, robot=robot, sends=outbox.c.sends + 1)
        .returning(
            outbox.c.id,
            outbox.c.kind,
            outbox.c.inquiry_id,
            outbox.c.letter_id,
            outbox.c.sender,
            outbox.c.recipient,
            outbox.c.message_id,
            outbox.c.content,
            outbox.c.asked_at,
            outbox.c.sends,
        )
    )
    claimed = [
        Claimed(
            row.id,
            MailKind(row.kind),
            row.inquiry_id,
            row.letter_id,
            row.sender,
            row.recipient,
            row.message_id,
            row.content,
            row.asked_at,
            row.sends,
        )
        for row in rows
    ]
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
            }
            for ending in ended
        ]
        if rows:
            tx.execute(statement, rows)


def beat(tx: Transaction, robot: str, now: datetime) -> None:
    """A robot is alive."""
    made = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(robots)
    tx.execute(
        made.values(id=robot, started_at=now, seen_at=now).on_conflict_do_update(
            index_elements=[robots.c.id], set_={"seen_at": now}
        )
    )


def release(tx: Transaction, robot: str) -> int:
    """What a robot claimed and does not know of waits again; how many letters."""
    return _release(tx, outbox.c.robot == robot, "claim lost")


def leave(tx: Transaction, robot: str) -> None:
    """A robot stops, with nothing in its hands that it would still send."""
    _release(tx, outbox.c.robot == robot, "stopped")
    tx.execute(robots.delete().where(robots.c.id == robot))


def free(tx: Transaction, robot: str, now: datetime) -> int:
    """What dead robots were sending waits again; how many letters. Whoever asks is alive."""
    alive = select(robots.c.id).where(robots.c.seen_at >= now - ROBOT_IS_DEAD_AFTER)
    lost = or_(outbox.c.robot.is_(None), outbox.c.robot.not_in(alive))
    freed = _release(tx, and_(outbox.c.robot != robot, lost), "robot lost")
    tx.execute(robots.delete().where(robots.c.seen_at < now - timedelta(days=1)))
    return freed


def _release(tx: Transaction, whose: ColumnElement[bool], reason: str) -> int:
    return tx.execute(
        update(outbox)
        .where(_IS_UNSENT, outbox.c.status == MailStatus.SENDING, whose)
        .values(status=MailStatus.WAITING, robot=None, reason=reason)
    ).rowcount


@dataclass(frozen=True, slots=True)
class Standing:
    """How the answers to customers stand."""

    waiting: int  # not sent yet
    oldest_asked_at: datetime | None


def standing(tx: Transaction, kind: MailKind = MailKind.ACKNOWLEDGEMENT) -> Standing:
    row = tx.execute(
        select(func.count(), func.min(outbox.c.asked_at)).where(_IS_UNSENT, outbox.c.kind == kind)
    ).one()
    return Standing(row[0], row[1])


def next_due(tx: Transaction) -> datetime | None:
    """The earliest instant at which a letter that waits may go."""
    due: datetime | None = tx.execute(
        select(func.min(outbox.c.due_at)).where(_IS_UNSENT, outbox.c.status == MailStatus.WAITING)
    ).scalar_one()
    return due


def answers_since(tx: Transaction, recipient: str, since_at: datetime) -> int:
    """How many answers this address was given since then."""
    asked = {"recipient": recipient, "since_at": since_at}
    return tx.execute(_ANSWERS_TO, asked).scalar_one()
