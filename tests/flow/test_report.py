"""What is made of a campaign: figures that add up, a page, a workbook, plain files."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, time, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy import event

from campaigns.audience import RowError
from campaigns.channel import ChannelName, ContactKind
from campaigns.delivery import SkipReason, Status
from campaigns.outcome import Outcome
from campaigns.recipient import Consent, ContactPoint
from campaigns.scenario import Window
from dispatcher.errors import NotFound
from dispatcher.report import charts, export, figures, html, standing, words, workbook
from dispatcher.report.figures import CampaignReport, ChannelFigures
from dispatcher.report.standing import TryFigure
from templates.i18n import LOCALES, speaking
from tests.flow.builders import (
    EMAIL,
    PHONE,
    SMS,
    START,
    Books,
    address,
    mobile,
    open_books,
    recipient,
)

HOUR = timedelta(hours=1)
KALININGRAD, KAMCHATKA = "Europe/Kaliningrad", "Asia/Kamchatka"
HOSTILE = '=HYPERLINK("http://x")<script>alert(1)</script>'


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Seven customers of every kind: reached, given up, expired, uncertain, joined, skipped."""
    books = open_books(tmp_path)
    landline = ContactPoint("+74951234567", ContactKind.FIXED)
    books.launch(
        [
            recipient("1", mobile("+79161111111"), address("ivan@example.com"), row=2),
            recipient("2", mobile("+79162222222"), row=3, zone=KALININGRAD),
            recipient("3", mobile("+79162222222"), row=4, zone=KALININGRAD),
            recipient("4", landline, row=5, zone=KAMCHATKA),
            recipient("5", address("maria@example.com"), row=6, zone=None),
            recipient("6", mobile("+79166666666"), row=7, consents=(Consent(granted=False),)),
            recipient("7", mobile("+79167777777"), row=8, debt_kopecks=0),
        ],
        errors=[
            RowError(9, "ЛС", "no_account_number", HOSTILE, "Нет счёта.", "Впишите.", (HOSTILE,)),
            RowError(5, "Телефон", "phone_invalid", "12", "Не номер.", "Исправьте.", fatal=False),
        ],
    )
    books.attempt("1", EMAIL, START, Outcome.ACCEPTED)
    books.attempt("1", PHONE, START, Outcome.BUSY)
    books.attempt("1", SMS, START, Outcome.UNCERTAIN)
    books.attempt("4", PHONE, START + 5 * HOUR, Outcome.BAD_ADDRESS)  # 20:00 in Kamchatka
    books.attempt("1", PHONE, START + 6 * HOUR, Outcome.HEARD)
    books.attempt("2", PHONE, START + 16 * HOUR - timedelta(seconds=1), Outcome.NO_ANSWER)
    books.attempt("2", SMS, START + 16 * HOUR - timedelta(seconds=2), None)
    yield books
    books.ledger.close()


def report_of(books: Books) -> CampaignReport:
    with books.ledger.read() as tx:
        return figures.of_campaign(tx, books.campaign.id, books.clock.now())


def channel(books: Books, name: ChannelName) -> ChannelFigures:
    return next(c for c in report_of(books).channels if c.channel is name)


def exported(books: Books, *, full: bool = True) -> list[export.Row]:
    with books.ledger.read() as tx:
        return list(export.attempts(tx, books.campaign.id, full=full))


