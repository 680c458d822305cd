"""Doubt: nobody knows whether the provider took a message. It is asked, and nothing goes twice."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import Channel, Handover, Message, Receipt, SmsMessage, Sought, uncertain
from channels.routing import only
from channels.sms.smsaero_records import candidates
from dispatcher import campaigning, receipts
from dispatcher.ledger import doubts
from dispatcher.receipts import Effect
from dispatcher.settling import DOUBT_FOR, LONGEST_PAUSE, next_question, settle_batch
from dispatcher.tokens import TokenFor
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    HOUR,
    MONDAY,
    PHONE,
    SMS,
    Overheard,
    Rehearsal,
    customer,
    patterns,
    scenario_text,
)
from tests.flow.test_receipts import token

NUMBER = "+79160000001"
ANNA = customer("1", NUMBER)
MINUTE = timedelta(minutes=1)


class Doubtful(Overheard):
    """A provider that never answers whether it took a message. `has` is what its list says."""

    def __init__(self, inner: Channel, has: Callable[[Sought], Sequence[Receipt] | None]) -> None:
        super().__init__(inner, lambda _m: None, lambda _m: None)
        self.has, self.sent, self.sought = has, list[Message](), list[Sought]()
        self.states: dict[str, Receipt | None] = {}
        self.asked: list[str] = []

    async def deliver(self, message: Message) -> Handover:
        self.sent.append(message)
        return uncertain("no answer")

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        self.sought.append(sought)
        return self.has(sought)

    async def look_up(self, reference: str) -> Receipt | None:
        self.asked.append(reference)
        return self.states.get(reference)


def doubtful(
    rehearsal: Rehearsal,
    has: Callable[[Sought], Sequence[Receipt] | None],
    channel: ChannelName = SMS,
) -> Doubtful:
    one = Doubtful(rehearsal.engine.channels[channel].first, has)
    rehearsal.engine.channels = {**rehearsal.engine.channels, channel: only(one)}
    return one


def listed(reference: str, outcome: Outcome | None = None, seconds: float | None = None) -> Receipt:
    return Receipt(None, reference, outcome, final=outcome is not None, seconds=seconds)


def send(rehearsal: Rehearsal, channel: ChannelName = SMS, people: int = 1) -> None:
    audience = [ANNA, *(customer(str(n), f"+7916000000{n}", row=n) for n in range(2, people + 1))]
    rehearsal.launch(audience, scenario_text(channel.value))
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert rehearsal.status("1", channel) is Status.UNCERTAIN


def look(rehearsal: Rehearsal, after: timedelta = timedelta()) -> None:
    """Time passes, and the loop asks what is due to be asked."""
    rehearsal.clock.move_to(rehearsal.clock.now() + after)
    rehearsal.works.loop.tick()
    rehearsal.work()


# Found, or not there ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "found", "expected"),
    [
        (SMS, listed("11", Outcome.DELIVERED), "delivered"),
        (SMS, listed("11", Outcome.UNDELIVERED), "undelivered"),
        (PHONE, listed("CA1", Outcome.BUSY), "busy"),
        (PHONE, listed("CA1", None, seconds=50), "heard"),
        (PHONE, listed("CA1", None, seconds=1), "hung_up"),
    ],
)
def test_the_only_message_of_the_list_gives_its_name_and_its_outcome(
    rehearsal: Rehearsal, channel: ChannelName, found: Receipt, expected: str
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [found], channel)
    send(rehearsal, channel)
    look(rehearsal, 9 * MINUTE)
    assert not provider.sought
    look(rehearsal, MINUTE)
    [attempt] = rehearsal.attempts()
    assert (attempt.outcome, attempt.reference) == (expected, found.reference)
    assert len(provider.sent) == 1
    assert rehearsal.count("receipts") == 1


def test_an_sms_is_sought_by_its_number_its_time_and_its_own_words(rehearsal: Rehearsal) -> None:
    provider = doubtful(rehearsal, lambda _sought: None)
    send(rehearsal)
    look(rehearsal, 10 * MINUTE)
    [message], [sought] = provider.sent, provider.sought
    assert isinstance(message, SmsMessage)
    assert sought == Sought(NUMBER, MONDAY, message.text)


def test_what_is_on_no_list_at_two_looks_was_never_sent_and_the_cadence_goes_on(
    rehearsal: Rehearsal,
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    look(rehearsal, 10 * MINUTE)
    assert rehearsal.status("1", SMS) is Status.UNCERTAIN
    look(rehearsal, 10 * MINUTE)
    row = rehearsal.row("1", SMS)
    assert rehearsal.outcomes() == ["not_taken"]
    assert rehearsal.attempts()[0].reason.startswith("not in the provider's list")
    assert (row.status, row.due_at) == (Status.PENDING, MONDAY + DAY)
    assert len(provider.sent) == 1


def test_a_receipt_that_comes_after_all_beats_the_list_that_did_not_know_the_message(
    rehearsal: Rehearsal,
) -> None:
    """Lists lag. The customer has it: the repetition that was due tomorrow is not sent."""
    provider = doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    look(rehearsal, 10 * MINUTE)
    look(rehearsal, 10 * MINUTE)
    name = token(rehearsal, SMS, TokenFor.RECEIPT)
    receipt = Receipt(name, None, Outcome.DELIVERED)
    assert receipts.take(rehearsal.engine, SMS, provider.provider, receipt, {}) is Effect.RECORDED
    assert rehearsal.outcomes() == ["delivered"]
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    rehearsal.run(2 * DAY)
    assert len(provider.sent) == 1


def test_two_looks_within_ten_minutes_are_one(rehearsal: Rehearsal) -> None:
    doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    look(rehearsal, 10 * MINUTE)
    for _ in range(3):  # the queue brought the same question again
        settle_batch(rehearsal.engine, SMS, [rehearsal.row("1", SMS).id])
    assert rehearsal.status("1", SMS) is Status.UNCERTAIN


def test_a_list_that_had_two_and_then_none_must_be_empty_twice_anew(rehearsal: Rehearsal) -> None:
    answers = iter([[], [listed("1"), listed("2")], [], []])
    doubtful(rehearsal, lambda sought: next(answers) if sought.text else [])
    send(rehearsal)
    looks = []
    for minutes in (10, 10, 20, 40):
        look(rehearsal, minutes * MINUTE)
        looks.append(rehearsal.status("1", SMS))
    assert looks == [Status.UNCERTAIN] * 3 + [Status.PENDING]


def test_a_gate_that_answered_with_a_page_of_502_has_sent_nothing_and_the_next_day_goes_on(
    rehearse: Rehearse,
) -> None:
    """Over real sockets: the sandbox's list has somebody else's message only."""
    rehearsal = rehearse(patterns(sms={NUMBER: "html_502"}))
    send(rehearsal, people=2)
    rehearsal.run(HOUR)
    assert rehearsal.outcomes() == ["not_taken", "delivered"]
    assert rehearsal.row("1", SMS).due_at == MONDAY + DAY
    assert [one.contact_point for one in rehearsal.taken()] == ["+79160000002"]


def test_a_gate_whose_list_has_shown_nothing_yet_is_not_believed_that_nothing_was_sent(
    rehearse: Rehearse,
) -> None:
    """A filter that understands no number of ours would show nothing, ever."""
    rehearsal = rehearse(patterns(sms={NUMBER: "html_502"}))
    send(rehearsal)
    rehearsal.run(2 * DAY)
    row = rehearsal.row("1", SMS)
    assert rehearsal.outcomes() == ["uncertain"]
    assert (row.status, row.due_at) == (Status.UNCERTAIN, None)


@pytest.mark.parametrize("skew", [-180, 3 * 3600, -86_400], ids=["minutes", "zone", "a day"])
def test_a_message_in_the_list_that_is_nobodys_and_of_another_time_is_staffs_to_judge(
    rehearsal: Rehearsal, skew: int
) -> None:
    """The provider took it, and its clock is wrong: it must not go again."""

    def has(sought: Sought) -> Sequence[Receipt]:
        [message] = provider.sent
        assert isinstance(message, SmsMessage)
        entry = {"id": 77, "number": NUMBER, "text": message.text, "status": 1}
        seconds = int(sought.sent_at.timestamp()) + skew
        return candidates([{**entry, "dateCreate": seconds}], sought)

    provider = doubtful(rehearsal, has)
    send(rehearsal)
    rehearsal.run(2 * DAY)
    assert len(provider.sent) == 1
    assert (rehearsal.row("1", SMS).status, rehearsal.outcomes()) == ("uncertain", ["uncertain"])


def test_a_message_of_another_time_that_is_known_to_be_ours_is_in_nobodys_way(
    rehearsal: Rehearsal,
) -> None:
    """Yesterday's reminder has the same words; today's was never taken."""
    old = listed("77", Outcome.DELIVERED)
    provider = doubtful(rehearsal, lambda _sought: [old])
    send(rehearsal)
    look(rehearsal, 10 * MINUTE)
    assert rehearsal.outcomes() == ["delivered"]
    rehearsal.clock.move_to(rehearsal.clock.now() + DAY)
    provider.has = lambda _sought: [replace(old, out_of_time=True)]
    second = rehearsal.launch([ANNA], scenario_text("sms"))
    for minutes in (0, 10, 10):
        look(rehearsal, minutes * MINUTE)
    assert rehearsal.outcomes(second) == ["not_taken"]


def test_an_sms_whose_answer_was_lost_is_found_on_the_list_without_any_receipt(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "drop_after_accept"}))
    rehearsal.endpoint.stop()
    send(rehearsal)
    rehearsal.run(HOUR)
    assert rehearsal.outcomes() == ["delivered"]
    assert rehearsal.attempts()[0].reference == rehearsal.taken()[0].reference
    assert len(rehearsal.taken()) == 1


# Not clear --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "has",
    [
        lambda _sought: None,
        lambda _sought: [listed("1", Outcome.DELIVERED), listed("2", Outcome.DELIVERED)],
        # Some message to that number, but with other words.
        lambda sought: [] if sought.text else [listed("1", Outcome.DELIVERED)],
    ],
    ids=["cannot tell", "several", "other words"],
)
def test_what_the_list_leaves_open_stays_in_doubt_and_is_staffs_after_a_day(
    rehearsal: Rehearsal, has: Callable[[Sought], Sequence[Receipt] | None]
) -> None:
    provider = doubtful(rehearsal, has)
    send(rehearsal)
    rehearsal.run(23 * HOUR)
    with rehearsal.ledger.read() as tx:
        assert not doubts.undecided(tx)
    rehearsal.run(13 * DAY)
    row = rehearsal.row("1", SMS)
    assert (row.status, row.due_at) == (Status.UNCERTAIN, None)
    assert len(provider.sent) == len(rehearsal.attempts()) == 1
    assert len({sought.text for sought in provider.sought if sought.text}) == 1
    assert len(provider.sought) in (11, 22)  # the second time by the number alone
    with rehearsal.ledger.read() as tx:
        assert doubts.undecided(tx) == {1: 1}
        [doubt] = doubts.of_campaign(tx, 1)
    assert (doubt.account_number, doubt.ask_at) == ("1", None)


def test_a_message_of_the_list_that_is_anothers_of_ours_does_not_count(
    rehearsal: Rehearsal,
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [listed("77", Outcome.DELIVERED)])
    send(rehearsal)
    look(rehearsal, 10 * MINUTE)
    assert rehearsal.outcomes() == ["delivered"]
    second = rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    for minutes in (10, 10):
        look(rehearsal, minutes * MINUTE)
    assert rehearsal.outcomes(second) == ["not_taken"]
    assert len(provider.sent) == 2


def test_of_two_messages_to_one_number_without_a_name_neither_takes_what_may_be_the_others(
    rehearsal: Rehearsal,
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [listed("77", Outcome.DELIVERED)])
    rehearsal.launch([ANNA], scenario_text("sms"))
    second = rehearsal.launch([ANNA], scenario_text("sms"))
    for after in (0, 10, 10, 20):
        look(rehearsal, after * MINUTE)
    assert len(provider.sent) == 2
    assert rehearsal.outcomes() == rehearsal.outcomes(second) == ["uncertain"]


# On its way -------------------------------------------------------------------------------------


def test_a_message_of_the_list_that_is_on_its_way_is_asked_for_by_its_name(
    rehearsal: Rehearsal,
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [listed("11")])
    send(rehearsal)
    look(rehearsal, 10 * MINUTE)
    [attempt] = rehearsal.attempts()
    assert (attempt.outcome, attempt.reference) == (Outcome.UNCERTAIN, "11")
    provider.states["11"] = listed("11", Outcome.DELIVERED)
    look(rehearsal, 10 * MINUTE)
    assert provider.asked == ["11"]
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert len(provider.sent) == 1


def test_an_sms_that_was_found_and_never_arrives_is_tried_again_the_next_day(
    rehearsal: Rehearsal,
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [listed("11")])
    provider.states["11"] = listed("11")
    send(rehearsal)
    rehearsal.run(DAY + MINUTE)
    assert rehearsal.outcomes()[0] == "no_receipt"
    assert len(provider.sent) == 2


def test_a_receipt_that_comes_while_the_provider_is_asked_settles_it_and_the_list_adds_nothing(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "drop_after_accept"}))
    send(rehearsal)
    inner = rehearsal.engine.channels[SMS].first

    class Slow(Doubtful):
        async def find(self, sought: Sought) -> Sequence[Receipt] | None:
            rehearsal.sandbox.run_due()  # the receipt comes just now
            return [listed("4711", Outcome.UNDELIVERED)]

    rehearsal.engine.channels = {SMS: only(Slow(inner, lambda _s: None))}
    look(rehearsal, 10 * MINUTE)
    assert rehearsal.outcomes() == ["delivered"]
    assert rehearsal.attempts()[0].reference == rehearsal.taken()[0].reference


def test_a_call_that_is_still_going_on_is_not_over(rehearsal: Rehearsal) -> None:
    """A talk with an operator may last half an hour: the question after ten minutes ends nothing"""
    talk = Overheard(rehearsal.engine.channels[PHONE].first, lambda _m: None, lambda _m: None)
    on_the_line = [True]

    async def look_up(reference: str) -> Receipt:
        return listed(reference) if on_the_line else listed(reference, Outcome.HEARD)

    talk.look_up = look_up  # type: ignore[method-assign]
    rehearsal.engine.channels = {**rehearsal.engine.channels, PHONE: only(talk)}
    rehearsal.launch([ANNA], scenario_text("phone"))
    rehearsal.endpoint.stop()
    look(rehearsal)
    for _ in range(5):
        look(rehearsal, 10 * MINUTE)
        assert rehearsal.status("1", PHONE) is Status.AWAITING
    on_the_line.clear()
    look(rehearsal, 10 * MINUTE)
    assert rehearsal.outcomes() == ["heard"]


# Decisions meanwhile ----------------------------------------------------------------------------


def test_what_turns_out_never_sent_in_a_cancelled_campaign_is_cancelled(
    rehearsal: Rehearsal,
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    campaigning.cancel(rehearsal.engine, 1, ACTOR)
    rehearsal.run(HOUR)
    assert rehearsal.status("1", SMS) is Status.CANCELLED
    assert len(provider.sent) == 1


def test_what_turns_out_never_sent_after_the_end_of_the_campaign_is_expired(
    rehearsal: Rehearsal,
) -> None:
    doubtful(rehearsal, lambda _sought: [])
    rehearsal.launch([ANNA], scenario_text("sms"), days=5 / 24 / 60)
    look(rehearsal)
    rehearsal.run(HOUR)
    assert rehearsal.outcomes() == ["not_taken"]
    assert rehearsal.status("1", SMS) is Status.EXPIRED


def test_what_staff_decided_first_the_providers_list_does_not_change(rehearsal: Rehearsal) -> None:
    doubtful(rehearsal, lambda _sought: [listed("11", Outcome.UNDELIVERED)])
    send(rehearsal)
    done = campaigning.resolve(rehearsal.engine, 1, ACTOR, channel=SMS, account="1", reached=True)
    assert done == 1
    rehearsal.run(DAY)
    assert rehearsal.outcomes() == ["delivered"]


def test_a_bug_about_one_message_leaves_only_that_one_in_doubt(rehearsal: Rehearsal) -> None:
    def broken(sought: Sought) -> Sequence[Receipt]:
        if sought.contact_point == NUMBER:
            raise ZeroDivisionError
        return [listed(sought.contact_point, Outcome.DELIVERED)]

    doubtful(rehearsal, broken)
    send(rehearsal, people=3)
    look(rehearsal, 10 * MINUTE)
    statuses = {account: row.status for (account, _channel), row in rehearsal.rows().items()}
    assert statuses == {"1": Status.UNCERTAIN, "2": Status.POSITIVE, "3": Status.POSITIVE}


def test_a_provider_that_is_no_longer_set_up_is_not_asked_and_staff_decide(
    rehearsal: Rehearsal,
) -> None:
    doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    rehearsal.engine.channels = {}
    rehearsal.run(2 * DAY)
    row = rehearsal.row("1", SMS)
    assert (row.status, row.due_at) == (Status.UNCERTAIN, None)


# When ------------------------------------------------------------------------------------------


def test_questions_come_after_10_20_40_80_minutes_and_at_last_every_four_hours() -> None:
    at, asked = MONDAY + 10 * MINUTE, [MONDAY + 10 * MINUTE]
    while (then := next_question(MONDAY, at)) is not None:
        asked.append(then)
        at = then
    hours = [(one - MONDAY) / HOUR for one in asked]
    assert [round(h * 60) for h in hours[:6]] == [10, 20, 40, 80, 160, 320]
    assert [round(b - a, 2) for a, b in pairwise(hours[5:-1])] == [4.0] * 4
    assert hours[-1] == 24


@given(st.timedeltas(timedelta(0), timedelta(days=30)))
def test_the_next_question_is_never_now_never_far_and_never_after_a_day(age: timedelta) -> None:
    now: datetime = MONDAY + age
    then = next_question(MONDAY, now)
    if age >= DOUBT_FOR:
        assert then is None
    else:
        assert then is not None
        assert now < then <= min(now + LONGEST_PAUSE, MONDAY + DOUBT_FOR)
