"""Between the opening of a message and its turn at the provider somebody decides that it must not
go. On both databases: what was confirmed before a message's turn came is obeyed."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import (
    Handover,
    Inbound,
    MailMessage,
    Message,
    Receipt,
    SmsMessage,
    accepted,
)
from dispatcher import campaigning, inbound, receipts
from dispatcher.answers import Answered, write_down
from dispatcher.last_look import DECIDED, UNKNOWN, LastLook
from dispatcher.ledger import Ledger, attempts, deliveries, suppressions
from dispatcher.opening import Opened, open_batch
from dispatcher.tokens import TokenFor, attempt_key, sign
from dispatcher.worker import SLICE_ROUNDS
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    EMAIL,
    HOUR,
    MONDAY,
    PHONE,
    PROVIDER,
    SECRET,
    SMS,
    Rehearsal,
    customer,
    open_rehearsal,
    patterns,
    scenario_text,
)
from tests.flow.test_under_fire_postgres import somebody_waits_for_a_lock, until

NUMBER, OTHER, ADDRESS = "+79160000001", "+79160000002", "anna@example.com"
ANNA = customer("1", NUMBER, ADDRESS)
EACH = pytest.mark.parametrize("channel", [PHONE, SMS, EMAIL])

Decide = Callable[[Rehearsal], object]


@pytest.fixture
def rehearsal(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    """On either database, with receipts that come when a test sends them."""
    fates = {NUMBER: "no_receipt", OTHER: "no_receipt"}
    running = open_rehearsal(tmp_path, ledger_url, table=patterns(sms=fates))
    yield running.rehearsal
    running.close()


class Crowd:
    """A provider account with a long row before it: while the first of ours waits, something is
    decided, and seconds pass."""

    def __init__(self, rehearsal: Rehearsal, decide: Decide, seconds: float) -> None:
        self._rehearsal, self._decide, self._seconds = rehearsal, decide, seconds
        self._is_decided = False

    async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:
        if not self._is_decided:
            self._is_decided = True
            await asyncio.to_thread(self._decide, self._rehearsal)
            clock = self._rehearsal.clock
            clock.move_to(clock.now() + timedelta(seconds=self._seconds))
        return None


def crowd(rehearsal: Rehearsal, decide: Decide, seconds: float = 3) -> None:
    one = Crowd(rehearsal, decide, seconds)
    rehearsal.engine.pacers = dict.fromkeys(PROVIDER.items(), one)


def turn(rehearsal: Rehearsal) -> None:
    rehearsal.works.loop.tick()
    rehearsal.work()


def stop(rehearsal: Rehearsal, **what: str) -> None:
    with rehearsal.ledger.write() as tx:
        stopped = Suppression("asked", **what)  # type: ignore[arg-type]
        suppressions.add(tx, stopped, ACTOR, rehearsal.clock.now())


def stop_account(rehearsal: Rehearsal) -> None:
    stop(rehearsal, account_number="1")


def stop_points(rehearsal: Rehearsal) -> None:
    stop(rehearsal, contact_point=NUMBER)
    stop(rehearsal, contact_point=ADDRESS.upper())


def pause(rehearsal: Rehearsal) -> None:
    campaigning.pause(rehearsal.engine, rehearsal.campaigns[0].id, ACTOR)


def cancel(rehearsal: Rehearsal) -> None:
    campaigning.cancel(rehearsal.engine, rehearsal.campaigns[0].id, ACTOR)


def pay(rehearsal: Rehearsal, account: str = "1") -> None:
    campaigning.settle(rehearsal.engine, rehearsal.campaigns[0].id, [account], ACTOR)


def write_stop(rehearsal: Rehearsal) -> None:
    inbound.take_in(rehearsal.engine, "smsaero", Inbound("9", NUMBER, "СТОП, не звоните"))


def nothing(_rehearsal: Rehearsal) -> None: ...


def tell(rehearsal: Rehearsal, channel: ChannelName, outcome: Outcome, account: str = "1") -> None:
    """A receipt about the first attempt of a delivery."""
    key = attempt_key(rehearsal.row(account, channel).id, 1)
    receipt = Receipt(sign(SECRET, TokenFor.RECEIPT, key), None, outcome)
    receipts.take(rehearsal.engine, channel, PROVIDER[channel], receipt, {})


@EACH
@pytest.mark.parametrize(
    ("decide", "left"),
    [
        (stop_account, Status.WITHDRAWN),
        (stop_points, Status.WITHDRAWN),
        (pay, Status.SETTLED),
        (cancel, Status.CANCELLED),
        (pause, Status.PENDING),
    ],
)
def test_what_is_decided_while_a_message_waits_for_its_turn_keeps_it_from_going(
    rehearsal: Rehearsal, channel: ChannelName, decide: Decide, left: Status
) -> None:
    rehearsal.launch([ANNA], scenario_text(channel.value))
    crowd(rehearsal, decide)
    turn(rehearsal)
    turn(rehearsal)
    row = rehearsal.row("1", channel)
    assert (rehearsal.taken(), rehearsal.attempts()) == ([], [])
    assert (row.status, row.attempts, row.postponed) == (left, 0, 0)
    assert rehearsal.count("touches") == 0


@pytest.mark.parametrize("channel", [PHONE, SMS])
def test_a_stop_by_sms_is_obeyed_by_what_waits_already(
    rehearsal: Rehearsal, channel: ChannelName
) -> None:
    rehearsal.launch([ANNA], scenario_text(channel.value))
    crowd(rehearsal, write_stop)
    turn(rehearsal)
    turn(rehearsal)
    assert rehearsal.status("1", channel) is Status.WITHDRAWN
    assert rehearsal.attempts() == []
    [confirmation] = rehearsal.taken()
    assert (confirmation.contact_point, confirmation.channel) == (NUMBER, SMS)


@EACH
def test_who_waited_and_was_not_forbidden_is_told_once(
    rehearsal: Rehearsal, channel: ChannelName
) -> None:
    rehearsal.launch([ANNA], scenario_text(channel.value))
    crowd(rehearsal, nothing)
    turn(rehearsal)
    assert len(rehearsal.taken()) == len(rehearsal.attempts()) == 1


def test_who_is_reached_on_one_channel_while_the_other_waits_hears_nothing_there(
    rehearsal: Rehearsal,
) -> None:
    order = 'kind = "cascade"\ndelay = "1h"\nchannels = ["sms", "email"]'
    rehearsal.launch([ANNA], scenario_text("sms", "email", order=order))
    turn(rehearsal)
    rehearsal.clock.move_to(rehearsal.clock.now() + HOUR)
    crowd(rehearsal, lambda r: tell(r, SMS, Outcome.DELIVERED))
    turn(rehearsal)
    turn(rehearsal)
    assert rehearsal.status("1", EMAIL) is Status.SUPERSEDED
    assert [one.channel for one in rehearsal.taken()] == [SMS]


def test_a_campaign_that_was_paused_over_a_waiting_message_sends_it_after_all_when_resumed(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    crowd(rehearsal, pause)
    turn(rehearsal)
    assert rehearsal.taken() == []
    campaigning.resume(rehearsal.engine, rehearsal.campaigns[0].id, ACTOR)
    turn(rehearsal)
    assert len(rehearsal.taken()) == len(rehearsal.attempts()) == 1
    assert rehearsal.row("1", SMS).attempts == 1


# Several accounts, one message -----------------------------------------------------------------

FLATS = [customer("1", NUMBER, debt=11_100), customer("2", NUMBER, debt=22_200)]


@pytest.mark.parametrize("gone", ["1", "2"])
@pytest.mark.parametrize(
    "decide",
    [pay, lambda r, account: stop(r, account_number=account)],
)
def test_who_pays_or_stops_while_a_shared_message_waits_is_not_spoken_of_in_it(
    rehearsal: Rehearsal, gone: str, decide: Callable[[Rehearsal, str], object]
) -> None:
    texts: list[str] = []
    rehearsal.overhear(SMS, before=lambda m: texts.append(cast(SmsMessage, m).text))
    rehearsal.launch(FLATS, scenario_text("sms"))
    crowd(rehearsal, lambda r: decide(r, gone))
    for _ in range(3):
        turn(rehearsal)
    [sms] = texts
    of_gone, of_stays = ("111", "222") if gone == "1" else ("222", "111")
    assert of_stays in sms
    assert of_gone not in sms
    assert len(rehearsal.attempts()) == 1
    assert Status.AWAITING in {row.status for row in rehearsal.rows().values()}


# Letters that go once more ----------------------------------------------------------------------


def test_a_letter_that_waits_to_go_once_more_does_not_after_its_reader_unsubscribed(
    tmp_path: Path, ledger_url: str
) -> None:
    running = open_rehearsal(
        tmp_path, ledger_url, table=patterns(email={ADDRESS: "drop_after_accept"})
    )
    rehearsal = running.rehearsal
    letters: list[str] = []

    def note(message: Message) -> None:
        assert isinstance(message, MailMessage)
        letters.append(message.token)

    rehearsal.overhear(EMAIL, before=note)
    rehearsal.launch([ANNA], scenario_text("email"))
    turn(rehearsal)
    assert rehearsal.row("1", EMAIL).reason == "resend"
    crowd(rehearsal, stop_account)
    rehearsal.run(DAY)
    [attempt] = rehearsal.attempts()
    status = rehearsal.status("1", EMAIL)
    running.close()
    assert (len(letters), attempt.sends) == (1, 1)
    assert status is Status.WITHDRAWN


# Slow answers -----------------------------------------------------------------------------------


def test_who_stands_behind_slow_answers_is_looked_at_too(rehearsal: Rehearsal) -> None:
    """No pace at all: the provider's few hands are full for seconds."""
    at_once = rehearsal.engine.channels[SMS].first.concurrency
    numbers = [f"+791600000{n:02}" for n in range(at_once * SLICE_ROUNDS[SMS])]
    people = [customer(str(n), number, row=n + 2) for n, number in enumerate(numbers, 1)]
    rehearsal.launch(people, scenario_text("sms"))
    begun: list[Message] = []

    def slowly(message: Message) -> None:
        begun.append(message)
        if len(begun) == at_once:
            pause(rehearsal)
            rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(seconds=3))

    rehearsal.overhear(SMS, before=slowly)
    turn(rehearsal)
    assert len(rehearsal.taken()) == len(rehearsal.attempts()) == at_once
    waiting = [row for row in rehearsal.rows().values() if row.status is Status.PENDING]
    assert len(waiting) == len(people) - at_once


