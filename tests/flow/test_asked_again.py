"""A question that a call asked before: whenever it comes again, it changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher import campaigning
from dispatcher.ledger import campaigns
from dispatcher.ledger.campaigns import CampaignStatus
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import ACTOR, DAY, HOUR, WEEK, Rehearsal
from tests.flow.talking import Talk, call, said, with_desk

SUNDAY = datetime(2026, 9, 6, 9, 0, tzinfo=UTC)  # noon in Moscow; operators work from Monday on
NOBODY_THERE = "по рабочим дням"


def test_who_was_told_that_nobody_is_at_work_is_not_called_again_when_it_is_asked_once_more(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(start_at=SUNDAY)
    with_desk(rehearsal)
    talk = call(rehearsal)
    first = said(talk.press("0"))
    assert NOBODY_THERE in first
    talk.hangs_up(20)
    rehearsal.clock.move_to(SUNDAY + DAY)
    assert said(talk.press("0")) == first
    assert rehearsal.outcomes() == ["key_pressed"]
    assert rehearsal.status("1") is Status.POSITIVE
    rehearsal.run(DAY)
    assert len(rehearsal.attempts()) == 1


def test_in_a_completed_campaign_what_was_reached_stays_reached(rehearse: Rehearse) -> None:
    rehearsal = rehearse(start_at=SUNDAY)
    with_desk(rehearsal)
    talk = call(rehearsal)
    talk.press("0")
    rehearsal.run(3 * WEEK)
    with rehearsal.ledger.read() as tx:
        assert campaigns.get(tx, talk.attempt.campaign_id).status is CampaignStatus.COMPLETED
    talk.press("0")
    assert rehearsal.status("1") is Status.POSITIVE


@pytest.mark.parametrize("key", ["1", "4", "9"])
def test_a_key_that_ended_the_call_is_not_outdone_by_a_wish_for_an_operator_on_its_way(
    rehearsal: Rehearsal, key: str
) -> None:
    """Nobody can press two keys that each end the menu; what says so was overtaken or made up."""
    with_desk(rehearsal)
    talk = call(rehearsal)
    talk.press(key)
    assert talk.press("0").find("Dial") is None
    assert rehearsal.outcomes() == ["key_pressed"]
    assert (talk.attempt.pressed, talk.attempt.operator_at) == (key, None)
    assert rehearsal.status("1") is Status.POSITIVE


def test_a_key_told_again_does_not_hide_the_one_that_was_pressed_after_it(
    rehearsal: Rehearsal,
) -> None:
    talk = call(rehearsal)
    talk.press("2")
    talk.press("7", 2)
    talk.press("2")
    assert talk.attempt.pressed == "7"


def test_first_words_asked_for_again_are_the_same_and_count_the_same(rehearsal: Rehearsal) -> None:
    """The answer was lost on its way; staff have paused the campaign in between."""
    talk = call(rehearsal)
    first = said(talk.answered())
    campaigning.pause(rehearsal.engine, talk.attempt.campaign_id, ACTOR)
    assert said(talk.answered()) == first
    talk.hangs_up(60)
    assert rehearsal.outcomes() == ["heard"]


# What may be told of one call, in any order.
EVENTS: dict[str, Callable[[Talk], object]] = {
    "a person": lambda talk: talk.answered(),
    "once more": lambda talk: talk.answered(tries=2),
    "a machine": lambda talk: talk.answered("machine_start"),
    "silence": lambda talk: talk.press(""),
    **{
        f"key {key} in round {n}": lambda talk, key=key, n=n: talk.press(key, n)  # type: ignore[misc]
        for key in "0124579"
        for n in (1, 2)
    },
    "operator answers": lambda talk: talk.operator_answers(),
    "talk is over": lambda talk: talk.operator_done("completed", DialCallDuration="60"),
    "operator is busy": lambda talk: talk.operator_done("busy"),
    "rang off while it rang": lambda talk: talk.operator_done("no-answer", CallStatus="completed"),
    "ends early": lambda talk: talk.hangs_up(2),
    "ends": lambda talk: talk.hangs_up(60),
    "not taken": lambda talk: talk.hangs_up(0, "no-answer"),
}
PAUSES = (timedelta(seconds=3), 7 * HOUR, DAY)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_a_call_told_may_be_told_again_at_any_time_and_changes_nothing(
    rehearse: Rehearse, seed: int
) -> None:
    rehearsal = rehearse(start_at=SUNDAY)
    with_desk(rehearsal)
    talk, chance, before = call(rehearsal), Random(seed), []
    for _step in range(7):
        what = chance.choice([*EVENTS])
        EVENTS[what](talk)
        before.append(what)
        rehearsal.clock.move_to(rehearsal.clock.now() + chance.choice(PAUSES))
        for earlier in before:
            stood = talk.attempt, rehearsal.row("1")
            EVENTS[earlier](talk)
            assert (talk.attempt, rehearsal.row("1")) == stood, f"{earlier} again, of {before}"


def test_doubt_does_not_make_a_key_that_is_told_again_count_twice(
    rehearsal: Rehearsal,
) -> None:
    talk = call(rehearsal)
    talk.hangs_up(0, "strange")
    talk.press("2")
    stood = talk.attempt
    talk.press("2")
    assert talk.attempt == stood
    assert (stood.outcome, stood.sign) == (Outcome.UNCERTAIN, Outcome.KEY_PRESSED)
