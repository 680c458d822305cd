"""What is counted has happened: acts that wait for the end of a transaction."""

from collections.abc import Collection

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dispatcher.ledger import Ledger, Transaction, once_committed
from dispatcher.ledger.connection import at_last


def test_what_waits_for_the_commit_is_done_after_it_and_in_order(ledger: Ledger) -> None:
    told: list[str] = []
    with ledger.write() as tx:
        once_committed(tx, lambda: told.append("first"))
        once_committed(tx, lambda: told.append("second"))
        assert told == []
    assert told == ["first", "second"]


def test_a_transaction_that_is_rolled_back_leaves_nothing_to_the_next_one(ledger: Ledger) -> None:
    told: list[str] = []

    def act(tx: Transaction) -> None:
        once_committed(tx, lambda: told.append("rolled back"))
        tx.execute(text("no SQL"))

    with pytest.raises(DBAPIError), ledger.write() as tx:
        act(tx)
    with ledger.write() as tx:
        tx.execute(text("SELECT 1"))
    assert told == []


def test_a_transaction_that_was_cut_and_is_done_again_counts_once(postgres_url: str) -> None:
    ledger, told, tries = Ledger(postgres_url), list[str](), list[str]()

    def act(tx: Transaction) -> None:
        tries.append("try")
        once_committed(tx, lambda: told.append("counted"))
        if len(tries) == 1:
            tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    ledger.insist(act)
    ledger.close()
    assert (len(tries), told) == (2, ["counted"])


def test_what_is_for_the_end_of_a_transaction_is_done_once_with_all_that_was_gathered(
    ledger: Ledger,
) -> None:
    done: list[set[int]] = []

    def act(_tx: Transaction, ids: Collection[int]) -> None:
        done.append(set(ids))

    with ledger.write() as tx:
        at_last(tx, act, [1, 2])
        at_last(tx, act, [2, 3])
        assert done == []
    with ledger.write() as tx:
        tx.execute(text("SELECT 1"))
    assert done == [{1, 2, 3}]
