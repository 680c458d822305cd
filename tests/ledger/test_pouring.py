"""Very many rows at once come in whole and in order, and a fault is told as any other."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dispatcher.ledger import Ledger, bulk
from dispatcher.ledger.connection import LedgerFault
from dispatcher.ledger.pouring import kept_instant, pour
from dispatcher.ledger.tables import circuits, trail

AT = datetime(2026, 12, 1, 6, 30, 15, 123456, tzinfo=UTC)
NAMES = ("at", "actor", "action", "subject", "details")
TRYING = "Ольга\t«Я»\n\\N \\. \"'%s ?\r"


@pytest.mark.parametrize("count", [0, 1, 179, 180, 181, 1000])
def test_rows_come_back_as_they_went_in_and_in_order(ledger: Ledger, count: int) -> None:
    with ledger.write() as tx:
        at = kept_instant(tx)(AT)
        details = '{"слово": "\\\\ \\" \\n"}'
        pour(tx, trail, NAMES, ((at, TRYING, "a", f"s:{n}", details) for n in range(count)))
    with ledger.read() as tx:
        found = tx.execute(select(trail).order_by(trail.c.id)).all()
    assert [(r.at, r.actor, r.subject, r.details) for r in found] == [
        (AT, TRYING, f"s:{n}", {"слово": '\\ " \n'}) for n in range(count)
    ]


def test_what_is_absent_stays_absent(ledger: Ledger) -> None:
    names = ("channel", "provider", "opened_at", "retry_at", "openings", "reason")
    with ledger.write() as tx:
        at = kept_instant(tx)(AT)
        assert kept_instant(tx)(None) is None
        with pytest.raises(IntegrityError), tx.begin_nested():
            pour(tx, circuits, names, [("sms", "a", at, None, 1, "")])
        pour(tx, circuits, names, [("sms", "a", at, at, 1, "")])


def test_a_row_that_is_there_already_is_an_error_and_nothing_goes_in(ledger: Ledger) -> None:
    names = ("channel", "provider", "opened_at", "retry_at", "openings", "reason")
    row = {"channel": "sms", "provider": "a", "opened_at": AT, "retry_at": AT, "openings": 1}
    with ledger.write() as tx:
        bulk.insert(tx, circuits, [row | {"reason": "first"}])
        at = kept_instant(tx)(AT)
    rows = [("sms", name, at, at, 1, "secret") for name in ("b", "a")]
    with pytest.raises(IntegrityError) as raised, ledger.write() as tx:
        pour(tx, circuits, names, rows)
    assert "secret" not in str(raised.value)
    with ledger.read() as tx:
        assert [r.provider for r in tx.execute(select(circuits))] == ["a"]


def test_a_server_that_goes_away_half_way_is_a_fault_of_the_ledger(postgres_url: str) -> None:
    ledger, other = Ledger(postgres_url), Ledger(postgres_url)

    def rows() -> Iterator[tuple[object, ...]]:
        yield (AT, "a", "a", "s", "{}")
        with other.write() as killer:
            killer.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        for _ in range(200_000):
            yield (AT, "a" * 100, "a", "s", "{}")

    with pytest.raises(LedgerFault) as raised, ledger.write() as tx:
        pour(tx, trail, NAMES, rows())
    assert isinstance(raised.value, DBAPIError)
    with ledger.write() as tx:
        assert tx.execute(select(trail)).all() == []
        pour(tx, trail, NAMES, [(AT, "a", "a", "s", "{}")])
    ledger.close()
    other.close()
