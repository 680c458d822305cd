"""Where the transactions end in which letters are taken in: none is long, and nobody waits
crosswise with those who write down what came of a campaign."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from campaigns.inquiry.rules import Topic
from channels.mailbox.arrived import Arrived
from channels.mailbox.reading import read_letter
from dispatcher.errors import LedgerAway
from dispatcher.inquiries.house import house_of
from dispatcher.ledger import Ledger, connection, inquiries
from dispatcher.mailrobot.deciding import UNSORTED, decide
from dispatcher.mailrobot.taking_in import TakingIn
from dispatcher.record import hold_all
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.letters_by_hand import ANNA, bounce, letter, read_receipt
from tests.flow.mail_sink import MailSink
from tests.flow.rehearsing import EMAIL, SECRET, Rehearsal, customer, open_rehearsal, scenario_text
from tests.flow.robot_post import DESK, Post, open_post

BORIS = "boris@example.org"


@pytest.fixture
def post(tmp_path: Path, ledger: Ledger) -> Iterator[Post]:
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink)


def opened(folder: Path, url: str) -> Iterator[Rehearsal]:
    """A campaign's letters have gone to Anna and to Boris."""
    one = open_rehearsal(folder, url, mail_bounces_to="bounces@example.com", inquiries_to=DESK)
    one.rehearsal.launch(
        [customer("4012345678", ANNA), customer("4012345679", BORIS)], scenario_text("email")
    )
    one.rehearsal.works.loop.tick()
    one.rehearsal.work()
    yield one.rehearsal
    one.close()


