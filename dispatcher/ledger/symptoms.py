"""What only the doctor asks of the ledger: what stands still, and what somebody began and left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, literal_column, or_, select

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger.campaigns import CampaignStatus, Stopped
from dispatcher.ledger.claims import Head
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.holding_back import RESTORED
from dispatcher.ledger.lines import CALL_AT_MOST
from dispatcher.ledger.tables import attempts, audiences, campaigns, deliveries, scenarios

# Also of a million people, on a slow machine, and begun anew after a crash.
REHEARSED_AT_MOST = timedelta(days=1)

# Written out instead of bound: only so does SQLite see that the partial index fits.
_IS_PENDING = deliveries.c.status == literal_column("'pending'")

_LAPSES = deliveries.c.status.in_(
    [
        literal_column(f"'{one}'")
        for one in (Status.QUEUED, Status.SENDING, Status.AWAITING, Status.UNCERTAIN)
    ]
)


@dataclass(frozen=True, slots=True)
class StoppedCampaign:
    """A campaign that paused itself."""

    id: int
    title: str
    note: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Something that somebody began and nobody finished: a plan, an import."""

    name: str
    at: datetime
    on_trial: bool = False  # a rehearsal's plan, which nobody will ever launch


@dataclass(frozen=True, slots=True)
class Left:
    """Messages that somebody was sending; `until` the last of their leases is over."""

    count: int
    until: datetime


@dataclass(frozen=True, slots=True)
class OpenCalls:
    """Calls that have not ended, as far as we know. `silent` of them never came to an operator, and
    so last minutes at most; `overlong` are under way for longer than that."""

    count: int
    silent: int
    overlong: int
    oldest_at: datetime | None  # of the silent ones, when they were begun
    newest_at: datetime | None
    asked_at: datetime | None  # when the provider is asked about the first of all


def under_way(tx: Transaction, now: datetime) -> Sequence[int]:
    """The campaigns that are running, or should be by now."""
    c = campaigns.c
    is_late = (c.status == CampaignStatus.SCHEDULED) & (c.start_at <= now)
    is_running = c.status == CampaignStatus.RUNNING
    query = select(c.id).where(is_running | is_late, c.end_at > now).order_by(c.id)
    return tx.execute(query).scalars().all()


def first_zone(tx: Transaction, head: Head) -> str | None:
    """The time zone of the first who is due there; None: it was claimed meanwhile."""
    zone: str | None = tx.execute(
        select(deliveries.c.zone)
        .where(
            _IS_PENDING,
            deliveries.c.campaign_id == head.campaign_id,
            deliveries.c.channel == head.channel,
            deliveries.c.desk == head.desk,
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(1)
    ).scalar()
    return zone


def is_begun_since(
    tx: Transaction, campaign_ids: Collection[int], channel: ChannelName, since: datetime
) -> bool:
    """Whether any attempt of these campaigns on a channel was begun since then."""
    a = attempts.c
    query = select(a.id).where(
        a.campaign_id.in_(list(campaign_ids)), a.channel == channel, a.started_at >= since
    )
    return tx.execute(query.limit(1)).first() is not None


def left_behind(tx: Transaction, begun_before: datetime) -> Left | None:
    """What is being sent since before then; at the cost of what is being sent at all."""
    a, d = attempts.c, deliveries.c
    count, until = tx.execute(
        select(func.count(), func.max(d.due_at))
        .select_from(deliveries.join(attempts, a.delivery_id == d.id))
        .where(_LAPSES, d.status == Status.SENDING, a.ended_at.is_(None))
        .where(a.started_at <= begun_before)
    ).one()
    return Left(count, until) if count else None


def open_calls(tx: Transaction, now: datetime) -> OpenCalls:
    """At the cost of the calls that are under way."""
    a, d = attempts.c, deliveries.c
    # Written out instead of bound: so SQLite sees that the partial index fits.
    is_open = and_(a.channel == literal_column(f"'{ChannelName.PHONE}'"), a.ended_at.is_(None))
    is_silent = a.operator_at.is_(None)
    is_overlong = and_(is_silent, a.handed_at < now - CALL_AT_MOST)
    count, silent, overlong, oldest_at, newest_at = tx.execute(
        select(
            func.count(),
            func.count(case((is_silent, 1))),
            func.count(case((is_overlong, 1))),
            func.min(case((is_silent, a.started_at))),
            func.max(case((is_silent, a.started_at))),
        ).where(is_open)
    ).one()
    asked_at = tx.execute(
        select(func.min(d.due_at))
        .select_from(attempts.join(deliveries, d.id == a.delivery_id))
        .where(is_open, d.status == Status.AWAITING)
    ).scalar()
    return OpenCalls(count, silent, overlong, oldest_at, newest_at, asked_at)


def stopped_themselves(tx: Transaction) -> Sequence[StoppedCampaign]:
    c = campaigns.c
    rows = tx.execute(
        select(c.id, scenarios.c.title, c.note)
        .join(scenarios, scenarios.c.id == c.scenario_id)
        .where(c.status == CampaignStatus.PAUSED)
        .order_by(c.id)
    )
    found = (StoppedCampaign(*row) for row in rows)
    return [one for one in found if Stopped.read(one.note) is not None]


def paused_by_restore(tx: Transaction) -> Sequence[int]:
    """The campaigns that wait since a copy was restored, until somebody resumes them."""
    c = campaigns.c
    query = select(c.id).where(c.status == CampaignStatus.PAUSED, c.note == RESTORED)
    return tx.execute(query.order_by(c.id)).scalars().all()


def drafts_before(tx: Transaction, before: datetime) -> Sequence[Begun]:
    """Campaigns whose plan was begun before then and never finished. That of a rehearsal is no
    launch: it goes when the rehearsal is over, and is told of when it is still there much later."""
    c = campaigns.c
    is_forgotten = or_(~c.on_trial, c.created_at < before - REHEARSED_AT_MOST)
    query = (
        select(c.id, c.created_at, c.on_trial)
        .where(c.status == CampaignStatus.DRAFT, c.created_at < before, is_forgotten)
        .order_by(c.id)
    )
    return [Begun(str(row.id), row.created_at, row.on_trial) for row in tx.execute(query)]


def imports_before(tx: Transaction, before: datetime) -> Sequence[Begun]:
    """Audiences whose import was begun before then and never finished."""
    a = audiences.c
    query = select(a.name, a.imported_at).where(a.status == "importing", a.imported_at < before)
    return [Begun(row.name, row.imported_at) for row in tx.execute(query.order_by(a.id))]
