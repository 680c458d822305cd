"""Many rows in one statement.

A statement for each row costs the database, the driver and SQLAlchemy more than the row itself.
PostgreSQL takes all rows as one JSON document and reads it as a table; what all of them have in
common (most of what is written of a batch: when, of which campaign, by whom) is told once, in a
document beside it. SQLite, which has no way to go, runs a prepared statement over them. Names of
columns come from our own code alone.
"""

# ruff: noqa: S608

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Dialect,
    String,
    Table,
    any_,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from dispatcher.ledger.connection import Transaction

Row = Mapping[str, object]
_Values = Callable[[Row], tuple[object, ...]]


def among(tx: Transaction, column: ColumnElement[Any], values: Collection[object]) -> Any:
    """The condition that a column has one of these values, however many: one parameter in all."""
    given = list(values)
    if tx.dialect.name == "postgresql":
        return column == any_(cast(bindparam(None, given, unique=True), _array_of(column.type)))
    listed = func.json_each(json.dumps(given)).table_valued("value")
    return column.in_(select(listed.c.value))


@lru_cache(maxsize=64)
def _array_of(kind: TypeEngine[Any]) -> ARRAY[Any]:
    return ARRAY(kind)  # a new one each time would be a new statement to SQLAlchemy


def insert(tx: Transaction, table: Table, rows: Sequence[Row], *, or_leave: bool = False) -> None:
    """Insert rows of the same columns; with `or_leave` what is there already stays as it is."""
    if not rows:
        return
    names = tuple(rows[0])
    rest = " ON CONFLICT DO NOTHING" if or_leave else ""
    if tx.dialect.name == "postgresql":
        head = f"INSERT INTO {table.name} ({_listed(names)})"
        given = _given(table, rows)
        source = f"SELECT {_listed(names)} FROM {given.source}"
        tx.exec_driver_sql(f"{head} {source}{rest}", given.documents)
        return
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table.name} ({_listed(names)}) VALUES ({marks}){rest}"
    bound = _bound(table, names)
    tx.exec_driver_sql(statement, [bound(row) for row in rows])


def insert_told(
    tx: Transaction, table: Table, rows: Sequence[Row], told: Sequence[str]
) -> Sequence[tuple[Any, ...]]:
    """Insert rows; the columns `told` of each as it stands then, in any order."""
    if not rows:
        return []
    names = tuple(rows[0])
    head = f"INSERT INTO {table.name} ({_listed(names)})"
    tail = f"RETURNING {_listed(told)}"
    documents: tuple[str, ...]
    if tx.dialect.name == "postgresql":
        given = _given(table, rows)
        source, documents = f"SELECT {_listed(names)} FROM {given.source}", given.documents
    else:
        places = ", ".join(f"value ->> {place}" for place in range(len(names)))
        source = f"SELECT {places} FROM json_each(?) WHERE true"
        bound = _bound(table, names)
        documents = (json.dumps([bound(row) for row in rows], ensure_ascii=False),)
    result = tx.exec_driver_sql(f"{head} {source} {tail}", documents)
    return [tuple(row) for row in result]


def update(
    tx: Transaction,
    table: Table,
    rows: Sequence[Row],
    *,
    where: Mapping[str, str],
) -> int:
    """Change rows, each found by its own values; how many there were.

    Every row sets the same columns. `where`: columns by which a row is found, each with the name
    under which its value stands in `rows`; all other names are columns to set.
    """
    if not rows:
        return 0
    names = tuple(name for name in rows[0] if name not in where.values())
    found_by = tuple(where.values())
    columns = {**{name: name for name in names}, **{to: name for name, to in where.items()}}
    if tx.dialect.name == "postgresql":
        given = _given(table, rows, columns, apart=found_by)
        sets = ", ".join(f'"{name}" = {given.place(name)}' for name in names)
        conditions = " AND ".join(
            f'{table.name}."{name}" = {given.place(to)}' for name, to in where.items()
        )
        statement = f"UPDATE {table.name} SET {sets} FROM {given.source} WHERE {conditions}"
        return tx.exec_driver_sql(statement, given.documents).rowcount
    sets = ", ".join(f'"{name}" = ?' for name in names)
    conditions = " AND ".join(f'"{name}" = ?' for name in where)
    statement = f"UPDATE {table.name} SET {sets} WHERE {conditions}"
    bound = _bound(table, (*names, *found_by), columns)
    return tx.exec_driver_sql(statement, [bound(row) for row in rows]).rowcount


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@dataclass(frozen=True, slots=True)
class _Given:
    """Rows as PostgreSQL is told them: where they stand in a statement, and its parameters."""

    source: str
    documents: tuple[str, ...]
    shared: Collection[str]

    def place(self, name: str) -> str:
        return f'{"shared" if name in self.shared else "given"}."{name}"'


def _given(
    table: Table,
    rows: Sequence[Row],
    columns: Mapping[str, str] | None = None,
    *,
    apart: Collection[str] = (),
) -> _Given:
    """The documents as tables, their columns of the types of those that they are meant for.

    What is `apart` is told of each row, though all have it in common: by it rows are found, and
    PostgreSQL shall not think of another way to them.
    """
    names = rows[0].keys()
    if any(row.keys() != names for row in rows):
        raise ValueError("every row has the same columns: what is missing would become null")
    shared = _shared(rows, apart)
    own = [name for name in names if name not in shared]
    source = f"json_to_recordset(%s::json) AS given({_typed(table, own, columns)})"
    if not shared:
        return _Given(source, (_written_out(rows),), ())
    beside = f"json_to_record(%s::json) AS shared({_typed(table, shared, columns)})"
    told = [{name: row[name] for name in own} for row in rows]
    return _Given(f"{source}, {beside}", (_written_out(told), _written_out(shared)), shared.keys())


def _shared(rows: Sequence[Row], apart: Collection[str]) -> Row:
    """What all rows have in common; nothing where that is all of it, for a table has columns.

    Documents are told of each row: 1 and True are the same to Python, and not in there.
    """
    first, *others = rows
    if not others:
        return {}
    shared = {
        name: value
        for name, value in first.items()
        if name not in apart
        and not isinstance(value, dict | list | tuple)
        and all(row[name] == value for row in others)
    }
    return shared if len(shared) < len(first) else {}


def _typed(table: Table, names: Iterable[str], columns: Mapping[str, str] | None) -> str:
    return ", ".join(
        f'"{name}" {_type_of(table.c[(columns or {}).get(name, name)])}' for name in names
    )


@lru_cache(maxsize=512)
def _type_of(column: Column[Any]) -> str:
    if isinstance(column.type, String):
        return "TEXT"  # a type with a length would cut what is too long, without a word
    return column.type.compile(postgresql.dialect())  # type: ignore[no-untyped-call]


def _written_out(rows: object) -> str:
    return json.dumps(rows, ensure_ascii=False, default=_written)


def _written(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"no column takes a {type(value).__name__}")


def _bound(table: Table, names: Sequence[str], columns: Mapping[str, str] | None = None) -> _Values:
    """How SQLite keeps the values of a row."""
    processors = [(name, _processor(table.c[(columns or {}).get(name, name)])) for name in names]

    def values(row: Row) -> tuple[object, ...]:
        return tuple(
            row[name] if processor is None else processor(row[name])
            for name, processor in processors
        )

    return values


_SQLITE: Dialect = sqlite.dialect()


@lru_cache(maxsize=512)
def _processor(column: Column[Any]) -> Callable[[object], object] | None:
    return column.type.dialect_impl(_SQLITE).bind_processor(_SQLITE)


__all__ = ["among", "insert", "insert_told", "update"]