@pytest.fixture
def running(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    yield from opened(tmp_path, ledger_url)


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[Rehearsal]:
    yield from opened(tmp_path, postgres_url)


def named(running: Rehearsal, account: str = "4012345678") -> str:
    """The Message-ID of the campaign's letter to this customer."""
    token = sign(SECRET, TokenFor.MESSAGE_ID, attempt_key(running.row(account, EMAIL).id, 1))
    return f"<{token}@example.com>"


@contextmanager
def watched(ledger: Ledger) -> Iterator[list[str]]:
    """Every statement, and COMMIT between them."""
    seen: list[str] = []

    def note(_connection: Connection, _cursor: object, sql: str, *_rest: object) -> None:
        seen.append(sql)

    def end(_connection: Connection) -> None:
        seen.append("COMMIT")

    event.listen(ledger.engine, "before_cursor_execute", note)
    event.listen(ledger.engine, "commit", end)
    try:
        yield seen
    finally:
        event.remove(ledger.engine, "before_cursor_execute", note)
        event.remove(ledger.engine, "commit", end)


def letters_of(*senders: str) -> list[bytes]:
    return [letter(f"Вопрос от {sender}: где свет?", sender=sender) for sender in senders]


# Short ones ---------------------------------------------------------------------------------------


def test_letters_that_cost_little_share_a_transaction(post: Post) -> None:
    with watched(post.ledger) as seen:
        post.arrive(*letters_of("a@example.org", "b@example.org", "c@example.org"))
    assert seen.count("COMMIT") == 1
    assert len(post.rows("letters")) == 3


def test_letters_that_cost_much_are_each_committed_before_the_next(post: Post) -> None:
    taking_in = TakingIn(post.engine, longest_seconds=0)
    batch = letters_of("a@example.org", "b@example.org", "c@example.org")
    arrived = [post.arrived(raw, uid) for uid, raw in enumerate(batch, 1)]
    with watched(post.ledger) as seen:
        assert taking_in.take(arrived) == [1, 2, 3]
    assert seen.count("COMMIT") == 3
    assert len(post.rows("mailbox_messages")) == len(post.inquiries()) == 3


def test_what_is_committed_stays_taken_when_the_ledger_goes_away(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking_in = TakingIn(post.engine, longest_seconds=0)
    batch = letters_of("a@example.org", "b@example.org", "c@example.org")
    arrived = [post.arrived(raw, uid) for uid, raw in enumerate(batch, 1)]
    count = 0

    def away(_connection: Connection) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise PoolTimeout("every line is busy")

    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.0)
    event.listen(post.ledger.engine, "commit", away)
    with pytest.raises(LedgerAway):
        taking_in.take(arrived)
    assert [row.uid for row in post.rows("mailbox_messages")] == [1]
    assert taking_in.take(arrived) == [1, 2, 3]
    event.remove(post.ledger.engine, "commit", away)
    assert len(post.rows("letters")) == len(post.inquiries()) == len(post.owed()) == 3


def test_a_letter_that_breaks_the_second_transaction_holds_up_nobody(post: Post) -> None:
    taking_in = TakingIn(post.engine, longest_seconds=0)
    batch = letters_of("a@example.org", "b@example.org", "c@example.org")
    arrived = [post.arrived(raw, uid) for uid, raw in enumerate(batch, 1)]
    count = 0

    def broken(_connection: Connection) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise ValueError("a bug of ours")

    event.listen(post.ledger.engine, "commit", broken)
    with capture_logs() as logs:
        assert taking_in.take(arrived) == [1, 2, 3]
    event.remove(post.ledger.engine, "commit", broken)
    assert len(post.rows("letters")) == len(post.inquiries()) == 3
    assert [line["letters"] for line in logs if line["event"] == "letters.one_by_one"] == [2]


# Little work --------------------------------------------------------------------------------------


def test_a_letter_that_is_known_is_not_judged_anew(post: Post) -> None:
    raw = letter()
    post.arrive(raw)
    with watched(post.ledger) as seen:
        post.arrive(raw)
    assert not any("outbox" in sql or "contact_points" in sql for sql in seen)


def test_a_letter_that_nobody_registers_is_not_sorted_unless_it_is_tried_out(post: Post) -> None:
    raw = letter(headers={"Auto-Submitted": "auto-replied"})
    read, house = read_letter(raw), house_of(post.engine)
    now = post.clock.now()
    with post.ledger.read() as tx:
        decided = decide(tx, post.engine, house, read, raw, now)
        assert decided.sorted is UNSORTED
        assert not decided.is_registered
        tried = decide(tx, post.engine, house, read, raw, now, sorts_all=True)
        assert tried.sorted.topic is Topic.OUTAGE
        asked = decide(tx, post.engine, house, read_letter(letter()), letter(), now)
        assert asked.sorted.topic is Topic.OUTAGE


# Nobody waits crosswise ---------------------------------------------------------------------------


# What takes hold of deliveries, of what belongs to them, and of contact points.
HOLDS = ("FOR UPDATE OF deliveries", "UPDATE deliveries", "INTO suppressions", "hashtext(")


def arrive(running: Rehearsal, *raws: bytes) -> None:
    now = running.clock.now()
    TakingIn(running.engine).take([Arrived("info", raw, now) for raw in raws])


def test_deliveries_and_points_are_held_before_a_number_is_given(running: Rehearsal) -> None:
    batch = [
        *letters_of("a@example.org"),
        letter("Стоп", sender="c@example.org"),
        letter("Уже оплачено.", sender=BORIS, in_reply_to=named(running, "4012345679")),
        *letters_of("d@example.org", "e@example.org"),
        bounce(named(running), ANNA),
        read_receipt(named(running), ANNA),
        letter("Спасибо!", in_reply_to=named(running)),
    ]
    with watched(running.ledger) as seen:
        arrive(running, *batch)
    assert running.count("letters") == len(batch)
    assert running.count("inquiries") == 6
    assert running.outcomes() == ["answered", "answered"]
    assert 1 < seen.count("COMMIT") < len(batch)
    for transaction in "\n".join(seen).split("COMMIT"):
        _before, has_number, after = transaction.partition("INSERT INTO inquiry_numbers")
        assert not has_number or not any(held in after for held in HOLDS)


def until_somebody_waits(ledger: Ledger) -> None:
    """On PostgreSQL: a connection of this database waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    tick = threading.Event()
    for _try in range(500):
        with ledger.read() as tx:
            if tx.exec_driver_sql(waiting).scalar_one():
                return
        tick.wait(0.01)
    raise AssertionError("nobody waits")


def test_who_writes_down_an_outcome_and_registers_an_sms_never_waits_for_the_robot(
    on_postgres: Rehearsal,
) -> None:
    """The robot has a letter to register and then one that answers a campaign; the other holds that
    delivery, and asks for a number."""
    ledger, now = on_postgres.ledger, on_postgres.clock.now()
    batch = [*letters_of("a@example.org"), letter("Оплачено.", in_reply_to=named(on_postgres))]
    [attempt] = [a for a in on_postgres.attempts() if a.contact_point == ANNA]
    with ThreadPoolExecutor(1) as pool:
        with ledger.write() as tx:
            hold_all(tx, on_postgres.engine, [attempt.id])
            taking = pool.submit(arrive, on_postgres, *batch)
            until_somebody_waits(ledger)
            tx.exec_driver_sql("SET LOCAL lock_timeout = '300ms'")  # before a deadlock is noticed
            number = inquiries.next_number(tx, now.year)
        taking.result(10)
    assert on_postgres.count("inquiries") == 2
    assert number.endswith("-000002")
    assert "answered" in on_postgres.outcomes()
