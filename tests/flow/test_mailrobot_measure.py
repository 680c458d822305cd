"""What the robot does in measure: answers that are counted, letters that nobody answers and that
somebody sees all the same, and words of which nobody knows who wrote them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from campaigns.inquiry.status import CloseReason, InquiryStatus
from campaigns.inquiry.verdict import Reason
from campaigns.stop_words import Wish
from dispatcher.ledger import Ledger, inquiries, suppressions
from dispatcher.ledger.inquiries import Inquiry
from tests.flow.letters_by_hand import ANNA, letter
from tests.flow.mail_sink import MailSink
from tests.flow.rehearsing import DAY, HOUR
from tests.flow.robot_post import DESK, Post, open_post

BORIS = "boris@example.org"
BULK = {"Precedence": "bulk"}


@pytest.fixture
def open_one(tmp_path: Path, ledger: Ledger) -> Iterator[Callable[..., Post]]:
    """With settings of the test's own, on both databases."""
    with MailSink() as sink:
        yield lambda **settings: open_post(tmp_path, ledger, sink, **settings)


@pytest.fixture
def post(open_one: Callable[..., Post]) -> Post:
    return open_one()


def from_path(address: str) -> str:
    return f"Return-Path: <{address}>\r\n"


def answer_to(post: Post, address: str = ANNA) -> str:
    """The Message-ID of the latest answer."""
    return post.answers(address)[-1].header("Message-ID")


# Answers are counted ----------------------------------------------------------------------------


def test_a_tag_in_the_address_makes_no_other_sender(open_one: Callable[..., Post]) -> None:
    post = open_one(robot_answers_per_day=3)
    for n in range(5):
        post.arrive(letter(f"Вопрос {n}", sender=f"Reply+{n}@Helpdesk.example.com"))
    assert post.reasons() == [*[Reason.LETTER] * 3, *[Reason.TOO_MANY] * 2]
    assert len(post.inquiries()) == 5
    post.wait(DAY, HOUR)
    post.arrive(letter("Новый день", sender="reply+9@helpdesk.example.com"))
    assert post.reasons()[-1] == Reason.LETTER


