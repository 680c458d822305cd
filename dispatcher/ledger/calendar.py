"""Holidays as staff corrected them: the yearly decree on moved days comes in autumn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, insert, select

from dispatcher.ledger import trail
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import calendar_days


def corrections(tx: Transaction) -> Mapping[date, bool]:
    """The days on which staff overrule the production calendar: True for a public holiday."""
    rows = tx.execute(
        select(calendar_days.c.day, calendar_days.c.is_holiday).order_by(calendar_days.c.day)
    )
    return {row.day: row.is_holiday for row in rows}


@dataclass(frozen=True, slots=True)
class Correction:
    """What staff say of a day, why, and who said so."""

    day: date
    is_holiday: bool
    note: str
    changed_at: datetime
    changed_by: str


def corrected(tx: Transaction, first: date, last: date) -> Sequence[Correction]:
    """The corrections of these days, the last one included."""
    c = calendar_days.c
    rows = tx.execute(
        select(c.day, c.is_holiday, c.note, c.changed_at, c.changed_by)
        .where(c.day.between(first, last))
        .order_by(c.day)
    )
    return [Correction(*row) for row in rows]


def correct(
    tx: Transaction, day: date, is_holiday: bool | None, note: str, actor: str, now: datetime
) -> None:
    """Say that a day is a public holiday (or is none); None returns to the production calendar."""
    tx.execute(delete(calendar_days).where(calendar_days.c.day == day))
    if is_holiday is not None:
        tx.execute(
            insert(calendar_days).values(
                day=day, is_holiday=is_holiday, note=note, changed_at=now, changed_by=actor
            )
        )
    trail.note(tx, now, actor, "calendar.correct", f"day:{day}", is_holiday=is_holiday, note=note)
