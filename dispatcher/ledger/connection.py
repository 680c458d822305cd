"""The ledger's door: how a transaction is begun, on SQLite and on PostgreSQL alike.

SQLite: WAL, one writer at a time. A writing transaction takes the write lock at its beginning
(`BEGIN IMMEDIATE`), because one that reads first and writes later can fail half-way however long it
is ready to wait.
"""

import json
import random
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dispatcher import metrics
from dispatcher.errors import BadSetting, LedgerAway

log = structlog.get_logger()

Transaction = Connection
# What a database that is away, locked or broken raises.
LedgerFault = (DBAPIError, PoolTimeout)
Result = TypeVar("Result")
_LastAct = Callable[[Transaction, Collection[int]], None]

PATIENCE_SECONDS = 60.0
# Where a connection keeps what is to be done when its transaction has been committed.
_AFTERWARDS = "afterwards"
# How long it waits for others, where that is not as long as all do.
_PATIENCE = "patience_seconds"
# And what is to be done as the last thing in it, with the ids that were gathered for that.
_AT_LAST = "at_last"

# A host that vanished without a word is given up after half a minute, not after hours.
_POSTGRES = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# Otherwise each statement sees what was committed before it, and two counters that are asked one
# after the other differ. Told with BEGIN itself, it costs nothing.
_ONE_STATE = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

# Who hangs half-way through a writing transaction (a machine that sleeps, a process that is
# stopped) must not hold up everybody else. Our transactions last for seconds; one that waits is
# told to come again, one that does nothing is ended. Reading ones hold nobody up and may take their
# time: an export waits for whoever reads it.
LOCK_SECONDS = 20
IDLE_SECONDS = 20
SQLITE_BUSY_MILLISECONDS = 30_000


class Ledger:
    """The truth, behind one engine. Open it once per process and share it between threads."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise BadSetting("DISPATCHER_DATABASE_URL", "postgresql://user@host/name") from error
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if parsed.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
            raise BadSetting("DISPATCHER_DATABASE_URL", "postgresql://… | sqlite:///…")
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=not self.is_sqlite,
            hide_parameters=True,  # personal data stay out of error texts
            json_deserializer=_read_json,
            connect_args={"timeout": 30} if self.is_sqlite else _POSTGRES,
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "begin", _begin_postgres)
        # On SQLite any transaction sees one state of the file.
        self._for_reading = (
            self.engine if self.is_sqlite else self.engine.execution_options(**_ONE_STATE)
        )

    @contextmanager
    def write(self, lock_seconds: float | None = None) -> Iterator[Transaction]:
        """A transaction that may write: committed at the end, rolled back by an exception.

        `lock_seconds`: how long it waits for others; None: as long as all do.
        """
        with self.engine.connect() as connection:
            connection.info["writes"] = True
            connection.info[_PATIENCE] = lock_seconds
            afterwards: list[Callable[[], object]] = []
            connection.info[_AFTERWARDS] = afterwards
            last: defaultdict[_LastAct, set[int]] = defaultdict(set)
            connection.info[_AT_LAST] = last
            with connection.begin():
                yield connection
                for end, ids in last.items():
                    end(connection, ids)
            for act in afterwards:
                act()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the ledger, however many questions it asks, and
        changes nothing. Nobody's changes can break it off: that happens to writing ones alone."""
        with self._for_reading.connect() as connection:
            connection.info["writes"] = False
            with connection.begin():
                yield connection

    def insist(
        self, act: Callable[[Transaction], Result], patience_seconds: float | None = None
    ) -> Result:
        """Do `act` in a writing transaction, trying again while the database is away or locked.

        For what must not be lost once it happened (an outcome). `act` may run several times, each
        time in a new transaction. Raises LedgerAway after a minute, or `patience_seconds`: for
        somebody who waits at the other end, and comes again.
        """
        deadline = time.monotonic() + (patience_seconds or PATIENCE_SECONDS)
        pause_seconds = 0.1
        while True:
            try:
                with self.write(patience_seconds) as tx:
                    return act(tx)
            except (DBAPIError, PoolTimeout) as error:
                if not may_pass(error) or time.monotonic() + pause_seconds > deadline:
                    if may_pass(error):
                        raise LedgerAway from error
                    raise
                log.warning("ledger.away", retry_seconds=round(pause_seconds, 1))
                metrics.ledger_retried()
                time.sleep(pause_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - only jitter
                pause_seconds = min(pause_seconds * 2, 5.0)

    def close(self) -> None:
        self.engine.dispose()


def at_last(tx: Transaction, act: _LastAct, ids: Collection[int]) -> None:
    """Do this once, as the last thing of the transaction, with all ids that it was asked for: what
    takes locks of its own takes them then, in one order, while no others are taken any more."""
    gathered: dict[_LastAct, set[int]] = tx.info[_AT_LAST]
    gathered[act].update(ids)


def once_committed(tx: Transaction, act: Callable[[], object]) -> None:
    """Do this when the transaction has been committed, and not if it is rolled back or tried again:
    what is counted has happened. Quick, and without an error of its own."""
    tx.info.setdefault(_AFTERWARDS, []).append(act)


# SQLITE_BUSY, _LOCKED, _IOERR, _FULL and _CANTOPEN; SQLite calls a wrong statement
# "operational", too, and waiting does not mend that.
_SQLITE_PASSING = frozenset({5, 6, 10, 13, 14})


def may_pass(error: Exception) -> bool:
    """A fault that waiting can mend: the server is away, the file locked, every line busy."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in _SQLITE_PASSING
    return isinstance(error, OperationalError) or error.connection_invalidated


_scan_json = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def _read_json(document: str | bytes) -> Any:
    """As `json.loads` does, but half of the documents are an empty list, and all are in UTF-8.

    Programs wrote them, without a blank around: that is tried first, in half the time.
    """
    if document in (b"[]", "[]"):
        return []
    text = document if isinstance(document, str) else str(document, "utf-8")
    try:
        value, end = _scan_json(text, 0)
    except StopIteration:  # how it says that it found nothing
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin and end transactions ourselves
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in (
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"busy_timeout = {SQLITE_BUSY_MILLISECONDS}",
        "cache_size = -65536",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """A new file is switched to WAL by whoever opens it first. Of two at the same moment SQLite
    turns one away at once, however long it is ready to wait."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.01, 0.05))  # noqa: S311 - only jitter
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    if not connection.info.get("writes", True):
        connection.exec_driver_sql("BEGIN")
        return
    patience_seconds = connection.info.get(_PATIENCE)
    if patience_seconds is None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience_seconds * 1000:.0f}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {SQLITE_BUSY_MILLISECONDS}")


def _begin_postgres(connection: Connection) -> None:
    if connection.info.get("writes", True):
        patience_seconds = connection.info.get(_PATIENCE)
        limit_patience(connection, patience_seconds or LOCK_SECONDS, IDLE_SECONDS)


def limit_patience(tx: Transaction, lock_seconds: float, idle_seconds: int) -> None:
    """Until the end of this transaction, on PostgreSQL; 0: no limit."""
    tx.exec_driver_sql(
        f"SELECT set_config('lock_timeout', '{lock_seconds * 1000:.0f}ms', true), "
        f"set_config('idle_in_transaction_session_timeout', '{idle_seconds:d}s', true)"
    )
