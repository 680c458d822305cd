"""A role under the eyes of others: its pages, its signs of life, its end."""

import http.client
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import event, text

from dispatcher import metrics
from dispatcher.engine import Engine
from dispatcher.errors import BadSetting
from dispatcher.ledger import Ledger, processes
from dispatcher.ledger.processes import Seen
from dispatcher.monitoring import pages
from dispatcher.monitoring.pages import MOST_CONNECTIONS, Page, PageServer
from dispatcher.monitoring.presence import Presence
from dispatcher.monitoring.pulse import STILL_AFTER_SECONDS, Pulse
from dispatcher.monitoring.watched import watched
from dispatcher.readiness import GOOD_FOR_SECONDS, STANDS_IN_SECONDS, Readiness
from tests.channels.servers import closed_port
from tests.monitoring.test_house_figures import engine_on

HOST = "127.0.0.1"


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def listening_at(engine: Engine, port: int, **settings: object) -> Engine:
    changed = engine.settings.model_copy(update={"metrics_port": port, **settings})
    return replace(engine, settings=changed)


def until(met: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it came to pass in time; other threads are at it."""
    deadline = time.monotonic() + seconds
    while not met() and time.monotonic() < deadline:
        time.sleep(0.01)
    return met()


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    ledger = Ledger(sqlite_url)
    yield engine_on(ledger)
    ledger.close()


def at_work(engine: Engine) -> list[Seen]:
    with engine.ledger.read() as tx:
        return list(processes.everyone(tx))


def test_a_role_serves_its_pages_while_it_works_and_not_after(engine: Engine) -> None:
    port = closed_port()
    with watched(listening_at(engine, port), "loop"):
        assert get(port, "/health") == (200, "ok\n")
        assert get(port, "/ready") == (200, "ok\n")
        status, figures = get(port, "/metrics")
        assert status == 200
        assert 'dispatcher_role_info{role="loop"' in figures
        assert "dispatcher_ledger_up 1.0" in figures
        assert get(port, "/metrics?x=1")[0] == 200
        assert get(port, "/metrics", "HEAD") == (200, "")
        assert get(port, "/secret")[0] == 404
        assert get(port, "/metrics", "POST")[0] == 501
    with pytest.raises(ConnectionRefusedError):
        get(port, "/health")


def test_a_worker_tells_its_own_figures_and_leaves_the_house_to_the_loop(engine: Engine) -> None:
    port = closed_port()
    with watched(listening_at(engine, port), "worker", queues=("send-sms",)):
        figures = get(port, "/metrics")[1]
    assert "dispatcher_batch_seconds" in figures
    assert "dispatcher_due_deliveries" not in figures


def test_without_a_port_nobody_listens_and_the_role_is_seen_all_the_same(engine: Engine) -> None:
    before = threading.active_count()
    with watched(engine, "worker", queues=("send-sms", "urgent")):
        assert threading.active_count() == before + 1  # the signs of life
        assert until(lambda: bool(at_work(engine)))
        [seen] = at_work(engine)
    assert (seen.process.role, seen.process.queues) == ("worker", ("send-sms", "urgent"))
    assert at_work(engine) == []


def test_a_port_of_somebody_else_is_told_by_its_setting(engine: Engine) -> None:
    with (
        socket.create_server((HOST, 0)) as other,
        pytest.raises(BadSetting, match="DISPATCHER_METRICS_PORT"),
        watched(listening_at(engine, other.getsockname()[1]), "loop"),
    ):
        pytest.fail("it began")
    assert at_work(engine) == []


def test_a_main_thread_that_stands_still_is_unhealthy(engine: Engine) -> None:
    now = 1000.0
    pulse = Pulse(lambda: now)
    now += STILL_AFTER_SECONDS
    assert not pulse.is_still
    now += 1
    assert pulse.is_still
    assert pulse.trouble
    pulse.turn()
    assert (pulse.is_still, pulse.trouble) == (False, "")


def test_a_turn_that_was_broken_off_is_not_ready_and_healthy(engine: Engine) -> None:
    port = closed_port()
    with watched(listening_at(engine, port), "loop") as pulse:
        pulse.turn("the ledger does not answer")
        assert get(port, "/ready") == (503, "the ledger does not answer\n")
        assert get(port, "/health") == (200, "ok\n")


def test_a_role_whose_thread_has_ended_is_not_ready(engine: Engine) -> None:
    port = closed_port()
    with watched(listening_at(engine, port), "worker", works=lambda: "a thread has ended"):
        assert get(port, "/ready") == (503, "a thread has ended\n")


def ready(engine: Engine, *, needs_queue: bool = False) -> str:
    return Readiness(engine, needs_queue=needs_queue).trouble()


def test_who_needs_redis_is_not_ready_without_it(engine: Engine) -> None:
    url = SecretStr(f"redis://{HOST}:{closed_port()}/0")
    away = replace(engine, settings=engine.settings.model_copy(update={"redis_url": url}))
    assert "Redis" in ready(away, needs_queue=True)
    assert ready(away) == ""


def test_a_ledger_that_is_away_or_too_old_is_told(engine: Engine) -> None:
    away = Ledger(f"postgresql://nobody@{HOST}:{closed_port()}/none")
    assert ready(replace(engine, ledger=away)) == "the ledger does not answer"
    away.close()
    with engine.ledger.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    assert "older" in ready(engine)


def test_a_ledger_of_a_newer_program_is_well_for_an_upgrade_goes_on(engine: Engine) -> None:
    with engine.ledger.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert ready(engine) == ""


def test_who_asks_again_within_a_second_is_told_the_same(engine: Engine) -> None:
    now, asked = 0.0, list[float]()

    def works() -> str:
        asked.append(now)
        return ""

    readiness = Readiness(engine, works=works, clock=lambda: now)
    readiness.trouble()
    now = GOOD_FOR_SECONDS / 2
    readiness.trouble()
    assert asked == [0.0]
    now = GOOD_FOR_SECONDS
    readiness.trouble()
    assert asked == [0.0, GOOD_FOR_SECONDS]


def test_whoever_asks_beside_another_is_not_kept_waiting_for_a_ledger_that_hangs(
    engine: Engine,
) -> None:
    """Each who waits keeps a thread from what it is there for."""
    now, asking, go_on = 0.0, threading.Event(), threading.Event()

    def works() -> str:
        if now:
            asking.set()
            go_on.wait(10)
        return ""

    readiness = Readiness(engine, works=works, clock=lambda: now)
    assert readiness.trouble() == ""
    with ThreadPoolExecutor(1) as other:
        now = STANDS_IN_SECONDS - 0.1
        first = other.submit(readiness.trouble)
        assert asking.wait(10)
        began = time.monotonic()
        assert readiness.trouble() == ""  # as a moment ago
        now = STANDS_IN_SECONDS
        assert readiness.trouble() == "no answer in time"
        assert time.monotonic() - began < 2
        go_on.set()
        assert first.result() == ""


@contextmanager
def serving(page: Callable[[], Page]) -> Iterator[PageServer]:
    with PageServer(HOST, 0, {"/page": page}) as server:
        yield server


def test_a_page_that_breaks_says_nothing_of_why() -> None:
    def broken() -> Page:
        raise RuntimeError("+79161234567")

    with serving(broken) as server:
        assert get(server.port, "/page") == (500, "broken\n")


def test_who_says_nothing_does_not_keep_others_waiting() -> None:
    with (
        serving(lambda: Page(b"here")) as server,
        socket.create_connection((HOST, server.port)),
    ):
        assert get(server.port, "/page") == (200, "here")


def hung_up(connection: socket.socket, *, while_sending: bytes = b"", seconds: float = 5) -> bool:
    """Whether the server has hung up on us within the time; we send a byte now and then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if select.select([connection], [], [], 0.02)[0]:
                return connection.recv(1) == b""
            connection.sendall(while_sending)
        except OSError:
            return True
    return False


def test_a_byte_now_and_then_does_not_prolong_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "REQUEST_SECONDS", 0.3)
    with (
        serving(lambda: Page(b"here")) as server,
        socket.create_connection((HOST, server.port)) as slow,
    ):
        slow.sendall(b"GET /page HTTP/1.0\r\nX: ")
        assert hung_up(slow, while_sending=b"x")


