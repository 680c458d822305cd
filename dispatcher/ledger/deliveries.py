"""Deliveries: one recipient on one channel of one campaign, and their legal changes of status."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    func,
    select,
    update,
)

from campaigns.channel import ChannelName
from campaigns.delivery import LEGAL, Status
from campaigns.outcome import Outcome
from campaigns.plan import Planned
from dispatcher.ledger import bulk
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.pouring import kept_instant, pour
from dispatcher.ledger.tables import campaigns, deliveries, recipients


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row as the engine works with it."""

    id: int
    campaign_id: int
    recipient_id: int
    channel: ChannelName
    status: Status
    reason: str
    due_at: datetime | None
    urgent: bool
    zone: str
    points: tuple[str, ...]
    dead_points: frozenset[str]
    lead_id: int | None
    attempts: int
    postponed: int
    outcome: Outcome | None
    claim: str | None
    end_as: Status | None
    desk: str = ""  # whose lines a call takes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a delivery has come."""

    status: Status
    attempts: int
    end_as: Status | None


@dataclass(frozen=True, slots=True)
class Change:
    """A legal change of one delivery: applied only if it still stands at `before`."""

    delivery_id: int
    before: Status
    after: Status
    reason: str = ""
    due_at: datetime | None = None
    outcome: Outcome | None = None
    attempts: int | None = None
    postponed: int = 0
    dead_points: Collection[str] | None = None
    end_as: Status | None = None


