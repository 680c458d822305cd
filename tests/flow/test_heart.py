"""Robots that watch each other: who is alive keeps its letters, who is dead does not."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.ledger import Ledger, mailboxes, outbox, robots
from dispatcher.ledger.outbox import MailKind, Owed
from dispatcher.mailrobot import heart as heart_module
from dispatcher.mailrobot import robot as robot_module
from dispatcher.mailrobot.heart import (
    BEAT_SECONDS,
    DEAD_AFTER_SECONDS,
    LONGEST_STILLNESS_SECONDS,
    Heart,
    Watch,
)
from dispatcher.mailrobot.robot import Robot
from dispatcher.mailrobot.wellbeing import ALARM_AFTER, LMTP, wellbeing
from tests.flow.letters_by_hand import ANNA
from tests.flow.mail_sink import MailSink
from tests.flow.robot_post import ROBOT, Post, open_post

OTHER = "another robot"
A_BEAT = st.floats(0.5 * BEAT_SECONDS, 1.5 * BEAT_SECONDS)


@pytest.fixture
def post(tmp_path: Path, sqlite_url: str) -> Iterator[Post]:
    ledger = Ledger(sqlite_url)
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink, mailboxes=())
    ledger.close()


@given(st.lists(A_BEAT, min_size=12, max_size=30), st.integers(0, 10**9), st.floats(0, 1e9))
def test_a_robot_that_beats_no_more_is_dead_after_fifteen_seconds_and_before_twenty(
    pauses: list[float], last: int, begun: float
) -> None:
    watch, now = Watch(), begun
    assert watch.dead({OTHER: last}, now) == {}
    for pause in pauses:
        now += pause
        dead = watch.dead({OTHER: last}, now)
        still = now - begun
        if still < DEAD_AFTER_SECONDS - 0.001:
            assert dead == {}
        if still >= 20:
            assert dead == {OTHER: last}


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(1, 4))))
def test_a_robot_whose_beats_are_seen_at_every_second_look_lives(
    looks: list[tuple[float, int]],
) -> None:
    """However long the pauses between our own looks were."""
    watch, now, beats = Watch(), 0.0, 1
    for n, (pause, more) in enumerate(looks):
        now += pause
        beats += more if n % 2 else 0
        assert watch.dead({OTHER: beats}, now) == {}


def test_a_ledger_that_was_away_kills_nobody() -> None:
    """The first who looks again may come before the others have beaten."""
    watch = Watch()
    watch.dead({OTHER: 1}, 0)
    assert watch.dead({OTHER: 1}, 60) == {}
    assert LONGEST_STILLNESS_SECONDS < DEAD_AFTER_SECONDS
    assert watch.dead({OTHER: 2}, 63) == {}


def test_a_robot_that_was_forgotten_and_comes_back_is_watched_anew() -> None:
    watch = Watch()
    watch.dead({OTHER: 5}, 0)
    watch.dead({}, 3)
    for at in (6, 9, 12, 15, 18):
        assert watch.dead({OTHER: 5}, at) == {}
    assert watch.dead({OTHER: 5}, 21) == {OTHER: 5}


def test_letters_in_nobodys_hands_are_freed_at_once(tmp_path: Path, ledger: Ledger) -> None:
    with MailSink() as sink:
        post = open_post(tmp_path, ledger, sink)
        now = post.clock.now()
        owed = Owed("a", MailKind.ROUTE, "", ANNA, "<a@example.com>", b"\r\n", asked_at=now)
        with post.ledger.write() as tx:
            outbox.owe(tx, owed, now)
            outbox.claim(tx, OTHER, now)
        told: list[bool] = []
        Heart(post.engine, ROBOT, lambda: told.append(True)).beat()
        assert told == [True]
        assert [row.status for row in post.rows("outbox")] == ["waiting"]
        with post.ledger.read() as tx:
            assert robots.beats(tx) == {ROBOT: 1}


def until(post: Post, met: Callable[[], object]) -> bool:
    return post.sink.wait_for(met, 20)


def test_a_robot_beats_while_its_other_work_hangs(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang, hangs = threading.Event(), threading.Event()

    def wait(*_args: object) -> int:
        hangs.set()
        hang.wait(30)
        return 0

    monkeypatch.setattr(robot_module, "remind", wait)
    monkeypatch.setattr(robot_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(heart_module, "BEAT_SECONDS", 0.01)

    def beats() -> int:
        with post.ledger.read() as tx:
            return sum(robots.beats(tx).values())

    with Robot(post.engine):
        assert hangs.wait(20)
        begun = beats()
        assert until(post, lambda: beats() > begun + 2)
        hang.set()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_listener_that_died_is_an_alarm_of_its_robot_and_soon_of_everybody(
    tmp_path: Path, sqlite_url: str
) -> None:
    ledger = Ledger(sqlite_url)
    with MailSink() as sink:
        post = open_post(tmp_path, ledger, sink, mailboxes=(), lmtp_port=free_port())
        assert [one for one in wellbeing(post.engine).alarms if "LMTP" in one]
        with Robot(post.engine) as robot:
            assert robot.alarms() == []
            assert robot._lmtp is not None
            robot._lmtp.stop()
            assert [one for one in robot.alarms() if "LMTP" in one]
            assert wellbeing(post.engine).is_well
            post.wait(ALARM_AFTER + timedelta(seconds=1))
            [alarm] = wellbeing(post.engine).alarms
            assert "LMTP" in alarm
        with ledger.read() as tx:
            assert [state.name for state in mailboxes.everything(tx)] == [LMTP]
    ledger.close()
