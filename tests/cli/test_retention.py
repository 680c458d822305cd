"""What staff see of the archive and of erasing, in another process as they would run it."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.outcome import Outcome
from tests.cli.test_commands import Run, environment, facts, home, run
from tests.flow.builders import EMAIL, PHONE, START, Books, address, mobile, open_books, recipient

__all__ = ["environment", "home", "run"]

IVAN, MARIA = "70001850005", "70001850006"
NUMBER = "+79161234567"
LONG_AGO = (
    ("audiences", "imported_at"),
    *(("campaigns", name) for name in ("start_at", "end_at", "created_at", "closed_at")),
    *(("attempts", name) for name in ("started_at", "handed_at", "ended_at", "next_due_at")),
    *(("touches", name) for name in ("at", "positive_at")),
)


@pytest.fixture
def books(home: Path) -> Books:
    """A campaign that ended five years ago, and one that goes on."""
    folder = home / "ledger"
    folder.mkdir()
    books = open_books(folder)
    people = [
        recipient(IVAN, mobile(NUMBER), address("ivan@example.com"), row=2),
        recipient(MARIA, mobile("+79161234568"), row=3),
    ]
    books.launch(people)
    books.attempt(IVAN, PHONE, START, Outcome.HEARD)
    books.attempt(IVAN, EMAIL, START, Outcome.ACCEPTED)
    books.attempt(MARIA, PHONE, START, Outcome.BUSY)
    books.close()
    with books.ledger.write() as tx:
        for table, column in LONG_AGO:
            tx.execute(text(f"UPDATE {table} SET {column} = replace({column}, '2026-', '2021-')"))
    start = books.clock.now() + timedelta(days=1)
    books.launch(people[:1], start_at=start, end_at=start + timedelta(days=14))
    return books


@pytest.fixture
def ledger(books: Books) -> dict[str, str]:
    return {"DISPATCHER_DATABASE_URL": str(books.ledger.engine.url)}


def test_what_is_due_is_told_then_done_and_the_report_stays(
    run: Run, ledger: dict[str, str]
) -> None:
    due = facts(run("retention", "status", "--json", **ledger))
    assert due["archive"] == [{"month": "2021-12", "campaigns": 1, "attempts": 3}]
    assert (due["lists"], due["customers"]) == (1, 2)
    assert "Номер" not in run("retention", "run", "--dry-run", **ledger).stdout
    assert facts(run("retention", "status", "--json", **ledger)) == due
    before = facts(run("campaign", "report", "1", "--json", **ledger))
    said = facts(run("retention", "find", "--account", IVAN, "--json", **ledger))
    assert {(one["channel"], one["archived"]) for one in said} == {
        ("phone", False),
        ("email", False),
    }
    done = facts(run("retention", "run", "--json", **ledger))
    assert (done["books"], done["archived"], done["customers"], done["lists"]) == (1, 2, 2, 1)
    assert facts(run("campaign", "report", "1", "--json", **ledger)) == before
    audited = run("audit", "1", **ledger)
    assert audited.returncode == 0
    assert "Учёт закрыт" in audited.stdout
    assert run("campaign", "report", "1", "--out", "old", **ledger).returncode == 0
    assert "Сроки ещё не вышли" in run("retention", "status", **ledger).stdout
    assert "ничего не сообщалось" in run("retention", "find", "--account", MARIA, **ledger).stdout


def test_a_customer_is_erased_only_when_it_is_said_twice(
    run: Run, books: Books, ledger: dict[str, str]
) -> None:
    told = run("retention", "erase", "--account", IVAN, **ledger)
    assert told.returncode == 0
    assert "--yes" in told.stdout
    assert NUMBER in _everything(books)
    done = run(
        "retention", "erase", "--account", IVAN, "--request", "15/2026", "--yes", "--json", **ledger
    )
    assert (facts(done)["erased"], facts(done)["rows"]) == (True, 2)
    assert NUMBER not in _everything(books)
    assert "15/2026" in _everything(books)
    again = run("retention", "erase", "--account", IVAN, "--yes", **ledger)
    assert again.returncode == 2
    assert IVAN not in again.stderr
    assert run("audit", "1", **ledger).returncode == 0
    assert run("audit", "2", **ledger).returncode == 0


@pytest.mark.parametrize("given", [(), ("--account", "1", "--contact", NUMBER), ("--contact", "1")])
def test_whom_is_said_in_one_way(run: Run, ledger: dict[str, str], given: tuple[str, ...]) -> None:
    assert run("retention", "erase", *given, **ledger).returncode == 2


def test_whom_can_be_said_on_the_standard_input_where_nobody_sees_it(
    home: Path, environment: dict[str, str], books: Books, ledger: dict[str, str]
) -> None:
    def retention(*arguments: str, given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dispatcher", "retention", *arguments],
            cwd=home,
            env=environment | ledger,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    found = facts(retention("find", "--account", "-", "--json", given=f"{IVAN}\n"))
    assert len(found) == 2
    assert retention("erase", "--contact", "-", "--yes", given="").returncode == 2
    assert NUMBER in _everything(books)
    assert retention("erase", "--contact", "-", "--yes", given=f"{NUMBER}\n").returncode == 0
    assert NUMBER not in _everything(books)


def _everything(books: Books) -> str:
    path = Path(str(books.ledger.engine.url.database))
    with books.ledger.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes().decode("latin-1")
