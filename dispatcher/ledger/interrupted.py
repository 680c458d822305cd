"""Imports that were interrupted, and that nobody took up again: rows of customers whom no campaign
can use, and whose terms would never begin."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, select

from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import audiences, recipients, row_errors


def imports(before: datetime) -> Select[int]:
    """Those that were begun before then: no import takes so long."""
    a = audiences.c
    return select(a.id).where(a.status == "importing", a.imported_at < before).order_by(a.id)


def discard(tx: Transaction, audience_id: int, piece: int) -> bool:
    """Throw away the next rows of one, and with the last of them the list itself; False then, and
    where it is not there any more, or is whole after all."""
    a = audiences.c
    mine = select(a.id).where(a.id == audience_id, a.status == "importing").with_for_update()
    if tx.execute(mine).first() is None:
        return False
    if _take(tx, audience_id, piece):
        return True
    tx.execute(delete(audiences).where(a.id == audience_id))
    return False


def _take(tx: Transaction, audience_id: int, piece: int) -> int:
    """How many rows went."""
    gone = 0
    for table in (recipients, row_errors):
        of_list = select(table.c.id).where(table.c.audience_id == audience_id)
        ids: Sequence[int] = tx.execute(of_list.limit(piece)).scalars().all()
        tx.execute(delete(table).where(bulk.among(tx, table.c.id, ids)))
        gone += len(ids)
    return gone
