"""Attempts: one call, SMS or letter that was really handed to a provider, or may have been.

An attempt is written down *before* the provider is called. Open means `ended_at` is null; the
database itself allows one open attempt per delivery.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, or_, select, update

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome, replaces
from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, deliveries, receipts, recipients

# The reason of an attempt whose worker was never heard of again.
WORKER_LOST = "worker lost"


@dataclass(frozen=True, slots=True)
class Attempt:
    id: int
    delivery_id: int
    number: int
    campaign_id: int
    channel: ChannelName
    contact_point: str
    provider: str
    zone: str
    started_at: datetime
    handed_at: datetime | None
    ended_at: datetime | None
    sign: Outcome | None
    outcome: Outcome | None
    positive: bool | None
    reference: str | None
    expected_seconds: float | None
    seconds: float | None
    next_due_at: datetime | None
    reason: str
    sends: int
    desk: str
    operator_at: datetime | None
    pressed: str | None
    answer: str | None
    offers_operator: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """An attempt about to be made."""

    delivery_id: int
    number: int
    campaign_id: int
    channel: ChannelName
    contact_point: str
    provider: str
    zone: str
    expected_seconds: float | None = None
    desk: str = ""  # whose lines a call takes
    offers_operator: bool = False
    reference: str | None = None
    parts: int | None = None  # of an SMS: what its provider charges for


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of an attempt, and when it is tried again, if it is."""

    attempt_id: int
    outcome: Outcome
    positive: bool
    ended_at: datetime
    next_due_at: datetime | None
    reason: str
    reference: str | None
    seconds: float | None


def open_many(tx: Transaction, openings: Sequence[Opening], now: datetime) -> Mapping[int, int]:
    """Write attempts down before they are made: attempt ids by delivery."""
    if not openings:
        return {}
    rows = [
        {
            "delivery_id": o.delivery_id,
            "number": o.number,
            "campaign_id": o.campaign_id,
            "channel": o.channel.value,
            "contact_point": o.contact_point,
            "provider": o.provider,
            "zone": o.zone,
            "expected_seconds": o.expected_seconds,
            "desk": o.desk,
            "offers_operator": o.offers_operator,
            "reference": o.reference,
            "parts": o.parts,
            "started_at": now,
        }
        for o in openings
    ]
    return dict(bulk.insert_told(tx, attempts, rows, ("delivery_id", "id")))


def reopen(tx: Transaction, attempt_ids: Collection[int]) -> None:
    """The same letter goes once more, under the same Message-ID: still the same attempt."""
    tx.execute(
        update(attempts)
        .where(bulk.among(tx, attempts.c.id, attempt_ids), attempts.c.outcome == Outcome.UNCERTAIN)
        .values(ended_at=None, outcome=None, positive=None, sends=attempts.c.sends + 1)
    )


def take_back_send(tx: Transaction, attempt_ids: Collection[int]) -> None:
    """A letter that was to go once more did not: the server was away, and that does not count."""
    if attempt_ids:
        tx.execute(
            update(attempts)
            .where(bulk.among(tx, attempts.c.id, attempt_ids), attempts.c.sends > 1)
            .values(sends=attempts.c.sends - 1)
        )


def discard(tx: Transaction, attempt_ids: Collection[int]) -> None:
    """Nothing was sent, for certain: a postponement is no attempt.

    What was kept of it belongs to no attempt any more: SQLite gives its id to the next one.
    """
    gone = tx.execute(
        delete(attempts)
        .where(
            bulk.among(tx, attempts.c.id, attempt_ids),
            attempts.c.handed_at.is_(None),
            or_(attempts.c.ended_at.is_(None), attempts.c.outcome == Outcome.UNCERTAIN),
        )
        .returning(attempts.c.id)
    ).scalars()
    tx.execute(
        update(receipts)
        .where(bulk.among(tx, receipts.c.attempt_id, gone.all()))
        .values(attempt_id=None)
    )


def mark_handed(tx: Transaction, handed: Mapping[int, tuple[str | None, datetime]]) -> None:
    """The provider took these: (reference, at) by attempt."""
    bulk.update(
        tx,
        attempts,
        [
            {"id": attempt_id, "reference": reference, "handed_at": at}
            for attempt_id, (reference, at) in handed.items()
        ],
        where={"id": "id"},
    )


def mark_sign(tx: Transaction, attempt_id: int, sign: Outcome, reference: str | None) -> None:
    """A sign of what the outcome will be, if the final receipt does not say otherwise.

    Signs only get stronger: receipts come in any order.
    """
    weaker = [known.value for known in Outcome if replaces(sign, known)]
    tx.execute(
        update(attempts)
        .where(
            attempts.c.id == attempt_id,
            or_(attempts.c.sign.is_(None), attempts.c.sign.in_(weaker)),
        )
        .values(sign=sign)
    )
    if reference is not None:
        tx.execute(
            update(attempts)
            .where(attempts.c.id == attempt_id, attempts.c.reference.is_(None))
            .values(reference=reference)
        )


