"""Campaigns: asked for, watched, and what came of them; who has paid."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from campaigns.recipient import Recipient
from dispatcher import campaigning
from dispatcher.access.keys import Scope
from dispatcher.api import launching
from dispatcher.api.cursors import cursor, place_of
from dispatcher.api.customers import recipient_of
from dispatcher.api.payloads import (
    AttemptOut,
    AttemptPage,
    CampaignFiguresOut,
    CampaignIn,
    CampaignOut,
    CampaignPage,
    CustomerIn,
    LaunchOut,
    RowErrorOut,
    SettledOut,
    SettlementIn,
    StandingOut,
)
from dispatcher.api.problems import MOST_ERRORS, FieldError, Problem, invalid
from dispatcher.api.repeating import Act, Repeatable
from dispatcher.api.routes import Caller, Engined, Facts, Number, Routes
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import (
    Transaction,
    attempt_pages,
    audiences,
    campaign_limits,
    campaigns,
    jobs,
    scenarios,
    tallies,
    trail,
)
from dispatcher.ledger.campaigns import Campaign, CampaignStatus

routes = Routes("Campaigns")
PAGE, LONGEST_PAGE = 100, 1000
# So many rows of a file are told.
MOST_ROWS = 1000

Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE)]
Cursor = Annotated[
    str | None, Query(alias="cursor", max_length=300, description="`next` of the page before")
]


@routes.on(
    "POST",
    "/campaigns",
    Scope.LAUNCH,
    status=202,
    response_model=LaunchOut,
    problems=("not-possible", "under-way", "key-used-before", "too-large"),
)
def launch_campaign(
    engine: Engined, caller: Caller, once: Repeatable, asked: CampaignIn
) -> Response:
    """Launch a campaign over a list. Accepted means: written down; GET /launches/{id} tells how far
    it is. A list of customers is taken whole or not at all; of a file the good rows are. A large
    launch waits for a member of staff, who agrees or refuses."""

    def prepare() -> Act:
        if (asked.customers is None) == (asked.upload_id is None):
            raise invalid("", "one_of", "Give either customers or an upload_id.")
        people = _people(engine, asked.customers or ())
        term = _term(engine, asked)
        return lambda tx: _ask(tx, engine, caller.actor, asked, people, term)

    return once.do(asked, 202, prepare)


def _ask(
    tx: Transaction,
    engine: Engine,
    actor: str,
    asked: CampaignIn,
    people: Sequence[Recipient],
    term: tuple[datetime | None, datetime | None],
) -> Facts:
    """Raises Problem."""
    try:
        stored = scenarios.find(tx, asked.scenario)
    except NotFound:
        raise invalid("/scenario", "unknown", "There is no such scenario.") from None
    for channel in asked.limits:
        if channel not in stored.scenario.channels:
            raise invalid(f"/limits/{channel}", "unknown", "The scenario does not use it.")
    try:
        if asked.upload_id is None:
            job_id, campaign = launching.ask_with_list(
                tx,
                engine,
                stored,
                people,
                term,
                leave_out_unfit=asked.leave_out_unfit,
                actor=actor,
                limits=asked.limits,
            )
            return _accepted(job_id, campaign, waits_for_staff=campaign is None)
        job_id = launching.ask_with_upload(
            tx,
            engine,
            stored,
            asked.upload_id,
            asked.columns,
            term,
            leave_out_unfit=asked.leave_out_unfit,
            actor=actor,
            limits=asked.limits,
        )
    except NotFound:
        raise invalid("/upload_id", "unknown", "There is no such upload of this key.") from None
    except NotPossible as error:
        raise Problem("not-possible", str(error)) from None
    return _accepted(job_id, None)


@routes.on(
    "GET", "/launches/{launch_id}", Scope.LAUNCH, response_model=LaunchOut, problems=("not-found",)
)
def read_launch(engine: Engined, caller: Caller, launch_id: Number) -> LaunchOut:
    """How far a launch is, and which rows of its file were not taken; for the key that asked."""
    with engine.ledger.read() as tx:
        try:
            job = jobs.get(tx, launch_id)
        except NotFound:
            raise Problem("not-found") from None
        if job.kind != launching.KIND or job.asked_by != caller.actor:
            raise Problem("not-found")
        audience_id = job.told.get("audience_id")
        errors = (
            islice(audiences.errors_of(tx, audience_id), MOST_ROWS) if audience_id else iter(())
        )
        rows = [
            RowErrorOut(
                row=e.row,
                column=e.column,
                code=e.code,
                message=e.message,
                advice=e.advice,
                fatal=e.fatal,
            )
            for e in errors
        ]
        stands = launching.standing(tx, job)
    return LaunchOut.model_validate(
        {
            "id": job.id,
            "state": stands.state,
            "campaign_id": stands.campaign_id,
            "detail": stands.why,
            "recipients": job.told.get("recipients"),
            "rows_refused": job.told.get("rows_refused"),
            "row_errors": rows,
        }
    )


@routes.on("GET", "/campaigns", Scope.CAMPAIGNS, response_model=CampaignPage)
def list_campaigns(engine: Engined, limit: Limit = PAGE, begins: Cursor = None) -> CampaignPage:
    """Campaigns, the newest first; those that staff launched, too."""
    return _campaign_page(engine, limit, begins)


@routes.on(
    "GET",
    "/campaigns/{campaign_id}",
    Scope.CAMPAIGNS,
    response_model=CampaignFiguresOut,
    problems=("not-found",),
)
def read_campaign(engine: Engined, campaign_id: Number) -> CampaignFiguresOut:
    """A campaign, and how its recipients stand on each channel."""
    with engine.ledger.read() as tx:
        campaign = _campaign(tx, campaign_id)
        counts = tallies.by_status(tx, campaign_id)
        limits = dict(campaign_limits.of(tx, campaign_id))
    figures = [
        StandingOut(
            channel=c.channel.value,
            status=c.status.value,
            reason=c.reason,
            deliveries=c.deliveries,
        )
        for c in counts
    ]
    return CampaignFiguresOut(**_facts(campaign), limits=limits, figures=figures)


@routes.on(
    "GET",
    "/campaigns/{campaign_id}/attempts",
    Scope.RESULTS,
    response_model=AttemptPage,
    problems=("not-found",),
)
def list_attempts(
    engine: Engined,
    caller: Caller,
    campaign_id: Number,
    limit: Limit = PAGE,
    begins: Cursor = None,
) -> AttemptPage:
    """Every call, SMS and letter of a campaign in the order in which they began, with account
    numbers. Outcomes may still change for days: a receipt comes late, a letter comes back."""
    kind = f"attempts {campaign_id}"
    place = place_of(begins, kind, (str, int))
    try:
        began = (datetime.fromisoformat(str(place[0])), int(place[1])) if place else None
    except ValueError:
        began = None
    if place is not None and (began is None or began[0].tzinfo is None):
        raise Problem("invalid", errors=[FieldError("Not a cursor.", "cursor", parameter="cursor")])
    with engine.ledger.read() as tx:
        _campaign(tx, campaign_id)
        lines = attempt_pages.after(tx, campaign_id, began, limit + 1)
    if place is None:
        # Personal data leave the house: once for each reading, not for each page.
        now, subject = engine.clock.now(), f"{campaigns.SUBJECT}:{campaign_id}"
        engine.ledger.insist(
            lambda tx: trail.note(tx, now, caller.actor, "export.attempts", subject)
        )
    page, more = lines[:limit], lines[limit:]
    behind = cursor(kind, page[-1].started_at.isoformat(), page[-1].id) if more else None
    items = [AttemptOut(**asdict(line)) for line in page]
    return AttemptPage(items=items, next=behind)


@routes.on(
    "POST",
    "/campaigns/{campaign_id}/settlements",
    Scope.SETTLE,
    response_model=SettledOut,
    problems=("not-found", "too-large"),
)
def settle_accounts(
    engine: Engined, caller: Caller, campaign_id: Number, asked: SettlementIn
) -> SettledOut:
    """These accounts have paid: what was not begun is never sent. Again, it changes nothing."""
    try:
        ended, unknown = campaigning.settle(engine, campaign_id, asked.accounts, caller.actor)
    except NotFound:
        raise Problem("not-found") from None
    return SettledOut(deliveries=ended, unknown=unknown)


def _people(engine: Engine, customers: Sequence[CustomerIn]) -> Sequence[Recipient]:
    """The recipients of a list, or a problem that tells the first hundred wrong values."""
    people: list[Recipient] = []
    errors: list[FieldError] = []
    seen: dict[str, int] = {}
    for index, customer in enumerate(customers):
        found, wrong = recipient_of(customer, engine.settings, index + 1, ("customers", index))
        errors += wrong
        if found is not None:
            first = seen.setdefault(found.account_number, index)
            if first != index:
                why = f"The same account as customer {first}."
                place = f"/customers/{index}/account"
                errors.append(FieldError(why, "account_twice", place))
            people.append(found)
        if len(errors) >= MOST_ERRORS:
            break
    if errors:
        raise Problem("invalid", errors=errors[:MOST_ERRORS])
    return people


def _term(engine: Engine, asked: CampaignIn) -> tuple[datetime | None, datetime | None]:
    now = engine.clock.now()
    if asked.end_at is not None and asked.end_at <= max(asked.start_at or now, now):
        raise invalid("/end_at", "too_early", "The end is after the start, and not in the past.")
    return asked.start_at, asked.end_at


def _accepted(job_id: int, campaign: Campaign | None, *, waits_for_staff: bool = False) -> Facts:
    campaign_id = campaign.id if campaign else None
    state = launching.WAITS_FOR_STAFF if waits_for_staff else "waiting"
    answer = LaunchOut.model_validate({"id": job_id, "state": state, "campaign_id": campaign_id})
    return answer.model_dump(mode="json")


def _campaign(tx: Transaction, campaign_id: int) -> Campaign:
    try:
        return campaigns.get(tx, campaign_id)
    except NotFound:
        raise Problem("not-found") from None


def _campaign_page(engine: Engine, limit: int, begins: str | None) -> CampaignPage:
    place = place_of(begins, "campaigns", (int,))
    with engine.ledger.read() as tx:
        found = campaigns.before(tx, int(place[0]) if place else None, limit + 1)
    page, more = found[:limit], found[limit:]
    behind = cursor("campaigns", page[-1].id) if more else None
    return CampaignPage(items=[CampaignOut(**_facts(one)) for one in page], next=behind)


def _facts(campaign: Campaign) -> Facts:
    return {
        "id": campaign.id,
        "scenario": campaign.scenario_name,
        "scenario_version": campaign.scenario_version,
        "title": campaign.title,
        "audience": campaign.audience_name,
        "status": CampaignStatus(campaign.status).value,
        "zone": campaign.zone,
        "start_at": campaign.start_at,
        "end_at": campaign.end_at,
        "created_at": campaign.created_at,
        "closed_at": campaign.closed_at,
    }
