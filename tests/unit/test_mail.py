"""A letter as bytes, read back by the standard library's parser."""

import email
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.mail import UnfitHeader, build_letter, mailto, thread_of

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


# --- answers: a thread, a loop mark, a file that goes along ---------------------------------


def test_an_answer_stands_in_the_thread_of_what_it_answers() -> None:
    content = letter(
        in_reply_to="<q2@example.com>",
        references=("<q1@example.com>", "<q2@example.com>"),
        auto_submitted="auto-replied",
        loop_mark="robot@example.ru",
    )
    message = parsed(content)
    assert message["In-Reply-To"] == "<q2@example.com>"
    assert message["References"].split() == ["<q1@example.com>", "<q2@example.com>"]
    assert message.get_all("Auto-Submitted") == ["auto-replied"]
    assert message["X-Loop"] == "robot@example.ru"


def test_what_a_person_wrote_is_not_called_automatic() -> None:
    assert "Auto-Submitted" not in parsed(letter(auto_submitted=None))


@pytest.mark.parametrize(
    "stranger",
    [
        "",
        "<>",
        "no brackets@example.com",
        "<a b@example.com>",
        "<a@b>\r\nBcc: all@example.com",
        "<a@b>\n",
        "<a@b><c@d>",
        '<"a\\"@b>',
        "<(comment)a@b>",
        "<а@пример.рф>",
        "<=?utf-8?q?x?=@b>",
        "<a\x00@b>",
        "<" + "a" * 250 + "@b>",
    ],
)
def test_a_message_id_that_is_none_is_left_out(stranger: str) -> None:
    message = parsed(letter(in_reply_to=stranger, references=(stranger, "<good@example.com>")))
    assert "In-Reply-To" not in message
    assert message["References"] == "<good@example.com>"
    assert parsed(letter(references=(stranger,))).keys() == parsed(letter()).keys()


@pytest.mark.parametrize(
    "usual", ["<a.b$c=d@example.com>", "<a:b@[10.0.0.1]>", "<CAB+x-y_z@mail.gmail.com>", "<1-2-3>"]
)
def test_a_message_id_of_the_world_is_told(usual: str) -> None:
    assert parsed(letter(in_reply_to=usual))["In-Reply-To"] == usual


def test_a_long_thread_keeps_its_beginning_and_its_last_letters() -> None:
    ids = [f"<{number}@example.com>" for number in range(40)]
    told = thread_of("<last@example.com>", ids)
    assert told == ("<0@example.com>", *ids[32:], "<last@example.com>")
    assert len(told) == 10
    assert parsed(letter(references=ids))["References"].split() == ["<0@example.com>", *ids[31:]]


def test_references_are_folded_and_no_line_is_longer_than_the_wire_allows() -> None:
    ids = [f"<{str(number) * 240}@b>" for number in range(9)]
    content = letter(references=ids, in_reply_to=ids[0])
    assert max(map(len, content.split(b"\r\n"))) < 300
    assert parsed(content)["References"].split() == ids


@pytest.mark.parametrize("mark", ["a b", "a\r\nBcc: b", "\x00", "x" * 400])
def test_a_loop_mark_that_breaks_a_line_is_refused(mark: str) -> None:
    with pytest.raises(UnfitHeader):
        letter(loop_mark=mark)


def test_a_letter_may_offer_both_ways_to_unsubscribe_the_click_first() -> None:
    by_mail = mailto("info+x@example.ru", "unsubscribe 1-1-abc")
    assert by_mail == "mailto:info+x@example.ru?subject=unsubscribe%201-1-abc"
    message = parsed(letter(unsubscribe_url="https://example.ru/u", unsubscribe_mailto=by_mail))
    assert message["List-Unsubscribe"] == f"<https://example.ru/u>, <{by_mail}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_by_mail_alone_there_is_nothing_to_click() -> None:
    message = parsed(letter(unsubscribe_mailto="mailto:info@example.ru?subject=unsubscribe"))
    assert message["List-Unsubscribe"] == "<mailto:info@example.ru?subject=unsubscribe>"
    assert "List-Unsubscribe-Post" not in message


@pytest.mark.parametrize(
    "url", ["info@example.ru", "mailto:a b", "mailto:a>,<b", "mailto:a\r\nX: y"]
)
def test_a_mailto_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UnfitHeader):
        letter(unsubscribe_mailto=url)


def test_a_cyrillic_address_can_be_written_to_by_a_link() -> None:
    assert mailto("инфо@почта.рф", "стоп").isascii()