def test_many_who_say_nothing_neither_take_the_threads_nor_keep_others_from_their_page() -> None:
    before = threading.active_count()
    with serving(lambda: Page(b"here")) as server, ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection((HOST, server.port)))
            for _one in range(3 * MOST_CONNECTIONS)
        ]
        assert [get(server.port, "/page") for _one in range(5)] == [(200, "here")] * 5
        assert threading.active_count() <= before + 1 + MOST_CONNECTIONS
        assert hung_up(silent[0])  # the first has waited for longest


def test_a_page_that_takes_long_is_not_broken_off_for_others() -> None:
    """With all threads at work on pages, who comes now is sent away at once and may ask again."""
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def slow() -> Page:
        begun.release()
        go_on.wait(10)
        return Page(b"late")

    with serving(slow) as server, ThreadPoolExecutor(MOST_CONNECTIONS) as askers:
        answers = [askers.submit(get, server.port, "/page") for _one in range(MOST_CONNECTIONS)]
        assert all(begun.acquire(timeout=10) for _one in answers)
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            get(server.port, "/page")
        go_on.set()
        assert [one.result() for one in answers] == [(200, "late")] * MOST_CONNECTIONS
        assert get(server.port, "/page") == (200, "late")


def test_who_hangs_up_in_the_middle_is_not_worth_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with serving(lambda: Page(b"here")) as server:
        with socket.create_connection((HOST, server.port)) as rude:
            rude.sendall(b"GET /page HTTP/1.0\r\n")
            assert until(lambda: threading.active_count() == before + 2)
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert until(lambda: threading.active_count() == before + 1)
        assert get(server.port, "/page") == (200, "here")
    assert capfd.readouterr().err == ""


