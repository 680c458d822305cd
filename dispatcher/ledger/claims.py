"""Claims: which deliveries want attention now, and who has taken them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    func,
    literal_column,
    select,
    update,
)

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import campaigns, deliveries

# Written out instead of bound: only so does SQLite see that the partial indexes fit. A turn of the
# loop must cost the same however many deliveries have ended.
_IS_PENDING = deliveries.c.status == literal_column("'pending'")


_LAPSES = deliveries.c.status.in_(
    [
        literal_column(f"'{status}'")
        for status in (Status.QUEUED, Status.SENDING, Status.AWAITING, Status.UNCERTAIN)
    ]
)


def claim_due(
    tx: Transaction,
    now: datetime,
    lease_until: datetime,
    claim: str,
    limit: int,
    channels: Collection[ChannelName] = tuple(ChannelName),
    *,
    urgent: bool | None = None,
) -> Sequence[tuple[int, int, ChannelName, bool]]:
    """Take due deliveries of running campaigns for this claim, urgent ones first or only those.

    Any number of loops may do so at once: none gets what another one took. Deliveries on other
    `channels` than those that are set up stay where they are. Returns (delivery, campaign,
    channel, urgent).
    """
    claimed: list[tuple[int, int, ChannelName, bool]] = []
    # One after the other: each is a walk along the index.
    for kind in (True, False) if urgent is None else (urgent,):
        room = limit - len(claimed)
        claimed += _claim(tx, now, lease_until, claim, room, channels, urgent=kind)
    return sorted(claimed)


def _claim(
    tx: Transaction,
    now: datetime,
    lease_until: datetime,
    claim: str,
    limit: int,
    channels: Collection[ChannelName],
    *,
    urgent: bool,
) -> Sequence[tuple[int, int, ChannelName, bool]]:
    due = (
        select(deliveries.c.id)
        .join(campaigns, campaigns.c.id == deliveries.c.campaign_id)
        .where(
            _IS_PENDING,
            deliveries.c.urgent == urgent,
            deliveries.c.due_at <= now,
            deliveries.c.channel.in_(list(channels)),
            campaigns.c.status == CampaignStatus.RUNNING,
            campaigns.c.end_at > now,
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(of=deliveries, skip_locked=True)
        # As a CTE it is run once; PostgreSQL may run a subquery again and take more than `limit`.
        .cte("due")
    )
    rows = tx.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(select(due.c.id)))
        .values(status=Status.QUEUED, due_at=lease_until, claim=claim)
        .returning(
            deliveries.c.id, deliveries.c.campaign_id, deliveries.c.channel, deliveries.c.urgent
        )
    )
    return [(row.id, row.campaign_id, ChannelName(row.channel), row.urgent) for row in rows]


def in_flight(tx: Transaction, *, urgent: bool = False) -> int:
    """How many are claimed or being sent: what the loop keeps below a limit."""
    return tx.execute(
        select(func.count()).where(
            _LAPSES,
            deliveries.c.status.in_((Status.QUEUED, Status.SENDING)),
            deliveries.c.urgent.is_(urgent),
        )
    ).scalar_one()


def release_lapsed(tx: Transaction, now: datetime) -> int:
    """Claims that nobody began on (a flushed queue, a dead worker) are due again."""
    return tx.execute(
        update(deliveries)
        .where(_LAPSES, deliveries.c.status == Status.QUEUED, deliveries.c.due_at <= now)
        .values(status=Status.PENDING, due_at=now, claim=None)
    ).rowcount


def release_all(tx: Transaction, now: datetime) -> int:
    """After the death of the only worker there is: every claim is due again."""
    return tx.execute(
        update(deliveries)
        .where(_LAPSES, deliveries.c.status == Status.QUEUED)
        .values(status=Status.PENDING, due_at=now, claim=None)
    ).rowcount


def lapsed(
    tx: Transaction, status: Status, now: datetime | None, limit: int = 500
) -> Sequence[int]:
    """Deliveries whose lease or time for a receipt is over; with no `now`, all of the status."""
    query = select(deliveries.c.id).where(_LAPSES, deliveries.c.status == status)
    if now is not None:
        query = query.where(deliveries.c.due_at <= now)
    return (
        tx.execute(query.order_by(deliveries.c.due_at, deliveries.c.id).limit(limit))
        .scalars()
        .all()
    )


def next_due(tx: Transaction) -> datetime | None:
    """The earliest instant at which any delivery wants attention."""
    waiting = [
        select(deliveries.c.due_at)
        .join(campaigns, campaigns.c.id == deliveries.c.campaign_id)
        .where(
            _IS_PENDING,
            deliveries.c.urgent == urgent,
            campaigns.c.status == CampaignStatus.RUNNING,
        )
        .order_by(deliveries.c.due_at)
        .limit(1)
        for urgent in (True, False)
    ]
    lapsing = [
        select(deliveries.c.due_at)
        .where(_LAPSES, deliveries.c.status == status)
        .order_by(deliveries.c.due_at)
        .limit(1)
        for status in (Status.QUEUED, Status.SENDING, Status.AWAITING)
    ]
    turns = [tx.execute(query).scalar() for query in (*waiting, *lapsing)]
    return min((turn for turn in turns if turn is not None), default=None)
