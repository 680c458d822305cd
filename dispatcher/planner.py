"""Planning a campaign: the pure plan, carried through the ledger piece by piece.

Interrupted anywhere, it goes on from where it came to; done twice, it adds nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from campaigns.channel import ChannelName
from campaigns.desk import Desks
from campaigns.joining import Candidate, Joined, join_shared
from campaigns.permission import Facts, Rulebook, look_back, parties_of
from campaigns.plan import Planned, Term, plan_recipient
from campaigns.recipient import Recipient
from campaigns.scenario import SameContact, Scenario
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, audiences, campaigns, deliveries, suppressions, touches
from dispatcher.ledger.campaigns import Campaign, CampaignStatus

log = structlog.get_logger()

CHUNK = 2000

HeldBack = Mapping[ChannelName, int]
Shared = Mapping[ChannelName, Mapping[int, Joined]]


def plan(
    engine: Engine, campaign: Campaign, told: Callable[[int], None] = lambda _done: None
) -> Campaign:
    """Plan a draft to its end and schedule it. `told` hears how many recipients are done."""
    fill(engine, campaign, told)
    return schedule(engine, campaign)


def schedule(engine: Engine, campaign: Campaign) -> Campaign:
    """The plan stands: from its start on the campaign runs."""
    with engine.ledger.write() as tx:
        return campaigns.change(
            tx, campaign, CampaignStatus.SCHEDULED, campaign.created_by, engine.clock.now()
        )


def fill(
    engine: Engine, campaign: Campaign, told: Callable[[int], None] = lambda _done: None
) -> HeldBack:
    """Plan a draft to its end; it stays a draft. `told` hears how many recipients are done.

    Of what was planned now: how many are due later because they were contacted lately.
    """
    held_back: Counter[ChannelName] = Counter()
    term = Term(campaign.start_at, campaign.end_at, campaign.zone)
    with engine.ledger.read() as tx:
        stored = engine.scenario(tx, campaign.scenario_id)
        rules = engine.rules(tx)
        shared = _shared(tx, stored.scenario, campaign, term, rules)
        last_id = deliveries.last_planned(tx, campaign.id)
    # The last one may have been stored in part; its plan is made again and adds what is missing.
    last_id, done = max(last_id - 1, 0), 0
    while True:
        with engine.ledger.write() as tx:
            # Cancelled meanwhile: what is planned from here on would wait for ever.
            if campaigns.get(tx, campaign.id).status is not CampaignStatus.DRAFT:
                break
            people = audiences.after(tx, campaign.audience_id, last_id, CHUNK)
            if not people:
                break
            facts = _facts(tx, stored.scenario, people, campaign.start_at)
            rows: list[Planned] = []
            for recipient_id, recipient in people.items():
                rows += plan_recipient(
                    stored.scenario, recipient_id, recipient, term, facts, rules, shared
                )
            deliveries.insert_planned(
                tx,
                campaign.id,
                rows,
                urgent=stored.scenario.urgent,
                desks=_desks(engine.desks, people),
            )
            held_back.update(row.channel for row in rows if row.held_back)
            last_id = max(people)
        done += len(people)
        told(done)
    return held_back


def _desks(desks: Desks, people: Mapping[int, Recipient]) -> Mapping[int, str]:
    """Whose lines a call to each of these takes. Each branch is looked up once."""
    names = {branch: desks.name_of(branch) for branch in {p.branch for p in people.values()}}
    return {recipient_id: names[person.branch] for recipient_id, person in people.items()}


def _facts(
    tx: Transaction, scenario: Scenario, people: Mapping[int, Recipient], at: datetime
) -> Facts:
    parties = {party for person in people.values() for party in parties_of(person)}
    histories = {
        channel: touches.history(tx, channel, parties, at - look_back(scenario.policy(channel)))
        for channel in scenario.channels
    }
    return Facts(suppressions.of_parties(tx, parties, at), histories)


def _shared(
    tx: Transaction, scenario: Scenario, campaign: Campaign, term: Term, rules: Rulebook
) -> Shared:
    """Who is spoken of in whose message, on each channel: by recipient."""
    if scenario.joins is SameContact.SEPARATE:
        return {}
    candidates: dict[ChannelName, list[Candidate]] = {c: [] for c in scenario.channels}
    sharing = audiences.sharing(tx, campaign.audience_id)
    for start in range(0, len(sharing), CHUNK):
        people = audiences.get_many(tx, sharing[start : start + CHUNK])
        facts = _facts(tx, scenario, people, campaign.start_at)
        for recipient_id, person in people.items():
            # Who is skipped for a reason of their own must not lead: nobody would be told.
            for alone in plan_recipient(scenario, recipient_id, person, term, facts, rules, {}):
                if alone.skipped is None:
                    candidate = Candidate(recipient_id, person.account_number, alone.points)
                    candidates[alone.channel].append(candidate)
    shared: dict[ChannelName, dict[int, Joined]] = {}
    for channel, found in candidates.items():
        groups = join_shared(found, scenario.joins)
        shared[channel] = {member: group for group in groups.values() for member in group.members}
    return shared
