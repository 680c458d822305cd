"""What people type into a cell for numbers and addresses, and what may be dialled of it."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ContactKind
from campaigns.contact import (
    BadContact,
    classify_email,
    classify_phone,
    read_emails,
    read_phones,
    whole_number,
)
from campaigns.recipient import ContactPoint

MOBILE = ContactPoint("+79161234567", ContactKind.MOBILE)
SECOND = ContactPoint("+79031234567", ContactKind.MOBILE)
MOSCOW = ContactPoint("+74951234567", ContactKind.FIXED)


@pytest.mark.parametrize(
    "cell",
    [
        "89161234567",
        "79161234567",
        "+79161234567",
        "9161234567",
        "8 (916) 123-45-67",
        "+7\u00a0916\u00a0123\u201145\u201167",
        "8-916-123-45-67",
        "моб. 8 916 123 45 67",
        "8 (916) 123-45-67 (Мария)",
        "'+79161234567",
        "  89161234567\t",
    ],
)
def test_a_mobile_number_is_read_however_it_is_typed(cell: str) -> None:
    assert read_phones(cell) == ([MOBILE], [])


@pytest.mark.parametrize(
    "cell", ["9161234567.0", "79161234567.0", "9161234567,0", "9,161234567E+09"]
)
def test_a_number_the_spreadsheet_made_a_float_is_read_as_a_phone(cell: str) -> None:
    assert read_phones(cell) == ([MOBILE], [])


@pytest.mark.parametrize("cell", ["971385319.0", "8916123456.0", "+7916123456.0", "916123456.00"])
def test_the_zero_behind_the_point_is_no_digit_of_the_number(cell: str) -> None:
    """With it a number that lacks a digit would be a stranger's."""
    good, [_bad] = read_phones(cell)
    assert good == []


@pytest.mark.parametrize("cell", ["9.16123E+09", "9,16E+9", "7.91612E+10"])
def test_a_number_whose_digits_the_spreadsheet_has_lost_is_no_phone(cell: str) -> None:
    good, [bad] = read_phones(cell)
    assert (good, bad.code) == ([], "digits_lost")


@pytest.mark.parametrize(
    "cell",
    [
        "89161234567, 89031234567",
        "89161234567;89031234567",
        "8 916 123 45 67 / 8 903 123 45 67",
        "89161234567\n89031234567",
        "89161234567 89031234567",
        "9161234567 9031234567",
        "моб. 89161234567 раб. 89031234567",
        "+79161234567+79031234567",
        "89161234567 и 89031234567",
    ],
)
def test_several_numbers_in_one_cell_keep_their_order(cell: str) -> None:
    assert read_phones(cell) == ([MOBILE, SECOND], [])


@pytest.mark.parametrize("ending", ["доб. 12", "доб.12", "ext 12", "вн. 345", "#12", "(доб. 7)"])
def test_an_extension_is_dropped_and_no_second_number_comes_of_it(ending: str) -> None:
    assert read_phones(f"8 (495) 123-45-67 {ending}") == ([MOSCOW], [])


def test_a_bad_number_does_not_cost_the_good_one_beside_it() -> None:
    good, [bad] = read_phones("89161234567, 45-67")
    assert good == [MOBILE]
    assert (bad.code, bad.value.strip()) == ("phone_too_short", "45-67")


def test_the_same_number_typed_twice_is_one_contact_point() -> None:
    assert read_phones("89161234567, +7 (916) 123-45-67") == ([MOBILE], [])


@pytest.mark.parametrize(
    "cell", ["", " ", "-", "—", "нет", "НЕТ", "не указан", "отсутствует", "н/д", "0"]
)
def test_a_word_for_nothing_is_nothing_and_no_mistake(cell: str) -> None:
    assert read_phones(cell) == ([], [])
    assert read_emails(cell) == ([], [])


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("8 (3822) 51-23-45", ContactKind.FIXED),
        ("8-800-200-06-00", ContactKind.TOLL_FREE),
        ("+375 29 123-45-67", ContactKind.MOBILE),
        ("8-10-375-29-123-45-67", ContactKind.MOBILE),
        ("+7 701 123 45 67", ContactKind.MOBILE),
    ],
)
def test_the_kind_of_a_number_is_told_by_its_digits(cell: str, kind: ContactKind) -> None:
    [point], bad = read_phones(cell)
    assert (point.kind, bad) == (kind, [])


