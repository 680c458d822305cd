"""Calls of which nobody knows whether they were placed: customers may be on the line, and talk."""

from datetime import timedelta

from campaigns.desk import Desk, Desks
from campaigns.outcome import Outcome
from channels.phone.twilio import (
    FIFTH_RING_SECONDS,
    REPEATS_LIMIT_SECONDS,
    TIME_LIMIT_SECONDS,
)
from channels.phone.twiml import TALK_LIMIT_SECONDS
from dispatcher.ledger.lines import CALL_AT_MOST, TALK_AT_MOST
from dispatcher.pacing import ProviderLimit
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import PHONE, Rehearsal, customer, patterns, scenario_text
from tests.flow.talking import ANNA, Talk, call, with_desk

SECOND = timedelta(seconds=1)
BOTH = [ANNA, customer("2", "+79160000002", row=3)]


def placed(rehearsal: Rehearsal, count: int, loop_turns: int = 4) -> int:
    """How many of so many customers were called in a few turns, every answer being lost."""
    people = [customer(str(n), f"+7916{n:07}", row=n + 2) for n in range(count)]
    rehearsal.launch(people, scenario_text("phone"))
    for _turn in range(loop_turns):
        turn(rehearsal)
    return len(rehearsal.taken(PHONE))


def turn(rehearsal: Rehearsal) -> None:
    rehearsal.works.loop.tick()
    rehearsal.work()


def answers_are_lost(rehearse: Rehearse, limits: dict[str, ProviderLimit]) -> Rehearsal:
    fates = {f"+7916{n:07}": "drop_after_accept" for n in range(12)}
    return rehearse(patterns(phone=fates), limits=limits)


def test_calls_whose_answers_are_lost_take_the_desks_lines_for_as_long_as_they_may_last(
    rehearse: Rehearse,
) -> None:
    rehearsal = answers_are_lost(rehearse, {})
    rehearsal.engine.desks = Desks(Desk(lines=2))
    assert placed(rehearsal, 12) == 2
    assert rehearsal.outcomes() == [Outcome.UNCERTAIN] * 2
    rehearsal.clock.move_to(rehearsal.clock.now() + CALL_AT_MOST - SECOND)
    turn(rehearsal)
    assert len(rehearsal.taken(PHONE)) == 2
    rehearsal.clock.move_to(rehearsal.clock.now() + SECOND)
    turn(rehearsal)
    assert len(rehearsal.taken(PHONE)) == 4


def test_calls_whose_answers_are_lost_take_the_accounts_lines_too(rehearse: Rehearse) -> None:
    rehearsal = answers_are_lost(rehearse, {"phone.twilio": ProviderLimit(at_once=3)})
    assert placed(rehearsal, 12) == 3


def test_an_operator_who_talks_in_a_call_of_which_nobody_knew_is_not_given_away_again(
    rehearsal: Rehearsal,
) -> None:
    with_desk(rehearsal, operators=1)
    first = call(rehearsal, BOTH)
    first.hangs_up(0, "strange")
    assert first.attempt.outcome is Outcome.UNCERTAIN
    assert first.press("0").find("Dial") is not None
    rehearsal.clock.move_to(rehearsal.clock.now() + TALK_AT_MOST - SECOND)
    assert Talk(rehearsal, "2").press("0").find("Dial") is None


def test_the_operator_of_a_call_whose_end_nobody_reports_is_free_after_the_longest_talk(
    rehearsal: Rehearsal,
) -> None:
    with_desk(rehearsal, operators=1)
    first = call(rehearsal, BOTH)
    first.hangs_up(0, "strange")
    first.press("0")
    rehearsal.clock.move_to(rehearsal.clock.now() + TALK_AT_MOST)
    assert Talk(rehearsal, "2").press("0").find("Dial") is not None


def test_a_call_in_doubt_is_counted_for_as_long_as_the_provider_lets_it_last() -> None:
    longest = FIFTH_RING_SECONDS + TIME_LIMIT_SECONDS + REPEATS_LIMIT_SECONDS
    assert longest + 30 <= CALL_AT_MOST.total_seconds()
    assert TALK_AT_MOST.total_seconds() >= TALK_LIMIT_SECONDS + 30