# The look itself --------------------------------------------------------------------------------


@pytest.fixture
def nobody_answers() -> Iterator[Ledger]:
    """A ledger of which nothing but refusals is heard."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        ledger = Ledger(f"postgresql://nobody@127.0.0.1:{bound.getsockname()[1]}/nothing")
        yield ledger
        ledger.close()


def opened_messages(rehearsal: Rehearsal, count: int) -> list[Opened]:
    rehearsal.rest()
    people = [customer(str(n), f"+791600000{n:02}", row=n + 2) for n in range(count)]
    rehearsal.launch(people, scenario_text("sms"))
    rehearsal.works.loop.tick()
    rows, now = list(rehearsal.rows().values()), rehearsal.clock.now()
    ids, claim = [row.id for row in rows], rows[0].claim or ""
    with rehearsal.ledger.write() as tx:
        return open_batch(tx, rehearsal.engine, SMS, ids, claim, now, now + HOUR)


def ask(look: LastLook, opened: list[Opened]) -> list[Handover | None]:
    async def ask_for_all() -> list[Handover | None]:
        return list(await asyncio.gather(*(look.holds_back(one) for one in opened)))

    return asyncio.run(ask_for_all())


def test_messages_that_go_at_once_ask_the_ledger_nothing(
    rehearsal: Rehearsal, nobody_answers: Ledger
) -> None:
    opened = opened_messages(rehearsal, 10)
    engine = replace(rehearsal.engine, ledger=nobody_answers)
    assert ask(LastLook(engine, opened, time.monotonic()), opened) == [None] * 10


@pytest.mark.parametrize("by", ["the clock", "the machine"])
def test_while_the_ledger_is_away_who_waited_does_not_go_and_one_question_finds_that_out(
    rehearsal: Rehearsal, nobody_answers: Ledger, by: str
) -> None:
    opened = opened_messages(rehearsal, 10)
    engine = replace(rehearsal.engine, ledger=nobody_answers)
    look = LastLook(engine, opened, time.monotonic() - (2 if by == "the machine" else 0))
    if by == "the clock":
        rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(seconds=2))
    with capture_logs() as logs:
        assert ask(look, opened) == [UNKNOWN] * 10
    assert [line["event"] for line in logs] == ["ledger.away"]


def test_the_next_look_begins_before_the_last_one_is_too_old_and_nobody_waits_for_it(
    rehearsal: Rehearsal,
) -> None:
    """Who waited for it would go later, and so closer to the next than the pace allows."""
    opened = opened_messages(rehearsal, 2)
    look = LastLook(rehearsal.engine, opened, time.monotonic() - 0.7)
    stop(rehearsal, account_number="1")
    answers: list[Handover | None] = []

    async def go_on() -> None:
        answers.append(await look.holds_back(opened[1]))
        deadline = time.monotonic() + 5
        while answers[-1] is None and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
            answers.append(await look.holds_back(opened[1]))

    asyncio.run(go_on())
    assert answers[0] is None
    assert answers[-1] is DECIDED


def test_one_look_tells_of_everybody_who_waits(rehearsal: Rehearsal) -> None:
    opened = opened_messages(rehearsal, 10)
    look = LastLook(rehearsal.engine, opened, time.monotonic() - 2)
    stop(rehearsal, account_number="3")
    stop(rehearsal, contact_point="+79160000007")
    pay(rehearsal, "5")
    held_back = {
        one.accounts[0].account_number
        for one, why in zip(opened, ask(look, opened), strict=True)
        if why is DECIDED
    }
    assert held_back == {"3", "5", "7"}


# Whoever writes about attempts holds their deliveries first -------------------------------------


def test_receipts_that_overtake_a_worker_never_wait_for_it_crosswise(
    tmp_path: Path, postgres_url: str
) -> None:
    """A worker writes down what the provider took while the receipts of the same messages come."""
    numbers = [f"+7916000{n:04}" for n in range(150)]
    fates = dict.fromkeys(numbers, "no_receipt")
    running = open_rehearsal(tmp_path, postgres_url, table=patterns(sms=fates))
    rehearsal, jobs = running.rehearsal, list[Future[receipts.Effect]]()

    def receive(token: str) -> receipts.Effect:
        receipt = Receipt(token, None, Outcome.DELIVERED)
        return receipts.take(rehearsal.engine, SMS, "smsaero", receipt, {})

    with ThreadPoolExecutor(12) as hands, capture_logs() as logs:
        rehearsal.overhear(SMS, after=lambda m: jobs.append(hands.submit(receive, m.token)))
        people = [customer(str(n), number, row=n + 2) for n, number in enumerate(numbers)]
        rehearsal.launch(people, scenario_text("sms"))
        while len(jobs) < len(numbers):
            turn(rehearsal)
        effects = {job.result() for job in jobs}
    statuses = {row.status for row in rehearsal.rows().values()}
    running.close()
    assert not [line for line in logs if line["event"] == "ledger.away"]
    assert effects == {receipts.Effect.RECORDED}
    assert statuses == {Status.POSITIVE}


def test_a_worker_and_a_receipt_about_the_same_messages_take_turns(
    tmp_path: Path, postgres_url: str
) -> None:
    """The order itself: who holds the deliveries is not waited for with an attempt in hand."""
    running = open_rehearsal(tmp_path, postgres_url)
    rehearsal = running.rehearsal
    opened = opened_messages(rehearsal, 3)
    taken = [Answered(one, accepted("ref"), rehearsal.clock.now()) for one in opened]
    later = threading.Event()
    with ThreadPoolExecutor(1) as hands, rehearsal.ledger.write() as tx:
        deliveries.lock(tx, [one.delivery.id for one in opened])

        def write() -> None:
            later.set()
            rehearsal.ledger.insist(lambda own: write_down(own, rehearsal.engine, taken))

        writing = hands.submit(write)
        later.wait(10)
        until(lambda: somebody_waits_for_a_lock(rehearsal.ledger))
        # Nobody else holds these attempts: this would wait for ever, and PostgreSQL kill one of us.
        tx.execute(text("SET LOCAL lock_timeout = '2s'"))
        attempts.mark_handed(tx, {one.attempt_id: (None, MONDAY) for one in opened})
        tx.commit()
        writing.result(10)
    statuses = {row.status for row in rehearsal.rows().values()}
    running.close()
    assert statuses == {Status.AWAITING}
