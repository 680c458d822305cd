"""A file of the billing system on its way into a list: sent, looked into, accepted, imported.

Each step may be taken by another process: what one leaves for the next stands in the ledger. The
file is on disk only while it is read, in a folder of its own.
"""

import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from campaigns.audience import FirstLook, look_into
from campaigns.regions import load_regions
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.importing import Imported, NoRowTaken, import_audience
from dispatcher.jobs import Progress
from dispatcher.ledger import Transaction, audience_lists, jobs, trail, uploads
from dispatcher.ledger.jobs import Job, JobStatus
from dispatcher.ledger.uploads import Upload
from dispatcher.private_folder import private_folder
from templates.i18n import _
from templates.problem import Refused

# Kinds of jobs.
IMPORT, DISCARD = uploads.IMPORT, "discard"
FIRST_ROWS = 6
LONGEST_NAME = 120
# A million customers with twenty columns, packed; more is no list of one run.
MOST_BYTES = 64_000_000
# Rows that come back go in as one transaction, which must not last.
MOST_RETURNING_BYTES = 8_000_000
# A workbook is held in memory while it is read: one of them at a time in a process.
_READING = threading.BoundedSemaphore(1)
READING_SECONDS = 20.0
_COUNTED_BYTES = 1024 * 1024


class BadName(NotPossible):
    """A list cannot be called so."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job that imports a file; `is_new` is False when somebody else had accepted it."""

    job_id: int
    is_new: bool


def plain_file_name(given: str) -> str:
    """What a browser says a file is called, without a path and without what no name should have."""
    name = given.replace("\\", "/").rpartition("/")[2]
    # Control characters, and those that turn the direction of writing: "csv.exe" must not read as
    # something else.
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C").strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 8:
        stem, dot, ending = name, "", ""
    return f"{stem[:80].strip()}{dot}{ending}" if stem.strip() else "list" + dot + ending


def name_for(file_name: str) -> str:
    """What a list may be called, from the name of its file."""
    return (file_name.rpartition(".")[0] or file_name)[:LONGEST_NAME]


@contextmanager
def as_file(engine: Engine, upload: Upload) -> Iterator[Path]:
    """What was sent, as a file under its own name."""
    with private_folder() as folder:
        path = folder / upload.file_name
        with engine.ledger.read() as tx, path.open("wb") as file:
            for piece in uploads.pieces(tx, upload.id):
                file.write(piece)
        yield path


def look(engine: Engine, upload_id: int, mapping: Mapping[str, str]) -> tuple[Upload, FirstLook]:
    """What is in a file, as an import would read it.

    Raises NotFound, Refused for what is no list at all, and NotPossible while others look.
    """
    with engine.ledger.read() as tx:
        upload = uploads.get(tx, upload_id)
    if not _READING.acquire(timeout=READING_SECONDS):
        raise NotPossible(_("Other files are being read just now. Try again in a minute."))
    try:
        with as_file(engine, upload) as path:
            regions = load_regions(engine.settings.regions_file)
            branches = engine.settings.branches
            return upload, look_into(path, mapping, regions, branches, FIRST_ROWS)
    finally:
        _READING.release()


def mapping_of_last_import(tx: Transaction, audience_id: int) -> Mapping[str, str]:
    """What the columns of a list were said to mean when it was imported here."""
    job = uploads.last_import_into(tx, audience_id)
    return dict(job.asked["mapping"]) if job is not None else {}


def accept(
    engine: Engine,
    upload_id: int,
    *,
    name: str,
    mapping: Mapping[str, str],
    into: int | None,
    actor: str,
    language: str,
) -> Accepted:
    """Let a file be imported into a new list of that name, or into the list that is there.

    Whoever comes second is told of the first one's import. Raises NotFound, BadName for a name that
    is taken or no name, NotPossible for a list that takes no rows any more.
    """
    name = " ".join(name.split())
    now = engine.clock.now()

    def act(tx: Transaction) -> Accepted:
        uploads.lock_acceptance(tx)
        known = uploads.import_of(tx, upload_id)
        if known is not None and not took_nobody(known):
            return Accepted(known.id, is_new=False)
        upload = uploads.get(tx, upload_id)
        if into is None:
            _check_name(tx, name)
            list_name = name
        else:
            list_name = _check_return(tx, into, upload)
        asked = {
            "upload_id": str(upload_id),
            "name": list_name,
            "mapping": dict(mapping),
            "into": into,
            "language": language,
        }
        job_id = jobs.ask(tx, IMPORT, asked, actor, now)
        trail.note(tx, now, actor, "audience.accept", f"upload:{upload_id}", job=job_id)
        return Accepted(job_id, is_new=True)

    return engine.ledger.insist(act)


def took_nobody(job: Job) -> bool:
    """Whether an import is over, and no list came of it."""
    return job.status.is_over and not job.told.get("audience_id")


