"""Many writers at once, workers that are killed, servers that go away: real PostgreSQL and Redis.

SQLite has one writer at a time; what two of them do to each other shows here only.
"""

import multiprocessing
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import make_url, text

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import Receipt, accepted
from channels.routing import only
from channels.sandbox.patterns import Patterns
from dispatcher import campaigning, receipts
from dispatcher.answers import Answered, write_down
from dispatcher.cli import lifetime
from dispatcher.clock import SimulatedClock
from dispatcher.ledger import Ledger, Transaction, deliveries
from dispatcher.opening import Opened, open_batch
from dispatcher.record import Finding, record
from dispatcher.settings import Settings
from dispatcher.tokens import TokenFor, attempt_key, sign
from dispatcher.wiring import make_engine, make_works
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    HOUR,
    PHONE,
    PROVIDER,
    SECRET,
    SMS,
    Rehearsal,
    Rehearsing,
    customer,
    open_rehearsal,
    patterns,
    scenario_text,
)
from tests.trouble.house import customer as row_of
from tests.trouble.house import living, sms_channel
from tests.trouble.servers import HOLD, HttpProvider, sms_taken

NUMBER = "+79160000001"
ANNA = customer("1", NUMBER)
PATIENCE_SECONDS = 20.0
Result = TypeVar("Result")


@pytest.fixture
def rehearse_on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[Rehearse]:
    opened: list[Rehearsing] = []

    def open_one(table: Patterns | None = None, **settings: object) -> Rehearsal:
        one = open_rehearsal(tmp_path, postgres_url, table=table, **settings)  # type: ignore[arg-type]
        opened.append(one)
        return one.rehearsal

    yield open_one  # type: ignore[misc]
    for one in opened:
        one.close()


def until(fact: Callable[[], bool]) -> None:
    """Wait for something that other threads or processes bring about."""
    often = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.01)):
        if fact():
            return
        often.wait(0.01)
    raise AssertionError("it never came about")


def somebody_waits_for_a_lock(ledger: Ledger) -> bool:
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ledger.read() as tx:
        return bool(tx.execute(text(query)).scalar_one())


@dataclass
class Race:
    """One transaction is not committed before another one waits for what it has locked."""

    rehearsal: Rehearsal

    def run(self, first: Callable[[Transaction], object], second: Callable[[], Result]) -> Result:
        with ThreadPoolExecutor(1) as other:
            with self.rehearsal.ledger.write() as tx:
                first(tx)
                waiting: Future[Result] = other.submit(second)
                until(lambda: somebody_waits_for_a_lock(self.rehearsal.ledger))
            return waiting.result(PATIENCE_SECONDS)


def sent(rehearsal: Rehearsal, channel: ChannelName) -> int:
    """The customer's message is on its way, some seconds ago; the attempt."""
    rehearsal.launch([ANNA], scenario_text(channel.value))
    rehearsal.works.loop.tick()
    rehearsal.work()
    rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(seconds=20))
    [attempt] = rehearsal.attempts()
    assert attempt.ended_at is None
    return attempt.id


def open_all(rehearsal: Rehearsal) -> list[Opened]:
    """Claimed and opened, but not handed over: what a worker holds in its hands."""
    rehearsal.rest()
    rehearsal.works.loop.tick()
    now = rehearsal.clock.now()
    lease_until = now + timedelta(seconds=rehearsal.engine.settings.lease_seconds)
    rows = list(rehearsal.rows().values())
    opened: list[Opened] = []
    with rehearsal.ledger.write() as tx:
        for channel in rehearsal.engine.channels:
            ids = [row.id for row in rows if row.channel is channel]
            claim = rows[0].claim or ""
            opened += open_batch(tx, rehearsal.engine, channel, ids, claim, now, lease_until)
    return opened


# Two write about the same attempt ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "stronger", "weaker"),
    [
        (SMS, Outcome.DELIVERED, Outcome.NO_RECEIPT),
        (PHONE, Outcome.KEY_PRESSED, Outcome.HUNG_UP),
    ],
)
def test_who_waited_for_the_lock_judges_by_what_was_written_meanwhile(
    rehearse_on_postgres: Rehearse, channel: ChannelName, stronger: Outcome, weaker: Outcome
) -> None:
    rehearsal = rehearse_on_postgres(patterns(sms={NUMBER: "no_receipt"}))
    attempt_id = sent(rehearsal, channel)
    now = rehearsal.clock.now()
    key = attempt_key(rehearsal.row("1", channel).id, 1)
    late = Receipt(sign(SECRET, TokenFor.RECEIPT, key), None, weaker)
    effect = Race(rehearsal).run(
        lambda tx: record(tx, rehearsal.engine, [Finding(attempt_id, stronger, now)], now),
        lambda: receipts.take(rehearsal.engine, channel, PROVIDER[channel], late, {}),
    )
    assert effect is receipts.Effect.STALE
    assert rehearsal.outcomes() == [stronger.value]
    assert rehearsal.status("1", channel) is Status.POSITIVE
    assert rehearsal.attempts()[0].positive is True


