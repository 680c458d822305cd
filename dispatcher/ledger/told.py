"""What one customer was told: every attempt that spoke of their account, wherever it lies now.

A message may speak of several accounts (a landlord's), so an attempt of another's delivery counts
when the ledger says that it told this account: the touches of attempts at work, what was archived
with the others. Without such a line it does not count: nobody is said to have been told what
cannot be shown.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, select

from campaigns.outcome import Outcome
from campaigns.permission import ACCOUNT, account_party
from dispatcher.ledger import bulk
from dispatcher.ledger.attempts import Attempt, read_attempt
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.deliveries import Delivery, read_delivery
from dispatcher.ledger.tables import (
    archived_attempts,
    attempts,
    campaigns,
    contact_points,
    deliveries,
    receipts,
    recipients,
    touches,
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider reported, and whether it changed anything."""

    received_at: datetime
    outcome: Outcome | None
    effect: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """One attempt. `recipient_id` is whose delivery it was; `parties` are the accounts that it
    spoke of, as `permission.account_party` names them."""

    attempt: Attempt
    recipient_id: int
    parties: frozenset[str]
    receipts: tuple[Receipt, ...]
    is_archived: bool


def deliveries_of(tx: Transaction, recipient_ids: Collection[int]) -> Sequence[Delivery]:
    """Every delivery and every skip of these recipients, the newest campaign first. What is only
    tried out by a rehearsal is none."""
    d = deliveries.c
    found = tx.execute(
        select(deliveries)
        .join(campaigns, campaigns.c.id == d.campaign_id)
        .where(bulk.among(tx, d.recipient_id, recipient_ids), ~campaigns.c.on_trial)
        .order_by(d.campaign_id.desc(), d.id)
    )
    return [read_delivery(one) for one in found]


def leads_of(tx: Transaction, joined: Collection[Delivery]) -> Mapping[int, Delivery]:
    """For those told in another's message: the delivery of that message, by their own one's id."""
    wanted = {
        (one.campaign_id, one.lead_id, one.channel): one.id
        for one in joined
        if one.lead_id is not None
    }
    d = deliveries.c
    found = tx.execute(
        select(deliveries).where(
            bulk.among(tx, d.recipient_id, {lead_id for _campaign, lead_id, _channel in wanted}),
            bulk.among(tx, d.campaign_id, {campaign_id for campaign_id, *_rest in wanted}),
        )
    )
    leads = (read_delivery(one) for one in found)
    return {
        wanted[key]: one
        for one in leads
        if (key := (one.campaign_id, one.recipient_id, one.channel)) in wanted
    }


def of_customer(
    tx: Transaction, account_number: str, recipient_ids: Collection[int]
) -> Sequence[Told]:
    """Everything that was said to a customer, the latest first. `recipient_ids` are all their rows
    of lists."""
    party = account_party(account_number)
    found = [*_at_work(tx, party, recipient_ids), *_archived(tx, party, recipient_ids)]
    return sorted(found, key=lambda one: (one.attempt.started_at, one.attempt.id), reverse=True)


def _at_work(tx: Transaction, party: str, recipient_ids: Collection[int]) -> Iterator[Told]:
    a, d, t = attempts.c, deliveries.c, touches.c
    own = select(d.id).where(bulk.among(tx, d.recipient_id, recipient_ids))
    naming = select(t.attempt_id).where(t.party == party)
    rows = {
        one.id: one
        for which in (a.delivery_id.in_(own), a.id.in_(naming))
        for one in tx.execute(
            select(attempts, d.recipient_id).join(deliveries, d.id == a.delivery_id).where(which)
        )
    }
    parties: defaultdict[int, set[str]] = defaultdict(set)
    for attempt_id, name in tx.execute(
        select(t.attempt_id, t.party).where(bulk.among(tx, t.attempt_id, rows))
    ):
        parties[attempt_id].add(name)
    reported: defaultdict[int, list[Receipt]] = defaultdict(list)
    for one in tx.execute(
        select(receipts).where(bulk.among(tx, receipts.c.attempt_id, rows)).order_by(receipts.c.id)
    ):
        reported[one.attempt_id].append(_receipt(one._mapping))
    for attempt_id, row in rows.items():
        yield _told(row, parties[attempt_id], reported[attempt_id], is_archived=False)


def _archived(tx: Transaction, party: str, recipient_ids: Collection[int]) -> Iterator[Told]:
    """There is no index of who was told in what was archived. It went to a contact point that each
    of those told had given, so the deliveries of all who share one are looked through."""
    a, d = archived_attempts.c, deliveries.c
    own = tx.execute(
        select(d.id, d.campaign_id).where(bulk.among(tx, d.recipient_id, recipient_ids))
    ).all()
    campaign_ids = {one.campaign_id for one in own}
    ids = {one.id for one in own} | set(_of_sharers(tx, recipient_ids, campaign_ids))
    own_ids = {one.id for one in own}
    rows = tx.execute(
        select(archived_attempts, d.recipient_id)
        .join(deliveries, d.id == a.delivery_id)
        .where(bulk.among(tx, a.delivery_id, ids))
    )
    for row in rows:
        parties = {str(one["party"]) for one in row.told}
        if row.delivery_id in own_ids or party in parties:
            yield _told(row, parties, map(_receipt, row.receipts), is_archived=True)


def _of_sharers(
    tx: Transaction, recipient_ids: Collection[int], campaign_ids: Collection[int]
) -> Sequence[int]:
    """The deliveries, in these campaigns, of whoever has a contact point in common with them."""
    mine, theirs = contact_points.alias("mine").c, contact_points.c
    d = deliveries.c
    sharers = (
        select(theirs.recipient_id)
        .join(
            mine.recipient_id.table,
            and_(mine.audience_id == theirs.audience_id, mine.address == theirs.address),
        )
        .where(bulk.among(tx, mine.recipient_id, recipient_ids))
    )
    found = select(d.id).where(
        d.recipient_id.in_(sharers), bulk.among(tx, d.campaign_id, campaign_ids)
    )
    return tx.execute(found).scalars().all()


def _told(row: Row[Any], parties: Collection[str], reported: Any, *, is_archived: bool) -> Told:
    accounts = frozenset(one for one in parties if one.startswith(ACCOUNT))
    return Told(read_attempt(row), row.recipient_id, accounts, tuple(reported), is_archived)


def _receipt(row: Mapping[Any, Any]) -> Receipt:
    received_at = row["received_at"]
    if isinstance(received_at, str):  # of an archived one
        received_at = datetime.fromisoformat(received_at)
    outcome = row["outcome"]
    return Receipt(
        received_at, Outcome(outcome) if outcome else None, row["effect"], row["reference"]
    )


def sharing(tx: Transaction, recipient_id: int, contact_point: str) -> Sequence[int]:
    """Who of the same list has this contact point too, in the order of the file."""
    r, p = recipients.c, contact_points.c
    audience = select(r.audience_id).where(r.id == recipient_id).scalar_subquery()
    found = tx.execute(
        select(p.recipient_id)
        .where(p.audience_id == audience, p.address == contact_point)
        .distinct()
        .order_by(p.recipient_id)
    )
    return found.scalars().all()
