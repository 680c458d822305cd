"""What every gate must do, in one process and over Redis; and what Redis does when it is away."""

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import structlog
from redis import Redis

from dispatcher.pacing import LATENESS_SECONDS, LONGEST_WAIT_SECONDS, Gate, LocalGate
from dispatcher.shared_pace import NAMESPACE, SharedGate, connect
from dispatcher.turns import Turns
from tests.ledger import servers

MakeGate = Callable[[float], Gate]
# Between the gate's own clock and ours: the way to Redis and back, a busy machine.
BLUR_SECONDS = 0.05


@pytest.fixture
def client(redis_server: str) -> Iterator["Redis"]:
    opened = connect(redis_server)
    opened.flushdb()
    yield opened
    opened.close()


@pytest.fixture(params=["in the process", "over Redis"])
def make_gate(request: pytest.FixtureRequest) -> MakeGate:
    if request.param == "in the process":
        return LocalGate
    redis: Redis = request.getfixturevalue("client")
    return lambda per_second: SharedGate(redis, "sms.smsaero", per_second)


def test_instants_follow_each_other_at_the_rate(make_gate: MakeGate) -> None:
    gate = make_gate(10)
    began = time.monotonic()
    instants = [time.monotonic() + gate.reserve(LONGEST_WAIT_SECONDS).wait_seconds for _ in "12345"]
    gaps = [b - a for a, b in pairwise(instants)]
    assert all(gap == pytest.approx(0.1, abs=BLUR_SECONDS) for gap in gaps)
    assert instants[0] - began == pytest.approx(0, abs=BLUR_SECONDS)


def test_what_is_too_far_ahead_is_not_taken_however_often_one_asks(make_gate: MakeGate) -> None:
    gate = make_gate(0.01)
    assert gate.reserve(LONGEST_WAIT_SECONDS).reserved
    for _ in range(3):
        slot = gate.reserve(LONGEST_WAIT_SECONDS)
        assert not slot.reserved
        assert slot.wait_seconds == pytest.approx(100, abs=1)


def test_many_threads_at_once_share_the_instants_out(make_gate: MakeGate) -> None:
    gate = make_gate(200)
    instants: list[float] = []

    def take() -> None:
        for _ in range(25):
            wait_seconds = gate.reserve(LONGEST_WAIT_SECONDS).wait_seconds
            instants.append(time.monotonic() + wait_seconds)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    instants.sort()
    assert len(instants) == 200
    assert instants[-1] - instants[0] == pytest.approx(199 / 200, abs=2 * BLUR_SECONDS)


def _process(url: str, count: int, went: "multiprocessing.SimpleQueue[float]") -> None:
    """A worker process: its own loop, its own thread, the same Redis."""
    turns = Turns(SharedGate(connect(url), "sms.smsaero", 100), 100)

    async def one() -> None:
        assert await turns.turn(1, urgent=False) is None
        went.put(time.time())

    async def batch() -> None:
        await asyncio.gather(*(one() for _ in range(count)))

    asyncio.run(batch())


def test_many_processes_keep_one_pace_over_redis(redis_server: str, client: "Redis") -> None:
    spawning = multiprocessing.get_context("spawn")
    went: multiprocessing.SimpleQueue[float] = spawning.SimpleQueue()
    processes = [spawning.Process(target=_process, args=(redis_server, 50, went)) for _ in range(3)]
    for process in processes:
        process.start()
    instants = sorted(went.get() for _ in range(150))
    for process in processes:
        process.join(30)
    # However the processes were scheduled: in no 0.5 s more than the rate, the instants that each
    # of them may make up for, and those that a busy machine delivers late.
    most = max(sum(1 for at in instants if since <= at < since + 0.5) for since in instants)
    assert most <= 50 + 1 + 100 * (LATENESS_SECONDS + 2 * BLUR_SECONDS)


def test_the_keys_of_the_pace_go_by_themselves(client: "Redis") -> None:
    SharedGate(client, "sms.smsaero", 100).reserve(LONGEST_WAIT_SECONDS)
    assert client.dbsize() == 1
    assert 0 < client.pttl(NAMESPACE + "sms.smsaero") <= 1100


@pytest.mark.parametrize("dirt", [b"", b"nonsense", b"-5", b"9e15"])
def test_a_spoilt_or_far_off_key_stops_nobody(client: "Redis", dirt: bytes) -> None:
    client.set(NAMESPACE + "sms.smsaero", dirt)
    gate = SharedGate(client, "sms.smsaero", 10)
    for _ in range(2):
        slot = gate.reserve(LONGEST_WAIT_SECONDS)
        assert slot.reserved
        assert slot.wait_seconds <= 0.2


def test_redis_may_be_flushed_at_any_moment(client: "Redis") -> None:
    gate = SharedGate(client, "sms.smsaero", 1)
    assert gate.reserve(LONGEST_WAIT_SECONDS).reserved
    client.script_flush()
    client.flushdb()
    assert gate.reserve(LONGEST_WAIT_SECONDS).reserved


def test_while_redis_is_away_the_process_paces_itself_and_warns_once() -> None:
    server = servers.ValkeyByPip()
    server.start()
    client = connect(server.url)
    gate = SharedGate(client, "sms.smsaero", 10)
    try:
        assert gate.reserve(LONGEST_WAIT_SECONDS).reserved
    finally:
        server.stop()
    with structlog.testing.capture_logs() as logs:
        instants = [time.monotonic() + gate.reserve(20).wait_seconds for _ in range(5)]
    client.close()
    assert [line["event"] for line in logs] == ["pace.alone"]
    assert logs[0]["log_level"] == "warning"
    gaps = [b - a for a, b in pairwise(instants)]
    assert all(gap == pytest.approx(0.1, abs=BLUR_SECONDS) for gap in gaps)
