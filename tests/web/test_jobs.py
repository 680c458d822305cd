"""What staff ask for and wait for: done once, by one, and not begun for ever."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from dispatcher import approving, uploading
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway, NotPossible
from dispatcher.jobs import MOST_TRIES, SILENT, JobRunner, Progress
from dispatcher.ledger import audiences, jobs, uploads
from dispatcher.ledger.jobs import Job, JobStatus, TakenOver
from dispatcher.ledger.staff_tables import jobs as jobs_table
from dispatcher.web import jobs as web_jobs
from dispatcher.web.jobs import REMAINS
from tests.web.house import House, open_house

LIST = "Лицевой счет;ФИО;Телефон\n00000000001;Имя Фамилия;+79160000001\n"


@pytest.fixture
def house_on_either(ledger_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, ledger_url) as house:
        yield house


def test_who_has_lost_a_job_unawares_leaves_nothing_of_it(house_on_either: House) -> None:
    house = house_on_either
    job_id = ask_import(house)

    def slow(engine: Engine, job: Job, _progress: Progress) -> Mapping[str, Any]:
        all_are_silent(house)
        with engine.ledger.write() as tx:
            now = engine.clock.now()
            assert jobs.take(tx, [uploading.IMPORT], "somebody else", now, now - SILENT)
        return uploading.import_upload(engine, job, unaware)  # type: ignore[arg-type]

    JobRunner(house.engine, {uploading.IMPORT: slow}, REMAINS).do_next()
    with house.engine.ledger.read() as tx:
        left = jobs.get(tx, job_id)
        assert (left.status, left.claim, left.told) == (JobStatus.RUNNING, "somebody else", {})
        assert audiences.all_ready(tx) == []
        assert uploads.get(tx, int(left.asked["upload_id"]))  # who has the job now needs it
    all_are_silent(house)
    house.do_jobs()
    assert read(house, job_id).status is JobStatus.DONE
    with house.engine.ledger.read() as tx:
        assert len(audiences.all_ready(tx)) == 1


@pytest.mark.parametrize("error", [NotPossible("too late"), RuntimeError("a bug")])
def test_a_list_that_is_there_was_imported_whatever_goes_wrong_afterwards(
    house: House, error: Exception
) -> None:
    job_id = ask_import(house)

    def clumsy(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
        uploading.import_upload(engine, job, progress)
        raise error

    JobRunner(house.engine, {uploading.IMPORT: clumsy}, REMAINS).do_next()
    job = read(house, job_id)
    assert (job.status, job.told["recipients"]) == (JobStatus.DONE, 1)


def test_a_job_at_which_the_database_takes_offence_has_failed(house_on_either: House) -> None:
    house = house_on_either
    job_id = ask_import(house)

    def wrong(engine: Engine, _job: Job, _progress: Progress) -> Mapping[str, Any]:
        with engine.ledger.write() as tx:
            tx.execute(text("INSERT INTO jobs (id) VALUES (NULL)"))
        return {}

    assert JobRunner(house.engine, {uploading.IMPORT: wrong}).do_next()
    job = read(house, job_id)
    assert (job.status, job.told) == (JobStatus.FAILED, {"why": "", "broken": True})


def test_a_job_waits_for_a_database_that_is_away(house: House) -> None:
    job_id = ask_import(house)
    runner = runner_of(house, LedgerAway)
    with pytest.raises(LedgerAway):
        runner.do_next()
    assert read(house, job_id).status is JobStatus.RUNNING


def test_a_job_that_kills_whoever_does_it_is_given_up_with_a_word_to_who_asked(
    house: House,
) -> None:
    job_id = ask_import(house)
    deaths: list[int] = []

    def die() -> Exception:
        deaths.append(job_id)
        return TakenOver()

    runner = runner_of(house, die)
    for _try in range(MOST_TRIES):
        assert runner.do_next()
        assert read(house, job_id).status is JobStatus.RUNNING
        all_are_silent(house)
    assert runner.do_next()
    job = read(house, job_id)
    assert (job.status, len(deaths)) == (JobStatus.FAILED, MOST_TRIES)
    assert "сообщите администратору" in job.told["why"]
    assert not runner.do_next()


def test_a_process_that_stops_gives_its_job_back_and_that_was_no_try(house: House) -> None:
    job_id = ask_import(house)

    def stop() -> Exception:
        runner.stop()
        return TakenOver()

    runner = runner_of(house, stop)
    runner.do_next()
    job = read(house, job_id)
    assert (job.status, job.claim, job.tries) == (JobStatus.WAITING, None, 0)
    house.do_jobs()  # at once: nobody has to fall silent first
    assert read(house, job_id).status is JobStatus.DONE


def test_a_long_import_holds_up_no_rehearsal_and_nothing_is_done_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes, each with its lanes; the imports wait until the rehearsals are over."""
    over, done = threading.Event(), Counter[int]()

    def long(_engine: Engine, job: Job, _progress: Progress) -> Mapping[str, Any]:
        done[job.id] += 1
        assert over.wait(20)
        return {}

    def short(_engine: Engine, job: Job, _progress: Progress) -> Mapping[str, Any]:
        done[job.id] += 1
        return {}

    stand_ins = {uploading.IMPORT: long, uploading.DISCARD: long}
    monkeypatch.setattr(web_jobs, "DOERS", dict.fromkeys(web_jobs.DOERS, short) | stand_ins)
    now = house.engine.clock.now()
    with house.engine.ledger.write() as tx:
        slow = [jobs.ask(tx, uploading.IMPORT, {}, "editor", now) for _one in range(4)]
        quick = [jobs.ask(tx, approving.REHEARSE, {}, "editor", now) for _one in range(4)]
    processes = [web_jobs.make_lanes(house.engine).start() for _process in range(2)]
    try:
        wait_until(lambda: all(read(house, job_id).status.is_over for job_id in quick))
        assert not any(read(house, job_id).status.is_over for job_id in slow)
        over.set()
        wait_until(lambda: all(read(house, job_id).status.is_over for job_id in slow))
        assert all(lanes.is_whole for lanes in processes)
    finally:
        over.set()
        for lanes in processes:
            lanes.stop()
    assert set(done) == {*slow, *quick}
    assert set(done.values()) == {1}


