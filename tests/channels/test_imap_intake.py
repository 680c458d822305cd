"""Letters in by IMAP, on real servers: nothing is lost, taken twice or marked too early."""

import contextlib
import re
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.mailbox.account import MailboxAccount
from channels.mailbox.arrived import Arrived
from channels.mailbox.imap import ImapIntake
from channels.mailbox.imap_session import MARK
from channels.mailbox.look import Look
from tests.channels.mail_servers import (
    Dovecot,
    DovecotMailbox,
    MailServer,
    SandboxMailbox,
    account,
    dovecot,
    flags,
    mail_server,
    staff,
    subjects,
)
from tests.channels.meddler import Answer, CutOff, Meddler

__all__ = ["dovecot", "mail_server"]  # fixtures

PATIENCE_SECONDS = 10.0


def letter(subject: str, body: str = "Когда включат свет?") -> bytes:
    return f"From: a@example.org\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


class Book:
    """What the intake is told to write to, with what a test wants to know about it."""

    def __init__(self) -> None:
        self.taken: list[Arrived] = []
        self.looks: list[Look] = []
        self.batches: list[int] = []
        self.away = threading.Event()
        self.unreadable: set[bytes] = set()
        self._changed = threading.Condition()
        self._looks_at_last_take = 0

    def take(self, batch: Sequence[Arrived]) -> Collection[int]:
        if self.away.is_set():
            raise ConnectionError("the ledger is away")
        safe = [one for one in batch if not any(mark in one.raw for mark in self.unreadable)]
        with self._changed:
            self.taken += safe
            self.batches.append(len(batch))
            self._looks_at_last_take = len(self.looks)
            self._changed.notify_all()
        return {one.uid for one in safe}

    def seen(self, uid_validity: int, uids: Sequence[int]) -> Collection[int]:
        known = {one.uid for one in self.taken if one.uid_validity == uid_validity}
        return known & set(uids)

    def looked(self, look: Look) -> None:
        with self._changed:
            self.looks.append(look)
            self._changed.notify_all()

    def subjects(self) -> list[str]:
        return [subject_of(one.raw) for one in self.taken]

    def until(self, is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, seconds), (self.subjects(), self.looks[-3:])

    def until_taken(self, count: int, seconds: float = PATIENCE_SECONDS) -> None:
        self.until(lambda: len(self.taken) >= count, seconds)

    def until_settled(self, count: int) -> None:
        """So many are taken, and the look that took the last is over: they are moved."""
        self.until(
            lambda: (
                len(self.taken) >= count
                and any(
                    look.looked_at and not look.waiting
                    for look in self.looks[self._looks_at_last_take :]
                )
            )
        )

    def until_idle(self) -> None:
        """A look that found nothing has just been told: the intake waits, or is about to."""
        before = len(self.looks)
        self.until(lambda: any(one.looked_at for one in self.looks[max(before - 1, 0) :]))

    def until_trouble(self, words: str) -> None:
        self.until(lambda: any(words in look.trouble for look in self.looks))


def subject_of(raw: bytes) -> str:
    found = re.search(rb"Subject: (.*?)\r\n", raw)
    return found[1].decode() if found else ""


@contextlib.contextmanager
def intake(book: Book, box: MailboxAccount, **options: Any) -> Iterator[threading.Event]:
    """An intake at work for the length of a `with` block; it must end when told to."""
    told: dict[str, Any] = {"now": lambda: datetime.now(UTC), "slowest_seconds": 0.2}
    working = ImapIntake(box, book.take, book.seen, book.looked, **(told | options))
    stopped = threading.Event()
    thread = threading.Thread(target=working.run, args=(stopped,), daemon=True)
    thread.start()
    try:
        yield stopped
    finally:
        stopped.set()
        thread.join(2)
        assert not thread.is_alive()


def test_a_letter_dropped_while_idling_is_taken_at_once_and_moved(mail_server: MailServer) -> None:
    book = Book()
    with intake(book, account(mail_server), poll_seconds=60):
        book.until_idle()
        mail_server.drop(letter("light"))
        book.until_taken(1, mail_server.prompt_seconds)
        book.until_settled(1)
        assert subjects(mail_server) == []
        assert subjects(mail_server, "Processed") == ["light"]
    [arrived] = book.taken
    assert arrived.raw.endswith("Когда включат свет?\r\n".encode())
    assert (arrived.mailbox, arrived.is_whole) == ("info", True)
    assert arrived.size_bytes == len(arrived.raw)
    assert timedelta(0) <= datetime.now(UTC) - arrived.arrived_at < timedelta(seconds=20)


