"""The time that machines share: the ledger server's, whatever the machine's own clock shows."""

import gc
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from dispatcher.clock import Answer, SharedClock, uptime_seconds

HOUR = timedelta(hours=1)
NEARLY = timedelta(seconds=0.5)


class Server:
    """Another machine, whose clock differs from ours by `ahead`. Its next answers take as long as
    `delays_seconds` says, nearly all of it on the way back."""

    def __init__(self, ahead: timedelta, delays_seconds: tuple[float, ...] = ()) -> None:
        self.ahead, self.is_away = ahead, False
        self.asked = threading.Event()
        self.delays_seconds = list(delays_seconds)

    def now(self) -> Answer:
        self.asked.set()
        if self.is_away:
            raise ConnectionError
        delay_seconds = self.delays_seconds.pop(0) if self.delays_seconds else 0.0
        asked_seconds = uptime_seconds() - delay_seconds / 10
        return Answer(datetime.now(UTC) + self.ahead, asked_seconds, asked_seconds + delay_seconds)


@pytest.fixture
def server() -> Server:
    return Server(HOUR)


@pytest.fixture
def clock(server: Server) -> Iterator[SharedClock]:
    shared = SharedClock(server.now, every_seconds=60)
    yield shared
    shared.stop()


def ahead_of_us(clock: SharedClock) -> timedelta:
    return clock.now() - datetime.now(UTC)


def test_the_server_is_right_and_our_own_clock_is_wrong(clock: SharedClock) -> None:
    assert abs(ahead_of_us(clock) - HOUR) < NEARLY


def test_what_the_server_says_next_is_followed(clock: SharedClock, server: Server) -> None:
    server.ahead = -HOUR
    assert abs(ahead_of_us(clock) - HOUR) < NEARLY
    clock.ask()
    assert abs(ahead_of_us(clock) + HOUR) < NEARLY


def test_a_difference_of_a_few_milliseconds_moves_nothing(
    clock: SharedClock, server: Server
) -> None:
    before = ahead_of_us(clock)
    server.ahead += timedelta(milliseconds=2)
    clock.ask()
    assert abs(ahead_of_us(clock) - before) < timedelta(milliseconds=2)


def test_a_slow_answer_is_asked_for_again_and_the_shortest_counts() -> None:
    server = Server(HOUR, (4.0, 0.1, 2.0))
    shared = SharedClock(server.now, every_seconds=60)
    shared.stop()
    assert abs(ahead_of_us(shared) - HOUR) < timedelta(seconds=0.2)


def test_a_slow_answer_that_may_be_right_moves_nothing(clock: SharedClock, server: Server) -> None:
    before = ahead_of_us(clock)
    server.delays_seconds = [4.0, 3.0, 2.0]
    clock.ask()
    assert abs(ahead_of_us(clock) - before) < timedelta(milliseconds=2)


def test_while_the_server_is_away_time_goes_on(clock: SharedClock, server: Server) -> None:
    server.is_away = True
    before = clock.now()
    with pytest.raises(ConnectionError):
        clock.ask()
    assert before < clock.now()
    assert abs(ahead_of_us(clock) - HOUR) < NEARLY


def test_the_server_is_asked_again_and_again_and_may_fail(server: Server) -> None:
    shared = SharedClock(server.now, every_seconds=0.01)
    server.is_away = True
    for _time in range(3):
        server.asked.clear()
        assert server.asked.wait(10)
    shared.stop()


def test_a_clock_that_nobody_looks_at_asks_no_more(server: Server) -> None:
    there = set(threading.enumerate())
    shared = SharedClock(server.now, every_seconds=0.01)
    [asking] = [one for one in threading.enumerate() if one.name == "clock" and one not in there]
    del shared
    gc.collect()
    asking.join(10)
    assert not asking.is_alive()


def test_a_wrong_clock_of_the_machine_is_told_once() -> None:
    server = Server(HOUR)
    with capture_logs() as told:
        shared = SharedClock(server.now, every_seconds=60)
        shared.ask()
    shared.stop()
    assert [(one["event"], one["seconds"]) for one in told] == [("clock.differs", -3600.0)]