def test_who_was_killed_is_missed_and_who_was_stopped_is_not(engine: Engine) -> None:
    """A presence that never says goodbye, as after `kill -9`, and one that does."""
    killed = Presence(engine.ledger, "loop", beat_seconds=3600)
    killed.__enter__()
    assert until(lambda: len(at_work(engine)) == 1)
    with Presence(engine.ledger, "worker", beat_seconds=3600):
        assert until(lambda: len(at_work(engine)) == 2)
    [left] = at_work(engine)
    assert left.process.role == "loop"
    killed.__exit__(None, None, None)
    assert at_work(engine) == []


def test_signs_of_life_go_on_when_the_ledger_is_back(sqlite_url: str) -> None:
    """Somebody holds the ledger for writing longer than we wait: nothing breaks, and the next sign
    is written."""
    ledger = Ledger(sqlite_url)

    def hurried(connection: object, *_more: object) -> None:
        connection.execute("PRAGMA busy_timeout = 10")  # type: ignore[attr-defined]

    event.listen(ledger.engine, "connect", hurried)
    engine, other = engine_on(ledger), Ledger(sqlite_url)
    with other.write():
        presence = Presence(ledger, "loop", beat_seconds=0.02)
        presence.__enter__()
        unwritten = metrics.REGISTRY.get_sample_value
        name = "dispatcher_beats_unwritten_total"
        before = unwritten(name) or 0
        assert until(lambda: (unwritten(name) or 0) > before)
        assert at_work(engine) == []
    assert until(lambda: bool(at_work(engine)))
    assert at_work(engine)[0].silent_for < timedelta(seconds=10)
    presence.__exit__(None, None, None)
    ledger.close()
    other.close()
