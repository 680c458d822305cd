"""Letters as staff ask for them: what came in of late, and what was done with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from campaigns.inquiry.verdict import Reason, Verdict
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import inquiries, letters


@dataclass(frozen=True, slots=True)
class Wanted:
    """Spam is left out unless it is what is asked for."""

    since_at: datetime  # taken in
    is_silent: bool = False
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """`number` is that of the inquiry, None where the letter belongs to none."""

    id: int
    mailbox: str
    sender: str
    subject: str
    arrived_at: datetime
    taken_at: datetime
    verdict: Verdict
    reason: Reason
    size_bytes: int
    number: str | None


def found(tx: Transaction, wanted: Wanted, limit: int) -> Sequence[Listed]:
    """The newest first."""
    c = letters.c
    rows = tx.execute(
        select(
            c.id,
            c.mailbox,
            c.sender,
            c.subject,
            c.arrived_at,
            c.taken_at,
            c.verdict,
            c.reason,
            c.size_bytes,
            inquiries.c.number,
        )
        .outerjoin(inquiries, inquiries.c.id == c.inquiry_id)
        .where(*_fitting(wanted))
        .order_by(c.id.desc())
        .limit(limit)
    )
    return [
        Listed(
            id=row.id,
            mailbox=row.mailbox,
            sender=row.sender,
            subject=row.subject,
            arrived_at=row.arrived_at,
            taken_at=row.taken_at,
            verdict=Verdict(row.verdict),
            reason=Reason(row.reason),
            size_bytes=row.size_bytes,
            number=row.number,
        )
        for row in rows
    ]


def count(tx: Transaction, wanted: Wanted) -> int:
    query = select(func.count()).select_from(letters).where(*_fitting(wanted))
    return tx.execute(query).scalar_one()


def _fitting(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    c = letters.c
    yield c.taken_at >= wanted.since_at
    if wanted.is_silent:
        yield c.verdict == Verdict.SILENT
    yield c.reason != Reason.SPAM if wanted.reason is None else c.reason == wanted.reason
