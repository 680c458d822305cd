"""Letters in by LMTP and SMTP: 250 only once the ledger has them, and no letter refused for its
looks."""

import contextlib
import logging
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.mailbox.arrived import Arrived
from channels.mailbox.envelope_header import with_envelope, without_return_path
from channels.mailbox.lmtp import LmtpListener

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LETTER = b"From: a@example.org\r\nSubject: light\r\n\r\nWhen?\r\n"


class Book:
    """Takes letters as the ledger would; a test may make it fail, or wait."""

    def __init__(self) -> None:
        self.taken: list[Arrived] = []
        self.answer: Callable[[], bool] = lambda: True

    def take(self, arrived: Arrived) -> bool:
        safe = self.answer()
        if safe:
            self.taken.append(arrived)
        return safe


@contextlib.contextmanager
def listener(book: Book, **options: Any) -> Iterator[LmtpListener]:
    with LmtpListener("127.0.0.1", 0, book.take, now=lambda: NOW, **options) as listening:
        yield listening


class Talk:
    """A conversation line by line, as a mail server leads it."""

    def __init__(self, listening: LmtpListener, greeting: str = "LHLO mx.example.com") -> None:
        self.wire = socket.create_connection(("127.0.0.1", listening.port), 5)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self.wire.makefile("rb")
        self.welcome = self.reply()
        self.offers = self.say(greeting) if greeting else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()
        self.wire.close()

    def say(self, line: str) -> str:
        self.wire.sendall(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.reply()

    def reply(self) -> str:
        said = b""
        while line := self._lines.readline():
            said += line
            if line[3:4] != b"-":
                break
        return said.decode()

    def begin(self, sender: str = "a@example.org", recipient: str = "info@example.com") -> None:
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        assert self.say(f"RCPT TO:<{recipient}>").startswith("250")

    def send(self, letter: bytes) -> str:
        assert self.say("DATA").startswith("354")
        self.wire.sendall(letter + b".\r\n")
        return self.reply()


def test_a_letter_is_agreed_to_only_once_it_is_taken() -> None:
    book = Book()
    asked, may = threading.Event(), threading.Event()

    def slowly() -> bool:
        asked.set()
        return may.wait(5)

    book.answer = slowly
    with listener(book) as listening, Talk(listening) as talk:
        talk.begin()
        assert talk.say("DATA").startswith("354")
        talk.wire.sendall(LETTER + b".\r\n")
        assert asked.wait(5)
        talk.wire.settimeout(0.1)
        with pytest.raises(TimeoutError):
            talk.wire.recv(1, socket.MSG_PEEK)
        talk.wire.settimeout(5)
        may.set()
        assert talk.reply().startswith("250 2.0.0")
    [arrived] = book.taken
    assert (arrived.mailbox, arrived.arrived_at, arrived.uid) == ("lmtp", NOW, 0)
    assert arrived.raw == (
        b"Return-Path: <a@example.org>\r\nDelivered-To: info@example.com\r\n" + LETTER
    )
    assert arrived.size_bytes == len(arrived.raw)


@pytest.mark.parametrize("failure", ["raised", "not taken"])
def test_a_letter_that_is_not_taken_is_to_come_again(failure: str) -> None:
    book = Book()

    def fail() -> bool:
        if failure == "raised":
            raise ConnectionError("postgresql://user:secret@ledger is away")
        return False

    book.answer = fail
    with listener(book) as listening, Talk(listening) as talk:
        talk.begin()
        said = talk.send(LETTER)
        assert said.startswith("451 4.3.0")
        assert "secret" not in said
        book.answer = lambda: True
        talk.begin()
        assert talk.send(LETTER).startswith("250")


def test_a_ledger_that_is_late_makes_the_letter_come_again() -> None:
    book = Book()
    may = threading.Event()
    book.answer = lambda: may.wait(5)
    with listener(book, take_seconds=0.1) as listening, Talk(listening) as talk:
        talk.begin()
        assert talk.send(LETTER).startswith("451")
        may.set()


def test_a_bounce_keeps_its_null_path() -> None:
    book = Book()
    with listener(book) as listening, Talk(listening) as talk:
        talk.begin(sender="")
        assert talk.send(b"Return-Path: <forged@example.org>\r\n" + LETTER).startswith("250")
    assert book.taken[0].raw == (b"Return-Path: <>\r\nDelivered-To: info@example.com\r\n" + LETTER)


def test_several_recipients_get_an_answer_each_for_the_one_letter() -> None:
    book = Book()
    with listener(book) as listening, Talk(listening) as talk:
        talk.begin(recipient="info@example.com")
        assert talk.say("RCPT TO:<help@example.com>").startswith("250")
        assert talk.say("RCPT TO:<>").startswith("501")
        assert talk.send(LETTER).startswith("250")
        assert talk.reply().startswith("250")
        assert talk.say("NOOP").startswith("250 OK")
    [arrived] = book.taken
    assert b"Delivered-To: info@example.com\r\nDelivered-To: help@example.com\r\n" in arrived.raw


def test_too_many_recipients_are_asked_to_come_in_another_transaction() -> None:
    with listener(Book()) as listening, Talk(listening) as talk:
        talk.begin()
        for number in range(99):
            assert talk.say(f"RCPT TO:<a{number}@example.com>").startswith("250")
        assert talk.say("RCPT TO:<one-more@example.com>").startswith("452 4.5.3")


def test_eight_bits_dots_and_long_lines_arrive_as_they_were_sent() -> None:
    book = Book()
    body = "Свет\r\n".encode() + b"\xff\x00\x80\r\n" + b"x" * 300_000 + b"\r\n.\r\n..y\r\n"
    with listener(book) as listening, Talk(listening) as talk:
        assert "8BITMIME" in talk.offers
        assert "SMTPUTF8" in talk.offers
        talk.begin()
        assert talk.send(b"A: b\r\n\r\n" + body.replace(b"\r\n.", b"\r\n..")).startswith("250")
    assert book.taken[0].raw.endswith(b"A: b\r\n\r\n" + body)


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(st.binary(max_size=80), max_size=8))
def test_whatever_the_lines_hold_the_letter_arrives_whole(lines: list[bytes]) -> None:
    letter = b"".join(line.replace(b"\r\n", b"\n") + b"\r\n" for line in lines)
    stuffed = b"".join(
        (b"." if line.startswith(b".") else b"") + line + b"\r\n"
        for line in letter.split(b"\r\n")[:-1]
    )
    book, talk = _shared()
    talk.begin()
    assert talk.send(stuffed).startswith("250")
    arrived = book.taken.pop()
    assert arrived.raw == with_envelope(letter, "a@example.org", ["info@example.com"])


