"""Every rule of the audit: books that keep it pass, and one changed row that breaks it is found."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.channel import Purpose
from campaigns.consent import Suppression
from campaigns.outcome import Outcome
from campaigns.recipient import Consent
from dispatcher import audit
from dispatcher.audit import AuditResult, Check
from dispatcher.ledger import calendar, receipts, suppressions
from dispatcher.ledger.tables import metadata
from templates.i18n import speaking
from tests.flow.builders import (
    EMAIL,
    END,
    PHONE,
    SMS,
    START,
    Books,
    address,
    mobile,
    open_books,
    recipient,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IVAN, MARIA = "1001", "1002"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Ivan is reached by the third call, by the second SMS, and by letter; Maria by nothing."""
    books = open_books(tmp_path)
    books.launch(
        [
            recipient(IVAN, mobile("+79161234567"), address("ivan@example.com"), row=2),
            recipient(MARIA, mobile("+79161234568"), row=3),
        ]
    )
    books.attempt(IVAN, EMAIL, START, Outcome.ACCEPTED)
    books.attempt(IVAN, PHONE, START, Outcome.BUSY)
    books.attempt(IVAN, SMS, START, Outcome.UNDELIVERED)
    books.attempt(MARIA, PHONE, START, Outcome.NO_ANSWER)
    books.attempt(IVAN, PHONE, START + 3 * HOUR, Outcome.NO_ANSWER)
    books.attempt(IVAN, PHONE, START + 6 * HOUR, Outcome.HEARD)
    books.attempt(IVAN, SMS, START + 25 * HOUR, Outcome.DELIVERED)
    yield books
    books.ledger.close()


def audited(books: Books) -> AuditResult:
    with books.ledger.read() as tx:
        rules = books.engine.rules(tx)
        return audit.examine(tx, books.campaign.id, rules, books.clock.now())


def check(books: Books, name: str) -> Check:
    return next(check for check in audited(books).checks if check.name == name)


def broken(books: Books) -> set[str]:
    return {check.name for check in audited(books).checks if not check.passed}


class TestBooksThatKeepTheRules:
    def test_a_campaign_under_way_passes_every_check(self, books: Books) -> None:
        assert broken(books) == set()

    def test_a_closed_campaign_passes_and_every_check_has_looked_at_something(
        self, books: Books
    ) -> None:
        books.close()
        result = audited(books)
        assert result.passed
        # Nobody pressed a key in these calls; tests/flow/test_said_in_calls.py has who did.
        idle = {check.name for check in result.checks if not check.examined}
        assert idle == {"stops_are_kept"}, result.checks

    def test_examining_changes_nothing(self, books: Books) -> None:
        def dump() -> list[object]:
            with books.ledger.read() as tx:
                return [tx.execute(table.select()).all() for table in metadata.sorted_tables]

        before = dump()
        audited(books)
        assert dump() == before

    def test_a_receipt_that_came_after_the_next_sms_had_left_is_no_overlap(
        self, books: Books
    ) -> None:
        first = books.attempt(MARIA, SMS, START + 6 * HOUR, Outcome.NO_RECEIPT)
        books.attempt(MARIA, SMS, START + 31 * HOUR, None)
        late_at = START + 32 * HOUR
        books.find(first, Outcome.DELIVERED, late_at)
        assert broken(books) == {"keeps_cadence", "one_at_a_time"}  # nothing explains it yet
        with books.ledger.write() as tx:
            receipts.keep(
                tx,
                provider="sandbox",
                attempt_id=first,
                reference=None,
                outcome=Outcome.DELIVERED,
                effect="recorded",
                payload={},
                now=late_at,
            )
        assert broken(books) == set()


class TestNobodyIsLost:
    def test_a_recipient_without_a_delivery_is_missed(self, books: Books) -> None:
        books.tamper(
            "DELETE FROM deliveries WHERE channel = 'sms' AND attempts = 0"
            " AND campaign_id = :campaign",
            campaign=books.campaign.id,
        )
        found = check(books, "nobody_lost")
        assert [(f.account_number, f.channel) for f in found.findings] == [(MARIA, "sms")]

    def test_a_delivery_on_a_foreign_channel_is_seen(self, books: Books) -> None:
        books.tamper("UPDATE deliveries SET channel = 'fax' WHERE status = 'positive' AND id = 1")
        assert check(books, "nobody_lost").total == 2  # phone is missing, fax is foreign


