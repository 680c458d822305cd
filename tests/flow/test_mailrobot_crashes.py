"""A real robot, killed with SIGKILL in the middle of its work: each letter has one answer."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from channels.sandbox.mailbox_server import MailboxServer
from dispatcher.ledger import Ledger
from dispatcher.ledger import tables as t
from tests.channels.meddler import Meddler
from tests.flow.letters_by_hand import INFO, letter
from tests.flow.mail_sink import MailSink
from tests.flow.robot_alive import LONG_SECONDS, Robots
from tests.flow.robot_post import DESK

Die = Callable[[], object]
EACH = 8  # letters that come before each death


def at_command(word: bytes) -> Callable[[Meddler, MailSink, Die], None]:
    """Before the mail server hears it."""

    def prepare(wire: Meddler, _sink: MailSink, die: Die) -> None:
        def on_command(line: bytes) -> bytes:
            if word in line:
                die()
            return line

        wire.on_command = on_command

    return prepare


def at_letter(number: int) -> Callable[[Meddler, MailSink, Die], None]:
    """The server has the whole letter and has not said so."""

    def prepare(_wire: Meddler, sink: MailSink, die: Die) -> None:
        last = len(sink.received) + number
        sink.after_content = lambda _one: die() if len(sink.received) == last else None

    return prepare


DEATHS = {
    "letters are being fetched": at_command(b"BODY.PEEK"),
    "letters are taken in and not marked": at_command(b"STORE"),
    "letters are marked and not moved": at_command(b"MOVE"),
    "the first answer is at the server": at_letter(1),
    "half of the letters are at the server": at_letter(EACH),
}


@contextmanager
def opened(folder: Path, ledger_url: str, imap_port: int, smtp_port: int) -> Iterator[Robots]:
    box = {
        **{"name": "info", "host": "127.0.0.1", "port": imap_port, "tls": "none"},
        **{"username": INFO, "password": "sandbox"},
    }
    robots = Robots(
        folder,
        {
            "DISPATCHER_DATABASE_URL": ledger_url,
            "DISPATCHER_DATA_DIR": str(folder / "var"),
            "DISPATCHER_SMTP_HOST": "127.0.0.1",
            "DISPATCHER_SMTP_PORT": str(smtp_port),
            "DISPATCHER_SMTP_TLS": "none",
            "DISPATCHER_MAIL_FROM": INFO,
            "DISPATCHER_INQUIRIES_TO": DESK,
            "DISPATCHER_MAILBOXES": json.dumps([box]),
        },
    )
    try:
        yield robots
    finally:
        robots.kill()


def declare_dead(ledger: Ledger) -> None:
    """What a quarter of a minute without a sign of life does."""
    with ledger.write() as tx:
        tx.execute(delete(t.robots))


def unsent(ledger: Ledger) -> int:
    with ledger.read() as tx:
        return len(tx.execute(select(t.outbox.c.id).where(t.outbox.c.status != "sent")).all())


def test_a_robot_that_is_killed_five_times_answers_each_of_forty_letters_once(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = Ledger(sqlite_url)
    customers = [f"customer{n}@example.org" for n in range(EACH * len(DEATHS))]
    with (
        MailboxServer(username=INFO) as mailbox,
        MailSink() as sink,
        Meddler(mailbox.port) as wire,
        opened(tmp_path, sqlite_url, wire.port, sink.port) as robots,
    ):
        letters = iter(customers)
        for moment, prepare in DEATHS.items():
            prepare(wire, sink, robots.kill)
            for _ in range(EACH):
                sender = next(letters)
                mailbox.drop(letter(f"Вопрос от {sender}", sender=sender))
            robots.start()
            assert robots.wait() == -signal.SIGKILL, moment
            wire.on_command = lambda line: line
            sink.after_content = lambda _one: None
            declare_dead(ledger)
        robots.start()
        answered = {one.recipient for one in sink.received} >= {*customers, DESK}
        everything = sink.wait_for(
            lambda: (
                {one.recipient for one in sink.received} >= {*customers}
                and unsent(ledger) == 0
                and not mailbox.messages()
            ),
            LONG_SECONDS,
        )
        assert everything, (answered, robots.told()[-3000:])
        assert robots.stop() == 0
        kept = len(mailbox.messages("Processed"))
    answers = [one for one in sink.received if one.recipient != DESK]
    names = {(one.recipient, one.header("Message-ID")) for one in answers}
    assert {one.recipient for one in answers} == {*customers}
    assert len(names) == kept == len(customers)
    # Those that were in the air at a death may have gone twice, as one and the same letter.
    assert len({one.content for one in answers}) == len(customers)
    with ledger.read() as tx:
        numbers = tx.execute(select(t.inquiries.c.number)).scalars().all()
        assert len(tx.execute(select(t.outbox.c.id)).all()) == 2 * len(customers)
    year = numbers[0][:4]
    assert sorted(numbers) == [f"{year}-{n:06}" for n in range(1, len(customers) + 1)]
    assert "Traceback" not in robots.told()
    ledger.close()
