"""The calendar on the screen, and where calls are allowed now."""

from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Browser

from campaigns.calendar import Closed, is_allowed, zone_named
from campaigns.holidays import Holidays
from campaigns.opening_hours import hours_now
from campaigns.regions import load_regions
from campaigns.scenario import STANDARD_WINDOW
from dispatcher.access.roles import Role
from dispatcher.ledger import calendar
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House, words_of


def is_holiday(house: House, day: date) -> bool:
    with house.engine.ledger.read() as tx:
        return house.engine.rules(tx).holidays.is_holiday(day)


def test_a_day_is_corrected_with_a_reason_and_taken_back(house: House) -> None:
    guest, day = house.visit(Role.EDITOR), date(2027, 4, 20)
    form = {"day": day.isoformat(), "kind": "holiday", "note": ""}
    assert guest.post("/calendar", form).status_code == 422
    page = words_of(guest.post("/calendar", form | {"note": "Радоница"}))
    assert "20 апреля 2027 г. : праздник Радоница · editor" in page.replace("\xa0", " ")
    assert is_holiday(house, day)
    guest.post("/calendar", form | {"kind": "standard", "note": "отменено"})
    assert not is_holiday(house, day)
    with house.engine.ledger.read() as tx:
        assert calendar.corrected(tx, day, day) == []


@pytest.mark.parametrize("path", ["", "?month=2026-13", "?month=9999-12", "?month=x&day=%3Cb%3E"])
def test_any_month_or_none_shows_three(house: House, path: str) -> None:
    answer = house.visit(Role.READER).get(f"/calendar{path}")
    assert answer.status_code == 200
    assert answer.text.count('class="card month"') == 3
    assert "<b>" not in answer.text


@pytest.mark.parametrize("day", ["", "31.12.2026", "1999-01-01", "2026-02-30"])
def test_what_is_no_day_of_ours_is_refused(house: House, day: str) -> None:
    fields = {"day": day, "kind": "holiday", "note": "x"}
    assert house.visit(Role.EDITOR).post("/calendar", fields).status_code == 422


def test_a_reader_looks_and_corrects_nothing(house: House) -> None:
    guest = house.visit(Role.READER)
    assert 'id="correct"' not in guest.get("/calendar").text
    fields = {"day": "2027-04-20", "kind": "holiday", "note": "x"}
    assert guest.post("/calendar", fields).status_code == 403


def test_every_region_stands_in_the_table_once_with_what_is_so_there_now() -> None:
    regions, holidays = load_regions(None), Holidays({date(2026, 12, 2): True})
    evening = datetime(2026, 12, 1, 13, 40, tzinfo=UTC)
    for now in (evening, evening + timedelta(hours=9), datetime(2027, 1, 2, 9, tzinfo=UTC)):
        table = hours_now(now, regions, holidays)
        names = [name for one in table for name in one.regions]
        assert sorted(names) == sorted({region.name for region in regions.by_key.values()})
        for one in table:
            opened = is_allowed(now, one.zone, STANDARD_WINDOW, holidays)
            assert (one.closed is None) == opened
            assert one.changes_at is not None
            before = one.changes_at - timedelta(seconds=1)
            assert is_allowed(before, one.zone, STANDARD_WINDOW, holidays) == opened
            assert is_allowed(one.changes_at, one.zone, STANDARD_WINDOW, holidays) != opened
            if one.closed is Closed.HOLIDAY:
                assert holidays.is_holiday(now.astimezone(zone_named(one.zone)).date())


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_everybody_can_read_it(browser: Browser, house: House, size: tuple[int, int]) -> None:
    with window(browser, house, size=size, dark=size == PHONE) as page:
        page.goto("/calendar?month=2026-12")
        assert faults_of(page) == []
        assert overflow_of(page) == 0
