"""Test messages that staff send to themselves: noted in the trail, so many an hour for each."""

from datetime import datetime

from sqlalchemy import func, select

from dispatcher.ledger import trail
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.staff_tables import staff
from dispatcher.ledger.tables import trail as acts

SEND = "trial.send"


def note(
    tx: Transaction,
    staff_id: int,
    actor: str,
    now: datetime,
    since: datetime,
    most: int,
    **details: str,
) -> bool:
    """Write down that somebody is about to send one; False when that makes more than `most` since
    then. Of two at once the second counts the first."""
    tx.execute(select(staff.c.id).where(staff.c.id == staff_id).with_for_update())
    subject = f"trial:{actor}"
    sent = tx.execute(
        select(func.count()).where(acts.c.subject == subject, acts.c.at > since)
    ).scalar_one()
    if sent >= most:
        return False
    trail.note(tx, now, actor, SEND, subject, **details)
    return True
