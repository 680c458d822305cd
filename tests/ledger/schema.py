"""How a ledger's schema differs from the tables that the program works with."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint

from dispatcher.ledger import Transaction
from dispatcher.ledger.tables import metadata


def differences(tx: Transaction) -> list[Any]:
    """What Alembic would change; it does not know of keys that are meant for SQLite only."""

    def is_meant(given: Any, _name: Any, _kind: Any, _reflected: Any, _beside: Any) -> bool:
        if isinstance(given, ForeignKeyConstraint) and tx.dialect.name != "sqlite":
            return (given.table.name, given.column_keys) not in _ONLY_ON_SQLITE
        return True

    options = {"compare_type": True, "include_object": is_meant}
    context = MigrationContext.configure(tx, opts=options)
    return list(compare_metadata(context, metadata))


_ONLY_ON_SQLITE = [("touches", ["attempt_id"]), ("attempts", ["campaign_id"])]
