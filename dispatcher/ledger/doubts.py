"""Doubts: calls and SMS of which nobody knows whether the provider took them.

The delivery stands at `uncertain`; its `due_at` says when the provider is asked next, null that
staff decide.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Text, and_, func, literal, literal_column, or_, select, update

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from campaigns.permission import point_party
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, deliveries, receipts, recipients, replies, touches

# Written out instead of bound, and all that the partial index holds: only so does SQLite see that
# it fits.
_IS_UNCERTAIN = and_(
    deliveries.c.status.in_(
        [literal_column(f"'{one}'") for one in ("queued", "sending", "awaiting", "uncertain")]
    ),
    deliveries.c.status == literal_column("'uncertain'"),
)
# Messages to one number that were handed over so close to each other are hard to tell apart in a
# provider's list.
NEAR = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Doubt:
    """One uncertain delivery as staff see it. `ask_at` None: theirs to decide."""

    account_number: str
    channel: ChannelName
    contact_point: str
    provider: str
    reference: str | None
    started_at: datetime
    reason: str
    attempts: int
    ask_at: datetime | None


def of_campaign(tx: Transaction, campaign_id: int) -> Iterator[Doubt]:
    """Every uncertain delivery with its last attempt, in the order of the file."""
    d, a = deliveries.c, attempts.c
    rows = tx.execute(
        select(
            recipients.c.account_number,
            d.channel,
            a.contact_point,
            a.provider,
            a.reference,
            a.started_at,
            a.reason,
            d.attempts,
            d.due_at,
        )
        .select_from(deliveries)
        .join(recipients, recipients.c.id == d.recipient_id)
        .join(attempts, and_(a.delivery_id == d.id, a.number == d.attempts))
        .where(d.campaign_id == campaign_id, _IS_UNCERTAIN)
        .order_by(d.recipient_id, d.channel)
        .execution_options(yield_per=2000)
    )
    for account, channel, *rest in rows:
        yield Doubt(account, ChannelName(channel), *rest)


def undecided(tx: Transaction) -> Mapping[int, int]:
    """How many deliveries wait for staff to decide, by campaign."""
    rows = tx.execute(
        select(deliveries.c.campaign_id, func.count())
        .where(_IS_UNCERTAIN, deliveries.c.due_at.is_(None))
        .group_by(deliveries.c.campaign_id)
    )
    return {row[0]: row[1] for row in rows}


def ask_next(tx: Transaction, due: Mapping[int, datetime | None]) -> None:
    """When each of these deliveries is asked about next; None: not any more."""
    for at in set(due.values()):
        tx.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([i for i, then in due.items() if then == at]))
            .where(_IS_UNCERTAIN)
            .values(due_at=at)
        )


def note_taken(tx: Transaction, attempt_id: int, reference: str | None, at: datetime) -> None:
    """The provider has it, under this name if it told one, though nobody knows yet what becomes of
    it. What is known already stays."""
    tx.execute(
        update(attempts)
        .where(
            attempts.c.id == attempt_id,
            or_(attempts.c.ended_at.is_(None), attempts.c.outcome == Outcome.UNCERTAIN),
        )
        .values(
            reference=func.coalesce(attempts.c.reference, literal(reference, Text())),
            handed_at=func.coalesce(attempts.c.handed_at, literal(at, attempts.c.handed_at.type)),
        )
    )


def still_nameless(tx: Transaction, attempt_ids: Collection[int]) -> frozenset[int]:
    """Those of which nothing was heard since, held until the end of the transaction: a worker that
    was taken for lost may just be writing down that the provider took its message."""
    rows = tx.execute(
        select(attempts.c.id)
        .where(
            attempts.c.id.in_(list(attempt_ids)),
            attempts.c.outcome == Outcome.UNCERTAIN,
            attempts.c.reference.is_(None),
            attempts.c.handed_at.is_(None),
        )
        .order_by(attempts.c.id)
        .with_for_update()
    )
    return frozenset(rows.scalars())


def owned(
    tx: Transaction, channel: ChannelName, provider: str, references: Collection[str]
) -> frozenset[str]:
    """Which of the provider's names belong to messages of ours already."""
    if not references:
        return frozenset()
    wanted = list(references)
    found = {
        reference
        for table in (attempts, replies)
        for reference in tx.execute(
            select(table.c.reference).where(
                table.c.reference.in_(wanted),
                table.c.channel == channel,
                table.c.provider == provider,
            )
        ).scalars()
    }
    return frozenset(found)


def has_rivals(tx: Transaction, attempt: Attempt) -> bool:
    """Whether another message of ours to the same number, about as old, has no name yet either:
    then a message in the provider's list may be that one."""
    t, a = touches.c, attempts.c
    near = select(a.id).select_from(touches).join(attempts, a.id == t.attempt_id)
    unnamed = near.where(
        t.party == point_party(attempt.contact_point),
        t.channel == attempt.channel,
        t.at.between(attempt.started_at - NEAR, attempt.started_at + NEAR),
        a.id != attempt.id,
        a.provider == attempt.provider,
        a.contact_point == attempt.contact_point,
        a.reference.is_(None),
        or_(a.ended_at.is_(None), a.outcome == Outcome.UNCERTAIN),
    )
    r = replies.c
    answers = select(r.inquiry_id).where(
        r.contact_point == attempt.contact_point,
        r.channel == attempt.channel,
        r.provider == attempt.provider,
        r.reference.is_(None),
        r.status.in_(("sending", "uncertain")),
    )
    return any(tx.execute(query.limit(1)).first() is not None for query in (unnamed, answers))


def was_heard_of(tx: Transaction, attempt_id: int, looks: Collection[str]) -> bool:
    """Whether anything of the provider's about it is kept besides what `looks` into its list found:
    whoever tells of a message has it, whatever the list says."""
    told = select(receipts.c.id).where(
        receipts.c.attempt_id == attempt_id, receipts.c.effect.not_in(list(looks))
    )
    return tx.execute(told.limit(1)).first() is not None


def absent_since(tx: Transaction, attempt_id: int, absent: str, unclear: str) -> datetime | None:
    """Since when the provider's list has not had it, look after look; None: no look found so yet.

    `absent` and `unclear` are the effects of looks as the receipts keep them.
    """
    looks = tx.execute(
        select(receipts.c.effect, receipts.c.received_at)
        .where(receipts.c.attempt_id == attempt_id, receipts.c.effect.in_((absent, unclear)))
        .order_by(receipts.c.id)
    )
    since: datetime | None = None
    for effect, received_at in looks:
        since = None if effect == unclear else since or received_at
    return since
