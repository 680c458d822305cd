"""The stop-list, the corrected calendar, receipts as they came, and the trail."""

from datetime import date, timedelta

from sqlalchemy import select

from campaigns.channel import Purpose
from campaigns.consent import Suppression
from campaigns.outcome import Outcome
from dispatcher.ledger import Ledger, calendar, receipts, suppressions, trail
from dispatcher.ledger.tables import receipts as kept
from tests.ledger.making import ACTOR, EMAIL, NOW, SMS

BY_ACCOUNT = Suppression("asked", account_number="Л-1")
BY_POINT = Suppression("asked", contact_point="Anna@Example.com", channel=EMAIL)


def test_a_stop_is_found_by_account_and_by_point_whatever_the_letter_case(ledger: Ledger) -> None:
    with ledger.write() as tx:
        assert suppressions.add(tx, BY_ACCOUNT, ACTOR, NOW)
        assert suppressions.add(tx, BY_POINT, ACTOR, NOW)
        found = suppressions.of_parties(tx, ["account:л-1", "anna@example.com", "+7916"], NOW)
    assert set(found) == {"account:л-1", "anna@example.com"}
    assert found["anna@example.com"][0].channel is EMAIL


def test_the_same_stop_added_twice_stands_once(ledger: Ledger) -> None:
    with ledger.write() as tx:
        assert suppressions.add(tx, BY_POINT, ACTOR, NOW)
        assert not suppressions.add(tx, BY_POINT, "another", NOW)
        wider = Suppression("asked", contact_point="anna@example.com", purpose=Purpose.MARKETING)
        assert suppressions.add(tx, wider, ACTOR, NOW)
        assert len(suppressions.standing(tx, NOW)) == 2


def test_a_stop_with_an_end_is_over_at_that_instant(ledger: Ledger) -> None:
    until = NOW + timedelta(days=1)
    stop = Suppression("holiday", contact_point="+79160000001", until_at=until)
    with ledger.write() as tx:
        suppressions.add(tx, stop, ACTOR, NOW)
        last = until - timedelta(microseconds=1)
        assert suppressions.of_parties(tx, ["+79160000001"], last)["+79160000001"] == [stop]
        assert not suppressions.of_parties(tx, ["+79160000001"], until)


def test_a_longer_stop_is_a_stop_of_its_own(ledger: Ledger) -> None:
    short = Suppression("a", contact_point="+7", until_at=NOW + timedelta(days=1))
    with ledger.write() as tx:
        assert suppressions.add(tx, short, ACTOR, NOW)
        assert suppressions.add(tx, Suppression("a", contact_point="+7"), ACTOR, NOW)
        assert not suppressions.add(tx, short, ACTOR, NOW)


def test_a_removed_stop_ends_and_both_acts_stay_in_the_trail(ledger: Ledger) -> None:
    with ledger.write() as tx:
        suppressions.add(tx, BY_POINT, ACTOR, NOW)
        assert suppressions.remove(tx, "anna@example.com", SMS, ACTOR, NOW) == 0
        assert suppressions.remove(tx, "anna@example.com", None, "olga", NOW) == 1
        assert suppressions.remove(tx, "anna@example.com", None, "olga", NOW) == 0
        assert not suppressions.standing(tx, NOW)
        acts = [(act.action, act.actor) for act in trail.of(tx, "suppression:1")]
        assert suppressions.add(tx, BY_POINT, ACTOR, NOW)
    assert acts == [("suppress.add", ACTOR), ("suppress.remove", "olga")]


def test_a_corrected_day_replaces_the_earlier_word_and_can_be_taken_back(ledger: Ledger) -> None:
    day = date(2027, 2, 22)
    with ledger.write() as tx:
        calendar.correct(tx, day, True, "moved", ACTOR, NOW)
        calendar.correct(tx, day, False, "moved back", ACTOR, NOW)
        assert calendar.corrections(tx) == {day: False}
        calendar.correct(tx, day, None, "", ACTOR, NOW)
        assert calendar.corrections(tx) == {}
        assert len(trail.of(tx, "day:2027-02-22")) == 3


def test_a_receipt_is_kept_whatever_characters_a_stranger_puts_into_it(ledger: Ledger) -> None:
    hostile = {"status": "1\x00", "\x00": "\ud800", "text": "я" * 1000}
    with ledger.write() as tx:
        receipts.keep(
            tx,
            provider="smsaero",
            attempt_id=None,
            reference="\x00\ud800",
            outcome=Outcome.DELIVERED,
            effect="unknown",
            payload=hostile,
            now=NOW,
        )
        row = tx.execute(select(kept)).one()
    assert row.payload["text"] == hostile["text"]
    assert row.received_at == NOW


def test_the_trail_is_told_in_the_order_of_the_acts(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for number in range(3):
            trail.note(tx, NOW, ACTOR, f"act.{number}", "campaign:7", rows=number)
        trail.note(tx, NOW, ACTOR, "act.other", "campaign:70")
        acts = trail.of(tx, "campaign:7")
    assert [(act.action, act.details) for act in acts] == [
        (f"act.{n}", {"rows": n}) for n in range(3)
    ]
