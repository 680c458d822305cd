"""Migrations, and a database that is locked or gone for a while."""

import multiprocessing
import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from dispatcher.errors import BadSetting, LedgerAway, NotPossible
from dispatcher.ledger import Ledger, Transaction, connection, migrate, open_ledger, trail
from dispatcher.ledger.migration import LATEST, SCRIPTS
from tests.ledger.making import ACTOR, NOW
from tests.ledger.schema import differences


@pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index",
    "ignore:autogenerate skipping metadata-specified expression-based index",
)
def test_the_migrations_make_exactly_the_tables(unmigrated_url: str) -> None:
    ledger = open_ledger(unmigrated_url)
    with ledger.read() as tx:
        assert differences(tx) == []
    ledger.close()


def test_migrating_again_changes_nothing(unmigrated_url: str) -> None:
    ledger = open_ledger(unmigrated_url)
    with ledger.write() as tx:
        trail.note(tx, NOW, ACTOR, "act", "subject")
    migrate(ledger)
    with ledger.read() as tx:
        assert len(trail.of(tx, "subject")) == 1
    ledger.close()


def _open(url: str) -> None:
    open_ledger(url).close()


def test_two_processes_may_open_a_new_ledger_at_once(unmigrated_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=_open, args=(unmigrated_url,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]


def test_a_ledger_of_a_newer_program_is_refused(unmigrated_url: str) -> None:
    ledger = open_ledger(unmigrated_url)
    with ledger.write() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NotPossible, match="9999"):
        migrate(ledger)
    ledger.close()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not a url"])
def test_a_database_of_another_kind_is_refused_without_showing_the_url(url: str) -> None:
    with pytest.raises(BadSetting, match="DISPATCHER_DATABASE_URL") as caught:
        Ledger(url)
    assert url not in str(caught.value)


def _note(tx: Transaction) -> str:
    trail.note(tx, NOW, ACTOR, "act", "subject")
    return "done"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own waiting is cut short, so that ours is what is tested."""

    def prepare(raw: sqlite3.Connection, record: object) -> None:
        prepare_as_usual(raw, record)
        raw.execute("PRAGMA busy_timeout = 50")

    prepare_as_usual = connection._prepare_sqlite
    monkeypatch.setattr(connection, "_prepare_sqlite", prepare)


def test_an_outcome_is_written_though_the_file_is_locked_for_seconds(
    sqlite_url: str, impatient: None
) -> None:
    ledger = Ledger(sqlite_url)
    other = sqlite3.connect(
        make_url(sqlite_url).database or "", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(2.0, other.rollback)
    timer.start()
    try:
        assert ledger.insist(_note) == "done"
        assert not other.in_transaction
    finally:
        timer.join()
        other.close()
    with ledger.read() as tx:
        assert len(trail.of(tx, "subject")) == 1
    ledger.close()


def test_a_lock_that_is_never_released_is_told_after_the_patience_is_over(
    sqlite_url: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.5)
    ledger = Ledger(sqlite_url)
    other = sqlite3.connect(make_url(sqlite_url).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerAway):
        ledger.insist(_note)
    other.close()
    ledger.close()


def test_an_act_that_is_wrong_is_not_tried_again(ledger: Ledger) -> None:
    tries: list[int] = []

    def act(tx: Transaction) -> None:
        tries.append(1)
        tx.exec_driver_sql("SELECT nothing FROM nowhere_at_all")

    with pytest.raises(Exception, match="nowhere_at_all"):
        ledger.insist(act)
    assert len(tries) == 1


def test_an_outcome_is_written_though_every_connection_is_cut(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    tries: list[int] = []

    def act(tx: Transaction) -> None:
        tries.append(1)
        trail.note(tx, NOW, ACTOR, "act", "cut")
        if len(tries) < 3:
            pid = tx.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with psycopg.connect(postgres_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        trail.note(tx, NOW, ACTOR, "act", "cut")

    ledger.insist(act)
    with ledger.write() as tx:
        assert len(tries) == 3
        assert len(trail.of(tx, "cut")) == 2
    ledger.close()


def test_a_reading_transaction_does_not_wait_for_a_writing_one(sqlite_url: str) -> None:
    ledger = Ledger(sqlite_url)
    with ledger.write() as writer:
        trail.note(writer, NOW, ACTOR, "act", "subject")
        with ledger.read() as reader:
            assert trail.of(reader, "subject") == []
    ledger.close()


def test_the_folder_of_a_new_ledger_is_made(tmp_path: Path) -> None:
    open_ledger(f"sqlite:///{tmp_path / 'a' / 'b' / 'ledger.sqlite3'}").close()
    assert (tmp_path / "a" / "b" / "ledger.sqlite3").exists()


def test_the_program_knows_which_migration_is_the_latest() -> None:
    names = sorted(path.stem for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
    assert names[-1].startswith(LATEST)