def test_every_kind_has_one_lane() -> None:
    assert sorted(kind for kinds in web_jobs.LANES.values() for kind in kinds) == sorted(
        web_jobs.DOERS
    )


def ask_import(house: House) -> int:
    engine, now = house.engine, house.engine.clock.now()
    with engine.ledger.write() as tx:
        upload_id = uploads.begin(tx, "list.csv", "editor", now)
        uploads.add_piece(tx, upload_id, 0, LIST.encode(), now)
        uploads.finish(tx, upload_id, len(LIST.encode()), now)
    return uploading.accept(
        engine, upload_id, name="Долги", mapping={}, into=None, actor="editor", language="ru"
    ).job_id


def runner_of(house: House, end: Callable[[], Exception]) -> JobRunner:
    """Whoever does an import there ends so."""

    def doer(_engine: Engine, _job: Job, _progress: Progress) -> Mapping[str, Any]:
        raise end()

    return JobRunner(house.engine, {uploading.IMPORT: doer}, REMAINS)


def unaware(_done: int, _total: int | None = None) -> None:
    """The progress of somebody who does not hear that the job is another's."""


def read(house: House, job_id: int) -> Job:
    with house.engine.ledger.read() as tx:
        return jobs.get(tx, job_id)


def all_are_silent(house: House) -> None:
    with house.engine.ledger.write() as tx:
        long_ago = house.engine.clock.now() - 2 * SILENT
        tx.execute(update(jobs_table).values(beat_at=long_ago))


def wait_until(happens: Callable[[], bool]) -> None:
    pause, deadline = threading.Event(), time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        pause.wait(0.02)
