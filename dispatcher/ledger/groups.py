"""Deliveries that belong together: one message for several accounts, several channels for one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    func,
    or_,
    select,
    update,
)

from campaigns.channel import ChannelName
from campaigns.delivery import SkipReason, Status
from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.deliveries import Delivery, read_delivery
from dispatcher.ledger.tables import attempts, deliveries

JOINED = (SkipReason.MERGED, SkipReason.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Former:
    """How another channel of the same recipient stands, or of the one who speaks for them."""

    status: Status
    due_at: datetime | None
    first_started_at: datetime | None  # of an attempt that was really made
    postponed: int
    reason: str = ""  # why it waits


def reached_recipients(tx: Transaction, delivery: Delivery) -> frozenset[int]:
    """Who of those that share this message was reached on some channel of the campaign."""
    rows = tx.execute(
        select(deliveries.c.recipient_id).where(
            deliveries.c.campaign_id == delivery.campaign_id,
            deliveries.c.status == Status.POSITIVE,
            deliveries.c.recipient_id.in_(
                select(deliveries.c.recipient_id).where(
                    deliveries.c.campaign_id == delivery.campaign_id,
                    deliveries.c.lead_id == delivery.recipient_id,
                )
            ),
        )
    )
    return frozenset(rows.scalars())


def members(
    tx: Transaction,
    campaign_id: int,
    channel: ChannelName,
    leads: Collection[int],
    *,
    lock: bool = False,
) -> Mapping[int, Sequence[Delivery]]:
    """Who is spoken of in the messages of these recipients, and still to be spoken of."""
    found: defaultdict[int, list[Delivery]] = defaultdict(list)
    query = (
        select(deliveries)
        .where(
            deliveries.c.campaign_id == campaign_id,
            deliveries.c.channel == channel,
            bulk.among(tx, deliveries.c.lead_id, leads),
            deliveries.c.status == Status.SKIPPED,
            deliveries.c.reason.in_(JOINED),
        )
        .order_by(deliveries.c.recipient_id)
    )
    for row in tx.execute(query.with_for_update() if lock else query):
        found[row.lead_id].append(read_delivery(row))
    return found


def formers(
    tx: Transaction, campaign_id: int, recipient_ids: Collection[int]
) -> Mapping[tuple[int, ChannelName], Former]:
    """The deliveries of these recipients by channel, with the start of their first attempt.

    Who is joined is told by another one's message: that one's delivery stands for theirs. Those
    that never began are left out.
    """
    told = deliveries.alias("told")
    first = (
        select(func.min(attempts.c.started_at))
        .where(
            attempts.c.delivery_id == told.c.id,
            or_(attempts.c.handed_at.is_not(None), attempts.c.ended_at.is_not(None)),
        )
        .scalar_subquery()
    )
    rows = tx.execute(
        select(
            deliveries.c.recipient_id,
            told.c.channel,
            told.c.status,
            told.c.due_at,
            first,
            told.c.postponed,
            told.c.reason,
        )
        .join(
            told,
            (told.c.campaign_id == deliveries.c.campaign_id)
            & (told.c.channel == deliveries.c.channel)
            & (
                told.c.recipient_id
                == func.coalesce(deliveries.c.lead_id, deliveries.c.recipient_id)
            ),
        )
        .where(
            deliveries.c.campaign_id == campaign_id,
            bulk.among(tx, deliveries.c.recipient_id, recipient_ids),
            told.c.status != Status.SKIPPED,
        )
    )
    return {
        (recipient_id, ChannelName(channel)): Former(Status(status), *standing)
        for recipient_id, channel, status, *standing in rows
    }


def take_over(
    tx: Transaction, lead: Delivery, heir: Delivery, others: Collection[int], due_at: datetime
) -> None:
    """A joined recipient becomes the one in whose message the rest are spoken of."""
    tx.execute(
        update(deliveries)
        .where(deliveries.c.id == heir.id, deliveries.c.status == Status.SKIPPED)
        .values(
            status=Status.PENDING,
            reason="",
            due_at=due_at,
            lead_id=None,
            points=list(lead.points),
            dead_points=sorted(lead.dead_points),
        )
    )
    if others:
        tx.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(list(others)))
            .values(lead_id=heir.recipient_id)
        )
