"""The attempts of a campaign page by page, in the order in which they began."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, deliveries, recipients


@dataclass(frozen=True, slots=True)
class Line:
    """One attempt, without the contact point that it went to."""

    id: int
    account: str
    channel: str
    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    positive: bool | None
    next_due_at: datetime | None


def after(
    tx: Transaction, campaign_id: int, place: tuple[datetime, int] | None, limit: int
) -> Sequence[Line]:
    """The next ones behind a place (when it began, its id); a walk along the index."""
    a = attempts.c
    query = (
        select(
            a.id,
            recipients.c.account_number,
            a.channel,
            a.number,
            a.started_at,
            a.ended_at,
            a.outcome,
            a.positive,
            a.next_due_at,
        )
        .join(deliveries, deliveries.c.id == a.delivery_id)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(a.campaign_id == campaign_id)
        .order_by(a.started_at, a.id)
        .limit(limit)
    )
    if place is not None:
        began_at, attempt_id = place
        # The first bound alone is what an index is entered by.
        query = query.where(
            a.started_at >= began_at, tuple_(a.started_at, a.id) > (began_at, attempt_id)
        )
    return [Line(*row) for row in tx.execute(query)]