class TestFigures:
    def test_every_recipient_is_counted_once_on_every_channel(self, books: Books) -> None:
        report = report_of(books)
        assert report.adds_up
        assert [sum(c.statuses.values()) for c in report.channels] == [7, 7, 7]
        assert [c.planned + c.skipped_total for c in report.channels] == [7, 7, 7]

    def test_skips_are_counted_by_reason(self, books: Books) -> None:
        assert channel(books, SMS).skipped == {
            SkipReason.BAD_NUMBER_TYPE: 1,
            SkipReason.MERGED: 1,
            SkipReason.NO_CONSENT: 1,
            SkipReason.NO_CONTACT_POINT: 1,
            SkipReason.NOTHING_DUE: 1,
        }

    def test_what_ended_and_what_is_still_open_stand_apart(self, books: Books) -> None:
        phone, sms = channel(books, PHONE), channel(books, SMS)
        assert (phone.positive, phone.given_up, phone.at_work) == (1, {"bad_address": 1}, 1)
        assert (sms.ended_as(Status.UNCERTAIN), sms.at_work, sms.open_attempts) == (1, 1, 1)

    def test_what_was_left_at_the_end_has_expired(self, books: Books) -> None:
        books.attempt("5", EMAIL, START + 17 * HOUR, Outcome.BOUNCED)
        books.close()
        assert channel(books, PHONE).ended_as(Status.EXPIRED) == 1
        assert channel(books, EMAIL).ended_as(Status.EXPIRED) == 1
        assert report_of(books).adds_up

    def test_outcomes_sum_up_to_the_attempts(self, books: Books) -> None:
        phone = channel(books, PHONE)
        assert {(o.outcome, o.positive, o.attempts) for o in phone.outcomes} == {
            (Outcome.HEARD, True, 1),
            (Outcome.BUSY, False, 1),
            (Outcome.NO_ANSWER, False, 1),
            (Outcome.BAD_ADDRESS, False, 1),
        }
        assert phone.attempts == phone.attempts_counted == 4

    def test_conversion_is_told_by_the_number_of_the_attempt(self, books: Books) -> None:
        assert channel(books, PHONE).tries == (TryFigure(1, 3, 0), TryFigure(2, 1, 1))

    def test_hours_are_those_of_each_customers_own_clock(self, books: Books) -> None:
        hours = channel(books, PHONE).hours
        assert {hour: n for hour, n in enumerate(hours.counts) if n} == {10: 1, 16: 1, 20: 2}
        assert (hours.earliest, hours.latest) == (time(10), time(20, 59, 59))

    def test_a_zone_of_a_quarter_of_an_hour_is_told_right(self, tmp_path: Path) -> None:
        books = open_books(tmp_path)
        books.launch([recipient("1", mobile("+79161111111"), zone="Asia/Kathmandu")])
        books.attempt("1", PHONE, datetime(2026, 12, 1, 4, 15, tzinfo=UTC), Outcome.HEARD)
        hours = channel(books, PHONE).hours  # UTC+5:45
        assert (hours.counts[10], hours.earliest) == (1, time(10))
        books.ledger.close()

    def test_a_customer_joined_to_anothers_message_shares_what_came_of_it(
        self, books: Books
    ) -> None:
        before = report_of(books).reach
        assert (before.reached, before.at_work, before.unreached, before.left_out) == (1, 3, 1, 2)
        books.attempt("2", PHONE, START + 31 * HOUR, Outcome.HEARD)
        assert report_of(books).reach.reached == 3  # accounts 1, 2, and 3 with it

    def test_joined_accounts_and_the_messages_about_them_are_counted(self, books: Books) -> None:
        phone = channel(books, PHONE)
        assert (phone.merged_messages, phone.spoken_of, phone.duplicates) == (1, 1, 0)

    def test_customers_without_a_zone_of_their_own_are_counted(self, books: Books) -> None:
        report = report_of(books)
        assert report.without_own_zone == 1
        assert [(z.zone, z.recipients) for z in report.zones if not z.own] == [("Europe/Moscow", 1)]
        assert sum(z.recipients for z in report.zones) == 7

    def test_row_errors_are_counted_by_code(self, books: Books) -> None:
        assert [(e.code, e.fatal, e.rows) for e in report_of(books).row_errors] == [
            ("no_account_number", True, 1),
            ("phone_invalid", False, 1),
        ]

    def test_a_missing_delivery_and_a_wrong_count_do_not_add_up(self, books: Books) -> None:
        books.tamper("DELETE FROM deliveries WHERE recipient_id = 7 AND channel = 'sms'")
        books.tamper("UPDATE deliveries SET attempts = 5 WHERE channel = 'email' AND attempts = 1")
        wrong = {(b.name, b.channel) for b in report_of(books).balances if not b.holds}
        assert wrong == {
            ("recipients_by_channels", None),
            ("recipients", SMS),
            ("attempts_of_deliveries", None),
            ("attempts", EMAIL),
        }

    def test_a_campaign_nobody_was_planned_for_adds_up_too(self, tmp_path: Path) -> None:
        books = open_books(tmp_path)
        books.launch([])
        report = report_of(books)
        assert (report.adds_up, report.recipients, report.attempts) == (True, 0, 0)
        assert "<html" in html.render(report)
        books.ledger.close()

    def test_an_unknown_campaign_is_not_found(self, books: Books) -> None:
        with books.ledger.read() as tx, pytest.raises(NotFound):
            figures.of_campaign(tx, 4711, books.clock.now())