_talks: list[tuple[Book, Talk]] = []


def _shared() -> tuple[Book, Talk]:
    return _talks[0]


@pytest.fixture(autouse=True, scope="module")
def one_long_talk() -> Iterator[None]:
    book = Book()
    with listener(book) as listening, Talk(listening) as talk:
        _talks.append((book, talk))
        yield


def test_a_dot_after_a_bare_line_feed_does_not_end_the_letter() -> None:
    book = Book()
    smuggled = b"A: b\r\n\r\nx\n.\nMAIL FROM:<boss@example.com>\n.\r\nstill the letter\r\n"
    with listener(book) as listening, Talk(listening) as talk:
        talk.begin()
        assert talk.send(smuggled).startswith("250")
    assert book.taken[0].raw.endswith(smuggled)


def test_a_letter_that_is_too_large_is_refused_for_good_before_and_after_it_is_sent() -> None:
    book = Book()
    with listener(book, letter_max_bytes=10_000) as listening, Talk(listening) as talk:
        assert "SIZE 10000" in talk.offers
        assert talk.say("MAIL FROM:<a@example.org> SIZE=10001").startswith("552")
        talk.begin()
        assert talk.send(b"x" * 30_000 + b"\r\n").startswith("552 5.3.4")
        talk.begin()
        assert talk.send(LETTER).startswith("250")
    assert len(book.taken) == 1


def test_more_letters_at_once_than_there_is_room_for_are_to_come_again() -> None:
    book = Book()
    with listener(book, letter_max_bytes=10_000) as listening, contextlib.ExitStack() as stack:
        talks = [stack.enter_context(Talk(listening)) for _each in range(6)]
        for talk in talks:
            talk.begin()
            assert talk.say("DATA").startswith("354")
            talk.wire.sendall(b"x" * 8000 + b"\r\n")
        for talk in talks:
            talk.wire.sendall(b"y" * 1800 + b"\r\n")
        for talk in talks:
            talk.wire.sendall(b".\r\n")
        said = [talk.reply()[:9] for talk in talks]
    assert "452 4.3.1" in said
    assert said.count("250 2.0.0") >= 4
    assert len(book.taken) == said.count("250 2.0.0")


def test_a_connection_that_says_nothing_is_closed() -> None:
    with listener(Book(), idle_seconds=0.2) as listening, Talk(listening) as talk:
        talk.begin()
        assert talk.say("DATA").startswith("354")
        talk.wire.sendall(b"the beginning of a lett")
        assert talk.wire.recv(100) == b""


def test_a_mail_server_that_goes_away_in_the_middle_leaves_no_letter() -> None:
    book = Book()
    with listener(book) as listening:
        with Talk(listening) as talk:
            talk.begin()
            talk.say("DATA")
            talk.wire.sendall(b"the beginning of a lett")
        with Talk(listening) as talk:
            talk.begin()
            assert talk.send(LETTER).startswith("250")
    assert len(book.taken) == 1


