"""What follows an attempt: again, enough, wait or give up; when, and at which number."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.cadence import (
    GiveUp,
    GiveUpReason,
    Positive,
    Retry,
    Wait,
    contact_for,
    decide,
    next_due,
)
from campaigns.calendar import Holidays, is_allowed
from campaigns.channel import ChannelName, Purpose
from campaigns.consent import quiet_until
from campaigns.outcome import MEANING, Outcome
from campaigns.scenario import ChannelRules, Policy, Scenario

ENDED_AT = datetime(2026, 12, 1, 9, 15, tzinfo=UTC)
START_AT = datetime(2026, 12, 1, tzinfo=UTC)
END_AT = datetime(2026, 12, 15, tzinfo=UTC)
ORDINARY = Holidays()


def policy(channel: ChannelName = ChannelName.PHONE, **rules: object) -> Policy:
    """The rules of a channel as a scenario gives them: the standard's, but for `rules`."""
    scenario = Scenario(
        name="debt-reminder",
        title="Напоминание о задолженности",
        purpose=Purpose.SERVICE,
        channels={channel: ChannelRules.model_validate({"template": "debt", **rules})},
    )
    return scenario.policy(channel)


def test_a_copy_of_a_scenario_with_other_rules_goes_by_those() -> None:
    usual = Scenario(
        name="own",
        title="x",
        purpose=Purpose.SERVICE,
        channels={ChannelName.PHONE: ChannelRules(template="own")},
    )
    assert usual.policy(ChannelName.PHONE).max_attempts != 1
    rules = ChannelRules(template="own", max_attempts=1)
    for deep in (False, True):
        copied = usual.model_copy(update={"channels": {ChannelName.PHONE: rules}}, deep=deep)
        assert copied.policy(ChannelName.PHONE).max_attempts == 1


def urgent_policy() -> Policy:
    scenario = Scenario(
        name="accident",
        title="Авария",
        purpose=Purpose.EMERGENCY,
        urgent=True,
        channels={ChannelName.PHONE: ChannelRules(template="accident")},
    )
    return scenario.policy(ChannelName.PHONE)


class TestDecision:
    @pytest.mark.parametrize(
        ("channel", "outcome", "pause"),
        [
            (ChannelName.PHONE, Outcome.BUSY, timedelta(hours=2)),
            (ChannelName.PHONE, Outcome.DECLINED, timedelta(hours=2)),
            (ChannelName.PHONE, Outcome.MACHINE, timedelta(hours=2)),
            (ChannelName.SMS, Outcome.UNDELIVERED, timedelta(days=1)),
            (ChannelName.EMAIL, Outcome.BOUNCED, timedelta(days=7)),
        ],
    )
    def test_a_negative_attempt_is_repeated_after_the_standards_pause_from_its_end(
        self, channel: ChannelName, outcome: Outcome, pause: timedelta
    ) -> None:
        decision = decide(
            policy(channel), outcome, attempts_made=1, contact_points_left=False, ended_at=ENDED_AT
        )
        assert decision == Retry(ENDED_AT + pause)

    def test_a_call_that_was_heard_is_enough(self) -> None:
        decision = decide(
            policy(), Outcome.HEARD, attempts_made=1, contact_points_left=True, ended_at=ENDED_AT
        )
        assert decision == Positive()

    def test_the_last_attempt_may_still_be_positive(self) -> None:
        decision = decide(
            policy(), Outcome.HEARD, attempts_made=10, contact_points_left=True, ended_at=ENDED_AT
        )
        assert decision == Positive()

    def test_a_scenario_may_ask_for_more_than_delivery(self) -> None:
        strict = policy(ChannelName.SMS, positive={Outcome.ANSWERED})
        decision = decide(
            strict, Outcome.DELIVERED, attempts_made=1, contact_points_left=True, ended_at=ENDED_AT
        )
        assert isinstance(decision, Retry)

    def test_after_the_last_attempt_the_delivery_is_given_up(self) -> None:
        decision = decide(
            policy(max_attempts=3),
            Outcome.NO_ANSWER,
            attempts_made=3,
            contact_points_left=True,
            ended_at=ENDED_AT,
        )
        assert decision == GiveUp(GiveUpReason.MAX_ATTEMPTS)

    def test_a_dead_number_without_another_is_given_up(self) -> None:
        decision = decide(
            policy(),
            Outcome.BAD_ADDRESS,
            attempts_made=1,
            contact_points_left=False,
            ended_at=ENDED_AT,
        )
        assert decision == GiveUp(GiveUpReason.BAD_ADDRESS)

    def test_a_dead_number_with_another_goes_on_by_the_cadence(self) -> None:
        decision = decide(
            policy(),
            Outcome.BAD_ADDRESS,
            attempts_made=1,
            contact_points_left=True,
            ended_at=ENDED_AT,
        )
        assert decision == Retry(ENDED_AT + timedelta(hours=2))

    @pytest.mark.parametrize("attempts_made", [1, 10, 99])
    @pytest.mark.parametrize("channel", ChannelName)
    def test_an_uncertain_attempt_waits_and_is_never_repeated_or_given_up(
        self, channel: ChannelName, attempts_made: int
    ) -> None:
        decision = decide(
            policy(channel),
            Outcome.UNCERTAIN,
            attempts_made=attempts_made,
            contact_points_left=False,
            ended_at=ENDED_AT,
        )
        assert decision == Wait()

    @given(
        outcome=st.sampled_from(Outcome),
        attempts_made=st.integers(1, 20),
        contact_points_left=st.booleans(),
    )
    def test_attempts_end_at_the_maximum_and_never_come_sooner_than_the_rule(
        self, outcome: Outcome, attempts_made: int, contact_points_left: bool
    ) -> None:
        rules = policy()
        decision = decide(
            rules,
            outcome,
            attempts_made=attempts_made,
            contact_points_left=contact_points_left,
            ended_at=ENDED_AT,
        )
        assert (decision == Positive()) == (outcome in rules.positive)
        assert (decision == Wait()) == (not MEANING[outcome].settled)
        if isinstance(decision, Retry):
            assert attempts_made < rules.max_attempts
            called_back = outcome is Outcome.NOBODY_FREE
            pause = rules.call_back if called_back else rules.retry
            assert decision.at == ENDED_AT + pause


