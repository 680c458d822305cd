"""Attempts: written before they are made, at most one open, none lost."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError, StatementError

from campaigns.outcome import Outcome
from dispatcher.ledger import Ledger, Transaction, attempts, touches
from dispatcher.ledger.attempts import Ending, Opening
from tests.ledger.making import EMAIL, LATER, NOW, PHONE, SMS, due_rows, force


def open_one(tx: Transaction, delivery_id: int = 1, number: int = 1) -> Mapping[int, int]:
    opening = Opening(
        delivery_id, number, 1, PHONE, f"+7916{delivery_id:07}", "twilio", "Asia/Omsk"
    )
    force(tx, delivery_id, attempts=number)
    return attempts.open_many(tx, [opening], NOW)


def ended(attempt_id: int, outcome: Outcome = Outcome.BUSY, at: datetime = LATER) -> Ending:
    return Ending(attempt_id, outcome, False, at, LATER, "SIP 486", "CA1", 12.5)


def test_the_database_refuses_a_second_open_attempt_of_a_delivery(ledger: Ledger) -> None:
    due_rows(ledger, 1)
    with ledger.write() as tx:
        open_one(tx)
    with pytest.raises(IntegrityError), ledger.write() as tx:
        open_one(tx, number=2)
    with ledger.write() as tx:
        attempts.end(tx, [ended(1)])
    with ledger.write() as tx:
        assert set(open_one(tx, number=2)) == {1}


def test_the_database_refuses_the_same_number_of_an_attempt_twice(ledger: Ledger) -> None:
    due_rows(ledger, 1)
    with ledger.write() as tx:
        open_one(tx)
        attempts.end(tx, [ended(1)])
    with pytest.raises(IntegrityError), ledger.write() as tx:
        open_one(tx)


def test_that_letters_were_taken_is_written_where_their_rows_stand(postgres_url: str) -> None:
    """No index of PostgreSQL hears of it: such an update is called "heap-only"."""
    ledger = Ledger(postgres_url)
    due_rows(ledger, 200)
    with ledger.write() as tx:
        openings = [
            Opening(n, 1, 1, EMAIL, f"{n}@example.com", "smtp", "Asia/Omsk", reference=f"<{n}@us>")
            for n in range(1, 201)
        ]
        opened = attempts.open_many(tx, openings, NOW)
        attempts.mark_handed(tx, {opened[n]: (f"<{n}@us>", LATER) for n in range(1, 201)})
        question = "SELECT pg_stat_get_xact_tuples_hot_updated('attempts'::regclass)"
        assert tx.exec_driver_sql(question).scalar_one() == 200
    ledger.close()


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 3, 29, 1, 30, 59, 999_999, tzinfo=UTC),
        datetime(2026, 11, 4, 23, 59, 59, 1, tzinfo=timezone(timedelta(hours=12))),
    ],
)
def test_an_instant_keeps_its_microseconds_and_comes_back_in_utc(
    ledger: Ledger, instant: datetime
) -> None:
    due_rows(ledger, 1)
    with ledger.write() as tx:
        open_one(tx)
        attempts.end(tx, [ended(1, at=instant)])
    with ledger.read() as tx:
        known = attempts.load(tx, [1])[1].ended_at
    assert known == instant
    assert known is not None
    assert known.utcoffset() == timedelta(0)


def test_an_instant_without_a_zone_is_refused(ledger: Ledger) -> None:
    due_rows(ledger, 1)
    naive = NOW.replace(tzinfo=None)
    with ledger.write() as tx:
        open_one(tx)
    with pytest.raises((ValueError, StatementError), match="time zone"), ledger.write() as tx:
        attempts.end(tx, [ended(1, at=naive)])


def test_everything_about_an_attempt_comes_back(ledger: Ledger) -> None:
    due_rows(ledger, 2)
    with ledger.write() as tx:
        openings = [
            Opening(n, 1, 1, PHONE, f"+7916000000{n}", "twilio", "Asia/Omsk") for n in (2, 1)
        ]
        for n in (1, 2):
            force(tx, n, attempts=1)
        ids = attempts.open_many(tx, openings, NOW)
        assert attempts.load(tx, [ids[2]])[ids[2]].contact_point == "+79160000002"
        attempts.mark_handed(tx, {ids[1]: ("CA1", NOW), ids[2]: (None, NOW)})
        attempts.mark_sign(tx, ids[1], Outcome.HEARD, None)
        one = attempts.load(tx, [ids[1]])[ids[1]]
        assert (one.reference, one.handed_at, one.sign, one.ended_at) == (
            "CA1",
            NOW,
            Outcome.HEARD,
            None,
        )
        attempts.end(tx, [ended(ids[1])])
        one = attempts.by_number(tx, 1, 1) or pytest.fail("it is there")
        assert (one.outcome, one.positive, one.seconds, one.next_due_at, one.reason) == (
            Outcome.BUSY,
            False,
            12.5,
            LATER,
            "SIP 486",
        )
        assert attempts.by_reference(tx, PHONE, "twilio", "CA1") == one
        assert attempts.by_reference(tx, SMS, "twilio", "CA1") is None
        assert attempts.latest(tx, [1])[1] == one
        assert [(account, a.id) for account, a in attempts.of_campaign(tx, 1)] == [
            ("list-1", ids[1]),
            ("list-2", ids[2]),
        ]


def test_only_what_was_certainly_not_sent_is_discarded(ledger: Ledger) -> None:
    due_rows(ledger, 3)
    with ledger.write() as tx:
        for n in (1, 2, 3):
            open_one(tx, n)
        attempts.mark_handed(tx, {2: ("CA2", NOW)})
        attempts.end(tx, [ended(3)])
        attempts.discard(tx, [1, 2, 3])
        assert sorted(attempts.load(tx, [1, 2, 3])) == [2, 3]


def test_only_an_uncertain_attempt_is_opened_again(ledger: Ledger) -> None:
    due_rows(ledger, 2)
    with ledger.write() as tx:
        for n in (1, 2):
            open_one(tx, n)
        attempts.end(tx, [ended(1, Outcome.UNCERTAIN), ended(2, Outcome.BUSY)])
        attempts.reopen(tx, [1, 2])
        known = attempts.load(tx, [1, 2])
    assert (known[1].ended_at, known[1].outcome, known[1].sends) == (None, None, 2)
    assert (known[2].outcome, known[2].sends) == (Outcome.BUSY, 1)


def test_the_history_of_a_party_spans_campaigns_and_channels_apart(ledger: Ledger) -> None:
    due_rows(ledger, 1, name="one")
    due_rows(ledger, 1, name="two")
    with ledger.write() as tx:
        for n in (1, 2):
            open_one(tx, n)
        touches.note(tx, [(1, "account:1", PHONE, NOW), (2, "account:1", PHONE, LATER)])
        touches.note(tx, [(1, "+7916", PHONE, NOW)])
        touches.mark_positive(tx, {1: LATER})
        found = touches.history(
            tx, PHONE, ["account:1", "+7916", "nobody"], NOW - timedelta(days=1)
        )
        assert found["account:1"].last_positive_at == LATER
        assert sorted(found["account:1"].recent) == [NOW, LATER]
        assert set(found) == {"account:1", "+7916"}
        assert not touches.history(tx, SMS, ["account:1"], NOW - timedelta(days=1))
        assert not touches.history(tx, PHONE, ["+7916"], NOW)


def test_what_was_not_sent_leaves_no_trace_in_the_history(ledger: Ledger) -> None:
    due_rows(ledger, 1)
    with ledger.write() as tx:
        open_one(tx)
        touches.note(tx, [(1, "+7916", PHONE, NOW)])
        touches.forget(tx, [1])
        attempts.discard(tx, [1])
        assert not touches.history(tx, PHONE, ["+7916"], NOW - timedelta(days=1))