def test_too_many_connections_are_turned_away_until_one_has_gone() -> None:
    with listener(Book(), max_connections=1) as listening:
        with Talk(listening) as talk:
            talk.begin()
            with Talk(listening, greeting="") as second:
                assert second.welcome.startswith("421 4.3.2")
            talk.say("QUIT")
            assert talk.wire.recv(1) == b""
        with Talk(listening) as third:
            third.begin()


@pytest.mark.parametrize(
    "address",
    [
        "a..b@example.org",
        ".a@example.org",
        '"a b>c"@example.org',
        'a"b@example.org',
        "иван@почта.рф",
        "no-domain",
        "bounce+" + "x" * 600 + "@example.org",
    ],
)
def test_an_address_that_is_not_by_the_book_is_taken_as_it_is(address: str) -> None:
    book = Book()
    with listener(book) as listening, Talk(listening) as talk:
        talk.begin(sender=address)
        assert talk.send(LETTER).startswith("250")
    assert book.taken[0].raw.startswith(f"Return-Path: <{address}>\r\n".encode())


@pytest.mark.parametrize(
    "line",
    ["RCPT TO:info@", "MAIL FROM:", "MAIL", "\x00\xff", "LHLO", "DATA", "STARTTLS", "x" * 9000],
)
def test_nonsense_is_refused_and_the_conversation_goes_on(line: str) -> None:
    book = Book()
    with listener(book) as listening, Talk(listening) as talk:
        assert talk.say(line)[0] in "45"
        talk.begin()
        assert talk.send(LETTER).startswith("250")


def test_a_mail_server_may_speak_plain_smtp_and_gets_one_answer() -> None:
    book = Book()
    with (
        listener(book) as listening,
        smtplib.SMTP("127.0.0.1", listening.port, timeout=5) as smtp,
    ):
        refused = smtp.sendmail(
            "a@example.org", ["info@example.com", "help@example.com"], LETTER, ["BODY=8BITMIME"]
        )
        assert refused == {}
        assert smtp.noop()[0] == 250
    assert len(book.taken) == 1


def test_nothing_of_a_letter_gets_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()

    def fail() -> bool:
        raise ValueError("words of ivanov@example.org")

    book.answer = fail
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "mail.log"),  # as somebody may set it
        listener(book) as listening,
        Talk(listening) as talk,
    ):
        talk.begin(sender="ivanov@example.org")
        talk.send(LETTER)
        talk.say("ivanov@example.org")
        talk.say("VRFY ivanov@example.org")
    assert "not taken" in caplog.text
    assert "ivanov" not in caplog.text


def test_a_listener_stops_although_a_letter_is_being_taken() -> None:
    book = Book()
    asked, may = threading.Event(), threading.Event()

    def hang() -> bool:
        asked.set()
        return may.wait(5)

    book.answer = hang
    with listener(book) as listening, Talk(listening) as talk:
        talk.begin()
        talk.say("DATA")
        talk.wire.sendall(LETTER + b".\r\n")
        assert asked.wait(5)
        began = time.monotonic()
        listening.stop()
        assert time.monotonic() - began < 2
    may.set()


def test_a_port_of_the_settings_is_listened_on_as_soon_as_the_listener_is_made() -> None:
    book = Book()
    made = LmtpListener("127.0.0.1", 0, book.take, now=lambda: NOW)
    with socket.create_connection(("127.0.0.1", made.port), 5):
        pass
    made.stop()


def test_a_return_path_inside_is_taken_out_with_all_its_lines() -> None:
    letter = (
        b"Received: x\r\nreturn-path : <a@example.org>\r\n (a comment)\r\n\tgoes on\r\n"
        b"Return-Path:\r\n <b@example.org>\r\nSubject: y\r\n\r\nReturn-Path: <of the body>\r\n"
    )
    assert without_return_path(letter) == (
        b"Received: x\r\nSubject: y\r\n\r\nReturn-Path: <of the body>\r\n"
    )
    assert without_return_path(b"Return-Path: <a>") == b""
    assert without_return_path(b"") == b""


def test_an_address_cannot_add_a_header() -> None:
    assert with_envelope(b"", "a\r\nBcc: b", []) == b"Return-Path: <aBcc: b>\r\n"


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_a_letter_without_a_return_path_is_left_as_it_is(letter: bytes) -> None:
    if b"return-path" not in letter.lower():
        assert without_return_path(letter) == letter


@pytest.mark.parametrize(
    "worst",
    [b"Return-Path: x\r\n" * 60_000, b"Return-Path:\n " + b" \n " * 400_000, b":\n" * 500_000],
)
def test_a_megabyte_of_header_is_read_in_one_pass(worst: bytes) -> None:
    began = time.monotonic()
    without_return_path(worst)
    assert time.monotonic() - began < 3
