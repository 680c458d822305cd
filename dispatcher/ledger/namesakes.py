"""Messages of customers that bear the same name: told twice by a provider, or two that it named
alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from campaigns.channel import ChannelName
from campaigns.stop_words import Wish
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import inquiries


@dataclass(frozen=True, slots=True)
class Namesake:
    """A message that a customer sent before and that bore the same name."""

    kind: Wish
    received_at: datetime


def of(
    tx: Transaction, channel: ChannelName, provider: str, reference: str, contact_point: str
) -> Sequence[Namesake]:
    """This customer's messages of that name, also under the names that `another` made of it."""
    rows = tx.execute(
        select(inquiries.c.kind, inquiries.c.received_at).where(
            inquiries.c.contact_point == contact_point,
            inquiries.c.channel == channel,
            inquiries.c.provider == provider,
            or_(
                inquiries.c.reference == reference,
                inquiries.c.reference.startswith(another(reference, ""), autoescape=True),
            ),
        )
    )
    return [Namesake(Wish(row.kind), row.received_at) for row in rows]


def another(reference: str, number: object) -> str:
    """What a message is kept under whose own name is taken by an earlier one."""
    return f"{reference}#{number}"