class TestCounters:
    def test_counters_and_rows_tell_the_same_whatever_a_hand_did_to_the_rows(
        self, books: Books
    ) -> None:
        books.tamper("UPDATE deliveries SET status = 'pending', attempts = 0 WHERE id = 1")
        books.tamper("DELETE FROM attempts WHERE id = 1")
        found = check(books, "tallies_agree")
        assert (found.passed, found.examined > 0) == (True, True)

    def test_a_hand_in_the_counters_is_seen(self, books: Books) -> None:
        books.tamper(
            "UPDATE delivery_tallies SET deliveries = 0 WHERE status = 'positive'"
            " AND channel = 'email'"
        )
        books.tamper(
            "INSERT INTO attempt_tallies VALUES"
            " (:campaign, 'sms', 'other', 1, 'delivered', true, 7, 2)",
            campaign=books.campaign.id,
        )
        found = check(books, "tallies_agree")
        assert [f.channel for f in found.findings] == ["email", "sms"]
        assert "+2" in str(found.findings[-1])


class TestWindow:
    def test_a_call_at_nine_in_the_evening_local_time_is_too_late(self, books: Books) -> None:
        nine = START.replace(hour=14)  # 21:00:00 in Novosibirsk
        _start_at(books, PHONE, 3, nine)
        found = check(books, "inside_window")
        assert [(f.account_number, f.attempt) for f in found.findings] == [(IVAN, 3)]
        assert found.findings[0].contact_point == "+7916***67"

    def test_the_last_microsecond_before_nine_is_allowed(self, books: Books) -> None:
        _start_at(books, PHONE, 3, START.replace(hour=14) - timedelta(microseconds=1))
        assert check(books, "inside_window").passed

    def test_a_letter_may_leave_at_night(self, books: Books) -> None:
        _start_at(books, EMAIL, 1, START.replace(hour=20))
        assert check(books, "inside_window").passed

    def test_a_day_that_staff_made_a_holiday_forbids_calls_and_sms(self, books: Books) -> None:
        with books.ledger.write() as tx:
            calendar.correct(tx, date(2026, 12, 2), True, "test", "test", books.clock.now())
        found = check(books, "inside_window")
        assert [(f.channel, f.attempt) for f in found.findings] == [("sms", 2)]
        assert "праздничный" in found.findings[0].text

    def test_the_campaigns_zone_in_place_of_the_customers_own_is_found(self, books: Books) -> None:
        books.tamper("UPDATE attempts SET zone = 'Europe/Moscow' WHERE channel = 'email'")
        assert check(books, "inside_window").total == 1


class TestTerm:
    @pytest.mark.parametrize("at", [START - timedelta(microseconds=1), END])
    def test_an_attempt_outside_start_and_end_is_found(self, books: Books, at: object) -> None:
        _start_at(books, EMAIL, 1, at)
        assert check(books, "inside_term").total == 1

    def test_an_attempt_after_the_campaign_was_closed_is_found(self, books: Books) -> None:
        books.close()
        books.tamper(
            "UPDATE campaigns SET closed_at = :at", at=f"{START + HOUR:%Y-%m-%d %H:%M:%S}.000000"
        )
        assert check(books, "inside_term").total == 3


class TestCadence:
    def test_a_second_short_of_two_hours_is_found(self, books: Books) -> None:
        _start_at(books, PHONE, 2, START + 2 * HOUR + timedelta(seconds=59))
        found = check(books, "keeps_cadence")
        assert [(f.account_number, f.attempt) for f in found.findings] == [(IVAN, 2)]

    def test_two_hours_to_the_second_are_enough(self, books: Books) -> None:
        _start_at(books, PHONE, 2, START + 2 * HOUR + timedelta(seconds=60))
        assert check(books, "keeps_cadence").passed

    def test_an_attempt_after_an_uncertain_one_is_found(self, books: Books) -> None:
        books.tamper(
            "UPDATE attempts SET outcome = 'uncertain' WHERE channel = 'sms' AND number = 1"
        )
        assert check(books, "keeps_cadence").total == 1


