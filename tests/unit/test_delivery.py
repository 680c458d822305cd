"""The legal changes of a delivery's status: complete, and an end stays an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.delivery import ENDED, LEGAL, OPEN, Status, may_become

REOPENING = {
    (Status.GIVEN_UP, Status.POSITIVE),  # a receipt that came late
    (Status.EXPIRED, Status.POSITIVE),
    (Status.POSITIVE, Status.PENDING),  # a bounce after the letter was accepted
    (Status.POSITIVE, Status.GIVEN_UP),
    (Status.POSITIVE, Status.EXPIRED),
    (Status.SKIPPED, Status.PENDING),  # joined to another's message, takes over from its lead
    (Status.SKIPPED, Status.SETTLED),  # follows the message that speaks of it
    (Status.SKIPPED, Status.WITHDRAWN),
}


def reachable_from(start: Status) -> set[Status]:
    seen: set[Status] = set()
    ahead = [start]
    while ahead:
        for then in LEGAL[ahead.pop()] - seen:
            seen.add(then)
            ahead.append(then)
    return seen


def test_every_status_has_its_row_in_the_table() -> None:
    assert set(LEGAL) == set(Status)


def test_every_status_is_either_open_or_ended() -> None:
    assert set(Status) == OPEN | ENDED
    assert not OPEN & ENDED


def test_nothing_becomes_what_it_is_already() -> None:
    assert not any(may_become(status, status) for status in Status)


def test_an_ended_delivery_changes_only_for_late_news_or_as_one_joined_to_another() -> None:
    changes = {(now, then) for now in ENDED for then in LEGAL[now]}
    assert changes == REOPENING


@pytest.mark.parametrize(
    "decided", [Status.SETTLED, Status.SUPERSEDED, Status.WITHDRAWN, Status.CANCELLED]
)
def test_what_was_ended_by_a_decision_stays_ended(decided: Status) -> None:
    assert not LEGAL[decided]


def test_a_delivery_that_began_is_never_skipped() -> None:
    assert not any(may_become(status, Status.SKIPPED) for status in Status)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_every_open_delivery_can_end_and_can_be_reached_from_the_start(status: Status) -> None:
    assert reachable_from(status) & ENDED
    assert status is Status.PENDING or status in reachable_from(Status.PENDING)


@pytest.mark.parametrize("end", sorted(ENDED - {Status.SKIPPED}))
def test_every_end_can_be_reached(end: Status) -> None:
    assert end in reachable_from(Status.PENDING)


@pytest.mark.parametrize("status", sorted(OPEN))
@pytest.mark.parametrize(
    "end", [Status.SETTLED, Status.CANCELLED, Status.WITHDRAWN, Status.EXPIRED]
)
def test_a_decision_ends_a_delivery_wherever_it_is(status: Status, end: Status) -> None:
    assert may_become(status, end)


def test_only_a_claimed_delivery_is_sent() -> None:
    assert {now for now in Status if may_become(now, Status.SENDING)} == {Status.QUEUED}


def test_a_delivery_is_uncertain_only_after_an_attempt_was_opened() -> None:
    before = {now for now in Status if may_become(now, Status.UNCERTAIN)}
    assert before == {Status.SENDING, Status.AWAITING}


@given(st.lists(st.sampled_from(Status), max_size=30))
def test_whatever_is_asked_for_a_decided_end_is_the_last_status(wishes: list[Status]) -> None:
    now = Status.PENDING
    walked = [now]
    for wish in wishes:
        if may_become(now, wish):
            now = wish
            walked.append(now)
    final = [status for status in walked if not LEGAL[status]]
    assert final in ([], [walked[-1]])
