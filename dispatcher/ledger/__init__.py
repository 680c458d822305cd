"""The ledger: the truth of the system and the only place that speaks SQL.

One module a noun; each is functions over an open transaction. Who calls decides what belongs into
one transaction:

    with ledger.write() as tx:
        claimed = claims.claim_due(tx, …)
"""

from dispatcher.ledger import api_tables as api_tables  # join the other tables
from dispatcher.ledger import staff_tables as staff_tables
from dispatcher.ledger.connection import Ledger, LedgerFault, Transaction, once_committed
from dispatcher.ledger.migration import migrate

__all__ = ["Ledger", "LedgerFault", "Transaction", "migrate", "once_committed", "open_ledger"]


def open_ledger(url: str, *, pool_size: int = 10) -> Ledger:
    """Connect, and bring the schema up to date."""
    ledger = Ledger(url, pool_size=pool_size)
    migrate(ledger)
    return ledger
