"""A mail server that thinks about a letter, and letters that are large: others go meanwhile."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dispatcher.ledger import Ledger, outbox
from dispatcher.ledger.outbox import MEGABYTE, MailKind, Owed
from dispatcher.mailrobot import postman as postman_module
from dispatcher.mailrobot import robot as robot_module
from dispatcher.mailrobot.postman import Postman
from dispatcher.mailrobot.robot import Robot
from tests.flow.letters_by_hand import ANNA
from tests.flow.mail_sink import MailSink
from tests.flow.robot_post import DESK, ROBOT, Post, open_post

SLOW = "slow@example.net"


@pytest.fixture
def post(tmp_path: Path, sqlite_url: str) -> Iterator[Post]:
    """On one database, for what does not depend on it."""
    ledger = Ledger(sqlite_url)
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink, mailboxes=(), provider_timeout_seconds=3)
    ledger.close()


@pytest.fixture
def either(tmp_path: Path, ledger: Ledger) -> Iterator[Post]:
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink, mailboxes=())


@pytest.fixture
def thinking(post: Post) -> Iterator[threading.Event]:
    """The server takes its time over letters to SLOW, until this is set."""
    thought = post.sink.thinking[SLOW] = threading.Event()
    yield thought
    thought.set()


@pytest.fixture
def at_work(post: Post) -> Iterator[Callable[[], None]]:
    """The postman works in a thread of its own; looks by itself once in an hour."""
    stopped = threading.Event()
    hands: list[threading.Thread] = []

    def begin() -> None:
        hands.append(threading.Thread(target=post.postman.run, args=(stopped, 3600)))
        hands[-1].start()

    yield begin
    stopped.set()
    post.postman.wake()
    for one in hands:
        one.join(30)
        assert not one.is_alive()


def owe(
    post: Post, name: str, to: str = ANNA, kind: MailKind = MailKind.ACKNOWLEDGEMENT, size: int = 0
) -> None:
    now = post.clock.now()
    content = f"Message-ID: <{name}@example.com>\r\nSubject: {name}\r\n\r\n".encode()
    content += b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * (size // 72)
    owed = Owed(name, kind, "", to, f"<{name}@example.com>", content, asked_at=now)
    with post.ledger.write() as tx:
        outbox.owe(tx, owed, now)
    post.postman.wake()


def fates(post: Post) -> dict[str, tuple[str, int]]:
    return {row.occasion: (row.status, row.sends) for row in post.rows("outbox")}


def test_a_server_that_thinks_longer_than_about_a_command_gets_a_letter_once(
    post: Post,
    thinking: threading.Event,
    at_work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And others go meanwhile; what came of it is written down at once, and not by the next look,
    which is an hour away."""
    monkeypatch.setattr(postman_module, "ROUND_SECONDS", 0.05)
    owe(post, "slow", SLOW)
    at_work()
    assert post.sink.wait_for(lambda: post.sink.to(SLOW))
    for n in range(3):
        owe(post, f"{n}")
        assert post.sink.wait_for(lambda n=n: fates(post)[f"{n}"] == ("sent", 1), 10)  # type: ignore[misc]
    assert fates(post)["slow"] == ("sending", 1)
    threading.Timer(3.2, thinking.set).start()
    assert post.sink.wait_for(lambda: fates(post)["slow"] == ("sent", 1), 20)
    assert len(post.sink.to(SLOW)) == 1


def test_a_letter_that_is_on_the_way_is_not_taken_back_when_the_ledger_was_away(
    post: Post, thinking: threading.Event, at_work: Callable[[], None]
) -> None:
    owe(post, "slow", SLOW)
    at_work()
    assert post.sink.wait_for(lambda: post.sink.to(SLOW))
    post.postman._hands._may_have_lost = True
    with post.ledger.write() as tx:
        outbox.claim(tx, ROBOT, post.clock.now())
    owe(post, "a")
    assert post.sink.wait_for(lambda: fates(post)["a"] == ("sent", 1), 10)
    assert fates(post)["slow"] == ("sending", 1)
    thinking.set()
    assert post.sink.wait_for(lambda: fates(post)["slow"] == ("sent", 1), 10)


