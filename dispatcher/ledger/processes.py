"""The processes at work: which role, on which host, and when each was last seen.

Hosts do not agree on the time, so that every instant here is the database's own. On SQLite that is
the one host's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import processes

# A process gives a sign of life as often; who has missed three is taken for dead.
BEAT_SECONDS = 10.0
DEAD_AFTER = timedelta(seconds=35)
# One that ended without a word is listed for so long.
REMEMBERED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Process:
    """One that gives signs of life; `id` is never used again."""

    id: str
    role: str
    host: str
    pid: int
    queues: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A process as the ledger knows it. `silent_for` counts by the database's clock."""

    process: Process
    started_at: datetime
    silent_for: timedelta

    @property
    def is_alive(self) -> bool:
        return self.silent_for < DEAD_AFTER


def clock_of(tx: Transaction) -> datetime:
    """What time it is by the database's own clock, at this instant and not at the beginning of the
    transaction."""
    if tx.dialect.name == "postgresql":
        now: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)
    text = tx.execute(select(func.strftime("%Y-%m-%dT%H:%M:%f+00:00", "now"))).scalar_one()
    return datetime.fromisoformat(text)


def clock_ahead(tx: Transaction) -> timedelta:
    """How far this host's clock is before the database's; negative: behind. Right to half of the
    time that the question takes."""
    before = datetime.now(UTC)
    told = clock_of(tx)
    after = datetime.now(UTC)
    return before + (after - before) / 2 - told


def beat(tx: Transaction, process: Process) -> None:
    """A process is alive. Those that have not been for long are forgotten."""
    now = clock_of(tx)
    made = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(processes)
    tx.execute(
        made.values(
            id=process.id,
            role=process.role,
            host=process.host,
            pid=process.pid,
            queues=list(process.queues),
            version=process.version,
            started_at=now,
            seen_at=now,
            beats=1,
        ).on_conflict_do_update(
            index_elements=[processes.c.id],
            set_={"seen_at": now, "beats": processes.c.beats + 1},
        )
    )
    tx.execute(delete(processes).where(processes.c.seen_at < now - REMEMBERED))


def leave(tx: Transaction, process_id: str) -> None:
    """A process stops, and says so."""
    tx.execute(delete(processes).where(processes.c.id == process_id))


def everyone(tx: Transaction) -> Sequence[Seen]:
    """The processes that gave a sign of life within the hour and did not say goodbye."""
    now = clock_of(tx)
    rows = tx.execute(
        select(processes)
        .where(processes.c.seen_at >= now - REMEMBERED)
        .order_by(processes.c.role, processes.c.host, processes.c.pid)
    )
    return [
        Seen(
            Process(row.id, row.role, row.host, row.pid, tuple(row.queues), row.version),
            row.started_at,
            max(now - row.seen_at, timedelta()),
        )
        for row in rows
    ]


__all__ = ["Process", "Seen", "beat", "clock_ahead", "clock_of", "everyone", "leave"]
