"""When messages may go, zone by zone."""

from datetime import UTC, datetime

from campaigns.calendar import Closed
from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from campaigns.scenario import ANY_TIME, STANDARD_WINDOW
from dispatcher.watching.hours import by_zone, hours_in, place_of
from templates.i18n import speaking

PHONE, SMS = ChannelName.PHONE, ChannelName.SMS
BOTH = dict.fromkeys((PHONE, SMS), STANDARD_WINDOW)
MORNING = datetime(2026, 12, 1, 6, tzinfo=UTC)  # 09:00 in Moscow, 12:00 in Omsk
NEW_YEAR = datetime(2027, 1, 1, 9, tzinfo=UTC)


def test_the_east_is_open_while_the_west_still_waits() -> None:
    east, west = by_zone(BOTH, ["Europe/Moscow", "Asia/Omsk"], Holidays(), MORNING)
    assert (east.zone, east.is_open, east.changes_at) == (
        "Asia/Omsk",
        True,
        datetime(2026, 12, 1, 15, tzinfo=UTC),
    )
    assert (west.is_open, west.closed) == (False, Closed.HOURS)
    assert west.changes_at == datetime(2026, 12, 1, 7, tzinfo=UTC)
    assert (east.local_hour, west.local_hour) == (12, 9)


def test_on_a_holiday_the_day_has_no_open_hours() -> None:
    [one] = by_zone(BOTH, ["Europe/Moscow"], Holidays(), NEW_YEAR)
    assert (one.is_open, one.closed, one.stretches) == (False, Closed.HOLIDAY, ())


def test_channels_with_the_same_hours_stand_together_and_others_apart() -> None:
    windows = {PHONE: STANDARD_WINDOW, SMS: ANY_TIME}
    found = by_zone(windows, ["Asia/Omsk"], Holidays(), MORNING)
    assert {one.channels for one in found} == {(PHONE,), (SMS,)}
    [always] = [one for one in found if one.channels == (SMS,)]
    assert (always.changes_at, always.stretches) == (None, ((0.0, 24.0),))


def test_a_zone_where_nobody_waits_is_not_told() -> None:
    zones = ["Asia/Omsk", "Europe/Moscow"]
    [one] = by_zone(BOTH, zones, Holidays(), MORNING, {(SMS, "Asia/Omsk"): 7})
    assert (one.zone, one.waiting) == ("Asia/Omsk", 7)


def test_a_zone_that_nobody_knows_is_left_out_and_an_offset_is_a_zone() -> None:
    found = by_zone(BOTH, ["Nowhere/At all", "UTC+7"], Holidays(), MORNING)
    assert [one.zone for one in found] == ["UTC+7"]


def test_places_are_named_as_people_call_them() -> None:
    with speaking("ru"):
        assert [place_of(zone) for zone in ("Asia/Omsk", "UTC+7")] == ["Омск", "UTC+7"]
    omsk = hours_in("Asia/Omsk", (PHONE,), STANDARD_WINDOW, Holidays(), MORNING)
    assert omsk.stretches == ((10.0, 21.0),)