class TestQuietTime:
    def test_a_second_campaign_that_calls_within_seven_days_is_found(self, books: Books) -> None:
        heard_at = START + 6 * HOUR + timedelta(minutes=1)
        books.launch([recipient(IVAN, mobile("+79161234567"))])
        books.attempt(IVAN, PHONE, heard_at + 7 * DAY, Outcome.BUSY)
        assert check(books, "keeps_quiet").passed
        _start_at(books, PHONE, 1, heard_at + 7 * DAY - timedelta(microseconds=1))
        assert check(books, "keeps_quiet").total == 1

    def test_the_same_number_under_another_account_is_the_same_customer(self, books: Books) -> None:
        books.launch([recipient("2001", mobile("+79161234567"))])
        books.attempt("2001", PHONE, START + 8 * DAY, Outcome.BUSY)
        _start_at(books, PHONE, 1, START + 2 * DAY)
        found = check(books, "keeps_quiet")
        assert [f.account_number for f in found.findings] == ["2001"]

    def test_the_same_account_at_another_number_is_the_same_customer(self, books: Books) -> None:
        books.launch([recipient(IVAN, mobile("+79169999999"))])
        books.attempt(IVAN, PHONE, START + 8 * DAY, Outcome.BUSY)
        _start_at(books, PHONE, 1, START + 2 * DAY)
        assert check(books, "keeps_quiet").total == 1

    def test_somebody_else_may_be_called(self, books: Books) -> None:
        books.launch([recipient("2001", mobile("+79169999999"))])
        books.attempt("2001", PHONE, START + 2 * DAY, Outcome.BUSY)
        assert check(books, "keeps_quiet").passed


class TestStopList:
    @pytest.mark.parametrize(
        ("stop", "total"),
        [
            (Suppression("refused", account_number=IVAN), 3),
            (Suppression("refused", account_number=IVAN, channel=PHONE), 2),
            (Suppression("refused", contact_point="+79161234567", channel=SMS), 1),
            (Suppression("refused", contact_point="IVAN@example.com"), 0),  # the letter left before
            (Suppression("refused", account_number=IVAN, purpose=Purpose.MARKETING), 0),
            (Suppression("refused", account_number=IVAN, until_at=START + 4 * HOUR), 1),
        ],
    )
    def test_what_was_sent_while_the_stop_was_in_force_is_found(
        self, books: Books, stop: Suppression, total: int
    ) -> None:
        with books.ledger.write() as tx:
            suppressions.add(tx, stop, "test", START + HOUR)
        assert check(books, "after_suppression").total == total

    def test_a_stop_that_was_taken_back_binds_only_until_then(self, books: Books) -> None:
        with books.ledger.write() as tx:
            suppressions.add(tx, Suppression("refused", account_number=IVAN), "test", START + HOUR)
            suppressions.remove(tx, "account:1001", None, "test", START + 4 * HOUR)
        assert check(books, "after_suppression").total == 1


class TestConsent:
    def test_a_refusal_in_the_file_is_found_after_a_contact(self, books: Books) -> None:
        assert check(books, "has_consent").passed
        books.tamper(
            "UPDATE recipients SET consents = :consents WHERE account_number = '1001'",
            consents='[{"granted": false, "purpose": null, "channel": "sms", "basis": "",'
            ' "since_on": null}]',
        )
        found = check(books, "has_consent")
        assert {(f.account_number, f.channel) for f in found.findings} == {(IVAN, "sms")}
        assert found.total == 2

    def test_who_refused_was_not_contacted_by_the_engine(self, tmp_path: Path) -> None:
        books = open_books(tmp_path)
        refusal = Consent(granted=False, channel=SMS)
        books.launch([recipient(IVAN, mobile("+79161234567"), consents=(refusal,))])
        books.attempt(IVAN, PHONE, START, Outcome.HEARD)
        assert check(books, "has_consent").passed
        books.ledger.close()


class TestAttempts:
    def test_attempts_that_overlap_are_found(self, books: Books) -> None:
        ended = START + 3 * HOUR + timedelta(microseconds=1)
        books.tamper(
            "UPDATE attempts SET ended_at = :at WHERE channel = 'phone' AND number = 1"
            " AND outcome = 'busy'",
            at=f"{ended:%Y-%m-%d %H:%M:%S.%f}",
        )
        assert check(books, "one_at_a_time").total == 1

    def test_a_gap_in_the_numbers_is_found(self, books: Books) -> None:
        books.tamper("UPDATE attempts SET number = 4 WHERE channel = 'phone' AND number = 3")
        assert check(books, "counts_agree").total == 1

    def test_an_attempt_that_vanished_is_missed(self, books: Books) -> None:
        with books.ledger.write() as tx:
            tx.execute(text("DELETE FROM touches"))
        books.tamper("DELETE FROM attempts WHERE channel = 'phone' AND number = 3")
        found = check(books, "counts_agree")
        assert [(f.account_number, f.channel) for f in found.findings] == [(IVAN, "phone")]

    def test_an_attempt_left_open_by_a_delivery_that_moved_on_is_found(self, books: Books) -> None:
        books.tamper(
            "UPDATE attempts SET ended_at = NULL, outcome = NULL, positive = NULL"
            " WHERE channel = 'phone' AND outcome = 'heard'"
        )
        assert {"counts_agree", "statuses_agree"} <= broken(books)

    def test_two_attempts_open_at_once_are_found(self, books: Books) -> None:
        """The ledger itself forbids it: the index must go before the rows can be spoilt."""
        with books.ledger.write() as tx:
            tx.execute(text("DROP INDEX uq_attempts_one_open"))
            tx.execute(
                text("UPDATE attempts SET ended_at = NULL WHERE channel = 'sms' AND number < 3")
            )
        assert {"counts_agree", "one_at_a_time"} <= broken(books)

    @pytest.mark.parametrize(
        "change",
        [
            "outcome = NULL",
            "outcome = 'delivered'",  # of another channel
            "positive = 0",
            "outcome = 'busy'",
        ],
    )
    def test_an_outcome_that_cannot_be_is_found(self, books: Books, change: str) -> None:
        books.tamper(f"UPDATE attempts SET {change} WHERE channel = 'phone' AND number = 3")
        assert check(books, "has_outcome").total == 1

    def test_more_attempts_than_allowed_are_found(self, books: Books) -> None:
        books.tamper("UPDATE attempts SET number = 8 WHERE channel = 'sms' AND number = 2")
        assert check(books, "within_maximum").total == 1


