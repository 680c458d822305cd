"""Answers to customers and emergencies: each goes at once, whatever the other is at."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from channels.base import Handover, Inbound, Message, accepted
from channels.routing import only
from dispatcher.inbound import take_in
from dispatcher.ledger import replies
from dispatcher.pacing import ProviderLimit
from dispatcher.queue import ANSWER, QUEUES, URGENT
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import PHONE, SMS, Overheard, Rehearsal, customer, scenario_text

PATIENCE_SECONDS = 20
EMERGENCY = scenario_text("phone", purpose="emergency", top="urgent = true")


class Slow(Overheard):
    """A provider that answers nobody before the test says so."""

    def __init__(self, rehearsal: Rehearsal, concurrency: int = 8) -> None:
        super().__init__(rehearsal.engine.channels[SMS].first, lambda _m: None, lambda _m: None)
        self.concurrency = concurrency
        self.answers = threading.Event()
        self.is_full = threading.Event()
        self.sent: list[Message] = []
        self.at_once = self.most_at_once = 0
        rehearsal.engine.channels = {**rehearsal.engine.channels, SMS: only(self)}

    async def deliver(self, message: Message) -> Handover:
        self.sent.append(message)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once == self.concurrency:
            self.is_full.set()
        await asyncio.to_thread(self.answers.wait, PATIENCE_SECONDS)
        self.at_once -= 1
        return accepted(f"r-{len(self.sent)}")


def stopped_by(rehearsal: Rehearsal, count: int) -> None:
    """So many customers write that they want no more SMS."""
    for number in range(count):
        take_in(rehearsal.engine, "smsaero", Inbound(f"{number}", f"+7916100{number:04}", "СТОП"))


def test_an_emergency_is_called_while_confirmations_wait_for_a_slow_provider(
    rehearsal: Rehearsal,
) -> None:
    slow, called = Slow(rehearsal), threading.Event()
    rehearsal.overhear(PHONE, before=lambda _message: called.set())
    stopped_by(rehearsal, 40)
    rehearsal.works.loop.tick()
    assert slow.is_full.wait(PATIENCE_SECONDS)
    rehearsal.launch([customer("1", "+79160000001")], EMERGENCY)
    rehearsal.works.loop.tick()
    was_called = called.wait(PATIENCE_SECONDS)
    unanswered = not slow.answers.is_set() and slow.at_once == slow.concurrency
    slow.answers.set()
    rehearsal.work()
    assert was_called
    assert unanswered
    assert len(slow.sent) == 40


def test_confirmations_go_as_many_at_once_as_the_provider_is_handed_and_no_more(
    rehearsal: Rehearsal,
) -> None:
    slow = Slow(rehearsal, concurrency=5)
    stopped_by(rehearsal, 12)
    rehearsal.works.loop.tick()
    assert slow.is_full.wait(PATIENCE_SECONDS)
    slow.answers.set()
    rehearsal.work()
    assert (len(slow.sent), slow.most_at_once) == (12, 5)


def test_who_waits_behind_the_provider_is_not_claimed_yet_so_a_death_leaves_few_in_doubt(
    rehearsal: Rehearsal,
) -> None:
    slow = Slow(rehearsal, concurrency=3)
    stopped_by(rehearsal, 20)
    rehearsal.works.loop.tick()
    assert slow.is_full.wait(PATIENCE_SECONDS)
    with rehearsal.ledger.write() as tx:
        doubtful = replies.doubt_all(tx)
    slow.answers.set()
    rehearsal.work()
    assert doubtful == 3


def test_confirmations_take_turns_at_the_limit_of_the_account(rehearse: Rehearse) -> None:
    rehearsal = rehearse(limits={"sms.smsaero": ProviderLimit(per_second=50)})
    slow = Slow(rehearsal)
    slow.answers.set()
    asked: list[bool] = []

    class Counted:
        async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:
            asked.append(urgent)
            return None

    rehearsal.engine.pacers = {(SMS, "smsaero"): Counted()}
    stopped_by(rehearsal, 6)
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert asked == [True] * 6


def test_a_mistake_over_one_confirmation_does_not_stop_the_others(rehearsal: Rehearsal) -> None:
    class Broken(Slow):
        async def deliver(self, message: Message) -> Handover:
            if message.contact_point.endswith("0001"):
                raise ValueError("a bug")
            return await super().deliver(message)

    broken = Broken(rehearsal)
    broken.answers.set()
    stopped_by(rehearsal, 4)
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert len(broken.sent) == 3


@pytest.mark.parametrize(
    ("queues", "alone"),
    [
        (QUEUES, [{URGENT}, {ANSWER}]),
        ([URGENT, "send-sms"], [{URGENT}]),
        (["send-sms", ANSWER], [{ANSWER}]),
        (["send-sms"], []),
    ],
)
def test_emergencies_and_answers_have_a_thread_each_that_serves_nothing_else(
    rehearsal: Rehearsal, queues: Sequence[str], alone: Sequence[set[str]]
) -> None:
    workers = rehearsal.works.crew(queues).workers
    served = [set(worker.consumer_whitelist or ()) for worker in workers]
    assert [one for one in served if one & {URGENT, ANSWER}] == list(alone)
    assert set().union(*served) == {*queues}
