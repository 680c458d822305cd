"""The archive: attempts of campaigns that ended long ago, out of the way of those at work.

An attempt moves with its receipts and with who was told in it, as one row, in one transaction; so
it is always in exactly one place, whoever dies when. What was said to a customer can be found here
as long as the customer's data are kept.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from sqlalchemy import ScalarSelect, Table, and_, delete, func, select, update

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.ledger import bulk
from dispatcher.ledger.attempts import Attempt, of_campaign, read_attempt
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import (
    archived_attempts,
    attempts,
    audiences,
    campaigns,
    closed_books,
    deliveries,
    receipts,
    recipients,
    scenarios,
    touches,
)

# Attempts that move in one transaction: less than a second's work, so that nobody waits for it.
PIECE = 1000
# Campaigns in which nothing happens any more.
OVER = (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)
_COLUMNS = [column.name for column in archived_attempts.c if column.name in attempts.c]
_FLYING = (Status.SENDING, Status.AWAITING)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said to a customer once: when, how, with what result, in which campaign."""

    account_number: str
    campaign_id: int
    scenario: str
    version: int
    channel: ChannelName
    contact_point: str
    started_at: datetime
    outcome: Outcome | None
    positive: bool
    reference: str | None
    is_archived: bool


def closed_before(tx: Transaction, before: datetime) -> Sequence[int]:
    """Campaigns closed before then whose books are still open, the oldest first. One of which a
    message is still on its way is not over."""
    flying = select(deliveries.c.id).where(
        deliveries.c.campaign_id == campaigns.c.id, deliveries.c.status.in_(_FLYING)
    )
    rows = tx.execute(
        select(campaigns.c.id)
        .outerjoin(closed_books, closed_books.c.campaign_id == campaigns.c.id)
        .where(
            campaigns.c.status.in_(OVER),
            campaigns.c.closed_at < before,
            closed_books.c.campaign_id.is_(None),
            ~flying.exists(),
        )
        .order_by(campaigns.c.closed_at, campaigns.c.id)
    )
    return rows.scalars().all()


