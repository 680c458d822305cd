"""Registering inquiries: a number without gaps, and a question sorted on its way, over both
databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from campaigns.channel import ContactKind
from campaigns.inquiry.rules import Branch, InquiryRules, Route, Topic
from campaigns.inquiry.rules_file import read_rules
from campaigns.inquiry.sorting import Asked, Known
from campaigns.inquiry.status import InquiryChannel, InquiryStatus, Missing
from campaigns.recipient import ContactPoint, Recipient, Segment
from campaigns.stop_words import Wish
from channels.base import Inbound
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.inbound import take_in
from dispatcher.inquiries.registering import Registered, classifier, register, sorted_for
from dispatcher.ledger import Ledger, audiences, calendar, inquiries
from dispatcher.ledger.inquiries import Inquiry, NewInquiry
from dispatcher.settings import Settings
from dispatcher.wiring import make_inquiry_rules
from templates.problem import Refused
from tests.flow.conftest import Rehearse

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)  # a Friday
TOMSK = "Томское отделение"
RULES = InquiryRules(
    topics=read_rules(None).topics,
    routes=(
        Route("tomsk@example.com", "head@example.com", branches=(TOMSK,)),
        Route("bills@example.com", topics=(Topic.BILLING,)),
    ),
    branches=(Branch(TOMSK, "+73822000000", accounts=("55",)),),
)
SMS = NewInquiry(InquiryChannel.SMS, "smsaero", "1", "+79160000001", Wish.QUESTION, "нет света")


@pytest.fixture
def engine(ledger: Ledger, tmp_path: Path) -> Engine:
    return Engine(
        settings=Settings(_env_file=None, data_dir=tmp_path, inquiries_to="desk@example.com"),
        ledger=ledger,
        clock=SimulatedClock(NOW),
        channels={},
        receipts_url="http://127.0.0.1",
        secret="a secret that is long enough",
        inquiry_rules=RULES,
    )


def file(engine: Engine, new: NewInquiry, now: datetime = NOW) -> tuple[Registered, Inquiry]:
    with engine.ledger.write() as tx:
        done = register(tx, engine, new, now)
    with engine.ledger.read() as tx:
        return done, inquiries.get(tx, done.id)


def import_customer(engine: Engine, account: str, branch: str, segment: Segment) -> None:
    person = Recipient(
        row=2,
        account_number=account,
        contact_points=(ContactPoint("anna@example.com", ContactKind.EMAIL),),
        name="Анна",
        patronymic="Петровна",
        branch=branch,
        segment=segment,
    )
    with engine.ledger.write() as tx:
        audience_id = audiences.begin(tx, "base", "base.csv", ["ЛС"], "test", NOW)
        audiences.add_recipients(tx, audience_id, [person])
        audiences.finish(tx, audience_id, 1, [], "test", NOW)


def test_a_question_by_sms_gets_a_topic_a_person_and_deadlines(engine: Engine) -> None:
    done, inquiry = file(engine, SMS)
    assert (done.number, inquiry.number) == ("2026-000001", "2026-000001")
    assert (inquiry.topic, inquiry.confidence > 0.5) == (Topic.OUTAGE, True)
    assert (inquiry.person, inquiry.head) == ("desk@example.com", "")
    assert (inquiry.respond_on, inquiry.answer_on) == (date(2026, 11, 23), date(2026, 12, 4))
    assert inquiry.missing == (Missing.ACCOUNT,)
    assert inquiry.status is InquiryStatus.ROUTED
    assert done.new is not None
    assert done.new.topic is Topic.OUTAGE


def test_whose_account_is_known_is_sorted_by_the_base(engine: Engine) -> None:
    import_customer(engine, "1234567890", TOMSK, Segment.BUSINESS)
    _done, inquiry = file(engine, replace(SMS, account_number="1234567890"))
    assert (inquiry.branch, inquiry.segment) == (TOMSK, "business")
    assert (inquiry.person, inquiry.head) == ("tomsk@example.com", "head@example.com")
    assert inquiry.missing == ()


def test_an_account_that_no_list_has_still_tells_the_branch(engine: Engine) -> None:
    _done, inquiry = file(engine, replace(SMS, account_number="5500000001"))
    assert (inquiry.account_number, inquiry.branch) == ("5500000001", TOMSK)
    assert inquiry.person == "tomsk@example.com"


def test_account_and_readings_in_the_words_are_written_down(engine: Engine) -> None:
    text = "л/с 5500000001 день 1234 ночь 567"
    _done, inquiry = file(engine, replace(SMS, text=text))
    assert (inquiry.account_number, inquiry.topic) == ("5500000001", Topic.READING)
    assert inquiry.readings == ("T1 1234", "T2 567")


@pytest.mark.parametrize("kind", [Wish.STOP, Wish.UNREADABLE])
def test_a_stop_and_what_nobody_can_read_are_not_sorted(engine: Engine, kind: Wish) -> None:
    done, inquiry = file(engine, replace(SMS, kind=kind))
    assert (inquiry.topic, inquiry.person, inquiry.answer_on) == (Topic.OTHER, "", None)
    assert done.number == "2026-000001"


def test_what_the_caller_sorted_stays_as_it_is(engine: Engine) -> None:
    sorted_before = replace(
        SMS, topic=Topic.THANKS, confidence=0.3, person="a@example.com", answer_on=date(2027, 1, 1)
    )
    done, inquiry = file(engine, sorted_before)
    assert done.new == sorted_before
    assert (inquiry.topic, inquiry.person, inquiry.head) == (Topic.THANKS, "a@example.com", "")


def test_a_topic_that_was_chosen_is_routed_as_such(engine: Engine) -> None:
    _done, inquiry = file(engine, replace(SMS, topic=Topic.BILLING, confidence=1.0))
    assert (inquiry.topic, inquiry.confidence) == (Topic.BILLING, 1.0)
    assert inquiry.person == "bills@example.com"


def test_the_day_and_the_year_are_those_of_the_houses_zone(engine: Engine) -> None:
    midnight = datetime(2026, 12, 31, 21, 30, tzinfo=UTC)  # in Moscow it is the new year
    done, inquiry = file(engine, SMS, midnight)
    assert done.number == "2027-000001"
    assert inquiry.respond_on == date(2027, 1, 4)


def test_sorting_writes_nothing_and_heeds_the_holidays_that_staff_corrected(
    engine: Engine,
) -> None:
    asked = Asked(InquiryChannel.FORM, words="Прошу перерасчёт")
    known = Known("5500000001", branch=TOMSK)
    with engine.ledger.write() as tx:
        before = sorted_for(engine, tx, asked, known, NOW)
        calendar.correct(tx, date(2026, 11, 24), True, "a local holiday", "test", NOW)
        after = sorted_for(engine, tx, asked, known, NOW)
    assert (before.topic, before.person) == (Topic.BILLING, "tomsk@example.com")
    assert before.branch_phone == "+73822000000"
    assert (before.respond_on, after.respond_on) == (date(2026, 11, 25), date(2026, 11, 26))
    assert file(engine, SMS)[0].number == "2026-000001"


def test_the_rules_are_made_ready_once() -> None:
    assert classifier(RULES) is classifier(replace(RULES))


def test_numbers_have_no_gaps_when_many_register_at_once(engine: Engine) -> None:
    together = threading.Barrier(4)

    def one(number: int) -> str:
        together.wait(30)
        with engine.ledger.write() as tx:
            return register(tx, engine, replace(SMS, reference=str(number)), NOW).number

    with ThreadPoolExecutor(4) as threads:
        numbers = sorted(threads.map(one, range(4)))
    assert numbers == [f"2026-00000{n}" for n in range(1, 5)]


def test_what_customers_write_by_sms_is_sorted_on_the_whole_way(rehearse: Rehearse) -> None:
    rehearsal = rehearse(inquiries_to="desk@example.com")
    take_in(rehearsal.engine, "smsaero", Inbound("1", "+79160000001", "Жалоба! Нет света"))
    with rehearsal.ledger.read() as tx:
        inquiry = inquiries.get(tx, 1)
    assert (inquiry.topic, inquiry.person) == (Topic.COMPLAINT, "desk@example.com")
    assert inquiry.answer_on is not None


def test_the_staffs_file_is_read_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "inquiries.toml"
    path.write_text('[[route]]\nperson = "a@example.com"', "utf-8")
    settings = Settings(_env_file=None, data_dir=tmp_path, inquiries_file=path)
    assert make_inquiry_rules(settings).routes == (Route("a@example.com"),)
    path.write_text("[[rout]]", "utf-8")
    with pytest.raises(Refused):
        make_inquiry_rules(settings)
