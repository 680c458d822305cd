"""What providers reported, as it came: the proof behind an outcome."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, select

from campaigns.outcome import Outcome
from dispatcher.ledger import erasure
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import receipts


def keep(
    tx: Transaction,
    *,
    provider: str,
    attempt_id: int | None,
    reference: str | None,
    outcome: Outcome | None,
    effect: str,
    payload: Mapping[str, str],
    now: datetime,
) -> None:
    """Write one down; of an attempt that was erased only its effect and its outcome. What followed
    from it stands in the ledger by then."""
    tx.execute(
        insert(receipts).values(
            provider=provider,
            attempt_id=attempt_id,
            reference=None if reference is None else storable(reference),
            received_at=now,
            outcome=outcome,
            effect=effect,
            payload={storable(name): storable(value) for name, value in payload.items()},
        )
    )
    if attempt_id is not None:
        erasure.erase_late(tx, attempt_id)


# Under this name a payload keeps what a call in progress asked; no provider writes it so.
QUESTION = "dispatcher.question"


def was_asked(tx: Transaction, attempt_id: int, question: str) -> bool:
    """Whether this call has asked this before, and so was answered."""
    earlier = select(receipts.c.id).where(
        receipts.c.attempt_id == attempt_id,
        receipts.c.payload[QUESTION].as_string() == question,
    )
    return tx.execute(earlier.limit(1)).first() is not None


def storable(text: str) -> str:
    """Text as both databases can keep it: a stranger may send NUL and halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
