"""The sound files of stored scenarios: each content once, whatever plays it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import sounds
from templates.sounds import Sound


def store(tx: Transaction, played: Iterable[Sound], now: datetime) -> None:
    """Keep the contents; those that are there already stay as they are."""
    contents = {sound.ref.digest: sound for sound in played}
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    # In one order, so that two that store the same files do not wait for each other in a circle.
    for digest in sorted(contents):
        sound = contents[digest]
        tx.execute(
            dialect.insert(sounds)
            .values(digest=digest, seconds=sound.ref.seconds, content=sound.content, added_at=now)
            .on_conflict_do_nothing()
        )


def content(tx: Transaction, digest: str) -> bytes | None:
    """The WAV file with this SHA-256, None where nobody stored it."""
    return tx.execute(select(sounds.c.content).where(sounds.c.digest == digest)).scalar()