@pytest.mark.parametrize("first", [Outcome.DELIVERED, Outcome.NO_RECEIPT])
def test_the_stronger_finding_stays_whoever_commits_first(
    rehearse_on_postgres: Rehearse, first: Outcome
) -> None:
    rehearsal = rehearse_on_postgres(patterns(sms={NUMBER: "no_receipt"}))
    attempt_id = sent(rehearsal, SMS)
    now = rehearsal.clock.now()
    [second] = {Outcome.DELIVERED, Outcome.NO_RECEIPT} - {first}

    def write(tx: Transaction, outcome: Outcome) -> None:
        record(tx, rehearsal.engine, [Finding(attempt_id, outcome, now)], now)

    Race(rehearsal).run(
        lambda tx: write(tx, first),
        lambda: rehearsal.ledger.insist(lambda tx: write(tx, second)),
    )
    assert rehearsal.outcomes() == ["delivered"]
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert rehearsal.row("1", SMS).due_at is None


def test_a_worker_that_answers_in_the_last_moment_is_not_called_lost(
    rehearse_on_postgres: Rehearse,
) -> None:
    rehearsal = rehearse_on_postgres()
    rehearsal.launch([ANNA], scenario_text("sms"))
    [opened] = open_all(rehearsal)
    rehearsal.clock.move_to(opened.lease_until)
    answer = Answered(opened, accepted("4711"), rehearsal.clock.now())
    tick = Race(rehearsal).run(
        lambda tx: write_down(tx, rehearsal.engine, [answer]), rehearsal.works.loop.tick
    )
    assert tick.uncertain == 0
    assert rehearsal.status("1", SMS) is Status.AWAITING
    assert rehearsal.outcomes() == [None]
    assert rehearsal.attempts()[0].reference == "4711"


# Decisions and outcomes at once -----------------------------------------------------------------


def test_what_was_written_while_a_campaign_was_cancelled_is_cancelled_at_the_next_tick(
    rehearse_on_postgres: Rehearse,
) -> None:
    rehearsal = rehearse_on_postgres(patterns(sms={NUMBER: "no_receipt"}))
    attempt_id = sent(rehearsal, SMS)
    now, campaign = rehearsal.clock.now(), rehearsal.campaigns[0]
    undelivered = [Finding(attempt_id, Outcome.UNDELIVERED, now)]
    Race(rehearsal).run(
        lambda tx: record(tx, rehearsal.engine, undelivered, now),
        lambda: campaigning.cancel(rehearsal.engine, campaign.id, ACTOR),
    )
    rehearsal.works.loop.tick()
    assert rehearsal.status("1", SMS) is Status.CANCELLED
    rehearsal.run(3 * DAY)
    assert rehearsal.status("1", SMS) is Status.CANCELLED
    assert len(rehearsal.taken()) == 1


def test_who_pays_while_an_outcome_is_written_is_not_reminded_again(
    rehearse_on_postgres: Rehearse,
) -> None:
    rehearsal = rehearse_on_postgres(patterns(sms={NUMBER: "no_receipt"}))
    attempt_id = sent(rehearsal, SMS)
    now, campaign = rehearsal.clock.now(), rehearsal.campaigns[0]
    undelivered = [Finding(attempt_id, Outcome.UNDELIVERED, now)]
    ended = Race(rehearsal).run(
        lambda tx: record(tx, rehearsal.engine, undelivered, now),
        lambda: campaigning.settle(rehearsal.engine, campaign.id, ["1"], ACTOR),
    )
    assert ended == (1, 0)
    assert rehearsal.status("1", SMS) is Status.SETTLED
    rehearsal.run(3 * DAY)
    assert len(rehearsal.taken()) == 1


def test_an_outcome_that_waits_for_a_settlement_sends_no_reminder(
    rehearse_on_postgres: Rehearse,
) -> None:
    """The other way round: the settlement is written first."""
    rehearsal = rehearse_on_postgres(patterns(sms={NUMBER: "no_receipt"}))
    attempt_id = sent(rehearsal, SMS)
    now, campaign = rehearsal.clock.now(), rehearsal.campaigns[0]
    undelivered = [Finding(attempt_id, Outcome.UNDELIVERED, now)]

    def settle(tx: Transaction) -> None:
        rows = deliveries.of_accounts(tx, campaign.id, ["1"])
        deliveries.mark_in_flight(tx, list(rows), Status.SETTLED)

    Race(rehearsal).run(
        settle,
        lambda: rehearsal.ledger.insist(lambda tx: record(tx, rehearsal.engine, undelivered, now)),
    )
    assert rehearsal.status("1", SMS) is Status.SETTLED
    assert rehearsal.outcomes() == ["undelivered"]


