"""Providers that are not used just now. One row each, shared by all processes; no row means: well.

Nothing here decides; `channels.health` does, `dispatcher.health` connects. A row is changed by
whoever knows its `retry_at`: an answer that was overtaken by another one changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from campaigns.channel import ChannelName
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import circuits

Key = tuple[ChannelName, str]  # channel and provider


@dataclass(frozen=True, slots=True)
class Circuit:
    """A provider that is left alone until `retry_at`; then one message tries it."""

    channel: ChannelName
    provider: str
    opened_at: datetime  # since when, over all openings in a row
    retry_at: datetime
    openings: int
    reason: str

    @property
    def key(self) -> Key:
        return self.channel, self.provider

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return subject_of(self.key)


def subject_of(key: Key) -> str:
    return f"provider:{key[0].value}.{key[1]}"


def standing(tx: Transaction) -> Mapping[Key, Circuit]:
    """Every circuit that is open or being tried."""
    rows = tx.execute(select(circuits).order_by(circuits.c.channel, circuits.c.provider))
    found = (
        Circuit(
            ChannelName(row.channel),
            row.provider,
            row.opened_at,
            row.retry_at,
            row.openings,
            row.reason,
        )
        for row in rows
    )
    return {one.key: one for one in found}


def open_(tx: Transaction, key: Key, reason: str, now: datetime, retry_at: datetime) -> bool:
    """Leave a provider alone; False when it is left alone already."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(circuits)
        .values(
            channel=key[0].value,
            provider=key[1],
            opened_at=now,
            retry_at=retry_at,
            openings=1,
            reason=reason,
        )
        .on_conflict_do_nothing()
        # An insertion's count of rows is not told on every database.
        .returning(circuits.c.provider)
    )
    return tx.execute(statement).first() is not None


def take_probe(tx: Transaction, circuit: Circuit, until: datetime) -> bool:
    """Be the one whose message tries a provider whose pause is over.

    Its answer is waited for until `until`, which is the name of the trial from now on. False when
    somebody else was quicker, or the circuit is closed.
    """
    return bool(
        tx.execute(
            update(circuits)
            .where(
                circuits.c.channel == circuit.channel,
                circuits.c.provider == circuit.provider,
                circuits.c.retry_at == circuit.retry_at,
            )
            .values(retry_at=until)
        ).rowcount
    )


def reopen(tx: Transaction, circuit: Circuit, reason: str, retry_at: datetime) -> bool:
    """The trial failed: leave the provider alone once more. False when the trial was overtaken."""
    return bool(
        tx.execute(
            update(circuits)
            .where(
                circuits.c.channel == circuit.channel,
                circuits.c.provider == circuit.provider,
                circuits.c.retry_at == circuit.retry_at,
            )
            .values(retry_at=retry_at, openings=circuits.c.openings + 1, reason=reason)
        ).rowcount
    )


def close(tx: Transaction, key: Key, retry_at: datetime | None = None) -> bool:
    """Use the provider again; with `retry_at` only if that trial has not been overtaken. False
    when nothing was closed."""
    query = delete(circuits).where(circuits.c.channel == key[0], circuits.c.provider == key[1])
    if retry_at is not None:
        query = query.where(circuits.c.retry_at == retry_at)
    return bool(tx.execute(query).rowcount)
