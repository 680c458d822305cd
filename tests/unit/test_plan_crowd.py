"""One number under hundreds of accounts is a placeholder: nobody is spoken of behind one lead."""

from datetime import UTC, datetime, timedelta

from campaigns.channel import ChannelName, ContactKind
from campaigns.consent import consent_rules
from campaigns.content import ACCOUNTS_LIMIT
from campaigns.delivery import SkipReason
from campaigns.holidays import Holidays
from campaigns.joining import Joined
from campaigns.permission import Facts, Rulebook
from campaigns.plan import Planned, Term, plan_recipient
from campaigns.recipient import ContactPoint, Recipient
from campaigns.scenario_file import library_path, read_scenario

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
TERM = Term(START, START + timedelta(days=14), "Europe/Moscow")
NUMBER = "+79161234567"


def planned(accounts: int) -> Planned:
    """How the second of so many accounts under one number is planned for an SMS."""
    person = Recipient(
        row=3,
        account_number="2",
        contact_points=(ContactPoint(NUMBER, ContactKind.MOBILE),),
        fields={"debt_kopecks": 100_00},
    )
    group = Joined(lead=1, points=(NUMBER,), members=tuple(range(1, accounts + 1)))
    scenario = read_scenario(library_path("debt-reminder")).scenario
    rules = Rulebook(Holidays(), consent_rules(), {})
    rows = plan_recipient(
        scenario, 2, person, TERM, Facts(), rules, {ChannelName.SMS: {1: group, 2: group}}
    )
    return next(row for row in rows if row.channel is ChannelName.SMS)


def test_a_landlord_is_spoken_of_in_one_message() -> None:
    row = planned(ACCOUNTS_LIMIT)
    assert (row.skipped, row.lead_id) == (SkipReason.MERGED, 1)


def test_a_placeholder_number_is_a_reason_of_its_own() -> None:
    row = planned(ACCOUNTS_LIMIT + 1)
    assert (row.skipped, row.lead_id) == (SkipReason.TOO_MANY_ACCOUNTS, None)
