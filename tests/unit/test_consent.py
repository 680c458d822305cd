"""May we: consents, stops, caps and the quiet time after a positive contact."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import (
    Caps,
    ConsentRule,
    Suppression,
    consent_allows,
    consent_rules,
    quiet_until,
    suppressed,
)
from campaigns.recipient import Consent
from campaigns.scenario import ChannelRules, Policy, Scenario
from templates.i18n import speaking

MICROSECOND = timedelta(microseconds=1)
RULES = consent_rules()
SMS, PHONE, EMAIL = ChannelName.SMS, ChannelName.PHONE, ChannelName.EMAIL
MARKETING, SERVICE = Purpose.MARKETING, Purpose.SERVICE


def agreed(
    purpose: Purpose | None = None, channel: ChannelName | None = None, since: str = ""
) -> Consent:
    return Consent(True, purpose, channel, since_on=date.fromisoformat(since) if since else None)


def refused(
    purpose: Purpose | None = None, channel: ChannelName | None = None, since: str = ""
) -> Consent:
    return Consent(False, purpose, channel, since_on=date.fromisoformat(since) if since else None)


class TestRules:
    @pytest.mark.parametrize("channel", ChannelName)
    def test_without_a_word_from_the_customer_only_the_contract_speaks(
        self, channel: ChannelName
    ) -> None:
        allowed = {purpose for purpose in Purpose if consent_allows(RULES, purpose, channel, [])}
        assert allowed == {Purpose.SERVICE, Purpose.EMERGENCY}

    def test_settings_change_one_channel_and_leave_the_rest(self) -> None:
        rules = consent_rules({SERVICE: {PHONE: ConsentRule.REQUIRED}})
        assert not consent_allows(rules, SERVICE, PHONE, [])
        assert consent_allows(rules, SERVICE, SMS, [])
        assert consent_allows(rules, SERVICE, PHONE, [agreed()])

    @pytest.mark.parametrize("rule", [ConsentRule.ALWAYS, ConsentRule.UNLESS_REFUSED])
    def test_settings_cannot_send_marketing_without_consent(self, rule: ConsentRule) -> None:
        with pytest.raises(ValueError, match="предварительного согласия"):
            consent_rules({MARKETING: {SMS: rule}})
        with speaking("en"), pytest.raises(ValueError, match="prior consent"):
            consent_rules({MARKETING: {SMS: rule}})

    def test_an_emergency_is_told_to_who_refused_everything(self) -> None:
        assert consent_allows(RULES, Purpose.EMERGENCY, PHONE, [refused()])


class TestStatements:
    def test_a_service_notice_stops_at_a_refusal(self) -> None:
        assert not consent_allows(RULES, SERVICE, SMS, [refused(SERVICE)])
        assert not consent_allows(RULES, SERVICE, SMS, [refused(channel=SMS)])
        assert not consent_allows(RULES, SERVICE, SMS, [refused()])

    def test_a_refusal_of_marketing_leaves_service_notices(self) -> None:
        assert consent_allows(RULES, SERVICE, SMS, [refused(MARKETING)])

    def test_a_refusal_of_calls_leaves_sms(self) -> None:
        consents = [refused(channel=PHONE)]
        assert consent_allows(RULES, SERVICE, SMS, consents)
        assert not consent_allows(RULES, SERVICE, PHONE, consents)

    def test_marketing_wants_a_consent_that_names_it(self) -> None:
        assert consent_allows(RULES, MARKETING, SMS, [agreed(MARKETING)])
        assert not consent_allows(RULES, MARKETING, SMS, [agreed()])
        assert not consent_allows(RULES, MARKETING, SMS, [agreed(channel=SMS)])
        assert not consent_allows(RULES, MARKETING, SMS, [agreed(SERVICE)])

    def test_a_general_consent_is_enough_for_a_survey(self) -> None:
        assert consent_allows(RULES, Purpose.SURVEY, PHONE, [agreed()])

    def test_marketing_by_sms_is_no_consent_to_calls(self) -> None:
        consents = [agreed(MARKETING, SMS)]
        assert consent_allows(RULES, MARKETING, SMS, consents)
        assert not consent_allows(RULES, MARKETING, PHONE, consents)

    @pytest.mark.parametrize(
        ("consents", "allowed"),
        [
            ([agreed(MARKETING, SMS), refused(MARKETING)], True),
            ([refused(MARKETING, SMS), agreed(MARKETING)], False),
            ([agreed(MARKETING), refused(channel=SMS)], True),
            ([refused(MARKETING), agreed(channel=SMS)], False),
            ([agreed(MARKETING), refused()], True),
        ],
    )
    def test_the_more_specific_statement_decides(
        self, consents: list[Consent], allowed: bool
    ) -> None:
        for order in permutations(consents):
            assert consent_allows(RULES, MARKETING, SMS, order) == allowed

    @pytest.mark.parametrize(
        ("consents", "allowed"),
        [
            (
                [agreed(MARKETING, since="2025-01-01"), refused(MARKETING, since="2026-01-01")],
                False,
            ),
            ([refused(MARKETING, since="2025-01-01"), agreed(MARKETING, since="2026-01-01")], True),
            (
                [agreed(MARKETING, since="2026-01-01"), refused(MARKETING, since="2026-01-01")],
                False,
            ),
            ([agreed(MARKETING), refused(MARKETING)], False),
            ([refused(MARKETING), agreed(MARKETING, since="2026-01-01")], True),
        ],
    )
    def test_the_latest_decides_among_equals_and_a_refusal_on_the_same_day(
        self, consents: list[Consent], allowed: bool
    ) -> None:
        for order in permutations(consents):
            assert consent_allows(RULES, MARKETING, SMS, order) == allowed

    def test_a_later_stop_to_everything_withdraws_an_older_narrow_consent(self) -> None:
        older = agreed(MARKETING, SMS, since="2025-05-01")
        assert not consent_allows(RULES, MARKETING, SMS, [older, refused(since="2026-02-01")])
        assert consent_allows(RULES, MARKETING, SMS, [older, refused(since="2024-02-01")])

    def test_a_consent_counts_from_its_day_on(self) -> None:
        consents = [agreed(MARKETING, since="2026-12-10")]
        assert not consent_allows(RULES, MARKETING, SMS, consents, on=date(2026, 12, 9))
        assert consent_allows(RULES, MARKETING, SMS, consents, on=date(2026, 12, 10))

    @given(
        st.lists(
            st.builds(
                Consent,
                granted=st.booleans(),
                purpose=st.none() | st.sampled_from(Purpose),
                channel=st.none() | st.sampled_from(ChannelName),
                since_on=st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 5)),
            ),
            max_size=6,
        ),
        st.sampled_from(Purpose),
        st.sampled_from(ChannelName),
    )
    def test_order_never_matters_and_a_fresh_refusal_always_does(
        self, consents: list[Consent], purpose: Purpose, channel: ChannelName
    ) -> None:
        allowed = consent_allows(RULES, purpose, channel, consents)
        assert consent_allows(RULES, purpose, channel, consents[::-1]) == allowed
        stopped = [*consents, Consent(False, since_on=date(2026, 2, 1))]
        assert consent_allows(RULES, purpose, channel, stopped) == (purpose is Purpose.EMERGENCY)
        if allowed and purpose is MARKETING:
            assert any(c.granted and c.purpose is MARKETING for c in consents)


AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
NUMBER = "+79161234567"


def stopped(
    *stops: Suppression,
    channel: ChannelName = SMS,
    purpose: Purpose = SERVICE,
    at: datetime = AT,
    accounts: tuple[str, ...] = ("1001",),
    contact_point: str | None = NUMBER,
) -> Suppression | None:
    return suppressed(
        stops,
        account_numbers=accounts,
        contact_point=contact_point,
        channel=channel,
        purpose=purpose,
        at=at,
    )


class TestSuppression:
    def test_a_number_on_the_list_is_not_contacted(self) -> None:
        stop = Suppression("opt_out", contact_point=NUMBER)
        assert stopped(stop) == stop

    def test_another_number_is_contacted(self) -> None:
        assert stopped(Suppression("opt_out", contact_point="+79160000000")) is None

    def test_an_account_on_the_list_stops_all_its_numbers(self) -> None:
        stop = Suppression("court", account_number="1001")
        assert stopped(stop) == stop
        assert stopped(stop, contact_point=None) == stop

    def test_one_stopped_account_stops_a_message_about_several(self) -> None:
        stop = Suppression("court", account_number="1002")
        assert stopped(stop, accounts=("1001", "1002")) == stop

    def test_an_opt_out_of_marketing_leaves_service_notices(self) -> None:
        stop = Suppression("opt_out", contact_point=NUMBER, purpose=MARKETING)
        assert stopped(stop, purpose=SERVICE) is None
        assert stopped(stop, purpose=MARKETING) == stop

    def test_a_stop_to_everything_stops_emergencies_too(self) -> None:
        stop = Suppression("opt_out", contact_point=NUMBER)
        assert stopped(stop, purpose=Purpose.EMERGENCY) == stop

    def test_a_stop_on_one_channel_leaves_the_others(self) -> None:
        stop = Suppression("bounced", contact_point=NUMBER, channel=PHONE)
        assert stopped(stop, channel=SMS) is None
        assert stopped(stop, channel=PHONE) == stop

    def test_a_stop_ends_at_its_instant_and_not_a_microsecond_sooner(self) -> None:
        stop = Suppression("holiday", contact_point=NUMBER, until_at=AT)
        assert stopped(stop, at=AT - MICROSECOND) == stop
        assert stopped(stop, at=AT) is None

    def test_of_several_stops_the_longest_is_named(self) -> None:
        short = Suppression("a", contact_point=NUMBER, until_at=AT + timedelta(days=1))
        long = Suppression("b", contact_point=NUMBER, until_at=AT + timedelta(days=2))
        for_good = Suppression("c", account_number="1001")
        assert stopped(short, long) == long
        assert stopped(short, for_good, long) == for_good

    def test_an_address_is_recognised_in_any_letter_case(self) -> None:
        stop = Suppression("opt_out", contact_point="Ivan.Petrov@example.com")
        assert stopped(stop, channel=EMAIL, contact_point="ivan.petrov@example.com") == stop

    @pytest.mark.parametrize(
        "party", [{}, {"account_number": "1", "contact_point": "2"}, {"account_number": ""}]
    )
    def test_a_stop_names_exactly_one_party(self, party: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="either"):
            Suppression("opt_out", **party)  # type: ignore[arg-type]


def policy(channel: ChannelName, **rules: object) -> Policy:
    return Scenario(
        name="notice",
        title="Уведомление",
        purpose=SERVICE,
        channels={channel: ChannelRules.model_validate({"template": "notice", **rules})},
    ).policy(channel)


class TestQuietTime:
    def test_after_a_positive_call_the_next_comes_no_sooner_than_in_seven_days(self) -> None:
        assert quiet_until(policy(PHONE), AT) == AT + timedelta(days=7)

    def test_an_sms_has_no_quiet_time_unless_the_scenario_says_so(self) -> None:
        assert quiet_until(policy(SMS), AT) is None
        month = policy(SMS, quiet_after_positive="30d")
        assert quiet_until(month, AT) == AT + timedelta(days=30)

    def test_who_was_never_reached_has_no_quiet_time(self) -> None:
        assert quiet_until(policy(PHONE), None) is None

    def test_a_cap_that_is_not_used_up_forbids_nothing(self) -> None:
        assert quiet_until(policy(SMS), None, [AT], Caps(per_day=2)) is None

    def test_the_second_of_two_allowed_a_day_waits_for_the_first_to_be_a_day_old(self) -> None:
        attempts = [AT + timedelta(hours=5), AT]
        expected = AT + timedelta(days=1)
        assert quiet_until(policy(SMS), None, attempts, Caps(per_day=2)) == expected

    def test_the_strictest_of_several_rules_decides(self) -> None:
        caps = Caps(per_day=1, per_month=1)
        assert quiet_until(policy(PHONE), AT, [AT], caps) == AT + timedelta(days=30)
        assert quiet_until(policy(PHONE), AT, [AT], Caps(per_day=1)) == AT + timedelta(days=7)

    def test_a_cap_of_nothing_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            Caps(per_day=0)

    @given(
        hours=st.lists(st.integers(0, 24 * 60), min_size=1, max_size=40),
        caps=st.builds(
            Caps,
            per_day=st.none() | st.integers(1, 4),
            per_week=st.none() | st.integers(1, 8),
            per_month=st.none() | st.integers(1, 12),
        ),
    )
    def test_at_the_instant_the_caps_hold_and_a_microsecond_sooner_they_do_not(
        self, hours: list[int], caps: Caps
    ) -> None:
        attempts = [AT - timedelta(hours=hour) for hour in hours]

        def caps_hold(at: datetime) -> bool:
            return all(
                sum(attempt > at - span for attempt in attempts) < number
                for number, span in caps.spans()
            )

        allowed_at = quiet_until(policy(SMS), None, attempts, caps)
        if allowed_at is None:
            assert caps_hold(AT)
        else:
            assert caps_hold(allowed_at)
            assert not caps_hold(allowed_at - MICROSECOND)