class TestContact:
    POINTS = ("+79161234501", "+79161234502", "+79161234503")

    def test_several_numbers_are_tried_in_turn(self) -> None:
        tried = [contact_for(number, self.POINTS) for number in range(1, 5)]
        assert tried == [*self.POINTS, self.POINTS[0]]

    def test_a_dead_number_is_left_out(self) -> None:
        tried = [contact_for(n, self.POINTS, {self.POINTS[1]}) for n in range(1, 5)]
        assert tried == [self.POINTS[0], self.POINTS[2]] * 2

    def test_the_same_number_given_twice_has_one_turn(self) -> None:
        points = (self.POINTS[0], self.POINTS[0], self.POINTS[1])
        assert [contact_for(n, points) for n in (1, 2)] == [self.POINTS[0], self.POINTS[1]]

    def test_without_a_living_number_there_is_none(self) -> None:
        assert contact_for(1, self.POINTS, set(self.POINTS)) is None
        assert contact_for(1, ()) is None

    def test_attempts_count_from_one(self) -> None:
        with pytest.raises(ValueError, match="count from 1"):
            contact_for(0, self.POINTS)

    @given(
        points=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
        dead=st.sets(st.sampled_from("abcdef")),
        first=st.integers(1, 50),
    )
    def test_a_round_of_attempts_reaches_every_living_number_once(
        self, points: list[str], dead: set[str], first: int
    ) -> None:
        living = [point for point in points if point not in dead]
        tried = [contact_for(first + n, points, dead) for n in range(len(living))]
        assert sorted(str(point) for point in tried) == sorted(living)


def due(
    retry_at: datetime,
    rules: Policy | None = None,
    *,
    end_at: datetime = END_AT,
    quiet_until: datetime | None = None,
    holidays: Holidays = ORDINARY,
) -> datetime | None:
    return next_due(
        rules or policy(),
        retry_at,
        "Europe/Moscow",
        holidays,
        campaign_start_at=START_AT,
        campaign_end_at=end_at,
        quiet_until=quiet_until,
    )


