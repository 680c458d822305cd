"""Which provider carries a message: the same choice for the same attempt, shares by weight, and
nobody is left without a way."""

from collections import Counter
from types import MappingProxyType
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from campaigns.channel import Purpose
from channels.base import Channel
from channels.routing import Providers, Route

SERVICE, MARKETING = Purpose.SERVICE, Purpose.MARKETING
NUMBER = "+79991234567"

names = st.sampled_from(["a", "b", "c"])
routes = st.lists(
    st.builds(
        Route,
        provider=st.sampled_from(["a", "b", "c", "not set up"]),
        weight=st.integers(0, 5),
        prefixes=st.lists(st.sampled_from(["+7", "+7999", "+375"]), max_size=2).map(tuple),
        purposes=st.sets(st.sampled_from(list(Purpose)), max_size=2).map(frozenset),
    ),
    max_size=4,
).map(tuple)
numbers = st.sampled_from([NUMBER, "+79161234567", "+375291234567", "+4915112345678"])
purposes = st.sampled_from(list(Purpose))


def providers(*given_names: str, rules: tuple[Route, ...] = ()) -> Providers:
    """By names only: whoever chooses a provider never looks into it."""
    return Providers(MappingProxyType(dict.fromkeys(given_names, cast("Channel", None))), rules)


@given(st.sets(names, min_size=1), routes, numbers, purposes, st.text())
def test_every_message_has_a_way_each_provider_once_and_always_in_the_same_order(
    known: set[str], rules: tuple[Route, ...], number: str, purpose: Purpose, key: str
) -> None:
    ranked = providers(*sorted(known), rules=rules).ranked(number, purpose, key)
    assert ranked
    assert len(set(ranked)) == len(ranked)
    assert set(ranked) <= known
    # Nothing depends on the order of the settings.
    assert ranked == providers(*sorted(known, reverse=True), rules=rules[::-1]).ranked(
        number, purpose, key
    )


@given(routes, numbers, purposes, st.text(), st.integers(0, 20), st.sets(names))
def test_a_closed_provider_is_never_chosen_and_an_open_one_always_found(
    rules: tuple[Route, ...],
    number: str,
    purpose: Purpose,
    key: str,
    turned_away: int,
    closed: set[str],
) -> None:
    ways = providers("a", "b", "c", rules=rules)
    ranked = ways.ranked(number, purpose, key)
    chosen = ways.choose(number, purpose, key, turned_away=turned_away, closed=closed)
    assert (chosen is None) == (set(ranked) <= closed)
    assert chosen is None or chosen not in closed


@given(routes, numbers, purposes, st.text())
def test_whoever_is_turned_away_asks_each_provider_once_before_anybody_twice(
    rules: tuple[Route, ...], number: str, purpose: Purpose, key: str
) -> None:
    ways = providers("a", "b", "c", rules=rules)
    ranked = ways.ranked(number, purpose, key)
    asked = [ways.choose(number, purpose, key, turned_away=n) for n in range(len(ranked))]
    assert tuple(asked) == ranked
    for count in range(1, len(ranked) + 1):
        another = ways.is_another(number, purpose, key, turned_away=count)
        assert another == (count < len(ranked))


@pytest.mark.parametrize(("weight", "share"), [(1, 0.5), (3, 0.75), (9, 0.9)])
def test_shares_follow_the_weights(weight: int, share: float) -> None:
    rules = (Route(provider="a", weight=weight), Route(provider="b", weight=1))
    ways = providers("a", "b", rules=rules)
    firsts = Counter(ways.ranked(NUMBER, SERVICE, f"{n}-1")[0] for n in range(4000))
    assert firsts["a"] / 4000 == pytest.approx(share, abs=0.03)


@given(st.lists(st.text(), min_size=1, max_size=30, unique=True))
def test_a_provider_that_is_left_out_changes_nothing_among_the_others(keys: list[str]) -> None:
    for key in keys:
        three = providers("a", "b", "c").ranked(NUMBER, SERVICE, key)
        two = providers("a", "b").ranked(NUMBER, SERVICE, key)
        assert tuple(name for name in three if name != "c") == two


def test_the_longest_fitting_beginning_of_a_number_decides_and_the_shorter_one_takes_over() -> None:
    rules = (Route(provider="a", weight=100), Route(provider="b", prefixes=("+7", "+7999")))
    ways = providers("a", "b", rules=rules)
    assert {ways.ranked(NUMBER, SERVICE, str(n)) for n in range(50)} == {("b", "a")}
    assert ways.ranked("+375291234567", SERVICE, "1") == ("a",)


def test_a_provider_carries_no_purpose_that_its_routes_do_not_name() -> None:
    rules = (Route(provider="a", purposes=frozenset({MARKETING})), Route(provider="b"))
    ways = providers("a", "b", rules=rules)
    assert ways.ranked(NUMBER, SERVICE, "1") == ("b",)
    assert set(ways.ranked(NUMBER, MARKETING, "1")) == {"a", "b"}


def test_a_provider_no_route_names_and_one_of_weight_zero_come_after_the_others() -> None:
    rules = (Route(provider="a", weight=0), Route(provider="b", weight=1))
    ways = providers("a", "b", "c", rules=rules)
    assert {ways.ranked(NUMBER, SERVICE, str(n)) for n in range(50)} == {("b", "c", "a")}


def test_a_gap_in_the_rules_silences_nobody() -> None:
    rules = (Route(provider="a", prefixes=("+7",)), Route(provider="b", prefixes=("+7",)))
    ways = providers("a", "b", rules=rules)
    assert set(ways.ranked("+375291234567", SERVICE, "1")) == {"a", "b"}


@pytest.mark.parametrize("prefix", ["7999", "+", "+7 999", "", "+٧"])
def test_a_beginning_that_no_number_has_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError):
        Route(provider="a", prefixes=(prefix,))
