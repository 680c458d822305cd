"""A plan made piece by piece is the one that judging everybody alone would give, whatever happens
on the way."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from campaigns.channel import ChannelName, ContactKind, Purpose
from campaigns.consent import Suppression
from campaigns.desk import Desk, Desks
from campaigns.joining import Candidate, join_shared
from campaigns.permission import Facts, look_back, parties_of
from campaigns.plan import Planned, Term, plan_recipient
from campaigns.recipient import Consent, ContactPoint, Recipient
from campaigns.scenario import SameContact, Scenario
from campaigns.scenario_file import read_scenario
from dispatcher import campaigning, planner
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Ledger,
    audiences,
    campaigns,
    deliveries,
    scenarios,
    suppressions,
    tables,
    touches,
)
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.settings import Settings
from tests.flow.rehearsing import ACTOR, DAY, MONDAY, PHONE, scenario_text

ACCOUNTS = 90
ZONES = (None, "Europe/Moscow", "Asia/Vladivostok")
KINDS = (ContactKind.MOBILE, ContactKind.MOBILE, ContactKind.FIXED, ContactKind.TOLL_FREE)
TEXTS = (
    scenario_text(),
    scenario_text(order='kind = "cascade"\ndelay = "1d"'),
    scenario_text(top='same_contact = "once"', purpose="survey"),
    scenario_text("sms", top='same_contact = "separate"'),
)
CUT = "the plan is cut off here"


def crowd(chance: random.Random) -> list[Recipient]:
    """Customers with everything that a plan must heed; many share a number or an address."""
    people = []
    for number in range(ACCOUNTS):
        points = [
            ContactPoint(f"+7916{chance.randrange(100):07}", chance.choice(KINDS))
            for _ in range(chance.randrange(3))
        ]
        if chance.random() < 0.5:
            address = f"Client{chance.randrange(60)}@example.com"
            points.append(ContactPoint(address, ContactKind.EMAIL))
        channels, purposes = (None, *ChannelName), (None, *Purpose)
        consents = [
            Consent(chance.random() < 0.7, chance.choice(purposes), chance.choice(channels))
            for _ in range(chance.choice((0, 0, 1, 2)))
        ]
        fields: dict[str, str | int] = {"address": "ул. Мира"}
        if chance.random() < 0.9:
            fields["debt_kopecks"] = chance.choice((0, 12_345))
        people.append(
            Recipient(
                row=number + 2,
                account_number=f"Счёт-{number}",
                contact_points=tuple(dict.fromkeys(points)),
                branch=chance.choice(("", "Север", "ЮГ", "Запад")),
                zone=chance.choice(ZONES),
                consents=tuple(consents),
                fields=fields,
            )
        )
    return people


def draft_of(engine: Engine, people: Sequence[Recipient], text: str, path: Path) -> Campaign:
    path.write_text(text, encoding="utf-8")
    name = path.stem
    with engine.ledger.write() as tx:
        stored = scenarios.add(tx, read_scenario(path), ACTOR, MONDAY)
        audience_id = audiences.begin(tx, name, "list.csv", (), ACTOR, MONDAY)
        audiences.add_recipients(tx, audience_id, people)
        audiences.finish(tx, audience_id, len(people), ["debt_kopecks"], ACTOR, MONDAY)
        return campaigns.create(
            tx,
            scenario_id=stored.id,
            audience_id=audience_id,
            zone="Asia/Tomsk",
            start_at=MONDAY,
            end_at=MONDAY + 5 * DAY,
            actor=ACTOR,
            now=MONDAY,
        )


def make_known(engine: Engine, former: Campaign, chance: random.Random) -> None:
    """A stop-list, and contacts of a former campaign, over the parties of a crowd."""
    with engine.ledger.write() as tx:
        for _ in range(12):
            account = f"счёт-{chance.randrange(ACCOUNTS)}" if chance.random() < 0.5 else None
            stop = Suppression(
                "asked",
                account_number=account,
                contact_point=None if account else f"+7916{chance.randrange(100):07}",
                channel=chance.choice((None, *ChannelName)),
                purpose=chance.choice((None, Purpose.SERVICE)),
                until_at=chance.choice((None, MONDAY - DAY, MONDAY + DAY)),
            )
            suppressions.add(tx, stop, ACTOR, MONDAY)
        [one] = audiences.after(tx, former.audience_id, 0, 1)
        delivery = Planned(one, PHONE, "Europe/Moscow", ("+7",), due_at=MONDAY)
        deliveries.insert_planned(tx, former.id, [delivery], urgent=False)
        for number in range(25):
            at = MONDAY - timedelta(hours=chance.randrange(10, 220))
            channel = chance.choice(tuple(ChannelName))
            attempt_id = tx.execute(
                insert(tables.attempts)
                .values(
                    delivery_id=1,
                    number=number,
                    campaign_id=former.id,
                    channel=channel,
                    contact_point="+7",
                    provider="p",
                    zone="Europe/Moscow",
                    started_at=at,
                    ended_at=at,
                )
                .returning(tables.attempts.c.id)
            ).scalar_one()
            party = chance.choice(
                (
                    f"account:счёт-{chance.randrange(ACCOUNTS)}",
                    f"+7916{chance.randrange(100):07}",
                    f"client{chance.randrange(60)}@example.com",
                )
            )
            touches.note(tx, [(attempt_id, party, channel, at)])
            if chance.random() < 0.7:
                touches.mark_positive(tx, {attempt_id: at})


def planned_alone(engine: Engine, campaign: Campaign) -> list[Planned]:
    """The plan as the pure rules give it, everybody read whole and judged alone."""
    with engine.ledger.read() as tx:
        plan: Scenario = engine.scenario(tx, campaign.scenario_id).scenario
        rules = engine.rules(tx)
        people = audiences.after(tx, campaign.audience_id, 0, 10**6)
        parties = {party for person in people.values() for party in parties_of(person)}
        histories = {
            channel: touches.history(
                tx, channel, parties, campaign.start_at - look_back(plan.policy(channel))
            )
            for channel in plan.channels
        }
        facts = Facts(suppressions.of_parties(tx, parties, campaign.start_at), histories)
    term = Term(campaign.start_at, campaign.end_at, campaign.zone)
    candidates: dict[ChannelName, list[Candidate]] = {channel: [] for channel in plan.channels}
    for number, person in people.items():
        for row in plan_recipient(plan, number, person, term, facts, rules, {}):
            if row.skipped is None:
                one = Candidate(number, person.account_number, row.points)
                candidates[row.channel].append(one)
    shared = {
        channel: {
            member: group
            for group in join_shared(found, plan.joins).values()
            for member in group.members
        }
        for channel, found in candidates.items()
        if plan.joins is not SameContact.SEPARATE
    }
    return [
        row
        for number, person in people.items()
        for row in plan_recipient(plan, number, person, term, facts, rules, shared)
    ]


Kept = tuple[object, ...]


def as_kept(planned: Sequence[Planned]) -> list[Kept]:
    return [
        (
            row.recipient_id,
            row.channel,
            "pending" if row.skipped is None else "skipped",
            row.skipped or "",
            row.due_at,
            row.zone,
            row.points,
            row.lead_id,
        )
        for row in planned
    ]


def kept(ledger: Ledger, campaign: Campaign) -> list[Kept]:
    """The plan as it stands in the ledger, in the order in which it was stored."""
    with ledger.read() as tx:
        ids = tx.execute(
            select(tables.deliveries.c.id).where(tables.deliveries.c.campaign_id == campaign.id)
        )
        rows = deliveries.load(tx, ids.scalars().all()).values()
    return [
        (r.recipient_id, r.channel, r.status, r.reason, r.due_at, r.zone, r.points, r.lead_id)
        for r in rows
    ]


@pytest.fixture
def engine(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(planner, "CHUNK", 7)
    desks = Desks(by_branch={"север": Desk(lines=1), "Юг": Desk(lines=1)})
    settings = Settings(_env_file=None)
    return Engine(settings, ledger, SimulatedClock(MONDAY), {}, "", "secret", desks)


@pytest.fixture(params=range(len(TEXTS)), ids=["merged", "cascade", "once", "separate"])
def draft(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Campaign:
    """A draft over a crowd of whom much is known; each scenario has a crowd of its own."""
    chance = random.Random(request.param)
    people = crowd(chance)
    former = draft_of(engine, people[:1], scenario_text("phone"), tmp_path / "former.toml")
    found = draft_of(engine, people, TEXTS[request.param], tmp_path / "list.toml")
    make_known(engine, former, chance)
    return found


def test_the_plan_is_the_one_of_judging_everybody_alone(engine: Engine, draft: Campaign) -> None:
    alone = planned_alone(engine, draft)
    held_back = planner.fill(engine, draft)
    assert kept(engine.ledger, draft) == as_kept(alone)
    assert held_back == Counter(row.channel for row in alone if row.held_back)
    reasons = Counter(row.skipped for row in alone)
    assert len(reasons) > 4, "a crowd that proves nothing"
    assert any(row.points for row in alone)


def test_a_plan_cut_off_anywhere_goes_on_and_adds_nothing_twice(
    engine: Engine, draft: Campaign
) -> None:
    def cut(done: int) -> None:
        if done > cut_after:
            raise InterruptedError(CUT)

    for cut_after in (0, 20, 50):  # noqa: B007 - `cut` looks at it
        with pytest.raises(InterruptedError, match=CUT):
            planner.fill(engine, draft, cut)
    planner.fill(engine, draft)
    whole = kept(engine.ledger, draft)
    assert whole == as_kept(planned_alone(engine, draft))
    planner.fill(engine, draft)
    assert kept(engine.ledger, draft) == whole


def test_two_who_plan_one_draft_at_once_make_one_plan(engine: Engine, draft: Campaign) -> None:
    done: list[int] = []
    with ThreadPoolExecutor(2) as threads:
        for running in [threads.submit(planner.fill, engine, draft, done.append) for _ in "12"]:
            running.result()
    assert kept(engine.ledger, draft) == as_kept(planned_alone(engine, draft))


def test_a_cancel_stops_the_plan_and_nothing_of_it_waits(engine: Engine, draft: Campaign) -> None:
    def cancel(_done: int) -> None:
        campaigning.cancel(engine, draft.id, ACTOR)

    planner.fill(engine, draft, cancel)
    rows = kept(engine.ledger, draft)
    assert 0 < len({row[0] for row in rows}) <= planner.CHUNK
    assert "pending" not in {row[2] for row in rows}
    with engine.ledger.read() as tx:
        assert campaigns.get(tx, draft.id).status is CampaignStatus.CANCELLED


def test_calls_belong_to_the_desks_of_their_branches(engine: Engine, draft: Campaign) -> None:
    planner.fill(engine, draft)
    branches = {"": "", "Север": "север", "ЮГ": "Юг", "Запад": ""}
    with engine.ledger.read() as tx:
        people: Mapping[int, Recipient] = audiences.after(tx, draft.audience_id, 0, 10**6)
        rows = deliveries.load(tx, range(1, 10**4))
    told = [row for row in rows.values() if row.campaign_id == draft.id]
    assert told
    for row in told:
        branch = people[row.recipient_id].branch
        assert row.desk == (branches[branch] if row.channel is PHONE else "")
