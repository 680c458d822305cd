"""A letter that the mail server was told of together with the one before it: it goes next, or, when
anything has come between, not at all."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.consent import Suppression
from campaigns.delivery import Status
from channels.base import Following, Handover, MailMessage, Message
from channels.routing import only
from dispatcher import campaigning
from dispatcher.ledger import suppressions
from tests.flow.rehearsing import (
    ACTOR,
    EMAIL,
    HOUR,
    Overheard,
    Rehearsal,
    customer,
    open_rehearsal,
    scenario_text,
)

PEOPLE = [customer(str(n), f"+7916000000{n}", f"client{n}@example.com") for n in (1, 2, 3)]
Meanwhile = Callable[[Rehearsal], object]


@pytest.fixture
def rehearsal(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    running = open_rehearsal(tmp_path, ledger_url)
    yield running.rehearsal
    running.close()


class Announced(Overheard):
    """A server that asks what follows, and takes its time over the first letter."""

    def __init__(self, rehearsal: Rehearsal, meanwhile: Meanwhile) -> None:
        super().__init__(
            rehearsal.engine.channels[EMAIL].first, lambda _one: None, lambda _one: None
        )
        self.concurrency = 1
        self.rehearsal, self.meanwhile = rehearsal, meanwhile
        self.delivered: list[str] = []
        self.announced: list[str] = []
        self.taken_back: list[str] = []
        self._taken_back = asyncio.Event()

    async def deliver(self, message: Message, following: Following | None = None) -> Handover:
        assert following is not None
        self.delivered.append(message.contact_point)
        after = following()
        if after is not None:
            self.announced.append(after.contact_point)
        if len(self.delivered) == 1:
            self.meanwhile(self.rehearsal)
            if self.rehearsal.engine.stopping.is_set():
                await asyncio.wait_for(self._taken_back.wait(), 5)
        return await super().deliver(message)

    def take_back(self, announced: Message) -> None:
        assert isinstance(announced, MailMessage)
        self.taken_back.append(announced.contact_point)
        self._taken_back.set()


def send(rehearsal: Rehearsal, meanwhile: Meanwhile) -> Announced:
    server = Announced(rehearsal, meanwhile)
    rehearsal.engine.channels = {EMAIL: only(server)}
    rehearsal.launch(PEOPLE, scenario_text("email"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    return server


def pass_by(rehearsal: Rehearsal, time: timedelta) -> None:
    rehearsal.clock.move_to(rehearsal.clock.now() + time)


def stop_the_second(rehearsal: Rehearsal) -> None:
    with rehearsal.ledger.write() as tx:
        stop = Suppression("asked", contact_point=PEOPLE[1].contact_points[-1].address)
        suppressions.add(tx, stop, ACTOR, rehearsal.clock.now())
    pass_by(rehearsal, timedelta(seconds=3))


def end(rehearsal: Rehearsal) -> None:
    pass_by(rehearsal, timedelta(days=15))


def pause(rehearsal: Rehearsal) -> None:
    campaigning.pause(rehearsal.engine, rehearsal.campaigns[0].id, ACTOR)
    pass_by(rehearsal, timedelta(seconds=3))


def tell_to_stop(rehearsal: Rehearsal) -> None:
    rehearsal.engine.stopping.set()


def test_each_letter_is_announced_behind_the_one_before_and_goes_once(rehearsal: Rehearsal) -> None:
    server = send(rehearsal, lambda _rehearsal: None)
    addresses = [person.contact_points[-1].address for person in PEOPLE]
    assert server.delivered == addresses
    assert server.announced[0] == addresses[1]
    assert server.taken_back == []
    assert len(rehearsal.taken(EMAIL)) == len(PEOPLE)


@pytest.mark.parametrize("meanwhile", [stop_the_second, end, pause, tell_to_stop])
def test_an_announced_letter_that_must_not_go_any_more_is_taken_back(
    rehearsal: Rehearsal, meanwhile: Meanwhile
) -> None:
    server = send(rehearsal, meanwhile)
    rehearsal.engine.stopping.clear()
    second = PEOPLE[1].contact_points[-1].address
    assert server.announced[0] == second
    assert server.taken_back == [second]
    sent = {one.contact_point for one in rehearsal.taken(EMAIL)}
    assert second not in sent
    assert len(rehearsal.attempts()) == len(rehearsal.taken(EMAIL))  # a postponement is no attempt


def test_what_a_stopped_worker_had_announced_is_sent_once_by_whoever_goes_on(
    rehearsal: Rehearsal,
) -> None:
    server = send(rehearsal, tell_to_stop)
    assert rehearsal.engine.stopping.is_set()
    assert server.taken_back == server.announced
    rehearsal.engine.stopping.clear()
    rehearsal.run(HOUR)
    assert {row.status for row in rehearsal.rows().values()} == {Status.AWAITING}
    assert len(rehearsal.taken(EMAIL)) == len(PEOPLE)
