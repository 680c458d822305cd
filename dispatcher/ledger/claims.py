"""Claims: which deliveries want attention now, and who has taken them."""

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    any_,
    func,
    literal_column,
    select,
    update,
)

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger import bulk, campaign_limits, lines
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import campaigns, deliveries

# Written out instead of bound: only so does SQLite see that the partial indexes fit. A turn of the
# loop must cost the same however many deliveries have ended.
_IS_PENDING = deliveries.c.status == literal_column("'pending'")

# Campaigns take turns on each channel.
Key = tuple[int, ChannelName]
# The same, desk by desk.
Place = tuple[int, ChannelName, str]
# A delivery, its campaign, its channel, whether it is urgent.
Claimed = tuple[int, int, ChannelName, bool]
# What bounds several of those who share a room.
Bound = TypeVar("Bound", bound=Hashable)

_LAPSES = deliveries.c.status.in_(
    [
        literal_column(f"'{status}'")
        for status in (Status.QUEUED, Status.SENDING, Status.AWAITING, Status.UNCERTAIN)
    ]
)


@dataclass(frozen=True, slots=True)
class Head:
    """What a running campaign has due first of all on a channel, for one desk of it."""

    campaign_id: int
    channel: ChannelName
    desk: str
    due_at: datetime
    urgent: bool
    scenario_id: int
    is_limited: bool = False  # by its campaign's own limit of an hour

    @property
    def key(self) -> Key:
        return self.campaign_id, self.channel


class DeskRooms(Protocol):
    """How many more calls are worth claiming for each desk, over all campaigns."""

    def left(self, scenario_id: int, desk: str) -> int | None:
        """For calls of this scenario; None: as many as one likes."""
        ...

    def take(self, desk: str, count: int) -> None:
        """So many were claimed."""
        ...


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
    desks: DeskRooms | None = None,
) -> Sequence[Claimed]:
    """Take due deliveries of running campaigns for this claim, urgent ones first or only those.

    Campaigns share the room equally, what is in flight of each already included; what one does not
    use is for the others. So do, within a campaign, the desks that its calls belong to. `rooms`
    bounds single channels, `desks` the calls of single desks: what belongs to a full one stays
    where it is, and nobody else waits behind it. So does what a campaign's own limit of an hour
    leaves no room for. Deliveries on other `channels` than those that are set up stay where they
    are. Any number of loops may do so at once: none gets what another
    one took. Returns (delivery, campaign, channel, urgent).
    """
    left = dict(rooms or {})
    claimed: list[Claimed] = []
    heads = heads_due(tx, now, channels)
    for kind in (True, False) if urgent is None else (urgent,):
        waiting = sorted(
            (head for head in heads if head.urgent is kind), key=lambda head: head.due_at
        )
        held = _held(tx) if waiting else {}
        by_campaign: Counter[Key] = Counter()
        for (campaign_id, channel, _desk), count in held.items():
            by_campaign[campaign_id, channel] += count
        caps = _caps(tx, now, waiting, held, desks)
        own_rooms = _own_rooms(tx, now, waiting)
        hungry = {head.key: by_campaign[head.key] for head in waiting}
        queues: dict[Key, dict[Head, int]] = {}
        for head in waiting:
            queues.setdefault(head.key, {})[head] = held.get((*head.key, head.desk), 0)
        while hungry and (shares := share_out(limit - len(claimed), hungry, left)):
            for key, share in shares.items():
                room, count = min(share, own_rooms.get(key, share)), 0
                for head, rows in _claim_of(tx, now, lease_until, claim, room, queues[key], caps):
                    claimed += rows
                    count += len(rows)
                    if desks is not None and head.channel is ChannelName.PHONE:
                        desks.take(head.desk, len(rows))
                if key[1] in left:
                    left[key[1]] -= count
                if key in own_rooms:
                    own_rooms[key] -= count
                if count < share:
                    del hungry[key]
                else:
                    hungry[key] += share
    return sorted(claimed)


def _caps(
    tx: Transaction,
    now: datetime,
    waiting: Sequence[Head],
    held: Mapping[Place, int],
    desks: DeskRooms | None,
) -> dict[Head, int]:
    """What each may take of desks that bear only so many calls. Campaigns have such a desk alike,
    the calls that they have under way there already included."""
    calls = [head for head in waiting if head.channel is ChannelName.PHONE]
    if desks is None or not calls:
        return {}
    under_way = lines.calls_by_campaign(tx, now)
    caps: dict[Head, int] = {}
    for desk in dict.fromkeys(head.desk for head in calls):
        lefts = {
            head: left
            for head in calls
            if head.desk == desk and (left := desks.left(head.scenario_id, desk)) is not None
        }
        level = {
            (head.campaign_id, left): under_way[head.campaign_id, desk]
            + held.get((*head.key, desk), 0)
            for head, left in lefts.items()
        }
        # Calls that may ask for an operator may be fewer than the lines: two bounds at once.
        bounds = {left: left for left in lefts.values()}
        shares = share_out(max(bounds, default=0), level, bounds)
        caps |= {head: shares.get((head.campaign_id, left), 0) for head, left in lefts.items()}
    return caps


