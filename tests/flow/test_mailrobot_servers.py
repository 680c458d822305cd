"""The whole way over real mail servers: from a customer's letter to our answer, and how fast."""

import json
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Row, select

from campaigns.inquiry.verdict import Reason
from dispatcher.errors import BadSetting
from dispatcher.ledger import Ledger, outbox
from dispatcher.ledger import tables as t
from dispatcher.mailrobot.robot import Robot, check_settings
from dispatcher.mailrobot.wellbeing import wellbeing
from dispatcher.settings import load_settings
from dispatcher.wiring import make_engine
from tests.channels.conftest import certificate
from tests.channels.mail_servers import MailServer, account, dovecot, mail_server, subjects
from tests.channels.servers import closed_port
from tests.flow.letters_by_hand import INFO, letter
from tests.flow.mail_sink import MailSink, Received
from tests.flow.rehearsing import settings_for
from tests.flow.robot_post import DESK, robot_settings
from tests.ledger.servers import unavailable

__all__ = ["certificate", "dovecot", "mail_server"]  # fixtures

PROMPT_SECONDS = 2.0
# Of another domain than the envelopes of the tests' deliveries, so that From is who is answered.
ANNA = "anna@example.net"


class Running:
    """A robot at work in this process, by the real clock."""

    def __init__(self, folder: Path, ledger: Ledger, sink: MailSink, **changes: object) -> None:
        url = ledger.engine.url.render_as_string(hide_password=False)
        settings = settings_for(folder, url, **robot_settings(sink.port, **changes))
        self.engine = make_engine(settings, ledger=ledger)
        self.sink = sink
        self.robot = Robot(self.engine)

    def has_looked(self) -> bool:
        boxes = wellbeing(self.engine).mailboxes
        return all(one.seconds_since_look is not None and not one.trouble for one in boxes)

    def letters(self) -> Sequence[Row[tuple[object, ...]]]:
        with self.engine.ledger.read() as tx:
            return tx.execute(select(t.letters).order_by(t.letters.c.id)).all()

    def unsent(self) -> int:
        with self.engine.ledger.read() as tx:
            standing = [outbox.standing(tx, kind).waiting for kind in outbox.MailKind]
        return sum(standing)

    def answers_to(self, address: str) -> Sequence[Received]:
        """As soon as there is one."""
        assert self.wait(lambda: self.sink.to(address))
        return self.sink.to(address)

    def finished(self, letters: int) -> bool:
        return len(self.letters()) == letters and not self.unsent()

    def wait(self, met: Callable[[], object]) -> bool:
        return self.sink.wait_for(met)


@pytest.fixture
def run(tmp_path: Path, ledger: Ledger) -> Iterator[Callable[..., Running]]:
    """Starts a robot, on both databases."""
    with ExitStack() as stack:
        sink = stack.enter_context(MailSink())

        def start(**changes: object) -> Running:
            running = Running(tmp_path, ledger, sink, **changes)
            stack.enter_context(running.robot)
            return running

        yield start


@pytest.fixture
def quick(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Running]]:
    """Starts a robot, on one database."""
    ledger = Ledger(sqlite_url)
    with ExitStack() as stack:
        sink = stack.enter_context(MailSink())

        def start(**changes: object) -> Running:
            running = Running(tmp_path, ledger, sink, **changes)
            stack.enter_context(running.robot)
            return running

        yield start
    ledger.close()


def test_a_letter_is_answered_within_two_seconds_of_its_arrival(
    quick: Callable[..., Running], mail_server: MailServer
) -> None:
    running = quick(mailboxes=(account(mail_server),))
    assert running.wait(running.has_looked)
    seconds = []
    for n in range(3):
        begun = time.monotonic()
        mail_server.drop(letter(f"Вопрос {n}", subject=f"{n}", sender=f"a{n}@example.net"))
        [answer] = running.answers_to(f"a{n}@example.net")
        seconds.append(answer.at - begun)
    # A machine that does something else may be late once.
    assert sorted(seconds)[1] < PROMPT_SECONDS, seconds
    assert running.wait(lambda: subjects(mail_server, "Processed") == ["0", "1", "2"])
    assert subjects(mail_server) == []
    assert wellbeing(running.engine).is_well


def test_a_burst_is_answered_each_letter_once_also_by_a_robot_that_begins_anew(
    tmp_path: Path, sqlite_url: str, mail_server: MailServer
) -> None:
    ledger = Ledger(sqlite_url)
    box = account(mail_server)
    with MailSink() as sink:
        mail_server.drop_many([letter(f"{n}", sender=f"a{n}@example.net") for n in range(60)])
        for _ in range(2):
            running = Running(tmp_path, ledger, sink, mailboxes=(box,))
            with running.robot:
                assert running.wait(partial(running.finished, 60))
                assert running.wait(lambda: not subjects(mail_server))
        assert len(sink.received) == 120
        assert {one.recipient for one in sink.received} == {
            DESK,
            *(f"a{n}@example.net" for n in range(60)),
        }
    with ledger.read() as tx:
        assert not tx.execute(select(t.robots)).all()
    ledger.close()


