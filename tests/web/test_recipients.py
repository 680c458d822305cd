"""Recipients on the screen: found by a form, told in full, proved on paper, and left alone when
they ask for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import Suppression
from campaigns.outcome import Outcome
from campaigns.recipient import Consent
from dispatcher.access.roles import Role
from dispatcher.ledger import suppressions
from dispatcher.ledger import tables as t
from dispatcher.web import formats
from tests.flow.builders import (
    EMAIL,
    PHONE,
    SMS,
    Books,
    address,
    mobile,
    open_books,
    recipient,
)
from tests.web.browser import DESK, faults_of, overflow_of, window
from tests.web.browser import PHONE as HANDSET
from tests.web.house import House, house_over, words_of

NUMBER, MAIL, ACCOUNT = "+79161234567", "ivan.petrov@example.com", "70001850005"
EVENING = datetime(2026, 12, 1, 13, 39, tzinfo=UTC)  # 19:39 in Omsk
REFUSED = Consent(False, Purpose.MARKETING, ChannelName.SMS, "звонок", date(2026, 5, 2))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Somebody who was called in the evening, and a neighbour."""
    books = open_books(tmp_path)
    ivan = recipient(ACCOUNT, mobile(NUMBER), address(MAIL), zone="Asia/Omsk", consents=(REFUSED,))
    books.launch(
        [replace(ivan, surname="Петров"), recipient("70001850006", mobile("+79161234568"))]
    )
    books.attempt(ACCOUNT, SMS, EVENING.replace(hour=10), Outcome.DELIVERED)
    books.attempt(ACCOUNT, EMAIL, EVENING.replace(hour=11), Outcome.BOUNCED)
    books.attempt(ACCOUNT, PHONE, EVENING, Outcome.BUSY)
    yield books
    books.ledger.close()


@pytest.fixture
def house(books: Books) -> Iterator[House]:
    with house_over(books.engine) as house:
        yield house


def acts(house: House) -> list[tuple[str, str, str, dict[str, object]]]:
    with house.engine.ledger.read() as tx:
        c = t.trail.c
        rows = tx.execute(select(c.actor, c.action, c.subject, c.details).order_by(c.id))
        return [tuple(row) for row in rows]


def test_a_search_is_noted_without_what_was_typed(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    answer = guest.post("/recipients", {"wanted": NUMBER})
    assert "Петров Иван Иванович" in words_of(answer)
    assert answer.url == f"{house.url}/recipients"
    actor, action, subject, details = acts(house)[-1]
    assert (actor, action, subject) == ("editor", "recipients.search", "recipients")
    assert details == {"found": 1}


def test_the_page_tells_what_was_said_and_why_the_next_call_waits(house: House) -> None:
    said = words_of(house.visit(Role.EDITOR).get("/recipients/1"))
    for words in (
        "Следующий звонок: ср, 2 дек. 2026, 10:00 (Омск, UTC+6)",
        "Занято в 19:40",
        "В 21:40 уже нельзя: разрешено с 10:00 до 21:00.",
        "Доставлено",
        "Возвращено",
        "1234,56 руб.",  # the SMS as it was sent
        "реклама, только с согласия, SMS; звонок; 02.05.2026",
    ):
        assert words in said.replace("\xa0", " ")


def test_the_proof_is_noted_and_can_hide_the_contacts(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    full, masked = (guest.get(f"/recipients/1/proof{q}") for q in ("", "?points=masked"))
    assert NUMBER in words_of(full)
    assert NUMBER not in words_of(masked)
    assert "01.12.2026 19:39:00 (UTC+6) 01.12.2026 13:39:00 UTC" in words_of(full)
    noted = [one for one in acts(house) if one[1] == "export.proof"]
    assert [(one[2], one[3]) for one in noted] == [("recipient:1", {"rows": 3})] * 2


def test_who_may_not_see_persons_sees_none_of_it(house: House) -> None:
    guest = house.visit(Role.READER)
    for path in ("/recipients", "/recipients/1", "/recipients/1/proof", "/stop-list"):
        assert guest.get(path).status_code == 403
    assert guest.post("/recipients", {"wanted": NUMBER}).status_code == 403


def test_a_customer_is_put_on_the_stop_list_and_taken_off_with_a_reason_each(
    house: House,
) -> None:
    guest = house.visit(Role.EDITOR)
    form = {"party": NUMBER, "channel": "phone", "purpose": "", "until": "", "reason": ""}
    refused = guest.post("/recipients/1/stop", form)
    assert refused.status_code == 422
    assert "Напишите причину" in words_of(refused)
    page = words_of(guest.post("/recipients/1/stop", form | {"reason": "просил по телефону"}))
    assert "Больше ничего отправлено не будет" in page
    assert "просил по телефону" in page
    assert guest.post("/recipients/1/lift/1", {"reason": " "}).status_code == 422
    page = words_of(guest.post("/recipients/1/lift/1", {"reason": "передумал"}))
    assert "Следующий звонок" in page
    added, lifted = [one for one in acts(house) if one[2] == "suppression:1"]
    assert (added[0], added[1]) == ("editor", "suppress.add")
    assert (lifted[1], lifted[3]) == ("suppress.remove", {"reason": "передумал"})


def test_when_somebody_was_stopped_is_told_on_one_clock_that_of_the_house(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    form = {"party": NUMBER, "channel": "phone", "until": "2026-12-20", "reason": "просил"}
    page = words_of(guest.post("/recipients/1/stop", form)).replace("\xa0", " ")
    at = formats.moment(house.engine.clock.now(), "Europe/Moscow").replace("\xa0", " ")
    assert page.count(at) == 2  # why nothing goes, and the stop-list
    assert page.count("21 дек. 2026, 00:00") == 2
    assert "Часы показаны по времени: Москва, UTC+3." in page


def test_of_one_customers_page_nobody_elses_entry_is_lifted(house: House) -> None:
    with house.engine.ledger.write() as tx:
        stop = Suppression("x", contact_point="+79169999999")
        suppressions.add(tx, stop, "olga", house.engine.clock.now())
    guest = house.visit(Role.EDITOR)
    assert guest.post("/recipients/1/lift/1", {"reason": "x"}).status_code == 404
    stranger = {"party": "+79161234568", "reason": "x"}
    assert guest.post("/recipients/1/stop", stranger).status_code == 422
    assert guest.get("/recipients/999").status_code == 404


@pytest.mark.parametrize("size", [DESK, HANDSET])
def test_everybody_can_read_it(browser: Browser, house: House, size: tuple[int, int]) -> None:
    with window(browser, house, size=size, dark=size == HANDSET) as page:
        page.goto("/recipients")
        page.get_by_label("Кого найти?").fill("петров")
        page.get_by_role("button", name="Найти").click()
        page.get_by_role("link", name="Петров Иван Иванович").click()
        for summary in page.locator("main summary").all():
            summary.click()
        assert faults_of(page) == []
        assert overflow_of(page) == 0
        page.get_by_role("link", name="Подтверждение уведомления").click()
        assert page.get_by_role("button", name="Напечатать").is_visible()
        assert faults_of(page) == []
        assert overflow_of(page) == 0
