"""The loop of a worker's thread: it is kept between batches, and looks after what stands idle."""

import asyncio
import gc
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, cast

import pytest

from channels.base import Channel
from channels.email.connections import ConnectionPool
from dispatcher.event_loops import EventLoops
from tests.channels.smtp_groups import GroupServer
from tests.channels.test_smtp_groups import server_at

BATCH: ContextVar[int] = ContextVar("BATCH", default=0)


class Kept:
    """What a channel does with its connections, of which one was used and put back."""

    def __init__(self, port: int, longest_idle_seconds: float) -> None:
        self._port, self._seconds = port, longest_idle_seconds
        self.pool: ConnectionPool | None = None

    async def __aenter__(self) -> Self:
        self.pool = ConnectionPool(server_at(self._port), 1, self._seconds)
        self.pool.put_back((await self.pool.take())[0])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.pool is not None
        await self.pool.close()


class Broken(Kept):
    async def __aenter__(self) -> Self:
        raise ValueError("no such channel")


def loops_of(*channels: Kept) -> EventLoops:
    return EventLoops([cast(Channel, one) for one in channels])


@pytest.fixture
def server() -> Iterator[GroupServer]:
    with GroupServer() as started:
        yield started


async def nothing() -> int:
    return BATCH.get()


async def fail() -> int:
    raise KeyError("a bug")


def test_a_connection_nobody_needs_is_said_goodbye_to_while_no_batch_comes(
    server: GroupServer,
) -> None:
    loops = loops_of(Kept(server.port, longest_idle_seconds=0.05))
    loops.run(nothing())
    assert server.left.acquire(timeout=10)
    loops.close()
    assert [heard.farewell for heard in server.connections] == [b"QUIT\r\n"]


def test_at_the_end_of_the_thread_what_is_open_is_said_goodbye_to(server: GroupServer) -> None:
    loops = loops_of(Kept(server.port, longest_idle_seconds=60))
    threads = threading.active_count()
    loops.run(nothing())
    loops.close()
    loops.close()  # nothing is left to close
    assert server.left.acquire(timeout=10)
    assert [heard.farewell for heard in server.connections] == [b"QUIT\r\n"]
    assert threading.active_count() <= threads + 1  # the server's, which is about to end


def test_each_batch_runs_in_its_own_context_and_fails_for_itself() -> None:
    loops = loops_of()
    told: list[int] = []
    for number in (1, 2):
        BATCH.set(number)
        told.append(loops.run(nothing()))
    with pytest.raises(KeyError):
        loops.run(fail())
    told.append(loops.run(nothing()))
    loops.close()
    assert told == [1, 2, 2]


def test_an_errand_that_wants_everything_to_end_ends_alone() -> None:
    loops = loops_of()

    async def end_everything() -> None:
        raise SystemExit

    with pytest.raises(RuntimeError):
        loops.run(end_everything())
    assert loops.run(nothing()) == BATCH.get()
    loops.close()


def test_each_thread_has_a_loop_of_its_own() -> None:
    loops = loops_of()
    found: list[Any] = []

    async def mine() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def work() -> None:
        found.append((loops.run(mine()), loops.run(mine())))
        loops.close()

    for _one in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
    [(first, again), (second, _)] = found
    assert first is again
    assert first is not second
    assert first.is_closed()


def test_of_a_loop_that_cannot_begin_nothing_is_left(server: GroupServer) -> None:
    loops = loops_of(Kept(server.port, longest_idle_seconds=60), Broken(server.port, 60))
    threads = threading.active_count()
    for _batch in range(2):
        with pytest.raises(ValueError, match="no such channel"):
            loops.run(nothing())
        assert server.left.acquire(timeout=10)
    gc.collect()  # an open loop would be warned of
    assert threading.active_count() <= threads + 2  # the server's, which are about to end
    loops.close()
