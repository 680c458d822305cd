"""Forms of the site among the inquiries: which of them was sent before."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from campaigns.inquiry.status import InquiryChannel
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import inquiries


@dataclass(frozen=True, slots=True)
class Filed:
    """What its sender was told of a form."""

    inquiry_id: int
    number: str
    respond_on: date


def filed_since(
    tx: Transaction, contact_point: str, digest: str, since_at: datetime
) -> Filed | None:
    """The form with the same words from the same sender, the latest. Its reference begins with the
    digest of its words."""
    i = inquiries.c
    row = tx.execute(
        select(i.id, i.number, i.respond_on)
        .where(
            i.contact_point == contact_point,
            i.channel == InquiryChannel.FORM,
            i.received_at > since_at,
            i.reference.startswith(digest, autoescape=True),
            i.respond_on.is_not(None),
        )
        .order_by(i.id.desc())
        .limit(1)
    ).first()
    return Filed(row.id, row.number, row.respond_on) if row else None
