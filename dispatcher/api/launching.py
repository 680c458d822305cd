"""A campaign that another system asks for, from its list to its launch: a job of the web role.

What is asked for is written down with the answer, and done after it. A draft is begun in the
transaction that has its list; begun anew after a crash, a launch goes on with that draft.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from campaigns.recipient import Recipient
from dispatcher import campaigning, launching, uploading
from dispatcher.approving import needs_approval
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.foreign_lists import name_of_launch
from dispatcher.importing import Imported, NoRowTaken, import_audience
from dispatcher.jobs import Progress
from dispatcher.ledger import Transaction, audiences, campaigns, jobs, scenarios, uploads
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.jobs import Job
from dispatcher.ledger.scenarios import StoredScenario
from templates.i18n import _
from templates.problem import Refused

KIND = "api.launch"


class TooLarge(NotPossible):
    """A launch that a second person has to approve."""

    def __init__(self, recipients: int, limit: int) -> None:
        super().__init__(
            _(
                "{count} recipients: more than {limit} need the approval of a second person. Send "
                "the list to the staff, who launch it on their screen."
            ).format(count=recipients, limit=limit)
        )


def ask_with_list(
    tx: Transaction,
    engine: Engine,
    stored: StoredScenario,
    people: Sequence[Recipient],
    term: tuple[datetime | None, datetime | None],
    *,
    leave_out_unfit: bool,
    actor: str,
) -> tuple[int, Campaign]:
    """Store a list and a draft over it, and ask for its launch: the job, and the campaign.

    Raises NotPossible as `campaigning.begin` does, and TooLarge.
    """
    now = engine.clock.now()
    name = name_of_launch(engine.settings, stored, actor, now)
    audience_id = audiences.begin(tx, name, "API", [_("Account number")], actor, now)
    audiences.add_recipients(tx, audience_id, people)
    columns = {field for person in people for field in person.fields}
    audience = audiences.finish(tx, audience_id, len(people), sorted(columns), actor, now)
    _check_size(engine, audience.recipients)
    campaign = campaigning.begin(
        tx, engine, stored, audience, actor, start_at=term[0], end_at=term[1]
    )
    asked = {
        "campaign_id": campaign.id,
        "audience_id": audience.id,
        "leave_out_unfit": leave_out_unfit,
        "language": engine.settings.language,
    }
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
        "scenario_id": stored.id,
        "upload_id": str(upload_id),
        "mapping": dict(mapping),
        "start_at": term[0].isoformat() if term[0] else None,
        "end_at": term[1].isoformat() if term[1] else None,
        "leave_out_unfit": leave_out_unfit,
        "language": engine.settings.language,
    }
    return jobs.ask(tx, KIND, asked, actor, now)


def launch(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """The doer: whole or absent, however often it is begun anew. What cannot be launched is told
    under `why`; the list stays, and staff may mend what is wrong with it."""
    told = _told(job)
    if "upload_id" in job.asked and not told:
        told |= _import(engine, job, progress)
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
    if "campaign_id" not in told:
        return told or None
    draft = launching.stands(tx, told["campaign_id"], told.get("audience_id"), job.asked_by)
    launched = campaigning.give_up_draft(tx, engine, draft) if draft is not None else None
    return told | _list(tx, launched) if launched is not None else None


def _told(job: Job) -> dict[str, Any]:
    """What is known of a launch so far."""
    if "upload_id" in job.asked:
        return dict(job.told)
    known = ("campaign_id", "audience_id")
    return {name: job.asked[name] for name in known if name in job.asked}


def _list(tx: Transaction, campaign: Campaign) -> dict[str, Any]:
    audience = audiences.get(tx, campaign.audience_id)
    return {"recipients": audience.recipients, "audience_id": audience.id}


def _check_size(engine: Engine, recipients: int) -> None:
    """Raises TooLarge."""
    if needs_approval(engine, recipients):
        raise TooLarge(recipients, engine.settings.approval_above)


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
        try:
            _check_size(engine, imported.audience.recipients)
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
        tx, engine, stored, audience, job.asked_by, start_at=start_at, end_at=end_at
    )
