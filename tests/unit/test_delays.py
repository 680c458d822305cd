"""Why something is due when it is: the steps lead exactly to where the cadence puts it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.cadence import Hold, delays, next_due
from campaigns.calendar import Closed, closed_days, is_allowed, why_closed
from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from campaigns.outcome import default_positive
from campaigns.scenario import WEEKDAYS, Policy, Window

OMSK = ZoneInfo("Asia/Omsk")
START, END = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)
OFFICIAL = Holidays()


def policy(window: Window) -> Policy:
    return Policy(
        channel=ChannelName.PHONE,
        template="t",
        sender=None,
        positive=default_positive(ChannelName.PHONE),
        retry=timedelta(hours=2),
        max_attempts=10,
        window=window,
        quiet_after_positive=timedelta(days=7),
        settle_after=timedelta(minutes=10),
        call_back=timedelta(minutes=15),
    )


hours = st.times(max_value=time(23, 30)).map(lambda at: at.replace(second=0, microsecond=0))
windows = st.builds(
    Window,
    opens_at=hours,
    closes_at=hours,
    days=st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(tuple),
    holidays=st.booleans(),
)
instants = st.datetimes(
    datetime(2026, 11, 1),  # noqa: DTZ001 - the zone comes beside
    datetime(2027, 2, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@settings(deadline=None)  # the first reckoning of a year is slow
@given(wanted=instants, quiet=st.none() | instants, window=windows)
def test_the_steps_lead_to_where_it_is_due(
    wanted: datetime, quiet: datetime | None, window: Window
) -> None:
    rules = policy(window)
    term = {"campaign_start_at": START, "campaign_end_at": END}
    due = next_due(rules, wanted, OMSK, OFFICIAL, quiet_until=quiet, **term)
    steps = delays(rules, wanted, OMSK, OFFICIAL, quiet_until=quiet, **term)
    assert (steps[-1].until_at if steps else wanted) == due
    ends = [wanted, *(step.until_at for step in steps)]
    assert [step.from_at for step in steps] == ends[:-1]


@settings(deadline=None)
@given(at=instants, window=windows)
def test_a_window_is_closed_for_a_reason_or_open(at: datetime, window: Window) -> None:
    why = why_closed(at, OMSK, window, OFFICIAL)
    assert (why is None) == is_allowed(at, OMSK, window, OFFICIAL)


def test_after_nine_in_the_evening_before_the_holidays_both_are_told() -> None:
    evening = datetime(2026, 12, 30, 21, 40, tzinfo=OMSK).astimezone(UTC)
    rules = policy(Window())
    (step,) = delays(rules, evening, OMSK, OFFICIAL, campaign_start_at=START, campaign_end_at=END)
    assert (step.hold, step.closed) == (Hold.CLOSED, Closed.HOURS)
    assert [day for day, why in step.days if why is Closed.HOLIDAY] == [
        date(2026, 12, 31),
        *(date(2027, 1, number) for number in range(1, 9)),
    ]
    assert step.until_at == datetime(2027, 1, 9, 10, tzinfo=OMSK)


def test_what_finds_no_hour_before_the_end_ends_there() -> None:
    late = END - timedelta(minutes=1)
    (step,) = delays(
        policy(Window()), late, OMSK, OFFICIAL, campaign_start_at=START, campaign_end_at=END
    )
    assert (step.hold, step.until_at) == (Hold.END, None)


def test_the_small_hours_belong_to_the_evening_before() -> None:
    night = Window(opens_at=time(20), closes_at=time(6), days=("mon",))
    tuesday = datetime(2026, 12, 8, 3, tzinfo=OMSK)
    assert why_closed(tuesday, OMSK, night, OFFICIAL) is None
    assert why_closed(tuesday + timedelta(hours=4), OMSK, night, OFFICIAL) is Closed.WEEKDAY
    days = closed_days(tuesday, tuesday + timedelta(days=3), OMSK, night, OFFICIAL)
    assert [why for _day, why in days] == [Closed.WEEKDAY, Closed.WEEKDAY]
