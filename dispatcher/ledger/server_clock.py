"""What time it is at the ledger's server."""

from datetime import datetime

from sqlalchemy import func, select

from dispatcher.ledger.connection import Ledger


def ask_time(ledger: Ledger) -> datetime:
    """The wall clock of the PostgreSQL server at this very instant. Raises LedgerFault."""
    with ledger.read() as tx:
        told: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    return told
