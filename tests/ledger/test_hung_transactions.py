"""PostgreSQL: who hangs half-way through a transaction does not hold up everybody else."""

import threading

import pytest
from sqlalchemy import text

from dispatcher.ledger import Ledger, LedgerFault, Transaction, connection, migration, trail
from tests.ledger.making import ACTOR, NOW

LOCK = "SELECT pg_advisory_xact_lock(7)"


def _setting(tx: Transaction, name: str) -> str:
    return str(tx.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one())


def test_a_writing_transaction_has_limits_and_a_reading_one_has_none(postgres_url: str) -> None:
    """An export that somebody pages through reads for minutes."""
    ledger = Ledger(postgres_url, pool_size=1)
    names = ("lock_timeout", "idle_in_transaction_session_timeout")
    for _ in range(2):
        with ledger.write() as tx:
            assert [_setting(tx, name) for name in names] == ["20s", "20s"]
        with ledger.read() as tx:
            assert [_setting(tx, name) for name in names] == ["0", "0"]
    ledger.close()


def test_a_lock_that_is_held_too_long_is_told_and_what_must_be_written_is_tried_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_SECONDS", 1)
    ledger = Ledger(postgres_url)
    tries: list[int] = []
    held, refused = threading.Event(), threading.Event()

    def hang() -> None:
        with ledger.write() as tx:
            tx.exec_driver_sql(LOCK)
            held.set()
            refused.wait(30)

    def act(tx: Transaction) -> str:
        tries.append(1)
        try:
            tx.exec_driver_sql(LOCK)
        except LedgerFault:
            refused.set()
            raise
        trail.note(tx, NOW, ACTOR, "act", "subject")
        return "done"

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert held.wait(10)
    assert ledger.insist(act) == "done"
    hanging.join(10)
    assert len(tries) >= 2
    ledger.close()


def test_who_does_nothing_half_way_is_cut_off_and_may_try_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 1)
    ledger = Ledger(postgres_url)
    tries: list[int] = []
    taken = threading.Event()

    def hang_once(tx: Transaction) -> str:
        tries.append(1)
        trail.note(tx, NOW, ACTOR, "act", "subject")
        if len(tries) == 1:
            tx.exec_driver_sql(LOCK)
            waiting.start()
            assert taken.wait(20)
        tx.exec_driver_sql("SELECT 1")
        return "done"

    def wait() -> None:
        with ledger.write() as tx:
            tx.exec_driver_sql(LOCK)
        taken.set()

    waiting = threading.Thread(target=wait)
    assert ledger.insist(hang_once) == "done"
    waiting.join(10)
    assert len(tries) == 2
    with ledger.read() as tx:
        assert len(trail.of(tx, "subject")) == 1
    ledger.close()


@pytest.mark.parametrize("unmigrated_url", ["postgresql"], indirect=True)
def test_a_migration_waits_for_another_as_long_as_it_takes(
    unmigrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_SECONDS", 1)
    ledger, other = Ledger(unmigrated_url), Ledger(unmigrated_url)
    with other.read() as tx:
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({migration.MIGRATION_LOCK})")
        migrating = threading.Thread(target=migration.migrate, args=(ledger,))
        migrating.start()
        migrating.join(1.5)
        assert migrating.is_alive()
    migrating.join(60)
    with ledger.read() as tx:
        assert trail.of(tx, "subject") == []
    for one in (ledger, other):
        one.close()
