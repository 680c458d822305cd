"""Inquiries on the screen: what a clerk does with them in a day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import CloseReason, InquiryChannel, InquiryStatus
from dispatcher.access.roles import Role
from dispatcher.ledger import Ledger
from templates.phrases import phrases
from tests.flow.inquiring import ANNA, OLGA, PAVEL, Office, open_office
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import Guest, House, house_over, words_of

DAY = timedelta(days=1)


@dataclass
class Register:
    """An office with its pages, and an editor before them."""

    office: Office
    house: House

    @property
    def clerk(self) -> Guest:
        return self.house.visit(Role.EDITOR)


@pytest.fixture
def register(tmp_path: Path, sqlite_url: str) -> Iterator[Register]:
    ledger = Ledger(sqlite_url)
    office = open_office(ledger, tmp_path)
    with house_over(office.engine) as house:
        yield Register(office, house)
    ledger.close()


def test_what_is_past_its_day_stands_first_and_is_told_above(register: Register) -> None:
    later = register.office.asked()
    late = register.office.asked(respond_on=register.office.today - DAY, customer="Анна")
    page = register.clerk.get("/inquiries")
    assert page.text.index(late.number) < page.text.index(later.number)
    assert "Срок прошёл у 1 обращения" in words_of(page)
    only_late = register.clerk.get("/inquiries?which=overdue").text
    assert late.number in only_late
    assert later.number not in only_late


def test_an_answer_goes_to_the_customer_and_ends_the_inquiry(register: Register) -> None:
    one = register.office.asked()
    register.office.wrote(one)
    answer = register.clerk.post(f"/inquiries/{one.number}/answer", {"text": "Свет уже есть."})
    assert answer.status_code == 200
    assert register.office.see(one).status is InquiryStatus.ANSWERED
    [letter] = register.office.owed(ANNA)
    assert "Свет уже есть." in letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert [act.actor for act in register.office.acts(one)] == ["editor"]


def test_a_text_that_says_nothing_is_told_and_what_was_typed_stays(register: Register) -> None:
    one = register.office.asked()
    register.office.wrote(one)
    page = register.clerk.post(f"/inquiries/{one.number}/answer", {"text": " \n "})
    assert (page.status_code, "Текст пуст" in words_of(page)) == (422, True)
    fields = {"text": "Скоро <b>ответим</b>.", "until": "2036-01-01"}
    page = register.clerk.post(f"/inquiries/{one.number}/interim", fields)
    assert page.status_code == 422
    assert "Скоро &lt;b&gt;ответим&lt;/b&gt;." in page.text
    assert register.office.see(one).status is InquiryStatus.ROUTED


def test_an_interim_answer_promises_a_day(register: Register) -> None:
    one = register.office.asked()
    register.office.wrote(one)
    until = register.office.today + 20 * DAY
    fields = {"text": "Выясняем.", "until": until.isoformat()}
    assert register.clerk.post(f"/inquiries/{one.number}/interim", fields).status_code == 200
    seen = register.office.see(one)
    assert (seen.status, seen.answer_on) == (InquiryStatus.INTERIM, until)


def test_it_is_given_to_somebody_closed_and_opened_again(register: Register) -> None:
    one, clerk = register.office.asked(person=""), register.clerk
    clerk.post(f"/inquiries/{one.number}/assign", {"to": PAVEL})
    assert register.office.see(one).person == PAVEL
    assert clerk.post(f"/inquiries/{one.number}/close", {"reason": "no reason"}).status_code == 422
    clerk.post(f"/inquiries/{one.number}/close", {"reason": "spam"})
    assert register.office.see(one).close_reason is CloseReason.SPAM
    clerk.post(f"/inquiries/{one.number}/reopen")
    assert register.office.see(one).status is InquiryStatus.ROUTED


def test_what_came_by_sms_cannot_be_answered_by_mail_and_the_page_says_what_to_do(
    register: Register,
) -> None:
    one = register.office.asked(channel=InquiryChannel.SMS, contact_point="+79160000001")
    page = register.clerk.get(f"/inquiries/{one.number}")
    assert "позвоните клиенту" in words_of(page)
    assert "/answer" not in page.text


def test_the_original_is_handed_out_and_the_journal_knows(register: Register) -> None:
    one = register.office.asked()
    raw = register.office.wrote(one, "X-Test: yes")
    answer = register.clerk.post(f"/inquiries/{one.number}/letters/1")
    assert answer.content == raw
    assert answer.headers["content-disposition"].startswith("attachment")
    assert [act.action for act in register.office.acts(one)] == ["export.letter"]
    other = register.office.asked()
    assert register.clerk.post(f"/inquiries/{other.number}/letters/1").status_code == 404


def test_strangers_words_are_shown_as_words(register: Register) -> None:
    hostile = '<script>alert(1)</script><img src=x onerror="alert(1)">'
    one = register.office.asked(text=hostile, customer=hostile, person=OLGA)
    for path in ("/inquiries", f"/inquiries/{one.number}"):
        assert "<script>alert" not in register.clerk.get(path).text


def test_a_reader_sees_no_inquiries(register: Register) -> None:
    one = register.office.asked()
    reader = register.house.visit(Role.READER)
    for path in ("/inquiries", f"/inquiries/{one.number}"):
        assert reader.get(path).status_code == 403


def test_ready_texts_of_the_topic_come_first_and_name_the_account() -> None:
    for language in ("ru", "en"):
        found = phrases(language, "reading", "100500")
        assert {one.key.partition("-")[0] for one in found} == set(Topic)
        assert found[0].key == "reading-1"
        assert "100500" in found[0].text
        assert not any("{" in one.text for one in phrases(language, "other"))


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_register_and_an_inquiry_can_be_read_by_everybody(
    browser: Browser, register: Register, size: tuple[int, int]
) -> None:
    one = register.office.asked(respond_on=register.office.today - DAY, customer="Анна Петрова")
    register.office.wrote(one)
    with window(browser, register.house, Role.EDITOR, size) as page:
        page.goto("/inquiries")
        assert (faults_of(page), overflow_of(page)) == ([], 0)
        page.get_by_role("link", name=one.number).click()
        assert (faults_of(page), overflow_of(page)) == ([], 0)
        page.get_by_label("Начать с готового текста").select_option(index=1)
        assert page.get_by_label("Текст", exact=True).input_value()