def _own_rooms(tx: Transaction, now: datetime, waiting: Sequence[Head]) -> dict[Key, int]:
    """What campaigns that limit themselves may take: by campaign and channel. One that another loop
    claims from, or a worker opens attempts of at this instant, has its turn next time."""
    limited = dict.fromkeys((head.key for head in waiting if head.is_limited), 0)
    allowances = campaign_limits.hold_free(tx, limited, now)
    if not allowances:
        return limited
    # Only now: what a worker has begun meanwhile is not queued any more.
    d = deliveries.c
    rows = tx.execute(
        select(d.campaign_id, d.channel, func.count())
        .where(
            _LAPSES,
            d.status == Status.QUEUED,
            d.campaign_id.in_([one.campaign_id for one in allowances]),
        )
        .group_by(d.campaign_id, d.channel)
    )
    queued = {(campaign_id, ChannelName(channel)): count for campaign_id, channel, count in rows}
    for one in allowances:
        limited[one.key] = one.worth_claiming(queued.get(one.key, 0))
    return limited


def _claim_of(
    tx: Transaction,
    now: datetime,
    lease_until: datetime,
    claim: str,
    room: int,
    queues: dict[Head, int],
    caps: dict[Head, int],
) -> Sequence[tuple[Head, Sequence[Claimed]]]:
    """Up to so many of one campaign on one channel, its desks sharing as campaigns do. `queues`:
    how many each desk holds; who has nothing more to give is taken out."""
    taken: list[tuple[Head, Sequence[Claimed]]] = []
    while True:
        by_desk = {(head.campaign_id, head.desk): head for head in queues}
        level = {key: queues[head] for key, head in by_desk.items()}
        bounds = {head.desk: caps[head] for head in queues if head in caps}
        shares = share_out(room, level, bounds)
        if not shares:
            return taken
        for key, share in shares.items():
            head = by_desk[key]
            rows = _claim(tx, now, lease_until, claim, share, head)
            taken.append((head, rows))
            room -= len(rows)
            if head in caps:
                caps[head] -= len(rows)
            if len(rows) < share:
                del queues[head]
            else:
                queues[head] += share


def share_out(
    room: int, held: Mapping[tuple[int, Bound], int], rooms: Mapping[Bound, int]
) -> Mapping[tuple[int, Bound], int]:
    """How many each may take so that, with what it holds already, all have alike: those who hold
    the least first, as far as the room and that of their channel or desk (`rooms`) go.

    Of those who hold alike the earlier ones take what cannot be divided. Nobody with nothing to
    take is in the answer.
    """
    bound_left = dict(rooms)
    level = dict(held)
    taken: dict[tuple[int, Bound], int] = {}
    while room > 0:
        open_ones = [key for key in held if bound_left.get(key[1], 1) > 0]
        if not open_ones:
            break
        lowest = min(level[key] for key in open_ones)
        first = [key for key in open_ones if level[key] == lowest]
        next_level = min((level[key] for key in open_ones if level[key] > lowest), default=None)
        each = room // len(first)
        if next_level is not None:
            each = min(each, next_level - lowest)
        for key in first:
            share = min(max(each, 1), room, bound_left.get(key[1], room))
            if share > 0:
                taken[key] = taken.get(key, 0) + share
                level[key] += share
                room -= share
                if key[1] in bound_left:
                    bound_left[key[1]] -= share
    return taken


def heads_due(tx: Transaction, now: datetime, channels: Collection[ChannelName]) -> Sequence[Head]:
    """One step into the index for each running campaign, channel and desk, however much is due.
    What a campaign's own limit of an hour holds back is due when that lets it go.

    All deliveries of a campaign are urgent, or none: that belongs to its scenario.
    """
    found: list[Head] = []
    for channel in channels:
        desks = _desks_of(channel)
        first = _first_of(channel, desks)
        of_campaign = desks.join(campaigns, campaigns.c.id == desks.c.campaign_id)
        rows = tx.execute(
            select(
                desks.c.campaign_id,
                desks.c.desk,
                campaigns.c.scenario_id,
                first.with_only_columns(deliveries.c.due_at).scalar_subquery().label("due_at"),
                first.with_only_columns(deliveries.c.urgent).scalar_subquery().label("urgent"),
                campaign_limits.is_there.label("is_limited"),
                campaign_limits.look_at,
            )
            .select_from(campaign_limits.beside(of_campaign, desks.c.campaign_id, channel))
            .where(desks.c.desk.is_not(None), campaigns.c.end_at > now)
        )
        for row in rows:
            if row.due_at is None:
                continue
            due_at = max(row.due_at, row.look_at or row.due_at)
            if due_at <= now:
                found.append(
                    Head(
                        row.campaign_id,
                        channel,
                        row.desk,
                        due_at,
                        row.urgent,
                        row.scenario_id,
                        row.is_limited,
                    )
                )
    return found


