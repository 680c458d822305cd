"""Claims: which deliveries want attention now, and who has taken them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Select,
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

# Campaigns take turns on each channel.
Key = tuple[int, ChannelName]

_LAPSES = deliveries.c.status.in_(
    [
        literal_column(f"'{status}'")
        for status in (Status.QUEUED, Status.SENDING, Status.AWAITING, Status.UNCERTAIN)
    ]
)


@dataclass(frozen=True, slots=True)
class Head:
    """What a running campaign has due on a channel first of all."""

    campaign_id: int
    channel: ChannelName
    due_at: datetime
    urgent: bool

    @property
    def key(self) -> Key:
        return self.campaign_id, self.channel


def claim_due(
    tx: Transaction,
    now: datetime,
    lease_until: datetime,
    claim: str,
    limit: int,
    channels: Collection[ChannelName] = tuple(ChannelName),
    *,
    urgent: bool | None = None,
    rooms: Mapping[ChannelName, int] | None = None,
) -> Sequence[tuple[int, int, ChannelName, bool]]:
    """Take due deliveries of running campaigns for this claim, urgent ones first or only those.

    Campaigns share the room equally, what is in flight of each already included; what one does not
    use is for the others. `rooms` bounds single channels. Deliveries on other `channels` than
    those that are set up stay where they are. Any number of loops may do so at once: none gets
    what another one took. Returns (delivery, campaign, channel, urgent).
    """
    left = dict(rooms or {})
    claimed: list[tuple[int, int, ChannelName, bool]] = []
    heads = _heads(tx, now, channels)
    for kind in (True, False) if urgent is None else (urgent,):
        waiting = sorted(
            (head for head in heads if head.urgent is kind), key=lambda head: head.due_at
        )
        held = _held(tx) if waiting else {}
        hungry = {head.key: held.get(head.key, 0) for head in waiting}
        while hungry and (shares := share_out(limit - len(claimed), hungry, left)):
            for (campaign_id, channel), room in shares.items():
                taken = _claim(tx, now, lease_until, claim, room, campaign_id, channel)
                claimed += taken
                if channel in left:
                    left[channel] -= len(taken)
                if len(taken) < room:
                    del hungry[campaign_id, channel]
                else:
                    hungry[campaign_id, channel] += room
    return sorted(claimed)


def share_out(
    room: int, held: Mapping[Key, int], rooms: Mapping[ChannelName, int]
) -> Mapping[Key, int]:
    """How many each may take so that, with what it holds already, all have alike: those who hold
    the least first, as far as the room and that of their channel (`rooms`) go.

    Of those who hold alike the earlier ones take what cannot be divided. Nobody with nothing to
    take is in the answer.
    """
    channel_left = dict(rooms)
    level = dict(held)
    taken: dict[Key, int] = {}
    while room > 0:
        open_ones = [key for key in held if channel_left.get(key[1], 1) > 0]
        if not open_ones:
            break
        lowest = min(level[key] for key in open_ones)
        first = [key for key in open_ones if level[key] == lowest]
        next_level = min((level[key] for key in open_ones if level[key] > lowest), default=None)
        each = room // len(first)
        if next_level is not None:
            each = min(each, next_level - lowest)
        for key in first:
            share = min(max(each, 1), room, channel_left.get(key[1], room))
            if share > 0:
                taken[key] = taken.get(key, 0) + share
                level[key] += share
                room -= share
                if key[1] in channel_left:
                    channel_left[key[1]] -= share
    return taken


def _heads(tx: Transaction, now: datetime, channels: Collection[ChannelName]) -> Sequence[Head]:
    """One step into the index for each running campaign and channel, however much is due.

    All deliveries of a campaign are urgent, or none: that belongs to its scenario.
    """
    found: list[Head] = []
    for channel in channels:
        first = _first_of(channel)
        rows = tx.execute(
            select(
                campaigns.c.id,
                first.with_only_columns(deliveries.c.due_at).scalar_subquery().label("due_at"),
                first.with_only_columns(deliveries.c.urgent).scalar_subquery().label("urgent"),
            ).where(campaigns.c.status == CampaignStatus.RUNNING, campaigns.c.end_at > now)
        )
        found += [
            Head(row.id, channel, row.due_at, row.urgent)
            for row in rows
            if row.due_at is not None and row.due_at <= now
        ]
    return found


def _first_of(channel: ChannelName) -> Select[tuple[datetime]]:
    """What a campaign has to do first on a channel, whether it is due or not."""
    return (
        select(deliveries.c.due_at)
        .where(
            _IS_PENDING,
            deliveries.c.campaign_id == campaigns.c.id,
            deliveries.c.channel == channel,
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(1)
        .correlate(campaigns)
    )


def _held(tx: Transaction) -> Mapping[Key, int]:
    """How many of each campaign and channel are claimed or being sent."""
    rows = tx.execute(
        select(deliveries.c.campaign_id, deliveries.c.channel, func.count())
        .where(_LAPSES, deliveries.c.status.in_((Status.QUEUED, Status.SENDING)))
        .group_by(deliveries.c.campaign_id, deliveries.c.channel)
    )
    return {(campaign_id, ChannelName(channel)): count for campaign_id, channel, count in rows}


def _claim(
    tx: Transaction,
    now: datetime,
    lease_until: datetime,
    claim: str,
    limit: int,
    campaign_id: int,
    channel: ChannelName,
) -> Sequence[tuple[int, int, ChannelName, bool]]:
    """A walk along the index, in the order in which they are due."""
    due = (
        select(deliveries.c.id)
        .where(
            _IS_PENDING,
            deliveries.c.campaign_id == campaign_id,
            deliveries.c.channel == channel,
            deliveries.c.due_at <= now,
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(of=deliveries, skip_locked=True)
        # As a CTE it is run once; PostgreSQL may run a subquery again and take more than `limit`.
        .cte("due")
    )
    rows = tx.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(select(due.c.id)), deliveries.c.status == Status.PENDING)
        .values(status=Status.QUEUED, due_at=lease_until, claim=claim)
        .returning(
            deliveries.c.id, deliveries.c.campaign_id, deliveries.c.channel, deliveries.c.urgent
        )
    )
    return [(row.id, row.campaign_id, ChannelName(row.channel), row.urgent) for row in rows]


def in_flight(tx: Transaction, *, urgent: bool = False) -> int:
    """How many are claimed or being sent: what the loop keeps below a limit."""
    return sum(in_flight_by_channel(tx, urgent=urgent).values())


def in_flight_by_channel(tx: Transaction, *, urgent: bool) -> Mapping[ChannelName, int]:
    rows = tx.execute(
        select(deliveries.c.channel, func.count())
        .where(
            _LAPSES,
            deliveries.c.status.in_((Status.QUEUED, Status.SENDING)),
            deliveries.c.urgent.is_(urgent),
        )
        .group_by(deliveries.c.channel)
    )
    return {ChannelName(channel): count for channel, count in rows}


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
        select(func.min(_first_of(channel).scalar_subquery())).where(
            campaigns.c.status == CampaignStatus.RUNNING
        )
        for channel in ChannelName
    ]
    lapsing = [
        select(deliveries.c.due_at)
        .where(_LAPSES, deliveries.c.status == status)
        .order_by(deliveries.c.due_at)
        .limit(1)
        for status in (Status.QUEUED, Status.SENDING, Status.AWAITING, Status.UNCERTAIN)
    ]
    turns = [tx.execute(query).scalar() for query in (*waiting, *lapsing)]
    return min((turn for turn in turns if turn is not None), default=None)
