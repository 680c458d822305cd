"""Very many rows, as fast as the database takes them.

PostgreSQL has `COPY` for it. SQLite runs a prepared statement of as many rows as an old one allows
parameters: what a statement costs by itself is shared among them. Rows get their ids in the order
in which they come. A row that is there already is an error: who pours knows what is there.

Values are as the database keeps them: JSON as text, instants as `kept_instant` gives them. Names of
columns come from our own code alone.
"""

# ruff: noqa: S608

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import Instant

Values = Sequence[object]

_PARAMETERS = 900


def pour(tx: Transaction, table: Table, names: Sequence[str], rows: Iterable[Values]) -> None:
    """Insert rows: the values of these columns, in their order. Raises what the database raises
    otherwise, as SQLAlchemy names it."""
    listed = ", ".join(f'"{name}"' for name in names)
    head = f"{table.name} ({listed})"
    if tx.dialect.name == "postgresql":
        _copy(tx, f"COPY {head} FROM STDIN", rows)
        return
    one = f"({', '.join('?' * len(names))})"
    many = _PARAMETERS // len(names)
    whole: list[Values] = []
    for batch in _batches(rows, many):
        values = tuple(chain.from_iterable(batch))
        if len(batch) == many:
            whole.append(values)
            continue
        _run(tx, f"INSERT INTO {head} VALUES {', '.join([one] * many)}", whole)
        _run(tx, f"INSERT INTO {head} VALUES {', '.join([one] * len(batch))}", [values])
        return
    _run(tx, f"INSERT INTO {head} VALUES {', '.join([one] * many)}", whole)


def kept_instant(tx: Transaction) -> Callable[[datetime | None], object]:
    """How the database keeps an instant; the same ones come again and again."""
    bound: Any = Instant().dialect_impl(tx.dialect).bind_processor(tx.dialect)
    return lru_cache(maxsize=1024)(bound) if bound else lambda at: at


def _run(tx: Transaction, statement: str, batches: list[Values]) -> None:
    if batches:
        tx.exec_driver_sql(statement, [tuple(batch) for batch in batches])


def _copy(tx: Transaction, statement: str, rows: Iterable[Values]) -> None:
    driver: Any = tx.connection.driver_connection
    fault: Any = tx.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except fault as error:
        # The driver was spoken to past SQLAlchemy; who waits for its faults shall find them.
        lost = tx.dialect.is_disconnect(error, driver, None)
        raise DBAPIError.instance(
            statement,
            None,
            error,
            fault,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=tx.dialect,
        ) from error


def _batches(rows: Iterable[Values], size: int) -> Iterator[list[Values]]:
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


__all__ = ["kept_instant", "pour"]
