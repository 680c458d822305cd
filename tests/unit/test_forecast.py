"""The forecast of a campaign: what must hold of it, whatever is asked."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.calendar import is_allowed
from campaigns.channel import ChannelName
from campaigns.forecast import Chance, Rules, Turn
from campaigns.foreseeing import foresee, share_out
from campaigns.holidays import Holidays
from campaigns.scenario import ANY_TIME, STANDARD_WINDOW, Policy

PHONE, SMS, EMAIL = ChannelName.PHONE, ChannelName.SMS, ChannelName.EMAIL
START = datetime(2026, 12, 1, 7, tzinfo=UTC)  # a Tuesday, 10:00 in Moscow
END = START + timedelta(days=14)
MOSCOW, OMSK, KAMCHATKA = "Europe/Moscow", "Asia/Omsk", "Asia/Kamchatka"


def policy(channel: ChannelName, retry: timedelta, most: int) -> Policy:
    return Policy(
        channel=channel,
        template="any",
        sender=None,
        positive=frozenset(),
        retry=retry,
        max_attempts=most,
        window=ANY_TIME if channel is EMAIL else STANDARD_WINDOW,
        quiet_after_positive=timedelta(0),
        settle_after=timedelta(days=1),
        call_back=timedelta(minutes=15),
    )


POLICIES = {
    PHONE: policy(PHONE, timedelta(hours=2), 10),
    SMS: policy(SMS, timedelta(days=1), 7),
    EMAIL: policy(EMAIL, timedelta(days=7), 4),
}


def rules(
    calls_an_hour: float | None = None,
    *,
    chance: float = 0.4,
    lost: float = 0.0,
    end_at: datetime = END,
    stops: bool = False,
) -> Rules:
    return Rules(
        POLICIES,
        {channel: [Chance(chance, lost)] for channel in ChannelName},
        Holidays(),
        START,
        end_at,
        {(PHONE, ""): calls_an_hour} if calls_an_hour else {},
        stops,
    )


def calls(count: float, zone: str = MOSCOW, due_at: datetime = START) -> Turn:
    return Turn(PHONE, zone, due_at, count)


turns = st.lists(
    st.builds(
        Turn,
        st.sampled_from(ChannelName),
        st.sampled_from([MOSCOW, OMSK, KAMCHATKA, "Europe/Kaliningrad", "UTC+5:30"]),
        st.integers(0, 14 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
        st.integers(1, 5000).map(float),
    ),
    max_size=6,
)
shares = st.floats(0.0, 0.5)
paces = st.one_of(st.none(), st.floats(20.0, 100_000.0))


@settings(max_examples=60, deadline=None)
@given(turns, paces, shares, shares, st.booleans())
def test_every_attempt_is_inside_its_window_and_the_campaign(
    turns: Sequence[Turn], pace: float | None, chance: float, lost: float, stops: bool
) -> None:
    found = foresee(turns, rules(pace, chance=chance, lost=lost, stops=stops))
    for one in found.stretches:
        window = POLICIES[one.channel].window
        assert is_allowed(one.begins_at, one.zone, window, Holidays())
        last_at = max(one.begins_at, one.ends_at - timedelta(microseconds=1))
        assert is_allowed(last_at, one.zone, window, Holidays())
        assert START <= one.begins_at <= one.ends_at <= END


@settings(max_examples=60, deadline=None)
@given(turns, paces, shares, shares, st.booleans())
def test_every_delivery_comes_to_one_end_and_every_attempt_falls_in_one_hour(
    turns: Sequence[Turn], pace: float | None, chance: float, lost: float, stops: bool
) -> None:
    found = foresee(turns, rules(pace, chance=chance, lost=lost, stops=stops))
    assert sum(fates.deliveries for fates in found.fates.values()) == pytest.approx(
        sum(turn.deliveries for turn in turns)
    )
    for fates in found.fates.values():
        ends = fates.reached + fates.given_up + fates.superseded + fates.out_of_time
        assert ends == pytest.approx(fates.deliveries)
    assert sum(found.by_hour().values()) == pytest.approx(found.attempts)


@settings(max_examples=60, deadline=None)
@given(turns, st.floats(20.0, 5000.0), shares)
def test_no_hour_holds_more_calls_than_the_lines_bear(
    turns: Sequence[Turn], pace: float, chance: float
) -> None:
    found = foresee(turns, rules(pace, chance=chance))
    calls_by_hour: defaultdict[datetime, float] = defaultdict(float)
    for (hour_at, channel, _zone), attempts in found.by_hour().items():
        if channel is PHONE:
            calls_by_hour[hour_at] += attempts
    assert all(attempts <= pace * (1 + 1e-6) for attempts in calls_by_hour.values())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.builds(
            calls,
            st.integers(1, 5000),
            st.just(OMSK),
            st.integers(0, 5 * 24).map(lambda hours: START + timedelta(hours=hours)),
        ),
        min_size=1,
        max_size=4,
    ),
    st.floats(20.0, 5000.0),
    st.floats(1.0, 10.0),
    st.floats(0.05, 0.9),
)
def test_more_lines_never_finish_later(
    turns: Sequence[Turn], pace: float, more: float, chance: float
) -> None:
    ages = START + timedelta(days=1000)
    few = foresee(turns, rules(pace, chance=chance, end_at=ages)).finishes_at()
    many = foresee(turns, rules(pace * more, chance=chance, end_at=ages)).finishes_at()
    assert few is not None
    assert many is not None
    assert many <= few


@settings(max_examples=60, deadline=None)
@given(turns, paces, shares)
def test_the_same_question_gets_the_same_answer_in_whatever_order_it_is_asked(
    turns: Sequence[Turn], pace: float | None, chance: float
) -> None:
    asked = foresee(turns, rules(pace, chance=chance))
    again = foresee(list(reversed(turns)), rules(pace, chance=chance))
    assert asked.attempts == pytest.approx(again.attempts)


def about(at: datetime | None, expected_at: datetime) -> bool:
    return at is not None and abs(at - expected_at) < timedelta(minutes=1)


def test_lines_that_bear_240_calls_an_hour_take_four_hours_for_960_customers() -> None:
    found = foresee([calls(960)], rules(240, chance=1.0))
    assert about(found.first_round_at(PHONE, ""), START + timedelta(hours=4))
    assert found.attempts == pytest.approx(960)


def test_what_is_not_called_by_nine_in_the_evening_goes_the_next_morning() -> None:
    found = foresee([calls(12 * 240)], rules(240, chance=1.0))  # 11 hours are open
    assert about(found.finishes_at(), START + timedelta(days=1, hours=1))
    night = [s for s in found.stretches if START + timedelta(hours=11) < s.begins_at]
    assert min(s.begins_at for s in night) == START + timedelta(days=1)


def test_a_zone_in_the_east_is_called_in_its_own_morning() -> None:
    early = START - timedelta(hours=9)  # 10:00 in Kamchatka
    asked = rules()
    asked = Rules(asked.policies, asked.chances, asked.holidays, early, END)
    found = foresee([calls(10, KAMCHATKA, early), calls(10, MOSCOW, early)], asked)
    first = {s.zone: s.begins_at for s in reversed(found.stretches) if s.number == 1}
    assert first == {KAMCHATKA: early, MOSCOW: START}


def test_nobody_is_called_on_a_public_holiday() -> None:
    asked = rules()
    holiday = START.date()
    asked = Rules(asked.policies, asked.chances, Holidays({holiday: True}), START, END)
    found = foresee([calls(10)], asked)
    assert min(s.begins_at for s in found.stretches) == START + timedelta(days=1)


def test_a_call_that_reaches_four_of_ten_is_repeated_two_hours_later_to_the_others() -> None:
    found = foresee([calls(100)], rules(chance=0.4))
    [second] = [s for s in found.stretches if s.number == 2]
    assert second.begins_at == START + timedelta(hours=2)
    assert second.attempts == pytest.approx(60)


def test_who_is_reached_by_sms_is_called_no_more_where_one_channel_is_enough() -> None:
    both = [calls(100), Turn(SMS, MOSCOW, START, 100)]
    alone = foresee(both, rules(chance=0.5)).fates[PHONE]
    together = foresee(both, rules(chance=0.5, stops=True)).fates[PHONE]
    assert together.attempts < alone.attempts
    assert together.superseded > 0


def test_a_campaign_that_ends_too_soon_leaves_people_out_and_says_how_many() -> None:
    found = foresee([calls(1000)], rules(100, chance=1.0, end_at=START + timedelta(hours=3)))
    assert found.fates[PHONE].reached == pytest.approx(300)
    assert found.fates[PHONE].out_of_time == pytest.approx(700)
    assert found.fates[PHONE].untried == pytest.approx(700)


def test_desks_share_the_providers_lines_by_what_they_want_and_waste_none() -> None:
    shared = share_out(100.0, {"": None, "north": 10.0}, {"": 500, "north": 500})
    assert shared == {"": pytest.approx(90), "north": pytest.approx(10)}
    assert share_out(None, {"": None}, {"": 5}) == {"": None}


@given(
    st.floats(1.0, 1e5),
    st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.floats(0, 1e4)), max_size=5),
    st.data(),
)
def test_desks_never_get_more_than_there_is_nor_than_they_bear(
    total: float, own: dict[str, float | None], data: st.DataObject
) -> None:
    wanted = {name: data.draw(st.floats(1.0, 1e5)) for name in own}
    shared = share_out(total, own, wanted)
    assert set(shared) == set(own)
    assert sum(value or 0 for value in shared.values()) <= total * (1 + 1e-9)
    for name, value in shared.items():
        most = own[name]
        assert value is not None
        assert most is None or value <= most * (1 + 1e-9)