def attached(content: bytes) -> EmailMessage:
    message = parsed(content)
    assert message.get_content_type() == "multipart/mixed"
    words, file = message.iter_parts()
    assert words.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in cast(EmailMessage, words).iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    return cast(EmailMessage, file)


@pytest.mark.parametrize("content", [b"", b"x", b"--=_\r\n.\r\n" * 40, bytes(range(256)) * 50])
def test_a_file_goes_along_byte_for_byte(content: bytes) -> None:
    file = attached(letter(attachment=("2026-000123.eml", content)))
    assert file.get_content_type() == "application/octet-stream"
    assert file.get_content_disposition() == "attachment"
    assert file.get_filename() == "2026-000123.eml"
    assert file.get_content() == content


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Письмо клиента.eml", "Письмо клиента.eml"),
        ("a%20'b'.eml", "a%20'b'.eml"),
        ('a"; x="b.eml', 'a"; x="b.eml'),
        ("a\r\nBcc: b@c.eml", "a Bcc_ b@c.eml"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\a.eml", "C__a.eml"),
        ("", "letter"),
        ("п" * 200 + ".eml", "п" * 76 + ".eml"),
    ],
)
def test_the_name_of_a_file_stays_a_name(name: str, expected: str) -> None:
    content = letter(attachment=(name, b"x"))
    assert attached(content).get_filename() == expected
    assert parsed(content).keys() == parsed(letter()).keys()
    assert max(map(len, content.split(b"\r\n"))) <= 78


@given(st.text(max_size=120), st.lists(st.text(max_size=40), max_size=15))
def test_no_stranger_adds_a_header_by_a_name_or_a_thread(name: str, ids: list[str]) -> None:
    content = letter(attachment=(name, b"x"), references=[f"<{one}>" for one in ids])
    assert set(parsed(content).keys()) <= {*parsed(letter()).keys(), "References"}
    assert len(list(parsed(content).iter_parts())) == 2
    assert not any(b"\n" in line or b"\r" in line for line in content.split(b"\r\n"))


def test_an_answer_with_everything_is_the_same_bytes_each_time() -> None:
    everything = {
        "in_reply_to": "<q@example.com>",
        "references": ("<q@example.com>",),
        "auto_submitted": "auto-replied",
        "loop_mark": "robot@example.ru",
        "unsubscribe_mailto": "mailto:a@example.ru",
        "attachment": ("a.eml", b"x" * 1000),
    }
    assert letter(**everything) == letter(**everything)


@pytest.mark.parametrize(
    ("changes", "digest"),
    [
        ({}, "1b1655d1fe4bc3c8"),
        (
            {"to_name": "", "reply_to": "otvet@example.ru", "sender_name": "House"},
            "2d0b8fa55dc819f2",
        ),
        ({"text": "строка\r\n" * 400, "html": "<p>строка</p>\r" * 4000}, "32bedc336fda8140"),
        ({"attachment": ("счёт.pdf", bytes(range(256)) * 9)}, "df0842629fbf5d11"),
        (
            {"sent_at": datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=7)))},
            "5e06bdd65fd81ac8",
        ),
    ],
)
def test_a_letter_is_the_same_to_the_byte_in_every_version(
    changes: dict[str, Any], digest: str
) -> None:
    """A letter sent again, perhaps by a newer version of us, is the letter that may have arrived.

    Who changes these digests changes what a second copy looks like beside the first.
    """
    assert sha256(letter(**changes)).hexdigest()[:16] == digest


@given(st.text(max_size=120))
def test_words_of_a_header_are_cut_between_characters(subject: str) -> None:
    """However it is cut, each word is at most 75 characters and can be read by itself."""
    content = letter(subject="ы" + subject)
    lines = content.split(b"\r\nDate:")[0].split(b"Subject: ")[1].split(b"\r\n ")
    assert all(len(line) <= 75 for line in lines)
    words = b"".join(line.removeprefix(b"=?utf-8?b?").removesuffix(b"?=") for line in lines)
    assert words.isascii()
    assert str(parsed(content)["Subject"]).startswith("ы")


@given(st.text(max_size=3000))
def test_a_body_stands_in_base64_lines_as_mail_wants_them(text: str) -> None:
    canonical = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    encoded = b64encode(canonical.encode("utf-8", "replace"))
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    part = letter(text=text).split(b"text/plain")[1].split(b"\r\n\r\n")[1].split(b"\r\n--")[0]
    assert part == b"\r\n".join(lines)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3))])))
def test_the_date_is_written_as_the_standard_library_writes_it(sent_at: datetime) -> None:
    assert f"\r\nDate: {format_datetime(sent_at)}\r\n".encode() in letter(sent_at=sent_at)
