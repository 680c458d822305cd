"""When a channel may be used: windows, holidays, zones and changes of clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.calendar import (
    Holidays,
    NeverAllowed,
    UnknownZone,
    closes_at,
    is_allowed,
    next_allowed,
    zone_named,
)
from campaigns.scenario import ANY_TIME, STANDARD_WINDOW, WEEKDAYS, Window
from templates.i18n import speaking

MICROSECOND = timedelta(microseconds=1)
ORDINARY = Holidays()
NO_HOLIDAYS = Window(holidays=True)

# One zone for each of the eleven offsets of Russia.
RUSSIAN_ZONES = {
    "Europe/Kaliningrad": 2,
    "Europe/Moscow": 3,
    "Europe/Samara": 4,
    "Asia/Yekaterinburg": 5,
    "Asia/Omsk": 6,
    "Asia/Novosibirsk": 7,
    "Asia/Irkutsk": 8,
    "Asia/Yakutsk": 9,
    "Asia/Vladivostok": 10,
    "Asia/Magadan": 11,
    "Asia/Kamchatka": 12,
}


def moscow(text: str) -> datetime:
    """An instant given by the wall clock in Moscow."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Moscow")).astimezone(UTC)


def window(opens: str, closes: str, days: tuple[str, ...] = WEEKDAYS, **more: bool) -> Window:
    return Window(
        opens_at=time.fromisoformat(opens),
        closes_at=time.fromisoformat(closes),
        days=days,
        holidays=more.get("holidays", False),
    )


def wall_clock_allows(at: datetime, zone: str, rule: Window, holidays: Holidays) -> bool:
    """The rule as a clerk would check it, with a wall clock and no arithmetic of instants."""
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    for opening_on in (local.date(), local.date() - timedelta(days=1)):
        opens = datetime.combine(opening_on, rule.opens_at)
        closes = datetime.combine(opening_on, rule.closes_at)
        if closes <= opens:
            closes += timedelta(days=1)
        if (
            opens <= local < closes
            and WEEKDAYS[opening_on.weekday()] in rule.days
            and (rule.holidays or not holidays.is_holiday(opening_on))
        ):
            return True
    return False