def _desks_of(channel: ChannelName) -> CTE:
    """The desks that running campaigns have something for on a channel, found by steps along the
    index from each to the next: never by a walk through what waits for them."""

    def least(*which: ColumnElement[bool]) -> Select[tuple[str]]:
        query = select(deliveries.c.desk).where(
            _IS_PENDING, deliveries.c.channel == channel, *which
        )
        return query.order_by(deliveries.c.desk).limit(1)

    first = least(deliveries.c.campaign_id == campaigns.c.id).correlate(campaigns)
    desks = (
        select(campaigns.c.id.label("campaign_id"), first.scalar_subquery().label("desk"))
        .where(campaigns.c.status == CampaignStatus.RUNNING)
        .cte("desks", recursive=True)
    )
    later = least(
        deliveries.c.campaign_id == desks.c.campaign_id, deliveries.c.desk > desks.c.desk
    ).correlate(desks)
    return desks.union_all(
        select(desks.c.campaign_id, later.scalar_subquery()).where(desks.c.desk.is_not(None))
    )


def _first_of(channel: ChannelName, desks: CTE) -> Select[tuple[datetime]]:
    """What a campaign has to do first on a channel for a desk, whether it is due or not."""
    return (
        select(deliveries.c.due_at)
        .where(
            _IS_PENDING,
            deliveries.c.campaign_id == desks.c.campaign_id,
            deliveries.c.channel == channel,
            deliveries.c.desk == desks.c.desk,
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(1)
        .correlate(desks)
    )


def _held(tx: Transaction) -> Mapping[Place, int]:
    """How many of each campaign, channel and desk are claimed or being sent."""
    d = deliveries.c
    rows = tx.execute(
        select(d.campaign_id, d.channel, d.desk, func.count())
        .where(_LAPSES, d.status.in_((Status.QUEUED, Status.SENDING)))
        .group_by(d.campaign_id, d.channel, d.desk)
    )
    return {
        (campaign_id, ChannelName(channel), desk): count
        for campaign_id, channel, desk, count in rows
    }


def queued_calls(tx: Transaction) -> Counter[str]:
    """How many calls of each desk are claimed and not yet begun: they take no line yet."""
    rows = tx.execute(
        select(deliveries.c.desk, func.count().label("queued"))
        .where(
            _LAPSES,
            deliveries.c.status == Status.QUEUED,
            deliveries.c.channel == ChannelName.PHONE,
        )
        .group_by(deliveries.c.desk)
    )
    return Counter({row.desk: row.queued for row in rows})


def _claim(
    tx: Transaction, now: datetime, lease_until: datetime, claim: str, limit: int, head: Head
) -> Sequence[Claimed]:
    """A walk along the index, in the order in which they are due."""
    due = (
        select(deliveries.c.id)
        .where(
            _IS_PENDING,
            deliveries.c.campaign_id == head.campaign_id,
            deliveries.c.channel == head.channel,
            deliveries.c.desk == head.desk,
            deliveries.c.due_at <= now,
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(of=deliveries, skip_locked=True)
        # As a CTE it is run once; PostgreSQL may run a subquery again and take more than `limit`.
        .cte("due")
    )
    taken = select(due.c.id)
    rows = tx.execute(
        update(deliveries)
        .where(
            # As an array the ids are looked up one by one. A PostgreSQL that has not counted a new
            # plan yet would rather walk through all of it for each of them.
            deliveries.c.id == any_(func.array(taken.scalar_subquery()))
            if tx.dialect.name == "postgresql"
            else deliveries.c.id.in_(taken),
            deliveries.c.status == Status.PENDING,
        )
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


def give_back(tx: Transaction, delivery_ids: Sequence[int], claim: str, due_at: datetime) -> int:
    """What nobody began on under this claim is due again then; how many that were."""
    return tx.execute(
        update(deliveries)
        .where(
            bulk.among(tx, deliveries.c.id, delivery_ids),
            deliveries.c.status == Status.QUEUED,
            deliveries.c.claim == claim,
        )
        .values(status=Status.PENDING, due_at=due_at, claim=None)
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
        select(
            func.min(campaign_limits.not_before_look(_first_of(channel, desks).scalar_subquery()))
        )
        .select_from(campaign_limits.beside(desks, desks.c.campaign_id, channel))
        .where(desks.c.desk.is_not(None))
        for channel in ChannelName
        for desks in (_desks_of(channel),)
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
