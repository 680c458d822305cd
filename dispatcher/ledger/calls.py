"""What customers said in the calls of a campaign, counted by the database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from campaigns.channel import ChannelName, Purpose
from campaigns.outcome import ABANDONED, Outcome
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.suppressions import BY_KEY, OF_ATTEMPT, STOPPED
from dispatcher.ledger.tables import attempts, deliveries, recipients, suppressions, trail

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Requests:
    """Customers who asked for an operator: who talked to one, who heard that nobody was free, and
    who hung up while it rang; the rest is still going on."""

    asked: int
    connected: int
    nobody_free: int
    abandoned: int


@dataclass(frozen=True, slots=True)
class StopTold:
    """A customer pressed the key that stops calls, and what stood on the stop-list from then on:
    `in_force` lines that forbid such a call, `by_key` of them for this very reason."""

    account_number: str
    contact_point: str
    number: int
    at: datetime
    in_force: int
    by_key: int


def by_key(tx: Transaction, campaign_id: int) -> Sequence[tuple[str, int]]:
    """How many calls came to each key."""
    a = attempts.c
    rows = tx.execute(
        select(a.pressed, func.count())
        .where(a.campaign_id == campaign_id, a.pressed.is_not(None))
        .group_by(a.pressed)
        .order_by(a.pressed)
    )
    return [(key, count) for key, count in rows]


def by_answer(tx: Transaction, campaign_id: int) -> Sequence[tuple[str, int]]:
    """How many customers answered a survey with what, the commonest first."""
    a = attempts.c
    rows = tx.execute(
        select(a.answer, func.count())
        .where(a.campaign_id == campaign_id, a.answer.is_not(None))
        .group_by(a.answer)
        .order_by(func.count().desc(), a.answer)
    )
    return [(answer, count) for answer, count in rows]


def requests(tx: Transaction, campaign_id: int) -> Requests:
    a = attempts.c
    in_vain = a.outcome == Outcome.NOBODY_FREE
    rang_off = and_(in_vain, a.reason == ABANDONED)
    row = tx.execute(
        select(
            func.count(),
            func.count(case((a.outcome == Outcome.CONNECTED, 1))),
            func.count(case((in_vain, 1))),
            func.count(case((rang_off, 1))),
        ).where(a.campaign_id == campaign_id, a.operator_at.is_not(None))
    ).one()
    asked, connected, vain, abandoned = row
    return Requests(asked, connected, vain - abandoned, abandoned)


def stops(tx: Transaction, campaign_id: int) -> int:
    """How many customers stopped the calls by key."""
    return tx.execute(
        select(func.count())
        .select_from(attempts)
        .join(trail, _told_by(attempts.c.id))
        .where(attempts.c.campaign_id == campaign_id)
    ).scalar_one()


def by_provider(tx: Transaction, campaign_id: int) -> Sequence[tuple[ChannelName, str, int, int]]:
    """(channel, provider, attempts, positive ones)."""
    a = attempts.c
    rows = tx.execute(
        select(a.channel, a.provider, func.count(), func.count(case((a.positive.is_(True), 1))))
        .where(a.campaign_id == campaign_id)
        .group_by(a.channel, a.provider)
        .order_by(a.channel, a.provider)
    )
    return [(ChannelName(channel), *rest) for channel, *rest in rows]


def stops_told(tx: Transaction, campaign_id: int, purpose: Purpose) -> Iterator[StopTold]:
    """Every stop by key, beside the lines of the stop-list at that instant."""
    a = attempts.c
    rows = tx.execute(
        select(
            recipients.c.account_number,
            a.contact_point,
            a.number,
            trail.c.at,
            _lines(purpose),
            _lines(purpose, suppressions.c.reason == BY_KEY),
        )
        .select_from(attempts)
        .join(trail, _told_by(a.id))
        .join(deliveries, deliveries.c.id == a.delivery_id)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(a.campaign_id == campaign_id)
        .order_by(a.id)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield StopTold(*row)


def _lines(purpose: Purpose, *which: ColumnElement[bool]) -> ScalarSelect[int]:
    """Lines in force against calls of this purpose to the number when the stop was told."""
    s, at = suppressions.c, trail.c.at
    return (
        select(func.count())
        .where(
            s.party == func.lower(attempts.c.contact_point),
            or_(s.channel.is_(None), s.channel == ChannelName.PHONE),
            or_(s.purpose.is_(None), s.purpose == purpose),
            s.since_at <= at,
            or_(s.until_at.is_(None), s.until_at > at),
            or_(s.removed_at.is_(None), s.removed_at > at),
            *which,
        )
        .correlate(attempts, trail)
        .scalar_subquery()
    )


def _told_by(attempt_id: ColumnElement[int]) -> ColumnElement[bool]:
    subject = literal(OF_ATTEMPT) + cast(attempt_id, String)
    return and_(trail.c.subject == subject, trail.c.action == STOPPED)