def test_a_letter_that_is_not_taken_stays_and_is_taken_at_the_next_look(
    mail_server: MailServer,
) -> None:
    book = Book()
    book.away.set()
    mail_server.drop(letter("light"))
    with intake(book, account(mail_server)):
        book.until_trouble("журнал")
        assert flags(mail_server)["light"] <= {"\\Recent"}
        book.away.clear()
        book.until_settled(1)
        assert subjects(mail_server, "Processed") == ["light"]
    assert book.looks[-1].trouble == ""


def test_a_burst_is_taken_once_each_the_first_ones_in_a_small_batch(
    mail_server: MailServer,
) -> None:
    book = Book()
    mail_server.drop_many([letter(f"{number:03}") for number in range(250)])
    with intake(book, account(mail_server)):
        book.until_taken(1)
        mail_server.drop_many([letter(f"{number:03}") for number in range(250, 500)])
        book.until_settled(500)
        book.until(lambda: len(book.taken) == 500)
        assert len(subjects(mail_server, "Processed")) == 500
        assert subjects(mail_server) == []
    assert sorted(book.subjects()) == [f"{number:03}" for number in range(500)]
    assert book.batches[0] == 10
    assert max(book.batches) <= 50
    assert any(look.waiting > 10 and look.oldest_at for look in book.looks)


def test_of_a_letter_that_is_too_large_only_the_beginning_is_taken_and_it_stays_for_people(
    mail_server: MailServer,
) -> None:
    book = Book()
    mail_server.drop_many([letter("large", "x" * 70 + "\r\n" + "y" * 400_000), letter("small")])
    with intake(book, account(mail_server), letter_max_bytes=300_000):
        book.until_settled(2)
        left = flags(mail_server)
    large = next(one for one in book.taken if subject_of(one.raw) == "large")
    assert not large.is_whole
    assert len(large.raw) == 256 * 1024
    assert large.size_bytes > 400_000
    assert list(left) == ["large"]
    assert {"\\Flagged", "\\Seen"} <= left["large"]
    assert (MARK in left["large"]) is mail_server.keeps_keywords
    with intake(book, account(mail_server), letter_max_bytes=300_000):
        book.until_idle()
    assert len(book.taken) == 2
    assert subjects(mail_server) == ["large"]


def test_a_letter_that_cannot_be_fetched_does_not_hold_up_those_behind_it(
    mail_server: MailServer,
) -> None:
    with Meddler(mail_server.port) as meddler:
        mail_server.drop_many([letter(str(number)) for number in range(4)])
        meddler.on_command = refuse_body_of(
            uid_of(mail_server, "1"), b"NO [SERVERBUG] the letter is damaged"
        )
        book = Book()
        with intake(book, account(mail_server, port=meddler.port)):
            book.until_taken(3)
            book.until_trouble("1 письмо")
            assert sorted(book.subjects()) == ["0", "2", "3"]
            assert subjects(mail_server) == ["1"]
            assert book.looks[-1].waiting == 1
            meddler.on_command = lambda line: line
            mail_server.drop(letter("new"))
            book.until_taken(4)
    assert "new" in book.subjects()


def test_a_letter_whose_size_the_server_cannot_tell_is_taken_all_the_same(
    mail_server: MailServer,
) -> None:
    with Meddler(mail_server.port) as meddler:
        mail_server.drop_many([letter(str(number)) for number in range(3)])
        unmeasured = uid_of(mail_server, "1")

        def refuse(line: bytes) -> bytes:
            if asks_for(line, unmeasured, b"RFC822"):
                raise Answer(line.split()[0] + b" NO [SERVERBUG] the index is damaged\r\n")
            return line

        meddler.on_command = refuse
        book = Book()
        with intake(book, account(mail_server, port=meddler.port)):
            book.until_settled(3)
            assert subjects(mail_server, "Processed") == ["0", "1", "2"]
    assert book.subjects()[-1] == "1"