class TestStanding:
    """What people watch a campaign by tells the same as the report, from counters alone."""

    def test_it_tells_what_the_report_counts(self, books: Books) -> None:
        with books.ledger.read() as tx:
            found = standing.of_campaign(tx, books.campaign.id, books.clock.now())
            report = figures.of_campaign(tx, books.campaign.id, books.clock.now())
        for seen, counted in zip(found.channels, report.channels, strict=True):
            for name in (one.name for one in fields(seen)):
                assert getattr(seen, name) == getattr(counted, name), name
        assert (found.recipients, found.providers) == (report.recipients, report.providers)
        assert found.adds_up

    def test_who_is_to_be_tried_again_is_told_apart(self, books: Books) -> None:
        with books.ledger.read() as tx:
            found = standing.of_campaign(tx, books.campaign.id, books.clock.now())
        assert {c.channel: c.retrying for c in found.channels} == {PHONE: 1, SMS: 0, EMAIL: 0}

    def test_what_does_not_add_up_shows(self, books: Books) -> None:
        books.tamper("DELETE FROM deliveries WHERE recipient_id = 7 AND channel = 'sms'")
        with books.ledger.read() as tx:
            assert not standing.of_campaign(tx, books.campaign.id, books.clock.now()).adds_up

    def test_it_reads_neither_deliveries_nor_attempts(self, books: Books) -> None:
        read: list[str] = []
        event.listen(books.ledger.engine, "before_cursor_execute", lambda *a: read.append(a[2]))
        with books.ledger.read() as tx:
            standing.of_campaign(tx, books.campaign.id, books.clock.now())
        assert not re.search(r"FROM (deliveries|attempts|recipients)\b", " ".join(read))


class TestPage:
    def test_the_page_needs_nothing_from_outside_and_runs_nothing(self, books: Books) -> None:
        page = html.render(report_of(books))
        assert not re.search(r"https?://|<script|<link|<img|@import|url\(|\son\w+=", page)

    def test_every_tag_is_closed(self, books: Books) -> None:
        _Balanced().feed(html.render(report_of(books)))

    def test_what_a_file_says_is_escaped(self, books: Books) -> None:
        books.tamper("UPDATE recipients SET account_number = :x WHERE row = 2", x=HOSTILE)
        books.tamper("UPDATE recipients SET zone = :x WHERE row = 3", x=HOSTILE)
        books.tamper("UPDATE row_errors SET message = :x WHERE row = 9", x=HOSTILE)
        books.tamper("UPDATE audiences SET name = :x", x=HOSTILE)
        books.tamper("UPDATE scenarios SET title = :x", x=HOSTILE)
        page = html.render(report_of(books))
        assert "<script" not in page
        assert page.count("&lt;script&gt;") >= 5

    def test_contact_points_are_masked(self, books: Books) -> None:
        page = html.render(report_of(books))
        assert "+7916***11" in page
        assert not re.search(r"\+7\d{10}|ivan@", page)

    def test_it_says_plainly_whether_the_books_add_up(self, books: Books) -> None:
        assert "Учёт сходится." in html.render(report_of(books))
        books.tamper("UPDATE deliveries SET attempts = 5 WHERE channel = 'email' AND attempts = 1")
        page = html.render(report_of(books))
        assert "Учёт не сходится." in page
        assert "должно быть" in page

    def test_english_readers_get_an_english_page(self, books: Books) -> None:
        with speaking("en"):
            page = html.render(report_of(books))
        assert 'lang="en"' in page
        assert "The books add up." in page

    @pytest.mark.parametrize(
        ("part", "whole", "shown"),
        [
            (0, 0, "—"),
            (0, 5, "0\u202f%"),
            (1, 10_000, "<0,1\u202f%"),
            (9_999, 10_000, "99,9\u202f%"),
            (5, 5, "100\u202f%"),
        ],
    )
    def test_a_share_never_rounds_something_to_nothing_or_to_all(
        self, part: int, whole: int, shown: str
    ) -> None:
        assert html.percent(part, whole) == shown

    def test_a_column_outside_the_window_is_red(self) -> None:
        counts = [0] * 24
        counts[20] = counts[21] = 1
        drawn = charts.hours(counts, Window(), "hours")
        assert drawn.count('class="c-bad"') == 1

    def test_a_window_across_midnight_is_drawn_in_two_bands(self) -> None:
        drawn = charts.hours([1] * 24, Window(opens_at=time(22), closes_at=time(6)), "hours")
        assert drawn.count('class="c-band"') == 2
        assert drawn.count('class="c-bad"') == 16


