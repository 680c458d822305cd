"""From values to a letter in the outbox: its envelope, its headers and the tokens it bears."""

import email
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.rules import Branch, InquiryRules, Topic
from campaigns.inquiry.status import InquiryChannel, Missing
from campaigns.stop_words import Wish
from channels.base import HandoverKind, MailMessage
from channels.email.smtp import SmtpChannel
from channels.sandbox import Sandbox
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.inquiries.writing import (
    attempt_key_of_message_id,
    inquiry_of_message_id,
    loop_mark,
    number_in,
    values_of,
    write,
    wrote,
)
from dispatcher.ledger import Ledger, inquiries, outbox
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.ledger.outbox import MailKind, Owed
from dispatcher.settings import Settings
from dispatcher.tokens import TokenFor, sign
from templates.answers import FOR_STAFF, WRITTEN_BY_STAFF, AnswerKind, AnswerValues
from templates.errors import RenderError
from tests.channels.twins import deliver

NOW = datetime(2026, 12, 1, 9, 0, 5, tzinfo=UTC)
ANNA = Mailbox("anna@example.com", "Купите на http://spam.example")
AUTOMATIC = sorted(set(AnswerKind) - FOR_STAFF - WRITTEN_BY_STAFF)
WORDS = AnswerValues(
    number="2026-000123",
    name="Анна",
    patronymic="Петровна",
    topic="billing",
    question="Откуда такая сумма?",
    text="Мы проверили.",
    due_on=date(2026, 12, 4),
)
ASKED = Letter(
    message_id="<q2@example.com>",
    references=("<q1@example.com>",),
    subject="Сумма",
    senders=(ANNA,),
)


def engine_over(ledger: Ledger, folder: Path, **settings: object) -> Engine:
    values: dict[str, object] = {"mail_from": "info@example.ru", **settings}
    return Engine(
        settings=Settings(_env_file=None, data_dir=folder, **values),  # type: ignore[arg-type]
        ledger=ledger,
        clock=SimulatedClock(NOW),
        channels={},
        receipts_url="http://127.0.0.1:1",
        secret="for tests only",
    )


@pytest.fixture
def engine(tmp_path: Path, sqlite_url: str) -> Iterator[Engine]:
    ledger = Ledger(sqlite_url)
    yield engine_over(ledger, tmp_path)
    ledger.close()


def written(
    engine: Engine, kind: AnswerKind = AnswerKind.ACKNOWLEDGEMENT, **changes: object
) -> Owed:
    arguments: dict[str, object] = {
        "occasion": "ack:1",
        "recipient": ANNA,
        "words": WORDS,
        "inquiry_id": 123,
        "letter": ASKED,
        "now": NOW,
        **changes,
    }
    return write(engine, kind, **arguments)  # type: ignore[arg-type]


def read(owed: Owed) -> EmailMessage:
    return email.message_from_bytes(owed.content, policy=default)


def text_of(owed: Owed) -> str:
    return str(cast(EmailMessage, read(owed).get_body(("plain",))).get_content())


def lines_of(owed: Owed) -> str:
    return text_of(owed).replace("\r\n", "\n")


@pytest.mark.parametrize("kind", AUTOMATIC)
def test_an_automatic_answer_cannot_be_answered_and_says_what_it_is(
    engine: Engine, kind: AnswerKind
) -> None:
    owed = written(engine, kind)
    assert (owed.sender, owed.recipient) == ("", "anna@example.com")
    assert owed.kind is MailKind.ACKNOWLEDGEMENT
    message = read(owed)
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Loop"] == loop_mark(engine) == "info@example.ru"
    assert message["In-Reply-To"] == "<q2@example.com>"
    assert message["References"].split() == ["<q1@example.com>", "<q2@example.com>"]
    assert message["Reply-To"] == "info@example.ru"
    assert message["Message-ID"] == owed.message_id


@pytest.mark.parametrize(
    ("kind", "mail_kind", "auto_submitted"),
    [
        (AnswerKind.ANSWER, MailKind.ANSWER, None),
        (AnswerKind.INTERIM, MailKind.INTERIM, None),
        (AnswerKind.ROUTE, MailKind.ROUTE, "auto-generated"),
        (AnswerKind.REMINDER, MailKind.REMINDER, "auto-generated"),
    ],
)
def test_what_staff_write_or_get_can_come_back(
    engine: Engine, kind: AnswerKind, mail_kind: MailKind, auto_submitted: str | None
) -> None:
    owed = written(engine, kind)
    assert (owed.sender, owed.kind) == ("info@example.ru", mail_kind)
    assert read(owed)["Auto-Submitted"] == auto_submitted


