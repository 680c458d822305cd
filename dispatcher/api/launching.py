"""A campaign that another system asks for, from its list to its launch: a job of the web role.

What is asked for is written down with the answer, and done after it. A draft is begun in the
transaction that has its list; begun anew after a crash, a launch goes on with that draft.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.recipient import Recipient
from dispatcher import campaigning, launching, uploading
from dispatcher.approving import REHEARSE, limits_of, needs_approval, put_to_staff
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.foreign_lists import name_of_launch
from dispatcher.importing import Imported, NoRowTaken, import_audience
from dispatcher.jobs import Progress
from dispatcher.ledger import (
    Transaction,
    audiences,
    campaigns,
    jobs,
    launch_requests,
    scenarios,
    uploads,
)
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.campaign_limits import NONE, Limits
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.jobs import Job, JobStatus
from dispatcher.ledger.launch_requests import LaunchRequest, RequestStatus
from dispatcher.ledger.scenarios import StoredScenario
from templates.i18n import _
from templates.problem import Refused

KIND = "api.launch"
# Said of a launch that a second person has to approve.
TO_STAFF = "to_staff"
WAITS_FOR_STAFF = "waits_for_approval"

_STATES = {
    JobStatus.WAITING: "waiting",
    JobStatus.RUNNING: "running",
    JobStatus.DONE: "launched",
    JobStatus.FAILED: "failed",
}


def ask_with_list(
    tx: Transaction,
    engine: Engine,
    stored: StoredScenario,
    people: Sequence[Recipient],
    term: tuple[datetime | None, datetime | None],
    *,
    leave_out_unfit: bool,
    actor: str,
    limits: Limits = NONE,
) -> tuple[int, Campaign | None]:
    """Store a list and a draft over it, and ask for its launch: the job, and the campaign.

    Of a list that a second person has to approve no campaign is begun yet: None. Raises NotPossible
    as `campaigning.begin` does.
    """
    now = engine.clock.now()
    name = name_of_launch(engine.settings, stored, actor, now)
    audience_id = audiences.begin(tx, name, "API", [_("Account number")], actor, now)
    audiences.add_recipients(tx, audience_id, people)
    columns = {field for person in people for field in person.fields}
    audience = audiences.finish(tx, audience_id, len(people), sorted(columns), actor, now)
    campaign: Campaign | None = None
    known: dict[str, Any] = {"audience_id": audience.id}
    if needs_approval(engine, audience.recipients):
        known[TO_STAFF] = True
    else:
        campaign = campaigning.begin(
            tx, engine, stored, audience, actor, start_at=term[0], end_at=term[1], limits=limits
        )
        known["campaign_id"] = campaign.id
    asked = {**known, **_as_asked(engine, stored, term, limits, leave_out_unfit=leave_out_unfit)}
    return jobs.ask(tx, KIND, asked, actor, now, len(people)), campaign


def ask_with_upload(
    tx: Transaction,
    engine: Engine,
    stored: StoredScenario,
    upload_id: int,
    mapping: Mapping[str, str],
    term: tuple[datetime | None, datetime | None],
    *,
    leave_out_unfit: bool,
    actor: str,
    limits: Limits = NONE,
) -> int:
    """Ask for the import of a file that was sent, and a launch over it.

    Raises NotFound, and NotPossible for a file that was asked for already.
    """
    uploads.lock_acceptance(tx)  # it is not swept away before the job is there to be seen
    upload = uploads.get(tx, upload_id)
    if upload.sent_by != actor:
        raise NotFound(_("file sent for an import"), str(upload_id))
    if uploads.is_wanted(tx, upload_id):
        raise NotPossible(_("This file is being launched already. Send it again if that is meant."))
    now = engine.clock.now()
    asked = {
        "name": name_of_launch(engine.settings, stored, actor, now),
        "upload_id": str(upload_id),
        "mapping": dict(mapping),
        **_as_asked(engine, stored, term, limits, leave_out_unfit=leave_out_unfit),
    }
    return jobs.ask(tx, KIND, asked, actor, now)


def _as_asked(
    engine: Engine,
    stored: StoredScenario,
    term: tuple[datetime | None, datetime | None],
    limits: Limits,
    *,
    leave_out_unfit: bool,
) -> dict[str, Any]:
    return {
        "scenario_id": stored.id,
        "start_at": term[0].isoformat() if term[0] else None,
        "end_at": term[1].isoformat() if term[1] else None,
        "limits": dict(limits),
        "leave_out_unfit": leave_out_unfit,
        "language": engine.settings.language,
    }


def launch(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """The doer: whole or absent, however often it is begun anew. What cannot be launched is told
    under `why`; the list stays, and staff may mend what is wrong with it."""
    told = _told(job)
    if "upload_id" in job.asked and not told:
        told |= _import(engine, job, progress)
    if told.get(TO_STAFF) and "request_id" not in told and "why" not in told:
        return _put_to_staff(engine, job, told, progress)
    if "campaign_id" not in told:
        return told
    try:
        with engine.ledger.read() as tx:
            draft = campaigns.get(tx, int(told["campaign_id"]))
            told |= _list(tx, draft)
        launching.finish(
            engine, draft, leave_out_unfit=bool(job.asked["leave_out_unfit"]), progress=progress
        )
    except (NotFound, NotPossible) as error:
        return {**told, "campaign_id": None, "why": str(error)}
    return told


def launched_already(tx: Transaction, engine: Engine, job: Job) -> Mapping[str, Any] | None:
    """What came of a launch that seems to have failed. Its draft is taken back: whoever is told
    that it failed asks again, and nobody is to be called twice."""
    told = _told(job)
    if told.get(TO_STAFF):
        return told if "request_id" in told else None
    if "campaign_id" not in told:
        return told or None
    draft = launching.stands(tx, told["campaign_id"], told.get("audience_id"), job.asked_by)
    launched = campaigning.give_up_draft(tx, engine, draft) if draft is not None else None
    return told | _list(tx, launched) if launched is not None else None


def _told(job: Job) -> dict[str, Any]:
    """What is known of a launch so far."""
    if "upload_id" in job.asked:
        return dict(job.told)
    known = ("campaign_id", "audience_id", TO_STAFF)
    return {name: job.asked[name] for name in known if name in job.asked} | dict(job.told)


def _put_to_staff(
    engine: Engine, job: Job, told: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Rehearse what is too large to be launched by itself, and let staff decide on their screen.
    The rehearsal, the request and what is told of it are one transaction: there is one request."""
    now = engine.clock.now()
    start_at = datetime.fromisoformat(job.asked["start_at"]) if job.asked["start_at"] else None
    end_at = job.asked["end_at"] or ((start_at or now) + campaigning.DEFAULT_LENGTH).isoformat()
    asked = {
        "scenario": int(job.asked["scenario_id"]),
        "audience": int(told["audience_id"]),
        "start_at": job.asked["start_at"],
        "end_at": end_at,
        "leave_out_unfit": bool(job.asked["leave_out_unfit"]),
        "limits": job.asked.get("limits", {}),
        "request": None,
        "language": job.asked["language"],
    }

    def put(tx: Transaction) -> Mapping[str, Any]:
        now = engine.clock.now()
        outlook = {"outlook": seen.model_dump(mode="json")}
        rehearsal_id = jobs.record(tx, REHEARSE, asked, outlook, job.asked_by, now)
        request = put_to_staff(tx, rehearsal_id, job.asked_by, now)
        known = {**told, "recipients": request.wish.recipients, "request_id": request.id}
        jobs.tell(tx, job, known)
        return known

    try:
        seen = launching.foresee(engine, job, asked, progress, told)
        return engine.ledger.insist(put)
    except (NotFound, NotPossible) as error:
        return {**told, "why": str(error)}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a launch stands, in the words of the API; `why` it failed or was refused."""

    state: str
    campaign_id: int | None = None
    why: str = ""


def standing(tx: Transaction, job: Job) -> Standing:
    """How far a launch is, whoever decides about it by now."""
    told = _told(job)
    why = str(told.get("why", ""))
    if why or job.status is JobStatus.FAILED:
        return Standing("failed", why=why)
    if "request_id" in told:
        return _decided(tx, launch_requests.get(tx, told["request_id"]))
    if told.get(TO_STAFF):
        is_lost = job.status is JobStatus.DONE
        return Standing("failed") if is_lost else Standing(WAITS_FOR_STAFF)
    return Standing(_STATES[job.status], told.get("campaign_id"))


def _decided(tx: Transaction, request: LaunchRequest) -> Standing:
    """What staff have made of it. They refuse it with a word, which stays."""
    if request.status is RequestStatus.WAITING:
        return Standing(WAITS_FOR_STAFF)
    if request.status is not RequestStatus.APPROVED:
        return Standing("refused", why=request.remark)
    job = jobs.get(tx, request.job_id) if request.job_id is not None else None
    if job is not None and job.status is JobStatus.FAILED:
        return Standing("failed", why=str(job.told.get("why", "")))
    state = _STATES[job.status] if job is not None else _STATES[JobStatus.WAITING]
    return Standing(state, request.campaign_id)


def _list(tx: Transaction, campaign: Campaign) -> dict[str, Any]:
    audience = audiences.get(tx, campaign.audience_id)
    return {"recipients": audience.recipients, "audience_id": audience.id}


def _import(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """The list of a file, and a draft over it: both in one transaction. What is told of it is
    written there, too: whoever goes on after a crash finds the draft."""
    try:
        with engine.ledger.read() as tx:
            upload = uploads.get(tx, int(job.asked["upload_id"]))
    except NotFound as error:
        return {"why": str(error)}
    told: dict[str, Any] = {}

    def end(tx: Transaction, imported: Imported) -> None:
        told["audience_id"] = imported.audience.id
        told["recipients"] = imported.audience.recipients
        told["rows_refused"] = imported.rows_refused
        if needs_approval(engine, imported.audience.recipients):
            told[TO_STAFF] = True
        else:
            try:
                told["campaign_id"] = _begin(tx, engine, job, imported.audience).id
            except NotPossible as error:
                told["why"] = str(error)
        jobs.tell(tx, job, told)
        uploads.discard(tx, upload.id)

    with uploading.as_file(engine, upload) as path:
        try:
            import_audience(
                engine,
                path,
                job.asked["name"],
                job.asked_by,
                mapping=job.asked["mapping"],
                told=progress,
                at_end=end,
            )
        except NoRowTaken as error:
            return {"why": str(error), "rows_refused": error.imported.rows_refused}
        except Refused as error:
            return {"why": " ".join(str(problem) for problem in error.problems)}
    return told


def _begin(tx: Transaction, engine: Engine, job: Job, audience: StoredAudience) -> Campaign:
    stored = scenarios.get(tx, int(job.asked["scenario_id"]))
    start_at, end_at = (
        datetime.fromisoformat(text) if text else None
        for text in (job.asked["start_at"], job.asked["end_at"])
    )
    return campaigning.begin(
        tx,
        engine,
        stored,
        audience,
        job.asked_by,
        start_at=start_at,
        end_at=end_at,
        limits=limits_of(job),
    )
