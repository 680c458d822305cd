"""What a report counts: aggregates made by the database, and the lists it can only stream."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, or_, select

from campaigns.audience.findings import finding_words
from campaigns.channel import ChannelName
from campaigns.delivery import OPEN, Status
from campaigns.outcome import Outcome
from dispatcher.ledger import groups
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import (
    Instant,
    archived_attempts,
    attempts,
    deliveries,
    recipients,
    row_errors,
)

CHUNK = 2000
# Every zone in use is a multiple of a quarter of an hour from UTC, so that such a stretch of UTC
# lies within one local hour, wherever the recipient lives.
_QUARTER_SECONDS = 900


@dataclass(frozen=True, slots=True)
class StatusCount:
    channel: ChannelName
    status: Status
    reason: str
    deliveries: int
    attempted: int  # of them, with at least one attempt
    attempts: int  # as the deliveries themselves count


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """Attempts that came out alike. `outcome` is None while they are open."""

    channel: ChannelName
    number: int
    outcome: Outcome | None
    positive: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class Quarter:
    """Attempts begun in one zone within a quarter of an hour of one day."""

    channel: ChannelName
    zone: str
    first_at: datetime
    last_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Customers by the best that came of any channel; one told in another's message shares it."""

    reached: int
    at_work: int
    unreached: int
    left_out: int  # skipped on every channel


@dataclass(frozen=True, slots=True)
class Joined:
    """Accounts without a message of their own (`spoken_of`), and the messages they share."""

    channel: ChannelName
    reason: str
    spoken_of: int
    leads: int


@dataclass(frozen=True, slots=True)
class RowErrorCount:
    """Findings of one code; `message` and `advice` are those of one of them, as an example."""

    code: str
    fatal: bool
    message: str
    advice: str
    rows: int

    def reworded(self) -> "RowErrorCount":
        """In the language of whoever reads it now."""
        return replace(self, message=finding_words(self.message), advice=finding_words(self.advice))


@dataclass(frozen=True, slots=True)
class Skip:
    account_number: str
    channel: ChannelName
    reason: str
    joined_to: str | None


@dataclass(frozen=True, slots=True)
class Unreached:
    """A delivery that ended, or waits, without a positive outcome."""

    account_number: str
    channel: ChannelName
    contact_point: str
    status: Status
    reason: str
    attempts: int
    outcome: Outcome | None
    last_started_at: datetime | None
    zone: str


def by_status(tx: Transaction, campaign_id: int) -> Sequence[StatusCount]:
    d = deliveries.c
    rows = tx.execute(
        select(
            d.channel,
            d.status,
            d.reason,
            func.count(),
            func.sum(case((d.attempts > 0, 1), else_=0)),
            func.sum(d.attempts),
        )
        .where(d.campaign_id == campaign_id)
        .group_by(d.channel, d.status, d.reason)
        .order_by(d.channel, d.status, d.reason)
    )
    return [StatusCount(ChannelName(row[0]), Status(row[1]), *row[2:]) for row in rows]


def by_outcome(tx: Transaction, campaign_id: int) -> Sequence[OutcomeCount]:
    a = attempts.c
    positive = func.coalesce(a.positive, False)
    rows = tx.execute(
        select(a.channel, a.number, a.outcome, positive, func.count())
        .where(a.campaign_id == campaign_id)
        .group_by(a.channel, a.number, a.outcome, positive)
        .order_by(a.channel, a.number, a.outcome)
    )
    return [
        OutcomeCount(
            ChannelName(channel),
            number,
            Outcome(outcome) if outcome else None,
            bool(is_positive),
            count,
        )
        for channel, number, outcome, is_positive, count in rows
    ]


def by_quarter(tx: Transaction, campaign_id: int) -> Iterator[Quarter]:
    """When attempts began: enough to tell every local hour, without reading every attempt."""
    a = attempts.c
    rows = tx.execute(
        select(a.channel, a.zone, func.min(a.started_at), func.max(a.started_at), func.count())
        .where(a.campaign_id == campaign_id)
        .group_by(a.channel, a.zone, quarter_of(tx, a.started_at))
        .execution_options(yield_per=CHUNK)
    )
    for channel, *rest in rows:
        yield Quarter(ChannelName(channel), *rest)


def quarter_of(tx: Transaction, started_at: ColumnElement[datetime]) -> ColumnElement[int]:
    """In which quarter of an hour of UTC something began, counted from 1970."""
    if tx.dialect.name == "sqlite":
        return cast(func.strftime("%s", started_at), Integer).op("/")(_QUARTER_SECONDS)
    return func.floor(func.extract("epoch", started_at) / _QUARTER_SECONDS)


