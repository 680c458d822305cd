"""By when an inquiry must be answered: working days, deadlines, interim answers, reminders."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.holidays import Holidays
from campaigns.inquiry.deadlines import (
    Deadline,
    Due,
    Reminder,
    When,
    due,
    interim_by,
    interim_until,
    reminders,
)
from campaigns.inquiry.rules import Periods
from campaigns.inquiry.status import InquiryChannel, InquiryStatus
from campaigns.inquiry.working_days import add_working_days, is_working_day, working_days_before

PLAIN = Holidays()
EMAIL, SMS, FORM, PHONE = (
    InquiryChannel.EMAIL,
    InquiryChannel.SMS,
    InquiryChannel.FORM,
    InquiryChannel.PHONE,
)
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
SOME = st.integers(1, 30)
PERIODS = st.builds(
    Periods,
    respond_days=SOME,
    respond_in_working_days=st.booleans(),
    form_working_days=st.integers(1, 15),
    answer_days=SOME,
    interim_days=SOME,
    extension_days=st.integers(0, 30),
    remind_working_days=st.integers(0, 5),
)
CHANNELS = st.sampled_from(InquiryChannel)
CALENDARS = st.builds(Holidays, st.dictionaries(DAYS, st.booleans(), max_size=10))


def on(text: str) -> date:
    return date.fromisoformat(text)


# Working days -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2025-11-01", True),  # a Saturday that works instead of Monday the 3rd
        ("2025-11-02", False),
        ("2025-11-03", False),
        ("2025-11-04", False),
        ("2025-11-05", True),
        ("2025-12-31", False),  # moved
        ("2026-01-09", False),
        ("2026-01-12", True),
        ("2026-11-21", False),  # a Saturday
        ("2026-11-23", True),
    ],
)
def test_working_days_are_those_of_the_production_calendar(day: str, works: bool) -> None:
    assert is_working_day(on(day), PLAIN) is works


def test_what_staff_say_goes_before_the_calendar_and_before_weekends() -> None:
    told = Holidays({on("2026-11-21"): False, on("2026-11-23"): True, on("2025-11-01"): True})
    assert is_working_day(on("2026-11-21"), told)
    assert not is_working_day(on("2026-11-23"), told)
    assert not is_working_day(on("2025-11-01"), told)


def test_a_region_counts_its_own_days() -> None:
    told = Holidays({}, {"Татарстан": {on("2026-11-23"): True}})
    assert is_working_day(on("2026-11-23"), told)
    assert not is_working_day(on("2026-11-23"), told.in_region("Татарстан"))


def test_days_are_counted_over_weekends_and_the_new_year() -> None:
    assert add_working_days(on("2026-11-20"), 3, PLAIN) == on("2026-11-25")
    assert add_working_days(on("2025-10-31"), 1, PLAIN) == on("2025-11-01")
    assert add_working_days(on("2025-12-30"), 3, PLAIN) == on("2026-01-14")
    assert working_days_before(on("2026-01-12"), 1, PLAIN) == on("2025-12-30")
    assert add_working_days(on("2026-11-21"), 0, PLAIN) == on("2026-11-21")


@given(DAYS, st.integers(1, 20), CALENDARS)
def test_there_and_back_again(day: date, count: int, holidays: Holidays) -> None:
    there = add_working_days(day, count, holidays)
    assert there > day
    assert is_working_day(there, holidays)
    passed = [day + timedelta(days=n) for n in range(1, (there - day).days + 1)]
    assert sum(is_working_day(one, holidays) for one in passed) == count
    back = working_days_before(there, count, holidays)
    assert back <= day
    if is_working_day(day, holidays):
        assert back == day


# Deadlines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "registered", "respond", "answer"),
    [
        (EMAIL, "2026-11-20", "2026-11-23", "2026-12-04"),
        (SMS, "2026-11-20", "2026-11-23", "2026-12-04"),
        (PHONE, "2026-11-20", "2026-11-23", "2026-12-04"),
        (FORM, "2026-11-20", "2026-11-25", "2026-12-04"),
        (FORM, "2025-10-30", "2025-11-05", "2025-11-13"),  # Friday, a working Saturday, Wednesday
        (EMAIL, "2025-12-31", "2026-01-03", "2026-01-14"),  # calendar days do not rest
        (FORM, "2025-12-31", "2026-01-14", "2026-01-14"),
        (FORM, "2025-12-29", "2026-01-12", "2026-01-12"),  # else the 13th, after the answer is due
    ],
)
def test_deadlines_are_those_of_the_standard(
    channel: InquiryChannel, registered: str, respond: str, answer: str
) -> None:
    assert due(channel, on(registered), Periods(), PLAIN) == Due(on(respond), on(answer))


def test_staff_may_count_the_first_response_in_working_days() -> None:
    periods = Periods(respond_in_working_days=True)
    assert due(EMAIL, on("2026-11-20"), periods, PLAIN).respond_on == on("2026-11-25")


@given(CHANNELS, DAYS, PERIODS, CALENDARS)
def test_no_deadline_is_before_registration_or_after_the_answer(
    channel: InquiryChannel, day: date, periods: Periods, holidays: Holidays
) -> None:
    owed = due(channel, day, periods, holidays)
    assert day < owed.respond_on <= owed.answer_on
    assert owed.answer_on == day + timedelta(days=periods.answer_days)


@given(CHANNELS, DAYS, st.integers(0, 40), PERIODS, CALENDARS)
def test_who_comes_later_is_never_due_earlier(
    channel: InquiryChannel, day: date, later: int, periods: Periods, holidays: Holidays
) -> None:
    first = due(channel, day, periods, holidays)
    second = due(channel, day + timedelta(days=later), periods, holidays)
    assert first.respond_on <= second.respond_on
    assert first.answer_on <= second.answer_on


# Interim answers --------------------------------------------------------------------------------


def test_an_interim_answer_extends_by_fifteen_days_once() -> None:
    registered, answer_on = on("2026-11-02"), on("2026-11-16")
    assert interim_by(registered, Periods()) == on("2026-11-12")
    assert interim_until(answer_on, registered, Periods()) == on("2026-12-01")
    assert interim_until(on("2026-12-01"), registered, Periods()) == on("2026-12-01")
    assert interim_until(on("2026-11-20"), registered, Periods()) == on("2026-12-01")


def test_what_was_promised_stands_when_staff_make_the_periods_shorter() -> None:
    shorter = Periods(answer_days=3, extension_days=0)
    assert interim_until(on("2026-11-16"), on("2026-11-02"), shorter) == on("2026-11-16")


@given(CHANNELS, DAYS, PERIODS, CALENDARS, st.integers(1, 5))
def test_extensions_however_many_never_pass_the_most(
    channel: InquiryChannel, day: date, periods: Periods, holidays: Holidays, times: int
) -> None:
    first = answer_on = due(channel, day, periods, holidays).answer_on
    for _time in range(times):
        answer_on = interim_until(answer_on, day, periods)
    assert answer_on == first + timedelta(days=periods.extension_days)


# Reminders --------------------------------------------------------------------------------------

MONDAY = on("2026-11-02")  # the 4th is a holiday
OWED = Due(on("2026-11-05"), on("2026-11-16"))


def reminded(
    today: str, status: InquiryStatus = InquiryStatus.ROUTED, owed: Due = OWED
) -> list[tuple[Deadline, When]]:
    found = reminders(owed, status, MONDAY, on(today), Periods(), PLAIN)
    return [(one.deadline, one.when) for one in found]


@pytest.mark.parametrize(
    ("today", "found"),
    [
        ("2026-11-02", []),
        ("2026-11-03", [(Deadline.RESPOND, When.BEFORE)]),
        ("2026-11-05", [(Deadline.RESPOND, When.BEFORE)]),
        ("2026-11-06", [(Deadline.RESPOND, When.AFTER)]),
        ("2026-11-12", [(Deadline.RESPOND, When.AFTER)]),
        ("2026-11-13", [(Deadline.RESPOND, When.AFTER), (Deadline.ANSWER, When.BEFORE)]),
        ("2026-11-16", [(Deadline.RESPOND, When.AFTER), (Deadline.ANSWER, When.BEFORE)]),
        ("2026-11-17", [(Deadline.RESPOND, When.AFTER), (Deadline.ANSWER, When.AFTER)]),
    ],
)
def test_reminders_come_a_working_day_before_and_the_day_after(
    today: str, found: list[tuple[Deadline, When]]
) -> None:
    assert reminded(today) == found


def test_who_has_an_interim_answer_is_owed_the_other_one_only() -> None:
    assert reminded("2026-11-17", InquiryStatus.INTERIM) == [(Deadline.ANSWER, When.AFTER)]


@pytest.mark.parametrize("status", [InquiryStatus.ANSWERED, InquiryStatus.CLOSED])
def test_nobody_is_reminded_of_what_is_over(status: InquiryStatus) -> None:
    assert reminded("2026-12-31", status) == []


def test_nobody_is_reminded_on_the_day_of_registration() -> None:
    tight = Due(on("2026-11-03"), on("2026-11-03"))
    assert reminded("2026-11-02", owed=tight) == []
    assert reminded("2026-11-03", owed=tight) == [(Deadline.ANSWER, When.BEFORE)]


def test_a_deadline_that_was_moved_is_reminded_of_anew() -> None:
    first = Reminder(Deadline.ANSWER, When.BEFORE, on("2026-11-16"))
    moved = Reminder(Deadline.ANSWER, When.BEFORE, on("2026-12-01"))
    assert first.key(7) == "reminder:7:answer:before:2026-11-16"
    assert len({first.key(7), moved.key(7), first.key(8)}) == 3


@given(CHANNELS, DAYS, PERIODS, CALENDARS, st.sampled_from(InquiryStatus), st.integers(0, 60))
def test_each_day_asks_for_one_reminder_of_a_deadline_at_most(
    channel: InquiryChannel,
    day: date,
    periods: Periods,
    holidays: Holidays,
    status: InquiryStatus,
    later: int,
) -> None:
    owed, today = due(channel, day, periods, holidays), day + timedelta(days=later)
    found = reminders(owed, status, day, today, periods, holidays)
    assert len({one.deadline for one in found}) == len(found)
    for one in found:
        assert one.on in (owed.respond_on, owed.answer_on)
        assert (one.when is When.AFTER) == (today > one.on)
        assert today > day
