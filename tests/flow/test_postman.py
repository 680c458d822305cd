"""What we owe by e-mail is sent: in order, once, and whatever the mail server does or the robot."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, make_url, update

from dispatcher.ledger import Ledger, connection, outbox, robots
from dispatcher.ledger import tables as t
from dispatcher.ledger.outbox import MailEnding, MailKind, MailStatus, Owed
from dispatcher.mailrobot.endings import DOUBT_PAUSE, KEEP_TRYING
from dispatcher.mailrobot.heart import Heart
from dispatcher.mailrobot.postman import Postman
from tests.flow.letters_by_hand import ANNA, INFO
from tests.flow.mail_sink import MailSink, Rude
from tests.flow.rehearsing import HOUR
from tests.flow.robot_post import DESK, ROBOT, Post, open_post

SECOND = timedelta(seconds=1)
DEAD = "a robot that died"
ANSWER, ROUTE = MailKind.ACKNOWLEDGEMENT, MailKind.ROUTE


@pytest.fixture
def post(tmp_path: Path, ledger: Ledger) -> Iterator[Post]:
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink)


@pytest.fixture
def quick(tmp_path: Path, sqlite_url: str) -> Iterator[Post]:
    """On one database, for what does not depend on it."""
    ledger = Ledger(sqlite_url)
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink)
    ledger.close()


def owe(post: Post, name: str, kind: MailKind = ANSWER, to: str = ANNA) -> int:
    now = post.clock.now()
    content = f"Message-ID: <{name}@example.com>\r\nSubject: {name}\r\n\r\nbody\r\n".encode()
    owed = Owed(name, kind, "", to, f"<{name}@example.com>", content, asked_at=now)
    with post.ledger.write() as tx:
        made = outbox.owe(tx, owed, now)
    assert made is not None
    return made


def subjects(post: Post) -> list[str]:
    return [one.header("Subject") for one in post.sink.received]


def statuses(post: Post) -> list[str]:
    return [row.status for row in post.rows("outbox")]


@pytest.fixture
def at_work(quick: Post) -> Iterator[Callable[[], threading.Event]]:
    """The postman works in a thread of its own; looks by itself once in an hour."""
    stopped = threading.Event()
    hands: list[threading.Thread] = []

    def begin() -> threading.Event:
        hands.append(threading.Thread(target=quick.postman.run, args=(stopped, 3600)))
        hands[-1].start()
        return stopped

    yield begin
    stopped.set()
    quick.postman.wake()
    for one in hands:
        one.join(30)
        assert not one.is_alive()


def test_an_occasion_has_one_letter_for_ever(post: Post) -> None:
    owe(post, "a")
    with pytest.raises(AssertionError):
        owe(post, "a")
    post.send()
    with pytest.raises(AssertionError):
        owe(post, "a")
    post.send()
    assert subjects(post) == ["a"]


def test_answers_to_customers_go_first_and_within_a_batch_too(
    tmp_path: Path, ledger: Ledger
) -> None:
    with MailSink() as sink:
        _answers_go_first(open_post(tmp_path, ledger, sink, smtp_connections=1))


def _answers_go_first(post: Post) -> None:
    for n in range(3):
        owe(post, f"route {n}", ROUTE, DESK)
    owe(post, "reminder", MailKind.REMINDER, DESK)
    post.wait(HOUR)
    for n in range(3):
        owe(post, f"answer {n}")
    post.send()
    assert subjects(post)[:3] == ["answer 0", "answer 1", "answer 2"]
    assert len(post.sink.received) == 7


def test_many_letters_go_over_a_few_connections(quick: Post) -> None:
    for n in range(120):
        owe(quick, f"{n}")
    quick.send()
    assert len({*subjects(quick)}) == len(quick.sink.received) == 120
    assert quick.sink.connections <= 8


@dataclass
class Hand:
    """Of a robot's own clock."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_what_a_dead_robot_held_is_sent_after_fifteen_seconds_under_its_own_name(
    post: Post,
) -> None:
    owe(post, "a")
    with post.ledger.write() as tx:
        robots.beat(tx, DEAD, post.clock.now())
        assert len(outbox.claim(tx, DEAD, post.clock.now())) == 1
    clock, freed = Hand(), []
    heart = Heart(post.engine, ROBOT, lambda: freed.append(clock()), clock)
    for _ in range(10):
        heart.beat()
        post.send()
        assert len(post.sink.received) == len(freed)
        clock.seconds += 3
    assert freed == [15]
    assert post.sink.received[0].header("Message-ID") == "<a@example.com>"
    assert [(row.status, row.sends) for row in post.rows("outbox")] == [("sent", 2)]
    assert [row.id for row in post.rows("robots")] == [ROBOT]


