"""Headers of letters: read whatever they are, or left out; never an error."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.inquiry.letter import Flaw, Mailbox
from channels.mailbox.reading import read_letter
from tests.channels.letters import from_file, read

IDENTIFIER = "<1.abc@example.com>"


def test_an_ordinary_answer_to_a_campaign_is_read_whole() -> None:
    letter = from_file("reply-gmail")
    assert letter.sender == Mailbox("ivan@example.com", "Иван Петров")
    assert letter.return_path == "ivan@example.com"
    assert letter.recipients == ("info@example.org",)
    assert letter.subject == "Re: Счёт за октябрь"
    assert letter.message_id == "<CAF=abc+1@mail.example.com>"
    assert letter.in_reply_to == ("<d.131.abc@example.org>",)
    assert letter.references == ("<first@example.org>", "<d.131.abc@example.org>")
    assert letter.sent_at is not None
    assert letter.sent_at.utcoffset() == timedelta(hours=3)
    assert letter.values("SUBJECT") == ("Re: Счёт за октябрь",)
    assert not letter.flaws


def test_several_senders_groups_and_domains_in_russian_are_all_found() -> None:
    letter = from_file("several-from-group-idn")
    assert [one.address for one in letter.senders] == [
        "ivan@xn--80a1acny.xn--p1ai",
        "peter@example.com",
        "third@example.com",
    ]
    assert letter.senders[1].name == "Petrov, Peter (boss)"
    assert [one.address for one in letter.reply_to] == [
        "mum@example.com",
        "dad@example.com",
        "son@example.com",
    ]
    assert letter.recipients == ("info@example.org", "office@example.org")
    assert letter.return_path == "first@example.com"
    assert letter.flaws == {Flaw.SEVERAL_SENDERS}


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        ("ivan@example.com", "ivan@example.com", ""),
        ("Ivan <IVAN@EXAMPLE.COM>", "ivan@example.com", "Ivan"),
        ("ivan@example.com (Иван)", "ivan@example.com", "Иван"),
        ('"Петров, Иван" <ivan@example.com>', "ivan@example.com", "Петров, Иван"),
        (r'"Ivan \"the\" Great" <ivan@example.com>', "ivan@example.com", 'Ivan "the" Great'),
        ("=?utf-8?b?0JjQstCw0L0gPGl2YW5AZXhhbXBsZS5jb20+?=", "ivan@example.com", "Иван"),
        ('"=?utf-8?q?=D0=98=D0=B2=D0=B0=D0=BD?=" <ivan@example.com>', "ivan@example.com", "Иван"),
        ("<@relay.example.org:ivan@example.com>", "ivan@example.com", ""),
        ("Ivan <ivan @ example.com>", "ivan@example.com", "Ivan"),
        ("Ivan <<ivan@example.com>>", "ivan@example.com", "Ivan"),
        ("Ivan <ivan@example.com", "ivan@example.com", "Ivan"),
        ('"Ivan <ivan@example.com>', "ivan@example.com", "Ivan"),
        ("ivan @ example . com", "ivan@example.com", ""),
        ("ivan @example.com", "ivan@example.com", ""),
        ("ivan@ example.com", "ivan@example.com", ""),
        ("ivan@example . com (Иван)", "ivan@example.com", "Иван"),
        ("ivan . petrov @ example . com", "ivan.petrov@example.com", ""),
        ("Ivan P. ivan @ example.com", "ivan@example.com", "Ivan P."),
        ("Ivan @work ivan@example.com", "ivan@example.com", "Ivan @work"),
        ("ivan @", None, ""),
        ("@ @ @", None, ""),
        ("((( <x> Ivan", None, ""),
        ("Иван@пример.рф", "Иван@xn--e1afmkfd.xn--p1ai", ""),
        ("ivan@-bad-.ЖЖ..", "ivan@-bad-.жж", ""),
        ("Friends: ivan@example.com;", "ivan@example.com", ""),
        ("Friends:;", None, ""),
        ("Ivan", None, ""),
        ("<>", None, ""),
        ("", None, ""),
        ("@", None, ""),
        ("a" * 400 + "@example.com", None, ""),
        ("\x00ivan\x00@example.com", None, ""),
    ],
)
def test_a_sender_is_found_wherever_there_is_one(
    value: str, address: str | None, name: str
) -> None:
    letter = read(f"From: {value}")
    if address is None:
        assert letter.sender is None
        assert Flaw.NO_SENDER in letter.flaws
    else:
        assert letter.sender == Mailbox(address, name)


@pytest.mark.parametrize(
    ("value", "identifier"),
    [
        (IDENTIFIER, IDENTIFIER),
        ("1.abc@example.com", IDENTIFIER),
        (f"junk {IDENTIFIER} (comment)", IDENTIFIER),
        ("<1.abc@\r\n example.com>", IDENTIFIER),
        ("<[abc@x>", "<[abc@x>"),
        ("<no-at-sign>", ""),
        ("<русский@example.com>", ""),
        ("<" + "a" * 500 + "@example.com>", ""),
        ("<a@b", ""),
        ("", ""),
        ("<" * 10_000, ""),
    ],
)
def test_a_message_id_is_normal_or_none(value: str, identifier: str) -> None:
    assert read(f"Message-ID: {value}").message_id == identifier


def test_only_the_last_references_are_kept() -> None:
    many = " ".join(f"<{number}@example.com>" for number in range(1000))
    letter = read(f"References: {many}")
    assert len(letter.references) == 50
    assert letter.references[-1] == "<999@example.com>"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("<>", ""),
        ("", ""),
        ("<Ivan@Example.com>", "ivan@example.com"),
        ("<> (nobody)", ""),
        ("<ivan@example.com> (as told by the relay)", "ivan@example.com"),
        ("MAILER-DAEMON", "mailer-daemon"),
    ],
)
def test_a_return_path_is_an_address_or_the_null_path(value: str, path: str) -> None:
    assert read(f"Return-Path: {value}").return_path == path


def test_a_return_path_that_nobody_told_is_none() -> None:
    assert read("From: ivan@example.com").return_path is None


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("Fri, 20 Nov 2026 12:30:00 +0300", datetime(2026, 11, 20, 9, 30, tzinfo=UTC)),
        ("20 Nov 2026 12:30:00 -0000", datetime(2026, 11, 20, 12, 30, tzinfo=UTC)),
        ("20 Nov 2026 12:30:00", datetime(2026, 11, 20, 12, 30, tzinfo=UTC)),
        ("вчера", None),
        ("Fri, 99 Nov 2026 99:99:99 +9999", None),
        ("31 Dec 9999 23:59:59 -2359", None),
        ("1 Jan 99999999999999999999 00:00:00 +0000", None),
        ("", None),
    ],
)
def test_a_date_is_an_instant_or_none(value: str, at: datetime | None) -> None:
    assert read(f"Date: {value}").sent_at == at


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        (b"=?utf-8?B?0J/RgNC4?=\r\n =?utf-8?B?0LLQtdGC?=", "Привет"),
        (b"=?utf-8?B?0J/RgNC40A==?= =?utf-8?B?stC10YI=?=", "Привет"),  # a letter cut in two
        (b"=?utf-8?Q?=D0=9F=D1=80?= and =?koi8-r?B?09fF1A==?=", "Пр and свет"),
        (b"=?windows-1251?Q?=CD=E5=F2 =F1=E2=E5=F2=E0?=", "Нет света"),
        (b"=?utf-8?Q?=CD=E5=F2_=F1=E2=E5=F2=E0?=", "Нет света"),  # cp1251 in truth
        (b"=?us-ascii?Q?=D0=A1=D0=B2=D0=B5=D1=82?=", "Свет"),
        (b"=?nonsense*ru?Q?=D0=A1=D0=B2=D0=B5=D1=82?=", "Свет"),
        (b"=?zlib?B?eJwLSc0tyEktAQAJ4QKJ?= ok", None),
        (b"=?utf-8?B?0J/RgNC40LLQtdGC!!!?=", "Привет"),
        (b"=?utf-8?B?0J/RgNC40LLQtdG?=", "Приве"),
        (b"=?utf-8?B?never ends", "=?utf-8?B?never ends"),
        ("Нет света".encode(), "Нет света"),
        ("Нет света".encode("cp1251"), "Нет света"),
        ("Нет света".encode("koi8_r"), "Нет света"),
        (b"a\x00b\x1bc\x7f", "abc"),
        (b"a\tb\r\n\tc", "a b c"),
        ("a\u202eb\u200bc".encode(), "abc"),
        (b"x" * 5000, "x" * 500),
    ],
)  # fmt: skip
def test_a_subject_is_one_line_in_letters(value: bytes, subject: str | None) -> None:
    found = read(b"Subject: " + value).subject
    assert found == subject if subject is not None else found.endswith("ok")


def test_undeclared_headers_are_in_the_charset_of_the_letter() -> None:
    letter = from_file("eight-bit-headers-koi8")
    assert letter.subject == "Нет света в доме"
    assert letter.sender == Mailbox("ivan@example.com", "Иван Петров")
    short = "л/с".encode("koi8_r")  # three letters tell nothing by themselves
    assert read(b"Subject: " + short, "Content-Type: text/plain; charset=koi8-r").subject == "л/с"


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\r\r\n"])
def test_any_line_end_parts_headers_from_the_text(end: bytes) -> None:
    lines = [b"From: ivan@example.com", b"Subject: a", b" b", b"", b"one", b"two"]
    letter = read_letter(end.join(lines)).letter
    assert (letter.subject, letter.sender) == ("a b", Mailbox("ivan@example.com"))
    assert letter.text.split() == ["one", "two"]


def test_a_text_that_no_blank_line_parts_off_is_not_lost() -> None:
    letter = from_file("no-blank-line")
    assert letter.subject == "no blank line"
    assert letter.text.startswith("Здравствуйте, это письмо")
    assert Flaw.HEADERS in letter.flaws


def test_a_stray_line_among_headers_hides_none_of_those_after_it() -> None:
    letter = read("From: ivan@example.com", "this is no header", "Auto-Submitted: auto-replied")
    assert letter.values("auto-submitted") == ("auto-replied",)
    assert Flaw.HEADERS in letter.flaws


def test_every_value_of_a_repeated_header_is_kept_in_order() -> None:
    letter = read("Precedence: first", "PRECEDENCE: bulk", "precedence : list")
    assert letter.values("Precedence") == ("first", "bulk", "list")


def test_the_type_of_a_report_is_told_in_lower_case() -> None:
    letter = read('Content-Type: MULTIPART/Report; boundary=x; REPORT-TYPE="Delivery-Status"')
    assert (letter.media_type, letter.report_type) == ("multipart/report", "delivery-status")


def test_a_saved_letter_begins_with_a_line_of_its_mailbox_file() -> None:
    letter = read("From ivan@example.com Fri Nov 20 12:30:00 2026", "From: ivan@example.com")
    assert letter.sender == Mailbox("ivan@example.com")
