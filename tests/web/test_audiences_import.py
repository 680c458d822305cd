"""The import of a list: whole or absent, whoever dies in the middle of it."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dispatcher import importing, uploading
from dispatcher.engine import Engine
from dispatcher.jobs import SILENT, JobRunner, Progress
from dispatcher.ledger import Transaction, audience_lists, audiences, jobs, uploads
from dispatcher.ledger.jobs import Job, JobStatus, TakenOver
from dispatcher.ledger.staff_tables import jobs as jobs_table
from dispatcher.private_folder import clear_forsaken, private_folder
from dispatcher.web.jobs import DOERS
from dispatcher.wiring import make_engine
from tests.web.house import House, open_house

ROWS = 12_000
HEADER = "Лицевой счет;ФИО;Телефон\n"


def rows(first: int, count: int) -> str:
    numbers = range(first, first + count)
    return HEADER + "".join(f"{n:011d};Имя Фамилия;+7916{n:07d}\n" for n in numbers)


LIST = rows(0, ROWS)


@pytest.fixture
def house_on_either(ledger_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, ledger_url) as house:
        yield house


class Stopped(Exception):
    """The process is no more."""


def test_an_import_that_is_killed_half_way_is_begun_anew_and_ends_right(
    house_on_either: House,
) -> None:
    house = house_on_either
    job_id = ask(house.engine, LIST, "Большой")
    dying = multiprocessing.get_context("spawn").Process(
        target=import_and_die, args=(house.engine.settings,)
    )
    dying.start()
    dying.join(120)
    assert dying.exitcode == -signal.SIGKILL
    with house.engine.ledger.read() as tx:
        assert audiences.all_ready(tx) == []  # what there is of it cannot be used
        assert jobs.get(tx, job_id).status is JobStatus.RUNNING
    forget_the_dead(house)
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        [stored] = audiences.all_ready(tx)
        assert (stored.name, stored.recipients, stored.rows) == ("Большой", ROWS, ROWS)
        assert jobs.get(tx, job_id).told["recipients"] == ROWS
        assert uploads.unaccepted(tx, "editor", house.engine.clock.now()) == []


def import_and_die(settings: Any) -> None:
    """In a process of its own: die without a word when two pieces have been written."""

    class Deadly(Progress):
        def __call__(self, done: int, total: int | None = None) -> None:
            if done >= 2 * importing.CHUNK:
                os.kill(os.getpid(), signal.SIGKILL)

    def doer(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
        progress.__class__ = Deadly
        return uploading.import_upload(engine, job, progress)

    JobRunner(make_engine(settings), {uploading.IMPORT: doer}).do_next()


def test_whoever_dies_when_all_is_done_but_the_telling_makes_no_second_list(house: House) -> None:
    job_id = ask(house.engine, LIST, "Большой")

    def doer(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
        uploading.import_upload(engine, job, progress)
        raise TakenOver

    JobRunner(house.engine, {uploading.IMPORT: doer}).do_next()
    forget_the_dead(house)
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        job = jobs.get(tx, job_id)
        assert (job.status, job.told["recipients"]) == (JobStatus.DONE, ROWS)
        assert len(audiences.all_ready(tx)) == 1


def test_mended_rows_are_all_taken_or_none(
    house_on_either: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_on_either
    ask(house.engine, rows(0, 20), "Большой")
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        before = audiences.find(tx, "Большой")
    ask(house.engine, rows(100, importing.CHUNK + 10), "", into=before.id)
    monkeypatch.setattr(audiences, "finish", fail)
    with pytest.raises(Stopped):
        take_job(house)
    with house.engine.ledger.read() as tx:
        assert audiences.find(tx, "Большой") == before
        assert len(audiences.after(tx, before.id, 0, limit=ROWS)) == 20
    monkeypatch.undo()
    forget_the_dead(house)
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        assert audience_lists.get(tx, before.id).recipients == importing.CHUNK + 30


def test_what_the_dead_left_on_disk_is_cleared_by_the_living(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with private_folder() as held:
        assert (held.stat().st_mode & 0o777) == 0o700
        forsaken = tmp_path / "dispatcher-private-dead"
        forsaken.mkdir()
        (forsaken / "list.csv").write_text("personal data")
        for folder in (held, forsaken):
            os.utime(folder, (0, 0))
        assert clear_forsaken() == 1
        assert held.is_dir()
    assert list(tmp_path.iterdir()) == []


def ask(engine: Engine, text: str, name: str, into: int | None = None) -> int:
    """A file is here as a whole, and accepted."""
    now = engine.clock.now()
    with engine.ledger.write() as tx:
        upload_id = uploads.begin(tx, "list.csv", "editor", now)
        uploads.add_piece(tx, upload_id, 0, text.encode(), now)
        uploads.finish(tx, upload_id, len(text.encode()), now)
    return uploading.accept(
        engine, upload_id, name=name, mapping={}, into=into, actor="editor", language="ru"
    ).job_id


def fail(_tx: Transaction, *_rest: object) -> None:
    raise Stopped


def take_job(house: House) -> None:
    """Do the next job as a process does that dies of `Stopped`."""

    def doer(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
        try:
            return uploading.import_upload(engine, job, progress)
        except Stopped as stopped:
            died.append(stopped)
            raise TakenOver from stopped

    died: list[Stopped] = []
    JobRunner(house.engine, {uploading.IMPORT: doer}).do_next()
    raise died[0]


def forget_the_dead(house: House) -> None:
    """As if so long had passed that a job is taken from whoever is silent."""
    assert DOERS[uploading.IMPORT] is uploading.import_upload
    with house.engine.ledger.write() as tx:
        long_ago = house.engine.clock.now() - 2 * SILENT
        tx.execute(update(jobs_table).values(beat_at=long_ago))
