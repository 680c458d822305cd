"""A letter as bytes, read back by the standard library's parser."""

import email
from datetime import UTC, datetime
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.mail import UnfitHeader, build_letter

SENT_AT = datetime(2026, 12, 1, 7, 30, tzinfo=UTC)
TEXT = "Здравствуйте!\n\nДолг 2 547,30 ₽\n"
HTML = "<!DOCTYPE html><p>Здравствуйте!</p>"


def letter(**changes: Any) -> bytes:
    usual: dict[str, Any] = {
        "sender": "notice@example.ru",
        "sender_name": "Энергосбыт",
        "to": "ivan@example.com",
        "to_name": "Иван Иванович",
        "subject": "Задолженность за электроэнергию",
        "text": TEXT,
        "html": HTML,
        "message_id": "<a1.b2@example.ru>",
        "sent_at": SENT_AT,
    }
    return build_letter(**{**usual, **changes})


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=default)


def only_address(message: EmailMessage, header: str) -> Address:
    (address,) = cast(AddressHeader, message[header]).addresses
    return address


def test_a_letter_reads_back_as_it_was_meant() -> None:
    message = parsed(letter(reply_to="help@example.ru"))
    assert message["Subject"] == "Задолженность за электроэнергию"
    assert only_address(message, "From").display_name == "Энергосбыт"
    assert only_address(message, "To").addr_spec == "ivan@example.com"
    assert message["Reply-To"] == "help@example.ru"
    assert message["Message-ID"] == "<a1.b2@example.ru>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]) == SENT_AT
    plain, html = message.iter_parts()
    assert cast(EmailMessage, plain).get_content().replace("\r\n", "\n") == TEXT
    assert cast(EmailMessage, html).get_content() == HTML
    assert message.get_content_type() == "multipart/alternative"


def test_a_marketing_letter_can_be_unsubscribed_from_in_one_click() -> None:
    message = parsed(letter(unsubscribe_url="https://example.ru/u?t=1&x=2"))
    assert message["List-Unsubscribe"] == "<https://example.ru/u?t=1&x=2>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_service_letter_offers_no_unsubscribing() -> None:
    assert b"List-Unsubscribe" not in letter()


@pytest.mark.parametrize("field", ["subject", "to_name", "sender_name"])
def test_cr_and_lf_in_a_value_cannot_add_a_header(field: str) -> None:
    message = parsed(letter(**{field: "Иван\r\nBcc: all@example.com\n\nBody"}))
    assert "Bcc" not in message
    assert parsed(letter()).keys() == message.keys()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "a@example.com\r\nBcc: b@example.com"),
        ("to", "a@example.com, b@example.com"),
        ("to", "a@example.com> <b@example.com"),
        ("to", "no-address"),
        ("to", ""),
        ("sender", "a b@example.com"),
        ("reply_to", "a@example.com\nX: y"),
        ("message_id", "<a@b>\r\nX: y"),
        ("message_id", "not an id"),
        ("unsubscribe_url", "https://example.ru/\r\nX: y"),
        ("unsubscribe_url", "https://example.ru/> <x"),
        ("unsubscribe_url", "javascript:alert(1)"),
        ("to", "a@-почта-.рф"),
    ],
)
def test_what_cannot_stand_in_a_header_is_refused_without_being_repeated(
    field: str, value: str
) -> None:
    with pytest.raises(UnfitHeader) as unfit:
        letter(**{field: value})
    assert not value or value not in str(unfit.value)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        letter(sent_at=datetime(2026, 12, 1))  # noqa: DTZ001 - the mistake under test


def test_a_cyrillic_domain_goes_out_in_ascii() -> None:
    content = letter(to="info@почта.рф")
    assert b"<info@xn--80a1acny.xn--p1ai>" in content


def test_a_cyrillic_local_part_stays_as_it_is() -> None:
    assert "<иван@xn--80a1acny.xn--p1ai>".encode() in letter(to="иван@почта.рф")


@pytest.mark.parametrize("name", ['О"Нил', "Smith, John", "a <b@c.de>", "=?utf-8?q?x?=", "@"])
def test_a_name_with_special_characters_stays_a_name(name: str) -> None:
    address = only_address(parsed(letter(to_name=name)), "To")
    assert (address.display_name, address.addr_spec) == (name, "ivan@example.com")


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert letter() == letter()


def test_the_message_id_is_the_same_with_and_without_brackets() -> None:
    assert letter(message_id="a1.b2@example.ru") == letter()


@given(st.text(max_size=400), st.text(max_size=80), st.text(max_size=3000))
def test_any_letter_keeps_the_rules_of_the_wire(subject: str, name: str, body: str) -> None:
    content = letter(subject=subject, to_name=name, text=body)
    lines = content.split(b"\r\n")
    assert all(len(line) <= 78 for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    message = parsed(content)
    assert message.keys() == parsed(letter()).keys()
    plain, _html = message.iter_parts()
    sent = cast(bytes, plain.get_payload(decode=True)).decode()
    expected = body.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert sent.replace("\r\n", "\n") == expected


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=200))
def test_any_subject_reads_back_as_it_was_written(subject: str) -> None:
    assert parsed(letter(subject=subject))["Subject"] == " ".join(subject.split())