@pytest.mark.parametrize("break_off", ["cut", "lie", "garbage", "nothing"])
def test_a_letter_that_breaks_the_connection_does_not_hold_up_those_behind_it(
    mail_server: MailServer, break_off: str
) -> None:
    with Meddler(mail_server.port) as meddler:
        mail_server.drop_many([letter(str(number)) for number in range(4)])
        broken = uid_of(mail_server, "0")
        what: dict[str, bytes | None] = {
            "cut": None,
            "lie": b"* 1 FETCH (UID %d BODY[] {99999999999}\r\n" % broken,
            "garbage": b"\xff\x00}}{{\r\n",
            "nothing": b"",
        }
        meddler.on_command = break_off_at(broken, what[break_off])
        book = Book()
        options: dict[str, Any] = {"timeout_seconds": 0.3} if break_off == "nothing" else {}
        with intake(book, account(mail_server, port=meddler.port), **options):
            book.until_taken(3)
            assert sorted(book.subjects()) == ["1", "2", "3"]
            meddler.on_command = lambda line: line
            book.until(lambda: book.looks[-1].waiting == 1 or len(book.taken) == 4)


def test_a_letter_that_cannot_be_written_down_is_told_and_left(mail_server: MailServer) -> None:
    book = Book()
    book.unreadable = {b"Subject: poison"}
    mail_server.drop_many([letter("poison"), letter("light")])
    with intake(book, account(mail_server)):
        book.until_trouble("1 письмо")
        assert book.subjects() == ["light"]
        assert subjects(mail_server) == ["poison"]


def test_letters_of_a_folder_that_was_made_anew_are_taken_under_its_new_validity(
    mail_server: MailServer,
) -> None:
    with staff(mail_server, None) as box:
        box.folder.create("Letters")
        box.append(letter("old"), "Letters")
    book = Book()
    with intake(book, account(mail_server, folder="Letters", done=""), poll_seconds=0.2):
        book.until_settled(1)
        with staff(mail_server, None) as box:
            box.folder.delete("Letters")
            box.folder.create("Letters")
            box.append(letter("new"), "Letters")
        book.until_taken(2)
    old, new = book.taken
    assert subject_of(new.raw) == "new"
    assert old.uid_validity != new.uid_validity


def test_a_server_that_was_killed_is_found_again_when_it_is_back(mail_server: MailServer) -> None:
    book = Book()
    with intake(book, account(mail_server)):
        book.until_idle()
        mail_server.kill()
        book.until_trouble("нет связи")
        assert book.looks[-1].looked_at is None
        mail_server.revive()
        mail_server.drop(letter("light"))
        book.until_taken(1)
    assert book.subjects() == ["light"]


def test_a_connection_that_is_lost_once_is_taken_up_again_and_no_trouble(
    mail_server: MailServer,
) -> None:
    was_cut = threading.Event()

    def cut_once(line: bytes) -> bytes:
        if b"IDLE" in line and not was_cut.is_set():
            was_cut.set()
            raise CutOff
        return line

    book = Book()
    with Meddler(mail_server.port) as meddler:
        meddler.on_command = cut_once
        with intake(book, account(mail_server, port=meddler.port)):
            book.until(was_cut.is_set)
            mail_server.drop(letter("light"))
            book.until_settled(1)
        assert meddler.connections == 2
    assert {look.trouble for look in book.looks} == {""}


def test_a_folder_with_a_russian_name_is_made_for_what_is_done(mail_server: MailServer) -> None:
    book = Book()
    mail_server.drop(letter("light"))
    with intake(book, account(mail_server, done="Обработано & прочее")):
        book.until_settled(1)
        assert subjects(mail_server, "Обработано & прочее") == ["light"]


def test_without_a_folder_for_what_is_done_letters_are_marked_and_taken_once(
    mail_server: MailServer,
) -> None:
    book = Book()
    mail_server.drop(letter("light"))
    with intake(book, account(mail_server, done="")):
        book.until_settled(1)
        assert "\\Seen" in flags(mail_server)["light"]
        assert (MARK in flags(mail_server)["light"]) is mail_server.keeps_keywords
    # Where there is a mark, it does without the memory of uids.
    other = Book() if mail_server.keeps_keywords else book
    with intake(other, account(mail_server, done="")):
        other.until_idle()
        mail_server.drop(letter("water"))
        other.until(lambda: "water" in other.subjects())
    assert [*book.subjects(), *other.subjects()].count("light") == (2 if other is book else 1)