def insert_planned(
    tx: Transaction,
    campaign_id: int,
    planned: Iterable[Planned],
    *,
    urgent: bool,
    desks: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Store a part of the plan, its first recipient being the first in the file; what is there
    already stays as it is.

    `desks`: by recipient, whose lines a call to them takes; nobody's of their own for the rest.
    Nobody else may store parts of this plan meanwhile (`campaigns.hold_draft`).
    """
    coming = iter(planned)
    first = next(coming, None)
    if first is None:
        return
    there = _planned_since(tx, campaign_id, first.recipient_id)
    kept = kept_instant(tx)
    points_of: dict[tuple[str, ...], str] = {}  # the same on several channels

    def rows() -> Iterator[tuple[object, ...]]:
        for p in chain((first,), coming):
            if there and (p.recipient_id, p.channel) in there:
                continue
            points = points_of.get(p.points)
            if points is None:
                points = points_of[p.points] = json.dumps(p.points)
            yield (
                campaign_id,
                p.recipient_id,
                p.channel.value,
                "pending" if p.skipped is None else "skipped",
                p.skipped.value if p.skipped else "",
                kept(p.due_at),
                urgent,
                p.zone,
                points,
                "[]",
                p.lead_id,
                desks.get(p.recipient_id, "") if p.channel is ChannelName.PHONE else "",
            )

    pour(tx, deliveries, _PLANNED, rows())


_PLANNED = (
    "campaign_id",
    "recipient_id",
    "channel",
    "status",
    "reason",
    "due_at",
    "urgent",
    "zone",
    "points",
    "dead_points",
    "lead_id",
    "desk",
)


def _planned_since(
    tx: Transaction, campaign_id: int, recipient_id: int
) -> Collection[tuple[int, str]]:
    """The recipients from this one on, and their channels, of which a plan stands already."""
    rows = tx.execute(
        select(deliveries.c.recipient_id, deliveries.c.channel).where(
            deliveries.c.campaign_id == campaign_id, deliveries.c.recipient_id >= recipient_id
        )
    )
    return {(number, channel) for number, channel in rows}


def last_planned(tx: Transaction, campaign_id: int) -> int:
    """The recipient up to whom an interrupted plan had come; 0 for none."""
    last: int = tx.execute(
        select(func.coalesce(func.max(deliveries.c.recipient_id), 0)).where(
            deliveries.c.campaign_id == campaign_id
        )
    ).scalar_one()
    return last


def take_stock(tx: Transaction) -> None:
    """Many were planned: PostgreSQL shall know of them at once.

    It chooses its ways by what it saw when it looked last, which may be a minute ago: for the first
    claims of a campaign of which it knows nothing, such a way can take half a minute. Who looks
    already need not be waited for.
    """
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {deliveries.name}")


def load(tx: Transaction, ids: Collection[int]) -> Mapping[int, Delivery]:
    rows = tx.execute(
        select(deliveries).where(bulk.among(tx, deliveries.c.id, ids)).order_by(deliveries.c.id)
    ).all()
    return {row[0]: read_delivery(row) for row in rows}


def progress(tx: Transaction, ids: Collection[int]) -> Mapping[int, Progress]:
    """How far each has come, without the rest of its row."""
    d = deliveries.c
    rows = tx.execute(
        select(d.id, d.status, d.attempts, d.end_as).where(bulk.among(tx, d.id, ids))
    ).all()
    return {
        delivery_id: Progress(Status(status), attempts, Status(end_as) if end_as else None)
        for delivery_id, status, attempts, end_as in rows
    }


def pending_after(
    tx: Transaction, campaign_id: int, channel: ChannelName, after_id: int, limit: int
) -> Sequence[Delivery]:
    """What a campaign plans to send on a channel, piece by piece in the order of the ids."""
    rows = tx.execute(
        select(deliveries)
        .where(
            deliveries.c.campaign_id == campaign_id,
            deliveries.c.channel == channel,
            deliveries.c.status == Status.PENDING,
            deliveries.c.id > after_id,
        )
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return [read_delivery(row) for row in rows]


def lock(
    tx: Transaction, ids: Collection[int], *, with_siblings: bool = False
) -> Mapping[int, Delivery]:
    """Load rows and keep others from changing them until the end of the transaction.

    `with_siblings`: the same recipients' deliveries on the other channels too. Always in the order
    of their ids, so that two transactions do not wait for each other.
    """
    wanted: ColumnElement[bool] = bulk.among(tx, deliveries.c.id, ids)
    if with_siblings:
        own = deliveries.alias("own")
        these = bulk.among(tx, own.c.id, ids)
        wanted = and_(
            deliveries.c.recipient_id.in_(select(own.c.recipient_id).where(these)),
            deliveries.c.campaign_id.in_(select(own.c.campaign_id).where(these)),
        )
    rows = tx.execute(
        select(deliveries).where(wanted).order_by(deliveries.c.id).with_for_update(of=deliveries)
    ).all()
    return {row[0]: read_delivery(row) for row in rows}


def end_left_over(tx: Transaction, since_at: datetime) -> Sequence[int]:
    """End the deliveries that still wait in a campaign closed since then: an outcome was being
    written, or a plan made, in the very moment of the closing. Which those were."""
    ended: list[int] = []
    for closed, after in (
        (CampaignStatus.CANCELLED, Status.CANCELLED),
        (CampaignStatus.COMPLETED, Status.EXPIRED),
    ):
        ids = (
            tx.execute(
                select(campaigns.c.id).where(
                    campaigns.c.status == closed, campaigns.c.closed_at >= since_at
                )
            )
            .scalars()
            .all()
        )
        if ids:
            ended += tx.execute(
                update(deliveries)
                .where(
                    deliveries.c.campaign_id.in_(ids),
                    deliveries.c.status.in_((Status.PENDING, Status.QUEUED)),
                )
                .values(status=after, due_at=None, claim=None, reason="campaign_end")
                .returning(deliveries.c.id)
            ).scalars()
    return ended


def change(tx: Transaction, changes: Sequence[Change]) -> None:
    """Apply changes to rows that this transaction has locked. An illegal one is a bug."""
    if not changes:
        return
    for one in changes:
        if one.before is not one.after and one.after not in LEGAL[one.before]:
            raise ValueError(f"a delivery cannot go from {one.before} to {one.after}")
    for group in _by_shape(changes):
        bulk.update(tx, deliveries, group, where={"id": "id", "status": "before"})


def await_receipts(tx: Transaction, handed: Mapping[int, tuple[int, datetime]]) -> None:
    """The provider took these: (number of the attempt, until when its receipt is due) by delivery.

    Only those that are still being sent by this attempt: a receipt may have overtaken the answer.
    """
    bulk.update(
        tx,
        deliveries,
        [
            {
                "id": delivery_id,
                "number": number,
                "before": Status.SENDING.value,
                "status": Status.AWAITING.value,
                "reason": "",
                "due_at": due_at,
                "postponed": 0,
                "claim": None,
            }
            for delivery_id, (number, due_at) in sorted(handed.items())
        ],
        where={"id": "id", "status": "before", "attempts": "number"},
    )


def _by_shape(changes: Sequence[Change]) -> Collection[list[dict[str, object]]]:
    """Changes as rows, those together that set the same columns: each group is one statement."""
    groups: defaultdict[tuple[str, ...], list[dict[str, object]]] = defaultdict(list)
    for one in changes:
        values: dict[str, object] = {
            "status": one.after.value,
            "reason": one.reason,
            "due_at": one.due_at,
            "postponed": one.postponed,
            "end_as": one.end_as.value if one.end_as else None,
        }
        if one.outcome is not None:
            values["outcome"] = one.outcome.value
        if one.attempts is not None:
            values["attempts"] = one.attempts
        if one.dead_points is not None:
            values["dead_points"] = sorted(one.dead_points)
        if one.after is not Status.SENDING:
            values["claim"] = None
        groups[tuple(values)].append(values | {"id": one.delivery_id, "before": one.before.value})
    return groups.values()


def expire(tx: Transaction, campaign_ids: Collection[int]) -> int:
    """The campaigns' time is over: what was still waiting is expired, and listed so."""
    return tx.execute(
        update(deliveries)
        .where(
            deliveries.c.campaign_id.in_(list(campaign_ids)),
            deliveries.c.status.in_((Status.PENDING, Status.QUEUED)),
        )
        .values(status=Status.EXPIRED, due_at=None, claim=None, reason="campaign_end")
    ).rowcount


def cancel(tx: Transaction, campaign_id: int) -> int:
    """What was not begun is cancelled; what is in flight ends with its outcome, or cancelled."""
    cancelled = tx.execute(
        update(deliveries)
        .where(
            deliveries.c.campaign_id == campaign_id,
            deliveries.c.status.in_((Status.PENDING, Status.QUEUED)),
        )
        .values(status=Status.CANCELLED, due_at=None, claim=None)
    ).rowcount
    tx.execute(
        update(deliveries)
        .where(
            deliveries.c.campaign_id == campaign_id,
            deliveries.c.status.in_((Status.SENDING, Status.AWAITING, Status.UNCERTAIN)),
        )
        .values(end_as=Status.CANCELLED)
    )
    return cancelled


def of_accounts(
    tx: Transaction, campaign_id: int, accounts: Collection[str]
) -> Mapping[int, Delivery]:
    """Every delivery of these accounts in a campaign, the joined ones included; locked."""
    rows = tx.execute(
        select(deliveries)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(
            deliveries.c.campaign_id == campaign_id,
            recipients.c.account_number.in_(list(accounts)),
        )
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries)
    )
    return {row.id: read_delivery(row) for row in rows}