@pytest.mark.parametrize("kind", sorted(set(AnswerKind) - FOR_STAFF))
def test_the_name_before_the_address_is_the_bases_and_never_the_letters(
    engine: Engine, kind: AnswerKind
) -> None:
    assert read(written(engine, kind))["To"] == "Анна Петровна <anna@example.com>"
    stranger = replace(WORDS, name="", patronymic="")
    assert read(written(engine, kind, words=stranger))["To"] == "anna@example.com"
    pushy = replace(WORDS, name="Купите на spam.ru")
    assert read(written(engine, kind, words=pushy))["To"] == "anna@example.com"


def test_the_letters_subject_is_answered_when_the_values_have_none(engine: Engine) -> None:
    assert read(written(engine))["Subject"] == "Re: Сумма [2026-000123]"
    other = replace(WORDS, subject="Другое")
    assert read(written(engine, words=other))["Subject"] == "Re: Другое [2026-000123]"
    assert number_in(read(written(engine))["Subject"]) == "2026-000123"


def test_what_answers_no_letter_begins_a_thread(engine: Engine) -> None:
    message = read(written(engine, AnswerKind.FORM, letter=None))
    assert "In-Reply-To" not in message
    assert "References" not in message


def test_replies_go_where_the_settings_say(engine: Engine, tmp_path: Path) -> None:
    other = engine_over(engine.ledger, tmp_path, mail_reply_to="answer@example.ru")
    assert read(written(other))["Reply-To"] == "answer@example.ru"


def test_staff_read_the_language_of_the_house_and_customers_their_own(engine: Engine) -> None:
    english = replace(WORDS, language="en")
    assert "Hello" in text_of(written(engine, words=english))
    assert read(written(engine, AnswerKind.ROUTE, words=english))["Subject"].startswith("Обращение")


def test_an_english_answer_is_signed_in_latin_letters_and_a_russian_one_as_it_is(
    tmp_path: Path, sqlite_url: str
) -> None:
    house = {
        "company": "Энергосбыт",
        "company_signer": "Ирина Петрова",
        "company_signer_post": "начальник отдела",
    }
    english = replace(WORDS, language="en", branch="")
    with closing(Ledger(sqlite_url)) as ledger:
        plain = engine_over(ledger, tmp_path, **house)
        named = engine_over(
            ledger,
            tmp_path,
            **house,
            company_en="Energosbyt PLC",
            company_signer_en="Irene Petrov",
            company_signer_post_en="Head of Service",
        )
        told = written(plain, words=english)
        assert "Irina Petrova\nCustomer service\nEnergosbyt\n" in lines_of(told)
        assert str(read(told)["From"]).startswith("Energosbyt <")
        told = written(named, words=english)
        assert "Irene Petrov\nHead of Service\nEnergosbyt PLC\n" in lines_of(told)
        assert str(read(told)["From"]).startswith("Energosbyt PLC <")
        assert "Ирина Петрова\nначальник отдела\nЭнергосбыт\n" in lines_of(written(named))


def test_the_letter_of_the_customer_goes_along_to_the_specialist(engine: Engine) -> None:
    owed = written(engine, AnswerKind.ROUTE, attachment=("2026-000123.eml", b"From: x\r\n\r\n\x00"))
    [file] = read(owed).iter_attachments()
    assert file.get_filename() == "2026-000123.eml"
    assert file.get_content() == b"From: x\r\n\r\n\x00"


def test_the_same_occasion_makes_the_same_letter_and_another_one_another_name(
    engine: Engine,
) -> None:
    assert written(engine) == written(engine)
    assert written(engine).message_id != written(engine, occasion="ack:2").message_id


def test_the_time_of_the_question_is_kept_and_without_one_it_is_now(engine: Engine) -> None:
    earlier = NOW - timedelta(seconds=5)
    assert written(engine, asked_at=earlier, letter_id=7).asked_at == earlier
    assert written(engine, letter_id=7).letter_id == 7
    assert written(engine).asked_at == NOW


@pytest.mark.parametrize(
    "address", ["", "anna", "a b@example.com", '"a b"@example.com', "a@b\r\nX: y"]
)
def test_an_address_that_no_header_carries_is_refused_without_being_repeated(
    engine: Engine, address: str
) -> None:
    with pytest.raises(RenderError) as refused:
        written(engine, recipient=Mailbox(address))
    assert not address or address not in str(refused.value)


def test_without_any_setting_an_answer_can_still_be_looked_at(
    engine: Engine, tmp_path: Path
) -> None:
    bare = engine_over(engine.ledger, tmp_path, mail_from="")
    assert "2026-000123" in read(written(bare))["Subject"]


