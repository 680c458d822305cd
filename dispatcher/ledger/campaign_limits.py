"""What a campaign may do in an hour on a channel, where whoever launched it has said so.

One row for a campaign and channel keeps from when on its next attempt may begin, however many went
before: nobody counts attempts. A loop holds the row while it claims, a worker while it opens; what
is claimed and not begun is counted as gone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, Row, and_, case, insert, select, tuple_, update

from campaigns.channel import ChannelName
from campaigns.hourly import Hourly
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import campaign_limits

# What a campaign has due may turn out not to be allowed now: a whole zone of customers whose window
# has closed stands before those who may still be called. As long as that goes on, twice as many are
# claimed each time, up to so many.
FURTHEST_REACH = 512

is_there = campaign_limits.c.per_hour.is_not(None)
look_at = campaign_limits.c.look_at

# Attempts an hour, by channel; a channel that is not named has no limit of its own.
Limits = Mapping[ChannelName, int]
NONE: Limits = {}


@dataclass(slots=True)
class Allowance:
    """What one campaign may still begin on one channel at this instant. The row is held until the
    transaction ends."""

    campaign_id: int
    channel: ChannelName
    hourly: Hourly
    next_at: datetime | None
    reach: int
    now: datetime
    taken: int = field(default=0, init=False)
    was_short: bool = field(default=False, init=False)

    @property
    def key(self) -> tuple[int, ChannelName]:
        return self.campaign_id, self.channel

    @property
    def left(self) -> int:
        return self.hourly.left(self.next_at, self.now) - self.taken

    def worth_claiming(self, queued: int) -> int:
        """How many more to claim, with so many claimed and not begun: some of them may turn out not
        to go now."""
        return max(max(self.left, self.reach) - queued, 0) if self.left > 0 else 0

    def take(self) -> None:
        """One more is about to begin."""
        self.taken += 1

    def next_look_at(self) -> datetime:
        """For one that has found nothing left: when to come again."""
        self.was_short = True
        after = self.hourly.after(self.next_at, self.now, self.taken)
        return max(self.hourly.looked_for_at(after), self.now)


def keep(tx: Transaction, campaign_id: int, limits: Limits) -> None:
    """A new campaign's own limits."""
    rows = [
        {"campaign_id": campaign_id, "channel": channel.value, "per_hour": Hourly(count).per_hour}
        for channel, count in sorted(limits.items())
    ]
    if rows:
        tx.execute(insert(campaign_limits), rows)


def told(limits: Limits) -> Mapping[str, int]:
    """As the audit trail and JSON tell them."""
    return {f"{channel}_per_hour": count for channel, count in limits.items()}


def of(tx: Transaction, campaign_id: int) -> Limits:
    """Those of a campaign; of most there are none."""
    limit = campaign_limits.c
    rows = tx.execute(select(limit.channel, limit.per_hour).where(limit.campaign_id == campaign_id))
    found = {ChannelName(row.channel): row.per_hour for row in rows}
    return {channel: found[channel] for channel in ChannelName if channel in found}


def next_looks(tx: Transaction, campaign_id: int, now: datetime) -> Mapping[ChannelName, datetime]:
    """The channels on which the limit is used up just now, and until when."""
    limit = campaign_limits.c
    rows = tx.execute(
        select(limit.channel, look_at).where(limit.campaign_id == campaign_id, look_at > now)
    )
    return {ChannelName(row.channel): row.look_at for row in rows}


def hold(
    tx: Transaction, campaign_id: int, channel: ChannelName, now: datetime
) -> Allowance | None:
    """For opening: nobody else opens attempts of this campaign on this channel until the
    transaction ends. None: it has no limit, and nobody waits."""
    limit = campaign_limits.c
    row = tx.execute(
        select(campaign_limits)
        .where(limit.campaign_id == campaign_id, limit.channel == channel)
        .with_for_update()
    ).first()
    return None if row is None else _read(row, now)


def hold_free(
    tx: Transaction, keys: Collection[tuple[int, ChannelName]], now: datetime
) -> Sequence[Allowance]:
    """For claiming: those of them that nobody else holds; these are held until the transaction
    ends."""
    if not keys:
        return []
    limit = campaign_limits.c
    wanted = [(campaign_id, channel.value) for campaign_id, channel in keys]
    rows = tx.execute(
        select(campaign_limits)
        .where(tuple_(limit.campaign_id, limit.channel).in_(wanted))
        .with_for_update(skip_locked=True)
    )
    return [_read(row, now) for row in rows]


def write_down(tx: Transaction, allowance: Allowance) -> None:
    """What was taken of it; when nothing could go of all that was claimed, more is next time."""
    is_in_vain = not allowance.taken and not allowance.was_short
    reach = min(allowance.reach * 2, FURTHEST_REACH) if is_in_vain else 1
    values: dict[str, object] = {"reach": reach}
    if allowance.taken:
        next_at = allowance.hourly.after(allowance.next_at, allowance.now, allowance.taken)
        values |= {"next_at": next_at, "look_at": allowance.hourly.looked_for_at(next_at)}
    elif reach == allowance.reach:
        return
    limit = campaign_limits.c
    mine = limit.campaign_id == allowance.campaign_id, limit.channel == allowance.channel
    tx.execute(update(campaign_limits).where(*mine).values(values))


def beside(found: FromClause, campaign_id: ColumnElement[int], channel: ChannelName) -> FromClause:
    """The same rows, each with the limit of its campaign on this channel, if it has one."""
    limit = campaign_limits.c
    is_its_own = and_(limit.campaign_id == campaign_id, limit.channel == channel)
    return found.outerjoin(campaign_limits, is_its_own)


def not_before_look(due_at: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """When something that is due then can go at the soonest, in rows from `beside`."""
    return case((look_at > due_at, look_at), else_=due_at)


def _read(row: Row[tuple[object, ...]], now: datetime) -> Allowance:
    return Allowance(
        row.campaign_id,
        ChannelName(row.channel),
        Hourly(row.per_hour),
        row.next_at,
        row.reach,
        now,
    )
