"""What the specialist is told of each further letter: not an order anew, and who wrote it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.channel import ContactKind
from campaigns.inquiry.status import CloseReason
from campaigns.recipient import ContactPoint, Recipient
from dispatcher.inquiries import desk
from dispatcher.ledger import Ledger, audiences, inquiries
from tests.flow.inquiring import HEAD, OLGA, PAVEL, Office, open_office, said
from tests.flow.letters_by_hand import ANNA, letter
from tests.flow.mail_sink import MailSink, Received
from tests.flow.rehearsing import ACTOR, DAY, HOUR
from tests.flow.robot_post import DESK, Post, open_post

BORIS = "boris@example.net"
QUESTION = "Третий день нет света в доме. Когда его дадут?"


@pytest.fixture
def post(tmp_path: Path, ledger: Ledger) -> Iterator[Post]:
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink)


@pytest.fixture
def quick(tmp_path: Path, sqlite_url: str) -> Iterator[Post]:
    ledger = Ledger(sqlite_url)
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink)
    ledger.close()


@pytest.fixture
def office(ledger: Ledger, tmp_path: Path) -> Office:
    return open_office(ledger, tmp_path)


def told(post: Post) -> Received:
    """What the specialist got last."""
    post.send()
    return post.sink.to(DESK)[-1]


def lines(letter_of_ours: Received) -> str:
    return letter_of_ours.text.replace("\r\n", "\n")


def replied(post: Post, words: str, sender: str, **headers: str) -> bytes:
    """To our first answer."""
    [answer, *_] = post.answers()
    thread = {"References": answer.header("Message-ID"), **headers}
    return letter(words, sender=sender, subject="Re: свет", headers=thread)


def test_the_first_letter_is_an_order_with_its_topics_confidence(post: Post) -> None:
    post.arrive(letter(QUESTION))
    first = told(post)
    assert first.header("Subject").startswith("Обращение 2026-000001: ")
    assert first.text.startswith("Вам поручено обращение 2026-000001.")
    assert "уверенность" in first.text
    assert f"Куда отвечать: {ANNA}" in first.text


def test_what_the_customer_adds_is_called_so_with_what_was_there_before(post: Post) -> None:
    post.arrive(letter(QUESTION))
    post.wait(DAY)
    post.arrive(replied(post, "У соседей тоже темно.", ANNA))
    post.wait(HOUR)
    post.arrive(letter("И в подъезде.", subject="Re: [2026-000001]"))
    more = told(post)
    assert more.header("Subject").startswith("Клиент дополнил обращение 2026-000001: ")
    assert "Клиент дополнил обращение 2026-000001" in more.text
    assert "Писем по нему: 3." in more.text
    assert "С чего началось: «Третий день нет света в доме." in more.text
    assert "В новом письме:\n\n> И в подъезде." in lines(more)
    for wrong in ("поручено", "уверенность", "с другого"):
        assert wrong not in more.text


def test_the_same_question_again_is_called_so(post: Post) -> None:
    post.arrive(letter(QUESTION))
    post.wait(HOUR)
    post.arrive(letter(QUESTION, message_id="<again@example.org>"))
    again = told(post)
    assert again.header("Subject").startswith("Тот же вопрос снова: обращение 2026-000001")
    assert "Писем по нему: 2." in again.text
    assert "поручено" not in again.text


def test_who_writes_from_another_address_is_told_apart_and_gets_no_answer_of_staff(
    post: Post,
) -> None:
    post.known("4012345678", "Борис", BORIS)
    post.arrive(letter(QUESTION))
    post.arrive(replied(post, "Я сосед, у меня тоже.", f"Борис <{BORIS}>"))
    more = told(post)
    assert more.header("Subject").startswith("Новое письмо, обращение 2026-000001")
    assert f"не с адреса клиента, а с другого: {BORIS}" in more.text
    assert f"ответ клиенту, {ANNA}, а не туда" in more.text
    assert "Куда отвечать" not in more.text
    assert f"Адрес клиента: {ANNA}" in more.text
    assert "Клиент: Анна\n" in lines(more)
    assert "Лицевой счёт: не указан" in more.text
    [inquiry] = post.inquiries()
    assert inquiry.account_number is None
    assert desk.goes_to(post.engine, inquiry) == ANNA


def test_an_account_that_is_told_from_another_address_is_the_inquirys(post: Post) -> None:
    post.arrive(letter(QUESTION))
    post.arrive(replied(post, "Лицевой счёт 4099999999, пишу с работы.", BORIS))
    [inquiry] = post.inquiries()
    assert inquiry.account_number == "4099999999"
    assert "Лицевой счёт: 4099999999" in told(post).text


def test_another_spelling_of_the_customers_address_is_no_stranger(quick: Post) -> None:
    quick.arrive(letter(QUESTION))
    quick.arrive(replied(quick, "Ещё добавлю.", "ANNA+home@Example.org"))
    assert "с другого" not in told(quick).text


def test_a_new_letter_says_where_staffs_answer_will_go(quick: Post) -> None:
    wish = {"Reply-To": "anna@work.example.net"}
    quick.arrive(letter(QUESTION, headers=wish))
    assert "Куда отвечать: anna@work.example.net" in told(quick).text
    [inquiry] = quick.inquiries()
    assert desk.goes_to(quick.engine, inquiry) == "anna@work.example.net"


def test_an_inquiry_that_goes_on_with_one_that_is_over_names_it(quick: Post) -> None:
    quick.arrive(letter(QUESTION))
    with quick.ledger.write() as tx:
        inquiries.close(tx, 1, "olga", quick.clock.now(), CloseReason.DONE)
    quick.arrive(letter("Опять темно.", subject="Re: [2026-000001]"))
    assert (
        "поручено обращение 2026-000002. Оно продолжает обращение 2026-000001." in told(quick).text
    )


def test_after_an_interim_answer_the_day_of_the_answer_is_told(quick: Post) -> None:
    quick.arrive(letter(QUESTION))
    until = desk.today(quick.engine, quick.clock.now()) + 20 * DAY
    desk.interim(quick.engine, "2026-000001", "Проверяем сеть.", until, "olga")
    quick.arrive(letter("Жду.", subject="Re: [2026-000001]"))
    more = told(quick)
    assert more.header("Subject").endswith("ответить до 27.09.2026")
    assert "промежуточный" not in more.text


def test_a_letter_that_is_nothing_but_a_subject_shows_it_as_its_words(quick: Post) -> None:
    quick.arrive(letter("", subject="Re: Когда дадут свет на Садовой?"))
    first = told(quick)
    assert "Клиент написал:\n\n> Когда дадут свет на Садовой?" in lines(first)
    assert "прочитать" not in first.text
    assert "Когда дадут свет на Садовой?" in quick.answers()[0].text


def test_staff_are_told_the_surname_and_customers_are_not(post: Post) -> None:
    person = Recipient(
        row=2,
        account_number="4012345678",
        contact_points=(ContactPoint(ANNA, ContactKind.EMAIL),),
        name="Лидия",
        patronymic="Борисовна",
        surname="Зайцева",
    )
    now = post.clock.now()
    with post.ledger.write() as tx:
        audience = audiences.begin(tx, "list", "a.csv", (), ACTOR, now)
        audiences.add_recipients(tx, audience, [person])
        audiences.finish(tx, audience, 1, (), ACTOR, now)
    post.arrive(letter(QUESTION))
    assert "Клиент: Зайцева Лидия Борисовна" in told(post).text
    assert post.inquiries()[0].customer == "Зайцева Лидия Борисовна"
    [answer] = post.answers()
    assert "Здравствуйте, Лидия Борисовна!" in answer.text
    assert "Зайцева" not in answer.text


def test_an_inquiry_that_staff_hand_over_says_so_and_how_much_was_written(office: Office) -> None:
    one = office.asked()
    office.wrote(one)
    office.wrote(one)
    desk.assign(office.engine, one.number, PAVEL, "marina", HEAD)
    [handed] = office.owed(PAVEL)
    assert str(handed["Subject"]).startswith(f"Вам передано обращение {one.number}")
    words = said(handed)
    assert f"Вам передано обращение {one.number}. Писем по нему: 2." in words
    assert "уверенность" not in words


def test_an_inquiry_that_nobody_had_is_an_order_when_staff_give_it_to_somebody(
    office: Office,
) -> None:
    one = office.asked(person="")
    desk.assign(office.engine, one.number, OLGA, "marina")
    [order] = office.owed(OLGA)
    assert said(order).startswith(f"Вам поручено обращение {one.number}.")
