"""Numbers as a voice says them."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import speech


@pytest.mark.parametrize(
    ("kopecks", "said"),
    [
        (0, "ноль рублей"),
        (1, "одна копейка"),
        (2, "две копейки"),
        (11, "одиннадцать копеек"),
        (100, "один рубль"),
        (200, "два рубля"),
        (421, "четыре рубля двадцать одна копейка"),
        (500, "пять рублей"),
        (1100, "одиннадцать рублей"),
        (1400, "четырнадцать рублей"),
        (2100, "двадцать один рубль"),
        (11111, "сто одиннадцать рублей одиннадцать копеек"),
        (100000, "одна тысяча рублей"),
        (200000, "две тысячи рублей"),
        (254730, "две тысячи пятьсот сорок семь рублей тридцать копеек"),
        (500000, "пять тысяч рублей"),
        (100000000, "один миллион рублей"),
        (
            123456789,
            "один миллион двести тридцать четыре тысячи пятьсот шестьдесят семь рублей"
            " восемьдесят девять копеек",
        ),
        (-250, "минус два рубля пятьдесят копеек"),
    ],
)
def test_an_amount_is_said_in_roubles_and_kopecks(kopecks: int, said: str) -> None:
    assert speech.money_words(kopecks) == said


@given(st.integers(0, 10**12))
def test_the_roubles_noun_agrees_with_the_number(kopecks: int) -> None:
    roubles = kopecks // 100
    words = speech.money_words(roubles * 100).split()
    if roubles % 100 in range(11, 15) or roubles % 10 in (0, 5, 6, 7, 8, 9):
        assert words[-1] == "рублей"
    else:
        assert words[-1] == ("рубль" if roubles % 10 == 1 else "рубля")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 12, 1), "первого декабря"),
        (date(2026, 3, 3), "третьего марта"),
        (date(2026, 2, 22), "двадцать второго февраля"),
        (date(2026, 5, 31), "тридцать первого мая"),
    ],
)
def test_a_date_is_said_in_the_genitive(day: date, said: str) -> None:
    assert speech.date_words(day) == said


def test_a_year_is_said_in_the_genitive_as_well() -> None:
    said = speech.full_date_words(date(2026, 12, 1))
    assert said == "первого декабря две тысячи двадцать шестого года"


@pytest.mark.parametrize(
    ("clock", "plain", "genitive"),
    [
        (time(9), "девять часов", "девяти часов"),
        (time(21, 30), "двадцать один час тридцать минут", "двадцати одного часа тридцати минут"),
        (time(1, 1), "один час одна минута", "одного часа одной минуты"),
        (time(22, 2), "двадцать два часа две минуты", "двадцати двух часов двух минут"),
    ],
)
def test_a_time_of_day_is_said_in_the_case_asked_for(
    clock: time, plain: str, genitive: str
) -> None:
    assert speech.time_words(clock) == plain
    assert speech.time_words(clock, genitive=True) == genitive


def test_a_count_takes_the_gender_of_its_noun() -> None:
    assert speech.count_words(2, ("счёт", "счета", "счетов")) == "два счета"
    assert speech.count_words(21, ("заявка", "заявки", "заявок"), gender="f") == (
        "двадцать одна заявка"
    )


def test_an_account_number_is_dictated_digit_by_digit() -> None:
    assert speech.digits_words("40-1205") == "четыре ноль один, два ноль пять"


def test_a_phone_number_is_said_as_people_dial_it() -> None:
    assert speech.phone_words("+78005550500") == (
        "восемь, восемьсот, пятьсот пятьдесят пять, ноль пять, ноль ноль"
    )
    assert speech.phone_words("112") == "один один два"


def test_english_is_spoken_too() -> None:
    assert speech.money_words(101, "en") == "one rouble one kopeck"
    assert speech.date_words(date(2026, 12, 1), "en") == "the first of December"
    assert speech.time_words(time(9, 30), "en") == "nine thirty"
    assert speech.count_words(2, ("account", "accounts"), "en") == "two accounts"


def test_a_usual_call_is_estimated_between_slow_and_fast_speech() -> None:
    phrase = "Напоминаем, что срок оплаты счёта за электроэнергию наступает первого декабря."
    assert len(phrase) / 18 < speech.expected_seconds([phrase]) < len(phrase) / 10


def test_raw_digits_count_as_the_words_they_become() -> None:
    assert speech.expected_seconds(["88005553535"]) > speech.expected_seconds(["а" * 50])


@given(st.lists(st.text(max_size=40), max_size=5), st.text(min_size=1, max_size=40))
def test_one_more_phrase_never_makes_a_call_shorter(phrases: list[str], more: str) -> None:
    assert speech.expected_seconds([*phrases, more]) > speech.expected_seconds(phrases)
