"""Usual spellings are read by a short way; it says exactly what the long way says."""

import email_validator
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.audience.amounts import parse_kopecks, plain_kopecks
from campaigns.audience.findings import CellError
from campaigns.contact import BadContact, classify_email, read_emails, read_phones
from campaigns.contact import _read_phones as read_phones_at_length
from campaigns.recipient import ContactPoint

DIGITS = st.text("0123456789", min_size=1, max_size=14)
SEPARATORS = st.sampled_from(["", " ", "\u00a0", "\u202f", ".", ",", "-", "'"])
AMOUNTS = st.builds(
    "".join, st.lists(st.one_of(DIGITS, SEPARATORS, st.text("0123456789", min_size=3, max_size=3)))
) | st.from_regex(r"-?\d{1,3}([ \u00a0\u202f]\d{3}){0,4}([.,]\d{1,3})?", fullmatch=True)

NUMBERS = st.from_regex(
    r"[ (]{0,2}(\+7|7|8|\+|\+998|810)?[ (-]?[0-9]{3}[) \u00a0.-]{0,2}[0-9]{3}[-. \u2013]?[0-9]{2,5}"
    r"[ \t)]?",
    fullmatch=True,
) | st.text("+0123456789 ().-\u00a0\u2013\t'", max_size=20)

LABELS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}[a-z0-9]|[a-z]", fullmatch=True)
DOMAINS = st.builds(
    lambda labels, end: ".".join([*labels, end]),
    st.lists(
        LABELS | st.sampled_from(["xn--80ak6aa92e", "ab--cd", "b" * 63, "b" * 64]), max_size=4
    ),
    st.sampled_from(
        ["ru", "com", "рф", "xn--p1ai", "test", "local", "invalid", "localhost", "internal", "arpa"]
    )
    | st.sampled_from(["onion", "example", "museum", "c1", "x", "lan", "alt"]),
)
LOCALS = st.text("abcXYZ019_.+-'!", min_size=1, max_size=12) | st.sampled_from(
    ["a" * 64, "a" * 65, "Info", "POSTMASTER"]
)


@settings(deadline=None)
@given(AMOUNTS)
@example("1\u00a0234\u00a0567,89")
@example("1 234")
@example("0")
def test_an_amount_is_the_same_with_a_word_behind_it(text: str) -> None:
    quick = plain_kopecks(text)
    if quick is None:
        return
    assert parse_kopecks(text) == quick
    assert parse_kopecks(f"{text} руб.") == quick


@pytest.mark.parametrize("text", ["1,234", "1 23", "12 34,00", "1  234", "1 234.5.6", "", "-", "½"])
def test_what_is_not_quite_usual_goes_the_long_way(text: str) -> None:
    assert plain_kopecks(text) is None
    if text != "1 234.5.6":
        with pytest.raises(CellError):
            parse_kopecks(text or "нет")


@settings(deadline=None)
@given(NUMBERS)
@example("8.495.123.45.67")
@example("9161234567.0")
@example("971385319.0")
@example("84951234567")
@example("+7 (495) 123-45-67")
@example("810998901234567")
@example(" (8) 916-123-45-67\t")
def test_a_lone_number_is_read_as_in_any_cell(cell: str) -> None:
    assert read_phones(cell) == read_phones_at_length(cell)


@settings(deadline=None)
@given(LOCALS, DOMAINS)
def test_an_address_is_judged_as_the_library_does(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    found = classify_email(text)
    try:
        told = email_validator.validate_email(
            text, check_deliverability=False, allow_smtputf8=False
        )
    except email_validator.EmailNotValidError:
        assert isinstance(found, BadContact)
        return
    if local.startswith("'"):
        assert isinstance(found, BadContact)
        return
    # The library also writes `Info` as `info`; we leave a local part as it is.
    assert isinstance(found, ContactPoint)
    assert found.address.casefold() == f"{told.local_part}@{told.ascii_domain}".casefold()
    assert found.address.partition("@")[2] == (told.ascii_domain or "").lower()
    if "'" not in text:
        assert read_emails(text) == read_emails(f"{text};") == ([found], [])
