"""What customers write by way of SMS Aero: read in whatever form it comes, or kept as it came."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Inbound, Payload, Unread
from channels.sms.smsaero_inbound import read_inbound

URL = "https://receipts.example.com/smsaero/inbound/smsaero-0"
NUMBER = "+79160000001"
STOP = {"number": "79160000001", "text": "СТОП"}


def read(body: bytes | object, url: str = URL) -> list[Inbound | Unread]:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(read_inbound(Payload(url, {}, {}, sent)))


def told(body: bytes | object) -> list[tuple[str, str]]:
    """The messages that were read; nothing may be left unread."""
    found = read(body)
    assert not [one for one in found if isinstance(one, Unread)]
    return [(one.contact_point, one.text) for one in found if isinstance(one, Inbound)]


@pytest.mark.parametrize(
    "body",
    [
        {"msisdn": "79160000001", "body": "СТОП"},
        {"msisdn": 79160000001, "content": "СТОП"},
        {"Source": "8 (916) 000-00-01", "SMS": "СТОП"},
        {"sender": "+79160000001", "message": "СТОП"},
        {"number": "79160000001", "from": "+7 916 000-00-01", "text": "СТОП"},
        {"number": "79160000001", "sender": "Energo", "text": "СТОП"},
        {"number": None, "phone": "79160000001", "text": "СТОП", "message": "incoming"},
        [STOP],
        {"data": STOP},
        {"data": [STOP]},
        {"messages": [STOP]},
        {"success": True, "data": {"0": STOP, "totalCount": "1"}},
        {"from": "79160000001", "message": {"text": "СТОП"}},
        {"number": "74951234567", "data": [{"from": "79160000001", "text": "СТОП"}]},
        b"number=79160000001&text=%D0%A1%D0%A2%D0%9E%D0%9F",
        b"number=79160000001&text=%D1%D2%CE%CF&",
        "number=79160000001&text=СТОП".encode(),
        b"\xef\xbb\xbf" + json.dumps(STOP).encode(),
        json.dumps(STOP, ensure_ascii=False).encode("cp1251"),
    ],
    ids=str,
)
def test_a_stop_is_read_in_every_shape_that_leaves_no_doubt(body: bytes | object) -> None:
    assert told(body) == [(NUMBER, "СТОП")]


def test_a_stop_in_the_address_is_read() -> None:
    [one] = read(b"", f"{URL}?number=79160000001&text=%D0%A1%D0%A2%D0%9E%D0%9F")
    assert isinstance(one, Inbound)
    assert (one.contact_point, one.text) == (NUMBER, "СТОП")


@pytest.mark.parametrize(
    ("body", "contact_point"),
    [
        ({"who": "79160000001", "what": "СТОП"}, ""),
        ({"number": "79160000001"}, NUMBER),
        ({"number": "79160000001", "text": None}, NUMBER),
        ({"text": "СТОП"}, ""),
        ({"number": "Beeline", "text": "СТОП"}, ""),
        ({"number": "79160000001", "from": "79160000002", "text": "СТОП"}, ""),
        ({"number": "79160000001", "body": "СТОП", "content": "нет света"}, NUMBER),
        ({"number": True, "text": "СТОП"}, ""),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"g": STOP}}}}}}}, ""),
        ([[[]]], ""),
        ({}, ""),
        ([], ""),
        ("СТОП".encode(), ""),
        ("<sms><from>79160000001</from><text>СТОП</text></sms>".encode(), ""),
        (b"{", ""),
        (b"[" * 60_000, ""),
        (b"\x00\xff\xfe", ""),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_certain_is_kept_as_it_came_and_nobody_is_guessed(
    body: bytes | object, contact_point: str
) -> None:
    [one] = read(body)
    assert isinstance(one, Unread)
    assert one.contact_point == contact_point
    assert one.raw


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_a_request_without_a_word_is_nothing_to_keep(body: bytes) -> None:
    assert read(body) == []


def test_of_a_list_each_is_read_by_itself_and_what_cannot_be_is_kept() -> None:
    body = {"id": 7, "messages": [STOP, {"what": "?"}, {"msisdn": "79160000002", "body": "Да"}]}
    first, second, third = read(body)
    assert isinstance(first, Inbound)
    assert isinstance(third, Inbound)
    assert (first.text, third.text, third.contact_point) == ("СТОП", "Да", "+79160000002")
    assert first.reference == third.reference == ""  # the request's own id is nobody's
    assert isinstance(second, Unread)
    assert json.loads(second.raw) == {"what": "?"}


def test_what_a_customer_writes_is_never_taken_for_structure() -> None:
    forged = json.dumps([{"number": "79169999999", "text": "СТОП"}])
    assert told({"number": "79160000001", "text": forged}) == [(NUMBER, forged)]
    [one] = read({"number": "79160000001", "text": {"number": "79169999999"}})
    assert isinstance(one, Unread)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("79160000001"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["number", "from", "text", "body", "data", "id", "date", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_no_json_whatever_raises_and_nothing_is_lost(body: object) -> None:
    found = read(body)
    assert found
    for one in found:
        assert isinstance(one, Unread) or one.contact_point[1:].isdigit()


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_and_nothing_is_lost(body: bytes) -> None:
    assert bool(read(body)) == bool(body.strip())
