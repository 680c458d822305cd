"""Amounts, dates, names and consents as billing systems write them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.audience import CellError, parse_date, parse_kopecks
from campaigns.audience.amounts import parse_whole_kopecks
from campaigns.audience.cells import Numeral, one_line, shielded, unshielded
from campaigns.audience.consents import ConsentColumn, consent_column, read_consent
from campaigns.audience.dates import parse_moment
from campaigns.audience.headers import normalised
from campaigns.audience.names import split_full_name
from campaigns.channel import ChannelName, Purpose
from campaigns.recipient import Consent


@pytest.mark.parametrize(
    ("text", "kopecks"),
    [
        ("1 234,56", 123456),
        ("1\u00a0234,56", 123456),
        ("1\u202f234,56", 123456),
        ("1 234,56 ₽", 123456),
        ("1234,56 руб.", 123456),
        ("1 234 567 руб", 123456700),
        ("1 234 руб. 05 коп.", 123405),
        ("1234.5", 123450),
        ("-12,00", -1200),
        ("−12,00", -1200),
        ("1,234.56", 123456),
        ("1.234,56", 123456),
        ("1,234,567", 123456700),
        ("1234.0000", 123400),
        ("1234,560", 123456),
        ("0,5", 50),
        ("0.125000", None),
        ("0,00", 0),
        ("'1234,56", 123456),
        ("007", 700),
    ],
)
def test_an_amount_is_read_to_the_kopeck(text: str, kopecks: int | None) -> None:
    if kopecks is None:
        with pytest.raises(CellError):
            parse_kopecks(text)
    else:
        assert parse_kopecks(text) == kopecks


@pytest.mark.parametrize("text", ["1,234", "1.234", "12,345", "-999.999"])
def test_an_amount_that_may_be_thousands_or_a_fraction_is_not_guessed(text: str) -> None:
    with pytest.raises(CellError) as error:
        parse_kopecks(text)
    assert error.value.code == "amount_ambiguous"


@pytest.mark.parametrize(
    "text",
    ["уточняется", "#ЗНАЧ!", "1 23,4", "12,34,56", "1e5", "٣", "9" * 30, "=1+1", "1-2", "--5"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(CellError) as error:
        parse_kopecks(text)
    assert error.value.code == "amount_unreadable"


def test_a_number_of_a_spreadsheet_is_rounded_as_the_screen_shows_it() -> None:
    assert parse_kopecks(Numeral("1234.567")) == 123457
    assert parse_kopecks(Numeral("0.005")) == 1
    assert parse_kopecks(Numeral("1e-07")) == 0


def test_a_column_in_kopecks_takes_whole_numbers_only() -> None:
    assert parse_whole_kopecks("123 456") == 123456
    with pytest.raises(CellError):
        parse_whole_kopecks("1234,56")


@given(
    st.integers(min_value=-(10**13), max_value=10**13),
    st.sampled_from(["", " ", "\u00a0", "\u202f"]),
)
def test_whatever_a_billing_system_prints_comes_back_the_same(kopecks: int, space: str) -> None:
    roubles, rest = divmod(abs(kopecks), 100)
    printed = ("-" if kopecks < 0 else "") + f"{roubles:,}".replace(",", space) + f",{rest:02}"
    assert parse_kopecks(printed) == kopecks
    assert Decimal(parse_kopecks(f"{Decimal(kopecks) / 100:.2f}")) == kopecks


@pytest.mark.parametrize(
    "text",
    [
        "01.12.2026",
        "1.12.2026",
        "1.12.26",
        "01.12.2026 г.",
        "01.12.2026 0:00:00",
        "2026-12-01",
        "2026-12-01T10:30",
        "2026-12-01 00:00:00",
        "01-12-2026",
        "1 декабря 2026 г.",
        "1 дек 2026",
    ],
)
def test_a_date_is_read_in_all_usual_ways(text: str) -> None:
    assert parse_date(text) == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("31.11.2026", "date_impossible"),
        ("29.02.2026", "date_impossible"),
        ("01.13.2026", "date_impossible"),
        ("01.12.0206", "date_impossible"),
        ("03/04/2026", "date_ambiguous"),
        ("до конца месяца", "date_unreadable"),
        ("46357", "date_unreadable"),
        ("1 жнива 2026", "date_unreadable"),
    ],
)
def test_what_is_no_day_says_why(text: str, code: str) -> None:
    with pytest.raises(CellError) as error:
        parse_date(text)
    assert error.value.code == code


@pytest.mark.parametrize("text", ["01.12.2026 18:05", "2026-12-01T18:05", "1.12.26 18:05:00"])
def test_a_local_moment_is_read_to_the_minute(text: str) -> None:
    assert parse_moment(text).isoformat() == "2026-12-01T18:05:00"


@pytest.mark.parametrize("text", ["01.12.2026", "01.12.2026 25:00", "01.12.2026 18:60"])
def test_a_day_without_its_hour_is_no_moment(text: str) -> None:
    with pytest.raises(CellError) as error:
        parse_moment(text)
    assert error.value.code == "moment_unreadable"


def test_slashes_are_read_when_only_one_reading_is_possible() -> None:
    assert parse_date("25/12/2026") == date(2026, 12, 25)


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2100, 1, 1)))
def test_every_day_comes_back_from_its_russian_spelling(day: date) -> None:
    assert parse_date(f"{day:%d.%m.%Y}") == day
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    ("full", "parts"),
    [
        ("Иванов Иван Иванович", ("Иванов", "Иван", "Иванович")),
        ("ИВАНОВ ИВАН ИВАНОВИЧ", ("Иванов", "Иван", "Иванович")),
        ("Иван Иванович Иванов", ("Иванов", "Иван", "Иванович")),
        ("Петрова Анна", ("Петрова", "Анна", "")),
        ("Мамедов Али Гусейн оглы", ("Мамедов", "Али", "Гусейн оглы")),
        ("САЛТЫКОВ-ЩЕДРИН М Е", ("Салтыков-Щедрин", "М", "Е")),
        ("Иванов И. И.", ("Иванов И. И.", "", "")),
        ('ООО "Ромашка"', ("", 'ООО "Ромашка"', "")),
        ("ИП Сухарев Глеб", ("", "ИП Сухарев Глеб", "")),
        ("Ипатов Пётр Ильич", ("Ипатов", "Пётр", "Ильич")),
    ],
)
def test_a_full_name_is_taken_apart_and_a_company_is_not(
    full: str, parts: tuple[str, str, str]
) -> None:
    assert split_full_name(full) == parts


@pytest.mark.parametrize(
    ("header", "refusal", "purpose", "channel"),
    [
        ("Согласие на рассылку", False, None, None),
        ("Согласие на рекламу", False, Purpose.MARKETING, None),
        ("Согласие SMS", False, None, ChannelName.SMS),
        ("Согласие на звонки", False, None, ChannelName.PHONE),
        ("Согласие на рекламу по e-mail", False, Purpose.MARKETING, ChannelName.EMAIL),
        ("Отказ от обзвона", True, None, ChannelName.PHONE),
        ("Не беспокоить", True, None, None),
        ("Согласие на опросы", False, Purpose.SURVEY, None),
    ],
)
def test_a_header_tells_what_was_agreed_to(
    header: str, refusal: bool, purpose: Purpose | None, channel: ChannelName | None
) -> None:
    assert consent_column(normalised(header), header) == ConsentColumn(
        refusal, purpose, channel, header
    )


def test_consent_to_keeping_personal_data_is_no_consent_to_mailing() -> None:
    header = "Согласие на обработку персональных данных"
    assert consent_column(normalised(header), header) is None


AGREED = ConsentColumn(False, Purpose.MARKETING, None, "Согласие")
REFUSED = ConsentColumn(True, None, None, "Отказ")


@pytest.mark.parametrize(
    ("column", "text", "granted"),
    [
        (AGREED, "да", True),
        (AGREED, "1", True),
        (AGREED, "НЕТ", False),
        (AGREED, "отказ", False),
        (AGREED, "", None),
        (AGREED, "-", None),
        (REFUSED, "да", False),
        (REFUSED, "отказ", False),
        (REFUSED, "нет", None),
        (REFUSED, "", None),
    ],
)
def test_yes_and_no_mean_what_the_header_asked(
    column: ConsentColumn, text: str, granted: bool | None
) -> None:
    consent = read_consent(column, text)
    assert (consent.granted if consent else None) == granted


def test_a_date_in_a_consent_column_says_since_when() -> None:
    assert read_consent(AGREED, "12.03.2024") == Consent(
        True, Purpose.MARKETING, None, "Согласие", date(2024, 3, 12)
    )
    refusal = read_consent(REFUSED, "12.03.2024")
    assert refusal is not None
    assert not refusal.granted


def test_a_refusal_nobody_can_read_is_an_error_and_no_permission() -> None:
    with pytest.raises(CellError) as error:
        read_consent(REFUSED, "вроде просила")
    assert error.value.code == "consent_unreadable"


@given(st.text())
def test_no_shielded_text_starts_a_formula_and_reading_it_gives_the_same(text: str) -> None:
    safe = shielded(text)
    assert safe[:1] not in tuple("=+-@\t\r\n")
    assert unshielded(safe) == unshielded(text)


def test_a_line_break_in_a_name_does_not_reach_a_mail_header() -> None:
    assert one_line("Иван\r\nBcc: x@example.com\x00") == "Иван Bcc: x@example.com"
