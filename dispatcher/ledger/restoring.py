"""Bringing a ledger back from a copy, into a database in which nothing stands yet.

SQLite: a file that is filled beside the ledger's place, and takes its name when all is done.

PostgreSQL: two transactions. The first brings the rows, pauses their campaigns, and writes
UNFINISHED where the version stands; the second brings the ledger up to date, holds back the rest,
and writes the version. Whoever dies between the two leaves a ledger on which no role starts, and
which may be restored once more. No loop ever finds a campaign of the copy at work.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Row, inspect, literal, select, text

from dispatcher.errors import NotPossible
from dispatcher.ledger.connection import Ledger, Transaction, limit_patience
from dispatcher.ledger.copying import check_dump, check_sqlite, version_of_dump
from dispatcher.ledger.holding_back import PAUSE, HeldBack, hold_back
from dispatcher.ledger.migration import (
    MIGRATION_LOCK,
    UNFINISHED,
    migrate,
    migrate_within,
    version,
    way_from,
)
from dispatcher.ledger.new_file import is_abandoned
from dispatcher.ledger.postgres_programs import (
    ProgramFailed,
    complaint_in,
    environment,
    program,
)
from dispatcher.ledger.tables import (
    audiences,
    calendar_days,
    campaigns,
    inquiries,
    letters,
    metadata,
    receipts,
    scenarios,
    suppressions,
    trail,
)
from templates.i18n import _

# With a row in any of these a ledger is not empty: what people did, and what customers wrote.
_PRECIOUS = (
    audiences,
    calendar_days,
    campaigns,
    inquiries,
    letters,
    receipts,
    scenarios,
    suppressions,
    trail,
)
# A dump brings everything along; what a migration made in the same schema would be in its way.
_CLEAR = """
DO $$ DECLARE one record; BEGIN
  FOR one IN
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind,
      c.oid::regclass::text AS name, relkind = 'S' AS later FROM pg_class c
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, true FROM pg_proc p
    WHERE pronamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    ORDER BY 3
  LOOP EXECUTE 'DROP ' || one.kind || ' IF EXISTS ' || one.name || ' CASCADE'; END LOOP;
