"""Files that were sent for an import: in pieces as they come, whole or not there.

An upload has a size once its last piece has been written; before that nobody sees it. What was
broken off, or never accepted, is swept away: personal data stay no longer than they are needed.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Row,
    String,
    and_,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.jobs import Job, JobStatus, read_job
from dispatcher.ledger.staff_tables import jobs, upload_pieces, uploads
from templates.i18n import _

# Whoever sends nothing for so long has gone.
SILENT = timedelta(minutes=15)
# A file that nobody accepted within a day is sent again when it is wanted.
KEPT = timedelta(days=1)
IMPORT = "import"
_OPEN = (JobStatus.WAITING, JobStatus.RUNNING)
# Names our lock among the advisory locks of a PostgreSQL database.
ACCEPTANCE_LOCK = 0x75706C64


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is here as a whole. `size` is in bytes."""

    id: int
    file_name: str
    size: int
    sent_at: datetime
    sent_by: str


def begin(tx: Transaction, file_name: str, actor: str, now: datetime) -> int:
    """A file is about to come. Those that will never be whole, or are too old, go."""
    sweep(tx, now)
    # SQLite would give the id of a file that has gone to the next one, and with it the import of
    # the former.
    upload_id = 1 + secrets.randbelow(2**31 - 1)
    row = insert(uploads).values(id=upload_id, file_name=file_name, sent_at=now, sent_by=actor)
    return int(tx.execute(row.returning(uploads.c.id)).scalar_one())


def add_piece(tx: Transaction, upload_id: int, number: int, content: bytes, now: datetime) -> None:
    """The next piece; pieces count from 0. Raises NotPossible when the upload was swept away."""
    u = uploads.c
    coming = update(uploads).where(u.id == upload_id, u.size.is_(None)).values(sent_at=now)
    if not tx.execute(coming).rowcount:
        raise NotPossible(_("The file came too slowly and was put away. Send it again."))
    tx.execute(insert(upload_pieces).values(upload_id=upload_id, number=number, content=content))


def finish(tx: Transaction, upload_id: int, size: int, now: datetime) -> None:
    """The file is whole. Raises NotPossible when it was swept away."""
    u = uploads.c
    whole = update(uploads).where(u.id == upload_id, u.size.is_(None))
    if not tx.execute(whole.values(size=size, sent_at=now)).rowcount:
        raise NotPossible(_("The file came too slowly and was put away. Send it again."))


def discard(tx: Transaction, upload_id: int) -> None:
    """Whether it is whole or not."""
    tx.execute(delete(uploads).where(uploads.c.id == upload_id))


def discard_unaccepted(tx: Transaction, upload_id: int) -> None:
    """Unless a job is to read it."""
    lock_acceptance(tx)
    tx.execute(delete(uploads).where(uploads.c.id == upload_id, ~_is_wanted()))


def get(tx: Transaction, upload_id: int) -> Upload:
    """Raises NotFound; a file of which a part is still to come is not there."""
    u = uploads.c
    row = tx.execute(select(uploads).where(u.id == upload_id, u.size.is_not(None))).first()
    if row is None:
        raise NotFound(_("file sent for an import"), str(upload_id))
    return _read(row)


def pieces(tx: Transaction, upload_id: int) -> Iterator[bytes]:
    """The file, one piece in memory at a time."""
    p = upload_pieces.c
    number = 0
    while True:
        one = select(p.content).where(p.upload_id == upload_id, p.number == number)
        content = tx.execute(one).scalar()
        if content is None:
            return
        yield content
        number += 1


def unaccepted(tx: Transaction, actor: str, now: datetime) -> Sequence[Upload]:
    """What somebody has sent and not accepted yet, the newest first."""
    u = uploads.c
    rows = tx.execute(
        select(uploads)
        .where(u.size.is_not(None), u.sent_by == actor, u.sent_at > now - KEPT, ~_is_wanted())
        .order_by(u.id.desc())
        .limit(10)
    )
    return [_read(row) for row in rows]


def sweep(tx: Transaction, now: datetime) -> int:
    """What will never be whole, and what nobody accepted; how many files went. What a job is to
    read stays."""
    u = uploads.c
    lock_acceptance(tx)
    old = or_(
        and_(u.size.is_(None), u.sent_at < now - SILENT),
        and_(u.size.is_not(None), u.sent_at < now - KEPT),
    )
    return tx.execute(delete(uploads).where(old, ~_is_wanted())).rowcount


def lock_acceptance(tx: Transaction) -> None:
    """From here to the end of the transaction nobody else accepts a file. On SQLite there is one
    writer anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(ACCEPTANCE_LOCK)))


def import_of(tx: Transaction, upload_id: int) -> Job | None:
    """The import that a file was accepted for, unless it failed."""
    of_upload = select(jobs).where(
        jobs.c.kind == IMPORT,
        jobs.c.status != JobStatus.FAILED,
        _upload_of_job() == str(upload_id),
    )
    row = tx.execute(of_upload.order_by(jobs.c.id.desc()).limit(1)).first()
    return read_job(row) if row is not None else None


def is_wanted(tx: Transaction, upload_id: int) -> bool:
    """Whether a job that is not over is to read the file."""
    return bool(tx.execute(select(_is_wanted()).where(uploads.c.id == upload_id)).scalar())


def open_imports(tx: Transaction) -> Sequence[Job]:
    """Imports that wait or are under way, the oldest first."""
    is_open = jobs.c.status.in_(_OPEN)
    rows = tx.execute(select(jobs).where(is_open, jobs.c.kind == IMPORT).order_by(jobs.c.id))
    return [read_job(row) for row in rows]


def last_import_into(tx: Transaction, audience_id: int) -> Job | None:
    """The last import through the screen that has filled a list."""
    filled = jobs.c.told["audience_id"].as_string() == str(audience_id)
    mine = select(jobs).where(jobs.c.kind == IMPORT, jobs.c.status == JobStatus.DONE, filled)
    row = tx.execute(mine.order_by(jobs.c.id.desc()).limit(1)).first()
    return read_job(row) if row is not None else None


def _is_wanted() -> ColumnElement[bool]:
    """A job of whatever kind is to read the file: an import, or a launch with its list."""
    waits = jobs.c.status.in_(_OPEN)
    return select(jobs.c.id).where(waits, _upload_of_job() == cast(uploads.c.id, String)).exists()


def _upload_of_job() -> ColumnElement[str]:
    # As a text: so both databases compare it alike, whatever stands in other kinds of jobs.
    upload_id: ColumnElement[str] = jobs.c.asked["upload_id"].as_string()
    return upload_id


def _read(row: Row[tuple[object, ...]]) -> Upload:
    return Upload(row.id, row.file_name, row.size, row.sent_at, row.sent_by)
