"""The day on the screen: calm when nothing is wrong, and plain when something is."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from dispatcher.access.roles import Role
from dispatcher.ledger import campaigns, circuits, jobs, launch_requests, processes
from dispatcher.ledger.campaigns import Stopped, Why
from dispatcher.ledger.launch_requests import RequestStatus, Wish
from dispatcher.ledger.processes import Process
from dispatcher.queue import SEND_QUEUES, URGENT
from dispatcher.rehearsal import stand_ins
from dispatcher.report import words
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.campaigning import SMS, Office, open_office
from tests.web.house import House, words_of


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as office:
        yield office


def let_work(office: Office) -> None:
    """Providers are set up, and a process does everything."""
    office.books.engine.channels = stand_ins()
    queues = (*SEND_QUEUES.values(), URGENT)
    with office.books.ledger.write() as tx:
        processes.beat(tx, Process("one", "up", "host", 1, queues, "1.0"))


def test_an_empty_house_says_what_to_do_first(house: House) -> None:
    said = words_of(house.visit(Role.EDITOR).get("/"))
    assert "Первая кампания за три шага" in said
    assert "Ничего не ждёт решения" not in said


def test_a_day_on_which_all_is_well_is_calm(office: Office) -> None:
    let_work(office)
    office.make(SMS, [Outcome.DELIVERED] * 3)
    said = words_of(office.clerk.get("/"))
    assert "Ничего не ждёт решения." in said
    assert "Всё работает." in said
    assert "извещено: 3" in said
    assert "Новосибирск 10:00 открыто, до 21:00" in said


def test_campaigns_that_nobody_works_on_are_told(office: Office) -> None:
    said = words_of(office.house.visit(Role.EDITOR).get("/"))
    assert "Ничего не ждёт решения" not in said
    assert "ни один процесс над ними не работает" in said
    assert "Сообщите администратору." in said
    assert "dispatcher up" not in said
    assert "dispatcher up" in words_of(office.clerk.get("/"))


def test_what_waits_for_a_decision_leads_to_where_it_is_made(office: Office) -> None:
    let_work(office)
    office.make(SMS, [Outcome.UNCERTAIN])
    office.books.tamper("UPDATE deliveries SET due_at = NULL WHERE status = 'uncertain'")
    with office.books.ledger.write() as tx:
        [run] = campaigns.running(tx)
        why = Stopped(Why.WORDS, 6, 10)
        campaigns.stop_itself(tx, run, why, "loop", office.books.clock.now())
    page = office.clerk.get("/")
    assert f'href="{office.path}/uncertain"' in page.text
    assert "о 1 сообщении неизвестно, дошло ли оно" in words_of(page)
    assert "6" in words_of(page)


def test_a_launch_that_waits_for_approval_is_shown_to_those_who_may_look_at_it(
    office: Office,
) -> None:
    let_work(office)
    now, campaign = office.books.clock.now(), office.books.campaign
    with office.books.ledger.write() as tx:
        rehearsal = jobs.ask(tx, "rehearsal", {}, "olga", now)
        wish = Wish(
            scenario_id=campaign.scenario_id,
            audience_id=campaign.audience_id,
            audience_rows=12,
            recipients=12,
            start_at=None,
            end_at=campaign.end_at,
            leave_out_unfit=False,
        )
        number = launch_requests.add(tx, wish, rehearsal, RequestStatus.WAITING, "olga", now)
    page = office.house.visit(Role.APPROVER).get("/")
    assert "12 человек просит olga" in words_of(page)
    assert f'href="/launch/requests/{number}"' in page.text
    assert "/launch/requests" not in office.house.visit(Role.READER).get("/").text


def open_circuit(office: Office, reason: str) -> None:
    now = office.books.clock.now()
    with office.books.ledger.write() as tx:
        circuits.open_(tx, (ChannelName.SMS, "smsaero"), reason, now, now + timedelta(minutes=5))


def test_an_account_that_somebody_has_to_pay_waits_for_them_and_leads_to_the_settings(
    office: Office,
) -> None:
    let_work(office)
    open_circuit(office, "no_money")
    page = office.clerk.get("/")
    said, trouble = words_of(page), words.word(words.troubles, "no_money")
    assert f"Ждёт решения SMS, smsaero : {trouble}." in said
    assert f"SMS smsaero {trouble}" in said
    assert '<a class="button small" href="/settings">' in page.text
    assert "Ничего не ждёт решения" not in said
    assert "dispatcher provider" not in said  # an advice for the console
    reader = office.house.visit(Role.READER).get("/")
    assert "Сообщите администратору." in words_of(reader)
    assert 'href="/settings"' not in reader.text


def test_a_provider_that_comes_back_by_itself_is_told_with_where_it_can_be_asked(
    office: Office,
) -> None:
    let_work(office)
    open_circuit(office, "unreachable")
    page = office.clerk.get("/")
    said = words_of(page)
    assert "Спросить его сейчас можно в настройках. К настройкам" in said
    assert "dispatcher check" not in said
    assert "Всё работает." not in said


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_day_can_be_read_by_everybody_and_moves_by_itself(
    browser: Browser, office: Office, size: tuple[int, int]
) -> None:
    let_work(office)
    with window(browser, office.house, size=size) as page:
        page.goto("/")
        expect(page.locator("#live-state")).to_have_text("Цифры обновляются сами")
        office.make(SMS, [Outcome.DELIVERED] * 2)
        expect(page.locator(".running .legend")).to_contain_text("извещено: 2")
        assert faults_of(page) == []
        assert overflow_of(page) == 0
