"""Planning a campaign: the pure plan, carried through the ledger piece by piece.

Interrupted anywhere, it goes on from where it came to; done twice, it adds nothing. Of most
recipients nothing special is known: they are planned by their kind (`campaigns.kinds`). Who is on
the stop-list, was contacted lately or shares a contact point is judged alone.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

import structlog

from campaigns.channel import ChannelName
from campaigns.desk import Desks
from campaigns.joining import Candidate, Joined, join_shared
from campaigns.kinds import Glimpse, Kinds
from campaigns.permission import Facts, Rulebook, look_back
from campaigns.plan import Planned, Term
from campaigns.scenario import SameContact, Scenario
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, campaigns, deliveries, glimpses, suppressions, touches
from dispatcher.ledger.campaigns import Campaign, CampaignStatus

log = structlog.get_logger()

# Stored in one transaction, which holds up others on SQLite: well under a second.
CHUNK = 5000
MANY = 1000

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
    with engine.ledger.read() as tx:
        stored = engine.scenario(tx, campaign.scenario_id)
        judge = _Judge(stored.scenario, campaign, engine.rules(tx))
        judge.join_shared(tx)
        everybody = glimpses.span(tx, campaign.audience_id)
    done = 0
    while True:
        with engine.ledger.write() as tx:
            # Cancelled meanwhile: what is planned from here on would wait for ever.
            if not campaigns.hold_draft(tx, campaign.id):
                break
            # Asked each time: somebody else may be planning the same draft.
            last_id = deliveries.last_planned(tx, campaign.id)
            people = glimpses.first(
                tx,
                campaign.audience_id,
                range(max(everybody.start, last_id + 1), everybody.stop),
                CHUNK,
                stored.scenario.fields,
            )
            if not people:
                break
            later: Counter[ChannelName] = Counter()
            deliveries.insert_planned(
                tx,
                campaign.id,
                _counted(judge.plan(tx, people), later),
                urgent=stored.scenario.urgent,
                desks=_desks(engine.desks, people),
            )
        held_back += later
        done += len(people)
        told(done)
    if done >= MANY:
        with engine.ledger.write() as tx:
            deliveries.take_stock(tx)
    return held_back


def plan_alone(
    tx: Transaction,
    engine: Engine,
    campaign: Campaign,
    scenario: Scenario,
    recipient_id: int,
    now: datetime,
) -> Sequence[Planned]:
    """One who joins a campaign that runs already, from now on, by the campaign's scenario or a part
    of it. Nobody's message is shared with them; nothing is stored."""
    judge = _Judge(scenario, replace(campaign, start_at=now), engine.rules(tx))
    people = glimpses.of(tx, [recipient_id], scenario.fields)
    return list(judge.plan(tx, people))


def _counted(rows: Iterable[Planned], held_back: Counter[ChannelName]) -> Iterator[Planned]:
    for row in rows:
        if row.held_back:
            held_back[row.channel] += 1
        yield row


def _desks(desks: Desks, people: Sequence[Glimpse]) -> Mapping[int, str]:
    """Whose lines a call to each of these takes. Each branch is looked up once."""
    names = {branch: desks.name_of(branch) for branch in {p.branch for p in people}}
    return {person.recipient_id: names[person.branch] for person in people}


class _Judge:
    """Plans the recipients of one campaign: most by their kind, the others one by one."""

    def __init__(self, scenario: Scenario, campaign: Campaign, rules: Rulebook) -> None:
        self._scenario = scenario
        self._campaign = campaign
        term = Term(campaign.start_at, campaign.end_at, campaign.zone)
        self._kinds = Kinds(scenario, term, rules, glimpses.read_consents)
        self._shared: Shared = {}  # who is spoken of in whose message: by recipient
        self._sharing: frozenset[int] = frozenset()

    def join_shared(self, tx: Transaction) -> None:
        """Find out who shares a contact point with others, and in whose message they are told."""
        if self._scenario.joins is SameContact.SEPARATE:
            return
        candidates: dict[ChannelName, list[Candidate]] = {c: [] for c in self._scenario.channels}
        sharing = glimpses.sharing(tx, self._campaign.audience_id)
        for start in range(0, len(sharing), CHUNK):
            ids = sharing[start : start + CHUNK]
            people = glimpses.of(tx, ids, self._scenario.fields)
            accounts = {person.recipient_id: person.account_number for person in people}
            # Who is skipped for a reason of their own must not lead: nobody would be told.
            for alone in self.plan(tx, people):
                if alone.skipped is None:
                    account = accounts[alone.recipient_id]
                    candidate = Candidate(alone.recipient_id, account, alone.points)
                    candidates[alone.channel].append(candidate)
        self._shared = {
            channel: {
                member: group
                for group in join_shared(found, self._scenario.joins).values()
                for member in group.members
            }
            for channel, found in candidates.items()
        }
        self._sharing = frozenset().union(*self._shared.values())

    def plan(self, tx: Transaction, people: Sequence[Glimpse]) -> Iterator[Planned]:
        """Every channel of each of these, in their order."""
        facts = self._facts(tx, {party for person in people for party in person.parties})
        known = {*facts.suppressions, *chain.from_iterable(facts.histories.values())}
        for person in people:
            if person.recipient_id in self._sharing or not known.isdisjoint(person.parties):
                yield from self._kinds.plan_alone(person, facts, self._shared)
            else:
                yield from self._kinds.plan(person)

    def _facts(self, tx: Transaction, parties: Collection[str]) -> Facts:
        at = self._campaign.start_at
        since_at = {
            channel: at - look_back(self._scenario.policy(channel))
            for channel in self._scenario.channels
        }
        return Facts(
            suppressions.of_parties(tx, parties, at), touches.histories(tx, since_at, parties)
        )
