"""A reading transaction sees one state of the ledger, and changes nothing."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from dispatcher.ledger import Ledger, LedgerFault, attempts, tallies, trail
from dispatcher.ledger import tables as t
from dispatcher.ledger.campaigns import Campaign
from tests.ledger.making import ACTOR, NOW, due_rows, force
from tests.ledger.test_tallies import ids_of, opened


def _notes(ledger: Ledger, between: list[str]) -> Iterator[int]:
    """How many notes a reader sees, again and again; somebody writes one between two looks."""
    with ledger.read() as tx:
        for subject in between:
            yield tx.execute(select(func.count()).select_from(t.trail)).scalar_one()
            with ledger.write() as other:
                trail.note(other, NOW, ACTOR, "act", subject)
        yield tx.execute(select(func.count()).select_from(t.trail)).scalar_one()


def test_what_is_written_meanwhile_is_not_seen_before_the_next_transaction(ledger: Ledger) -> None:
    assert list(_notes(ledger, ["a", "b"])) == [0, 0, 0]
    assert list(_notes(ledger, [])) == [2]


def test_counters_that_are_asked_one_after_the_other_agree_while_they_change(
    ledger: Ledger,
) -> None:
    """What `campaign status` says of a campaign that runs: do the figures add up?"""
    campaign = due_rows(ledger, 2)
    with ledger.read() as tx:
        first, second = ids_of(tx, campaign)
    _attempt(ledger, campaign, first)
    with ledger.read() as tx:
        by_deliveries = sum(one.attempts for one in tallies.by_status(tx, campaign.id))
        _attempt(ledger, campaign, second)
        by_attempts = sum(one.attempts for one in tallies.by_outcome(tx, campaign.id))
    assert (by_deliveries, by_attempts) == (1, 1)


def _attempt(ledger: Ledger, campaign: Campaign, delivery_id: int) -> None:
    with ledger.write() as tx:
        force(tx, delivery_id, attempts=1)
        attempts.open_many(tx, [opened(campaign, delivery_id)], NOW)


def test_on_postgresql_nothing_can_be_changed_by_a_reader(postgres_url: str) -> None:
    ledger = Ledger(postgres_url, pool_size=1)
    with pytest.raises(LedgerFault, match="read-only"), ledger.read() as tx:
        trail.note(tx, NOW, ACTOR, "act", "subject")
    with ledger.write() as tx:  # over the same connection
        trail.note(tx, NOW, ACTOR, "act", "subject")
        level = "SELECT current_setting('transaction_isolation')"
        assert tx.exec_driver_sql(level).scalar_one() == "read committed"
    ledger.close()
