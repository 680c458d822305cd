"""Replies: short messages that answer a customer at once. Each is sent once at most.

    waiting --claimed--> sending --> sent | failed
       ^                    |
       +--- postponed ------+--- nobody knows ---> uncertain

A reply that was claimed and of which nothing more was heard is uncertain, and never sent again. Any
receipt proves that it was sent; the outcome beside says whether it arrived.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, insert, literal_column, select, update

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.receipts import storable
from dispatcher.ledger.tables import inquiries, replies

# Written out instead of bound: only so does SQLite see that the partial index fits.
_IS_UNSENT = replies.c.status.in_([literal_column("'waiting'"), literal_column("'sending'")])
# How long after a worker was told of a reply it is told again.
TELL_AGAIN = timedelta(seconds=30)

# A channel and its provider.
Way = tuple[ChannelName, str]


class ReplyStatus(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Reply:
    """`asked_at` is when the customer wrote."""

    inquiry_id: int
    channel: ChannelName
    provider: str
    contact_point: str
    text: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a claimed reply. `due_at` is set when and only when it waits again."""

    inquiry_id: int
    status: ReplyStatus
    reason: str = ""
    reference: str | None = None
    sent_at: datetime | None = None
    due_at: datetime | None = None


def add(
    tx: Transaction,
    inquiry_id: int,
    channel: ChannelName,
    provider: str,
    contact_point: str,
    text: str,
    now: datetime,
) -> None:
    tx.execute(
        insert(replies).values(
            inquiry_id=inquiry_id,
            channel=channel,
            provider=provider,
            contact_point=contact_point,
            text=text,
            status=ReplyStatus.WAITING,
            due_at=now,
        )
    )


def turn(tx: Transaction, now: datetime, limit: int = 100) -> tuple[int, Sequence[int]]:
    """What the loop does at each of its turns: how many are in doubt from now on, and which a
    worker must be told of now (and not at every turn until it has come to them)."""
    lapsed = tx.execute(
        update(replies)
        .where(_IS_UNSENT, replies.c.due_at <= now, replies.c.status == ReplyStatus.SENDING)
        .values(status=ReplyStatus.UNCERTAIN, due_at=None, reason="worker lost")
    ).rowcount
    due = (
        select(replies.c.inquiry_id)
        .where(_IS_UNSENT, replies.c.due_at <= now, replies.c.status == ReplyStatus.WAITING)
        .order_by(replies.c.due_at, replies.c.inquiry_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    told = tx.execute(
        update(replies)
        .where(replies.c.inquiry_id.in_(select(due.c.inquiry_id)))
        .values(due_at=now + TELL_AGAIN)
        .returning(replies.c.inquiry_id)
    ).scalars()
    return lapsed, sorted(told)


def doubt_all(tx: Transaction) -> int:
    """After the death of the only worker there is: whatever it was sending is in doubt."""
    return tx.execute(
        update(replies)
        .where(_IS_UNSENT, replies.c.status == ReplyStatus.SENDING)
        .values(status=ReplyStatus.UNCERTAIN, due_at=None, reason="worker lost")
    ).rowcount


def claim(tx: Transaction, inquiry_id: int, lease_until: datetime) -> Reply | None:
    """Take one that still waits: nobody else will send it. None when somebody has."""
    taken = tx.execute(
        update(replies)
        .where(replies.c.inquiry_id == inquiry_id, replies.c.status == ReplyStatus.WAITING)
        .values(status=ReplyStatus.SENDING, due_at=lease_until)
    ).rowcount
    if not taken:
        return None
    row = tx.execute(
        select(replies, inquiries.c.received_at)
        .join(inquiries, inquiries.c.id == replies.c.inquiry_id)
        .where(replies.c.inquiry_id == inquiry_id)
    ).one()
    return Reply(
        row.inquiry_id,
        ChannelName(row.channel),
        row.provider,
        row.contact_point,
        row.text,
        row.received_at,
    )


def ways(tx: Transaction, inquiry_ids: Collection[int]) -> Mapping[int, Way]:
    """By which provider the replies to these inquiries go, in the order they were asked for."""
    rows = tx.execute(
        select(replies.c.inquiry_id, replies.c.channel, replies.c.provider)
        .where(replies.c.inquiry_id.in_(list(inquiry_ids)))
        .order_by(replies.c.inquiry_id)
    )
    return {row.inquiry_id: (ChannelName(row.channel), row.provider) for row in rows}


def finish(tx: Transaction, ending: Ending) -> None:
    """Write down what came of a claimed one; a worker that was taken for lost knows better."""
    tx.execute(
        update(replies)
        .where(
            replies.c.inquiry_id == ending.inquiry_id,
            replies.c.status.in_((ReplyStatus.SENDING, ReplyStatus.UNCERTAIN)),
        )
        .values(
            status=ending.status,
            reason=ending.reason,
            reference=None if ending.reference is None else storable(ending.reference),
            sent_at=ending.sent_at,
            due_at=ending.due_at,
        )
    )


def of_inquiry(
    tx: Transaction, inquiry_id: int, channel: ChannelName, provider: str
) -> Outcome | ReplyStatus | None:
    """What a provider's receipt said of a reply, else how it stands; None where it sent none."""
    row = tx.execute(
        select(replies.c.status, replies.c.outcome).where(
            replies.c.inquiry_id == inquiry_id,
            replies.c.channel == channel,
            replies.c.provider == provider,
        )
    ).first()
    if row is None:
        return None
    return Outcome(row.outcome) if row.outcome else ReplyStatus(row.status)


def note_receipt(
    tx: Transaction, inquiry_id: int, reference: str | None, outcome: Outcome | None, now: datetime
) -> None:
    """Whatever a receipt says, the provider took the reply: nobody sends it (again) after that."""
    told: dict[str, object] = {"status": ReplyStatus.SENT, "due_at": None}
    if outcome is not None:
        told["outcome"] = outcome
    if reference:
        told["reference"] = func.coalesce(replies.c.reference, storable(reference))
    told["sent_at"] = func.coalesce(replies.c.sent_at, now)
    tx.execute(update(replies).where(replies.c.inquiry_id == inquiry_id).values(told))


def next_due(tx: Transaction) -> datetime | None:
    """The earliest instant at which a reply wants attention."""
    due: datetime | None = tx.execute(
        select(func.min(replies.c.due_at)).where(_IS_UNSENT)
    ).scalar_one()
    return due


def statuses(tx: Transaction, inquiry_ids: Collection[int]) -> Mapping[int, ReplyStatus]:
    """How the replies to these inquiries stand; who got none is not in the answer."""
    rows = tx.execute(
        select(replies.c.inquiry_id, replies.c.status).where(
            replies.c.inquiry_id.in_(list(inquiry_ids))
        )
    )
    return {inquiry_id: ReplyStatus(status) for inquiry_id, status in rows}