def _check_name(tx: Transaction, name: str) -> None:
    if not name:
        raise BadName(_("Give the list a name."))
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadName(
            _("A name has at most {count} characters, and no special ones.").format(
                count=LONGEST_NAME
            )
        )
    underway = {job.asked["name"] for job in uploads.open_imports(tx)}
    if name in underway or audience_lists.is_taken(tx, name):
        raise BadName(
            _("There is already an audience “{name}”. Choose another name.").format(name=name)
        )


def _check_return(tx: Transaction, audience_id: int, upload: Upload) -> str:
    audience = audience_lists.get(tx, audience_id)
    if audience_lists.is_used(tx, audience_id):
        raise NotPossible(
            _("A campaign was made of the list “{name}”: it takes no more rows.").format(
                name=audience.name
            )
        )
    if upload.size > MOST_RETURNING_BYTES:
        raise NotPossible(
            _("This is too large for a file of mended rows. Import it as a new list.")
        )
    if any(job.asked["into"] == audience_id for job in uploads.open_imports(tx)):
        raise NotPossible(_("Mended rows are being taken into this list already. Wait for them."))
    return audience.name


# What the jobs do.


def import_upload(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """The doer of an import: whole or absent, however often it is begun anew."""
    if job.told:
        return job.told  # whoever wrote this died before the job was over
    with engine.ledger.read() as tx:
        upload = uploads.get(tx, int(job.asked["upload_id"]))

    def end(tx: Transaction, imported: Imported) -> None:
        jobs.tell(tx, job, told_of(imported))
        uploads.discard(tx, upload.id)

    with as_file(engine, upload) as path:
        rows = _count_lines(path)
        progress(0, rows)
        try:
            imported = import_audience(
                engine,
                path,
                job.asked["name"],
                job.asked_by,
                mapping=job.asked["mapping"],
                into=job.asked["into"] is not None,
                told=lambda done: progress(done, rows),
                at_end=end,
            )
        except Refused as refused:
            raise NotPossible(words_of(refused)) from refused
        except NoRowTaken as failed:
            return told_of(failed.imported) | {"audience_id": None}
    return told_of(imported)


def imported_already(_tx: Transaction, _engine: Engine, job: Job) -> Mapping[str, Any] | None:
    """A list that is there was imported, whatever went wrong afterwards."""
    return job.told if job.told.get("audience_id") else None


def discard_list(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """The doer that takes the rows of a withdrawn list away, a few at a time."""
    audience_id = int(job.asked["audience_id"])
    with engine.ledger.write() as tx:
        if not audience_lists.begin_clearing(tx, audience_id):
            return {}
    gone = 0
    while True:
        with engine.ledger.write() as tx:
            piece = audience_lists.clear_next(tx, audience_id)
        gone += piece
        progress(gone)
        if not piece:
            return {"gone": gone}


def withdraw(engine: Engine, audience_id: int, actor: str) -> str:
    """Take away a list that was never used: at once for everybody, its rows soon. Its name.

    Raises NotFound and NotPossible.
    """
    now = engine.clock.now()

    def act(tx: Transaction) -> str:
        name = audience_lists.withdraw(tx, audience_id, actor, now)
        jobs.ask(tx, DISCARD, {"audience_id": str(audience_id)}, actor, now)
        return name

    return engine.ledger.insist(act)


def told_of(imported: Imported) -> dict[str, Any]:
    """What came of an import, for the page that shows it."""
    return {
        "audience_id": str(imported.audience.id),
        "name": imported.audience.name,
        "rows": imported.audience.rows,
        "recipients": imported.audience.recipients,
        "rows_refused": imported.rows_refused,
        "rows_warned": imported.rows_warned,
        "errors": [asdict(error) for error in imported.errors],
    }


def words_of(refused: Refused) -> str:
    """What is wrong with a file, and what to do; without the names of options of a command."""
    return " ".join(
        f"{problem.message} {advice_of(problem.code, problem.advice)}"
        for problem in refused.problems
    )


def advice_of(code: str, advice: str) -> str:
    """What to do about a problem, for somebody who sees the columns before them."""
    return {
        "no_account_column": _("Say below which column it is."),
        "duplicate_field": _("Say below which one counts, and leave the other out."),
    }.get(code, advice)


def _count_lines(path: Path) -> int | None:
    """About how many rows a file has; None for a workbook, which does not tell."""
    count = 0
    with path.open("rb") as file:
        block = file.read(_COUNTED_BYTES)
        if block.startswith(b"PK"):
            return None
        while block:
            count += block.count(b"\n")
            block = file.read(_COUNTED_BYTES)
    return max(count, 1)


def is_underway(job: Job) -> bool:
    return job.status in (JobStatus.WAITING, JobStatus.RUNNING)