@pytest.mark.parametrize("step", [timedelta(days=-1), timedelta(0), timedelta(days=1)])
def test_what_a_living_robot_holds_is_its_own_whatever_its_clock_says(
    post: Post, step: timedelta
) -> None:
    owe(post, "a")
    with post.ledger.write() as tx:
        robots.beat(tx, DEAD, post.clock.now() + step)
        outbox.claim(tx, DEAD, post.clock.now())
    clock = Hand()
    heart = Heart(post.engine, ROBOT, lambda: pytest.fail("it lives"), clock)
    for _ in range(10):
        post.wait(5 * SECOND)
        clock.seconds += 5
        with post.ledger.write() as tx:
            robots.beat(tx, DEAD, post.clock.now() + step)
        heart.beat()
    post.send()
    assert not post.sink.received
    with post.ledger.write() as tx:
        robots.leave(tx, DEAD)
    post.send()
    assert subjects(post) == ["a"]


def test_a_robot_that_beats_just_before_it_would_be_forgotten_keeps_its_letters(
    post: Post,
) -> None:
    owe(post, "a")
    with post.ledger.write() as tx:
        robots.beat(tx, DEAD, post.clock.now())
        outbox.claim(tx, DEAD, post.clock.now())
        seen = robots.beats(tx)
        robots.beat(tx, DEAD, post.clock.now())
        assert robots.free(tx, ROBOT, seen) == 0
    assert statuses(post) == ["sending"]


@pytest.mark.parametrize("other", ["waits", "sends it", "was refused", "sent it"])
def test_a_robot_taken_for_dead_that_sent_the_letter_after_all_is_believed(
    post: Post, other: str
) -> None:
    letter_id = owe(post, "a")
    with post.ledger.write() as tx:
        outbox.claim(tx, DEAD, post.clock.now())
    with post.ledger.write() as tx:
        assert robots.free(tx, ROBOT, {}) == 1
        if other != "waits":
            outbox.claim(tx, ROBOT, post.clock.now())
        if other in ("was refused", "sent it"):
            status = MailStatus.FAILED if other == "was refused" else MailStatus.SENT
            ending = MailEnding(letter_id, status, "550", sent_at=post.clock.now())
            outbox.finish(tx, [ending], ROBOT)
    post.wait(SECOND)
    with post.ledger.write() as tx:
        late = MailEnding(letter_id, MailStatus.SENT, sent_at=post.clock.now())
        outbox.finish(tx, [late], DEAD)
    assert statuses(post) == ["sent"]
    post.send()
    assert not post.sink.received


def test_a_robot_taken_for_dead_that_sent_nothing_has_no_say_any_more(post: Post) -> None:
    letter_id = owe(post, "a")
    with post.ledger.write() as tx:
        outbox.claim(tx, DEAD, post.clock.now())
        robots.free(tx, ROBOT, {})
        outbox.claim(tx, ROBOT, post.clock.now())
        refused = MailEnding(letter_id, MailStatus.FAILED, "550")
        outbox.finish(tx, [refused], DEAD)
    assert [(row.status, row.robot) for row in post.rows("outbox")] == [("sending", ROBOT)]


def test_a_letter_that_is_refused_has_failed_for_good_and_says_why(post: Post) -> None:
    owe(post, "a", to="nobody@example.org")
    owe(post, "b")
    post.sink.refusals["nobody@example.org"] = "550 5.1.1 <nobody@example.org> is nobody"
    post.send()
    failed, sent = post.rows("outbox")
    assert (failed.status, failed.reason) == ("failed", "RCPT 550 5.1.1")
    assert (failed.due_at, failed.robot) == (None, None)
    assert sent.status == "sent"
    post.wait(HOUR)
    del post.sink.refusals["nobody@example.org"]
    post.send()
    assert subjects(post) == ["b"]


def test_a_letter_that_is_put_off_is_tried_again_later_and_later_and_given_up_after_days(
    quick: Post,
) -> None:
    owe(quick, "a")
    owe(quick, "b", to=DESK)
    quick.sink.refusals[ANNA] = "450 4.2.1 later"
    pauses: list[float] = []
    for _ in range(12):
        quick.send()
        due_at, now = quick.rows("outbox")[0].due_at, quick.clock.now()
        pauses.append((due_at - now).total_seconds())
        quick.wait(due_at - now - SECOND)
        quick.send()
        assert quick.rows("outbox")[0].due_at == due_at
        quick.wait(SECOND)
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    quick.wait(KEEP_TRYING)
    quick.send()
    assert statuses(quick) == ["failed", "sent"]
    assert subjects(quick) == ["b"]


