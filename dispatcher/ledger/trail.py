"""The audit trail: who did what, when. Nothing in it is ever changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, cast, func, insert, select

from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import trail


@dataclass(frozen=True, slots=True)
class Act:
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]


def note(
    tx: Transaction, at: datetime, actor: str, action: str, subject: str, **details: Any
) -> None:
    """Write down one act, in the transaction of the act itself. No personal data in `details`."""
    tx.execute(
        insert(trail).values(at=at, actor=actor, action=action, subject=subject, details=details)
    )


def note_many(
    tx: Transaction,
    at: datetime,
    actor: str,
    action: str,
    subjects: Iterable[str],
    **details: Any,
) -> None:
    """The same act upon many subjects."""
    act = {"at": at, "actor": actor, "action": action, "details": details}
    bulk.insert(tx, trail, [{**act, "subject": subject} for subject in subjects])


def last_number(tx: Transaction, kind: str) -> int | None:
    """The highest number among the subjects of a kind (`campaign:7`); a walk along the index."""
    number = cast(func.substr(trail.c.subject, len(kind) + 2), Integer)
    of_kind = trail.c.subject.between(f"{kind}:0", f"{kind}:9~")
    return tx.execute(select(func.max(number)).where(of_kind)).scalar()


def of(tx: Transaction, subject: str) -> Sequence[Act]:
    """What was done with a subject (`campaign:7`), oldest first."""
    columns = (trail.c.at, trail.c.actor, trail.c.action, trail.c.subject, trail.c.details)
    rows = tx.execute(select(*columns).where(trail.c.subject == subject).order_by(trail.c.id))
    return [Act(*row) for row in rows]
