"""When a provider is left alone, and for how long: by its answers, at instants that are told."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.outcome import Outcome
from channels.base import Cause, Handover, accepted, postponed, refused, uncertain
from channels.health import (
    ENOUGH_ANSWERS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    NO_MONEY_PAUSE,
    STREAK,
    WINDOW,
    Answer,
    Sign,
    Trouble,
    Window,
    answer_of,
    is_proof,
    pause_after,
    sign_of,
    trouble_of_probe,
)

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SLOW = 12.0
TAKEN = accepted("r")
NO_CONNECTION = postponed("no connection", cause=Cause.UNREACHABLE)
DOUBT = uncertain("no answer")

HEALTHY = [
    TAKEN,
    refused(Outcome.BAD_ADDRESS, "no such number"),
    refused(Outcome.REJECTED, "blocked"),
    postponed("429", 5.0, cause=Cause.THROTTLED),
    postponed("mailbox full", about_recipient=True),
    uncertain("lost after the letter", reference="<1@x>"),
]


def after(*handovers: Handover, every: float = 1.0, seconds: float = 0.2) -> list[Trouble | None]:
    """What a fresh window says to these answers, one every so many seconds."""
    window = Window(SLOW)
    return [
        window.note(answer_of(one, NOON + timedelta(seconds=every * n), seconds))
        for n, one in enumerate(handovers)
    ]


@given(st.lists(st.sampled_from(HEALTHY), max_size=200), st.floats(0, 30))
def test_refusals_throttling_and_full_mailboxes_never_open_a_circuit(
    answers: list[Handover], every: float
) -> None:
    assert not any(after(*answers, every=every))


@pytest.mark.parametrize(
    ("cause", "trouble"),
    [(Cause.NO_MONEY, Trouble.NO_MONEY), (Cause.ACCOUNT, Trouble.ACCOUNT)],
)
def test_a_spent_balance_or_a_refused_account_opens_at_once(cause: Cause, trouble: Trouble) -> None:
    assert after(TAKEN, postponed("x", cause=cause)) == [None, trouble]


def test_five_in_a_row_without_a_connection_open_and_four_do_not() -> None:
    assert after(*[NO_CONNECTION] * STREAK)[-1] is Trouble.UNREACHABLE
    four = [NO_CONNECTION] * (STREAK - 1)
    assert not any(after(*four, TAKEN, *four))


def test_a_lone_failure_every_hour_is_no_row() -> None:
    assert not any(after(*[NO_CONNECTION] * 50, every=3600))


def test_half_of_twenty_answers_failing_open_and_fewer_say_nothing_yet() -> None:
    half = [TAKEN, DOUBT] * (ENOUGH_ANSWERS // 2)
    said = after(*half)
    assert said[-1] is Trouble.FAILURES
    assert not any(said[:-1])


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.floats(0.01, 5))
def test_it_opens_exactly_when_half_of_enough_answers_of_the_last_minute_failed(
    failing: list[bool], every: float
) -> None:
    window, since = Window(SLOW), 0
    for n, fails in enumerate(failing):
        at = NOON + timedelta(seconds=every * n)
        trouble = window.note(answer_of(DOUBT if fails else TAKEN, at, 0.1))
        recent = [
            f
            for m, f in enumerate(failing[: n + 1])
            if m >= since and NOON + timedelta(seconds=every * m) > at - WINDOW
        ]
        expected = len(recent) >= ENOUGH_ANSWERS and sum(recent) * 2 >= len(recent)
        assert (trouble is Trouble.FAILURES) == expected
        if trouble is not None:
            since = n + 1


def test_answers_at_the_edge_of_the_time_out_open_like_failures() -> None:
    assert after(*[TAKEN] * ENOUGH_ANSWERS, seconds=SLOW + 0.1)[-1] is Trouble.SLOW
    assert not any(after(*[TAKEN] * ENOUGH_ANSWERS, seconds=SLOW))


def test_the_window_begins_anew_when_it_has_opened() -> None:
    said = after(*[NO_CONNECTION] * (2 * STREAK))
    assert [n for n, trouble in enumerate(said) if trouble] == [STREAK - 1, 2 * STREAK - 1]


@given(st.sampled_from([t for t in Trouble if t is not Trouble.NO_MONEY]), st.integers(1, 10**6))
def test_pauses_double_up_to_a_quarter_of_an_hour(trouble: Trouble, openings: int) -> None:
    pause = pause_after(trouble, openings)
    assert FIRST_PAUSE <= pause <= LONGEST_PAUSE
    assert pause_after(trouble, openings + 1) in (pause * 2, LONGEST_PAUSE)


def test_the_pauses_are_those_of_the_manual() -> None:
    pauses = [pause_after(Trouble.FAILURES, n).total_seconds() for n in range(1, 9)]
    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900]
    assert {pause_after(Trouble.NO_MONEY, n) for n in range(1, 50)} == {NO_MONEY_PAUSE}


@pytest.mark.parametrize("handover", HEALTHY)
def test_a_trial_that_any_healthy_answer_comes_of_closes_the_circuit(handover: Handover) -> None:
    answer = answer_of(handover, NOON, 0.1)
    assert is_proof(answer)
    assert trouble_of_probe(answer, SLOW) is None


@pytest.mark.parametrize(
    ("handover", "seconds", "trouble"),
    [
        (NO_CONNECTION, 0.1, Trouble.UNREACHABLE),
        (DOUBT, 0.1, Trouble.FAILURES),
        (TAKEN, SLOW + 1, Trouble.SLOW),
        (postponed("x", cause=Cause.NO_MONEY), 0.1, Trouble.NO_MONEY),
        (postponed("x", cause=Cause.ACCOUNT), 0.1, Trouble.ACCOUNT),
    ],
)
def test_a_trial_that_fails_says_why_the_circuit_stays_open(
    handover: Handover, seconds: float, trouble: Trouble
) -> None:
    assert trouble_of_probe(answer_of(handover, NOON, seconds), SLOW) is trouble


def test_what_gives_no_cause_says_nothing_of_the_provider() -> None:
    nothing = postponed("somebody did not say why")
    assert sign_of(nothing) is Sign.NOTHING
    assert not any(after(*[nothing] * 100))
    assert not is_proof(Answer(NOON, 0.1, Sign.NOTHING))
