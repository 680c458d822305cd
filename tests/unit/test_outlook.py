"""Two weeks of a scenario that reaches nobody, as a page draws them."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from campaigns.calendar import is_allowed
from campaigns.channel import ChannelName
from campaigns.consent import consent_rules
from campaigns.delivery import SkipReason
from campaigns.holidays import Holidays
from campaigns.outlook import DAYS, Outlook, anybody, foresee
from campaigns.permission import Rulebook
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from campaigns.scenario_file import library, library_path, read_scenario
from campaigns.scenario_samples import USUAL, sample_accounts
from dispatcher.web.scenarios_cadence import LEFT, WIDTH, draw

RULES = Rulebook(Holidays(), consent_rules(), {})
MONDAY = datetime(2026, 12, 7, 4, tzinfo=UTC)  # 10:00 in Omsk
SCENARIOS = {name: read_scenario(library_path(name)).scenario for name in library()}


def somebody(scenario: Scenario) -> Recipient:
    return anybody(sample_accounts(scenario, USUAL)[0], scenario.purpose)


def of(name: str, start_at: datetime = MONDAY, zone: str = "Asia/Omsk") -> Outlook:
    return foresee(SCENARIOS[name], somebody(SCENARIOS[name]), start_at, zone, RULES)


def test_a_call_comes_every_two_hours_within_the_window_until_ten_were_made() -> None:
    calls = next(one for one in of("debt-reminder").channels if one.channel is ChannelName.PHONE)
    hours = [(at.day, at.hour + 6) for at in calls.attempts]
    assert hours == [(7, h) for h in range(10, 21, 2)] + [(8, h) for h in range(10, 17, 2)]
    assert len(calls.attempts) == calls.most == 10


def test_holidays_are_left_out_and_marked() -> None:
    outlook = of("debt-reminder", datetime(2026, 12, 30, 4, tzinfo=UTC))
    holidays = {day.on for day in outlook.days if day.is_holiday}
    assert date(2027, 1, 1) in holidays
    sms = next(one for one in outlook.channels if one.channel is ChannelName.SMS)
    assert not holidays & {(at + timedelta(hours=6)).date() for at in sms.attempts}


def test_who_did_not_agree_is_shown_as_skipped_with_the_reason() -> None:
    scenario = SCENARIOS["service-offer"]
    [stranger] = sample_accounts(scenario, USUAL)
    outlook = foresee(scenario, stranger, MONDAY, "Asia/Omsk", RULES)
    assert {one.skipped for one in outlook.channels} == {SkipReason.NO_CONSENT}
    assert not any(one.attempts for one in outlook.channels)


def test_a_recipient_is_seen_by_the_clock_of_their_own_zone() -> None:
    outlook = foresee(
        SCENARIOS["debt-reminder"],
        somebody(SCENARIOS["debt-reminder"]),
        MONDAY - timedelta(hours=4),
        "UTC+12",
        RULES,
    )
    assert outlook.begins_at == datetime(2026, 12, 6, 12, tzinfo=UTC)
    assert draw(outlook).rows[0].times[0][0].strftime("%H:%M") == "12:00"


@given(
    st.sampled_from(sorted(SCENARIOS)),
    st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes)),
    st.sampled_from(["Europe/Kaliningrad", "Asia/Kamchatka", "UTC+5", "America/New_York"]),
)
def test_each_attempt_is_within_open_hours_and_on_the_picture(
    name: str, start_at: datetime, zone: str
) -> None:
    outlook = of(name, start_at, zone)
    assert len(outlook.days) == DAYS
    for one in outlook.channels:
        policy = SCENARIOS[name].policy(one.channel)
        assert list(one.attempts) == sorted(one.attempts)
        assert len(one.attempts) <= one.most
        for at in one.attempts:
            assert start_at <= at < outlook.ends_at
            assert is_allowed(at, zone, policy.window, RULES.holidays)
            assert any(o.opens_at <= at < o.closes_at for o in one.openings)
    picture = draw(outlook)
    marks = [mark for lane in picture.lanes for mark in lane.marks]
    assert all(LEFT <= mark.x <= WIDTH for mark in marks)
    assert sum(len(times) for row in picture.rows for times in row.times) == len(marks)