def test_a_letter_marked_read_by_a_person_is_taken_all_the_same(mail_server: MailServer) -> None:
    mail_server.drop(letter("light"))
    with staff(mail_server) as box:
        box.client.store("1", "+FLAGS", "(\\Seen)")
    book = Book()
    with intake(book, account(mail_server)):
        book.until_taken(1)


def test_what_was_taken_and_not_moved_is_moved_by_the_next_connection(
    mail_server: MailServer,
) -> None:
    mail_server.drop(letter("light"))
    book = Book()
    with Meddler(mail_server.port) as meddler:
        meddler.on_command = cut_at(b"UID STORE")
        with intake(book, account(mail_server, port=meddler.port), slowest_seconds=60):
            book.until_taken(1)
            book.until_trouble("обрывает")
        assert subjects(mail_server) == ["light"]
    with intake(book, account(mail_server)):
        book.until_idle()
        assert subjects(mail_server, "Processed") == ["light"]
    assert book.subjects() == ["light"]


def test_what_was_marked_and_not_moved_is_moved_unless_a_person_keeps_it(
    dovecot: Dovecot,
) -> None:
    server = DovecotMailbox(dovecot, "marked@example.com")
    server.drop_many([letter("marked"), letter("kept by a person")])
    with staff(server) as box:
        box.client.store("1:2", "+FLAGS", f"({MARK})")
        [kept] = box.uids('SUBJECT "kept"')
        box.client.uid("STORE", kept, "+FLAGS", "(\\Flagged)")
    book = Book()
    with intake(book, account(server)):
        book.until_idle()
        assert subjects(server, "Processed") == ["marked"]
        assert subjects(server) == ["kept by a person"]
    assert book.taken == []


def test_where_no_keywords_are_kept_the_memory_of_uids_does(mail_server: MailServer) -> None:
    with Meddler(mail_server.port) as meddler:
        meddler.on_answer = lambda said: re.sub(
            rb"PERMANENTFLAGS \([^)]*\)", rb"PERMANENTFLAGS ()", said
        )
        mail_server.drop(letter("light"))
        book = Book()
        box = account(mail_server, port=meddler.port, done="")
        with intake(book, box, poll_seconds=0.1):
            book.until_settled(1)
            looks = len(book.looks)
            book.until(lambda: len(book.looks) > looks + 2)
        with intake(book, box):
            book.until_idle()
            mail_server.drop(letter("water"))
            book.until_taken(2)
    assert book.subjects() == ["light", "water"]
    assert MARK not in flags(mail_server)["light"]
    assert sum(b"BODY.PEEK" in line for line in meddler.commands) == 2


def test_without_move_letters_are_copied_and_nobody_elses_are_expunged(
    mail_server: MailServer,
) -> None:
    mail_server.drop(letter("deleted by a person"))
    book = Book()
    with Meddler(mail_server.port) as meddler:
        meddler.on_answer = lambda said: said.replace(b" MOVE", b"")
        with intake(book, account(mail_server, port=meddler.port, done="")):
            book.until_settled(1)
        with staff(mail_server) as box:
            box.client.store("1", "+FLAGS", "(\\Deleted \\Flagged)")
        mail_server.drop(letter("light"))
        with intake(book, account(mail_server, port=meddler.port)):
            book.until_settled(2)
            assert "light" in subjects(mail_server, "Processed")
            assert "light" not in subjects(mail_server)
    assert all(b"UID EXPUNGE" in line for line in meddler.commands if b"EXPUNGE" in line)
    if mail_server.keeps_keywords:
        assert subjects(mail_server) == ["deleted by a person"]


def test_where_only_an_expunge_of_everything_is_offered_letters_stay(
    mail_server: MailServer,
) -> None:
    mail_server.drop(letter("light"))
    with Meddler(mail_server.port) as meddler:
        meddler.on_answer = lambda said: said.replace(b" MOVE", b"").replace(b" UIDPLUS", b"")
        book = Book()
        with intake(book, account(mail_server, port=meddler.port)):
            book.until_settled(1)
            assert "\\Seen" in flags(mail_server)["light"]
    assert not any(b"EXPUNGE" in line or b"COPY" in line for line in meddler.commands)


