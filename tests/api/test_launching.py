"""A launch that another system asked for, when somebody else has a hand in it or its doer dies:
nobody is told “failed” of what runs."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from dispatcher import campaigning, examining
from dispatcher.api import launching
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.examination import Examination
from dispatcher.jobs import MOST_TRIES, SILENT, JobRunner, Progress
from dispatcher.ledger import Transaction, campaigns, jobs, scenarios, uploads
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.jobs import Job, TakenOver
from dispatcher.ledger.staff_tables import jobs as jobs_table
from dispatcher.web.jobs import REMAINS
from tests.api.caller import System, Town, customer, kind_of

PEOPLE = [customer(f"7000185000{n}", phones=[f"+7916123450{n}"], emails=[]) for n in range(5)]
STAFF, SYSTEM = "staff", "api:billing"
FILE = "Лицевой счёт;Телефон;Долг\r\n70001850005;+79161234567;2547,30\r\n".encode()


def launch_too(engine: Engine, draft: Campaign) -> None:
    campaigning.resume(engine, draft.id, STAFF)


def launch_and_pause(engine: Engine, draft: Campaign) -> None:
    campaigning.resume(engine, draft.id, STAFF)
    with engine.ledger.write() as tx:
        now = engine.clock.now()
        begun = campaigns.change(
            tx, campaigns.get(tx, draft.id), CampaignStatus.RUNNING, STAFF, now
        )
        campaigns.change(tx, begun, CampaignStatus.PAUSED, STAFF, now)


@pytest.mark.parametrize(
    ("act", "status"),
    [(launch_too, CampaignStatus.SCHEDULED), (launch_and_pause, CampaignStatus.PAUSED)],
)
def test_a_draft_that_staff_launch_while_its_job_does_is_launched_and_stays_as_they_want_it(
    either_town: Town, act: Callable[[Engine, Campaign], None], status: CampaignStatus
) -> None:
    town, system = either_town, asked(either_town)

    def doer(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
        [draft] = everything(town)

        def meanwhile(done: int, total: int | None = None) -> None:
            if everything(town)[0].status is CampaignStatus.DRAFT:
                act(engine, draft)
            progress(done, total)

        return launching.launch(engine, job, meanwhile)  # type: ignore[arg-type]

    JobRunner(town.rehearsal.engine, {launching.KIND: doer}, REMAINS).do_next()
    [campaign] = everything(town)
    assert campaign.status is status
    told = newest(town, system)
    assert (told["state"], told["campaign_id"]) == ("launched", campaign.id)


@pytest.mark.parametrize("does_finish", [True, False])
def test_a_launch_that_is_given_up_is_told_as_it_stands_and_nobody_can_finish_it_later(
    either_town: Town, does_finish: bool
) -> None:
    town, system = either_town, asked(either_town)
    [draft] = everything(town)

    def deadly(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
        if does_finish:
            launching.launch(engine, job, progress)
        raise TakenOver

    runner = JobRunner(town.rehearsal.engine, {launching.KIND: deadly}, REMAINS)
    for _try in range(MOST_TRIES + 1):
        assert runner.do_next()
        with town.rehearsal.ledger.write() as tx:
            long_ago = town.rehearsal.clock.now() - 2 * SILENT
            tx.execute(update(jobs_table).values(beat_at=long_ago))
    told = newest(town, system)
    if does_finish:
        assert (told["state"], told["campaign_id"], told["recipients"]) == ("launched", draft.id, 5)
        return
    assert (told["state"], told["campaign_id"]) == ("failed", None)
    assert told["detail"]
    with pytest.raises(NotFound):  # one of the three wakes up
        campaigning.finish_launch(town.rehearsal.engine, draft, leave_out_unfit=False, voice=None)
    assert everything(town) == []


def test_a_draft_that_staff_launch_in_that_moment_is_not_taken_back(postgres_town: Town) -> None:
    """Some texts are unfit: the other system gives its launch up, and staff leave those out."""
    town, engine = postgres_town, postgres_town.rehearsal.engine
    asked(town)
    [draft] = everything(town)
    taken_back: list[bool] = []

    def give_up() -> None:
        with engine.ledger.write() as tx:
            now = engine.clock.now()
            taken_back.append(campaigns.discard(tx, draft, now, unfit_texts=1))

    other = threading.Thread(target=give_up)
    with engine.ledger.write() as tx:
        campaigns.change(tx, draft, CampaignStatus.SCHEDULED, STAFF, engine.clock.now())
        other.start()
        while other.is_alive() and not waits_for_a_lock(town):
            other.join(0.02)
    other.join(20)
    assert taken_back == [False]
    assert [one.status for one in everything(town)] == [CampaignStatus.SCHEDULED]


def test_the_calls_of_a_launch_are_spoken_to_measure_them(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices: list[object] = []
    voice = object()
    monkeypatch.setattr("dispatcher.launching.find_voice", lambda: voice)

    def listen(engine: Engine, campaign: Campaign, given: object) -> Examination:
        voices.append(given)
        return examining.examine(engine, campaign, None)

    monkeypatch.setattr("dispatcher.campaigning.examine", listen)
    asked(town)
    town.do_jobs()
    assert voices == [voice]


def test_a_file_that_is_being_asked_for_is_not_swept_away(postgres_town: Town) -> None:
    """Its day is over in the very moment in which the launch is written down."""
    town, engine = postgres_town, postgres_town.rehearsal.engine
    town.store()
    upload_id, now = upload(town), engine.clock.now()
    sweeper = threading.Thread(target=sweep, args=(town, now + 2 * uploads.KEPT))
    with engine.ledger.write() as tx:
        job_id = ask(tx, town, upload_id)
        sweeper.start()
        while sweeper.is_alive() and not waits_for_a_lock(town):
            sweeper.join(0.02)
    sweeper.join(20)
    town.do_jobs()
    with engine.ledger.read() as tx:
        assert jobs.get(tx, job_id).told["recipients"] == 1


def test_a_file_is_launched_once_whoever_asks_for_it_again(either_town: Town) -> None:
    """Under another idempotency key, while the first launch waits or runs."""
    town = either_town
    town.store()
    system = town.system()
    sent = system.ask("POST", "/uploads", data=FILE, headers={"Content-Type": "text/csv"}).json()
    body = {"scenario": "trial", "upload_id": sent["id"]}
    assert system.post("/campaigns", body, idempotency_key="file-1").status_code == 202
    answer = system.post("/campaigns", body, idempotency_key="file-2")
    assert (answer.status_code, kind_of(answer)) == (409, "not-possible")
    town.do_jobs()
    answer = system.post("/campaigns", body, idempotency_key="file-3")
    assert (answer.status_code, kind_of(answer)) == (422, "invalid")
    assert len(everything(town)) == 1


def upload(town: Town) -> int:
    """A file that was sent."""
    now = town.rehearsal.clock.now()
    with town.rehearsal.ledger.write() as tx:
        upload_id = uploads.begin(tx, "api.csv", SYSTEM, now)
        uploads.add_piece(tx, upload_id, 0, FILE, now)
        uploads.finish(tx, upload_id, len(FILE), now)
    return upload_id


def ask(tx: Transaction, town: Town, upload_id: int) -> int:
    stored = scenarios.find(tx, "trial")
    return launching.ask_with_upload(
        tx,
        town.rehearsal.engine,
        stored,
        upload_id,
        {},
        (None, None),
        leave_out_unfit=False,
        actor=SYSTEM,
    )


def sweep(town: Town, now: datetime) -> None:
    with town.rehearsal.ledger.write() as tx:
        uploads.sweep(tx, now)


def waits_for_a_lock(town: Town) -> bool:
    with town.rehearsal.ledger.read() as tx:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(tx.exec_driver_sql(waiting).scalar())


def asked(town: Town) -> System:
    """A system that has asked for a launch."""
    town.store()
    system = town.system()
    body = {"scenario": "trial", "customers": PEOPLE}
    assert system.post("/campaigns", body, idempotency_key="list-1").status_code == 202
    return system


def newest(town: Town, system: System) -> Mapping[str, Any]:
    """What the system is told of its launch."""
    with town.rehearsal.ledger.read() as tx:
        [job_id] = tx.scalars(jobs_table.select().with_only_columns(jobs_table.c.id)).all()
    answer: Mapping[str, Any] = system.get(f"/launches/{job_id}").json()
    return answer


def everything(town: Town) -> list[Campaign]:
    with town.rehearsal.ledger.read() as tx:
        return list(campaigns.everything(tx))
