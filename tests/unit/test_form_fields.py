"""A form out of whatever was posted: read, checked, and each mistake told."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.address import likeness
from campaigns.inquiry.rules import Topic
from dispatcher.form.fields import (
    FIELDS,
    LONGEST_TEXT,
    Form,
    Mistakes,
    Unreadable,
    checked,
    read_fields,
    typed,
)
from templates.i18n import speaking

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XX"
ANNA = {"name": "Анна Петровна", "email": "anna@example.com", "text": "Когда дадут свет?"}


def form(**fields: object) -> Form:
    found = checked({**ANNA, **fields}, r"\d{8,12}")
    assert isinstance(found, Form), found
    return found


def mistakes(**fields: object) -> Mistakes:
    with speaking("en"):
        found = checked({**ANNA, **fields}, r"\d{8,12}")
    assert not isinstance(found, Form)
    return found


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


# Reading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (URLENCODED, urlencode(ANNA).encode()),
        (f"{URLENCODED}; charset=UTF-8", urlencode(ANNA).encode()),
        (URLENCODED.upper(), urlencode({**ANNA, "submit": "Go"}).encode()),
        (URLENCODED, urlencode(ANNA, encoding="cp1251").encode()),
        (URLENCODED, "&".join(f"{k}={v}" for k, v in ANNA.items()).encode("cp1251")),
        (MULTIPART, b"".join(part(k, v.encode()) for k, v in ANNA.items()) + b"--XX--\r\n"),
        (MULTIPART, b"".join(part(k, v.encode("cp1251")) for k, v in ANNA.items()) + b"--XX--"),
        ("application/json", json.dumps(ANNA).encode()),
        ("application/json; charset=utf-8", json.dumps(ANNA, ensure_ascii=False).encode()),
    ],
)
def test_the_same_form_in_every_shape_is_the_same(content_type: str, body: bytes) -> None:
    assert read_fields(content_type, body) == ANNA


def test_a_field_for_a_file_that_was_left_empty_is_no_file() -> None:
    empty = part("scan", b"", '; filename=""\r\nContent-Type: application/octet-stream')
    assert read_fields(MULTIPART, part("name", b"A") + empty + b"--XX--") == {"name": "A"}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (MULTIPART, part("text", b"%PDF", '; filename="a.pdf"') + b"--XX--", 415),
        ("text/plain", b"text=1", 415),
        ("", b"text=1", 415),
        ("\u0416\u0000", b"", 415),
        ("multipart/form-data", part("name", b"A"), 400),
        ("multipart/form-data; boundary=", b"----\r\n", 400),
        (MULTIPART, b"no boundary at all", 400),
        (MULTIPART, b"".join(part(f"f{n}", b"") for n in range(60)), 400),
        (URLENCODED, b"&".join(b"f%d=1" % n for n in range(60)), 400),
        ("application/json", b"[" * 60_000, 400),
        ("application/json", b'{"a":' * 10_000, 400),
        ("application/json", b"[1, 2]", 400),
        ("application/json", b'{"name": "\xff"}', 400),
        ("application/json", b'{"account": ' + b"9" * 60_000 + b"}", 400),
        ("application/json", b"", 400),
    ],
)
def test_what_is_no_form_is_refused_with_a_reason(
    content_type: str, body: bytes, status: int
) -> None:
    with pytest.raises(Unreadable) as caught:
        read_fields(content_type, body)
    assert caught.value.status == status


@pytest.mark.parametrize("content_type", [URLENCODED, MULTIPART, "application/json"])
@given(st.binary(max_size=300))
def test_any_bytes_are_a_form_or_are_refused(content_type: str, body: bytes) -> None:
    try:
        fields = read_fields(content_type, body)
    except Unreadable:
        return
    typed(fields)
    checked(fields, r"\d{8,12}")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (URLENCODED, b"text=" + b"%" * 64_000),
        (URLENCODED, b"&" * 64_000),
        (MULTIPART, b"--XX\r\n" * 10_000),
        (MULTIPART, b"--XX\r\n" + b"A: b\r\n" * 10_000),
        (MULTIPART, part("text", b"\r\n--X" * 12_000) + b"--XX--"),
        (f"multipart/form-data; boundary={'-' * 20_000}", b"-" * 64_000),
        (f"{URLENCODED}; {'a=b;' * 20_000}", b"text=1"),
        ("application/json", json.dumps({"text": "\x00\ud800" * 9_000}).encode()),
        ("application/json", json.dumps({"email": "a@" + "b." * 30_000}).encode()),
        ("application/json", json.dumps({"phone": "+7" * 30_000}).encode()),
    ],
)
def test_the_worst_bodies_that_are_let_in_take_no_time(content_type: str, body: bytes) -> None:
    begun = time.process_time()
    with suppress(Unreadable):
        checked(read_fields(content_type, body), r"\d{8,12}")
    assert time.process_time() - begun < 1


# Checking ---------------------------------------------------------------------------------------


def test_what_people_write_is_understood() -> None:
    found = form(
        name="  Анна\r\nПетровна ",
        email="Anna@Почта.РФ",
        account="4012-3456 78",
        phone="8 (916) 123-45-67",
        topic="outage",
        text=" Света нет.\r\n\r\nС утра!\x00\u202e ",
    )
    assert found.name == "Анна Петровна"
    assert found.email == "anna@xn--80a1acny.xn--p1ai"
    assert (found.account, found.phone, found.topic) == (
        "4012345678",
        "+79161234567",
        Topic.OUTAGE,
    )
    assert found.text == "Света нет.\n\nС утра!"


def test_what_is_optional_may_be_left_out() -> None:
    assert form() == form(account="", phone=" ", topic=None)
    assert form().topic is None


def test_a_number_in_json_is_an_account() -> None:
    assert form(account=4012345678).account == "4012345678"


def test_every_mistake_is_told_at_once_beside_its_field() -> None:
    wrong = {
        "name": "",
        "email": "anna",
        "account": "12",
        "phone": "5",
        "topic": "x",
        "text": " \n",
    }
    found = checked(wrong, r"\d{8,12}", asks_consent=True)
    assert not isinstance(found, Form)
    assert set(found) == set(FIELDS)
    assert all(found.values())


@pytest.mark.parametrize("box", [True, "yes", "on", " Да ", "1", "true"])
def test_a_box_that_is_ticked_is_consent(box: object) -> None:
    found = checked({**ANNA, "consent": box}, r"\d{8,12}", asks_consent=True)
    assert isinstance(found, Form)
    assert found.consent


@pytest.mark.parametrize("box", [False, None, "", "no", "false", "0", 1, ["yes"], {"yes": True}])
def test_nothing_else_is_consent_and_it_is_no_mistake_where_nobody_asks(box: object) -> None:
    asked = checked({**ANNA, "consent": box}, r"\d{8,12}", asks_consent=True)
    assert not isinstance(asked, Form)
    assert set(asked) == {"consent"}
    assert not form(consent=box).consent


@pytest.mark.parametrize("email", ["desk@energo.example", "Desk+anything@Energo.example"])
def test_an_address_of_ours_is_no_customers(email: str) -> None:
    found = checked({**ANNA, "email": email}, r"\d{8,12}", ours={likeness("desk@energo.example")})
    assert not isinstance(found, Form)
    assert set(found) == {"email"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "a@example.com\r\nBcc: b@example.com"),
        ("email", "a@example.com, b@example.com"),
        ("email", "a@example.com>\nTo: <b@example.com"),
        ("email", "<script>@example.com"),
        ("email", '"a\\"\r\n b"@example.com'),
        ("email", "a" * 65 + "@example.com"),
        ("email", "a@localhost"),
        ("email", ["a@example.com"]),
        ("name", {"first": {"second": "Анна"}}),
        ("name", True),
        ("name", 1.5),
        ("name", "я" * 201),
        ("account", "٤٠١٢٣٤٥٦٧٨"),
        ("account", "1234567" + " " * 190 + "x"),
        ("topic", "outage\x00x"),
        ("text", "я" * (LONGEST_TEXT + 1)),
        ("text", ["a"] * 40),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(field: str, value: object) -> None:
    assert set(mistakes(**{field: value})) == {field}


def test_a_text_of_exactly_the_most_characters_is_taken_with_any_line_ends() -> None:
    lines = "\r\n".join("я" * 49 for _line in range(100)) + "я"
    assert len(form(text=lines).text) == LONGEST_TEXT


def test_a_misspelt_field_in_json_is_told() -> None:
    assert mistakes(**{"mail\x00": "a"}) == {"mail": "There is no such field."}
    assert mistakes(**{"mail\ud800": "a"}) == {"form": "There is no such field."}


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=300)))
def test_nothing_that_passes_can_break_a_line_or_a_header(fields: Mapping[str, str]) -> None:
    found = checked({**ANNA, **fields}, r"\d{8,12}")
    if isinstance(found, Form):
        for line in (found.name, found.email, found.account, found.phone):
            assert line.isprintable()
        assert all(line.isprintable() for line in found.text.split("\n"))


def test_what_was_typed_is_shown_again_and_nothing_else() -> None:
    posted = {"name": "A\ud800", "text": "a\r\nb", "topic": ["x"], "website": "spam", "x": "y"}
    assert typed(posted) == {"name": "A", "text": "a\nb"}
    assert quote(typed(posted)["name"]) == "A"
