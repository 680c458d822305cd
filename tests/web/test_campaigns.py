"""Campaigns on the screen: the list, one of them, and what staff decide."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.access.roles import Role
from dispatcher.ledger import Ledger, campaigns, live_looks, tallies, trail
from dispatcher.ledger.campaigns import CampaignStatus, Stopped, Why
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.campaigning import EMAIL, SMS, START, Office, account_of, open_office
from tests.web.campaigning import PHONE as CALLS
from tests.web.house import House, words_of

DAY = timedelta(days=1)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as office:
        yield office


def status_of(office: Office) -> CampaignStatus:
    with office.books.ledger.read() as tx:
        return campaigns.get(tx, office.campaign_id).status


def standing_of(office: Office) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    with office.books.ledger.read() as tx:
        for row in tallies.by_status(tx, office.campaign_id):
            key = (row.channel.value, row.status.value)
            found[key] = found.get(key, 0) + row.deliveries
    return found


# The list ---------------------------------------------------------------------------------------


def test_a_house_without_campaigns_says_what_to_do(house: House) -> None:
    page = house.visit(Role.EDITOR).get("/campaigns")
    assert "Кампаний пока нет" in words_of(page)
    assert 'href="/launch"' in page.text


def test_the_list_is_leafed_through_to_its_end_and_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.web.campaigns.SHOWN", 2)
    with office.books.ledger.write() as tx:
        first = campaigns.get(tx, office.campaign_id)
        for _more in range(4):
            campaigns.create(
                tx,
                scenario_id=first.scenario_id,
                audience_id=first.audience_id,
                zone=first.zone,
                start_at=first.start_at,
                end_at=first.end_at,
                actor="tests",
                now=office.books.clock.now(),
            )
    clerk, path, seen = office.clerk, "/campaigns", list[list[str]]()
    while True:
        page = clerk.get(path).text
        seen.append(re.findall(r'<h2><a href="/campaigns/(\d+)"', page))
        further = re.search(r'rel="next" href="([^"]+)"', page)
        if further is None:
            break
        path = further[1]
    assert seen == [["5", "4"], ["3", "2"], ["1"]]
    back = re.search(r'rel="prev" href="([^"]+)"', page)
    assert back
    assert re.findall(r'<h2><a href="/campaigns/(\d+)"', clerk.get(back[1]).text) == ["3", "2"]
    running = clerk.get("/campaigns?which=running").text
    assert re.findall(r'<h2><a href="/campaigns/(\d+)"', running) == ["1"]


@pytest.mark.parametrize("query", ["which=nothing", "before=x", "after=-1", "before=" + "9" * 40])
def test_an_address_that_somebody_made_up_is_no_trouble(office: Office, query: str) -> None:
    assert office.clerk.get(f"/campaigns?{query}").status_code == 200


# One of them ------------------------------------------------------------------------------------


def test_the_page_tells_how_each_channel_stands_and_what_went_wrong(office: Office) -> None:
    office.make(SMS, [Outcome.DELIVERED] * 3 + [Outcome.REJECTED])
    office.make(CALLS, [Outcome.BUSY, Outcome.HEARD, None])
    said = words_of(office.clerk.get(office.path))
    assert "Готово сообщений: 5 из 36" in said
    assert "SMS 12 4 3 25 % 0 0 1 0 4" in said  # planned, attempts, reached, … in the last minute
    assert "Телефон 12 3 1 8 % 1 1 0 0 3" in said
    assert "Отклонено провайдером · SMS · 1" in said
    assert re.search(r"Новосибирск 10:00 ждут: \d+ открыто, до 21:00", said)
    assert re.search(r"Москва 06:00 ждут: \d+ закрыто, с 10:00", said)
    assert said.count("звонки и SMS с 10:00 до 21:00") == 1  # once for all zones


def test_contact_points_are_for_those_who_may_see_persons(office: Office) -> None:
    office.make(SMS, [Outcome.DELIVERED])
    point = "+7\u00a0916\u00a0000-00-00"
    assert point in office.clerk.get(office.path).text
    reader = office.house.visit(Role.READER).get(office.path).text
    assert point not in reader
    assert "/recipients/" not in reader


def test_a_campaign_that_is_not_there_is_not_found(office: Office) -> None:
    assert office.clerk.get("/campaigns/99").status_code == 404
    assert office.clerk.get("/campaigns/99/settle").status_code == 404


def test_why_it_stopped_itself_is_told_with_what_to_do(office: Office) -> None:
    [run] = _running(office)
    with office.books.ledger.write() as tx:
        why = Stopped(Why.FAILURES, 57, 100)
        campaigns.stop_itself(tx, run, why, "loop", office.books.clock.now())
    said = words_of(office.clerk.get(office.path))
    assert "57" in said
    assert "устраните причину и продолжите" in said
    assert "57" in words_of(office.clerk.get(f"{office.path}/resume"))


def _running(office: Office) -> list[campaigns.Run]:
    with office.books.ledger.read() as tx:
        return list(campaigns.running(tx))


# Steps ------------------------------------------------------------------------------------------


def test_before_a_pause_one_reads_what_is_in_flight(office: Office) -> None:
    office.make(SMS, [None, None])
    said = words_of(office.clerk.get(f"{office.path}/pause"))
    assert "У провайдера или на пути к нему 2 Ждут отправки 34" in said
    assert status_of(office) is CampaignStatus.RUNNING


def test_pausing_and_resuming_are_written_down_with_who_did_it(office: Office) -> None:
    clerk = office.clerk
    clerk.post(f"{office.path}/pause")
    assert status_of(office) is CampaignStatus.PAUSED
    clerk.post(f"{office.path}/resume")
    assert status_of(office) is CampaignStatus.RUNNING
    with office.books.ledger.read() as tx:
        acts = trail.of(tx, f"campaign:{office.campaign_id}")
    assert [(act.actor, act.action) for act in acts][-2:] == [
        ("administrator", "campaign.paused"),
        ("administrator", "campaign.running"),
    ]


def test_cancelling_wants_a_tick_and_then_is_for_good(office: Office) -> None:
    clerk = office.clerk
    refused = clerk.post(f"{office.path}/cancel")
    assert (refused.status_code, "Поставьте галочку" in words_of(refused)) == (422, True)
    assert status_of(office) is CampaignStatus.RUNNING
    clerk.post(f"{office.path}/cancel", {"sure": "yes"})
    assert status_of(office) is CampaignStatus.CANCELLED
    assert clerk.get(f"{office.path}/resume").status_code == 422
    assert clerk.post(f"{office.path}/resume").status_code == 422


def test_a_reader_looks_and_changes_nothing(office: Office) -> None:
    reader = office.house.visit(Role.READER)
    assert reader.get(office.path).status_code == 200
    for step in ("pause", "cancel", "settle"):
        assert reader.get(f"{office.path}/{step}").status_code == 403
        assert reader.post(f"{office.path}/{step}", {"sure": "yes"}).status_code == 403
    assert status_of(office) is CampaignStatus.RUNNING


# What only staff know ---------------------------------------------------------------------------


def test_what_is_in_doubt_is_decided_one_by_one_or_all_at_once(office: Office) -> None:
    office.make(SMS, [Outcome.UNCERTAIN] * 3)
    clerk = office.clerk
    page = clerk.get(f"{office.path}/uncertain")
    assert account_of(0)[-3:] in words_of(page)
    fields = {"channel": "sms", "account": account_of(0), "reached": "yes"}
    clerk.post(f"{office.path}/resolve", fields)
    assert standing_of(office)["sms", "positive"] == 1
    refused = clerk.post(f"{office.path}/resolve", {"channel": "sms", "reached": "no"})
    assert refused.status_code == 422
    everybody = {"channel": "sms", "everybody": "yes", "reached": "no"}
    assert "Решено: 2" in words_of(clerk.post(f"{office.path}/resolve", everybody))
    assert ("sms", "uncertain") not in standing_of(office)
    assert "Неясных сообщений нет" in words_of(clerk.get(f"{office.path}/uncertain"))


def test_providers_can_be_asked_at_once_also_about_what_was_given_up(office: Office) -> None:
    office.make(SMS, [Outcome.UNCERTAIN])
    office.books.tamper("UPDATE deliveries SET due_at = NULL WHERE status = 'uncertain'")
    assert "Решать вам" in words_of(office.clerk.get(f"{office.path}/uncertain"))
    told = office.clerk.post(f"{office.path}/ask")
    assert "о 1 сообщении" in words_of(told)
    assert office.books.delivery(account_of(0), SMS).due_at == office.books.clock.now()


def test_paid_accounts_are_pasted_or_sent_as_a_file(office: Office) -> None:
    clerk = office.clerk
    told = clerk.post(f"{office.path}/settle", {"accounts": f"{account_of(0)}\n№ 999\r\n\n"})
    assert "Лицевых счетов: 2. Остановлено сообщений: 3. Нет в этой кампании: 1." in words_of(told)
    text = f"Лицевой счёт;Сумма\r\n{account_of(1)};0\r\n".encode("cp1251")
    clerk.post(f"{office.path}/settle", files={"file": ("paid.csv", text)})
    clerk.post(f"{office.path}/settle", files={"file": ("p.txt", account_of(2).encode())})
    assert standing_of(office)["sms", "settled"] == 3


@pytest.mark.parametrize(
    ("typed", "file", "told"),
    [
        ("", None, "Здесь нет лицевых счетов"),
        ("итого\n70000000001", None, "не номер лицевого счёта"),
        ("", ("paid.exe", b"MZ"), "Такой файл не читается"),
        ("", ("paid.xlsx", b"no workbook at all"), ""),
        ("", ("paid.csv", b"\x00\x01\x02"), ""),
    ],
)
def test_a_list_that_cannot_be_read_changes_nothing_and_what_was_typed_stays(
    office: Office, typed: str, file: tuple[str, bytes] | None, told: str
) -> None:
    files = {"file": file} if file else None
    page = office.clerk.post(f"{office.path}/settle", {"accounts": typed}, files=files)
    assert page.status_code == 422
    assert told in words_of(page)
    assert typed in page.text
    assert ("sms", "settled") not in standing_of(office)


# On either database -----------------------------------------------------------------------------


def test_live_looks_ask_the_same_of_either_database(ledger: Ledger) -> None:
    with ledger.read() as tx:
        assert live_looks.newest(tx, 1, 20) == ()
        assert live_looks.begun_since(tx, 1, START) == {}
        assert live_looks.left_to_staff(tx, 1, 10) == 0
        assert live_looks.waiting_by_zone(tx, 1) == {}
        assert live_looks.last_acts(tx, "campaign:1", 5) == []


def test_the_newest_attempt_leads_to_its_recipient(office: Office) -> None:
    office.make(EMAIL, [Outcome.ACCEPTED])
    with office.books.ledger.read() as tx:
        [one] = live_looks.newest(tx, office.campaign_id, 20)
    assert (one.outcome, one.positive, one.number) == (Outcome.ACCEPTED, True, 1)
    assert one.recipient_id == office.books.delivery(account_of(0), EMAIL).recipient_id


# In a browser -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_pages_can_be_read_by_everybody(
    browser: Browser, office: Office, size: tuple[int, int]
) -> None:
    office.make(SMS, [Outcome.DELIVERED, Outcome.UNCERTAIN, Outcome.REJECTED, None])
    with window(browser, office.house, size=size) as page:
        for path in ("/campaigns", office.path, f"{office.path}/cancel"):
            page.goto(path)
            assert faults_of(page) == [], path
            assert overflow_of(page) == 0, path


def test_figures_move_while_one_looks_and_stay_right_without_a_script(
    browser: Browser, office: Office
) -> None:
    with window(browser, office.house) as page:
        page.goto(office.path)
        expect(page.locator("#live-state")).to_have_text("Цифры обновляются сами")
        office.make(SMS, [Outcome.DELIVERED] * 2)
        sms = page.locator("table.channels tr", has_text="SMS")
        expect(sms.locator("td").nth(2)).to_contain_text("2 17")
    with window(browser, office.house, scripts=False) as page:
        page.goto(office.path)
        sms = page.locator("table.channels tr", has_text="SMS")
        expect(sms.locator("td").nth(2)).to_contain_text("2 17")
        page.get_by_role("link", name="Отменить…").click()
        page.get_by_label("Да, закончить насовсем").check()
        page.get_by_role("button", name="Отменить насовсем").click()
        expect(page.get_by_text("Кампания отменена насовсем.")).to_be_visible()
    assert standing_of(office)["sms", Status.CANCELLED.value] == 10
