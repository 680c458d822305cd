"""Fixtures that many tests share: the two databases, and a queue."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, Engine, event, make_url

from dispatcher.ledger import Ledger, open_ledger
from dispatcher.ledger.tables import metadata
from tests.ledger import servers


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with servers.postgres() as url:
        yield url


def create_database(server: str) -> str:
    """A fresh database on the server; its URL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = make_url(server).set(database=name, drivername="postgresql")
    return url.render_as_string(hide_password=False)


def drop_database(server: str, url: str) -> None:
    name = make_url(url).database or ""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> Iterator[str]:
    """One database with the whole schema; each test finds it empty."""
    url = create_database(postgres_server)
    open_ledger(url).close()
    yield url
    drop_database(postgres_server, url)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the whole schema, to be copied: quicker than migrating for every test."""
    path = tmp_path_factory.mktemp("ledger") / "empty.sqlite3"
    open_ledger(f"sqlite:///{path}").close()
    return path


def empty(ledger: Ledger) -> None:
    """Every table but the migrations' own is as new."""
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    with ledger.write() as tx:
        tx.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "ledger.sqlite3"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(migrated_postgres: str) -> str:
    ledger = Ledger(migrated_postgres)
    empty(ledger)
    ledger.close()
    return migrated_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """An empty ledger on either database."""
    return str(
        request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    )


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = Ledger(ledger_url)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database in which nothing stands yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'ledger.sqlite3'}"
        return
    server = request.getfixturevalue("postgres_server")
    url = create_database(server)
    yield url
    drop_database(server, url)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@event.listens_for(Engine, "before_execute")
def _reading_only_reads(
    connection: Connection, statement: Any, _many: Any, _parameters: Any, _options: Any
) -> None:
    """What PostgreSQL refuses in a transaction that only reads is refused on SQLite, too."""
    if connection.dialect.name != "sqlite" or connection.info.get("writes", True):
        return
    locks = getattr(statement, "_for_update_arg", None) is not None
    assert not locks, f"a transaction that only reads locks: {statement}"
    assert not getattr(statement, "is_dml", False), (
        f"a transaction that only reads writes: {statement}"
    )
