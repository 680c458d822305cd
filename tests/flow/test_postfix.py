"""The whole way through a house's own Postfix: in by LMTP, the answer out by SMTP."""

import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dispatcher.ledger import Ledger
from dispatcher.mailrobot.robot import Robot
from tests.channels.postfix_server import Postfix
from tests.flow.letters_by_hand import ANNA, INFO, letter
from tests.flow.mail_sink import MailSink
from tests.flow.robot_post import DESK, Post, open_post

CLAIMS = "claims@example.com"


@pytest.fixture
def sink() -> Iterator[MailSink]:
    """Where Postfix relays what is not for us."""
    with MailSink() as sink:
        yield sink


@pytest.fixture
def lmtp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def postfix(sink: MailSink, lmtp_port: int) -> Iterator[Postfix]:
    server = Postfix(INFO, CLAIMS, lmtp_port=lmtp_port, next_port=sink.port)
    yield server
    server.remove()


@pytest.fixture
def post(
    tmp_path: Path, sqlite_url: str, sink: MailSink, postfix: Postfix, lmtp_port: int
) -> Iterator[Post]:
    ledger = Ledger(sqlite_url)
    yield open_post(
        tmp_path, ledger, sink, mailboxes=(), lmtp_port=lmtp_port, smtp_port=postfix.port
    )
    ledger.close()


def until(is_so: Callable[[], object], postfix: Postfix) -> None:
    tick = threading.Event()
    for _try in range(1000):
        if is_so():
            return
        tick.wait(0.02)
    raise AssertionError(postfix.log())


def submit(postfix: Postfix, raw: bytes, *recipients: str) -> None:
    """As somebody's mail server brings a letter."""
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=10) as smtp:
        smtp.sendmail(ANNA, list(recipients), raw)


def test_a_letter_comes_in_by_lmtp_and_its_answer_is_taken_under_the_null_path(
    post: Post, postfix: Postfix, sink: MailSink
) -> None:
    with Robot(post.engine):
        submit(postfix, letter(), INFO, CLAIMS)
        until(lambda: sink.to(ANNA), postfix)
        until(lambda: sink.to(DESK), postfix)
    [row] = post.rows("letters")  # it came for two addresses
    assert (row.sender, row.verdict) == (ANNA, "answer")
    [answer] = sink.to(ANNA)
    assert answer.sender == ""
    assert answer.header("Auto-Submitted") == "auto-replied"
    assert answer.header("In-Reply-To") == row.message_id
    assert "mx.example.com (Postfix)" in answer.header("Received")
    assert {one.status for one in post.rows("outbox")} == {"sent"}


def test_a_letter_that_comes_while_no_robot_is_there_waits_in_postfix(
    post: Post, postfix: Postfix, sink: MailSink
) -> None:
    submit(postfix, letter(), INFO)
    until(lambda: "status=deferred" in postfix.log(), postfix)
    assert not post.rows("letters")
    with Robot(post.engine):
        until(lambda: sink.to(ANNA), postfix)
    assert len(post.rows("letters")) == len(post.inquiries()) == 1