def test_without_idle_the_folder_is_looked_into_now_and_then(mail_server: MailServer) -> None:
    with Meddler(mail_server.port) as meddler:
        meddler.on_answer = lambda said: said.replace(b" IDLE", b"")
        book = Book()
        with intake(book, account(mail_server, port=meddler.port), poll_seconds=0.1):
            book.until_idle()
            mail_server.drop(letter("light"))
            book.until_taken(1)
    assert not any(b"IDLE" in line for line in meddler.commands)


def test_a_notice_that_is_lost_is_made_up_for_by_the_poll(mail_server: MailServer) -> None:
    with Meddler(mail_server.port) as meddler:
        meddler.on_answer = lambda said: re.sub(rb"\* \d+ EXISTS", b"* OK still here", said)
        book = Book()
        with intake(book, account(mail_server, port=meddler.port), poll_seconds=0.3):
            book.until_idle()
            mail_server.drop(letter("light"))
            book.until_taken(1)


def test_news_told_before_the_server_agrees_to_idle_are_not_lost(mail_server: MailServer) -> None:
    with Meddler(mail_server.port) as meddler:
        dropped = threading.Event()

        def drop_before_idle(line: bytes) -> bytes:
            if b"IDLE" in line and not dropped.is_set():
                dropped.set()
                mail_server.drop(letter("light"))
                tell_news.set()
            return line

        tell_news = threading.Event()
        meddler.on_command = drop_before_idle
        meddler.on_answer = lambda said: (
            said.replace(b"+ ", b"* 1 EXISTS\r\n+ ", 1) if tell_news.is_set() else said
        )
        book = Book()
        with intake(book, account(mail_server, port=meddler.port), poll_seconds=60):
            book.until_taken(1, mail_server.prompt_seconds)
            tell_news.clear()


def test_a_server_that_always_has_news_is_not_asked_in_a_circle() -> None:
    server = SandboxMailbox()
    with Meddler(server.port) as meddler:
        meddler.on_answer = lambda said: said.replace(b"* SEARCH", b"* 7 EXISTS\r\n* SEARCH")
        book = Book()
        with intake(book, account(server, port=meddler.port), poll_seconds=60):
            book.until(lambda: any(b"IDLE" in line for line in meddler.commands[:12]))
    server.kill()


def test_who_waits_for_letters_stops_at_once_when_told_to(mail_server: MailServer) -> None:
    book = Book()
    with intake(book, account(mail_server), poll_seconds=60) as stopped:
        book.until_idle()
        began = time.monotonic()
        stopped.set()
    assert time.monotonic() - began < 1.5


def test_who_waits_for_a_silent_server_stops_at_once_when_told_to() -> None:
    server = SandboxMailbox()
    with Meddler(server.port) as meddler:
        meddler.is_silent.set()
        with intake(Book(), account(server, port=meddler.port)) as stopped:
            silence = threading.Event()
            silence.wait(0.1)
            began = time.monotonic()
            stopped.set()
        assert time.monotonic() - began < 1.5
    server.kill()


def test_a_peer_that_died_in_silence_is_noticed_and_left(mail_server: MailServer) -> None:
    with Meddler(mail_server.port) as meddler:
        book = Book()
        box = account(mail_server, port=meddler.port)
        with intake(book, box, poll_seconds=0.2, timeout_seconds=0.5):
            book.until_idle()
            meddler.is_silent.set()
            book.until_trouble("не отвечает за отведённое время")
            meddler.is_silent.clear()
            mail_server.drop(letter("light"))
            book.until_taken(1)
    assert meddler.connections > 1


