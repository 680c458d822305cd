"""A campaign's own limit: no sliding hour holds more, and nearly all of it is used."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.hourly import HOUR, MOST_PER_HOUR, SAVED, Hourly

NOON = datetime(2026, 9, 7, 12, 0, tzinfo=UTC)
LIMITS = st.one_of(st.integers(1, 200), st.sampled_from([300, 1800, 100_000, MOST_PER_HOUR]))
# How long until somebody looks again, and how many want to go then.
LOOKS = st.lists(
    st.tuples(st.integers(0, 5000).map(lambda s: timedelta(seconds=s / 2)), st.integers(0, 400)),
    max_size=60,
)


def let_through(limit: Hourly, looks: list[tuple[datetime, int]]) -> list[datetime]:
    """Of those who want to go at each look, as many as may."""
    next_at: datetime | None = None
    gone: list[datetime] = []
    for at, wanted in looks:
        count = min(wanted, limit.left(next_at, at))
        if count:
            next_at = limit.after(next_at, at, count)
            gone += [at] * count
    return gone


def most_within_an_hour(gone: list[datetime]) -> int:
    """Of the hours that begin with each of them, their ends left out."""
    in_order = sorted(gone)
    return max(
        (bisect_left(in_order, at + HOUR) - bisect_left(in_order, at) for at in set(gone)),
        default=0,
    )


@given(LIMITS, LOOKS)
def test_no_sliding_hour_holds_more_whenever_anybody_looks(
    per_hour: int, looks: list[tuple[timedelta, int]]
) -> None:
    at, times = NOON, []
    for pause, wanted in looks:
        at += pause
        times.append((at, wanted))
    assert most_within_an_hour(let_through(Hourly(per_hour), times)) <= per_hour


@given(LIMITS, LOOKS)
def test_nor_when_those_who_look_have_clocks_that_differ(
    per_hour: int, looks: list[tuple[timedelta, int]]
) -> None:
    times = [(NOON + offset, wanted) for offset, wanted in looks]  # in any order
    assert most_within_an_hour(let_through(Hourly(per_hour), times)) <= per_hour


@pytest.mark.parametrize("per_hour", [1, 2, 7, 60, 61, 300, 5000])
def test_a_crowd_that_is_looked_at_every_second_goes_evenly_and_uses_the_hour(
    per_hour: int,
) -> None:
    limit = Hourly(per_hour)
    seconds = [(NOON + timedelta(seconds=n), 10_000) for n in range(5 * 3600)]
    gone = let_through(limit, seconds)
    assert len(gone) / 5 > 0.95 * per_hour
    assert most_within_an_hour(gone) <= per_hour
    later = [at for at in gone if at > NOON]
    assert all(b - a < limit.interval + timedelta(seconds=1) for a, b in pairwise(later))
    assert all(
        sum(at <= other < at + SAVED for other in later) <= 2 * per_hour / 30 + 1
        for at in later[:200]
    )


def test_the_first_of_a_pause_go_at_once_and_then_one_after_the_other() -> None:
    limit = Hourly(300)
    assert limit.left(None, NOON) == limit.at_once == 10
    next_at = limit.after(None, NOON, 10)
    assert limit.left(next_at, NOON) == 0
    assert next_at == NOON + limit.interval
    assert limit.left(next_at, NOON + limit.interval) == 1
    assert limit.left(next_at, NOON + 10 * HOUR) == 10


@given(LIMITS, st.integers(1, 50))
def test_when_it_is_said_to_be_worth_looking_there_is_something(per_hour: int, count: int) -> None:
    limit = Hourly(per_hour)
    next_at = limit.after(None, NOON, min(count, limit.at_once))
    assert limit.left(next_at, limit.looked_for_at(next_at)) >= 1


def test_nobody_looks_more_often_than_every_two_seconds_for_a_hundred_thousand_an_hour() -> None:
    limit = Hourly(100_000)
    next_at = limit.after(None, NOON, limit.at_once)
    assert limit.looked_for_at(next_at) - NOON > timedelta(seconds=1.9)


@pytest.mark.parametrize("per_hour", [0, -1, MOST_PER_HOUR + 1])
def test_what_limits_nothing_or_everything_is_no_limit(per_hour: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        Hourly(per_hour)