def test_a_premium_number_is_refused_for_it_would_cost_money() -> None:
    assert _code(classify_phone("8 (809) 123-45-67")) == "phone_premium"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("23-45-67", "phone_too_short"),
        ("8 (000) 123-45-67", "phone_impossible"),
        ("1" * 500, "phone_impossible"),
        ("Мария Петровна", "phone_unreadable"),
        ("٨٩١٦١٢٣٤٥٦٧", "phone_unreadable"),
        ("8916\x001234567", "phone_unreadable"),
    ],
)
def test_what_is_no_number_says_why(cell: str, code: str) -> None:
    good, [bad] = read_phones(cell)
    assert (good, bad.code) == ([], code)


@given(st.integers(min_value=10**9, max_value=10**10 - 1))
def test_every_ten_digits_are_judged_as_phonenumbers_does(national: int) -> None:
    number = phonenumbers.PhoneNumber(country_code=7, national_number=national)
    found = classify_phone(f"8{national}")
    kind = phonenumbers.number_type(number)
    usable = phonenumbers.is_valid_number(number)  # Kazakhstan shares the country code
    if usable and kind != phonenumbers.PhoneNumberType.PREMIUM_RATE:
        assert isinstance(found, ContactPoint)
        assert found.address == f"+7{national}"
        assert (found.kind is ContactKind.MOBILE) == (kind == phonenumbers.PhoneNumberType.MOBILE)
    else:
        assert isinstance(found, BadContact)


@given(st.text(max_size=60))
def test_any_text_at_all_gives_only_numbers_that_can_be_dialled(cell: str) -> None:
    good, _bad = read_phones(cell)
    for point in good:
        assert phonenumbers.is_valid_number(phonenumbers.parse(point.address))


@given(st.text(max_size=60))
def test_any_text_at_all_gives_only_addresses_that_are_safe_in_a_mail_header(cell: str) -> None:
    good, _bad = read_emails(cell)
    for point in good:
        assert point.address.isascii()
        assert point.address.isprintable()
        assert point.address.count("@") == 1


def test_a_domain_is_lower_case_and_a_mailbox_is_left_as_it_is() -> None:
    assert classify_email("Ivan.P@Example.COM") == ContactPoint(
        "Ivan.P@example.com", ContactKind.EMAIL
    )


def test_a_cyrillic_domain_is_written_the_way_mail_servers_understand() -> None:
    assert classify_email("ivan@почта.рф") == ContactPoint(
        "ivan@xn--80a1acny.xn--p1ai", ContactKind.EMAIL
    )


def test_several_addresses_and_a_name_around_one_are_told_apart() -> None:
    assert _addresses("a@example.com; b@example.com") == ["a@example.com", "b@example.com"]
    assert _addresses("Иван <a@example.com>") == ["a@example.com"]
    assert _addresses("mailto:a@example.com") == ["a@example.com"]


@pytest.mark.parametrize(
    "text",
    ["a@b", "a@@b.ru", "иван@mail.ru", "a@example.test", "a b", ".a@b.ru", "a@-b.ru", "a" * 300],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert _code(classify_email(text)) == "email_unreadable"


def test_a_line_break_cannot_smuggle_a_mail_header_in() -> None:
    good, [bad] = read_emails("a@example.com\r\nBcc:x")
    assert ([p.address for p in good], bad.code) == (["a@example.com"], "email_unreadable")


def test_a_bad_contact_shows_no_personal_value_in_a_log() -> None:
    _good, [bad] = read_phones("98-76-54")
    assert "98-76-54" not in repr(bad)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1234567.0", "1234567"),
        ("1,234567E+06", "1234567"),
        ("1.23E+06", None),
        ("1234567", None),
        ("1E+99", None),
    ],
)
def test_a_whole_number_is_known_only_if_every_digit_is(text: str, digits: str | None) -> None:
    assert whole_number(text) == digits


def _addresses(cell: str) -> list[str]:
    return [point.address for point in read_emails(cell)[0]]


def _code(found: ContactPoint | BadContact) -> str:
    assert isinstance(found, BadContact)
    return found.code
