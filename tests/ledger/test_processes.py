"""Processes at work: who is seen, who is missed, who is forgotten; by the database's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from dispatcher.ledger import Ledger, processes
from dispatcher.ledger.processes import DEAD_AFTER, REMEMBERED, Process, Seen
from dispatcher.ledger.tables import processes as rows

LOOP = Process("a", "loop", "host-1", 17, (), "1.0")
WORKER = Process("b", "worker", "host-2", 17, ("send-sms", "urgent"), "1.0")


def grow_silent(ledger: Ledger, process: Process, silent_for: timedelta) -> None:
    """As if its last sign of life had been so long ago."""
    with ledger.write() as tx:
        seen_at = processes.clock_of(tx) - silent_for
        tx.execute(update(rows).where(rows.c.id == process.id).values(seen_at=seen_at))


def everyone(ledger: Ledger) -> dict[str, Seen]:
    with ledger.read() as tx:
        return {seen.process.id: seen for seen in processes.everyone(tx)}


def test_who_beats_is_alive_and_keeps_the_instant_of_its_start(ledger: Ledger) -> None:
    for _beat in range(3):
        with ledger.write() as tx:
            processes.beat(tx, LOOP)
            processes.beat(tx, WORKER)
    found = everyone(ledger)
    assert [seen.process for seen in found.values()] == [LOOP, WORKER]
    assert all(seen.is_alive for seen in found.values())
    with ledger.read() as tx:
        assert tx.execute(rows.select()).first().beats == 3  # type: ignore[union-attr]


def test_who_stops_with_a_word_is_gone_at_once(ledger: Ledger) -> None:
    with ledger.write() as tx:
        processes.beat(tx, LOOP)
        processes.leave(tx, LOOP.id)
        processes.leave(tx, "nobody")
    assert everyone(ledger) == {}


def test_who_has_missed_three_beats_is_dead_and_listed_for_an_hour(ledger: Ledger) -> None:
    with ledger.write() as tx:
        processes.beat(tx, LOOP)
        processes.beat(tx, WORKER)
    grow_silent(ledger, LOOP, DEAD_AFTER + timedelta(seconds=1))
    found = everyone(ledger)
    assert (found["a"].is_alive, found["b"].is_alive) == (False, True)
    assert found["a"].silent_for >= DEAD_AFTER
    grow_silent(ledger, LOOP, REMEMBERED + timedelta(seconds=1))
    assert list(everyone(ledger)) == ["b"]
    with ledger.write() as tx:
        processes.beat(tx, WORKER)
        assert [row.id for row in tx.execute(rows.select())] == ["b"]


def test_who_was_taken_for_dead_and_comes_back_is_alive_again(ledger: Ledger) -> None:
    with ledger.write() as tx:
        processes.beat(tx, LOOP)
    grow_silent(ledger, LOOP, timedelta(minutes=5))
    assert not everyone(ledger)["a"].is_alive
    with ledger.write() as tx:
        processes.beat(tx, LOOP)
    assert everyone(ledger)["a"].is_alive


@pytest.mark.parametrize("minutes", [-90, 90])
def test_a_clock_that_was_set_back_makes_nobody_immortal_for_long(
    ledger: Ledger, minutes: int
) -> None:
    """Signs of life from what is now the future count as given just now; the next beat sets the
    instant right."""
    with ledger.write() as tx:
        processes.beat(tx, LOOP)
    grow_silent(ledger, LOOP, timedelta(minutes=minutes))
    with ledger.write() as tx:
        processes.beat(tx, LOOP)
    assert everyone(ledger)["a"].silent_for < timedelta(seconds=5)


def test_the_clock_of_the_database_is_aware_and_near_our_own(ledger: Ledger) -> None:
    """Here the database is on this very host."""
    before = datetime.now(UTC)
    with ledger.read() as tx:
        told = processes.clock_of(tx)
    after = datetime.now(UTC)
    slack = timedelta(milliseconds=2)
    assert before - slack <= told <= after + slack