class TestTheStandardsHours:
    def test_noon_is_left_as_it_is(self) -> None:
        noon_at = moscow("2026-12-01T12:00")
        assert next_allowed(noon_at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY) == noon_at

    def test_an_early_morning_waits_for_ten(self) -> None:
        early_at = moscow("2026-12-01T06:30")
        due_at = next_allowed(early_at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert due_at == moscow("2026-12-01T10:00")

    def test_ten_o_clock_sharp_is_inside_and_a_microsecond_before_is_not(self) -> None:
        ten_at = moscow("2026-12-01T10:00")
        assert is_allowed(ten_at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert not is_allowed(ten_at - MICROSECOND, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)

    def test_nine_in_the_evening_sharp_is_outside_and_a_microsecond_before_is_not(self) -> None:
        nine_at = moscow("2026-12-01T21:00")
        assert not is_allowed(nine_at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert is_allowed(nine_at - MICROSECOND, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        due_at = next_allowed(nine_at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert due_at == moscow("2026-12-02T10:00")

    def test_saturday_and_sunday_are_no_holidays(self) -> None:
        sunday_at = moscow("2026-12-06T12:00")
        assert is_allowed(sunday_at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)

    @pytest.mark.parametrize(("zone", "offset_hours"), RUSSIAN_ZONES.items())
    def test_each_russian_zone_opens_at_its_own_ten_o_clock(
        self, zone: str, offset_hours: int
    ) -> None:
        midnight_at = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(hours=offset_hours)
        due_at = next_allowed(midnight_at, zone, STANDARD_WINDOW, ORDINARY)
        assert due_at == midnight_at + timedelta(hours=10)
        assert closes_at(due_at, zone, STANDARD_WINDOW, ORDINARY) == midnight_at + timedelta(
            hours=21
        )

    def test_the_same_instant_is_day_in_vladivostok_and_night_in_kaliningrad(self) -> None:
        at = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
        assert is_allowed(at, "Asia/Vladivostok", STANDARD_WINDOW, ORDINARY)
        assert not is_allowed(at, "Europe/Kaliningrad", STANDARD_WINDOW, ORDINARY)

    def test_an_instant_in_another_zone_is_the_same_instant(self) -> None:
        at = datetime(2026, 12, 1, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
        due_at = next_allowed(at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert due_at == moscow("2026-12-01T10:00")
        assert due_at.tzinfo is UTC

    def test_an_instant_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            next_allowed(datetime(2026, 12, 1, 12), "UTC", STANDARD_WINDOW, ORDINARY)  # noqa: DTZ001


class TestHolidays:
    def test_new_years_holidays_are_skipped_as_a_whole(self) -> None:
        # 31 December 2026 is a day off moved from 4 January; 9 January 2027 is a plain Saturday.
        last_evening_at = moscow("2026-12-30T21:30")
        due_at = next_allowed(last_evening_at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert due_at == moscow("2027-01-09T10:00")

    def test_a_day_off_that_was_moved_is_a_holiday(self) -> None:
        assert ORDINARY.is_holiday(date(2026, 1, 9))
        assert ORDINARY.is_holiday(date(2026, 3, 9))

    def test_the_same_date_is_judged_in_the_customers_zone(self) -> None:
        # 3 November 22:00 UTC is already the 4th, National Unity Day, in Kamchatka.
        at = datetime(2026, 11, 3, 22, 30, tzinfo=UTC)
        due_at = next_allowed(at, "Asia/Kamchatka", STANDARD_WINDOW, ORDINARY)
        assert due_at == datetime(2026, 11, 4, 22, 0, tzinfo=UTC)

    def test_staff_can_add_a_day_off(self) -> None:
        mended = Holidays({date(2026, 12, 1): True})
        due_at = next_allowed(moscow("2026-12-01T12:00"), "Europe/Moscow", STANDARD_WINDOW, mended)
        assert due_at == moscow("2026-12-02T10:00")

    def test_staff_can_make_a_holiday_an_ordinary_day(self) -> None:
        mended = Holidays({date(2026, 11, 4): False})
        at = moscow("2026-11-04T12:00")
        assert not is_allowed(at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert is_allowed(at, "Europe/Moscow", STANDARD_WINDOW, mended)

    def test_a_regions_own_table_goes_before_the_general_one(self) -> None:
        local_on, both_on = date(2026, 4, 21), date(2026, 6, 12)
        holidays = Holidays({both_on: False}, {"Саратовская область": {local_on: True}})
        saratov = holidays.in_region("Саратовская область")
        assert saratov.is_holiday(local_on)
        assert not saratov.is_holiday(both_on)
        assert not holidays.is_holiday(local_on)
        assert holidays.in_region("Томская область") is holidays

    def test_a_window_that_allows_holidays_ignores_them(self) -> None:
        new_year_at = moscow("2027-01-01T12:00")
        assert is_allowed(new_year_at, "Europe/Moscow", NO_HOLIDAYS, ORDINARY)

    def test_a_changed_table_changes_decisions_at_once(self) -> None:
        at = moscow("2026-12-02T12:00")
        assert is_allowed(at, "Europe/Moscow", STANDARD_WINDOW, Holidays())
        closed = Holidays({date(2026, 12, 2): True})
        assert not is_allowed(at, "Europe/Moscow", STANDARD_WINDOW, closed)

    def test_equal_tables_are_equal_calendars(self) -> None:
        table = {date(2026, 12, 2): True}
        assert Holidays(table) == Holidays(dict(table))
        assert hash(Holidays(table)) == hash(Holidays(dict(table)))
        assert Holidays(table) != Holidays()
        assert Holidays() != "Holidays"


class TestOtherWindows:
    def test_a_window_across_midnight_is_open_in_the_small_hours(self) -> None:
        night = window("22:00", "06:00")
        assert is_allowed(moscow("2026-12-02T03:00"), "Europe/Moscow", night, ORDINARY)
        assert not is_allowed(moscow("2026-12-02T06:00"), "Europe/Moscow", night, ORDINARY)

    def test_a_window_across_midnight_belongs_to_the_weekday_on_which_it_opens(self) -> None:
        friday_night = window("22:00", "06:00", days=("fri",))
        assert is_allowed(moscow("2026-12-05T03:00"), "Europe/Moscow", friday_night, ORDINARY)
        assert not is_allowed(moscow("2026-12-04T03:00"), "Europe/Moscow", friday_night, ORDINARY)

    def test_a_night_that_opens_on_a_holiday_is_closed_until_morning(self) -> None:
        night = window("22:00", "06:00")
        # 12 June is Russia Day: the night into the 13th belongs to it, the night before does not.
        assert not is_allowed(moscow("2026-06-13T03:00"), "Europe/Moscow", night, ORDINARY)
        assert is_allowed(moscow("2026-06-12T03:00"), "Europe/Moscow", night, ORDINARY)

    def test_equal_hours_mean_the_whole_day(self) -> None:
        whole = window("00:00", "00:00", days=("mon",))
        monday_at = moscow("2026-12-07T00:00")
        assert is_allowed(monday_at, "Europe/Moscow", whole, ORDINARY)
        assert not is_allowed(monday_at - MICROSECOND, "Europe/Moscow", whole, ORDINARY)
        assert closes_at(monday_at, "Europe/Moscow", whole, ORDINARY) == moscow("2026-12-08T00:00")

    def test_a_whole_day_may_begin_at_noon(self) -> None:
        noon_to_noon = window("12:00", "12:00", days=("mon",))
        assert is_allowed(moscow("2026-12-08T11:59"), "Europe/Moscow", noon_to_noon, ORDINARY)
        assert not is_allowed(moscow("2026-12-07T11:59"), "Europe/Moscow", noon_to_noon, ORDINARY)

    def test_one_weekday_is_found_a_week_later(self) -> None:
        tuesdays = window("10:00", "21:00", days=("tue",))
        due_at = next_allowed(moscow("2026-12-01T21:00"), "Europe/Moscow", tuesdays, ORDINARY)
        assert due_at == moscow("2026-12-08T10:00")

    def test_a_window_with_seconds_is_kept_to_the_second(self) -> None:
        short = window("10:00:30", "10:00:31")
        assert is_allowed(moscow("2026-12-01T10:00:30.999999"), "Europe/Moscow", short, ORDINARY)
        assert not is_allowed(moscow("2026-12-01T10:00:31"), "Europe/Moscow", short, ORDINARY)

    def test_when_every_day_is_a_holiday_the_answer_is_an_error_that_says_so(self) -> None:
        start_on = date(2026, 12, 1)
        closed = Holidays({start_on + timedelta(days=n): True for n in range(-3, 500)})
        at = moscow("2026-12-01T12:00")
        with pytest.raises(NeverAllowed) as caught:
            next_allowed(at, "Europe/Moscow", STANDARD_WINDOW, closed)
        assert caught.value.after_at == at
        assert "таблицу праздников" in str(caught.value)
        assert not is_allowed(at, "Europe/Moscow", STANDARD_WINDOW, closed)

    def test_the_ends_of_the_calendar_break_nothing(self) -> None:
        first_at = datetime.min.replace(tzinfo=UTC)
        last_at = datetime.max.replace(tzinfo=UTC)
        assert next_allowed(first_at, "Asia/Kamchatka", STANDARD_WINDOW, ORDINARY) > first_at
        with pytest.raises(NeverAllowed):
            next_allowed(last_at, "Asia/Kamchatka", STANDARD_WINDOW, ORDINARY)
        assert closes_at(last_at, "Asia/Kamchatka", ANY_TIME, ORDINARY) == last_at


class TestClosing:
    def test_an_open_window_closes_at_nine(self) -> None:
        at = moscow("2026-12-01T12:00")
        closing_at = closes_at(at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY)
        assert closing_at == moscow("2026-12-01T21:00")

    def test_a_closed_window_is_closed_now(self) -> None:
        at = moscow("2026-12-01T22:00")
        assert closes_at(at, "Europe/Moscow", STANDARD_WINDOW, ORDINARY) == at

    def test_any_time_never_closes(self) -> None:
        assert closes_at(moscow("2026-12-01T22:00"), "Europe/Moscow", ANY_TIME, ORDINARY) is None

    def test_whole_days_in_a_row_close_at_the_next_holiday(self) -> None:
        whole = window("00:00", "00:00")
        closing_at = closes_at(moscow("2026-11-10T12:00"), "Europe/Moscow", whole, ORDINARY)
        assert closing_at == moscow("2026-12-31T00:00")


class TestChangesOfClocks:
    """Berlin: 29 March 2026 has no 02:00-03:00, 25 October has it twice."""

    def test_a_skipped_hour_never_comes(self) -> None:
        skipped = window("02:15", "02:45", holidays=True)
        before_at = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
        due_at = next_allowed(before_at, "Europe/Berlin", skipped, ORDINARY)
        assert due_at == datetime(2026, 3, 30, 0, 15, tzinfo=UTC)

    def test_a_repeated_hour_counts_both_times(self) -> None:
        repeated = window("02:15", "02:45", holidays=True)
        first_at = datetime(2026, 10, 25, 0, 15, tzinfo=UTC)
        assert closes_at(first_at, "Europe/Berlin", repeated, ORDINARY) == datetime(
            2026, 10, 25, 0, 45, tzinfo=UTC
        )
        between_at = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)
        due_at = next_allowed(between_at, "Europe/Berlin", repeated, ORDINARY)
        assert due_at == datetime(2026, 10, 25, 1, 15, tzinfo=UTC)

    def test_a_window_around_the_change_stays_in_one_piece(self) -> None:
        night = window("01:00", "05:00", holidays=True)
        opening_at = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
        assert closes_at(opening_at, "Europe/Berlin", night, ORDINARY) == datetime(
            2026, 10, 25, 4, 0, tzinfo=UTC
        )

    def test_a_date_that_a_country_skipped_has_no_hours(self) -> None:
        # Samoa went from 29 to 31 December 2011, a Thursday to a Saturday.
        fridays = window("10:00", "21:00", days=("fri",))
        before_at = datetime(2011, 12, 29, 12, 0, tzinfo=UTC)
        due_at = next_allowed(before_at, "Pacific/Apia", fridays, ORDINARY)
        apia = due_at.astimezone(ZoneInfo("Pacific/Apia"))
        assert apia.replace(tzinfo=None) == datetime(2012, 1, 13, 10, 0)  # noqa: DTZ001


class TestZones:
    def test_an_offset_is_a_zone(self) -> None:
        at = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
        for name in ("UTC+7", "+07:00", "GMT+0700", "+7", "Asia/Novosibirsk"):
            assert at.astimezone(zone_named(name)).hour == 10

    def test_a_western_offset_counts_its_minutes_westward(self) -> None:
        assert zone_named("-03:30").utcoffset(None) == timedelta(hours=-3, minutes=-30)

    @pytest.mark.parametrize(
        "name", ["Nowhere/Land", "../../etc/passwd", "", "UTC+99", "\0", "Asia"]
    )
    def test_an_unknown_zone_is_named_in_the_error(self, name: str) -> None:
        with pytest.raises(UnknownZone) as caught, speaking("en"):
            zone_named(name)
        assert caught.value.name == name
        assert "is unknown" in str(caught.value)
        with pytest.raises(UnknownZone, match="неизвестен"):
            zone_named(name)

    def test_a_zone_object_works_like_its_name(self) -> None:
        at = moscow("2026-12-01T06:30")
        by_name = next_allowed(at, "Asia/Omsk", STANDARD_WINDOW, ORDINARY)
        assert next_allowed(at, ZoneInfo("Asia/Omsk"), STANDARD_WINDOW, ORDINARY) == by_name


ZONES = st.sampled_from(
    [*RUSSIAN_ZONES, "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]
)
INSTANTS = st.datetimes(
    datetime(2010, 1, 1),  # noqa: DTZ001
    datetime(2028, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
TIMES = st.times() | st.sampled_from([time(0), time(1, 30), time(2), time(10), time(21)])
WINDOWS = st.builds(
    Window,
    opens_at=TIMES,
    closes_at=TIMES,
    days=st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(tuple),
    holidays=st.booleans(),
)


class TestProperties:
    @given(at=INSTANTS, zone=ZONES, rule=WINDOWS)
    @example(
        at=datetime(2010, 11, 7, 2, 31, 30, tzinfo=UTC),  # St John's: 00:01 became 23:01 again
        zone="America/St_Johns",
        rule=window("23:30", "23:45", holidays=True),
    )
    @settings(max_examples=300, deadline=None)
    def test_the_wall_clock_agrees(self, at: datetime, zone: str, rule: Window) -> None:
        for instant in (at, at.replace(minute=0, second=0, microsecond=0)):
            expected = wall_clock_allows(instant, zone, rule, ORDINARY)
            assert is_allowed(instant, zone, rule, ORDINARY) == expected

    @given(at=INSTANTS, zone=ZONES, rule=WINDOWS)
    @settings(max_examples=300, deadline=None)
    def test_the_next_allowed_instant_is_allowed_and_the_first(
        self, at: datetime, zone: str, rule: Window
    ) -> None:
        due_at = next_allowed(at, zone, rule, ORDINARY)
        assert due_at >= at
        assert wall_clock_allows(due_at, zone, rule, ORDINARY)
        assert next_allowed(due_at, zone, rule, ORDINARY) == due_at
        if due_at > at:
            steps = [at + (due_at - at) * n / 50 for n in range(50)]
            assert not any(
                wall_clock_allows(instant, zone, rule, ORDINARY)
                for instant in (*steps, due_at - MICROSECOND)
            )

    @given(at=INSTANTS, zone=ZONES, rule=WINDOWS)
    @example(
        at=datetime(2010, 3, 30, tzinfo=UTC),  # clocks change while a window with fractions is open
        zone="Australia/Lord_Howe",
        rule=window("01:30:01.000001", "00:00", days=("sun", "mon")),
    )
    @settings(max_examples=300, deadline=None)
    def test_the_window_is_open_up_to_the_instant_it_closes(
        self, at: datetime, zone: str, rule: Window
    ) -> None:
        due_at = next_allowed(at, zone, rule, ORDINARY)
        closing_at = closes_at(due_at, zone, rule, ORDINARY)
        if closing_at is None:
            assert rule.opens_at == rule.closes_at
            return
        assert closing_at > due_at
        assert wall_clock_allows(closing_at - MICROSECOND, zone, rule, ORDINARY)
        assert not wall_clock_allows(closing_at, zone, rule, ORDINARY)

    @given(at=INSTANTS, later=st.timedeltas(timedelta(0), timedelta(days=30)), zone=ZONES)
    @settings(max_examples=200, deadline=None)
    def test_who_waits_longer_is_not_served_sooner(
        self, at: datetime, later: timedelta, zone: str
    ) -> None:
        first = next_allowed(at, zone, STANDARD_WINDOW, ORDINARY)
        assert first <= next_allowed(at + later, zone, STANDARD_WINDOW, ORDINARY)
