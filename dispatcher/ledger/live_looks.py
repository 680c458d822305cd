"""What whoever watches a campaign sees of single attempts, and what waits for its hour.

Asked every second: each question is a short walk along an index. What is not, `waiting_by_zone`,
says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, literal_column, select

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import archived_attempts, attempts, deliveries, trail
from dispatcher.ledger.trail import Act

# Written out instead of bound: only so does SQLite see that the partial indexes fit.
_IS_PENDING = deliveries.c.status == literal_column("'pending'")
_IS_UNCERTAIN = and_(
    deliveries.c.status.in_(
        [literal_column(f"'{one}'") for one in ("queued", "sending", "awaiting", "uncertain")]
    ),
    deliveries.c.status == literal_column("'uncertain'"),
)


@dataclass(frozen=True, slots=True)
class LatestAttempt:
    """One of the last attempts. `outcome` None: it is under way, or taken by the provider and not
    heard of since (`handed_at`)."""

    recipient_id: int
    channel: ChannelName
    contact_point: str
    number: int
    started_at: datetime
    handed_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    positive: bool


def newest(tx: Transaction, campaign_id: int, limit: int) -> Sequence[LatestAttempt]:
    """The attempts that were begun last, the newest first; of an old campaign, of its archive."""
    for table in (attempts, archived_attempts):
        a, d = table.c, deliveries.c
        last = (
            select(table)
            .where(a.campaign_id == campaign_id)
            .order_by(a.started_at.desc())
            .limit(limit)
            .subquery()
        ).c
        rows = tx.execute(
            select(
                d.recipient_id,
                last.channel,
                last.contact_point,
                last.number,
                last.started_at,
                last.handed_at,
                last.ended_at,
                last.outcome,
                last.positive,
            )
            .join(deliveries, d.id == last.delivery_id)
            .order_by(last.started_at.desc(), last.id.desc())
        ).all()
        if rows:
            return [
                LatestAttempt(
                    row.recipient_id,
                    ChannelName(row.channel),
                    row.contact_point,
                    row.number,
                    row.started_at,
                    row.handed_at,
                    row.ended_at,
                    Outcome(row.outcome) if row.outcome else None,
                    bool(row.positive),
                )
                for row in rows
            ]
    return ()


def begun_since(tx: Transaction, campaign_id: int, since: datetime) -> Mapping[ChannelName, int]:
    """How many attempts were begun since then, at the cost of those."""
    a = attempts.c
    rows = tx.execute(
        select(a.channel, func.count())
        .where(a.campaign_id == campaign_id, a.started_at > since)
        .group_by(a.channel)
    )
    return {ChannelName(channel): count for channel, count in rows}


def left_to_staff(tx: Transaction, campaign_id: int, most: int) -> int:
    """How many deliveries of a campaign wait for somebody to decide; `most`: so many or more."""
    found = (
        select(deliveries.c.id)
        .where(_IS_UNCERTAIN, deliveries.c.campaign_id == campaign_id)
        .where(deliveries.c.due_at.is_(None))
        .limit(most)
        .subquery()
    )
    return tx.execute(select(func.count()).select_from(found)).scalar_one()


def waiting_by_zone(tx: Transaction, campaign_id: int) -> Mapping[tuple[ChannelName, str], int]:
    """How many deliveries wait for their hour, by channel and by the zone whose clock they go by.

    Walks through all that wait: a quarter of a second for each half a million. Ask it once a
    minute, not once a second.
    """
    d = deliveries.c
    rows = tx.execute(
        select(d.channel, d.zone, func.count())
        .where(_IS_PENDING, d.campaign_id == campaign_id)
        .group_by(d.channel, d.zone)
    )
    return {(ChannelName(channel), zone): count for channel, zone, count in rows}


def last_acts(tx: Transaction, subject: str, limit: int) -> Sequence[Act]:
    """What was done with a subject lately, the newest first."""
    t = trail.c
    rows = tx.execute(
        select(t.at, t.actor, t.action, t.subject, t.details)
        .where(t.subject == subject)
        .order_by(t.id.desc())
        .limit(limit)
    )
    return [Act(*row) for row in rows]
