"""Reports on the screen: the same numbers everywhere, counted in time, taken along with care."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from openpyxl import load_workbook
from playwright.sync_api import Browser
from sqlalchemy import event

from campaigns.inquiry.rules import Topic
from dispatcher.access.roles import Role
from dispatcher.ledger import jobs, trail
from dispatcher.report import html
from dispatcher.reporting import files, stored
from dispatcher.retention import books as closed
from dispatcher.web import report_files, report_periods
from templates.i18n import speaking
from tests.flow.builders import START, Books
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House, words_of
from tests.web.reported import answered, asked, busy_house, run

DECEMBER = "first=2026-12-01&last=2026-12-31"


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[House, Books]]:
    with busy_house(tmp_path) as (house, books):
        run(books, 40)
        books.clock.move_to(START + timedelta(days=10))
        yield house, books


def lines_of(answer: requests.Response) -> list[list[str]]:
    assert answer.status_code == 200
    text = answer.content.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:]), delimiter=";"))


def test_the_page_tells_the_numbers_of_the_printed_report(busy: tuple[House, Books]) -> None:
    house, books = busy
    page = words_of(house.visit(Role.READER).get("/reports/campaigns/1"))
    with books.ledger.read() as tx, speaking("ru"):
        report = closed.report_of(tx, 1, books.clock.now())
        for channel in report.channels:
            for name, count, _part in html.fates(channel):
                share = html.percent(count, channel.recipients)
                shown = re.sub(r"\s+", " ", f"{name} {html.number(count)} {share}")
                assert not count or shown in page, shown
    assert "Кампания ещё идёт" in page


def test_a_report_is_found_from_the_list_and_by_a_named_period(busy: tuple[House, Books]) -> None:
    house, _books = busy
    page = house.visit(Role.READER).get("/reports").text
    assert 'href="/reports/campaigns/1"' in page
    assert f'href="/reports/period?{DECEMBER.replace("&", "&amp;")}"' in page


@pytest.mark.parametrize("asked_for", ["first=2026-12-02&last=2026-12-01", "first=x&last="])
def test_what_is_no_period_is_asked_for_again(busy: tuple[House, Books], asked_for: str) -> None:
    house, _books = busy
    answer = house.visit(Role.READER).get(f"/reports/period?{asked_for}")
    assert answer.status_code == 422
    assert 'class="wrong"' in answer.text


def test_without_days_the_form_is_shown_with_the_last_month(busy: tuple[House, Books]) -> None:
    house, books = busy
    answer = house.visit(Role.READER).get("/reports/period")
    assert answer.status_code == 200
    usual = report_periods.last_month(books.clock.now().date())
    assert f'value="{usual.first}"' in answer.text
    assert f'value="{usual.last}"' in answer.text
    assert 'class="wrong"' not in answer.text


def test_csv_workbook_and_page_have_the_same_tables(busy: tuple[House, Books]) -> None:
    house, _books = busy
    guest = house.visit(Role.READER)
    page = words_of(guest.get("/reports/campaigns/1?by=segment"))
    lines = lines_of(guest.get("/reports/campaigns/1/figures.csv?by=segment"))
    book = load_workbook(
        io.BytesIO(guest.get("/reports/campaigns/1/figures.xlsx?by=segment").content)
    )
    cells = {str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row}
    privates = [line for line in lines if line[:1] == ["частные лица"]]
    assert len(privates) == 3  # one a channel
    for line in privates:
        assert set(line[:4]) <= cells
        assert " ".join(line[:4]) in page


def test_a_period_tells_what_was_sent_and_what_customers_wrote(busy: tuple[House, Books]) -> None:
    house, _books = busy
    for n in range(3):
        asked(house.engine, START + timedelta(hours=n), done_after=timedelta(days=1))
    asked(house.engine, START, Topic.BILLING, branch="")
    asked(house.engine, START - timedelta(days=20))
    answered(house.engine, START, 59.9)
    answered(house.engine, START, 60.1)
    answered(house.engine, START, None)
    page = words_of(house.visit(Role.READER).get(f"/reports/period?{DECEMBER}"))
    assert "Обращения 4 прежде: 1" in page
    assert "жалоба 3 3 1" in page
    assert "В течение минуты 1 33,3 %" in page
    assert "Пока без ответа 1 33,3 %" in page
    assert "Первый ответ, окончательный или промежуточный 3 1 0 75 %" in page


def test_lists_name_customers_only_to_who_may_take_them_out(busy: tuple[House, Books]) -> None:
    house, books = busy
    path = "/reports/campaigns/1/attempts.csv"
    assert house.visit(Role.READER).post(path).status_code == 403
    lines = lines_of(house.visit(Role.EDITOR).post(path))
    assert len(lines[0]) == len(lines[1])
    assert any("customer1@example.com" in line for line in lines)
    with books.ledger.read() as tx:
        acts = [act for act in trail.of(tx, "campaign:1") if act.action == "export.attempts"]
        whole = stored.of_campaign(tx, stored.OfCampaign(1), books.clock.now())
    assert [act.actor for act in acts] == ["editor"]
    assert whole.figures is not None
    assert len(lines) - 1 == whole.figures.report.attempts == acts[0].details["attempts"]


@pytest.mark.parametrize("what", ["unreached.csv", "skips.csv", "lists.xlsx"])
def test_every_list_can_be_taken_and_stands_in_the_journal(
    busy: tuple[House, Books], what: str
) -> None:
    house, books = busy
    answer = house.visit(Role.EDITOR).post(f"/reports/campaigns/1/{what}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    with books.ledger.read() as tx:
        assert [a.action for a in trail.of(tx, "campaign:1")][-1].startswith("export.")


def test_a_list_that_nobody_reads_holds_no_transaction(busy: tuple[House, Books]) -> None:
    _house, books = busy
    open_now: list[object] = []
    pool = books.ledger.engine.pool
    event.listen(pool, "checkout", lambda *of: open_now.append(of[0]))
    event.listen(pool, "checkin", lambda *of: open_now.remove(of[0]))
    made = [
        files.attempts(books.ledger, 1, full=True),
        files.unreached(books.ledger, 1, full=True),
        files.skips(books.ledger, 1),
    ]
    assert open_now == []
    assert all(b"".join(files.pieces(file)).startswith(b"\xef\xbb\xbf") for file in made)
    assert all(file.closed for file in made)


def test_who_asks_for_one_list_too_many_is_told_to_come_again(busy: tuple[House, Books]) -> None:
    house, books = busy
    clerk = house.visit(Role.EDITOR)
    path = "/reports/campaigns/{}/attempts.csv"
    with ExitStack() as others:
        for _one in range(report_files.AT_A_TIME):
            others.enter_context(report_files.seat())
        answer = clerk.post(path.format(1))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "Попробуйте ещё раз через полминуты" in words_of(answer)
        with books.ledger.read() as tx:
            acts = [act.action for act in trail.of(tx, "campaign:1")]
        assert "export.attempts" not in acts, "nothing was taken"
    for _one in range(report_files.AT_A_TIME + 1):
        assert clerk.post(path.format(99)).status_code == 404
    assert clerk.post(path.format(1)).status_code == 200, "each has left its place"


def test_what_is_too_much_for_a_page_is_counted_by_a_job_once(
    busy: tuple[House, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, books = busy
    monkeypatch.setattr(stored, "AT_ONCE", 0)
    guest = house.visit(Role.READER)
    before = guest.get("/reports/campaigns/1")
    assert 'id="hours"' not in before.text
    assert 'id="channel-phone"' in before.text  # the counters know
    for _twice in range(2):
        assert "Отчёт считается" in words_of(guest.post("/reports/campaigns/1/count"))
    assert "HX-Refresh" not in guest.get("/reports/campaigns/1/counting").headers
    house.do_jobs()
    assert guest.get("/reports/campaigns/1/counting").headers["HX-Refresh"] == "true"
    monkeypatch.setattr(stored, "AT_ONCE", 20_000)
    now = guest.get("/reports/campaigns/1/figures.csv").content
    monkeypatch.setattr(stored, "AT_ONCE", 0)
    assert guest.get("/reports/campaigns/1/figures.csv").content == now
    with books.ledger.read() as tx:
        assert len(jobs.lately(tx, stored.KIND, 9)) == 1


def test_a_period_that_takes_long_is_counted_by_a_job(
    busy: tuple[House, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, _books = busy
    path = f"/reports/period/figures.csv?{DECEMBER}"
    guest = house.visit(Role.READER)
    now = guest.get(path).content
    monkeypatch.setattr(stored, "AT_ONCE", 0)
    assert guest.get(path).status_code == 422
    guest.post("/reports/period/count", {"first": "2026-12-01", "last": "2026-12-31"})
    house.do_jobs()
    assert guest.get(path).content == now
    assert "Посчитано" in words_of(guest.get(f"/reports/period?{DECEMBER}"))


def test_what_an_earlier_program_counted_is_counted_anew(
    busy: tuple[House, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, books = busy
    monkeypatch.setattr(stored, "AT_ONCE", 0)
    stored.ask(house.engine, stored.OfCampaign(1), "tests")
    house.do_jobs()
    monkeypatch.setattr(stored, "FORMAT", stored.FORMAT + 1)
    with books.ledger.read() as tx:
        assert stored.of_campaign(tx, stored.OfCampaign(1), books.clock.now()).figures is None


def test_nothing_that_names_a_customer_is_kept_with_counted_figures(
    busy: tuple[House, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, books = busy
    monkeypatch.setattr(stored, "AT_ONCE", 0)
    stored.ask(house.engine, stored.OfCampaign(1, "район"), "tests")
    house.do_jobs()
    with books.ledger.read() as tx:
        kept = tx.exec_driver_sql("SELECT figures FROM counted").scalar_one()
    told = json.dumps(json.loads(kept), ensure_ascii=False)
    assert "Южный" in told
    for personal in ("+7916", "@example.com", "4-000", "Дом "):
        assert personal not in told


def test_a_column_that_nobody_knows_changes_nothing(busy: tuple[House, Books]) -> None:
    house, _books = busy
    guest = house.visit(Role.READER)
    known = guest.get("/reports/campaigns/1?by=branch").text
    assert guest.get("/reports/campaigns/1?by=%27%22--").text == known


@pytest.mark.parametrize(
    ("size", "path"), [(DESK, "/reports/campaigns/1"), (PHONE, f"/reports/period?{DECEMBER}")]
)
def test_reports_can_be_read_by_everybody(
    browser: Browser, busy: tuple[House, Books], size: tuple[int, int], path: str
) -> None:
    house, _books = busy
    with window(browser, house, size=size, dark=size is PHONE) as page:
        page.goto(path)
        assert faults_of(page) == []
        assert overflow_of(page) == 0
        page.set_viewport_size({"width": 320, "height": 800})  # as at 400 % on a desk
        assert overflow_of(page) == 0


def test_a_page_waits_for_what_is_counted_and_shows_it_by_itself(
    browser: Browser, busy: tuple[House, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, _books = busy
    monkeypatch.setattr(stored, "AT_ONCE", 0)
    with window(browser, house, Role.READER) as page:
        page.goto("/reports/campaigns/1")
        page.locator("#counting").wait_for()
        house.do_jobs()
        page.locator("#hours").wait_for()
