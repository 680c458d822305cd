"""Counters of campaigns: how a million deliveries stand, read in a millisecond.

The database keeps them itself, by triggers, in the transaction of whatever changes a delivery or an
attempt: no way of changing one can forget them, and they are never ahead of the rows or behind.

On PostgreSQL nobody who writes waits for anybody else at a counter: each statement appends what it
changed, as rows of a `part` of their own, and a reader adds everything up. The loop folds those
rows into the counters, `part` 0. On SQLite, which has one writer, they are added at once.
"""

# ruff: noqa: S608

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Table,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.ledger.connection import Ledger, Transaction
from dispatcher.ledger.reports import OutcomeCount, StatusCount
from dispatcher.ledger.tables import (
    archived_attempts,
    attempt_tallies,
    attempts,
    deliveries,
    delivery_tallies,
)

# How many changes one turn adds up at most.
FOLD = 5000
# Any number: it names our lock among the advisory locks of a PostgreSQL database.
FOLD_LOCK = 72_115_109
# Of these statuses the reasons are counted; they are few, and do not change any more.
REASONED = (Status.SKIPPED, Status.GIVEN_UP, Status.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Drift:
    """One kind of row of which the counters tell another number than the rows themselves."""

    channel: str
    kind: str  # a status with its reason, or an outcome with its provider
    surplus: int  # by how many the counter tells more than there are; below zero: fewer


def by_status(tx: Transaction, campaign_id: int) -> Sequence[StatusCount]:
    """What `reports.by_status` counts; reasons only of what was left out or given up, and only the
    kind of it: the part before a colon."""
    t = delivery_tallies.c
    rows = tx.execute(
        select(
            t.channel,
            t.status,
            t.reason,
            _sum(t.deliveries),
            _sum(case((t.attempted, t.deliveries), else_=0)),
            _sum(t.attempts),
        )
        .where(t.campaign_id == campaign_id)
        .group_by(t.channel, t.status, t.reason)
        .having(func.sum(t.deliveries) != 0)
        .order_by(t.channel, t.status, t.reason)
    )
    return [StatusCount(ChannelName(row[0]), Status(row[1]), *row[2:]) for row in rows]


def by_outcome(tx: Transaction, campaign_id: int) -> Sequence[OutcomeCount]:
    """What `reports.by_outcome` counts."""
    t = attempt_tallies.c
    rows = tx.execute(
        select(t.channel, t.number, t.outcome, t.positive, _sum(t.attempts))
        .where(t.campaign_id == campaign_id)
        .group_by(t.channel, t.number, t.outcome, t.positive)
        .having(func.sum(t.attempts) != 0)
        .order_by(t.channel, t.number, t.outcome)
    )
    return [
        OutcomeCount(
            ChannelName(channel), number, Outcome(outcome) if outcome else None, positive, count
        )
        for channel, number, outcome, positive, count in rows
    ]


def by_provider(tx: Transaction, campaign_id: int) -> Sequence[tuple[ChannelName, str, int, int]]:
    """(channel, provider, attempts, positive ones), as `calls.by_provider` counts them."""
    t = attempt_tallies.c
    rows = tx.execute(
        select(
            t.channel,
            t.provider,
            _sum(t.attempts),
            _sum(case((t.positive, t.attempts), else_=0)),
        )
        .where(t.campaign_id == campaign_id)
        .group_by(t.channel, t.provider)
        .having(func.sum(t.attempts) != 0)
        .order_by(t.channel, t.provider)
    )
    return [(ChannelName(channel), *rest) for channel, *rest in rows]


def fold_changes(ledger: Ledger) -> int:
    """One turn of adding changes to their counters; of the loop."""
    return 0 if ledger.is_sqlite else ledger.insist(fold)


def fold(tx: Transaction) -> int:
    """Add changes to their counters, a bounded number of them; how many counters that touched.

    Of several loops at once one does it, the others go on: they would wait for each other at the
    counters. Readers see a change either by itself or in its counter, never twice.
    """
    if tx.dialect.name == "sqlite":
        return 0
    if not tx.execute(select(func.pg_try_advisory_xact_lock(FOLD_LOCK))).scalar_one():
        return 0
    return sum(_fold(tx, name, kinds, counts) for name, kinds, counts in _FOLDED)


_FOLDED = (
    (
        "delivery_tallies",
        "campaign_id, channel, status, reason, attempted",
        ("deliveries", "attempts"),
    ),
    (
        "attempt_tallies",
        "campaign_id, channel, provider, number, outcome, positive",
        ("attempts",),
    ),
)


def _fold(tx: Transaction, name: str, kinds: str, counts: Sequence[str]) -> int:
    sums = ", ".join(f"sum({count})" for count in counts)
    added = ", ".join(f"{count} = {name}.{count} + excluded.{count}" for count in counts)
    touched = tx.exec_driver_sql(
        f"""
        WITH gone AS (
            DELETE FROM {name} WHERE part IN (
                SELECT part FROM {name} WHERE part > 0 ORDER BY part LIMIT {FOLD:d}
            ) RETURNING *
        )
        INSERT INTO {name} ({kinds}, part, {", ".join(counts)})
        SELECT {kinds}, 0, {sums} FROM gone GROUP BY {kinds}
        ON CONFLICT ({kinds}, part) DO UPDATE SET {added}
        RETURNING campaign_id
        """
    ).scalars()
    ids = touched.all()
    if ids:  # of a plan that was taken back nothing stays
        tx.exec_driver_sql(
            f"DELETE FROM {name} WHERE campaign_id = ANY(%s) AND part = 0 "
            f"AND NOT EXISTS (SELECT 1 FROM campaigns WHERE campaigns.id = {name}.campaign_id)",
            (list(set(ids)),),
        )
    return len(ids)


def drift(tx: Transaction, campaign_id: int) -> Iterator[Drift]:
    """Where counters and rows differ: both are read by one statement, which sees one state."""
    t, d = delivery_tallies.c, deliveries.c
    kept = select(t.channel, t.status, t.reason, t.attempted, t.deliveries, t.attempts)
    counted = select(
        d.channel,
        d.status,
        _kind(tx).label("kind"),
        cast(d.attempts > 0, Boolean).label("attempted"),
        -func.count(),
        -func.sum(d.attempts),
    ).group_by(d.channel, d.status, "kind", "attempted")
    rows = _differences(
        tx,
        kept.where(t.campaign_id == campaign_id),
        counted.where(d.campaign_id == campaign_id),
    )
    for channel, status, reason, _attempted, off, attempts_off in rows:
        yield Drift(channel, f"{status} {reason}".strip(), off or attempts_off)
    s = attempt_tallies.c
    kept = select(s.channel, s.provider, s.outcome, s.number, s.positive, s.attempts, literal(0))
    rows = _differences(
        tx,
        kept.where(s.campaign_id == campaign_id),
        *(_counted(table, campaign_id) for table in (attempts, archived_attempts)),
    )
    for channel, provider, told, _number, _positive, off, _nothing in rows:
        yield Drift(channel, f"{provider} {told}".strip(), off)


def _counted(table: Table, campaign_id: int) -> Select[Any]:
    """Attempts at work, or in the archive: one that moves is counted all the same."""
    a = table.c
    outcome = func.coalesce(a.outcome, "").label("came_of")
    positive = func.coalesce(a.positive, false()).label("is_positive")
    return (
        select(a.channel, a.provider, outcome, a.number, positive, -func.count(), literal(0))
        .where(a.campaign_id == campaign_id)
        .group_by(a.channel, a.provider, "came_of", a.number, "is_positive")
    )


def _differences(tx: Transaction, *counts: Select[Any]) -> Sequence[Any]:
    """Kinds whose two last columns, sums of what is kept and of what is counted, are not zero."""
    every = union_all(*counts).subquery()
    *kinds, first, second = every.c
    return tx.execute(
        select(*kinds, _sum(first), _sum(second))
        .group_by(*kinds)
        .having(or_(func.sum(first) != 0, func.sum(second) != 0))
        .order_by(*kinds)
    ).all()


def _kind(tx: Transaction) -> ColumnElement[str]:
    """The reason of a delivery as the triggers count it."""
    reason = deliveries.c.reason
    if tx.dialect.name == "sqlite":
        kind = func.substr(reason, 1, func.instr(reason + ":", ":") - 1)
    else:
        kind = func.split_part(reason, ":", 1)
    return case((deliveries.c.status.in_(REASONED), kind), else_="")


def _sum(count: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(count), BigInteger)
