"""Everything that the ledger holds of one customer, gathered for whoever has to tell it.

A customer is an account: all rows of all lists that have it. What was erased is not brought back;
a row without its person stands alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.delivery import OPEN
from campaigns.permission import parties_of
from campaigns.recipient import Consent, Recipient
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.ledger import (
    Transaction,
    attempts,
    audiences,
    campaigns,
    groups,
    launch_requests,
    lookup,
    person,
    suppressions,
    told,
)
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.deliveries import Delivery
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.launch_requests import LaunchRequest
from dispatcher.ledger.lookup import Row
from dispatcher.ledger.suppressions import StoredSuppression
from dispatcher.ledger.told import Told
from dispatcher.story.texts import Reading, Words
from dispatcher.story.why import Outlook, outlook
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class Statement:
    """What a list says of a customer's consent; the same of several lists once, with the newest."""

    consent: Consent
    audience_name: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """One attempt with its campaign and its words. `is_own`: the delivery was this customer's."""

    told: Told
    campaign: Campaign
    words: Words
    is_own: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a customer stands on one channel of a campaign. `outlook` is there for what is open;
    that of the message that speaks of them, where they are told in another's (`in_anothers`)."""

    campaign: Campaign
    delivery: Delivery
    outlook: Outlook | None
    in_anothers: bool


@dataclass(frozen=True)
class Known:
    """Who a customer is, by all lists: `rows` and `people` are of the same recipients, the newest
    list first."""

    rows: Sequence[Row]
    people: Mapping[int, Recipient]

    @property
    def row(self) -> Row:
        return self.rows[0]

    @property
    def newest(self) -> Recipient:
        """As the newest list knows them."""
        return self.people[self.row.recipient_id]

    @property
    def is_erased(self) -> bool:
        return self.row.erased_at is not None

    @property
    def points(self) -> Sequence[str]:
        """Every number and address of theirs, each once, those of the newest list first."""
        return list(
            dict.fromkeys(
                point.address
                for row in self.rows
                for point in self.people[row.recipient_id].contact_points
            )
        )


@dataclass(frozen=True)
class Story(Known):
    """A customer, and everything that was said to them and is still to be said."""

    said: Sequence[Said]
    standings: Sequence[Standing]
    statements: Sequence[Statement]
    stops: Sequence[StoredSuppression]
    inquiries: Sequence[Inquiry]
    waiting: Sequence[LaunchRequest]


def known(tx: Transaction, recipient_id: int) -> Known:
    """The customer behind a row of a list. Raises NotFound."""
    rows = _rows_of(tx, recipient_id)
    return Known(rows, audiences.get_many(tx, [row.recipient_id for row in rows]))


def stops_of(tx: Transaction, customer: Known) -> Sequence[StoredSuppression]:
    """Every entry that ever stood for them on the stop-list, the newest first."""
    parties = {party for one in customer.people.values() for party in parties_of(one)}
    return suppressions.all_of(tx, sorted(parties))


def story_of(tx: Transaction, engine: Engine, recipient_id: int, now: datetime) -> Story:
    """Everything of the customer behind a row of a list. Raises NotFound."""
    customer = known(tx, recipient_id)
    rows, people = customer.rows, customer.people
    found = person.of_account(tx, rows[0].account_number)
    audience_ids = {row.audience_id for row in rows}
    return Story(
        rows=rows,
        people=people,
        said=said_to(tx, engine, rows),
        standings=_standings(tx, engine, [row.recipient_id for row in rows], now),
        statements=_statements(rows, people),
        stops=stops_of(tx, customer),
        inquiries=person.inquiries_of(tx, found),
        waiting=[
            one for one in launch_requests.waiting(tx) if one.wish.audience_id in audience_ids
        ],
    )


def _rows_of(tx: Transaction, recipient_id: int) -> Sequence[Row]:
    asked = lookup.row(tx, recipient_id)
    if asked is None:
        raise NotFound(_("recipient"), str(recipient_id))
    return lookup.rows(tx, {recipient_id, *lookup.by_account(tx, asked.account_number)})


def heard(
    tx: Transaction, engine: Engine, recipient_id: int
) -> tuple[Sequence[Row], Sequence[Said]]:
    """The customer behind a row of a list, and what they were told, for a proof of it. Raises
    NotFound."""
    rows = _rows_of(tx, recipient_id)
    return rows, said_to(tx, engine, rows)


def said_to(tx: Transaction, engine: Engine, rows: Sequence[Row]) -> Sequence[Said]:
    """Everything that was said to them, the latest first."""
    ids = {row.recipient_id for row in rows}
    seen: dict[int, Campaign] = {}
    reading = Reading(tx, engine)
    found: list[Said] = []
    for one in told.of_customer(tx, rows[0].account_number, ids):
        campaign = _campaign(tx, one.attempt.campaign_id, seen)
        words = reading.words_of(one, engine.scenario(tx, campaign.scenario_id))
        found.append(Said(one, campaign, words, one.recipient_id in ids))
    return found


def _campaign(tx: Transaction, campaign_id: int, seen: dict[int, Campaign]) -> Campaign:
    if campaign_id not in seen:
        seen[campaign_id] = campaigns.get(tx, campaign_id)
    return seen[campaign_id]


def _standings(
    tx: Transaction, engine: Engine, recipient_ids: Sequence[int], now: datetime
) -> Sequence[Standing]:
    own = told.deliveries_of(tx, recipient_ids)
    leads = told.leads_of(tx, [one for one in own if one.reason in groups.JOINED])
    asked = [leads.get(one.id, one) for one in own]
    last = attempts.latest(tx, [one.id for one in asked if one.status in OPEN])
    seen: dict[int, Campaign] = {}
    found: list[Standing] = []
    for delivery, carrier in zip(own, asked, strict=True):
        campaign = _campaign(tx, delivery.campaign_id, seen)
        ahead = (
            outlook(tx, engine, campaign, carrier, last.get(carrier.id), now)
            if carrier.status in OPEN and campaign.closed_at is None
            else None
        )
        found.append(Standing(campaign, delivery, ahead, carrier is not delivery))
    return found


def _statements(rows: Sequence[Row], people: Mapping[int, Recipient]) -> Sequence[Statement]:
    found: dict[Consent, Statement] = {}
    for row in rows:
        for consent in people[row.recipient_id].consents:
            found.setdefault(consent, Statement(consent, row.audience_name, row.imported_at))
    return list(found.values())