END $$"""
_FOLDER = "restore-"  # in which a ledger is filled, beside its place
_SQLITE_MAGIC, _DUMP_MAGIC = b"SQLite format 3\0", b"PGDMP"
# How psql's answer tells us, among all else that it prints, which campaigns were paused, and that
# everything is committed.
_HELD, _DONE = "held:", "restored"
# Bare rows; the first error ends it.
_PSQL = ("-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-")
# The dump leaves a session that finds no table by its bare name.
_MARK = f"UPDATE alembic_version SET version_num = '{UNFINISHED}'"  # noqa: S608 - words of our own
_END = f"RESET search_path; {PAUSE} RETURNING '{_HELD}' || id; {_MARK}; COMMIT; SELECT '{_DONE}';"


def restore_ledger(ledger: Ledger, copy: Path, actor: str, now: datetime) -> HeldBack:
    """Fill an empty ledger from a copy, upgrade it, and hold back what must not go by itself.

    Raises NotPossible for a copy of the other kind of database or of a newer program, for a ledger
    that is not empty, and for a database on which somebody else is at work; ProgramFailed for a
    copy that cannot be read. Then nothing was changed. A ledger that is only half restored counts
    as empty: it is done anew.
    """
    with copy.open("rb") as file:
        beginning = file.read(len(_SQLITE_MAGIC))
    if beginning == _SQLITE_MAGIC and ledger.is_sqlite:
        return _restore_sqlite(ledger, copy, actor, now)
    if beginning.startswith(_DUMP_MAGIC) and not ledger.is_sqlite:
        return _restore_dump(ledger, copy, actor, now)
    if beginning == _SQLITE_MAGIC or beginning.startswith(_DUMP_MAGIC):
        kinds = ("PostgreSQL", "SQLite") if not ledger.is_sqlite else ("SQLite", "PostgreSQL")
        raise NotPossible(
            _("The ledger is set up as {ledger}, and this is a copy of {copy}.").format(
                ledger=kinds[0], copy=kinds[1]
            )
        )
    raise NotPossible(_("{path} is no copy made by “dispatcher backup”.").format(path=copy))


def _refuse_unless_empty(tx: Connection) -> None:
    """What a migration or a role that was started too early leaves behind is nothing precious, nor
    is half of a copy."""
    if version(tx) == UNFINISHED:
        return
    there = set(inspect(tx).get_table_names())
    if strange := there - metadata.tables.keys() - {"alembic_version"}:
        raise NotPossible(
            _("The database holds tables of something else: {names}.").format(
                names=", ".join(sorted(strange)[:5])
            )
        )
    for table in _PRECIOUS:
        first = select(literal(1)).select_from(table).limit(1)
        if table.name in there and tx.execute(first).first():
            raise NotPossible(
                _(
                    "The ledger is not empty: a copy is restored into a new database only. Keep "
                    "this one under another name, and make a new one."
                )
            )


def _restore_sqlite(ledger: Ledger, copy: Path, actor: str, now: datetime) -> HeldBack:
    with ledger.read() as tx:
        _refuse_unless_empty(tx)
    target = Path(ledger.engine.url.database or "")
    ledger.close()
    _remove_abandoned(target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_FOLDER) as folder:
        fresh = Path(folder) / target.name
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with (
                closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as kept,
                closing(sqlite3.connect(fresh)) as into,
            ):
                check_sqlite(kept)
                kept.backup(into)
        except sqlite3.Error as error:
            raise ProgramFailed("SQLite", str(error)) from None
        restored = Ledger(f"sqlite:///{fresh}")
        try:
            migrate(restored)
            with restored.write() as tx:
                paused = tx.execute(text(f"{PAUSE} RETURNING id")).scalars().all()
                held = hold_back(tx, paused, actor, now)
            with restored.engine.connect() as whole:
                whole.exec_driver_sql("COMMIT")
                whole.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            restored.close()
        for ending in ("-wal", "-shm"):  # of the empty one
            target.with_name(target.name + ending).unlink(missing_ok=True)
        fresh.replace(target)
    return held


def _remove_abandoned(target: Path) -> None:
    """A restore that was killed leaves its folder behind, and in it the whole ledger."""
    for folder in target.parent.glob(f"{_FOLDER}*/"):
        inside = list(folder.iterdir())
        ours = all(one.name.startswith(target.name) for one in inside)
        if ours and all(map(is_abandoned, (folder, *inside))):
            shutil.rmtree(folder)


def _restore_dump(ledger: Ledger, copy: Path, actor: str, now: datetime) -> HeldBack:
    check_dump(copy)
    found = version_of_dump(copy)
    if found is None:
        raise ProgramFailed("pg_dump", _("not in the copy: {names}").format(names="version_num"))
    way_from(found)
    with _alone_with(ledger) as tx:
        _refuse_unless_empty(tx)
        if version(tx) != UNFINISHED:
            way_from(version(tx))
        with ledger.write() as dropping:
            dropping.exec_driver_sql(_CLEAR)
        paused = _pour(ledger, copy)
        with ledger.write() as finishing:
            limit_patience(finishing, 0, 0)  # an upgrade takes as long as it takes
            _write_version(finishing, found)
            migrate_within(finishing)
            held = hold_back(finishing, paused, actor, now)
    with ledger.engine.connect() as tx:
        tx.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    return held


def _write_version(tx: Transaction, found: str) -> None:
    tx.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})


@contextmanager
def _alone_with(ledger: Ledger) -> Iterator[Connection]:
    """A connection that keeps programs that start waiting, on a database on which nobody else is at
    work. Raises NotPossible."""
    with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as alone:
        others = select(
            text("pid, application_name, coalesce(host(client_addr), 'local') AS place")
        ).select_from(text("pg_stat_activity"))
        others = others.where(
            text("datname = current_database() AND pid <> pg_backend_pid()"),
            text("backend_type = 'client backend'"),
        ).order_by(text("pid"))
        lock = text(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})")
        there = alone.execute(others).all()
        if there or not alone.execute(lock).scalar_one():
            raise NotPossible(
                _(
                    "Somebody else is at work on this database. Stop every dispatcher on every "
                    "machine, and try again."
                )
                + "".join(f"\n  {_told_of(one)}" for one in there[:10])
            )
        try:
            yield alone
        finally:
            alone.execute(text(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})"))


def _told_of(one: Row[Any]) -> str:
    """Who is connected, as PostgreSQL knows it: a program may name itself, and need not."""
    return f"{one.application_name or '?'}, pid {one.pid}, {one.place}"


def _pour(ledger: Ledger, copy: Path) -> Sequence[int]:
    """All of a dump in one transaction, with the pause of its campaigns at the end of it; which
    campaigns those were. Raises ProgramFailed; then nothing of it is in the database."""
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as complained:
        psql = subprocess.Popen(  # noqa: S603 - a fixed command
            [program("psql"), *_PSQL],
            env=environment(ledger),
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=complained,
        )
        try:
            _write_script(psql, copy)
            code = psql.wait()
        except BaseException:
            psql.kill()
            psql.wait()
            raise
        if code:
            raise ProgramFailed("psql", complaint_in(_text_of(complained)))
        lines = _text_of(told).splitlines()
    if _DONE not in lines:
        raise ProgramFailed("psql", _("it did not get to the end of the copy"))
    return [int(line.removeprefix(_HELD)) for line in lines if line.startswith(_HELD)]


def _write_script(psql: "subprocess.Popen[bytes]", copy: Path) -> None:
    """The dump as SQL, and the pause after it, in one transaction: whoever of us dies on the way
    leaves psql without the word to commit."""
    if psql.stdin is None:
        raise ValueError("psql has to be started with a pipe")
    with tempfile.TemporaryFile() as complained:
        psql.stdin.write(b"BEGIN;\n")
        psql.stdin.flush()
        poured = subprocess.run(  # noqa: S603 - a fixed command and a file that was checked
            [program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(copy)],
            stdin=subprocess.DEVNULL,
            stdout=psql.stdin,
            stderr=complained,
            check=False,
        )
        if psql.poll() is not None:
            return  # it gave up, and its own complaint says why
        if poured.returncode:
            raise ProgramFailed("pg_restore", complaint_in(_text_of(complained)))
    with suppress(BrokenPipeError):
        psql.stdin.write(f"{_END}\n".encode())
        psql.stdin.close()


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
