"""Letters spoilt at random, and letters made to hurt: read, bounded, and in time.

A benchmark calls `fuzz` for many thousands; `python -m tests.channels.test_letters_fuzzed 100000`
does so by hand.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from campaigns.inquiry.letter import Flaw, Letter
from channels.mailbox.limits import Limits
from channels.mailbox.reading import ReadLetter, read_letter
from tests.channels.letters import corpus, made

SLOWEST_SECONDS = 5.0  # on a machine that does other things as well
_LIMITS = Limits()

Spoil = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def flip(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    for _ in range(dice.randint(1, 30)):
        raw[dice.randrange(len(raw))] = dice.randrange(256)


def cut(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(raw))
    del raw[at : at + dice.randint(1, len(raw))]


def double(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(raw))
    piece = raw[at : at + dice.randint(1, 300)]
    raw[at:at] = piece * dice.randint(1, 50)


def swap_lines(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    lines = raw.split(b"\n")
    for _ in range(5):
        one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    raw[:] = b"\n".join(lines)


def splice(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    other = dice.choice(others)
    at = dice.randrange(len(raw))
    raw[at:] = other[dice.randrange(len(other)) :]


def put_in(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(raw))
    raw[at:at] = dice.choice(_NASTY) * dice.choice((1, 1, 2, 100))


_NASTY = (
    b"\x00", b"\r", b"\n", b"\r\n\r\n", b"--", b"=?", b"=?utf-8?b?", b"?=", b"<", b">", b"(", b'"',
    b"\\", b";", b"@", b"<[abc@x>", b"\xff\xfe", b"\xed\xa0\x80", b"&#x110000;", b"&#99999999999;",
    b"Content-Type: multipart/mixed; boundary=\"\"\r\n", b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"charset=utf-16", b"charset=unicode_escape",
    b"filename*0*=koi8-r''%", b"\nFrom: ", b"\nDate: 99999999999999999999", b"<!--", b"<style",
    b"\nContent-Type: message/delivery-status\n\n", b"\nStatus: 5.1.1\n", b"\n> ", b"\n-- \n",
)  # fmt: skip
_WAYS: tuple[Spoil, ...] = (flip, cut, double, swap_lines, splice, put_in)


def spoilt(dice: random.Random, letters: Sequence[bytes]) -> bytes:
    raw = bytearray(dice.choice(letters))
    for _ in range(dice.randint(1, 4)):
        if raw:
            dice.choice(_WAYS)(dice, raw, letters)
    return bytes(raw)


def check(raw: bytes) -> ReadLetter:
    """Read a letter and say what is wrong with the result, if anything is."""
    begun = time.monotonic()
    found = read_letter(raw)
    assert time.monotonic() - begun < SLOWEST_SECONDS
    letter = found.letter
    _check_texts(letter)
    assert letter.language in ("ru", "en")
    assert len(letter.attachments) <= _LIMITS.parts
    assert len(letter.senders) + len(letter.reply_to) <= 2 * _LIMITS.addresses
    assert len(letter.recipients) <= _LIMITS.addresses
    assert sum(map(len, letter.headers.values())) <= _LIMITS.headers
    assert letter.sent_at is None or letter.sent_at.tzinfo is not None
    for one in (letter.message_id, *letter.references, *letter.in_reply_to):
        assert not one or (one[0] == "<" and one[-1] == ">" and "@" in one and len(one) <= 500)
        assert one.isascii()
        assert not any(map(str.isspace, one))
    if found.report is not None:
        assert len(found.report.message_ids) <= 20
        assert len(found.report.status) <= 12
        assert found.report.recipient == found.report.recipient.lower()
    return found


def _check_texts(letter: Letter) -> None:
    assert len(letter.text) <= _LIMITS.text_characters
    assert len(letter.words) <= _LIMITS.word_characters
    assert len(letter.subject) <= 500
    for text in (letter.text, letter.words):
        assert not _controls(text)
        text.encode()
    lines = [letter.subject, letter.media_type, letter.report_type, letter.return_path or ""]
    lines += [value for values in letter.headers.values() for value in values]
    lines += [text for one in letter.senders for text in (one.address, one.name)]
    lines += [text for one in letter.attachments for text in (one.name, one.media_type)]
    for line in lines:
        assert len(line) <= 2000
        assert "\n" not in line
        assert not _controls(line)
        line.encode()


def _controls(text: str) -> list[str]:
    """Characters that do not belong in a text. Letters newer than this Python may be there."""
    return [one for one in text if (one < " " and one != "\n") or "\x7f" <= one <= "\x9f"]


def fuzz(count: int, seed: int) -> int:
    """Read so many spoilt letters; how often only the last guard was left (never, it should be).

    Raises AssertionError at the first result that is not as it must be.
    """
    dice = random.Random(seed)
    letters = [path.read_bytes() for path in corpus()]
    with capture_logs() as said:
        for _ in range(count):
            check(spoilt(dice, letters))
    return sum(entry["event"] == "letter_not_read" for entry in said)


@pytest.fixture(autouse=True)
def _no_last_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """What only the last guard caught is a fault of the reading."""
    with capture_logs() as said:
        yield
    beaten = any(entry["event"] == "letter_not_read" for entry in said)
    assert beaten == ("last_guard" in request.node.name)


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.stem)
def test_a_letter_of_the_corpus_is_read_wherever_it_is_cut(path: Path) -> None:
    raw = path.read_bytes()
    assert check(raw).letter.text
    for end in range(0, len(raw), 37):
        check(raw[:end])


def test_letters_spoilt_at_random_are_read() -> None:
    assert fuzz(2500, seed=20261120) == 0


@given(st.binary(max_size=3000))
def test_bytes_of_any_kind_are_read(raw: bytes) -> None:
    check(raw)


_PIECES = st.sampled_from(
    [*_NASTY, *(line for path in corpus() for line in path.read_bytes().splitlines(True))]
)


@given(st.lists(_PIECES, max_size=60))
def test_lines_of_letters_in_any_order_are_read(lines: list[bytes]) -> None:
    check(b"".join(lines))


_HEAD = b"From: Ivan <ivan@example.com>\r\nSubject: here\r\nAuto-Submitted: no\r\n"
_MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
_HTML = b"Content-Type: text/html\r\n\r\n"
_PART = b"--b\r\n\r\nwords\r\n"


def nested(depth: int) -> bytes:
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(depth)
    )
    closed = b"".join(b"\r\n--b%d--" % n for n in reversed(range(depth)))
    return opened + b"Content-Type: text/plain\r\n\r\nwords" + closed


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (_MIXED + _PART * 10_000 + b"--b--", Flaw.TOO_MANY_PARTS),
        (nested(200), Flaw.TOO_DEEP),
        (nested(5000), Flaw.TOO_DEEP),
        (b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"\r\nwords", Flaw.TOO_DEEP),
        (b"X-A: b\r\n" * 130_000 + b"\r\nwords", Flaw.HEADERS),
        (b"X-A: " + b"b" * 1_000_000 + b"\r\n\r\nwords", Flaw.HEADERS),
        (b"X-A: b\r\n" + b" c\r\n" * 250_000 + b"\r\nwords", Flaw.HEADERS),
        (_MIXED + _PART + b"--b\r\n" * 2_000_000, Flaw.TOO_MANY_PARTS),
        (_MIXED + _PART + b"--c\n" * 3_000_000, Flaw.STRUCTURE),
        (_MIXED + _PART + b"--" * 5_000_000, Flaw.STRUCTURE),
        (_HTML + b"<p>words</p>" + b"<" * 1_000_000, Flaw.TOO_LARGE),
        (_HTML + b"<p>words</p>" + b"<font size=1>" * 80_000, Flaw.TOO_LARGE),
        (b"\r\nwords\n" + b">" * 1_000_000, Flaw.TOO_LARGE),
        (b"\r\nwords\n" + b"> \n" * 300_000, Flaw.TOO_LARGE),
        (b"\r\nwords\n" + b"\n" * 1_000_000, Flaw.TOO_LARGE),
        (b"\r\nwords" + b" 20:20 a@b wrote >:\n" * 50_000, Flaw.TOO_LARGE),
        (b"Content-Transfer-Encoding: base64\r\n\r\nd29yZHM" + b"=A" * 500_000, Flaw.ENCODING),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\nwords" + b"=  " * 400_000,
         Flaw.ENCODING),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)}-{value[:12]!r}",
)  # fmt: skip
def test_a_letter_made_to_hurt_is_read_in_time_with_its_headers(body: bytes, flaw: Flaw) -> None:
    letter = check(_HEAD + body).letter
    assert flaw in letter.flaws
    assert (letter.subject, letter.values("auto-submitted")) == ("here", ("no",))
    assert "words" in letter.text


@pytest.mark.parametrize(
    "tag",
    [
        "<div>",
        "<!--",
        "<!",
        '<a ">',
        '<a "',
        "<br>",
        "<style>",
        "<b hidden>",
        "<blockquote>",
        "&",
        "&#9",
        "<svg></svg",
        "<pre>\n",
        "a<b ",
    ],
)
def test_a_page_of_one_thing_over_and_over_is_read_in_time(tag: str) -> None:
    check(_HEAD + _HTML + (tag * (1_000_000 // len(tag))).encode())


@pytest.mark.parametrize(
    "name", ["From", "To", "Subject", "References", "Message-ID", "Content-Type", "Date"]
)
@pytest.mark.parametrize(
    "value", ["(", ",", "<", '"\\', "a@b,", "=?utf-8?q?", ";a*0*=%", "1 ", ":", "<a@b> "]
)
def test_a_header_of_one_thing_over_and_over_is_read_in_time(name: str, value: str) -> None:
    check(f"{name}: {value * (60_000 // len(value))}\r\n".encode() * 4 + b"\r\nwords")


def test_an_attachment_of_thirty_megabytes_is_measured_in_time() -> None:
    head = (
        b"--b\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    content = (b"A" * 76 + b"\r\n") * 400_000
    letter = check(_HEAD + _MIXED + _PART + head + content + b"--b--").letter
    assert [one.size_bytes for one in letter.attachments] == [57 * 400_000]
    assert letter.text == "words"
    assert not letter.flaws


def test_a_letter_that_takes_too_long_is_read_as_far_as_it_came() -> None:
    raw = made("From: ivan@example.com", "Subject: here", body="words")
    letter = read_letter(raw, limits=Limits(seconds=-1)).letter
    assert letter.subject == "here"
    assert Flaw.TOO_SLOW in letter.flaws


def test_the_last_guard_gives_what_the_steps_before_had_found() -> None:
    raw = made("From: ivan@example.com", "Subject: here", body="words")
    letter = read_letter(raw, limits=Limits(text_characters=None)).letter  # type: ignore[arg-type]
    assert letter.subject == "here"
    assert Flaw.UNREADABLE in letter.flaws


def test_the_last_guard_gives_an_unreadable_letter() -> None:
    letter = read_letter(None).letter  # type: ignore[arg-type]
    assert Flaw.UNREADABLE in letter.flaws


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    begun_at = time.monotonic()
    left = fuzz(asked, seed=random.randrange(1 << 32))
    seconds = time.monotonic() - begun_at
    print(f"{asked} spoilt letters in {seconds:.1f} s, {left} left to the last guard")