def test_a_mail_server_that_goes_and_comes_back_is_looked_into_again(
    quick: Callable[..., Running], mail_server: MailServer
) -> None:
    running = quick(mailboxes=(account(mail_server),))
    mail_server.drop(letter("Раз", sender="a1@example.net"))
    assert running.answers_to("a1@example.net")
    # Killed in the middle of a move, Dovecot waits for its own lock for minutes.
    assert running.wait(lambda: subjects(mail_server, "Processed") and running.has_looked())
    mail_server.kill()
    assert running.wait(lambda: wellbeing(running.engine).mailboxes[0].trouble)
    mail_server.revive()
    mail_server.drop(letter("Два", sender="a2@example.net"))
    assert running.answers_to("a2@example.net")
    assert running.wait(running.has_looked)
    assert len(running.letters()) == 2


def test_one_letter_by_two_mailboxes_and_by_lmtp_is_answered_once(
    run: Callable[..., Running], mail_server: MailServer
) -> None:
    """The mailbox is named twice, as two aliases of one address would lead to it twice."""
    boxes = (account(mail_server), account(mail_server, name="again"))
    running = run(mailboxes=boxes, lmtp_port=closed_port())
    raw = letter(sender=ANNA)
    mail_server.drop(raw)
    with smtplib.LMTP("127.0.0.1", running.robot.lmtp_port or 0) as lmtp:
        lmtp.sendmail(ANNA, [INFO], raw)
    assert running.wait(lambda: running.sink.to(ANNA) and not subjects(mail_server))
    assert running.wait(lambda: not running.unsent())
    assert len(running.letters()) == len(running.sink.to(ANNA)) == 1


def test_what_lmtp_agreed_to_is_in_the_ledger_and_answered(run: Callable[..., Running]) -> None:
    running = run(mailboxes=(), lmtp_port=closed_port())
    with smtplib.LMTP("127.0.0.1", running.robot.lmtp_port or 0) as lmtp:
        for n in range(3):
            lmtp.sendmail(ANNA, [INFO], letter(f"Вопрос {n}", sender=ANNA))
            assert len(running.letters()) == n + 1
        lmtp.sendmail("", [INFO], letter("Отчёт", subject="Отчёт"))
    assert running.wait(lambda: len(running.sink.to(ANNA)) == 3)
    assert [row.reason for row in running.letters()][3] == Reason.NULL_SENDER
    assert {row.mailbox for row in running.letters()} == {"lmtp"}


def test_what_the_ledger_refuses_lmtp_does_not_agree_to(quick: Callable[..., Running]) -> None:
    running = quick(mailboxes=(), lmtp_port=closed_port())
    with running.engine.ledger.write() as tx:
        tx.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON letters BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
    with smtplib.LMTP("127.0.0.1", running.robot.lmtp_port or 0) as lmtp:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            lmtp.sendmail(ANNA, [INFO], letter(sender=ANNA))
        assert 400 <= refused.value.smtp_code < 500
        with running.engine.ledger.write() as tx:
            tx.exec_driver_sql("DROP TRIGGER full")
        lmtp.sendmail(ANNA, [INFO], letter(sender=ANNA))
    assert running.wait(lambda: running.sink.to(ANNA))


def test_postfix_delivers_to_us_over_lmtp(quick: Callable[..., Running]) -> None:
    source = Path("/usr/sbin/smtp-source")
    if not source.exists():
        unavailable("needs smtp-source of Postfix")
    running = quick(mailboxes=(), lmtp_port=closed_port(), robot_answers_per_day=1000)
    done = subprocess.run(
        [
            *(str(source), "-L", "-m", "40", "-s", "4", "-d", "-f", ANNA, "-t", INFO),
            *("-S", "Question", f"inet:127.0.0.1:{running.robot.lmtp_port}"),
        ],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(running.letters()) == 40
    # Forty times the same words of one sender: two answers, and then silence.
    assert running.wait(lambda: len(running.sink.to(ANNA)) == 2 and not running.unsent())


# Settings ---------------------------------------------------------------------------------------


def box_line(**changes: object) -> str:
    row = {"name": "info", "host": "127.0.0.1", "tls": "none", "username": INFO, "password": "x"}
    return json.dumps({**row, **changes})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_HOST", ""),
        ("MAILBOXES", f"[{box_line()}, {box_line()}]"),
        ("MAILBOXES", f"[{box_line(host='imap.example.com')}]"),
        ("INQUIRIES_TO", "nobody at all"),
        ("INQUIRIES_TO", "a@example.com, b@example.com"),
    ],
)
def test_settings_that_no_robot_can_work_with_are_told_by_name(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Two mailboxes of one name, and a password in the clear to another machine, among them."""
    ledger = Ledger(sqlite_url)
    monkeypatch.chdir(tmp_path)
    told = {"SMTP_HOST": "127.0.0.1", "SMTP_TLS": "none", "MAIL_FROM": INFO, name: value}
    for setting, said in told.items():
        monkeypatch.setenv(f"DISPATCHER_{setting}", said)
    with pytest.raises(BadSetting, match=f"DISPATCHER_{name}"):
        start_robot(ledger)
    monkeypatch.setenv(
        f"DISPATCHER_{name}", {"SMTP_HOST": "127.0.0.1", "MAILBOXES": "[]"}.get(name, "")
    )
    start_robot(ledger)
    ledger.close()


def start_robot(ledger: Ledger) -> None:
    """As far as it gets before it looks anywhere."""
    engine = make_engine(load_settings(), ledger=ledger)
    check_settings(engine)
    Robot(engine)
