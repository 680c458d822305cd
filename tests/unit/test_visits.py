"""How often somebody may come: exact within a sliding hour, bounded over any number of visitors."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.form.visits import HOUR, Visits, visitor_of

NOON = datetime(2026, 9, 7, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_who_comes_too_often_waits_until_the_first_visit_is_an_hour_old() -> None:
    visits = Visits(2)
    assert not visits.admit("a", NOON)
    assert not visits.admit("a", NOON + 10 * MINUTE)
    assert visits.admit("a", NOON + 20 * MINUTE) == 40 * MINUTE
    assert visits.admit("a", NOON + 59 * MINUTE) == MINUTE
    assert not visits.admit("a", NOON + HOUR)
    assert visits.admit("a", NOON + HOUR) == 10 * MINUTE


def test_one_visitor_does_not_keep_another_out() -> None:
    visits = Visits(1)
    assert not visits.admit("a", NOON)
    assert not visits.admit("b", NOON)
    assert visits.admit("a", NOON)


def test_any_number_of_visitors_takes_bounded_memory() -> None:
    visits = Visits(1, remembered=10)
    for number in range(1000):
        assert not visits.admit(str(number), NOON)
        assert len(visits) <= 10
    assert visits.admit("999", NOON)
    assert not visits.admit("0", NOON)  # forgotten


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 5))
def test_no_hour_ever_has_more_visits_than_may_be(pauses: Sequence[int], most: int) -> None:
    visits, now, admitted = Visits(most), NOON, list[datetime]()
    for seconds in pauses:
        now += timedelta(seconds=seconds)
        wait = visits.admit("a", now)
        recent = [at for at in admitted if now - at < HOUR]
        assert bool(wait) == (len(recent) >= most)
        if not wait:
            admitted.append(now)
        else:
            assert timedelta() < wait <= HOUR


@pytest.mark.parametrize(
    ("host", "visitor"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("not an address", ""),
        ("9" * 100_000, ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_visitor_is_an_address_or_the_network_of_one_line(host: str | None, visitor: str) -> None:
    assert visitor_of(host) == visitor