class TestStatuses:
    def test_positive_without_a_positive_attempt_is_found(self, books: Books) -> None:
        books.tamper(
            "UPDATE deliveries SET status = 'positive' WHERE channel = 'phone' AND attempts = 1"
        )
        assert [f.account_number for f in check(books, "statuses_agree").findings] == [MARIA]

    def test_a_positive_attempt_of_a_delivery_that_gave_up_is_found(self, books: Books) -> None:
        books.tamper(
            "UPDATE deliveries SET status = 'given_up' WHERE channel = 'phone' AND attempts = 3"
        )
        assert [f.account_number for f in check(books, "statuses_agree").findings] == [IVAN]

    def test_a_skip_with_an_attempt_is_found(self, books: Books) -> None:
        books.tamper(
            "UPDATE deliveries SET status = 'skipped', reason = 'no_consent'"
            " WHERE channel = 'phone' AND attempts = 1"
        )
        assert [f.account_number for f in check(books, "statuses_agree").findings] == [MARIA]

    def test_a_joined_account_whose_message_is_gone_is_found(self, tmp_path: Path) -> None:
        books = open_books(tmp_path)
        flats = [recipient(str(n), mobile("+79161234567"), row=n) for n in (2, 3, 4)]
        books.launch(flats)
        assert broken(books) == set()
        books.tamper(
            "UPDATE deliveries SET lead_id = 4711 WHERE channel = 'sms' AND recipient_id = 3"
        )
        assert [f.account_number for f in check(books, "statuses_agree").findings] == ["4"]
        books.ledger.close()

    def test_a_delivery_still_waiting_in_an_ended_campaign_is_found(self, books: Books) -> None:
        books.close()
        books.tamper(
            "UPDATE deliveries SET status = 'pending' WHERE channel = 'phone' AND attempts = 1"
        )
        assert [f.account_number for f in check(books, "nothing_left_open").findings] == [MARIA]


def test_findings_beyond_a_hundred_are_counted_but_not_kept(tmp_path: Path) -> None:
    books = open_books(tmp_path)
    books.launch([recipient(f"{n}", mobile(f"+79160000{n:03}"), row=n + 2) for n in range(120)])
    with books.ledger.write() as tx:
        tx.execute(text("DELETE FROM deliveries WHERE channel = 'sms'"))
    found = check(books, "nobody_lost")
    assert (found.total, len(found.findings), found.passed) == (120, 100, False)
    books.ledger.close()


def test_findings_are_told_in_the_readers_language(books: Books) -> None:
    _start_at(books, EMAIL, 1, END)
    with speaking("en"):
        assert check(books, "inside_term").findings[0].text == "Started after the campaign's end."
    assert check(books, "inside_term").findings[0].text == "Начата после окончания кампании."


def _start_at(books: Books, channel: object, number: int, at: object) -> None:
    """Move the beginning of one attempt of the newest campaign."""
    books.tamper(
        "UPDATE attempts SET started_at = :at WHERE id = (SELECT id FROM attempts"
        " WHERE campaign_id = :campaign AND channel = :channel AND number = :number"
        " ORDER BY id LIMIT 1)",
        at=f"{at:%Y-%m-%d %H:%M:%S.%f}",
        campaign=books.campaign.id,
        channel=str(channel),
        number=number,
    )
