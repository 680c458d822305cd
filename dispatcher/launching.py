"""The jobs behind the launch screen: rehearse, and launch.

Either may be begun anew after a crash. A rehearsal takes back the draft of its former try; a launch
goes on with it, for the request names its campaign from the instant at which the draft was made.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from dispatcher import approving, campaigning
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.examination import TextsUnfit
from dispatcher.forecast import Outlook, outlook
from dispatcher.jobs import Progress
from dispatcher.ledger import Transaction, audiences, campaigns, jobs, launch_requests
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.jobs import Job
from dispatcher.ledger.launch_requests import RequestStatus
from dispatcher.voices import find_voice
from templates.i18n import _


def rehearse(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """Plan and measure as a launch does, reckon what would follow, and leave nothing behind."""
    seen = foresee(engine, job, job.asked, progress)
    request_id = job.asked.get("request")
    if request_id is not None:
        engine.ledger.insist(
            lambda tx: launch_requests.keep_rehearsal(
                tx, request_id, job.id, seen.audience_rows, seen.recipients
            )
        )
    return {"outlook": seen.model_dump(mode="json")}


def foresee(
    engine: Engine,
    job: Job,
    asked: Mapping[str, Any],
    progress: Progress,
    told: Mapping[str, Any] = MappingProxyType({}),
) -> Outlook:
    """What would come of a launch that is `asked` for as a rehearsal asks; `told` is known of the
    job already, and stays so."""
    _take_back(engine, job)
    limits = approving.limits_of(job)
    now = engine.clock.now()
    start_at = datetime.fromisoformat(asked["start_at"]) if asked["start_at"] else now

    def begin(tx: Transaction) -> Campaign:
        draft = campaigning.begin(
            tx,
            engine,
            engine.scenario(tx, asked["scenario"]),
            audiences.get(tx, asked["audience"]),
            job.asked_by,
            start_at=max(start_at, now),
            end_at=datetime.fromisoformat(asked["end_at"]),
            on_trial=True,
            limits=limits,
        )
        # The next one who does this job finds what we leave if we die.
        left = {"draft": draft.id, "begun_at": draft.created_at.isoformat()}
        jobs.tell(tx, job, {**told, **left})
        return draft

    draft = engine.ledger.insist(begin)
    left_out = bool(asked["leave_out_unfit"])
    found = campaigning.try_out(engine, draft, find_voice(), without_unfit=left_out, told=progress)
    with engine.ledger.read() as tx:
        return outlook(tx, engine, draft, found, left_out=left_out, limits=limits)


def launch(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """Make the campaign of an approved request: exactly one, and whole."""
    request_id = job.asked["request"]

    def begin(tx: Transaction) -> tuple[Campaign, bool]:
        draft = _draft_of(tx, engine, request_id)
        # Who has lost the job meanwhile makes no draft.
        jobs.tell(tx, job, {"campaign": draft.id})
        return draft, launch_requests.get(tx, request_id).wish.leave_out_unfit

    draft, left_out = engine.ledger.insist(begin)
    try:
        finish(engine, draft, leave_out_unfit=left_out, progress=progress)
    except TextsUnfit:
        engine.ledger.insist(lambda tx: launch_requests.keep_campaign(tx, request_id, None))
        raise
    return {"campaign": draft.id}


def finish(
    engine: Engine, draft: Campaign, *, leave_out_unfit: bool, progress: Progress
) -> Campaign:
    """Launch a draft, whoever asked for it: see `campaigning.finish_launch`. The longest calls are
    really spoken."""
    return campaigning.finish_launch(
        engine, draft, leave_out_unfit=leave_out_unfit, voice=find_voice(), told=progress
    )


def launched_already(tx: Transaction, engine: Engine, job: Job) -> Mapping[str, Any] | None:
    """What came of a launch that seems to have failed. A draft of it is taken back, for whoever
    asked is told to begin anew."""
    request = launch_requests.hold(tx, job.asked["request"])
    draft = stands(tx, request.campaign_id, request.wish.audience_id, request.asked_by)
    if draft is None:
        return None
    launched = campaigning.give_up_draft(tx, engine, draft)
    if launched is None:
        launch_requests.keep_campaign(tx, request.id, None)
        return None
    return {"campaign": launched.id}


def stands(
    tx: Transaction, campaign_id: int | None, audience_id: int | None, actor: str
) -> Campaign | None:
    """The campaign of that number, if it is the one that was meant, over that list: the number of a
    draft that was taken back goes to the next one."""
    if campaign_id is None:
        return None
    try:
        found = campaigns.get(tx, campaign_id)
    except NotFound:
        return None
    is_meant = audience_id in (None, found.audience_id) and found.created_by == actor
    return found if is_meant else None


def _draft_of(tx: Transaction, engine: Engine, request_id: int) -> Campaign:
    """The campaign of a request; made, if it has none, in the transaction that says so."""
    request = launch_requests.hold(tx, request_id)
    if request.status is not RequestStatus.APPROVED:
        raise NotPossible(_("This launch was not approved."))
    if request.campaign_id is not None:
        try:
            return campaigns.get(tx, request.campaign_id)
        except NotFound:
            raise NotPossible(_("Its campaign was taken back. Rehearse it anew.")) from None
    wish, now = request.wish, engine.clock.now()
    audiences.hold(tx, wish.audience_id)  # whoever launches to it, too, sees the draft or waits
    approving.check_list(tx, wish)
    approving.check_end(wish, now)
    draft = campaigning.begin(
        tx,
        engine,
        engine.scenario(tx, wish.scenario_id),
        audiences.get(tx, wish.audience_id),
        request.asked_by,
        start_at=max(wish.start_at or now, now),
        end_at=wish.end_at,
        limits=wish.limits,
    )
    launch_requests.keep_campaign(tx, request_id, draft.id)
    return draft


def _take_back(engine: Engine, job: Job) -> None:
    """The draft that a former try of this rehearsal has left."""
    if "draft" not in job.told:
        return
    with engine.ledger.read() as tx:
        try:
            left = campaigns.get(tx, job.told["draft"])
        except NotFound:
            return
    if left.created_at == datetime.fromisoformat(job.told["begun_at"]):
        campaigning.take_back(engine, left)
