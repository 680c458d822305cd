"""A mailbox in use: what had lain there long before the robot first looked is left alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mailbox.imap_answers import search_day
from channels.mailbox.imap_memory import FolderMemory
from channels.mailbox.imap_reach import Reach
from channels.mailbox.look import FirstLook
from tests.channels.mail_servers import (
    MailServer,
    SandboxMailbox,
    account,
    dovecot,
    flags,
    mail_server,
    staff,
)
from tests.channels.meddler import Answer, Meddler
from tests.channels.test_imap_intake import Book, intake, letter

__all__ = ["dovecot", "mail_server"]  # fixtures

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Shelf:
    """What keeps the first look."""

    def __init__(self, kept: FirstLook | None = None) -> None:
        self.kept = kept

    def first(self, look: FirstLook) -> FirstLook:
        self.kept = self.kept or look
        return self.kept


def lay(server: MailServer, subject: str, *, days_ago: float, hours_ago: float = 0) -> None:
    """A letter that arrived then, as its server says."""
    at = datetime.now(UTC) - timedelta(days=days_ago, hours=hours_ago)
    with staff(server) as box:
        box.append(letter(subject), "INBOX", dt=at)


def validity(server: MailServer) -> int:
    with staff(server, None) as box:
        return int(box.folder.status("INBOX")["UIDVALIDITY"])


def test_what_lay_there_for_long_is_neither_taken_nor_marked_and_what_comes_is(
    mail_server: MailServer,
) -> None:
    for number in range(3):
        lay(mail_server, f"old {number}", days_ago=400)
    lay(mail_server, "a moment too old", days_ago=3, hours_ago=1)
    lay(mail_server, "a moment younger", days_ago=2, hours_ago=23)
    book, shelf = Book(), Shelf()
    with intake(book, account(mail_server), first=shelf.first):
        book.until_settled(1)
        mail_server.drop(letter("new"))
        book.until_settled(2)
        lay(mail_server, "moved here by a person", days_ago=400)
        book.until_taken(3, 25)
        book.until_settled(3)
    assert book.subjects() == ["a moment younger", "new", "moved here by a person"]
    left = flags(mail_server)
    assert sorted(left) == ["a moment too old", "old 0", "old 1", "old 2"]
    assert all(told <= {"\\Recent"} for told in left.values())
    assert book.looks[-1].left_alone == 4
    assert {look.trouble for look in book.looks} == {""}
    assert book.looks[-1].waiting == 0


def test_without_a_first_look_to_keep_everything_is_taken_in(mail_server: MailServer) -> None:
    lay(mail_server, "old", days_ago=400)
    book = Book()
    with intake(book, account(mail_server)):
        book.until_settled(1)


def test_a_mailbox_may_be_taken_over_with_all_that_lies_in_it(mail_server: MailServer) -> None:
    lay(mail_server, "old", days_ago=400)
    book = Book()
    with intake(book, account(mail_server, first_days=36_500), first=Shelf().first):
        book.until_settled(1)
    assert book.looks[-1].left_alone == 0


def test_a_robot_that_was_away_takes_in_whatever_came_since(mail_server: MailServer) -> None:
    lay(mail_server, "old", days_ago=90)
    first = FirstLook(datetime.now(UTC) - timedelta(days=60), validity(mail_server), 0)
    with staff(mail_server) as box:
        highest = max(int(uid) for uid in box.uids())
    shelf = Shelf(FirstLook(first.at, first.uid_validity, highest))
    lay(mail_server, "came while it was away", days_ago=20)
    lay(mail_server, "by a server whose clock is wrong", days_ago=9000)
    book = Book()
    with intake(book, account(mail_server), first=shelf.first):
        book.until_settled(2)
    assert book.subjects() == ["came while it was away", "by a server whose clock is wrong"]
    assert list(flags(mail_server)) == ["old"]


def test_in_a_folder_made_anew_the_dates_tell_what_is_old(mail_server: MailServer) -> None:
    lay(mail_server, "old", days_ago=90)
    lay(mail_server, "after the first look", days_ago=50)
    another = validity(mail_server) - 1
    shelf = Shelf(FirstLook(datetime.now(UTC) - timedelta(days=60), another, 7))
    book = Book()
    with intake(book, account(mail_server), first=shelf.first):
        book.until_settled(1)
    assert book.subjects() == ["after the first look"]
    assert book.looks[-1].left_alone == 1


def test_a_server_that_cannot_search_by_day_is_asked_for_everything_and_dates_decide() -> None:
    server = SandboxMailbox()
    lay(server, "old", days_ago=400)
    lay(server, "young", days_ago=1)

    def no_days(line: bytes) -> bytes:
        if b"SINCE" in line:
            raise Answer(line.split()[0] + b" BAD what is SINCE?\r\n")
        return line

    with Meddler(server.port) as meddler:
        meddler.on_command = no_days
        book = Book()
        with intake(book, account(server, port=meddler.port), first=Shelf().first):
            book.until_settled(1)
            server.drop(letter("new"))
            book.until_settled(2)
        assert meddler.connections == 1
        assert sum(b"SINCE" in line for line in meddler.commands) == 1
    assert book.subjects() == ["young", "new"]
    assert book.looks[-1].left_alone == 1
    server.kill()


def test_nothing_is_taken_before_the_first_look_is_kept() -> None:
    server = SandboxMailbox()
    lay(server, "old", days_ago=400)
    lay(server, "young", days_ago=1)
    book, shelf = Book(), Shelf()

    def first(look: FirstLook) -> FirstLook:
        if book.away.is_set():
            raise ConnectionError("the ledger is away")
        return shelf.first(look)

    book.away.set()
    with intake(book, account(server), first=first):
        book.until_trouble("журнал")
        assert shelf.kept is None
        book.away.clear()
        book.until_settled(1)
    assert book.subjects() == ["young"]
    server.kill()


def test_what_breaks_in_our_own_code_is_not_laid_at_the_ledgers_door(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = SandboxMailbox()
    server.drop(letter("light"))
    book = Book()
    taken = book.take
    broken = [True]

    def take(batch: object) -> object:
        if broken[0]:
            raise ValueError("Анна, anna@example.org")
        return taken(batch)  # type: ignore[arg-type]

    book.take = take  # type: ignore[method-assign, assignment]
    with intake(book, account(server)):
        book.until_trouble("неисправен сам")
        broken[0] = False
        book.until_settled(1)
    assert not any("журнал" in look.trouble for look in book.looks)
    assert "ValueError" in caplog.text
    assert "test_imap_first_look.py:" in caplog.text
    assert "anna@" not in caplog.text
    server.kill()


# The rule alone -----------------------------------------------------------------------------------


@given(
    days=st.integers(0, 4000),
    arrived=st.integers(-5000 * 24, 5000 * 24),
    uid=st.integers(1, 2**32 - 1),
    highest=st.integers(0, 2**32 - 1),
    same=st.booleans(),
)
def test_what_came_after_the_first_look_is_never_left_alone(
    days: int, arrived: int, uid: int, highest: int, same: bool
) -> None:
    reach = Reach(FirstLook(NOW, 5, highest), days)
    at = NOW + timedelta(hours=arrived)
    left = reach.leaves(5 if same else 6, uid, at)
    assert not left or (arrived < -24 * days and not (same and uid > highest))
    assert left or arrived >= -24 * days or (same and uid > highest)


def test_a_letter_without_a_date_is_taken_and_without_a_first_look_every_one() -> None:
    assert not Reach(FirstLook(NOW, 5, 10), 3).leaves(5, 1, None)
    assert not Reach(None, 3).leaves(5, 1, NOW - timedelta(days=900))
    assert Reach(None, 3).keys(5) == ""


def test_the_server_is_asked_for_days_and_for_later_uids() -> None:
    reach = Reach(FirstLook(NOW, 5, 10), 3)
    assert reach.keys(5) == "OR SINCE 18-Nov-2026 UID 11:*"
    assert reach.keys(6) == "SINCE 18-Nov-2026"
    assert search_day(datetime(2026, 2, 1, tzinfo=UTC)) == "1-Feb-2026"


def test_what_is_left_alone_is_forgotten_when_it_vanishes() -> None:
    memory = FolderMemory(lambda: 0.0)
    memory.turn_to(1)
    memory.leave_alone(3)
    memory.beyond_reach = frozenset(range(20, 26))
    memory.leave_alone(25)
    assert memory.unknown([3, 4, 25]) == [4]
    assert memory.left_alone == 7
    assert memory.unknown([4]) == [4]
    assert memory.left_alone == 6
    memory.turn_to(2)
    assert memory.left_alone == 0
