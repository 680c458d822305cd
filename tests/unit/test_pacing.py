"""Turns at a provider: smooth, urgent first, campaigns one after the other; nobody is forgotten."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.pacing import (
    LATENESS_SECONDS,
    LONGEST_WAIT_SECONDS,
    LocalGate,
    Slot,
    rate_below,
)
from dispatcher.turns import LINGER_SECONDS, Rota, Turns, Waiting


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@given(
    st.lists(st.floats(0, 3), min_size=2, max_size=60),
    st.sampled_from([0.1, 1.0, 7.0, 100.0, 1000.0]),
)
def test_reserved_instants_are_never_closer_than_the_rate_allows(
    pauses: list[float], per_second: float
) -> None:
    clock = Clock()
    gate = LocalGate(per_second, clock)
    instants = []
    for pause in pauses:
        clock.seconds += pause
        slot = gate.reserve(LONGEST_WAIT_SECONDS)
        if slot.reserved:
            assert -LATENESS_SECONDS - 1e-6 <= slot.wait_seconds <= LONGEST_WAIT_SECONDS
            instants.append(clock.seconds + slot.wait_seconds)
        else:
            assert slot.wait_seconds > LONGEST_WAIT_SECONDS
    gaps = [b - a for a, b in pairwise(instants)]
    assert all(gap >= 1 / per_second - 1e-6 for gap in gaps)


@given(
    st.lists(st.floats(0, 0.02) | st.floats(0, 0.5), min_size=110, max_size=150),
    st.sampled_from([1.0, 3.0, 10.0, 50.0, 100.0]),
)
def test_no_sliding_second_holds_more_than_the_limit_however_late_a_sender_comes(
    lags: list[float], limit: float
) -> None:
    clock = Clock()
    gate = LocalGate(rate_below(limit), clock)
    went = []
    for lag in lags:
        clock.seconds += max(gate.reserve(1000).wait_seconds, 0)
        went.append(clock.seconds)
        clock.seconds += lag  # busy with something else
    one_too_many = zip(went, went[int(limit) :], strict=False)
    assert all(last - first > 1 for first, last in one_too_many)


def test_after_a_rest_nothing_has_been_saved_up() -> None:
    clock = Clock()
    gate = LocalGate(10, clock)
    gate.reserve(20)
    clock.seconds += 3600
    assert [round(gate.reserve(20).wait_seconds, 6) for _ in range(3)] == [0.0, 0.1, 0.2]


def test_an_instant_too_far_ahead_is_told_and_not_taken() -> None:
    clock = Clock()
    gate = LocalGate(0.01, clock)
    assert gate.reserve(20) == Slot(0.0)
    assert gate.reserve(20) == Slot(100.0, reserved=False)
    clock.seconds += 99
    slot = gate.reserve(20)
    assert slot.reserved
    assert slot.wait_seconds == pytest.approx(1.0)


def waiting(campaign_id: int) -> Waiting:
    loop = asyncio.new_event_loop()
    loop.close()
    return Waiting(loop, loop.create_future(), campaign_id)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=40))
def test_campaigns_take_turns_each_in_its_own_order(campaigns: list[int]) -> None:
    rota = Rota()
    foretold: list[tuple[Waiting, int]] = []
    for campaign_id in campaigns:
        one = waiting(campaign_id)
        foretold.append((one, rota.before(campaign_id)))
        rota.add(one)
    served: list[Waiting] = []
    while (one_more := rota.next()) is not None:
        served.append(one_more)
    assert len(served) == len(campaigns)
    assert len(rota) == 0
    for campaign_id in set(campaigns):
        own = [one for one, _ in foretold if one.campaign_id == campaign_id]
        assert [one for one in served if one.campaign_id == campaign_id] == own
    # A campaign with many never goes twice while another one that waits has not gone in between.
    left = Counter(campaigns)
    for former, one in pairwise(served):
        left[former.campaign_id] -= 1
        others = [n for n, count in left.items() if count and n != former.campaign_id]
        assert one.campaign_id != former.campaign_id or not others


class Script:
    """A gate that opens when the test says so."""

    def __init__(self) -> None:
        self.open = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)

    def reserve(self, longest_seconds: float) -> Slot:
        self.asked.release()
        self.open.acquire()
        return Slot(0.0)


def in_order(
    script: Script, turns: Turns, wanted: list[tuple[str, int, bool]], cancel: str = ""
) -> list[str]:
    """Let these (name, campaign, urgent) wait while an instant is reserved; in which order they
    went."""
    order: list[str] = []

    async def go(name: str, campaign_id: int, urgent: bool) -> None:
        assert await turns.turn(campaign_id, urgent=urgent) is None
        order.append(name)

    async def play() -> None:
        tasks = {}
        for name, campaign_id, urgent in wanted:
            tasks[name] = asyncio.create_task(go(name, campaign_id, urgent))
            await asyncio.sleep(0)
        if cancel:
            tasks.pop(cancel).cancel()
            await asyncio.sleep(0)
        for _ in tasks:
            script.open.release()
        await asyncio.wait_for(asyncio.gather(*tasks.values()), 10)

    asyncio.run(play())
    return order


def test_urgent_ones_go_first_then_campaigns_one_after_the_other() -> None:
    script = Script()
    turns = Turns(script, 100)
    wanted = [("a1", 1, False), ("a2", 1, False), ("a3", 1, False)]
    wanted += [("b1", 2, False), ("c1", 3, False), ("now", 4, True)]
    assert in_order(script, turns, wanted) == ["now", "a1", "b1", "c1", "a2", "a3"]


def test_whoever_no_longer_waits_is_passed_over_and_takes_no_instant() -> None:
    script = Script()
    turns = Turns(script, 100)
    wanted = [("a1", 1, False), ("a2", 1, False), ("a3", 1, False)]
    assert in_order(script, turns, wanted, cancel="a2") == ["a1", "a3"]


def test_who_would_wait_too_long_is_told_at_once_when_to_come_again() -> None:
    turns = Turns(LocalGate(1), 1)

    async def play() -> list[float | None]:
        first = await turns.turn(1, urgent=False)
        tasks = [asyncio.create_task(turns.turn(1, urgent=False)) for _ in range(40)]
        await asyncio.sleep(0)
        told = [task.result() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return [first, *told]

    began = time.monotonic()
    first, *told = asyncio.run(play())
    assert first is None
    assert 18 <= len(told) <= 21
    assert all(seconds is not None and seconds > LONGEST_WAIT_SECONDS for seconds in told)
    assert time.monotonic() - began < 5


def test_at_a_very_slow_rate_the_second_one_comes_again_later() -> None:
    turns = Turns(LocalGate(0.01), 0.01)

    async def play() -> list[float | None]:
        return [await turns.turn(1, urgent=False) for _ in range(3)]

    first, *others = asyncio.run(asyncio.wait_for(play(), 10))
    assert first is None
    assert all(seconds is not None and 90 < seconds <= 100 for seconds in others)


def test_many_loops_in_many_threads_keep_the_pace_together_and_the_thread_ends() -> None:
    turns = Turns(LocalGate(400), 400, "many")
    went: list[float] = []

    async def batch(campaign_id: int) -> None:
        async def one() -> None:
            # On a busy machine a turn may be told to come too late: then one comes again, as told.
            while (seconds := await turns.turn(campaign_id, urgent=campaign_id == 0)) is not None:
                await asyncio.sleep(min(seconds, 1))
            went.append(time.monotonic())

        await asyncio.gather(*(one() for _ in range(30)))

    threads = [threading.Thread(target=lambda n=n: asyncio.run(batch(n))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(went) == 180
    went.sort()
    assert went[-1] - went[0] >= 179 / 400 - LATENESS_SECONDS - 0.02
    until_gone(lambda: any(t.name == "turns-many" for t in threading.enumerate()))


def until_gone(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LINGER_SECONDS + 10
    ended = threading.Event()
    while there():
        assert time.monotonic() < deadline, "a thread was left behind"
        ended.wait(0.01)


def test_a_loop_that_died_with_its_waiters_holds_nobody_up() -> None:
    script = Script()
    turns = Turns(script, 100)
    dead = asyncio.new_event_loop()
    forgotten = [dead.create_task(turns.turn(1, urgent=True)) for _ in range(3)]
    dead.run_until_complete(asyncio.sleep(0))
    for task in forgotten:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant so
    dead.close()
    assert in_order(script, turns, [("alive", 2, False)]) == ["alive"]


class Broken:
    def __init__(self) -> None:
        self.times = 0

    def reserve(self, longest_seconds: float) -> Slot:
        self.times += 1
        if self.times == 1:
            raise ZeroDivisionError
        return Slot(0.0)


def test_a_mistake_in_the_gate_makes_nobody_wait_for_ever() -> None:
    turns = Turns(Broken(), 100)

    async def play() -> list[float | None]:
        return [await turns.turn(1, urgent=False) for _ in range(2)]

    first, second = asyncio.run(asyncio.wait_for(play(), 10))
    assert first is not None
    assert first > 0
    assert second is None


def test_a_loop_that_was_busy_does_not_find_many_turns_at_once() -> None:
    turns = Turns(LocalGate(100), 100)
    went: list[float] = []

    async def one() -> None:
        assert await turns.turn(1, urgent=False) is None
        went.append(time.monotonic())

    async def play() -> float:
        tasks = [asyncio.create_task(one()) for _ in range(50)]
        while len(went) < 10:
            await asyncio.sleep(0)
        threading.Event().wait(0.25)  # the loop does something else, for 25 instants
        free_at = time.monotonic()
        await asyncio.gather(*tasks)
        return free_at

    free_at = asyncio.run(asyncio.wait_for(play(), 20))
    assert len(went) == 50
    assert sum(1 for at in went if free_at <= at < free_at + 0.05) <= 5 + 5


def test_a_loop_that_stands_still_does_not_hold_up_the_others() -> None:
    turns = Turns(LocalGate(100), 100)
    held = threading.Event()
    release = threading.Event()

    async def stand_still() -> None:
        task = asyncio.create_task(turns.turn(1, urgent=True))
        await asyncio.sleep(0)
        held.set()
        release.wait(10)
        assert await task is None

    async def go_on() -> list[float | None]:
        return list(await asyncio.gather(*(turns.turn(2, urgent=False) for _ in range(5))))

    busy = threading.Thread(target=lambda: asyncio.run(stand_still()))
    busy.start()
    held.wait(10)
    try:
        assert asyncio.run(asyncio.wait_for(go_on(), 8)) == [None] * 5
    finally:
        release.set()
        busy.join(10)
