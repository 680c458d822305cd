"""What a forecast asks of the ledger: how a plan is due, and what came of earlier attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, cast, func, select

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempt_tallies, campaigns, deliveries

# Deliveries that are due within so long of each other count as due alike.
_ALIKE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class DueAlike:
    """Deliveries of a plan that are due within a quarter of an hour, the first of them at `due_at`.
    `desk`: whose lines a call takes."""

    channel: ChannelName
    zone: str
    desk: str
    due_at: datetime
    deliveries: int


@dataclass(frozen=True, slots=True)
class CameOf:
    """Attempts of a channel with the same number that came out alike."""

    channel: ChannelName
    number: int
    outcome: Outcome
    positive: bool
    attempts: int


def due_alike(tx: Transaction, campaign_id: int) -> Sequence[DueAlike]:
    """Every delivery of a plan that waits for its time; a look at all of its rows."""
    d = deliveries.c
    rows = tx.execute(
        select(d.channel, d.zone, d.desk, func.min(d.due_at), func.count())
        .where(d.campaign_id == campaign_id, d.status == Status.PENDING)
        .group_by(d.channel, d.zone, d.desk, _quarter(tx))
        .order_by(d.channel, d.zone, d.desk, func.min(d.due_at))
    )
    return [DueAlike(ChannelName(row[0]), *row[1:]) for row in rows]


def came_of(tx: Transaction, last: int) -> Sequence[CameOf]:
    """What came of the attempts of the last campaigns, by the counters."""
    t = attempt_tallies.c
    latest = select(campaigns.c.id).order_by(campaigns.c.id.desc()).limit(last)
    rows = tx.execute(
        select(t.channel, t.number, t.outcome, t.positive, cast(func.sum(t.attempts), Integer))
        .where(t.outcome != "", t.campaign_id.in_(latest))
        .group_by(t.channel, t.number, t.outcome, t.positive)
        .having(func.sum(t.attempts) > 0)
    )
    return [CameOf(ChannelName(row[0]), row[1], Outcome(row[2]), *row[3:]) for row in rows]


def _quarter(tx: Transaction) -> ColumnElement[int]:
    due_at = deliveries.c.due_at
    if tx.dialect.name == "sqlite":
        return cast(func.strftime("%s", due_at), Integer).op("/")(_ALIKE_SECONDS)
    return func.floor(func.extract("epoch", due_at) / _ALIKE_SECONDS)