def siblings(
    tx: Transaction, campaign_id: int, recipient_ids: Collection[int]
) -> Mapping[int, Delivery]:
    """All deliveries of these recipients in a campaign, on every channel; locked."""
    rows = tx.execute(
        select(deliveries)
        .where(
            deliveries.c.campaign_id == campaign_id,
            bulk.among(tx, deliveries.c.recipient_id, recipient_ids),
        )
        .order_by(deliveries.c.id)
        .with_for_update()
    )
    return {row.id: read_delivery(row) for row in rows}


def uncertain(
    tx: Transaction, campaign_id: int, channel: ChannelName, account_number: str | None
) -> Sequence[int]:
    """The deliveries about which somebody must decide; of one account, or all."""
    query = select(deliveries.c.id).where(
        deliveries.c.campaign_id == campaign_id,
        deliveries.c.channel == channel,
        deliveries.c.status == Status.UNCERTAIN,
    )
    if account_number is not None:
        query = query.join(recipients, recipients.c.id == deliveries.c.recipient_id).where(
            recipients.c.account_number == account_number
        )
    return tx.execute(query.order_by(deliveries.c.id)).scalars().all()


def mark_in_flight(tx: Transaction, ids: Collection[int], end_as: Status) -> None:
    """An attempt in flight is the last one, whatever comes of it."""
    if ids:
        tx.execute(
            update(deliveries)
            .where(
                bulk.among(tx, deliveries.c.id, ids),
                deliveries.c.status.in_((Status.SENDING, Status.AWAITING, Status.UNCERTAIN)),
            )
            .values(end_as=end_as)
        )


# A worker reads each delivery when it is opened: to look up each column by its name, and each word
# by its enumeration's own way, would take longer than all the rest.
_CHANNELS = {one.value: one for one in ChannelName}
_STATUSES = {one.value: one for one in Status}
_OUTCOMES = {one.value: one for one in Outcome}


def read_delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    """A row of `select(deliveries)`: of all its columns, in their order."""
    (
        delivery_id,
        campaign_id,
        recipient_id,
        channel,
        status,
        reason,
        due_at,
        urgent,
        zone,
        points,
        dead_points,
        lead_id,
        attempts,
        postponed,
        outcome,
        claim,
        end_as,
        desk,
    ) = row
    return Delivery(
        delivery_id,
        campaign_id,
        recipient_id,
        _CHANNELS[channel],
        _STATUSES[status],
        reason,
        due_at,
        urgent,
        zone,
        tuple(points),
        frozenset(dead_points),
        lead_id,
        attempts,
        postponed,
        _OUTCOMES[outcome] if outcome else None,
        claim,
        _STATUSES[end_as] if end_as else None,
        desk,
    )