def keep_books(
    tx: Transaction,
    campaign_id: int,
    report: Mapping[str, Any],
    audit: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write down what report and audit say, once for all: who comes second changes nothing."""
    row = {"campaign_id": campaign_id, "made_at": now, "report": report, "audit": audit}
    bulk.insert(tx, closed_books, [row], or_leave=True)


def books_of(
    tx: Transaction, campaign_id: int
) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """(report, audit) of a campaign whose books are closed."""
    b = closed_books.c
    row = tx.execute(select(b.report, b.audit).where(b.campaign_id == campaign_id)).first()
    return (row.report, row.audit) if row else None


def rewrite_books(
    tx: Transaction, campaign_id: int, report: Mapping[str, Any], audit: Mapping[str, Any]
) -> None:
    """The same books without what they told of a person."""
    where = closed_books.c.campaign_id == campaign_id
    tx.execute(update(closed_books).where(where).values(report=report, audit=audit))


def due(tx: Transaction, before: datetime) -> Sequence[int]:
    """Campaigns closed before then, their books closed, whose attempts have not all moved."""
    rows = tx.execute(
        select(campaigns.c.id)
        .join(closed_books, closed_books.c.campaign_id == campaigns.c.id)
        .where(campaigns.c.closed_at < before, closed_books.c.archived_at.is_(None))
        .order_by(campaigns.c.closed_at, campaigns.c.id)
    )
    return rows.scalars().all()


def waiting(tx: Transaction, before: datetime) -> Sequence[tuple[str, int, int]]:
    """What is to move: (month of the closing, campaigns, attempts), by the counters."""
    month = (
        func.to_char(campaigns.c.closed_at, "YYYY-MM")
        if tx.dialect.name == "postgresql"
        else func.strftime("%Y-%m", campaigns.c.closed_at)
    )
    left = select(attempts.c.id).where(attempts.c.campaign_id == campaigns.c.id).exists()
    rows = tx.execute(
        select(campaigns.c.id, month)
        .outerjoin(closed_books, closed_books.c.campaign_id == campaigns.c.id)
        .where(
            campaigns.c.status.in_(OVER),
            campaigns.c.closed_at < before,
            closed_books.c.archived_at.is_(None),
            left,
        )
        .order_by(campaigns.c.closed_at)
    ).all()
    months: dict[str, list[int]] = {}
    for campaign_id, of_month in rows:
        count = select(func.count()).where(attempts.c.campaign_id == campaign_id)
        found = months.setdefault(of_month, [0, 0])
        found[0] += 1
        found[1] += tx.execute(count).scalar_one()
    return [(name, found[0], found[1]) for name, found in months.items()]


def move(tx: Transaction, campaign_id: int, now: datetime, piece: int = PIECE) -> int:
    """Move the oldest attempts of a campaign; how many. With the last of them it is archived.

    What is uncertain stays for staff to decide. Another one at the same work takes other rows.
    """
    a = attempts.c
    rows = (
        tx.execute(
            select(*(a[name] for name in _COLUMNS))
            .where(
                a.campaign_id == campaign_id,
                a.ended_at.is_not(None),
                a.outcome != Outcome.UNCERTAIN,
                a.id < _anchor(),
            )
            .order_by(a.started_at)
            .limit(piece)
            .with_for_update(skip_locked=True)
        )
        .mappings()
        .all()
    )
    if not rows:
        _note_archived(tx, campaign_id, now)
        return 0
    ids = [row["id"] for row in rows]
    told, kept = _told(tx, ids), _receipts(tx, ids)
    bulk.insert(
        tx,
        archived_attempts,
        [
            {**row, "told": told.get(row["id"], []), "receipts": kept.get(row["id"], [])}
            for row in rows
        ],
    )
    for table, key in ((touches, "attempt_id"), (receipts, "attempt_id"), (attempts, "id")):
        tx.execute(delete(table).where(bulk.among(tx, table.c[key], ids)))
    return len(ids)


def _anchor() -> ScalarSelect[int]:
    """The highest number of an attempt that stays for good: it never moves, because SQLite would
    give its number to the next one."""
    every = attempts.alias("every").c
    decided = and_(every.ended_at.is_not(None), every.outcome != Outcome.UNCERTAIN)
    return select(func.max(every.id)).where(decided).scalar_subquery()


def _note_archived(tx: Transaction, campaign_id: int, now: datetime) -> None:
    """Nothing is left to move, unless somebody else holds it just now or staff must decide."""
    left = select(attempts.c.id).where(
        attempts.c.campaign_id == campaign_id, attempts.c.id < _anchor()
    )
    if tx.execute(left.limit(1)).first() is None:
        where = closed_books.c.campaign_id == campaign_id
        tx.execute(
            update(closed_books)
            .where(where, closed_books.c.archived_at.is_(None))
            .values(archived_at=now)
        )


def _told(tx: Transaction, ids: Collection[int]) -> Mapping[int, list[dict[str, object]]]:
    found: defaultdict[int, list[dict[str, object]]] = defaultdict(list)
    t = touches.c
    rows = tx.execute(
        select(t.attempt_id, t.party, t.channel, t.at, t.positive_at)
        .where(bulk.among(tx, t.attempt_id, ids))
        .order_by(t.attempt_id, t.party)
    )
    for attempt_id, party, channel, at, positive_at in rows:
        found[attempt_id].append(
            {"party": party, "channel": channel, "at": _iso(at), "positive_at": _iso(positive_at)}
        )
    return found


def _receipts(tx: Transaction, ids: Collection[int]) -> Mapping[int, list[dict[str, object]]]:
    found: defaultdict[int, list[dict[str, object]]] = defaultdict(list)
    rows = tx.execute(
        select(receipts).where(bulk.among(tx, receipts.c.attempt_id, ids)).order_by(receipts.c.id)
    )
    for row in rows:
        found[row.attempt_id].append(
            {
                "provider": row.provider,
                "reference": row.reference,
                "received_at": _iso(row.received_at),
                "outcome": row.outcome,
                "effect": row.effect,
                "payload": row.payload,
            }
        )
    return found


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def by_number(tx: Transaction, delivery_id: int, number: int) -> Attempt | None:
    """An attempt that moved."""
    a = archived_attempts.c
    row = tx.execute(
        select(archived_attempts).where(a.delivery_id == delivery_id, a.number == number)
    ).first()
    return read_attempt(row) if row else None


def attempts_of(tx: Transaction, campaign_id: int) -> Iterator[tuple[str, Attempt]]:
    """Every attempt of a campaign, wherever it is, with its account number, in the order of their
    beginning."""
    both = (_moved(tx, campaign_id), of_campaign(tx, campaign_id))
    return merge(*both, key=lambda one: (one[1].started_at, one[1].delivery_id, one[1].number))


def _moved(tx: Transaction, campaign_id: int) -> Iterator[tuple[str, Attempt]]:
    a = archived_attempts.c
    rows = tx.execute(
        select(archived_attempts, recipients.c.account_number)
        .join(deliveries, deliveries.c.id == a.delivery_id)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(a.campaign_id == campaign_id)
        .order_by(a.started_at, a.delivery_id, a.number)
        .execution_options(yield_per=2000)
    )
    for row in rows:
        yield row.account_number, read_attempt(row)


def said_to(tx: Transaction, account_number: str) -> Sequence[Said]:
    """Everything that was said to a customer, in messages of their own or in another account's,
    the latest first."""
    own = _recipients_of(tx, account_number)
    found = [row for table in (attempts, archived_attempts) for row in _said(tx, table, own)]
    return sorted(found, key=lambda one: one.started_at, reverse=True)


def _recipients_of(tx: Transaction, account_number: str) -> Sequence[int]:
    """The customer's rows, found list by list: there is no index over all of them."""
    r = recipients.c
    rows = tx.execute(
        select(r.id).where(
            r.audience_id.in_(select(audiences.c.id)), r.account_number == account_number
        )
    )
    return rows.scalars().all()


def _said(tx: Transaction, table: Table, recipient_ids: Sequence[int]) -> Iterator[Said]:
    a, d = table.c, deliveries.c
    lead = deliveries.alias("lead")
    carrier = select(
        func.coalesce(lead.c.id, d.id).label("delivery_id"), d.recipient_id
    ).select_from(
        deliveries.outerjoin(
            lead,
            and_(
                lead.c.campaign_id == d.campaign_id,
                lead.c.recipient_id == d.lead_id,
                lead.c.channel == d.channel,
            ),
        )
    )
    mine = carrier.where(bulk.among(tx, d.recipient_id, recipient_ids)).subquery().c
    rows = tx.execute(
        select(
            recipients.c.account_number,
            a.campaign_id,
            scenarios.c.name,
            scenarios.c.version,
            a.channel,
            a.contact_point,
            a.started_at,
            a.outcome,
            a.positive,
            a.reference,
        )
        .join(mine.delivery_id.table, mine.delivery_id == a.delivery_id)
        .join(recipients, recipients.c.id == mine.recipient_id)
        .join(campaigns, campaigns.c.id == a.campaign_id)
        .join(scenarios, scenarios.c.id == campaigns.c.scenario_id)
    )
    for account, campaign, name, version, channel, point, at, outcome, positive, reference in rows:
        yield Said(
            account,
            campaign,
            name,
            version,
            ChannelName(channel),
            point,
            at,
            Outcome(outcome) if outcome else None,
            bool(positive),
            reference,
            table is archived_attempts,
        )
