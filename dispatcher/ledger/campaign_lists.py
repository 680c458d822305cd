"""Campaigns as staff look through them: page by page, with how far each has come.

A page costs the same however many campaigns there are, and however many deliveries each has.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, cast, func, select

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger import campaigns as runs
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import audiences, campaigns, delivery_tallies

# Deliveries of a campaign by how they stand.
Progress = Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class Page:
    """The newest first. `newer` and `older` tell whether there are any."""

    campaigns: Sequence[Campaign]
    newer: bool
    older: bool


def page(
    tx: Transaction,
    statuses: Collection[CampaignStatus],
    limit: int,
    *,
    before_id: int | None = None,
    after_id: int | None = None,
) -> Page:
    """Campaigns of these statuses: the newest, those older than one, or those newer than one."""
    c = campaigns.c
    wanted = select(c.id).where(c.status.in_(list(statuses)), ~c.on_trial)
    if after_id is not None:
        rows = tx.scalars(wanted.where(c.id > after_id).order_by(c.id).limit(limit + 1)).all()
        ids, newer = list(reversed(rows[:limit])), len(rows) > limit
        older = _is_any(tx, statuses, ids[-1]) if ids else False
    else:
        if before_id is not None:
            wanted = wanted.where(c.id < before_id)
        rows = tx.scalars(wanted.order_by(c.id.desc()).limit(limit + 1)).all()
        ids, older, newer = list(rows[:limit]), len(rows) > limit, before_id is not None
    found = runs.of_ids(tx, ids)
    return Page([found[one] for one in ids if one in found], newer, older)


def _is_any(tx: Transaction, statuses: Collection[CampaignStatus], before_id: int) -> bool:
    c = campaigns.c
    query = select(c.id).where(c.status.in_(list(statuses)), ~c.on_trial, c.id < before_id).limit(1)
    return tx.execute(query).first() is not None


def count_by_status(tx: Transaction) -> Mapping[CampaignStatus, int]:
    c = campaigns.c
    rows = tx.execute(select(c.status, func.count()).where(~c.on_trial).group_by(c.status))
    return {CampaignStatus(status): count for status, count in rows}


def progress(tx: Transaction, ids: Collection[int]) -> Mapping[int, Progress]:
    """How the deliveries of these campaigns stand, from the counters."""
    found: dict[int, dict[Status, int]] = {one: {} for one in ids}
    for (campaign_id, _channel, status), count in standing_of(tx, ids).items():
        known = found[campaign_id]
        known[status] = known.get(status, 0) + count
    return found


def standing_of(
    tx: Transaction, ids: Collection[int]
) -> Mapping[tuple[int, ChannelName, Status], int]:
    """The same, channel by channel."""
    t = delivery_tallies.c
    count = func.sum(t.deliveries)
    rows = tx.execute(
        select(t.campaign_id, t.channel, t.status, cast(count, BigInteger))
        .where(t.campaign_id.in_(list(ids)))
        .group_by(t.campaign_id, t.channel, t.status)
        .having(count != 0)
    )
    return {(one, ChannelName(channel), Status(status)): n for one, channel, status, n in rows}


def recipients_of(tx: Transaction, audience_ids: Collection[int]) -> Mapping[int, int]:
    """How many people are in each of these lists, as their imports told."""
    a = audiences.c
    rows = tx.execute(select(a.id, a.recipients).where(a.id.in_(list(audience_ids))))
    return {row.id: row.recipients for row in rows}


def has_lists(tx: Transaction) -> bool:
    """Whether anybody has brought a list in yet."""
    whole = select(audiences.c.id).where(audiences.c.status == "ready").limit(1)
    return tx.execute(whole).first() is not None
