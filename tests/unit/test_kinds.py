"""Whoever is planned by kind is planned exactly as `plan_recipient` would plan them alone."""

import json
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.channel import ChannelName, ContactKind, Purpose
from campaigns.consent import Suppression, consent_rules
from campaigns.delivery import SkipReason
from campaigns.holidays import Holidays
from campaigns.kinds import Glimpse, Kinds
from campaigns.permission import Facts, History, Rulebook, account_party, point_party
from campaigns.plan import Term, plan_recipient
from campaigns.recipient import Consent, ContactPoint, Recipient
from campaigns.scenario import Scenario
from campaigns.scenario_file import library_path, read_scenario
from dispatcher.ledger.glimpses import read_consents

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
TERM = Term(START, START + timedelta(days=14), "Europe/Moscow")
RULES = Rulebook(Holidays(), consent_rules(), {})
LIBRARY = read_scenario(library_path("debt-reminder")).scenario


def scenario(**changes: object) -> Scenario:
    return Scenario.model_validate(LIBRARY.model_dump(by_alias=True) | changes)


SCENARIOS = (
    LIBRARY,
    scenario(purpose="marketing", fields=()),
    scenario(fields=("debt_kopecks", "due_on"), order={"kind": "cascade", "delay": "1d"}),
)
DAYS = st.sampled_from([None, date(2026, 1, 1), date(2026, 11, 2), date(2026, 12, 1)])
CONSENTS = st.lists(
    st.builds(
        Consent,
        granted=st.booleans(),
        purpose=st.sampled_from([None, *Purpose]),
        channel=st.sampled_from([None, *ChannelName]),
        since_on=DAYS,
    ),
    max_size=2,
)
NUMBERS = st.builds(
    lambda digits, kind: ContactPoint(f"+7{digits}", kind),
    st.integers(9_000_000_000, 9_000_000_009),
    st.sampled_from([kind for kind in ContactKind if kind is not ContactKind.EMAIL]),
)
ADDRESSES = st.builds(
    lambda name: ContactPoint(f"{name}@example.com", ContactKind.EMAIL), st.sampled_from("aB")
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "debt_kopecks": st.sampled_from([0, -5, 1, 10**20]),
        "due_on": st.sampled_from(["", "2026-12-10"]),
        "address": st.just("ул. Мира"),
    },
)
PEOPLE = st.lists(
    st.builds(
        Recipient,
        row=st.just(2),
        account_number=st.sampled_from(["1", "Ж-2"]),
        contact_points=st.lists(NUMBERS | ADDRESSES, max_size=4).map(tuple),
        zone=st.sampled_from([None, "Asia/Tomsk", "Asia/Vladivostok"]),
        consents=CONSENTS.map(tuple),
        fields=FIELDS,
    ),
    min_size=1,
    max_size=8,
)
PARTIES = st.sampled_from(
    [account_party("1"), account_party("Ж-2"), "+79000000001", "+79000000002", "b@example.com"]
)
STOPS = st.dictionaries(
    PARTIES,
    st.builds(
        lambda channel: [Suppression("asked", contact_point="+79000000001", channel=channel)],
        st.sampled_from([None, *ChannelName]),
    ),
)
HISTORIES = st.dictionaries(
    st.sampled_from(ChannelName),
    st.dictionaries(
        PARTIES,
        st.builds(lambda days: History(START - timedelta(days=days)), st.integers(1, 9)),
    ),
)


def glimpse(number: int, person: Recipient, plan: Scenario) -> Glimpse:
    """What the ledger would tell of this recipient."""
    consents = [
        {
            "granted": c.granted,
            "purpose": c.purpose,
            "channel": c.channel,
            "basis": c.basis,
            "since_on": c.since_on.isoformat() if c.since_on else None,
        }
        for c in person.consents
    ]
    values = [person.fields.get(name) for name in plan.fields]
    return Glimpse(
        number,
        person.account_number,
        person.branch,
        person.zone,
        json.dumps(consents),
        tuple(None if value is None else str(value) for value in values),
        tuple(point.address for point in person.contact_points),
        tuple(point.kind.value for point in person.contact_points),
    )


@settings(deadline=None)
@given(st.sampled_from(SCENARIOS), PEOPLE, st.sampled_from([1, 2, 100]))
def test_a_kind_is_planned_as_each_of_its_recipients_alone(
    plan: Scenario, people: list[Recipient], remembered: int
) -> None:
    kinds = Kinds(plan, TERM, RULES, read_consents, remembered=remembered)
    for number, person in enumerate(people * 2, start=1):
        alone = plan_recipient(plan, number, person, TERM, Facts(), RULES, {})
        assert kinds.plan(glimpse(number, person, plan)) == alone


@settings(deadline=None)
@given(st.sampled_from(SCENARIOS), PEOPLE, STOPS, HISTORIES)
def test_who_is_known_is_planned_by_all_that_is_known(
    plan: Scenario,
    people: list[Recipient],
    stops: dict[str, list[Suppression]],
    histories: dict[ChannelName, dict[str, History]],
) -> None:
    facts = Facts(stops, histories)
    kinds = Kinds(plan, TERM, RULES, read_consents)
    for number, person in enumerate(people, start=1):
        alone = plan_recipient(plan, number, person, TERM, facts, RULES, {})
        assert kinds.plan_alone(glimpse(number, person, plan), facts, {}) == alone


def test_parties_of_a_glimpse_are_found_whatever_the_case_of_their_letters() -> None:
    person = Recipient(
        row=2,
        account_number="Ж-2",
        contact_points=(ContactPoint("Ivan@example.com", ContactKind.EMAIL),),
    )
    assert glimpse(1, person, LIBRARY).parties == ["account:ж-2", point_party("ivan@example.com")]


def test_an_address_of_one_never_reaches_another_of_the_same_kind() -> None:
    kinds = Kinds(LIBRARY, TERM, RULES, read_consents)
    for number in range(1, 4):
        person = Recipient(
            row=number,
            account_number=str(number),
            contact_points=(ContactPoint(f"+7916000000{number}", ContactKind.MOBILE),),
            fields={"debt_kopecks": 100},
        )
        by_kind = kinds.plan(glimpse(number, person, LIBRARY))
        assert {row.points for row in by_kind if row.skipped is None} == {(f"+7916000000{number}",)}
        assert [row.skipped for row in by_kind].count(SkipReason.NO_CONTACT_POINT) == 1
        assert {row.recipient_id for row in by_kind} == {number}