def reach(tx: Transaction, campaign_id: int) -> Reach:
    """Each customer once, however many channels the campaign has."""
    d, lead = deliveries.c, deliveries.alias("lead")
    is_joined = and_(d.status == Status.SKIPPED, d.reason.in_(groups.JOINED))
    status = case((and_(is_joined, lead.c.id.is_not(None)), lead.c.status), else_=d.status)
    people = (
        select(
            func.max(case((status == Status.POSITIVE, 1), else_=0)).label("reached"),
            func.max(case((status.in_(sorted(OPEN)), 1), else_=0)).label("open"),
            func.max(case((status != Status.SKIPPED, 1), else_=0)).label("planned"),
        )
        .select_from(deliveries)
        .outerjoin(
            lead,
            and_(
                lead.c.campaign_id == d.campaign_id,
                lead.c.recipient_id == d.lead_id,
                lead.c.channel == d.channel,
            ),
        )
        .where(d.campaign_id == campaign_id)
        .group_by(d.recipient_id)
        .subquery()
    ).c
    best = case((people.reached == 1, 3), (people.open == 1, 2), else_=people.planned)
    counts: dict[int, int] = {}
    for kind, count in tx.execute(select(best.label("best"), func.count()).group_by("best")):
        counts[kind] = count
    return Reach(counts.get(3, 0), counts.get(2, 0), counts.get(1, 0), counts.get(0, 0))


def joined(tx: Transaction, campaign_id: int) -> Sequence[Joined]:
    d = deliveries.c
    rows = tx.execute(
        select(d.channel, d.reason, func.count(), func.count(d.lead_id.distinct()))
        .where(
            d.campaign_id == campaign_id, d.status == Status.SKIPPED, d.reason.in_(groups.JOINED)
        )
        .group_by(d.channel, d.reason)
        .order_by(d.channel, d.reason)
    )
    return [Joined(ChannelName(row[0]), *row[1:]) for row in rows]


def by_zone(tx: Transaction, audience_id: int) -> Sequence[tuple[str | None, str, int]]:
    """Recipients by (their own zone or None, how it was found)."""
    r = recipients.c
    rows = tx.execute(
        select(r.zone, r.zone_source, func.count())
        .where(r.audience_id == audience_id)
        .group_by(r.zone, r.zone_source)
        .order_by(r.zone, r.zone_source)
    )
    return [(zone, source, count) for zone, source, count in rows]


def recipients_of(tx: Transaction, audience_id: int) -> int:
    """How many there are now, counted; the audience's own figure is what its import claimed."""
    return tx.execute(
        select(func.count()).where(recipients.c.audience_id == audience_id)
    ).scalar_one()


def by_row_error(tx: Transaction, audience_id: int) -> Sequence[RowErrorCount]:
    """What was wrong with the audience's file, the commonest first."""
    e = row_errors.c
    rows = tx.execute(
        select(e.code, e.fatal, func.min(e.message), func.min(e.advice), func.count().label("rows"))
        .where(e.audience_id == audience_id)
        .group_by(e.code, e.fatal)
        .order_by(e.fatal.desc(), func.count().desc(), e.code)
    )
    return [RowErrorCount(*row).reworded() for row in rows]


def skips(tx: Transaction, campaign_id: int) -> Iterator[Skip]:
    """Every skip of a campaign, in the order of the file."""
    d, lead = deliveries.c, recipients.alias("lead")
    rows = tx.execute(
        select(recipients.c.account_number, d.channel, d.reason, lead.c.account_number)
        .select_from(deliveries)
        .join(recipients, recipients.c.id == d.recipient_id)
        .outerjoin(lead, lead.c.id == d.lead_id)
        .where(d.campaign_id == campaign_id, d.status == Status.SKIPPED)
        .order_by(d.recipient_id, d.channel)
        .execution_options(yield_per=CHUNK)
    )
    for account, channel, reason, joined_to in rows:
        yield Skip(account, ChannelName(channel), reason, joined_to)


def unreached(
    tx: Transaction, campaign_id: int, statuses: Sequence[Status], limit: int | None = None
) -> Iterator[Unreached]:
    """Deliveries in these statuses with the last that was tried, in the order of the file."""
    d, a, old = deliveries.c, attempts.c, archived_attempts.c
    query: Select[tuple[object, ...]] = (
        select(
            recipients.c.account_number,
            d.channel,
            func.coalesce(a.contact_point, old.contact_point, "").label("contact_point"),
            d.points,
            d.status,
            d.reason,
            d.attempts,
            func.coalesce(a.outcome, old.outcome).label("outcome"),
            func.coalesce(a.started_at, old.started_at, type_=Instant()).label("started_at"),
            d.zone,
        )
        .select_from(deliveries)
        .join(recipients, recipients.c.id == d.recipient_id)
        .outerjoin(attempts, and_(a.delivery_id == d.id, a.number == d.attempts))
        .outerjoin(archived_attempts, and_(old.delivery_id == d.id, old.number == d.attempts))
        .where(d.campaign_id == campaign_id, or_(*(d.status == one for one in statuses)))
        .order_by(d.recipient_id, d.channel)
        .limit(limit)
        .execution_options(yield_per=CHUNK)
    )
    for row in tx.execute(query):
        yield Unreached(
            account_number=row.account_number,
            channel=ChannelName(row.channel),
            contact_point=row.contact_point or next(iter(row.points), ""),
            status=Status(row.status),
            reason=row.reason,
            attempts=row.attempts,
            outcome=Outcome(row.outcome) if row.outcome else None,
            last_started_at=row.started_at,
            zone=row.zone,
        )
