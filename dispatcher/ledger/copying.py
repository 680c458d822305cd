"""A copy of the ledger as it stood at one instant, made while everybody works on.

SQLite: its own online backup, one file that SQLite opens. PostgreSQL: `pg_dump` in its custom
format. A copy is read through before it gets its name: one that cannot be restored is no copy.

The schema is left as it is, so that a copy can be made by a new program before it upgrades.
"""

import sqlite3
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dispatcher.errors import NotPossible
from dispatcher.ledger import trail
from dispatcher.ledger.connection import Ledger
from dispatcher.ledger.holding_back import LEDGER
from dispatcher.ledger.migration import refuse_unfinished, version
from dispatcher.ledger.new_file import new_file
from dispatcher.ledger.postgres_programs import (
    ProgramFailed,
    complaint_in,
    environment,
    program,
)
from templates.i18n import _

# A migration holds tables for long; a copy waits so long for it.
_LOCK_WAIT = "120s"


@dataclass(frozen=True, slots=True)
class Copy:
    path: Path
    version: str  # of the schema
    size_bytes: int


def has_file(ledger: Ledger) -> bool:
    """False for an embedded ledger of which there is no file yet, and which to open would make."""
    return not ledger.is_sqlite or Path(ledger.engine.url.database or "").exists()


def ending_of(ledger: Ledger) -> str:
    """What names of copies end with."""
    return ".sqlite3" if ledger.is_sqlite else ".dump"


def copy_ledger(ledger: Ledger, path: Path, actor: str, now: datetime) -> Copy:
    """Make a copy at `path`, readable by its owner alone; who made it stands in the trail, of the
    copy too.

    Raises NotPossible for a file that is there, a ledger that is not or only by half, or a program
    that is missing or fails, and ProgramFailed for a copy that cannot be read through.
    """
    with ledger.read() as tx:
        found = version(tx)
    if found is None:
        raise NotPossible(_("There is no ledger yet: nothing to copy."))
    refuse_unfinished(found)
    with new_file(path) as partial:
        with ledger.write() as tx:
            trail.note(tx, now, actor, "ledger.backup", LEDGER)
        if ledger.is_sqlite:
            _copy_sqlite(ledger, partial)
        else:
            _dump(ledger, partial)
    return Copy(path, found, path.stat().st_size)


def _copy_sqlite(ledger: Ledger, partial: Path) -> None:
    source = Path(ledger.engine.url.database or "").absolute()
    try:
        with (
            closing(
                sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=30)
            ) as original,
            closing(sqlite3.connect(partial)) as copy,
        ):
            original.backup(copy)
            # In one file: a copy has nobody who writes ahead.
            copy.execute("PRAGMA journal_mode = DELETE")
            check_sqlite(copy)
    except sqlite3.Error as error:
        raise ProgramFailed("SQLite", str(error)) from None


def check_sqlite(copy: sqlite3.Connection) -> None:
    """Read all pages of a copy. Raises ProgramFailed."""
    try:
        told = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        told = str(error)
    if told != "ok":
        raise ProgramFailed("SQLite", told)


def _dump(ledger: Ledger, partial: Path) -> None:
    command = [
        program("pg_dump"),
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--no-password",
        f"--lock-wait-timeout={_LOCK_WAIT}",
        f"--file={partial}",
    ]
    with tempfile.TemporaryFile() as told:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, env=environment(ledger), stdin=subprocess.DEVNULL, stderr=told, check=False
        )
        told.seek(0)
        if done.returncode:
            complaint = complaint_in(told.read(65536).decode("utf-8", "replace"))
            raise ProgramFailed("pg_dump", complaint)
    check_dump(partial)


def check_dump(dump: Path) -> None:
    """Read a dump through, to its last row, without a database. Raises ProgramFailed."""
    tables = tables_in(dump)
    if missing := sorted({"alembic_version", "campaigns", "deliveries", "trail"} - tables):
        raise ProgramFailed("pg_dump", _("not in the copy: {names}").format(names=missing))
    _run_restore([f"--file={Path('/dev/null')}", str(dump)])


def tables_in(dump: Path) -> frozenset[str]:
    """The tables whose rows a dump holds. Raises ProgramFailed for what is no dump."""
    listed = _run_restore(["--list", str(dump)])
    # `3512; 0 16389 TABLE DATA public campaigns owner`
    words = [line.split() for line in listed.splitlines() if " TABLE DATA " in line]
    return frozenset(line[6] for line in words if len(line) > 6)


def version_of_dump(dump: Path) -> str | None:
    """The version of the schema in a dump. Raises ProgramFailed."""
    told = _run_restore(["--data-only", "--table=alembic_version", "--file=-", str(dump)])
    rows = told.partition(" FROM stdin;\n")[2].partition("\n\\.")[0].split()
    return rows[0] if rows else None


def _run_restore(arguments: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - a fixed command and a file of ours
        [program("pg_restore"), *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise ProgramFailed("pg_restore", complaint_in(done.stderr))
    return done.stdout
