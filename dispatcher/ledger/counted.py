"""Figures that take long to count, kept as they were counted last, by a job, for every screen.

They hold no personal data, and nobody misses them: what is old is forgotten and counted anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.staff_tables import counted

KEPT = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Counted:
    """`job_id`: the job that counts, or has counted; `figures` are None before the first."""

    job_id: int
    made_at: datetime | None
    figures: Mapping[str, Any] | None


def find(tx: Transaction, subject: str) -> Counted | None:
    c = counted.c
    row = tx.execute(select(c.job_id, c.made_at, c.figures).where(c.subject == subject)).first()
    return Counted(*row) if row else None


def note_asked(tx: Transaction, subject: str, job_id: int, now: datetime) -> None:
    """A job will count it. What was counted before is shown until then."""
    tx.execute(delete(counted).where(counted.c.asked_at < now - KEPT))
    row = {"subject": subject, "asked_at": now, "job_id": job_id}
    made = sqlite if tx.dialect.name == "sqlite" else postgresql
    noted = made.insert(counted).values(row)
    tx.execute(noted.on_conflict_do_update(index_elements=[counted.c.subject], set_=row))


def keep(
    tx: Transaction, subject: str, job_id: int, figures: Mapping[str, Any], now: datetime
) -> bool:
    """Write down what was counted; False when another job was asked for it since."""
    mine = (counted.c.subject == subject, counted.c.job_id == job_id)
    changed = tx.execute(update(counted).where(*mine).values(made_at=now, figures=figures))
    return bool(changed.rowcount)
