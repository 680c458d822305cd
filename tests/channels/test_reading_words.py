"""What the sender wrote this time, told from what is quoted, forwarded and signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mailbox.quotes import own_words
from tests.channels.letters import from_file, words_of

OWN = "Уже оплатил вчера."
QUOTED = "Ваш долг 1 234,56 ₽."


@pytest.mark.parametrize(
    "mark",
    [
        "пт, 20 нояб. 2026 г. в 12:30, Энергосбыт <info@example.org>:",
        "пт, 20 нояб. 2026 г. в 12:30, Энергосбыт Северный филиал <\ninfo@example.org>:",
        '20.11.2026, 12:30, "Энергосбыт" <info@example.org>:',
        "Пятница, 20 ноября 2026, 12:30 +03:00 от Энергосбыт <info@example.org>:",
        "Энергосбыт <info@example.org> писал(а) 20.11.2026 12:30:",
        "On Fri, Nov 20, 2026 at 12:30 PM Energo <info@example.org> wrote:",
        "On Fri, Nov 20, 2026 at 12:30 PM Energo Company of the North\n<info@example.org> wrote:",
        "-----Original Message-----",
        "-----Исходное сообщение-----\nОт: Энергосбыт\nОтправлено: 20.11.2026\nКому: Иван\nТема: a",
        "----- Исходное сообщение -----",
        "________________________________\nОт: Энергосбыт <info@example.org>\n"
        "Отправлено: 20 ноября 2026 г. 12:30\nКому: Иван\nТема: Счёт\n",
        "*From:* Energo <info@example.org>\n*Sent:* Friday\n*To:* Ivan\n*Subject:* Bill\n",
        "От: Энергосбыт\nДата: 20.11.2026\nКому: Иван\nКопия: Пётр\nТема: Счёт",
        "---------- Forwarded message ---------\nОт: Энергосбыт <info@example.org>\n"
        "Date: пт, 20 нояб. 2026 г. в 12:30\nSubject: Счёт\nTo: <ivan@example.com>",
        "-------- Пересылаемое сообщение --------",
        "Begin forwarded message:",
    ],
)
def test_what_stands_below_a_mark_is_not_the_senders(mark: str) -> None:
    assert words_of(f"{OWN}\n\n{mark}\n{QUOTED}\nЕщё строка\n") == OWN


@pytest.mark.parametrize(
    "mark",
    [
        "20.11.2026 12:30, Энергосбыт пишет:",
        "Вы писали 20 ноября 2026 г., 12:30:",
        "Иван Петров писал 2026-11-20 12:30:",
        "On 20/11/2026 12:30, Energo wrote:",
    ],
)
def test_a_line_that_names_no_address_is_believed_where_quoted_lines_follow(mark: str) -> None:
    assert words_of(f"{OWN}\n\n{mark}\n> {QUOTED}\n> ещё\n") == OWN


@pytest.mark.parametrize("sign", ["> ", ">", ">> ", " > ", "ИП> ", "› "])
def test_answers_between_quoted_lines_are_all_kept(sign: str) -> None:
    text = f"пт, 20 нояб. 2026 г. в 12:30, E <e@example.org>:\n{sign}раз?\nДа.\n{sign}два?\nНет."
    assert words_of(text) == "Да.\nНет."


@pytest.mark.parametrize(
    "end",
    [
        "-- \nИван Петров\nинженер",
        "--\nОтправлено из Почты Mail.ru",
        "С уважением,\nИван Петров",
        "С уважением, Иван",
        "Best regards,\nIvan",
        "Отправлено с iPhone",
        "Sent from my iPhone",
        "-- \nИван\n\n20.11.2026, 12:30, E <e@example.org>:\n> долг",
    ],
)
def test_signatures_are_cut(end: str) -> None:
    assert words_of(f"{OWN}\n\n{end}\n") == OWN


@pytest.mark.parametrize(
    "text",
    [
        "Первое.\n--\n" + "\n".join(f"строка {number}" for number in range(40)),
        "С уважением отношусь к вашей работе, но счёт неверен: " + "почему так? " * 30,
        "20 ноября ваш оператор написал:\nоплатите до пятницы.\nЭто неправда.",
        "Вчера в 12:30 мастер сообщил:\nпридёт завтра.",
        "От: Иванова И. И.\nКому: начальнику\nНе могу дозвониться.",
        "Пишу на 5 > 3 и жду.",
        "-> сюда",
    ],
)
def test_what_only_looks_like_a_mark_is_kept(text: str) -> None:
    assert words_of(text) == text.strip()


def test_a_long_farewell_is_words() -> None:
    text = "Вопрос.\nС уважением,\n" + "и ещё одно: где мой счёт, где перерасчёт? " * 10
    assert words_of(text) == text.strip()


def test_a_forward_without_words_has_those_of_the_forwarded_letter() -> None:
    assert from_file("forwarded-yandex").words == (
        "В подъезде нет света со вчерашнего дня.\nПрошу принять меры."
    )
    head = "От: Мария <m@example.com>\nДата: пт, 20 нояб. 2026\nТема: Свет\nКому: Иван\n"
    text = f"---------- Forwarded message ---------\n{head}\nНет света.\n\n-- \nМария"
    assert words_of(text) == "Нет света."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("> Нет света.\n> Когда?", "Нет света.\nКогда?"),
        ("-- \nНет света.", "-- \nНет света."),
        ("С уважением, Иван", "С уважением, Иван"),
        ("> ", ">"),
        ("", ""),
    ],
)
def test_a_letter_of_nothing_but_marks_is_never_without_words(text: str, words: str) -> None:
    assert words_of(text).replace("-- \n", "--\n") == words.replace("-- \n", "--\n")


_LINES = st.sampled_from(
    [
        "", "> цитата", "Да.", "-- ", "С уважением,", "-----Original Message-----", "От: a",
        "Отправлено: b", "Тема: c", "20.11.2026 12:30 <a@example.com>:", "On a wrote:", ">", "x:",
    ]
)  # fmt: skip


@given(st.lists(_LINES, max_size=30), st.integers(0, 200))
def test_words_are_bounded_and_never_empty_where_there_is_something(
    lines: list[str], most: int
) -> None:
    text = "\n".join(lines)
    words = own_words(text, most)
    assert len(words) <= most
    assert bool(words) == bool(text.strip() and most)
    for line in words.split("\n"):
        assert line in text