class TestExport:
    def test_the_columns_are_those_of_the_contract(self, books: Books) -> None:
        assert all(tuple(row) == export.ATTEMPT_COLUMNS for row in exported(books))
        assert len(exported(books)) == 7

    def test_instants_are_utc_and_the_local_one_has_the_customers_offset(
        self, books: Books
    ) -> None:
        row = next(r for r in exported(books) if r["zone"] == KALININGRAD)
        assert row["started_at"] == "2026-12-01T18:59:58+00:00"
        assert row["local_started_at"] == "2026-12-01T20:59:58+02:00"

    def test_an_open_attempt_has_neither_end_nor_outcome(self, books: Books) -> None:
        row = next(r for r in exported(books) if r["ended_at"] is None)
        assert (row["outcome"], row["positive"], row["account_number"]) == (None, None, "2")

    def test_a_retry_says_when_it_is_due(self, books: Books) -> None:
        row = next(r for r in exported(books) if r["outcome"] == "busy")
        assert row["next_due_at"] == "2026-12-01T05:01:00+00:00"

    def test_contact_points_are_masked_unless_asked_for(self, books: Books) -> None:
        assert {r["contact_point"] for r in exported(books, full=False)} == {
            "+7916***11",
            "+7916***22",
            "+7495***67",
            "i***@example.com",
        }

    def test_csv_can_be_read_back_as_it_was(self, books: Books) -> None:
        file = io.StringIO()
        assert export.write_csv(exported(books), file) == 7
        rows = list(csv.DictReader(io.StringIO(file.getvalue())))
        assert {row["contact_point"] for row in rows} >= {"+79161111111", "ivan@example.com"}
        assert {row["positive"] for row in rows} == {"true", "false", ""}

    def test_jsonl_keeps_numbers_booleans_and_nulls(self, books: Books) -> None:
        file = io.StringIO()
        export.write_jsonl(exported(books), file)
        rows = [json.loads(line) for line in file.getvalue().splitlines()]
        assert rows == exported(books)

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("+79161234567", "+79161234567"),
            ("+7916*1+1", "'+7916*1+1"),
            ("+", "'+"),
            ("=1+1", "'=1+1"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("1=1", "1=1"),
            ("", ""),
        ],
    )
    def test_only_what_a_spreadsheet_would_run_gets_an_apostrophe(
        self, text: str, shown: str
    ) -> None:
        assert export.shielded(text) == shown

    @given(st.text(max_size=20))
    def test_no_text_begins_a_formula(self, text: str) -> None:
        shown = export.shielded(text)
        assert shown.lstrip("'") == text.lstrip("'")
        assert not re.match(r"[=\-@\t\r\n]|\+(?!\d+\Z)", shown, re.ASCII)

    def test_a_skip_says_why_and_in_whose_message_it_is_told(self, books: Books) -> None:
        with books.ledger.read() as tx:
            rows = list(export.skips(tx, books.campaign.id))
        assert len(rows) == sum(c.skipped_total for c in report_of(books).channels)
        merged = [r for r in rows if r["reason"] == "merged"]
        assert {(r["account_number"], r["joined_to"]) for r in merged} == {("3", "2")}
        assert all(len(str(r["explanation"])) > 20 for r in rows)

    def test_who_ended_without_a_result_is_listed(self, books: Books) -> None:
        books.close()
        with books.ledger.read() as tx:
            rows = list(export.unreached(tx, books.campaign.id, full=False))
        assert {(r["account_number"], r["channel"], r["status"]) for r in rows} == {
            ("1", "sms", "uncertain"),
            ("2", "phone", "expired"),
            ("4", "phone", "given_up"),
            ("5", "email", "expired"),
        }


