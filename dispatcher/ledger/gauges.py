"""How the whole house stands at this instant: the figures that are the same whoever tells them.

Each question is answered from counters, or from an index that holds only what is at work, so that
it costs the same however much has ended. What is due is counted desk by desk, from the first on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, and_, cast, func, literal_column, select

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger import circuits, claims, mailboxes, outbox, processes, webhook_posts
from dispatcher.ledger.campaigns import CampaignStatus, Stopped
from dispatcher.ledger.circuits import Circuit
from dispatcher.ledger.claims import Head
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.holding_back import RESTORED
from dispatcher.ledger.mailboxes import MailboxState
from dispatcher.ledger.outbox import Standing
from dispatcher.ledger.processes import Seen
from dispatcher.ledger.staff_tables import jobs
from dispatcher.ledger.tables import campaigns, deliveries, delivery_tallies
from dispatcher.ledger.webhook_posts import Standing as Told

# No question may keep the database busy for longer.
PATIENCE_SECONDS = 5
DAY = timedelta(days=1)

_IN_FLIGHT = (Status.QUEUED, Status.SENDING, Status.AWAITING)
# Written out instead of bound: only so does SQLite see that the partial indexes fit.
_IS_PENDING = deliveries.c.status == literal_column("'pending'")
_IS_UNCERTAIN = and_(
    deliveries.c.status.in_(
        [literal_column(f"'{one}'") for one in (*_IN_FLIGHT, Status.UNCERTAIN)]
    ),
    deliveries.c.status == Status.UNCERTAIN,
)
_IS_WAITING_JOB = and_(
    jobs.c.status.in_([literal_column("'waiting'"), literal_column("'running'")]),
    jobs.c.status == literal_column("'waiting'"),
)


@dataclass(frozen=True, slots=True)
class Due:
    """What could go out on a channel now, and since when the first of it could."""

    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Jobs:
    """What staff asked for, and nobody has begun."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Gauges:
    """`uncertain` is in two parts: what providers are still asked about, and what is left to staff.
    `clock_ahead_seconds` is how far our own clock is before the database's."""

    due: Mapping[ChannelName, Due]
    in_flight: Mapping[tuple[ChannelName, Status], int]
    uncertain: Mapping[tuple[ChannelName, bool], int]  # channel, left to staff
    circuits: Sequence[Circuit]
    campaigns: Mapping[CampaignStatus, int]
    paused_by_themselves: int
    paused_by_restore: int
    mailboxes: Sequence[MailboxState]
    answers: Standing
    given_up: int  # letters of the last day that no mail server takes
    jobs: Jobs
    webhooks: Sequence[Told]
    processes: Sequence[Seen]
    clock_ahead_seconds: float


def read(tx: Transaction, now: datetime) -> Gauges:
    """Everything at once, from one state of the ledger. Raises LedgerFault, also when a question
    takes too long."""
    limit_questions(tx)
    by_status, paused = _campaigns(tx)
    ahead = processes.clock_ahead(tx)
    return Gauges(
        due=due_by_channel(waiting(tx, now)),
        in_flight=_in_flight(tx),
        uncertain=_uncertain(tx),
        circuits=list(circuits.standing(tx).values()),
        campaigns=by_status,
        paused_by_themselves=sum(Stopped.read(note) is not None for note in paused),
        paused_by_restore=sum(note == RESTORED for note in paused),
        mailboxes=mailboxes.everything(tx),
        answers=outbox.standing(tx),
        given_up=outbox.given_up(tx, now - DAY).count,
        jobs=_jobs(tx),
        webhooks=list(webhook_posts.standing(tx).values()),
        processes=processes.everyone(tx),
        clock_ahead_seconds=ahead.total_seconds(),
    )


def limit_questions(tx: Transaction, seconds: int = PATIENCE_SECONDS) -> None:
    """No statement of this transaction takes longer; on PostgreSQL alone."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(f"SELECT set_config('statement_timeout', '{seconds:d}s', true)")


def waiting(tx: Transaction, now: datetime) -> Sequence[tuple[Head, int]]:
    """What running campaigns have due: by campaign, channel and desk the first, and how many."""
    return [
        (
            head,
            tx.execute(
                select(func.count()).where(
                    _IS_PENDING,
                    deliveries.c.campaign_id == head.campaign_id,
                    deliveries.c.channel == head.channel,
                    deliveries.c.desk == head.desk,
                    deliveries.c.due_at <= now,
                )
            ).scalar_one(),
        )
        for head in claims.heads_due(tx, now, tuple(ChannelName))
    ]


def due_by_channel(found: Sequence[tuple[Head, int]]) -> Mapping[ChannelName, Due]:
    by_channel: dict[ChannelName, Due] = {}
    for head, count in found:
        known = by_channel.get(head.channel, Due(0, head.due_at))
        by_channel[head.channel] = Due(known.count + count, min(known.oldest_at, head.due_at))
    return by_channel


def _in_flight(tx: Transaction) -> Mapping[tuple[ChannelName, Status], int]:
    """From the counters: a million letters may wait for a bounce."""
    t = delivery_tallies.c
    count = func.sum(t.deliveries)
    rows = tx.execute(
        select(t.channel, t.status, cast(count, BigInteger))
        .where(t.status.in_(_IN_FLIGHT))
        .group_by(t.channel, t.status)
        .having(count != 0)
    )
    return {(ChannelName(channel), Status(status)): count for channel, status, count in rows}


def _uncertain(tx: Transaction) -> Mapping[tuple[ChannelName, bool], int]:
    d = deliveries.c
    left_to_staff = d.due_at.is_(None)
    rows = tx.execute(
        select(d.channel, left_to_staff, func.count())
        .where(_IS_UNCERTAIN)
        .group_by(d.channel, left_to_staff)
    )
    return {(ChannelName(channel), bool(is_left)): count for channel, is_left, count in rows}


def _jobs(tx: Transaction) -> Jobs:
    waiting = select(func.count(), func.min(jobs.c.asked_at)).where(_IS_WAITING_JOB)
    return Jobs(*tx.execute(waiting).one())


def _campaigns(tx: Transaction) -> tuple[Mapping[CampaignStatus, int], Sequence[str]]:
    """How many there are of each status, and why those stand that are paused."""
    c = campaigns.c
    rows = tx.execute(select(c.status, func.count()).group_by(c.status))
    by_status = {CampaignStatus(status): count for status, count in rows}
    notes = tx.execute(select(c.note).where(c.status == CampaignStatus.PAUSED)).scalars()
    return by_status, notes.all()
