"""A robot that is given a mailbox in use: years of letters in it are nobody's inquiries."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from channels.sandbox.mailbox_server import MailboxServer
from dispatcher.ledger import Ledger, mailboxes
from dispatcher.ledger.mailboxes import MailboxState
from dispatcher.mailrobot.robot import Robot
from tests.flow.letters_by_hand import INFO, letter
from tests.flow.mail_sink import MailSink
from tests.flow.rehearsing import MONDAY
from tests.flow.robot_post import BOX, Post, open_post


def until(is_so: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _try in range(500):
        if is_so():
            return
        tick.wait(0.02)
    raise AssertionError("it does not come to that")


def state(post: Post) -> MailboxState:
    with post.ledger.read() as tx:
        return next(iter(mailboxes.everything(tx)), MailboxState("info", None))


def question(days_ago: int) -> bytes:
    return letter(f"Вопрос {days_ago}: где свет?", sender=f"d{days_ago}@example.org")


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
def test_old_letters_are_not_answered_and_a_week_without_a_robot_is_made_up_for(
    tmp_path: Path, ledger: Ledger
) -> None:
    with MailSink() as sink, MailboxServer(username=INFO, password="x") as server:
        for days in (400, 30, 1):
            server.drop(question(days), MONDAY - timedelta(days=days))
        box = BOX.model_copy(update={"port": server.port})
        post = open_post(tmp_path, ledger, sink, mailboxes=(box,))
        with Robot(post.engine):
            until(lambda: state(post).looked_at is not None and len(post.rows("letters")) == 1)
            until(lambda: state(post).left_alone == 2)
        assert len(server.messages()) == 2
        post.wait(timedelta(days=7))
        server.drop(question(5), MONDAY + timedelta(days=2))
        with Robot(post.engine):
            until(lambda: len(post.rows("letters")) == 2)
            until(lambda: len(server.messages()) == 2)
        assert {one.contact_point for one in post.inquiries()} == {
            "d1@example.org",
            "d5@example.org",
        }
        assert len(post.owed()) == 2