def test_a_letter_that_is_taken_at_the_second_try_is_sent_once(post: Post) -> None:
    owe(post, "a")
    post.sink.refusals[ANNA] = "450 4.7.1 greylisted"
    post.send()
    post.sink.refusals.clear()
    post.send()
    assert not post.sink.received
    post.wait(2 * SECOND)
    post.send()
    assert subjects(post) == ["a"]


def test_a_server_that_hangs_up_on_a_letter_gets_the_same_one_once_more_after_a_minute(
    post: Post,
) -> None:
    owe(post, "a")

    def hang_up(_received: object) -> None:
        raise Rude

    post.sink.after_content = hang_up
    for received in (1, 1, 2, 2):
        post.send()
        assert len(post.sink.received) == received
        post.wait(DOUBT_PAUSE - SECOND)
    post.wait(HOUR)
    post.send()
    assert len(post.sink.received) == 2
    [row] = post.rows("outbox")
    assert (row.status, row.doubts, row.given_up_at is not None) == ("failed", 2, True)
    assert {one.content for one in post.sink.received} == {post.sink.received[0].content}


def test_letters_wait_for_a_server_that_is_away_and_its_absence_does_not_count_as_a_send(
    post: Post,
) -> None:
    """Else the first doubt after a long absence would be the last."""
    for n in range(3):
        owe(post, f"{n}")
    post.sink.stop()
    for _ in range(7):
        post.send()
        post.wait(SECOND)
    assert {(row.status, row.sends) for row in post.rows("outbox")} == {("waiting", 0)}
    doubts = iter([True])

    def hang_up_once(_received: object) -> None:
        if next(doubts, False):
            raise Rude

    post.sink.after_content = hang_up_once
    post.sink.start()
    post.send()
    post.wait(DOUBT_PAUSE)
    post.send()
    assert statuses(post) == ["sent"] * 3
    assert sorted({*subjects(post)}) == ["0", "1", "2"]


def test_an_absent_server_is_asked_with_one_letter_at_a_time(quick: Post) -> None:
    for n in range(20):
        owe(quick, f"{n}")
    quick.sink.stop()
    quick.send()
    claimed: list[int] = []

    def count(_connection: Connection, cursor: sqlite3.Cursor, sql: str, *_rest: object) -> None:
        if "UPDATE outbox" in sql and "sends=(outbox.sends + ?)" in sql:
            claimed.append(1)

    event.listen(quick.ledger.engine, "after_cursor_execute", count)
    for _ in range(4):
        quick.send()
    event.remove(quick.ledger.engine, "after_cursor_execute", count)
    assert len(claimed) == 4
    assert {row.status for row in quick.rows("outbox")} == {"waiting"}
    quick.sink.start()
    quick.send()
    assert {row.status for row in quick.rows("outbox")} == {"sent"}
    assert len(quick.sink.received) == 20


def test_everything_goes_when_the_server_is_back(
    quick: Post, at_work: Callable[[], threading.Event]
) -> None:
    quick.sink.stop()
    for n in range(60):
        owe(quick, f"{n}")
    at_work()
    with quick.ledger.read() as tx:
        assert outbox.standing(tx).waiting == 60
    quick.sink.start()
    assert quick.sink.wait_for(lambda: {*statuses(quick)} == {"sent"}, 15)
    assert len(quick.sink.received) == 60


def test_a_letter_that_is_owed_goes_at_once_when_the_postman_is_woken(
    quick: Post, at_work: Callable[[], threading.Event]
) -> None:
    owe(quick, "first")
    at_work()
    assert quick.sink.wait_for(lambda: statuses(quick) == ["sent"])
    for n in range(3):
        owe(quick, f"{n}")
        quick.postman.wake()
        assert quick.sink.wait_for(lambda: {*statuses(quick)} == {"sent"}, 5)
    assert quick.sink.connections == 1


