"""Further letters that were judged wrongly once, each with what must become of it."""

import time
from dataclasses import replace

import pytest

from campaigns.inquiry.address import is_no_reply
from campaigns.inquiry.judgement import judge
from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.verdict import History, House, Reason

HOUSE = House(
    addresses=frozenset({"robot@energo.example"}),
    loop_mark="robot@energo.example",
    spam_headers={},
    wrote=lambda _message_id: False,
)
IVAN = Letter(
    message_id="<1@mail.example>",
    senders=(Mailbox("ivan@mail.example", "Иван"),),
    return_path="ivan@mail.example",
    subject="Нет света",
    words="Нет света с утра",
)


def told(letter: Letter) -> Reason:
    return judge(letter, HOUSE, History(), is_report=False).reason


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("x-google-group-id", "123456789", Reason.MAILING_LIST),
        ("x-sympa-to", "news@lists.example", Reason.MAILING_LIST),
        ("x-listserver", "CommuniGate Pro LIST 5.0", Reason.MAILING_LIST),
        ("x-list-administrivia", "yes", Reason.MAILING_LIST),
        ("x-mailman-version", "2.1.9", Reason.MAILING_LIST),
        ("x-majordomo", "1.94.4", Reason.MAILING_LIST),
        ("auto-reply", "yes", Reason.AUTO_HEADER),
        ("autoreply", "1", Reason.AUTO_HEADER),
        ("x-vacation", "yes", Reason.AUTO_HEADER),
        ("x-yandex-autoreply", "yes", Reason.AUTO_HEADER),
        ("x-yandex-auto-reply", "yes", Reason.AUTO_HEADER),
        ("x-autoreply-id", "17", Reason.AUTO_HEADER),
        ("x-auto-response-from", "x@y.example", Reason.AUTO_HEADER),
        # Nothing that a program on the way may not have written under a person's letter.
        ("auto-reply", "no", Reason.LETTER),
        ("x-vacation", "no", Reason.LETTER),
        ("x-yandex-autoreply", "0", Reason.LETTER),
        ("x-auto-response-suppress", "DR, RN", Reason.LETTER),
        ("x-listening-to", "music", Reason.LETTER),
        ("x-google-dkim-signature", "v=1", Reason.LETTER),
        ("x-yandex-fwd", "1", Reason.LETTER),
        ("x-vacationer", "Ivan", Reason.LETTER),
        ("auto-submitted", '"no"', Reason.LETTER),
        ("auto-submitted", '"No"; x=y', Reason.LETTER),
        ("auto-submitted", '"auto-replied"', Reason.AUTO_SUBMITTED),
        ("auto-submitted", '"', Reason.AUTO_SUBMITTED),
    ],
)
def test_a_header_decides(name: str, value: str, reason: Reason) -> None:
    assert told(replace(IVAN, headers={name: (value,)})) is reason


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@firm.example", Reason.MAIL_SYSTEM),
        ("microsoftexchange@firm.example", Reason.LETTER),
        ("system.administrator@firm.example", Reason.LETTER),  # may be a person; see bounces
        ("noreplyev@mail.example", Reason.LETTER),
        ("noreplyeva@mail.example", Reason.LETTER),
        ("noreplyakov77@mail.example", Reason.LETTER),
        ("noreplyov+bill@mail.example", Reason.LETTER),
        ("noreplyadmin@mail.example", Reason.NO_REPLY),
        ("noreplyservice@mail.example", Reason.NO_REPLY),
        ("noreplyev-noreply@mail.example", Reason.NO_REPLY),
        ("noreply77@mail.example", Reason.NO_REPLY),
    ],
)
def test_a_sender_decides(address: str, reason: Reason) -> None:
    assert told(replace(IVAN, senders=(Mailbox(address),), return_path=address)) is reason


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("Сообщение об отсутствии: счёт", Reason.OUT_OF_OFFICE),
        ("Ответ автоответчика: счёт", Reason.OUT_OF_OFFICE),
        ("Auto: payment question", Reason.LETTER),
        ("Автоответ: почему мне не отвечает человек?", Reason.LETTER),
    ],
)
def test_a_subject_decides(subject: str, reason: Reason) -> None:
    assert told(replace(IVAN, subject=subject)) is reason


@pytest.mark.parametrize("local", ["noreplynik" * 100_000, "noreply" + "s" * 1_000_000])
def test_a_megabyte_of_an_address_takes_no_time(local: str) -> None:
    started = time.perf_counter()
    is_no_reply(f"{local}@mail.example")
    assert time.perf_counter() - started < 0.5
