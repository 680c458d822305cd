"""Attempts over a stretch of time, whatever campaign they belong to and wherever they are kept.

A campaign's attempts begin between its start and its closing; so those of a period are found along
the index of campaigns and beginnings, and the other campaigns are not looked at.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, case, func, literal_column, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from campaigns.channel import ChannelName
from dispatcher.ledger import bulk, campaigns
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.outbox import MailKind
from dispatcher.ledger.reports import CHUNK, quarter_of
from dispatcher.ledger.tables import (
    archived_attempts,
    attempt_tallies,
    attempts,
    delivery_tallies,
    outbox,
)
from dispatcher.ledger.tables import campaigns as campaign_rows

# A worker may end an attempt a little after its campaign was closed over its head.
_MARGIN = timedelta(days=1)
# Written out instead of bound: only so does SQLite see that the partial index fits.
_IS_ANSWER = outbox.c.kind == literal_column(f"'{MailKind.ACKNOWLEDGEMENT.value}'")


@dataclass(frozen=True, slots=True)
class QuarterCount:
    """Attempts that began within a quarter of an hour."""

    channel: ChannelName
    first_at: datetime
    attempts: int
    positives: int


@dataclass(frozen=True, slots=True)
class TryCount:
    """The n-th attempts of a campaign on a channel that began within the time."""

    campaign_id: int
    channel: ChannelName
    number: int
    attempts: int
    positives: int
    open: int


def at_work(tx: Transaction, since_at: datetime, before_at: datetime) -> Sequence[Campaign]:
    """Campaigns that may have contacted somebody within the time, the newest first."""
    c = campaign_rows.c
    rows = tx.execute(
        select(c.id)
        .where(
            c.start_at < before_at,
            ~c.on_trial,
            or_(
                c.closed_at >= since_at - _MARGIN,
                # One that was never closed ended by its own end.
                and_(c.closed_at.is_(None), c.end_at >= since_at - _MARGIN),
            ),
        )
        .order_by(c.id.desc())
    )
    return [campaigns.get(tx, campaign_id) for campaign_id in rows.scalars().all()]


def latest(tx: Transaction, before_id: int | None, count: int) -> Sequence[Campaign]:
    """A page of campaigns, the newest first; `before_id`: the last of the page before."""
    c = campaign_rows.c
    query = select(c.id).where(~c.on_trial).order_by(c.id.desc()).limit(count)
    if before_id is not None:
        query = query.where(c.id < before_id)
    return [campaigns.get(tx, campaign_id) for campaign_id in tx.execute(query).scalars().all()]


def weight(tx: Transaction, campaign_ids: Collection[int]) -> int:
    """How many deliveries and attempts there are to be read, by the counters: at once."""
    sums = (
        select(func.sum(counter)).where(bulk.among(tx, table.c.campaign_id, campaign_ids))
        for table, counter in (
            (delivery_tallies, delivery_tallies.c.deliveries),
            (attempt_tallies, attempt_tallies.c.attempts),
        )
    )
    return sum(int(tx.execute(one).scalar_one() or 0) for one in sums)


def attempts_of(tx: Transaction, campaign_ids: Collection[int]) -> int:
    """How many there are, by the counters."""
    t = attempt_tallies.c
    query = select(func.sum(t.attempts)).where(bulk.among(tx, t.campaign_id, campaign_ids))
    return int(tx.execute(query).scalar_one() or 0)


def by_quarter(
    tx: Transaction, campaign_ids: Collection[int], since_at: datetime, before_at: datetime
) -> Iterator[QuarterCount]:
    """Enough to tell every local day, in whatever zone the days are those of."""
    for table in (attempts, archived_attempts):
        a = table.c
        query = (
            select(
                a.channel,
                func.min(a.started_at),
                func.count(),
                func.count(case((a.positive.is_(True), 1))),
            )
            .where(_within(tx, a, campaign_ids, since_at, before_at))
            .group_by(a.channel, quarter_of(tx, a.started_at))
            .execution_options(yield_per=CHUNK)
        )
        for channel, *rest in tx.execute(query):
            yield QuarterCount(ChannelName(channel), *rest)


def by_try(
    tx: Transaction, campaign_ids: Collection[int], since_at: datetime, before_at: datetime
) -> Sequence[TryCount]:
    sums: dict[tuple[int, str, int], list[int]] = {}
    for table in (attempts, archived_attempts):
        a = table.c
        query = (
            select(
                a.campaign_id,
                a.channel,
                a.number,
                func.count(),
                func.count(case((a.positive.is_(True), 1))),
                func.count(case((a.outcome.is_(None), 1))),
            )
            .where(_within(tx, a, campaign_ids, since_at, before_at))
            .group_by(a.campaign_id, a.channel, a.number)
        )
        for campaign_id, channel, number, *counts in tx.execute(query):
            known = sums.setdefault((campaign_id, channel, number), [0, 0, 0])
            known[:] = [one + other for one, other in zip(known, counts, strict=True)]
    return [
        TryCount(campaign_id, ChannelName(channel), number, *counts)
        for (campaign_id, channel, number), counts in sorted(sums.items())
    ]


def answers(
    tx: Transaction, since_at: datetime, before_at: datetime
) -> Iterator[tuple[datetime, datetime | None]]:
    """Of letters that came within the time and were owed an answer by themselves: when each came,
    and when a mail server took the answer, if one did."""
    o = outbox.c
    rows = tx.execute(
        select(o.asked_at, o.sent_at)
        .where(_IS_ANSWER, o.asked_at >= since_at, o.asked_at < before_at)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield row.asked_at, row.sent_at


def _within(
    tx: Transaction,
    a: ReadOnlyColumnCollection[str, Column[Any]],
    campaign_ids: Collection[int],
    since_at: datetime,
    before_at: datetime,
) -> ColumnElement[bool]:
    return and_(
        bulk.among(tx, a.campaign_id, campaign_ids),
        a.started_at >= since_at,
        a.started_at < before_at,
    )