def test_a_claim_takes_no_more_than_so_many_bytes_but_always_one_letter(either: Post) -> None:
    for n in range(5):
        owe(either, f"{n}", DESK, MailKind.ROUTE, size=3 * MEGABYTE)
    owe(either, "huge", DESK, MailKind.ROUTE, size=10 * MEGABYTE)
    owe(either, "answer")
    claimed: list[list[str]] = []
    for _ in range(5):
        with either.ledger.write() as tx:
            found = outbox.claim(tx, ROBOT, either.clock.now())
            claimed.append([one.message_id.partition("@")[0][1:] for one in found])
    assert claimed == [["answer", "0", "1"], ["2", "3"], ["4"], ["huge"], []]
    with either.ledger.write() as tx:
        outbox.release(tx, ROBOT)
        found = outbox.claim(tx, ROBOT, either.clock.now(), most_bytes=MEGABYTE, at_least_one=False)
    assert [one.message_id for one in found] == ["<answer@example.com>"]


def test_answers_go_while_large_letters_are_on_the_way(
    post: Post,
    thinking: threading.Event,
    at_work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postman_module, "ROUND_SECONDS", 0.05)
    for n in range(4):
        owe(post, f"large {n}", SLOW, MailKind.ROUTE, size=5 * MEGABYTE)
    at_work()
    assert post.sink.wait_for(lambda: post.sink.to(SLOW))
    owe(post, "answer")
    assert post.sink.wait_for(lambda: fates(post)["answer"] == ("sent", 1), 10)
    waiting = [name for name, (status, _sends) in fates(post).items() if status == "waiting"]
    assert waiting == ["large 1", "large 2", "large 3"]
    thinking.set()
    assert post.sink.wait_for(lambda: {one[0] for one in fates(post).values()} == {"sent"}, 20)


def test_a_robot_that_is_stopped_leaves_a_letter_to_the_server_that_thinks_about_it(
    post: Post, thinking: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To free it would be to send it twice; what comes of it is written down all the same."""
    monkeypatch.setattr(robot_module, "STOP_SECONDS", 0.3)
    robot = Robot(post.engine)
    owe(post, "slow", SLOW)
    robot.start()
    assert post.sink.wait_for(lambda: post.sink.to(SLOW))
    robot.stop()
    [row] = post.rows("outbox")
    assert (row.status, row.robot) == ("sending", robot._id)
    assert [one.id for one in post.rows("robots")] == [robot._id]
    thinking.set()
    assert robot._sending is not None
    robot._sending.join(20)
    assert fates(post) == {"slow": ("sent", 1)}
    robot._quiet.set()


def test_a_robot_that_is_stopped_with_nothing_on_the_way_is_gone_without_a_trace(
    either: Post,
) -> None:
    robot = Robot(either.engine)
    owe(either, "a")
    with robot:
        assert either.sink.wait_for(lambda: fates(either)["a"] == ("sent", 1))
    assert either.rows("robots") == []


def test_letters_that_were_claimed_and_not_begun_when_it_stops_wait_again(
    post: Post, thinking: threading.Event
) -> None:
    channel = post.postman._channel()
    assert channel is not None
    for n in range(channel.concurrency + 3):
        owe(post, f"{n}", SLOW)
    stopped = threading.Event()
    hand = threading.Thread(target=post.postman.run, args=(stopped, 0.05))
    hand.start()
    assert post.sink.wait_for(lambda: len(post.sink.to(SLOW)) == channel.concurrency)
    stopped.set()
    thinking.set()
    hand.join(20)
    found = list(fates(post).values())
    assert found.count(("sent", 1)) == channel.concurrency
    assert [status for status, _sends in found].count("waiting") == 3


def test_a_bug_after_the_letter_went_sends_it_no_second_time(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("a bug of the test's")

    monkeypatch.setattr(postman_module, "ending_of", broken)
    owe(post, "a")
    post.send()
    assert Postman(post.engine, ROBOT).send_due() == 0
    assert (len(post.sink.received), fates(post)) == (1, {"a": ("failed", 1)})
