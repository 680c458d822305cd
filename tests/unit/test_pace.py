"""How fast a campaign goes, and when everybody will have been tried once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from campaigns.scenario import ANY_TIME, STANDARD_WINDOW
from dispatcher.watching.pace import Pace, ends_at

SMS = ChannelName.SMS
NOON = datetime(2026, 12, 1, 9, tzinfo=UTC)  # in Moscow
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
MOSCOW = "Europe/Moscow"


def ends(count: int, per_minute: float, now: datetime = NOON, days: int = 14) -> datetime | None:
    until = now + timedelta(days=days)
    return ends_at(now, count, per_minute, MOSCOW, STANDARD_WINDOW, Holidays(), until)


def test_at_the_first_look_the_minute_before_is_told_as_it_was_asked() -> None:
    assert Pace(NOON, {SMS: 1000}, {SMS: 240}).per_minute() == {SMS: 240}


def test_what_stands_still_falls_to_nothing_within_a_minute() -> None:
    pace = Pace(NOON, {SMS: 1000}, {SMS: 240})
    pace.look(NOON + 30 * SECOND, {SMS: 1000})
    assert pace.per_minute() == {SMS: 120}
    pace.look(NOON + 60 * SECOND, {SMS: 1000})
    assert pace.per_minute() == {SMS: 0}


@given(st.lists(st.integers(0, 500), min_size=61, max_size=130))
def test_with_a_look_a_second_the_minute_is_exact(steps: list[int]) -> None:
    pace, total = Pace(NOON, {SMS: 0}, {}), 0
    for number, step in enumerate(steps, 1):
        total += step
        pace.look(NOON + number * SECOND, {SMS: total})
    assert pace.per_minute() == {SMS: sum(steps[-60:])}


def test_a_clock_that_is_set_back_breaks_nothing() -> None:
    pace = Pace(NOON, {SMS: 10}, {SMS: 5})
    pace.look(NOON - HOUR, {SMS: 12})
    assert pace.per_minute() == {SMS: 5}


def test_a_pace_is_laid_over_the_hours_that_are_allowed() -> None:
    assert ends(600, 10) == NOON + HOUR
    # Nine hours are left today; the tenth is tomorrow's first.
    assert ends(6000, 10) == NOON + timedelta(hours=23)


def test_over_a_holiday_nothing_goes() -> None:
    new_year = datetime(2026, 12, 31, 17, tzinfo=UTC)  # 20:00 in Moscow, an hour is left
    found = ends(1200, 10, now=new_year, days=30)
    assert found is not None
    assert found.date() > datetime(2027, 1, 8, tzinfo=UTC).date()


def test_what_comes_too_late_or_stands_still_has_no_end() -> None:
    assert ends(600, 0) is None
    assert ends(10_000_000, 1) is None


def test_letters_go_at_any_hour() -> None:
    until = NOON + timedelta(days=14)
    found = ends_at(NOON, 36 * 60, 1, MOSCOW, ANY_TIME, Holidays(), until)
    assert found == NOON + 36 * HOUR