class TestWorkbook:
    @pytest.fixture
    def written(self, books: Books, tmp_path: Path) -> Path:
        books.tamper("UPDATE recipients SET account_number = :x WHERE row = 2", x=HOSTILE)
        path = tmp_path / "report.xlsx"
        with books.ledger.read() as tx:
            workbook.write(path, tx, report_of(books))
        return path

    def test_the_sheets_have_russian_names_filters_and_frozen_headers(self, written: Path) -> None:
        book = load_workbook(written)
        assert book.sheetnames == [
            "Сводка",
            "По каналам",
            "Звонки и провайдеры",
            "Попытки",
            "Без результата",
            "Пропуски",
            "Ошибки в строках",
        ]
        for name in book.sheetnames[3:]:
            assert book[name].freeze_panes == "A2"
            assert book[name].auto_filter.ref
        assert book["Попытки"].max_row == 8
        assert book["Попытки"].max_column == len(export.ATTEMPT_COLUMNS)

    def test_a_text_that_looks_like_a_formula_stays_a_text(self, written: Path) -> None:
        sheet = load_workbook(written)["Попытки"]
        cells = [cell for cell in sheet["A"] if cell.value == HOSTILE]
        assert len(cells) == 4
        assert all(cell.data_type == "s" and cell.hyperlink is None for cell in cells)

    def test_instants_are_dates_and_the_local_one_is_the_customers_clock(
        self, written: Path
    ) -> None:
        rows = load_workbook(written)["Попытки"].iter_rows(min_row=2, values_only=True)
        instants = [(str(row[4]), str(row[6])) for row in rows]
        assert ("2026-12-01 18:59:58", "2026-12-01 20:59:58") in instants

    def test_contact_points_are_masked(self, written: Path) -> None:
        values = {cell.value for cell in load_workbook(written)["Попытки"]["C"]}
        assert "+7916***11" in values
        assert not any(re.fullmatch(r"\+7\d{10}", str(value)) for value in values)

    def test_more_than_a_sheet_can_hold_is_cut_and_said_so(
        self, books: Books, tmp_path: Path
    ) -> None:
        path = tmp_path / "report.xlsx"
        with books.ledger.read() as tx:
            workbook.write(path, tx, report_of(books), row_limit=5)
        book = load_workbook(path)
        assert book["Попытки"].max_row == 5
        assert "CSV" in str(book["Попытки"]["A5"].value)
        assert any("attempts.csv" in str(cell.value) for cell in book["Сводка"]["A"])

    def test_nothing_half_written_is_left_behind(self, written: Path) -> None:
        assert [path.name for path in written.parent.glob("report*")] == ["report.xlsx"]


class TestWords:
    def test_every_value_has_a_word(self) -> None:
        assert set(words.statuses()) == set(Status)
        assert set(words.outcomes()) == set(Outcome)
        assert set(words.skip_reasons()) == set(words.skip_advice()) == set(SkipReason)

    def test_every_message_has_a_russian_translation(self) -> None:
        root = Path(words.__file__).parents[1]
        known = set()
        for catalogue in (LOCALES / "ru").glob("*.po"):
            with catalogue.open("rb") as file:
                for entry in read_po(file):
                    if entry.id and entry.string:
                        known.add(entry.id)
        missing = []
        for path in [*(root / "report").iterdir(), *(root / "audit").iterdir()]:
            method = {".py": "python", ".j2": "jinja2.ext:babel_extract"}.get(path.suffix)
            if method is None:
                continue
            keywords = {"_": None, "ngettext": (1, 2)}
            for _line, message, *_rest in extract_from_file(method, path, keywords=keywords):
                if message not in known:
                    missing.append(message)
        assert missing == []


class _Balanced(HTMLParser):
    """Fails at the first tag that is closed out of turn."""

    _VOID = frozenset({"meta", "br", "rect", "line"})

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._VOID:
            assert self._open.pop() == tag, (tag, self.getpos())