# Two that lock the same customers ---------------------------------------------------------------


def test_positives_of_the_same_customers_on_two_channels_never_wait_for_each_other(
    rehearse_on_postgres: Rehearse,
) -> None:
    """Each ends the other channel: whoever locked the rows as they come would deadlock."""
    rehearsal = rehearse_on_postgres()
    rounds, size = 12, 15
    people = [customer(str(n), f"+7916{n:07}") for n in range(rounds * size)]
    rehearsal.launch(people, scenario_text("phone", "sms", top='stop_on = "any"'))
    opened = open_all(rehearsal)
    assert len(opened) == 2 * len(people)
    now = rehearsal.clock.now()
    at_once = threading.Barrier(2)

    def write(channel: ChannelName, outcome: Outcome, n: int) -> None:
        mine = {person.account_number for person in people[n * size : (n + 1) * size]}
        rows = rehearsal.rows()
        ids = {rows[account, channel].id for account in mine}
        findings = [
            Finding(one.attempt_id, outcome, now) for one in opened if one.delivery.id in ids
        ]
        ordered = findings if channel is PHONE else findings[::-1]
        at_once.wait(PATIENCE_SECONDS)
        with rehearsal.ledger.write() as tx:  # no second try here: a deadlock would show
            record(tx, rehearsal.engine, ordered, now)

    with ThreadPoolExecutor(2) as pool:
        for n in range(rounds):
            calls = pool.submit(write, PHONE, Outcome.HEARD, n)
            texts = pool.submit(write, SMS, Outcome.DELIVERED, n)
            assert calls.exception(PATIENCE_SECONDS) is None
            assert texts.exception(PATIENCE_SECONDS) is None
    assert Counter(row.status for row in rehearsal.rows().values()) == {
        Status.POSITIVE: 2 * len(people)
    }
    assert all(attempt.positive for attempt in rehearsal.attempts())


def test_a_deadlock_that_comes_all_the_same_does_not_reach_the_caller(
    rehearse_on_postgres: Rehearse,
) -> None:
    rehearsal = rehearse_on_postgres()
    rehearsal.launch([ANNA, customer("2", "+79160000002")], scenario_text("sms"))
    one, two = (rehearsal.row(account, SMS).id for account in ("1", "2"))
    both_hold_one = threading.Barrier(2)
    runs: list[Sequence[int]] = []

    def lock_in_turn(order: Sequence[int]) -> str:
        def act(tx: Transaction) -> str:
            runs.append(order)
            deliveries.lock(tx, order[:1])
            if runs.count(order) == 1:
                both_hold_one.wait(PATIENCE_SECONDS)
            deliveries.lock(tx, order[1:])
            return "done"

        return rehearsal.ledger.insist(act)

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lock_in_turn, [(one, two), (two, one)]))
    assert done == ["done", "done"]
    assert len(runs) == 3


# Redis: a worker is killed, or has nothing to do -----------------------------------------------


def work_until_killed(settings: Settings, now: datetime, gate_port: int) -> None:
    """A worker process, as `dispatcher worker` starts it, towards this gate."""
    engine = make_engine(settings, clock=SimulatedClock(now))
    engine.channels = {SMS: only(sms_channel(gate_port, 60.0))}
    make_works(engine).crew().start()
    threading.Event().wait()


FORKS = multiprocessing.get_context("forkserver")


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    with closing(redis.Redis.from_url(redis_server)) as connection:
        connection.flushall()
        yield redis_server
        connection.flushall()