def test_a_wrong_password_is_told_without_the_password_or_the_servers_words(
    mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    book = Book()
    with Meddler(mail_server.port) as meddler:
        box = account(mail_server, port=meddler.port, password="wrong-one")
        with intake(book, box):
            book.until_trouble("вход отклонён")
        assert meddler.connections == 1  # once a minute, lest the account be locked
    told = " ".join([*(look.trouble for look in book.looks), caplog.text])
    assert "wrong-one" not in told
    assert mail_server.username not in told


def test_a_folder_that_is_missing_is_told(mail_server: MailServer) -> None:
    book = Book()
    with intake(book, account(mail_server, folder="Nowhere")):
        book.until_trouble("папка не открывается")


def test_a_password_never_travels_in_the_clear_to_another_machine() -> None:
    asked = MailboxAccount(name="info", host="127.0.0.1", password="p", tls="none")
    server = asked.model_copy(update={"host": "mail.example.com"})
    with pytest.raises(ValueError, match=r"mail\.example\.com"):
        ImapIntake(server, Book().take, Book().seen, Book().looked, now=lambda: datetime.now(UTC))


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_over_tls_letters_come_in_and_a_stranger_certificate_keeps_us_out(
    dovecot: Dovecot, client_tls: ssl.SSLContext, tls: str
) -> None:
    server = DovecotMailbox(dovecot, f"over-{tls}@example.com")
    server.drop(letter("light"))
    box = account(server, tls=tls, port=dovecot.tls_port if tls == "tls" else dovecot.port)
    wary = Book()
    with intake(wary, box):
        wary.until_trouble("сертификат")
    assert wary.taken == []
    book = Book()
    with intake(book, box, tls_context=client_tls):
        book.until_taken(1)


def test_a_server_without_starttls_is_not_logged_into_in_the_clear() -> None:
    server = SandboxMailbox()
    with Meddler(server.port) as meddler:
        book = Book()
        with intake(book, account(server, port=meddler.port, tls="starttls")):
            book.until_trouble("зашифрованного")
        assert not any(b"LOGIN" in line for line in meddler.commands)
    server.kill()


def test_one_who_cannot_be_told_does_not_stop_the_intake() -> None:
    server = SandboxMailbox()
    book = Book()

    def deaf(look: Look) -> None:
        book.looked(look)
        raise ConnectionError("the ledger is away")

    server.drop(letter("light"))
    working = ImapIntake(account(server), book.take, book.seen, deaf, now=lambda: datetime.now(UTC))
    stopped = threading.Event()
    thread = threading.Thread(target=working.run, args=(stopped,), daemon=True)
    thread.start()
    book.until_settled(1)
    stopped.set()
    thread.join(2)
    assert not thread.is_alive()
    server.kill()


def test_a_read_only_folder_is_read_and_nothing_is_changed_in_it(dovecot: Dovecot) -> None:
    server = DovecotMailbox(dovecot, "read-only@example.com")
    server.drop(letter("light"))
    with Meddler(server.port) as meddler:
        meddler.on_answer = lambda said: said.replace(b"[READ-WRITE]", b"[READ-ONLY]")
        book = Book()
        with intake(book, account(server, port=meddler.port), poll_seconds=0.1):
            book.until_settled(1)
            looks = len(book.looks)
            book.until(lambda: len(book.looks) > looks + 1)
    assert book.subjects() == ["light"]
    assert not any(b"STORE" in line or b"MOVE" in line for line in meddler.commands)


def uid_of(server: MailServer, subject: str) -> int:
    with staff(server) as box:
        found = {one.subject: one.uid for one in box.fetch(mark_seen=False)}
    return int(found[subject] or 0)


def refuse_body_of(uid: int, answer: bytes) -> Callable[[bytes], bytes]:
    """The server answers NO to whoever asks for this letter's text."""

    def meddle(line: bytes) -> bytes:
        if asks_for(line, uid):
            raise Answer(line.split()[0] + b" " + answer + b"\r\n")
        return line

    return meddle


def break_off_at(uid: int, answer: bytes | None) -> Callable[[bytes], bytes]:
    """Something that is not IMAP in place of this letter's text; None: the connection is cut."""

    def meddle(line: bytes) -> bytes:
        if not asks_for(line, uid):
            return line
        if answer is None:
            raise CutOff
        raise Answer(answer)

    return meddle


def cut_at(command: bytes) -> Callable[[bytes], bytes]:
    def meddle(line: bytes) -> bytes:
        if command in line:
            raise CutOff
        return line

    return meddle


def asks_for(line: bytes, uid: int, what: bytes = b"BODY") -> bool:
    found = re.search(rb"FETCH ([\d:,]+) \(UID " + what, line)
    if not found:
        return False
    runs = [part.split(b":") for part in found[1].split(b",")]
    return any(int(run[0]) <= uid <= int(run[-1]) for run in runs)
