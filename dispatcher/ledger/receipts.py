"""What providers reported, as it came: the proof behind an outcome."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert

from campaigns.outcome import Outcome
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
    tx.execute(
        insert(receipts).values(
            provider=provider,
            attempt_id=attempt_id,
            reference=reference,
            received_at=now,
            outcome=outcome,
            effect=effect,
            payload=dict(payload),
        )
    )