@pytest.mark.parametrize("found_by", ["redelivery", "lease"])
def test_what_a_killed_worker_held_is_done_by_another_one_and_nobody_is_told_twice(
    rehearse: Rehearse, redis_url: str, found_by: str
) -> None:
    """The gate holds its answers, so that the worker dies in the middle of some batches,
    with others not begun."""
    people = [customer(str(n), f"+791600000{n:02}") for n in range(60)]
    dead: list[bool] = []

    def answer(number: int, _request: bytes) -> object:
        return sms_taken(number) if dead else HOLD

    with HttpProvider(answer) as gate:
        rehearsal = rehearse(redis_url=SecretStr(redis_url), batch_size=20)
        rehearsal.rest()
        rehearsal.engine.channels = {SMS: only(sms_channel(gate.port))}
        rehearsal.launch(people, scenario_text("sms"))
        child = FORKS.Process(
            target=work_until_killed,
            args=(rehearsal.engine.settings, rehearsal.clock.now(), gate.port),
        )
        child.start()
        assert rehearsal.works.loop.tick().claimed == len(people)
        until(lambda: len(gate.sends) >= 8)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        dead.append(True)

        begun = {d.id for d in rehearsal.rows().values() if d.status is Status.SENDING}
        assert 8 <= len(begun) < len(people)
        if found_by == "redelivery":
            # Redis takes a worker for dead that has not been heard of for so long.
            rehearsal.works.queue.broker.heartbeat_timeout = 500  # type: ignore[attr-defined]
            rehearsal.wake()
        else:
            with closing(redis.Redis.from_url(redis_url)) as connection:
                connection.flushall()
            rehearsal.wake()
            lease = timedelta(seconds=rehearsal.engine.settings.lease_seconds)
            rehearsal.clock.move_to(rehearsal.clock.now() + lease)
            rehearsal.works.loop.tick()
        until(
            lambda: all(
                d.status in (Status.AWAITING, Status.SENDING, Status.UNCERTAIN)
                for d in rehearsal.rows().values()
            )
        )
        rehearsal.work()
        rehearsal.run(HOUR)

        told = Counter("+" + number for number in gate.recipients())
        assert set(told.values()) == {1}
        statuses = {d.points[0]: (d.id, d.status) for d in rehearsal.rows().values()}
        for point, (delivery_id, status) in statuses.items():
            expected = Status.UNCERTAIN if delivery_id in begun else Status.AWAITING
            assert status is expected
            assert told[point] == 1 or delivery_id in begun


def test_a_worker_that_had_nothing_to_do_for_a_while_still_takes_work(
    rehearse: Rehearse, redis_url: str
) -> None:
    """redis-py gives up a silent read after five seconds; dramatiq only polls, and must be heard of
    here on the day it begins to wait instead."""
    rehearsal = rehearse(redis_url=SecretStr(redis_url))
    rehearsal.launch([ANNA], scenario_text("sms"))
    threading.Event().wait(6.5)
    rehearsal.run(HOUR)
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert len(rehearsal.taken()) == 1


# PostgreSQL away for ten seconds ----------------------------------------------------------------


class Line:
    """A line to PostgreSQL that can be cut: then every connection ends, and none is taken."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        folder = str(parsed.query.get("host", ""))
        port = parsed.port or 5432
        self._target = f"{folder}/.s.PGSQL.{port}" if folder else (parsed.host or "", port)
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = parsed.set(host="127.0.0.1", port=self.port, query={}).render_as_string(
            hide_password=False
        )
        self._begin()

    def _begin(self) -> None:
        threading.Thread(target=self._take, args=(self._server,), daemon=True).start()

    def _take(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                is_file = isinstance(self._target, str)
                far = socket.socket(socket.AF_UNIX if is_file else socket.AF_INET)
                far.connect(self._target)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def mend(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._begin()


AWAY_SECONDS = 10.0


def test_a_database_that_is_away_for_ten_seconds_loses_nothing_and_doubles_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    """Cut while answers come in, with the real loop turning; most is still to be claimed."""
    count = 60
    line = Line(postgres_url)
    was_away = threading.Event()

    def answer(number: int, _request: bytes) -> bytes:
        if number == 12:
            line.cut()
            threading.Timer(AWAY_SECONDS, come_back).start()
        return sms_taken(number)

    def come_back() -> None:
        line.mend()
        was_away.set()

    stopped = threading.Event()
    with (
        HttpProvider(answer) as gate,
        living(
            tmp_path,
            {SMS: sms_channel(gate.port, 10.0)},
            database_url=line.url,
            batch_size=10,
        ) as house,
    ):
        house.import_rows([row_of(number) for number in range(count)])
        campaign = house.launch(SMS, days=3)
        turning = threading.Thread(target=lifetime.turn, args=(house.works.loop, 0.05, stopped))
        turning.start()
        try:
            assert was_away.wait(AWAY_SECONDS + PATIENCE_SECONDS)
            until(lambda: len(gate.sends) == count)
            until(lambda: {d.status for d in house.deliveries(campaign)} == {Status.AWAITING})
        finally:
            stopped.set()
            turning.join()
        told = Counter("+" + number for number in gate.recipients())
        assert told == Counter(attempt.contact_point for attempt in house.attempts(campaign))
        assert set(told.values()) == {1}
        assert all(attempt.reference for attempt in house.attempts(campaign))
        assert house.audit_findings(campaign) == []
    line.cut()