def test_a_program_that_writes_under_many_names_meets_the_cap_of_its_domain(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(robot_answers_per_day=1)

    def ticket(n: int) -> bytes:
        subject = f"[Ticket {n}] Re: Вопрос [2026-{n:06}]"
        return letter(f"Принято {n}", sender=f"a{n}@corp.example.com", subject=subject)

    post.arrive(*(ticket(n) for n in range(100, 112)))
    assert post.reasons() == [*[Reason.LETTER] * 10, *[Reason.TOO_MANY] * 2]
    assert len(post.inquiries()) == 12
    post.arrive(letter(sender="a@other.example.com"))
    assert post.reasons()[-1] == Reason.LETTER


def test_many_people_of_one_domain_who_write_of_their_own_accord_are_all_answered(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(robot_answers_per_day=1)
    post.arrive(*(letter(f"Вопрос {n}", sender=f"a{n}@corp.example.com") for n in range(30)))
    assert set(post.reasons()) == {Reason.LETTER}


def test_at_a_public_provider_nobody_pays_for_others(open_one: Callable[..., Post]) -> None:
    post = open_one(robot_answers_per_day=1)
    post.arrive(*(letter(f"Вопрос {n}", sender=f"a{n}@mail.ru") for n in range(12)))
    assert set(post.reasons()) == {Reason.LETTER}


def test_one_inquiry_has_so_many_answers_a_day_whoever_writes(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(robot_answers_per_day=3)
    post.arrive(letter())
    told = answer_to(post)
    for n in range(4):
        post.arrive(letter(f"И ещё {n}", sender=f"a{n}@mail.ru", in_reply_to=told))
    assert post.reasons() == [
        Reason.LETTER,
        *[Reason.FOLLOW_UP] * 2,
        *[Reason.TOO_MANY] * 2,
    ]
    assert [row.inquiry_id for row in post.rows("letters")] == [1] * 5
    assert len(post.owed("route")) == 3


def test_letters_without_a_sender_share_no_cap_but_that_of_whom_they_name(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(robot_answers_per_day=2)
    for n in range(4):
        headers = {"Reply-To": f"a{n}@mail.ru"}
        post.arrive(letter("Одно и то же, слово в слово.", sender="", headers=headers))
    assert post.reasons() == [Reason.LETTER] * 4
    assert len(post.inquiries()) == 4
    for n in range(3):
        post.arrive(letter(f"Вопрос {n}", sender="", headers={"Reply-To": BORIS}))
    assert post.reasons()[4:] == [Reason.LETTER, Reason.LETTER, Reason.TOO_MANY]


# The same question ------------------------------------------------------------------------------


def test_another_subject_or_another_file_makes_the_same_words_another_question(
    post: Post,
) -> None:
    words = "Прошу принять меры по этому адресу."
    post.arrive(letter(words, subject="Столб"), letter(words, subject="Провод"))
    post.arrive(letter(words, subject="Re: [2] fwd: Столб"), letter(words, subject="RE: Столб"))
    assert [row.inquiry_id for row in post.rows("letters")] == [1, 2, 3, 1]


def test_a_word_of_thanks_after_a_day_is_about_something_else(post: Post) -> None:
    for n, pause in enumerate((HOUR, DAY, DAY)):
        post.arrive(letter("Спасибо!", subject="", message_id=f"<{n}@example.org>"))
        post.wait(pause)
    assert [row.inquiry_id for row in post.rows("letters")] == [1, 1, 2]


# Nobody is told of somebody else ----------------------------------------------------------------


def test_who_writes_in_anothers_name_is_told_nothing_of_them(post: Post) -> None:
    """From is Anna's, the answer goes to her office."""
    post.known("4012345678", "Анна", ANNA)
    post.arrive(letter(sender=ANNA))
    post.arrive(letter("А что у меня?", sender=ANNA, above=from_path(BORIS)))
    post.arrive(letter(sender=ANNA, message_id="<2@example.org>", above=from_path(BORIS)))
    post.arrive(letter("Ещё.", sender=ANNA, subject="Re: [2026-000001]", above=from_path(BORIS)))
    assert [row.inquiry_id for row in post.rows("letters")] == [1, 2, 3, 4]
    for answer in post.answers(BORIS):
        assert "лицевого счёта" in answer.text  # as anybody is asked
        assert "Петровна" not in answer.text
        assert "2026-000001" not in answer.text.replace("Re: [2026-000001]", "")
    assert {one.account_number for one in post.inquiries()[1:]} == {None}


def stopped(post: Post) -> set[str | None]:
    with post.ledger.read() as tx:
        standing = suppressions.standing(tx, post.clock.now())
    return {one.suppression.contact_point for one in standing}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {}),
        (BORIS, {}),
        ("bounces+1@mailer.example.com", {}),
        (ANNA, {"Authentication-Results": "mx.example.com; spf=fail smtp.mailfrom=example.org"}),
        (ANNA, {"Received-SPF": "softfail (mx.example.com)"}),
    ],
)
def test_a_stop_that_anybody_may_have_written_is_for_staff(
    post: Post, path: str, headers: Mapping[str, str]
) -> None:
    above = from_path(path) if path else ""
    post.arrive(letter("СТОП", sender=ANNA, subject="", headers=headers, above=above))
    assert stopped(post) == set()
    [inquiry] = post.inquiries()
    assert (inquiry.kind, inquiry.status) == (Wish.QUESTION, InquiryStatus.ROUTED)
    assert len(post.owed("route")) == 1
    [answer] = post.answers(BORIS if path == BORIS else ANNA)
    assert "отключена" not in answer.header("Subject")


def test_a_stop_from_the_senders_own_mailbox_is_obeyed(post: Post) -> None:
    checked = {"Authentication-Results": "mx.example.com; spf=pass; dkim=pass; dmarc=pass"}
    post.arrive(letter("СТОП", subject="", headers=checked, above=from_path(ANNA)))
    assert stopped(post) == {ANNA}


# Silent, and seen -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "subject", "reason"),
    [
        (BULK, "Re: счёт", Reason.PRECEDENCE),
        ({"List-Id": "<office.example.org>"}, "Re: счёт", Reason.MAILING_LIST),
        ({"X-Auto-Response-Suppress": "All"}, "Re: счёт", Reason.SUPPRESS_HEADER),
        ({"X-Autoreply": "yes"}, "Re: счёт", Reason.AUTO_HEADER),
        ({}, "Автоответ: Re: счёт", Reason.OUT_OF_OFFICE),
    ],
)
def test_what_is_not_answered_belongs_to_its_inquiry_and_goes_to_the_specialist(
    post: Post, headers: Mapping[str, str], subject: str, reason: Reason
) -> None:
    post.arrive(letter())
    told = answer_to(post)
    post.arrive(letter("Уже дали.", subject=subject, headers=headers, in_reply_to=told))
    assert post.reasons()[1] == reason
    assert [row.inquiry_id for row in post.rows("letters")] == [1, 1]
    assert len(post.answers()) == 1
    assert len(post.sink.to(DESK)) == 2


