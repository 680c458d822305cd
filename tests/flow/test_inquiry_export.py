"""Inquiries in figures: the list for spreadsheets, and what came in a period and the one before."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import CloseReason, InquiryChannel
from campaigns.stop_words import Wish
from dispatcher.inquiries import desk
from dispatcher.inquiries.export import Span, write_book, write_lines
from dispatcher.inquiries.totals import Change, Period, totals
from dispatcher.ledger import Ledger, outbox, robots
from dispatcher.ledger.inquiry_lists import ALL, Wanted
from dispatcher.ledger.outbox import MailEnding, MailStatus
from tests.flow.inquiring import ANNA, DAY, NOON, TODAY, Office, open_office

CLERK = "marina"
MOSCOW = "Europe/Moscow"


@pytest.fixture
def office(ledger: Ledger, tmp_path: Path) -> Office:
    return open_office(ledger, tmp_path)


@pytest.fixture
def quick(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    ledger = Ledger(sqlite_url)
    yield open_office(ledger, tmp_path)
    ledger.close()


def send_all(office: Office) -> None:
    """The postman was here."""
    now = office.clock.now()
    with office.engine.ledger.write() as tx:
        robots.beat(tx, "robot", now)
        claimed = outbox.claim(tx, "robot", now)
        endings = [MailEnding(one.id, MailStatus.SENT, sent_at=now) for one in claimed]
        outbox.finish(tx, endings, "robot")


def rows_of(office: Office, path: Path, *, full: bool = False) -> list[dict[str, str]]:
    span = Span(MOSCOW, desk.today(office.engine, office.clock.now()))
    with office.engine.ledger.read() as tx:
        write_lines(path, tx, Wanted(ALL), span, full=full)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_list_tells_of_each_inquiry_whether_its_deadlines_were_kept(
    office: Office, tmp_path: Path
) -> None:
    in_time, late, promised, waiting = (office.asked() for _ in range(4))
    never = office.asked(respond_on=None, answer_on=None)
    office.clock.move_to(NOON + 2 * DAY)
    desk.answer(office.engine, in_time.number, "Завтра.", CLERK)
    desk.interim(office.engine, promised.number, "Ищем.", TODAY + 20 * DAY, CLERK)
    send_all(office)
    office.clock.move_to(NOON + 5 * DAY)
    desk.close(office.engine, late.number, CloseReason.REPEATED, CLERK)
    desk.close(office.engine, never.number, CloseReason.SPAM, CLERK)
    found = {row["number"]: row for row in rows_of(office, tmp_path / "a.csv")}
    told = {
        one.number: tuple(
            found[one.number][name] for name in ("respond_kept", "answer_kept", "days")
        )
        for one in (in_time, late, promised, waiting, never)
    }
    assert told == {
        in_time.number: ("true", "true", "2"),
        late.number: ("false", "true", "5"),
        promised.number: ("true", "", ""),
        waiting.number: ("false", "", ""),
        never.number: ("", "", "5"),
    }
    assert found[promised.number]["responded_on"] == "2026-09-09"
    assert found[late.number]["close_reason"] == "repeated"


def test_days_are_those_of_the_house_and_not_of_greenwich(quick: Office, tmp_path: Path) -> None:
    quick.clock.move_to(datetime(2026, 9, 8, 0, 30, tzinfo=ZoneInfo(MOSCOW)))
    quick.asked()
    [row] = rows_of(quick, tmp_path / "a.csv")
    assert row["received_on"] == "2026-09-08"


def test_strangers_words_are_in_it_only_where_asked_for_and_never_a_formula(
    quick: Office, tmp_path: Path
) -> None:
    quick.asked(text='=HYPERLINK("http://x")', customer="+cmd|' /C calc'!A0", branch="@SUM(1)")
    [row] = rows_of(quick, tmp_path / "a.csv")
    assert (row["contact_point"], row["branch"]) == ("a***@example.com", "'@SUM(1)")
    assert not {"text", "customer", "subject"} & row.keys()
    [row] = rows_of(quick, tmp_path / "b.csv", full=True)
    assert row["contact_point"] == ANNA
    assert row["text"].startswith("'=")
    assert row["customer"].startswith("'+")


def test_the_workbook_says_the_same_in_words_and_holds_no_formula(
    quick: Office, tmp_path: Path
) -> None:
    quick.asked(text="=1+1", customer="ООО «Ромашка»", topic=Topic.COMPLAINT, segment="business")
    path = tmp_path / "a.xlsx"
    with quick.engine.ledger.read() as tx:
        count = write_book(path, tx, Wanted(ALL), Span(MOSCOW, TODAY), full=True, now=NOON)
    sheet = load_workbook(path)["Обращения"]
    head, row = sheet.iter_rows()
    cells = {str(name.value): cell for name, cell in zip(head, row, strict=True)}
    assert count == 1
    assert cells["Тема"].value == "жалоба"
    assert cells["Сегмент"].value == "организации"
    assert cells["Получено"].value == datetime(2026, 9, 7)  # noqa: DTZ001 - a cell has no zone
    assert (cells["Текст"].value, cells["Текст"].data_type) == ("=1+1", "s")
    assert not list(tmp_path.glob("*.part"))


# Totals -------------------------------------------------------------------------------------------


def test_complaints_are_counted_by_channel_and_segment_against_the_period_before(
    office: Office,
) -> None:
    office.asked(topic=Topic.COMPLAINT, segment="private")
    office.clock.move_to(NOON + 30 * DAY)  # October
    for segment in ("private", "private", ""):
        office.asked(topic=Topic.COMPLAINT, segment=segment)
    office.asked(topic=Topic.COMPLAINT, segment="business", channel=InquiryChannel.FORM)
    office.asked(topic=Topic.READING)
    office.asked(kind=Wish.STOP)
    october = Period(date(2026, 10, 1), date(2026, 10, 31))
    with office.engine.ledger.read() as tx:
        found = totals(tx, october, MOSCOW)
    assert found.compared == Period(date(2026, 9, 1), date(2026, 9, 30))
    assert (found.all, found.stops) == (Change(5, 1), Change(1, 0))
    assert dict(found.by_topic) == {"complaint": Change(4, 1), "reading": Change(1, 0)}
    assert dict(found.by_channel) == {"email": Change(4, 1), "form": Change(1, 0)}
    assert dict(found.complaints) == {
        ("email", "private"): Change(2, 1),
        ("email", ""): Change(1, 0),
        ("form", "business"): Change(1, 0),
    }


def test_a_period_begins_and_ends_at_midnight_of_the_house(quick: Office) -> None:
    day = Period(date(2026, 10, 1), date(2026, 10, 1))
    midnight = datetime(2026, 10, 1, tzinfo=ZoneInfo(MOSCOW))
    second = timedelta(seconds=1)
    for at in (midnight - second, midnight, midnight + DAY - second, midnight + DAY):
        quick.clock.move_to(at)
        quick.asked()
    with quick.engine.ledger.read() as tx:
        assert totals(tx, day, MOSCOW).all == Change(2, 1)


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        ("2026-03-01", "2026-03-31", ("2026-02-01", "2026-02-28")),
        ("2026-01-01", "2026-03-31", ("2025-10-01", "2025-12-31")),
        ("2026-01-01", "2026-12-31", ("2025-01-01", "2025-12-31")),
        ("2026-11-01", "2026-11-23", ("2026-10-09", "2026-10-31")),
        ("2026-11-23", "2026-11-23", ("2026-11-22", "2026-11-22")),
    ],
)
def test_months_are_compared_with_months_and_days_with_as_many_days(
    first: str, last: str, before: tuple[str, str]
) -> None:
    found = Period(date.fromisoformat(first), date.fromisoformat(last)).before()
    assert (found.first.isoformat(), found.last.isoformat()) == before


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 800))
def test_the_period_before_ends_where_the_period_begins(first: date, days: int) -> None:
    period = Period(first, first + timedelta(days=days))
    before = period.before()
    assert before.first <= before.last == period.first - DAY
    assert abs((before.last - before.first).days - days) <= 6  # months differ
