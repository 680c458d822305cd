"""A worker that is told to stop: what is under way ends, what was not begun goes back, what hangs
is in doubt; nobody is contacted twice by it."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import Handover, Message
from dispatcher import handing_over, worker
from dispatcher.cli.lifetime import BUSY_SECONDS, ended_together, turn
from dispatcher.event_loops import EventLoops
from dispatcher.ledger import campaigns
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.opening import Opened, open_batch
from dispatcher.stop import Stop
from dispatcher.watch import Watch
from dispatcher.worker import SLICE_ROUNDS, send_batch
from tests.flow.rehearsing import (
    EMAIL,
    HOUR,
    SMS,
    Overheard,
    Rehearsal,
    customer,
    open_rehearsal,
    scenario_text,
)

CROWD = [customer(str(n), f"+7916000{n:04}", f"client{n}@example.com") for n in range(60)]


@pytest.fixture
def rehearsal(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    running = open_rehearsal(tmp_path, ledger_url, batch_size=60)
    yield running.rehearsal
    running.close()


def claimed(rehearsal: Rehearsal, channel: str) -> tuple[list[int], str]:
    """A campaign's deliveries, claimed and lying in a queue that nobody reads."""
    rehearsal.rest()
    rehearsal.launch(CROWD, scenario_text(channel))
    rehearsal.works.loop.tick()
    rows = list(rehearsal.rows().values())
    return [row.id for row in rows], rows[0].claim or ""


def states(rehearsal: Rehearsal) -> set[Status]:
    return {row.status for row in rehearsal.rows().values()}


def test_who_was_told_before_the_batch_gives_all_of_it_back(rehearsal: Rehearsal) -> None:
    ids, claim = claimed(rehearsal, "sms")
    rehearsal.engine.stopping.set()
    assert send_batch(rehearsal.engine, SMS, ids, claim) == 0
    assert states(rehearsal) == {Status.PENDING}
    assert {row.due_at for row in rehearsal.rows().values()} == {rehearsal.clock.now()}
    assert not rehearsal.attempts()


def test_who_is_told_in_the_midst_sends_each_once_with_whoever_goes_on(
    rehearsal: Rehearsal,
) -> None:
    ids, claim = claimed(rehearsal, "sms")
    seen = 0

    def note(_message: Message) -> None:
        nonlocal seen
        seen += 1
        if seen == 5:
            rehearsal.engine.stopping.set()

    overhear(rehearsal, note)
    send_batch(rehearsal.engine, SMS, ids, claim)
    sent = len(rehearsal.taken())
    assert 5 <= sent <= SLICE_ROUNDS[SMS] * rehearsal.engine.channels[SMS].first.concurrency
    assert sent < len(CROWD)
    assert states(rehearsal) == {Status.PENDING, Status.AWAITING}
    assert len(rehearsal.attempts()) == sent  # a postponement is no attempt
    rehearsal.engine.stopping.clear()
    rehearsal.wake()
    rehearsal.run(HOUR)
    assert states(rehearsal) == {Status.POSITIVE}
    assert len(rehearsal.taken()) == len(CROWD)


