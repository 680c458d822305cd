"""What is found in a letter: accounts, telephone numbers, readings; and what is none of them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.account_pattern import check_account_pattern
from campaigns.inquiry.findings import find_account, find_phones, find_readings

DIGITS = r"\d{8,12}"


def account(text: str, pattern: str = DIGITS) -> str | None:
    return find_account(text, pattern).number


def readings(text: str, own: str | None = None) -> list[str]:
    return [str(one) for one in find_readings(text, own)]


# Accounts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "лицевой счёт 1234567890",
        "Лицевой счет № 1234567890.",
        "мой лицевой 1234567890, Иванов",
        "номер лицевого счёта: 1234567890",
        "ЛИЦЕВОЙ СЧЕТ АБОНЕНТА: 1234567890",
        "л/с 1234567890",
        "л/с\u00a0№1234567890",
        "л.с. 1234567890",
        "ЛС:1234567890",
        "лс-1234567890",
        "л/с:\n1234567890",
        "лиц. счет 1234567890",
        "номер абонента 1234567890",
        "л/с 1234 5678 90",
        "л/с 123-456-7890",
        "account 1234567890",
        "My account number is 1234567890, thanks",
        "Account No. 1234567890",
        "99999999, 88888888; л/с 1234567890",
        "л/с 1234567890 показания 12345678",
    ],
)
def test_an_account_that_is_called_so_is_found(text: str) -> None:
    found = find_account(text, DIGITS)
    assert (found.number, found.is_labelled, found.wrong) == ("1234567890", True, "")


def test_a_telephone_number_that_is_called_an_account_is_one() -> None:
    assert account("л/с 89161234567") == "89161234567"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("л/с 1234", "1234"),
        ("лицевой счёт № 1234567890123", "1234567890123"),
        ("account number 12-34", "12-34"),
    ],
)
def test_a_wrong_account_number_is_told(text: str, wrong: str) -> None:
    found = find_account(text, DIGITS)
    assert (found.number, found.wrong) == (None, wrong)


def test_a_wrong_number_first_does_not_hide_the_right_one() -> None:
    found = find_account("л/с 1234, извините, л/с 1234567890", DIGITS)
    assert (found.number, found.wrong) == ("1234567890", "")


def test_a_field_of_its_own_goes_before_the_text() -> None:
    assert find_account("л/с 99999999", DIGITS, told=" 1234 5678 90 ").number == "1234567890"
    assert find_account("без счёта", DIGITS, told="12").wrong == "12"
    assert find_account("нет", DIGITS, told="<script>").wrong == "<script>"


def test_the_only_number_that_looks_like_an_account_is_taken_for_it() -> None:
    found = find_account("Иванов И. И., 1234567890, Лесная 5", DIGITS)
    assert (found.number, found.is_labelled) == ("1234567890", False)


@pytest.mark.parametrize(
    "text",
    [
        "12345678 и 87654321",  # which?
        "+7 916 123-45-67",
        "89161234567",
        "88001000000",
        "20112026",  # a date
        "20.11.2026",
        "ИНН 7701234567",
        "р/с 407028100000",
        "договор № 12345678",
        "договора №12345678",
        "заявка 12345678",
        "счётчик № 12345678",
        "№ 12345678",
        "тел. 4951234567",
        "показания 12345678",
        "2026-000123",
        "12345678.50 руб",
        "12345678 руб.",
        "www.example.com/12345678",
        "12345678@example.com",
        "a12345678",
        "1234567",
        "1234567890123",
        "лс 3 дня не отвечает",
        "",
    ],
)
def test_what_is_something_else_is_no_account(text: str) -> None:
    found = find_account(text, DIGITS)
    assert (found.number, found.wrong) == (None, "")


def test_the_form_of_accounts_is_the_houses_own() -> None:
    assert account("л/с tm-12345678", r"TM-\d{8}|\d{12}") == "TM-12345678"
    assert account("л/с 123456789012", r"TM-\d{8}|\d{12}") == "123456789012"
    assert account("л/с 1234567890", r"TM-\d{8}|\d{12}") is None


def test_only_latin_digits_are_digits() -> None:
    assert account("л/с ١٢٣٤٥٦٧٨٩٠") is None


# Patterns of accounts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        DIGITS,
        r"\d{10}",
        r"[57]\d{7,9}",
        r"TM-\d{8}|\d{12}",
        "ЛС[0-9]{6}",
        r"\d{4}-\d{4}",
        r"\d{8}\d?",
    ],
)
def test_a_plain_pattern_is_allowed(pattern: str) -> None:
    assert check_account_pattern(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(\d+)+", "syntax"),
        (r"\d+", "syntax"),
        (r"\d*", "syntax"),
        (r".{8}", "syntax"),
        (r"^\d{8}$", "syntax"),
        (r"\d{8}{8}", "syntax"),
        (r"\w{8}", "syntax"),
        (r"[^a]{8}", "syntax"),
        (r"[9-0]{8}", "syntax"),
        (r"\d{9,8}", "syntax"),
        (r"(?:a|a){9}", "syntax"),
        ("[", "syntax"),
        (r"\d{8}|", "length"),
        ("", "length"),
        (r"\d{3}", "length"),
        (r"\d{99}", "length"),
        (r"\d{8}" + "|1" * 200, "length"),
        (r"\d?" * 28 + r"\d{4}", "variable"),
        (r"\d{1,5}\d{1,5}\d{1,5}\d{1,5}", "variable"),
    ],
)
def test_a_pattern_that_may_explode_or_says_nothing_is_refused(pattern: str, reason: str) -> None:
    assert check_account_pattern(pattern) == reason


@given(st.text(alphabet="\\d[]{},?|0123456789-aб()*+.^$", max_size=30))
def test_what_is_allowed_can_be_used_on_the_worst_text(pattern: str) -> None:
    if check_account_pattern(pattern) is None:
        began = time.perf_counter()
        find_account("л/с " + "1" * 39 + "!", pattern)
        assert time.perf_counter() - began < 1


# Readings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("показания 12345", ["12345"]),
        ("Передаю показания: 00123", ["00123"]),
        ("показания 1234,567 кВт·ч", ["1234,567"]),
        ("показания 1234.5", ["1234,5"]),
        ("показания - 00456,7", ["00456,7"]),
        ("Показания 12345кВт", ["12345"]),
        ("показания счётчика № 12345678 за ноябрь 2026 - 4567", ["4567"]),
        ("Показания на 20.11.2026: 12345 кВтч", ["12345"]),
        ("показания на 20 ноября 12345", ["12345"]),
        ("Показания эл. энергии 12345", ["12345"]),
        ("Показания счетчика за ноябрь\n12345", ["12345"]),
        ("л/с 1234567890 показания 12345", ["12345"]),
        ("предыдущие показания 12000, текущие 12345", ["12345"]),
        ("Счётчик показывает 10234.", ["10234"]),
        ("день 1234 ночь 567", ["T1 1234", "T2 567"]),
        ("день: 1234\nночь: 567", ["T1 1234", "T2 567"]),
        ("1234 день, 567 ночь", ["T1 1234", "T2 567"]),
        ("показания: 12 (день), 5 (ночь)", ["T1 12", "T2 5"]),
        ("Т1 1234,5; Т2 567", ["T1 1234,5", "T2 567"]),
        ("T1=00123 T2=456,789 T3: 5", ["T1 00123", "T2 456,789", "T3 5"]),
        ("показания т1-1234 т2-567", ["T1 1234", "T2 567"]),
        ("тариф 1 - 1234, тариф 2 - 567", ["T1 1234", "T2 567"]),
        ("показания: пик 100, полупик 200, ночь 300", ["T1 100", "T3 200", "T2 300"]),
        ("the reading is 23456.", ["23456"]),
        ("My readings: day 4455, night 2211", ["T1 4455", "T2 2211"]),
        ("meter reading for November 2026: 777 kWh", ["777"]),
    ],
)
def test_readings_are_found(text: str, found: list[str]) -> None:
    assert readings(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "показания 12345678",  # too long
        "показания 1234,5678",
        "показания 12 345",  # one number or two?
        "показания 1234-5678",
        "показания 1.234.567",
        "показания +7 916 123-45-67",
        "показания 8 (916) 123-45-67",
        "показания, тел. 22-33-44",
        "показания 20.11.2026",
        "показания за 2026 год",
        "показания за 20 ноября",
        "показания 12:30",
        "показания 5000 руб.",
        "показания ₽ 5000",
        "показания 5 %",
        "показания л/с 1234567",
        "показания счётчика № 1234567",
        "Показания не сошлись, 2 раза звонил",
        "Показания. Дом 5",
        "показания ушли в 3 отделения",
        "передал показания 3 раза",
        "3 день нет света, 2 ночь",
        "день 12 ночь 3",
        "на 3 день",
        "расход 150 кВтч за месяц",
        "12345",
        "",
    ],
)
def test_what_is_something_else_is_no_reading(text: str) -> None:
    assert readings(text) == []


def test_the_account_itself_is_no_reading() -> None:
    assert readings("показания 1234567", own="1234567") == []


# Telephone numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+7 916 123-45-67", ("+79161234567",)),
        ("8(916)1234567 или 8-903-765-43-21", ("+79161234567", "+79037654321")),
        ("тел. 9161234567.", ("+79161234567",)),
        ("8 916 123 45 67 12", ("+79161234567",)),
        ("+7 (3822) 56-78-90", ("+73822567890",)),
        ("1234567890", ()),
        ("55-66-77", ()),
        ("", ()),
    ],
)
def test_telephone_numbers_are_found_with_their_code(text: str, found: tuple[str, ...]) -> None:
    assert find_phones(text) == found


# Anything at all --------------------------------------------------------------------------------


@given(st.text(alphabet="0123456789 .,:-/()№лсдень ночь т1показания\n", max_size=200))
def test_no_text_breaks_anything_and_readings_have_their_form(text: str) -> None:
    find_account(text, DIGITS)
    find_phones(text)
    for one in find_readings(text):
        whole, _comma, rest = one.value_text.partition(",")
        assert whole.isdigit()
        assert 1 <= len(whole) <= 7
        assert len(rest) <= 3
        assert one.zone in {"", "T1", "T2", "T3"}


@given(st.text(max_size=200))
def test_no_letters_of_the_world_break_anything(text: str) -> None:
    find_account(text, DIGITS)
    find_phones(text)
    find_readings(text)


@pytest.mark.parametrize(
    "piece", ["1", "1 ", "л/с ", "лс 1 1 1 1 ", "т1 ", "1.1", "-1", "a@", "(", "май ",
              "8 (916) 123-45-67 ", "показания ", "01.02.2026 ", "a1-", "1 000 ", "№"],
)  # fmt: skip
def test_a_megabyte_of_the_worst_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.perf_counter()
    find_account(text, DIGITS)
    find_phones(text)
    find_readings(text)
    assert time.perf_counter() - began < 5
