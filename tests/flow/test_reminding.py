"""Reminders of deadlines: who gets them, when, and never twice; on both databases."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.inquiry.status import CloseReason
from dispatcher.inquiries import desk
from dispatcher.inquiries.reminding import BATCH, remind
from dispatcher.ledger import Ledger, calendar
from tests.flow.inquiring import DAY, HEAD, NOON, OLGA, PAVEL, TODAY, Office, open_office, said

CLERK = "marina"
DUTY = "duty@energo.example.com"
# The first answer is owed on Thursday the 10th, the one in substance on Monday the 21st.
NINE = datetime(2026, 9, 9, 6, 0, tzinfo=UTC)  # Wednesday, 9:00 in Moscow


@pytest.fixture
def office(ledger: Ledger, tmp_path: Path) -> Office:
    return open_office(ledger, tmp_path, inquiries_to=DUTY)


@pytest.fixture
def quick(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    ledger = Ledger(sqlite_url)
    yield open_office(ledger, tmp_path, inquiries_to=DUTY)
    ledger.close()


def test_the_person_and_the_head_are_reminded_on_the_morning_before_and_after_once_each(
    office: Office,
) -> None:
    one = office.asked(head=HEAD)
    assert remind(office.engine, NOON) == 0
    assert remind(office.engine, NINE - timedelta(seconds=1)) == 0
    assert remind(office.engine, NINE) == 2
    assert remind(office.engine, NINE + timedelta(hours=1)) == 0
    for address in (OLGA, HEAD):
        [letter] = office.owed(address)
        assert letter["Auto-Submitted"] == "auto-generated"
        assert "Скоро срок" in str(letter["Subject"])
        assert one.number in said(letter)
    assert remind(office.engine, NINE + 2 * DAY) == 2
    assert "Срок прошёл" in str(office.owed(OLGA)[1]["Subject"])
    assert remind(office.engine, NINE + 3 * DAY) == 0


def test_an_interim_answer_leaves_the_day_it_promised_to_be_reminded_of(office: Office) -> None:
    one = office.asked()
    desk.interim(office.engine, one.number, "Проверяем.", TODAY + 15 * DAY, CLERK)
    assert remind(office.engine, NINE + 5 * DAY) == 0
    assert remind(office.engine, NINE + 12 * DAY) == 1
    assert "ответа по существу" in said(office.owed(OLGA)[0])


def test_what_is_answered_or_closed_reminds_nobody(office: Office) -> None:
    answered, closed = office.asked(), office.asked()
    desk.answer(office.engine, answered.number, "Завтра.", CLERK)
    desk.close(office.engine, closed.number, CloseReason.SPAM, CLERK)
    assert remind(office.engine, NINE + 2 * DAY) == 0


def test_without_a_person_whoever_looks_at_such_inquiries_is_reminded(quick: Office) -> None:
    quick.asked(person="")
    quick.asked(person=HEAD, head=HEAD)
    assert remind(quick.engine, NINE) == 2
    assert len(quick.owed(DUTY)) == 1
    assert len(quick.owed(HEAD)) == 1


def test_who_takes_an_inquiry_over_is_reminded_too(quick: Office) -> None:
    one = quick.asked()
    remind(quick.engine, NINE)
    desk.assign(quick.engine, one.number, PAVEL, CLERK)
    assert remind(quick.engine, NINE) == 1
    assert len(quick.owed(PAVEL)) == 2  # the letter, and the reminder


def test_what_has_no_deadline_or_is_long_past_it_reminds_nobody(quick: Office) -> None:
    quick.asked(respond_on=None, answer_on=None)
    quick.asked(respond_on=TODAY - 60 * DAY, answer_on=TODAY - 50 * DAY)
    assert remind(quick.engine, NINE) == 0


def test_a_robot_that_was_away_for_a_week_makes_up_for_it(quick: Office) -> None:
    quick.asked()
    assert remind(quick.engine, NINE + 7 * DAY) == 1
    assert "Срок прошёл" in str(quick.owed(OLGA)[0]["Subject"])


def test_a_day_off_that_staff_entered_moves_the_reminder_forward(quick: Office) -> None:
    quick.asked()
    with quick.engine.ledger.write() as tx:
        calendar.correct(tx, NINE.date(), True, "moved", CLERK, NOON)
    assert remind(quick.engine, NINE - DAY) == 1


def test_without_a_mail_server_nobody_is_reminded_and_nothing_is_lost(
    sqlite_url: str, tmp_path: Path, quick: Office
) -> None:
    mute = open_office(quick.engine.ledger, tmp_path, smtp_host="")
    mute.asked()
    assert remind(mute.engine, NINE) == 0
    assert remind(quick.engine, NINE) == 1


def test_more_than_a_batch_are_reminded_of_by_two_robots_at_once_each_once(office: Office) -> None:
    many = BATCH + BATCH // 5
    for _ in range(many):
        office.asked()
    barrier = threading.Barrier(2)
    counts: list[int] = []

    def work() -> None:
        barrier.wait(10)
        counts.append(remind(office.engine, NINE))

    robots = [threading.Thread(target=work) for _ in range(2)]
    for robot in robots:
        robot.start()
    for robot in robots:
        robot.join(60)
    assert len(counts) == 2
    assert sum(counts) == many
    assert len(office.owed(OLGA)) == many
    assert remind(office.engine, NINE) == 0


def test_an_address_that_no_header_can_carry_stops_no_other_reminder(quick: Office) -> None:
    quick.asked(person="a\r\nBcc: x@example.com")
    quick.asked()
    assert remind(quick.engine, NINE) == 1
    assert len(quick.owed(OLGA)) == 1


def test_two_deadlines_that_are_past_make_one_letter_that_names_both(office: Office) -> None:
    one = office.asked(head=HEAD)
    assert remind(office.engine, NINE + 14 * DAY) == 2
    for address in (OLGA, HEAD):
        [letter] = office.owed(address)
        assert str(letter["Subject"]) == (
            f"Срок прошёл: обращение {one.number}, 10.09.2026 и 21.09.2026"
        )
        assert "срок прошёл: 10 сентября 2026" in said(letter)
        assert "ответа или промежуточного ответа." in said(letter)
        assert "Срок ответа по существу тоже прошёл: 21 сентября 2026" in said(letter)
    assert remind(office.engine, NINE + 15 * DAY) == 0
    desk.assign(office.engine, one.number, PAVEL, CLERK)
    assert remind(office.engine, NINE + 15 * DAY) == 1


def test_one_deadline_past_and_one_near_are_one_letter_and_the_rest_comes_later(
    office: Office,
) -> None:
    one = office.asked()
    assert remind(office.engine, NINE + 9 * DAY) == 1  # Friday; the answer is due on Monday
    [letter] = office.owed(OLGA)
    assert str(letter["Subject"]) == f"Срок прошёл: обращение {one.number}, 10.09.2026"
    assert "Скоро и срок ответа по существу: 21 сентября 2026" in said(letter)
    assert remind(office.engine, NINE + 10 * DAY) == 0
    assert remind(office.engine, NINE + 13 * DAY) == 1
    last = office.owed(OLGA)[1]
    assert str(last["Subject"]) == f"Срок прошёл: обращение {one.number}, 21.09.2026"
    assert "тоже" not in said(last)


def test_who_was_reminded_of_one_deadline_is_told_of_the_other_alone(quick: Office) -> None:
    quick.asked()
    assert remind(quick.engine, NINE) == 1
    assert remind(quick.engine, NINE + 2 * DAY) == 1
    assert remind(quick.engine, NINE + 14 * DAY) == 1
    assert len(quick.owed(OLGA)) == 3
    assert "тоже" not in said(quick.owed(OLGA)[2])