def test_who_is_told_while_a_slice_is_being_opened_hands_nothing_of_it_over(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, claim = claimed(rehearsal, "sms")
    open_slice = worker._open

    def open_slowly(*given: Any) -> list[Opened]:
        opened = open_slice(*given)
        rehearsal.engine.stopping.set()
        return opened

    monkeypatch.setattr(worker, "_open", open_slowly)
    send_batch(rehearsal.engine, SMS, ids, claim)
    assert not rehearsal.taken()
    assert not rehearsal.attempts()
    assert states(rehearsal) == {Status.PENDING}


def test_the_time_to_stop_runs_from_the_word_and_not_from_when_it_is_noticed() -> None:
    stop = Stop()
    assert stop.left_seconds(7) == float("inf")
    stop.set()
    first = stop.left_seconds(7)
    stop.set()  # said twice
    assert 6 < stop.left_seconds(7) <= first <= 7
    stop.clear()
    assert stop.left_seconds(7) == float("inf")


def test_the_parts_of_a_process_end_side_by_side() -> None:
    both = threading.Barrier(2, timeout=20)
    with ended_together() as endings:
        endings += [both.wait, both.wait]  # each waits for the other to have been told
    assert not both.broken


def overhear(rehearsal: Rehearsal, before: object) -> None:
    for channel, ways in rehearsal.engine.channels.items():
        overheard = {
            name: Overheard(one, before, lambda _message: None)  # type: ignore[arg-type]
            for name, one in ways.by_name.items()
        }
        rehearsal.engine.channels[channel] = type(ways)(overheard, ways.routes)  # type: ignore[index]


def test_what_hangs_at_the_provider_is_in_doubt_after_a_while_and_holds_nobody_up(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "STOP_SECONDS", 0.3)
    ids, claim = claimed(rehearsal, "sms")
    hangs = threading.Event()

    class Silent(Overheard):
        async def deliver(self, message: Message) -> Handover:
            hangs.set()
            await asyncio.Event().wait()
            raise AssertionError("nobody answers")

    ways = rehearsal.engine.channels[SMS]
    silent = {name: Silent(one, print, print) for name, one in ways.by_name.items()}
    rehearsal.engine.channels[SMS] = type(ways)(silent, ways.routes)  # type: ignore[index]
    worker = threading.Thread(target=send_batch, args=(rehearsal.engine, SMS, ids, claim))
    worker.start()
    assert hangs.wait(20)
    rehearsal.engine.stopping.set()
    worker.join(20)
    assert not worker.is_alive()
    doubtful = [row for row in rehearsal.rows().values() if row.status is Status.UNCERTAIN]
    assert len(doubtful) == ways.first.concurrency
    assert {row.outcome for row in doubtful} == {Outcome.UNCERTAIN}
    others = {row.status for row in rehearsal.rows().values() if row not in doubtful}
    assert others == {Status.PENDING}


def test_letters_of_several_batches_use_the_same_connections(rehearsal: Rehearsal) -> None:
    loops = EventLoops(rehearsal.engine.channels[EMAIL].by_name.values())
    ids, claim = claimed(rehearsal, "email")
    entered: list[object] = []

    async def where() -> int:
        entered.append(asyncio.get_running_loop())
        return 0

    try:
        for start in range(0, len(ids), 20):
            piece = ids[start : start + 20]
            assert send_batch(rehearsal.engine, EMAIL, piece, claim, loops.run) == 20
            loops.run(where())
    finally:
        loops.close()
    assert len({id(loop) for loop in entered}) == 1
    assert len(rehearsal.taken()) == len(CROWD)
    assert states(rehearsal) == {Status.AWAITING}


def test_an_idle_loop_sleeps_until_something_is_due_and_no_longer(rehearsal: Rehearsal) -> None:
    rehearsal.rest()
    loop = rehearsal.works.loop
    assert loop.idle_seconds(5.0) == 5.0  # nothing at all
    now = rehearsal.clock.now()
    rehearsal.launch(CROWD[:1], scenario_text("email"), start_at=now + timedelta(seconds=2))
    assert 0 < loop.idle_seconds(5.0) <= 2.0
    assert loop.idle_seconds(0.5) == 0.5


def test_what_is_opened_at_a_time_is_what_goes_in_a_second() -> None:
    watch = Watch()
    assert watch.slice_size(EMAIL, 16, 200) == 16  # nothing is known yet
    watch.note_slice(EMAIL, 16, 0.1)
    assert watch.slice_size(EMAIL, 16, 200) == 160
    watch.note_slice(EMAIL, 160, 0.2)
    assert watch.slice_size(EMAIL, 16, 200) == 200
    watch.note_slice(EMAIL, 200, 25)  # a pace of eight a second
    assert watch.slice_size(EMAIL, 16, 200) == 16
    assert watch.slice_size(SMS, 10, 10) == 10


def test_a_killed_worker_does_not_make_a_campaign_of_letters_pause_itself(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.rest()
    rehearsal.launch(CROWD, scenario_text("email"))
    rehearsal.works.loop.tick()
    rows = list(rehearsal.rows().values())
    engine, claim = rehearsal.engine, rows[0].claim or ""
    now = rehearsal.clock.now()
    lease_until = now + timedelta(seconds=engine.settings.lease_seconds)
    with rehearsal.ledger.write() as tx:  # and dies before it has handed over anything
        open_batch(tx, engine, EMAIL, [row.id for row in rows], claim, now, lease_until)
    rehearsal.clock.move_to(lease_until + timedelta(seconds=1))
    rehearsal.works.loop.tick()
    lost = rehearsal.rows().values()
    assert {row.outcome for row in lost} == {Outcome.UNCERTAIN}
    assert {row.status for row in lost} == {Status.PENDING}  # the same letters go once more
    rehearsal.wake()
    rehearsal.run(HOUR)
    with rehearsal.ledger.read() as tx:
        campaign = campaigns.get(tx, rehearsal.campaigns[0].id)
    assert campaign.status is CampaignStatus.RUNNING
    assert len(rehearsal.taken()) == len(CROWD)


def test_a_loop_that_may_have_no_more_in_flight_looks_again_in_a_moment(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after a whole poll: the workers would have nothing to do for most of it."""
    changed = rehearsal.engine.settings.model_copy(update={"max_in_flight": 10})
    monkeypatch.setattr(rehearsal.engine, "settings", changed)
    rehearsal.rest()
    rehearsal.launch(CROWD, scenario_text("email"))
    first, second = rehearsal.works.loop.tick(), rehearsal.works.loop.tick()
    assert (first.claimed, first.is_full) == (10, False)
    assert (second.claimed, second.is_full, second.is_idle) == (0, True, True)
    stop = Stop()
    pauses: list[float | None] = []

    def wait(seconds: float | None = None) -> bool:
        pauses.append(seconds)
        stop.set()
        return True

    monkeypatch.setattr(stop, "wait", wait)
    turn(rehearsal.works.loop, 5.0, stop)
    assert pauses == [BUSY_SECONDS]