def mark_pressed(
    tx: Transaction,
    attempt_id: int,
    key: str,
    *,
    answer: str | None = None,
    operator_at: datetime | None = None,
) -> None:
    """The customer pressed a key; what was answered, or since when an operator is wanted."""
    values: dict[str, Any] = {"pressed": key}
    if answer is not None:
        values["answer"] = answer
    if operator_at is not None:
        values["operator_at"] = operator_at
    tx.execute(update(attempts).where(attempts.c.id == attempt_id).values(values))


def end(tx: Transaction, endings: Sequence[Ending]) -> None:
    bulk.update(
        tx,
        attempts,
        [
            {
                "id": e.attempt_id,
                "outcome": e.outcome.value,
                "positive": e.positive,
                "ended_at": e.ended_at,
                "next_due_at": e.next_due_at,
                "reason": e.reason,
                "reference": e.reference,
                "seconds": e.seconds,
            }
            for e in endings
        ],
        where={"id": "id"},
    )


def forget_next(tx: Transaction, delivery_ids: Collection[int]) -> None:
    """What was to be tried again is not: the customer was reached by an earlier attempt."""
    if delivery_ids:
        tx.execute(
            update(attempts)
            .where(
                bulk.among(tx, attempts.c.delivery_id, delivery_ids),
                attempts.c.next_due_at.is_not(None),
            )
            .where(
                attempts.c.number
                == select(deliveries.c.attempts)
                .where(deliveries.c.id == attempts.c.delivery_id)
                .scalar_subquery()
            )
            .values(next_due_at=None)
        )


def load(tx: Transaction, ids: Collection[int]) -> Mapping[int, Attempt]:
    rows = tx.execute(
        select(attempts).where(bulk.among(tx, attempts.c.id, ids)).order_by(attempts.c.id)
    )
    return {row.id: read_attempt(row) for row in rows}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt belongs; this never changes, so it may be read without a lock."""

    delivery_id: int
    campaign_id: int


def places(tx: Transaction, ids: Collection[int]) -> Sequence[Place]:
    rows = tx.execute(
        select(attempts.c.delivery_id, attempts.c.campaign_id).where(
            bulk.among(tx, attempts.c.id, ids)
        )
    )
    return [Place(*row) for row in rows]


def by_number(tx: Transaction, delivery_id: int, number: int) -> Attempt | None:
    row = tx.execute(
        select(attempts).where(attempts.c.delivery_id == delivery_id, attempts.c.number == number)
    ).first()
    return read_attempt(row) if row else None


def by_reference(
    tx: Transaction, channel: ChannelName, provider: str, reference: str
) -> Attempt | None:
    row = tx.execute(
        select(attempts)
        .where(
            attempts.c.reference == reference,
            attempts.c.channel == channel,
            attempts.c.provider == provider,
        )
        .order_by(attempts.c.id.desc())
    ).first()
    return read_attempt(row) if row else None


def latest(tx: Transaction, delivery_ids: Collection[int]) -> Mapping[int, Attempt]:
    """The last attempt of each delivery that has one."""
    if not delivery_ids:
        return {}
    rows = tx.execute(
        select(attempts)
        .join(deliveries, deliveries.c.id == attempts.c.delivery_id)
        .where(
            bulk.among(tx, attempts.c.delivery_id, delivery_ids),
            attempts.c.number == deliveries.c.attempts,
        )
        .order_by(attempts.c.id)
    )
    return {row.delivery_id: read_attempt(row) for row in rows}


def reached_otherwise(tx: Transaction, attempt: Attempt) -> bool:
    """Whether another attempt of the same delivery reached the customer."""
    others = select(attempts.c.id).where(
        attempts.c.delivery_id == attempt.delivery_id,
        attempts.c.id != attempt.id,
        attempts.c.positive.is_(True),
    )
    return tx.execute(others.limit(1)).first() is not None


def of_campaign(tx: Transaction, campaign_id: int) -> Iterator[tuple[str, Attempt]]:
    """Every attempt of a campaign with its account number, in the order of their beginning."""
    rows = tx.execute(
        select(attempts, recipients.c.account_number)
        .join(deliveries, deliveries.c.id == attempts.c.delivery_id)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(attempts.c.campaign_id == campaign_id)
        .order_by(attempts.c.started_at, attempts.c.delivery_id, attempts.c.number)
        .execution_options(yield_per=2000)
    )
    for row in rows:
        yield row.account_number, read_attempt(row)


def read_attempt(row: Row[tuple[object, ...]]) -> Attempt:
    return Attempt(
        id=row.id,
        delivery_id=row.delivery_id,
        number=row.number,
        campaign_id=row.campaign_id,
        channel=ChannelName(row.channel),
        contact_point=row.contact_point,
        provider=row.provider,
        zone=row.zone,
        started_at=row.started_at,
        handed_at=row.handed_at,
        ended_at=row.ended_at,
        sign=Outcome(row.sign) if row.sign else None,
        outcome=Outcome(row.outcome) if row.outcome else None,
        positive=row.positive,
        reference=row.reference,
        expected_seconds=row.expected_seconds,
        seconds=row.seconds,
        next_due_at=row.next_due_at,
        reason=row.reason,
        sends=row.sends,
        desk=row.desk,
        operator_at=row.operator_at,
        pressed=row.pressed,
        answer=row.answer,
        offers_operator=row.offers_operator,
    )