def test_what_a_specialists_letter_takes_along_is_let_go_once_it_is_sent(post: Post) -> None:
    owe(post, "answer")
    owe(post, "route", ROUTE, DESK)
    owe(post, "reminder", MailKind.REMINDER, DESK)
    owe(post, "lost", ROUTE, "nobody@example.org")
    post.sink.refusals["nobody@example.org"] = "550 5.1.1 nobody"
    post.send()
    kept = {row.occasion: bool(row.content) for row in post.rows("outbox")}
    assert kept == {"answer": True, "route": False, "reminder": True, "lost": False}
    assert b"body" in post.sink.to(DESK)[0].content


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody insists for a minute, so that what happens after it is what is tested."""

    def prepare(raw: sqlite3.Connection, record: object) -> None:
        prepare_as_usual(raw, record)
        raw.execute("PRAGMA busy_timeout = 20")

    prepare_as_usual = connection._prepare_sqlite
    monkeypatch.setattr(connection, "_prepare_sqlite", prepare)
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.3)


def test_a_letter_that_was_taken_while_the_ledger_was_away_is_written_down_later_and_not_sent_again(
    impatient: None, quick: Post
) -> None:
    """Longer than anybody insists. While its robot lives, nobody else would free the letter."""
    path = make_url(str(quick.ledger.engine.url)).database or ""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    given_up = threading.Event()

    def lock(_received: object) -> None:
        other.execute("BEGIN IMMEDIATE")
        quick.sink.after_content = lambda _later: None

    finish = quick.postman._hands.write_down

    def watched() -> None:
        try:
            finish()
        except Exception:
            given_up.set()
            raise

    quick.postman._hands.write_down = watched  # type: ignore[method-assign]
    quick.sink.after_content = lock
    owe(quick, "a")
    stopped = threading.Event()
    hand = threading.Thread(target=quick.postman.run, args=(stopped, 0.05), daemon=True)
    hand.start()
    assert given_up.wait(20)
    other.rollback()
    other.close()
    assert quick.sink.wait_for(lambda: statuses(quick) == ["sent"], 20)
    stopped.set()
    hand.join(20)
    assert subjects(quick) == ["a"]
    assert quick.rows("outbox")[0].sends == 1


def test_a_letter_that_was_claimed_without_our_being_told_is_sent_by_the_same_robot(
    post: Post,
) -> None:
    """The commit came through and its confirmation did not."""
    owe(post, "a")
    owe(post, "b")
    told = iter([False])

    def lost(act: Callable[[Connection], object]) -> object:
        if not next(told, True):
            with post.ledger.write() as tx:
                act(tx)
            with post.ledger.write() as tx:  # as `insist` does when the connection breaks
                return act(tx)
        return insist(act)

    insist = post.ledger.insist
    post.ledger.insist = lost  # type: ignore[method-assign, assignment]
    post.send()
    assert sorted(subjects(post)) == ["a", "b"]
    assert statuses(post) == ["sent", "sent"]


def test_a_postman_that_was_interrupted_frees_what_it_held_when_it_goes_on(quick: Post) -> None:
    owe(quick, "a")
    broken = iter([True])
    begin = quick.postman._begin

    def break_once(*args: object) -> object:
        if next(broken, False):
            raise RuntimeError("a bug of the test's")
        return begin(*args)  # type: ignore[arg-type]

    quick.postman._begin = break_once  # type: ignore[method-assign, assignment]
    stopped = threading.Event()
    hand = threading.Thread(target=quick.postman.run, args=(stopped, 0.05), daemon=True)
    hand.start()
    assert quick.sink.wait_for(lambda: statuses(quick) == ["sent"], 20)
    stopped.set()
    hand.join(20)
    assert subjects(quick) == ["a"]


def test_two_postmen_that_are_awake_at_once_share_the_work(post: Post) -> None:
    for n in range(40):
        owe(post, f"{n}")
    other = Postman(post.engine, "another robot")
    hands = [threading.Thread(target=one.send_due) for one in (post.postman, other)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(30)
    assert len(post.sink.received) == len({*subjects(post)}) == 40


def test_the_wait_of_an_answer_is_counted_from_its_letter(post: Post) -> None:
    letter_id = owe(post, "a")
    owe(post, "b", ROUTE, DESK)
    long_ago = post.clock.now() - HOUR
    with post.ledger.write() as tx:
        tx.execute(update(t.outbox).where(t.outbox.c.id == letter_id).values(asked_at=long_ago))
    with post.ledger.read() as tx:
        standing = outbox.standing(tx)
        assert (standing.waiting, standing.oldest_asked_at) == (1, long_ago)
        assert outbox.next_due(tx) == post.clock.now()
    post.send()
    with post.ledger.read() as tx:
        assert outbox.standing(tx).waiting == 0
        assert outbox.next_due(tx) is None


def test_the_sender_of_what_staff_write_is_told_to_the_server(post: Post) -> None:
    now = post.clock.now()
    owed = Owed("s", MailKind.ANSWER, INFO, ANNA, "<s@example.com>", b"Subject: s\r\n\r\n", now)
    with post.ledger.write() as tx:
        outbox.owe(tx, owed, now)
    post.send()
    assert [one.sender for one in post.sink.received] == [INFO]


def test_what_a_server_took_is_written_down_while_other_letters_are_in_the_air(
    quick: Post,
) -> None:
    """Who dies then leaves only those in doubt."""
    owe(quick, "0")
    owe(quick, "1")
    seen: list[bool] = []

    def hold(_received: object) -> None:
        if len(quick.sink.received) == 2:
            seen.append(quick.sink.wait_for(lambda: "sent" in statuses(quick), 20))

    quick.sink.after_content = hold
    quick.send()
    assert seen == [True]
    assert statuses(quick) == ["sent", "sent"]