class TestNextDue:
    def test_a_retry_in_the_evening_moves_to_the_next_morning(self) -> None:
        evening_at = datetime(2026, 12, 2, 18, 40, tzinfo=UTC)  # 21:40 in Moscow
        assert due(evening_at) == datetime(2026, 12, 3, 7, 0, tzinfo=UTC)

    def test_nothing_is_due_before_the_campaign_starts(self) -> None:
        assert due(START_AT - timedelta(days=3)) == datetime(2026, 12, 1, 7, 0, tzinfo=UTC)

    def test_the_quiet_time_is_waited_for(self) -> None:
        quiet_until = datetime(2026, 12, 8, 10, 30, tzinfo=UTC)
        assert due(START_AT, quiet_until=quiet_until) == quiet_until

    def test_a_quiet_time_that_outlasts_the_campaign_leaves_nothing(self) -> None:
        assert due(START_AT, quiet_until=END_AT) is None

    def test_the_campaigns_end_is_outside_the_campaign(self) -> None:
        noon_at = datetime(2026, 12, 2, 9, 0, tzinfo=UTC)
        assert due(noon_at, end_at=noon_at) is None
        assert due(noon_at, end_at=noon_at + timedelta(microseconds=1)) == noon_at

    def test_a_window_that_opens_after_the_end_leaves_nothing(self) -> None:
        evening_at = datetime(2026, 12, 2, 18, 40, tzinfo=UTC)
        assert due(evening_at, end_at=datetime(2026, 12, 3, 7, 0, tzinfo=UTC)) is None

    def test_urgent_calls_go_at_night_and_on_holidays(self) -> None:
        night_at = datetime(2026, 12, 31, 22, 0, tzinfo=UTC)
        end_at = night_at + timedelta(days=1)
        assert due(night_at, urgent_policy(), end_at=end_at) == night_at

    def test_a_letter_goes_at_any_hour(self) -> None:
        night_at = datetime(2026, 12, 2, 23, 0, tzinfo=UTC)
        assert due(night_at, policy(ChannelName.EMAIL)) == night_at

    def test_when_no_day_is_open_the_delivery_expires(self) -> None:
        closed = Holidays({date(2026, 11, 1) + timedelta(days=n): True for n in range(600)})
        assert due(START_AT, holidays=closed) is None

    @given(
        retry_at=st.datetimes(
            datetime(2026, 11, 1),  # noqa: DTZ001
            datetime(2027, 1, 31),  # noqa: DTZ001
            timezones=st.just(UTC),
        ),
        days=st.integers(0, 60),
        quiet_until=st.none()
        | st.datetimes(
            datetime(2026, 11, 1),  # noqa: DTZ001
            datetime(2027, 1, 31),  # noqa: DTZ001
            timezones=st.just(UTC),
        ),
    )
    def test_what_is_due_is_inside_window_campaign_and_quiet_time(
        self, retry_at: datetime, days: int, quiet_until: datetime | None
    ) -> None:
        rules = policy()
        end_at = START_AT + timedelta(days=days)
        due_at = due(retry_at, rules, end_at=end_at, quiet_until=quiet_until)
        if due_at is not None:
            assert is_allowed(due_at, "Europe/Moscow", rules.window, ORDINARY)
            assert START_AT <= due_at < end_at
            assert due_at >= retry_at
            assert quiet_until is None or due_at >= quiet_until


OMSK = ZoneInfo("Asia/Omsk")
EXAMPLE = Path(__file__).parents[2] / "docs" / "cadence.md"


def omsk(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OMSK).astimezone(UTC)


def example_rows() -> list[list[str]]:
    """The rows of the worked example: attempt, number, began, ended, outcome, next due."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if len(row) == 6 and row[0].isdigit()]


class TestWorkedExample:
    """docs/cadence.md shows one customer step by step; its table is computed anew here."""

    POINTS = ("+79130000001", "+73812000002")

    def test_every_step_follows_from_the_one_before(self) -> None:
        rules = policy()
        rows = example_rows()
        assert len(rows) == 4
        due_at: datetime | None = omsk("2026-12-29 09:00")
        for attempt, (number, point, began, ended, outcome, next_one) in enumerate(rows, start=1):
            assert int(number) == attempt
            assert point == contact_for(attempt, self.POINTS)
            assert due_at is not None
            assert due_at <= omsk(began)
            assert is_allowed(omsk(began), OMSK, rules.window, ORDINARY)
            decision = decide(
                rules,
                Outcome(outcome),
                attempts_made=attempt,
                contact_points_left=True,
                ended_at=omsk(ended),
            )
            if isinstance(decision, Retry):
                due_at = next_due(
                    rules,
                    decision.at,
                    "Asia/Omsk",
                    ORDINARY,
                    campaign_start_at=omsk("2026-12-29 09:00"),
                    campaign_end_at=omsk("2027-01-15 00:00"),
                )
                assert due_at == omsk(next_one)
            else:
                assert (decision, next_one, attempt) == (Positive(), "–", len(rows))

    def test_the_quiet_time_ends_when_the_page_says(self) -> None:
        heard_at = omsk(example_rows()[-1][3])
        assert quiet_until(policy(), heard_at) == omsk("2027-01-16 10:00:48")
        assert "16 January, 10:00:48" in EXAMPLE.read_text(encoding="utf-8")
