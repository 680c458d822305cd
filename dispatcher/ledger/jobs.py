"""Jobs: what somebody asked for that takes longer than a page may.

Any process may do a job; while it does, it gives signs of life. A job whose doer is silent for too
long is taken over, so what a job does must be such that beginning anew is right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, and_, insert, or_, select, update

from dispatcher.errors import NotFound
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.staff_tables import jobs
from templates.i18n import _


class TakenOver(Exception):
    """Somebody else does this job now: whoever finds that out stops at once."""


class JobStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in (JobStatus.DONE, JobStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Job:
    """`asked` is what was asked for, `told` what came of it; both are the kind's own. `claim` is
    whose it is, and `tries` how often somebody has begun it."""

    id: int
    kind: str
    asked: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    status: JobStatus
    done: int
    total: int | None
    told: Mapping[str, Any]
    ended_at: datetime | None
    claim: str | None
    tries: int

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None where nobody knows."""
        return min(self.done / self.total, 1.0) if self.total else None


def ask(
    tx: Transaction,
    kind: str,
    asked: Mapping[str, Any],
    actor: str,
    now: datetime,
    total: int | None = None,
) -> int:
    row = insert(jobs).values(
        kind=kind,
        asked=dict(asked),
        asked_by=actor,
        asked_at=now,
        status=JobStatus.WAITING,
        total=total,
        told={},
    )
    return int(tx.execute(row.returning(jobs.c.id)).scalar_one())


def record(
    tx: Transaction,
    kind: str,
    asked: Mapping[str, Any],
    told: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> int:
    """A job that was done as a part of another one: as if it had been asked for by itself."""
    job_id = ask(tx, kind, asked, actor, now)
    over = {"status": JobStatus.DONE, "told": dict(told), "ended_at": now}
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(**over))
    return job_id


def get(tx: Transaction, job_id: int) -> Job:
    """Raises NotFound."""
    row = tx.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(_("job"), str(job_id))
    return read_job(row)


def lately(tx: Transaction, kind: str, count: int) -> Sequence[Job]:
    """The last ones of a kind, newest first."""
    rows = tx.execute(
        select(jobs).where(jobs.c.kind == kind).order_by(jobs.c.id.desc()).limit(count)
    )
    return [read_job(row) for row in rows]


def take(
    tx: Transaction, kinds: Sequence[str], claim: str, now: datetime, silent_since: datetime
) -> Job | None:
    """Take the oldest job that nobody does, or whose doer has been silent since then."""
    waits = jobs.c.status == JobStatus.WAITING
    forsaken = and_(jobs.c.status == JobStatus.RUNNING, jobs.c.beat_at < silent_since)
    free = (
        select(jobs.c.id)
        .where(or_(waits, forsaken), jobs.c.kind.in_(list(kinds)))
        .order_by(jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    job_id = tx.execute(free).scalar()
    if job_id is None:
        return None
    row = tx.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(status=JobStatus.RUNNING, claim=claim, beat_at=now, done=0, tries=jobs.c.tries + 1)
        .returning(*jobs.c)
    ).one()
    return read_job(row)


def beat(
    tx: Transaction,
    job_id: int,
    claim: str | None,
    now: datetime,
    done: int | None,
    total: int | None = None,
) -> bool:
    """A sign of life; False when somebody else has taken the job over."""
    values: dict[str, object] = {"beat_at": now}
    if done is not None:
        values["done"] = done
    if total is not None:
        values["total"] = total
    return _own(tx, job_id, claim, values)


def give_back(tx: Transaction, job: Job) -> None:
    """Let another one do it, at once: this process is to stop. That was no try."""
    again = {"status": JobStatus.WAITING, "claim": None, "beat_at": None, "tries": job.tries - 1}
    _own(tx, job.id, job.claim, again)


def tell(tx: Transaction, job: Job, told: Mapping[str, Any]) -> None:
    """Write down what came of a job that is not over yet, in the transaction in which it came: who
    begins the job anew finds it, and need not do it again.

    Raises TakenOver when it is somebody else's by now; the transaction must end with that, so that
    nothing comes of the job twice.
    """
    if not _own(tx, job.id, job.claim, {"told": dict(told)}):
        raise TakenOver


def end(
    tx: Transaction, job: Job, status: JobStatus, told: Mapping[str, Any], now: datetime
) -> bool:
    """Write down what came of it; False when somebody else has taken the job over."""
    values = {"status": status, "told": dict(told), "ended_at": now, "beat_at": None}
    return _own(tx, job.id, job.claim, values)


def _own(tx: Transaction, job_id: int, claim: str | None, values: Mapping[str, object]) -> bool:
    mine = (jobs.c.id == job_id, jobs.c.claim == claim, jobs.c.status == JobStatus.RUNNING)
    return tx.execute(update(jobs).where(*mine).values(**values)).rowcount == 1


def read_job(row: Row[tuple[object, ...]]) -> Job:
    return Job(
        row.id,
        row.kind,
        row.asked,
        row.asked_by,
        row.asked_at,
        JobStatus(row.status),
        row.done,
        row.total,
        row.told,
        row.ended_at,
        row.claim,
        row.tries,
    )