# --- whose letter it is ---------------------------------------------------------------------


def test_a_letter_of_ours_tells_its_inquiry(engine: Engine) -> None:
    message_id = written(engine).message_id
    assert inquiry_of_message_id(engine, message_id) == 123
    assert wrote(engine, message_id)
    assert attempt_key_of_message_id(engine, message_id) is None


def test_a_letter_about_no_inquiry_is_ours_all_the_same(engine: Engine) -> None:
    message_id = written(engine, AnswerKind.STOPPED, inquiry_id=None).message_id
    assert inquiry_of_message_id(engine, message_id) is None
    assert wrote(engine, message_id)


def test_a_campaigns_letter_tells_its_attempt(engine: Engine) -> None:
    message_id = f"<{sign(engine.secret, TokenFor.MESSAGE_ID, '17-2')}@example.ru>"
    assert attempt_key_of_message_id(engine, message_id) == (17, 2)
    assert inquiry_of_message_id(engine, message_id) is None
    assert wrote(engine, message_id)


def test_a_token_for_something_else_or_of_somebody_else_proves_nothing(engine: Engine) -> None:
    forged = [
        f"<{sign(engine.secret, TokenFor.BOUNCE, '17-2')}@example.ru>",
        f"<{sign(engine.secret, TokenFor.UNSUBSCRIBE, '17-2')}@example.ru>",
        f"<{sign('another secret', TokenFor.MESSAGE_ID, '17-2')}@example.ru>",
        f"<{sign('another secret', TokenFor.INQUIRY, '123-0123456789')}@example.ru>",
        written(engine).message_id.replace("<123-", "<124-"),
        "x" * 1_000_000,
    ]
    for message_id in forged:
        assert not wrote(engine, message_id)
        assert inquiry_of_message_id(engine, message_id) is None
        assert attempt_key_of_message_id(engine, message_id) is None


@given(message_id=st.text(max_size=300))
def test_no_message_id_of_a_stranger_breaks_anything(message_id: str) -> None:
    class Secret:
        secret = "for tests only"

    stranger = cast(Engine, Secret())
    assert not wrote(stranger, message_id)
    assert inquiry_of_message_id(stranger, message_id) is None


# --- with the ledger, and over the wire -----------------------------------------------------


def test_an_inquiry_of_the_ledger_is_written_about_with_its_branch(
    ledger: Ledger, tmp_path: Path
) -> None:
    engine = engine_over(ledger, tmp_path)
    engine.inquiry_rules = InquiryRules(
        branches=(Branch("Заводской", phone="+73822123456", hours="пн–пт 8–20"),)
    )
    late = datetime(2026, 11, 30, 22, 30, tzinfo=UTC)  # 1 December in Moscow
    new = NewInquiry(
        channel=InquiryChannel.EMAIL,
        provider="info",
        reference="<q@example.com>",
        contact_point="anna@example.com",
        kind=Wish.QUESTION,
        text="Откуда такая сумма?",
        subject="Сумма",
        topic=Topic.BILLING,
        branch="Заводской",
        missing=(Missing.ACCOUNT,),
        answer_on=date(2026, 12, 14),
    )
    with ledger.write() as tx:
        inquiry_id = inquiries.register(tx, new, "2026-000001", late)
        words = values_of(engine, inquiries.get(tx, inquiry_id), name="Анна")
        owed = written(engine, words=words, inquiry_id=inquiry_id)
        assert outbox.owe(tx, owed, NOW) is not None
        assert outbox.owe(tx, owed, NOW) is None
        [claimed] = outbox.claim(tx, "robot", NOW)
    assert (claimed.sender, claimed.content) == ("", owed.content)
    assert words.received_on == date(2026, 12, 1)
    text = text_of(owed)
    for told in ("2026-000001", "Анна!", "начисления", "14 декабря", "пн–пт 8–20", "212-34-56"):
        assert told in text


def test_an_answer_is_taken_by_a_real_mail_server(engine: Engine) -> None:
    owed = [
        written(engine, kind, recipient=Mailbox(point))
        for kind in AnswerKind
        for point in ("good@example.com", "good-иван@почта.рф")
    ]
    messages = [
        MailMessage("", one.recipient, one.sender, one.message_id, one.content) for one in owed
    ]
    with Sandbox(lambda: NOW, simulated=True) as sandbox:
        channel = SmtpChannel("127.0.0.1", sandbox.smtp_port, tls="none")
        handovers = deliver(channel, *messages)
        assert len(sandbox.received) == len(owed)
    assert {handover.kind for handover in handovers} == {HandoverKind.ACCEPTED}