@pytest.mark.parametrize(
    ("headers", "above"),
    [
        ({"Auto-Submitted": "auto-replied"}, ""),
        ({"X-Spam-Flag": "YES"}, ""),
        ({"X-Loop": "info@example.com"}, ""),
        ({}, from_path("")),
    ],
)
def test_reports_spam_and_what_programs_surely_wrote_reach_nobody(
    post: Post, headers: Mapping[str, str], above: str
) -> None:
    post.arrive(letter())
    told = answer_to(post)
    post.arrive(letter("Уже дали.", headers=headers, in_reply_to=told, above=above))
    assert [row.inquiry_id for row in post.rows("letters")] == [1, None]
    assert len(post.owed("route")) == 1


def test_two_programs_that_write_for_ever_fill_no_specialists_mailbox(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(robot_answers_per_day=3)
    post.arrive(letter())
    told = answer_to(post)
    for n in range(6):
        post.arrive(letter(f"Нет меня {n}", headers=BULK, in_reply_to=told))
    assert {row.inquiry_id for row in post.rows("letters")} == {1}
    assert len(post.owed("route")) == 3


def test_a_specialists_own_program_gets_no_letter_for_its_letter(post: Post) -> None:
    post.arrive(letter())
    passed = post.rows("outbox")[-1]
    with post.ledger.write() as tx:
        held: Inquiry = inquiries.hold(tx, 1)
        inquiries.change(tx, held, held.status, person="olga@example.net")
    away = letter(
        "Меня нет.", sender="Olga+x@example.net", headers=BULK, in_reply_to=passed.message_id
    )
    post.arrive(away)
    assert [row.inquiry_id for row in post.rows("letters")] == [1, 1]
    assert len(post.owed("route")) == 1


def test_a_newsletter_is_registered_by_nobody(post: Post) -> None:
    post.arrive(letter("Прошу обратить внимание на скидки?", headers=BULK))
    assert (post.reasons(), post.inquiries()) == ([Reason.PRECEDENCE], [])


def test_who_is_away_and_asks_is_registered_and_not_answered(post: Post) -> None:
    away = "В отпуске до 15 июля"
    post.arrive(letter("Вернусь 16 июля.", subject=away))
    assert post.inquiries() == []
    post.arrive(letter("Прошу не отключать, оплачу после отпуска.", subject=away))
    assert post.reasons() == [Reason.OUT_OF_OFFICE] * 2
    [inquiry] = post.inquiries()
    assert (inquiry.status, inquiry.contact_point) == (InquiryStatus.ROUTED, ANNA)
    assert post.answers() == []
    assert len(post.sink.to(DESK)) == 1


def test_of_an_answer_to_what_is_over_only_a_request_is_registered(post: Post) -> None:
    post.arrive(letter())
    told = answer_to(post)
    with post.ledger.write() as tx:
        inquiries.close(tx, 1, "olga", post.clock.now(), CloseReason.ANSWERED)
    post.arrive(letter("Принято.", headers=BULK, in_reply_to=told))
    post.arrive(letter("Почему опять темно?", headers=BULK, in_reply_to=told))
    assert [row.inquiry_id for row in post.rows("letters")] == [1, None, 2]
    assert post.inquiries()[1].follows_id == 1
