"""Leafing through an audience, one recipient at a time, forwards and back.

In the order of account numbers, which an index knows: each step costs the same, were the audience a
million long.
"""

from sqlalchemy import select

from campaigns.recipient import Recipient
from dispatcher.ledger import audiences
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import recipients


def first(tx: Transaction, audience_id: int) -> tuple[int, Recipient] | None:
    """The recipient with the lowest account number, with its id; None where there is nobody."""
    return _step(tx, audience_id, "", back=False)


def find(tx: Transaction, audience_id: int, recipient_id: int) -> tuple[int, Recipient] | None:
    """A recipient of this audience, and of no other; None for one whose data were erased."""
    r = recipients.c
    of_audience = (r.id == recipient_id, r.audience_id == audience_id, r.erased_at.is_(None))
    if tx.execute(select(r.id).where(*of_audience)).scalar() is None:
        return None
    return recipient_id, audiences.get_many(tx, [recipient_id])[recipient_id]


def neighbour(
    tx: Transaction, audience_id: int, account_number: str, *, back: bool = False
) -> tuple[int, Recipient] | None:
    """Who comes after that account, or before it; None at the end."""
    return _step(tx, audience_id, account_number, back=back)


def _step(
    tx: Transaction, audience_id: int, account_number: str, *, back: bool
) -> tuple[int, Recipient] | None:
    r = recipients.c
    beyond = r.account_number < account_number if back else r.account_number > account_number
    found = tx.execute(
        select(r.id)
        .where(r.audience_id == audience_id, beyond, r.erased_at.is_(None))
        .order_by(r.account_number.desc() if back else r.account_number)
        .limit(1)
    ).scalar()
    return None if found is None else (found, audiences.get_many(tx, [found])[found])
