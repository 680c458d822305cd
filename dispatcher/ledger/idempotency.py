"""What was answered to a request that may come again: written in the transaction of the act itself,
so that the act is done and remembered, or neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.staff_tables import idempotency

# Any number: it names our locks among the advisory locks of a PostgreSQL database.
IDEMPOTENCY_LOCK = 72_115_142


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer as it was given, and the digest of what was asked."""

    request_digest: str
    status: int
    answer: Mapping[str, Any]


def hold(tx: Transaction, api_key_id: int, key: str) -> bool:
    """Keep others from doing the same until this transaction ends; False where somebody else does
    it just now. SQLite has one writer at a time: whoever comes second waits, and finds it done."""
    if tx.dialect.name != "postgresql":
        return True
    lock = func.pg_try_advisory_xact_lock(IDEMPOTENCY_LOCK, func.hashtext(f"{api_key_id} {key}"))
    return bool(tx.execute(select(lock)).scalar())


def recall(tx: Transaction, api_key_id: int, key: str) -> Remembered | None:
    i = idempotency.c
    row = tx.execute(
        select(i.request_digest, i.status, i.answer).where(i.api_key_id == api_key_id, i.key == key)
    ).first()
    return Remembered(*row) if row else None


def remember(
    tx: Transaction, api_key_id: int, key: str, answered: Remembered, now: datetime
) -> None:
    tx.execute(
        insert(idempotency).values(
            api_key_id=api_key_id,
            key=key,
            request_digest=answered.request_digest,
            at=now,
            status=answered.status,
            answer=dict(answered.answer),
        )
    )


def forget_old(tx: Transaction, before: datetime) -> int:
    return tx.execute(delete(idempotency).where(idempotency.c.at < before)).rowcount
