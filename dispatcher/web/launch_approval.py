"""A launch that was asked for: who decides, what they see, and how far the launch is."""

from typing import Annotated, Any

from fastapi import Form, Request
from starlette.responses import Response

from dispatcher import approving
from dispatcher.access.roles import Person, Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, jobs, launch_requests, scenarios
from dispatcher.ledger.jobs import Job, JobStatus
from dispatcher.ledger.launch_requests import LaunchRequest, RequestStatus
from dispatcher.web.launch_outlook import shown_outlook
from dispatcher.web.launch_words import limits_words
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()
_LATELY = 30


@screens.page("/launch/requests", Right.LAUNCH)
def requests(request: Request, engine: Engined) -> Response:
    with engine.ledger.read() as tx:
        found = launch_requests.lately(tx, _LATELY)
    return render(request, "launch_requests.html", found=found)


@screens.page("/launch/requests/{request_id}", Right.LAUNCH)
def one(request: Request, engine: Engined, person: Asker, request_id: int) -> Response:
    return _page(request, engine, person, request_id)


@screens.page("/launch/requests/{request_id}/progress", Right.LAUNCH)
def progress(request: Request, engine: Engined, request_id: int) -> Response:
    """Asked every second while it is launched; then the campaign's own page comes."""
    with engine.ledger.read() as tx:
        asked_for = launch_requests.get(tx, request_id)
        job = _job(tx, asked_for)
    where = f"/launch/requests/{request_id}"
    if job is None or job.status is JobStatus.FAILED:
        return Response(status_code=204, headers={"HX-Redirect": where})
    if job.status is JobStatus.DONE:
        campaign = f"/campaigns/{asked_for.campaign_id}"
        return Response(status_code=204, headers={"HX-Redirect": campaign})
    return render(request, "launch_progress.html", job=job, where=where)


@screens.act("/launch/requests/{request_id}/approve", Right.APPROVE)
def approve(
    request: Request,
    engine: Engined,
    person: Asker,
    request_id: int,
    seen: Annotated[int, Form()] = 0,
    telling: Annotated[str, Form()] = "",
    remark: Annotated[str, Form()] = "",
) -> Response:
    known = {int(one) for one in telling.split() if one.isascii() and one.isdigit()}
    try:
        approving.approve(engine, request_id, person, seen, remark, seen_telling=known)
    except NotPossible as error:
        return _page(request, engine, person, request_id, str(error), remark)
    return go(request, f"/launch/requests/{request_id}", _("Approved: the launch has begun."))


@screens.act("/launch/requests/{request_id}/refuse", Right.APPROVE)
def refuse(
    request: Request,
    engine: Engined,
    person: Asker,
    request_id: int,
    remark: Annotated[str, Form()] = "",
) -> Response:
    try:
        approving.refuse(engine, request_id, person, remark)
    except NotPossible as error:
        return _page(request, engine, person, request_id, str(error), remark)
    return go(request, f"/launch/requests/{request_id}", _("Refused."))


@screens.act("/launch/requests/{request_id}/withdraw", Right.LAUNCH)
def withdraw(request: Request, engine: Engined, person: Asker, request_id: int) -> Response:
    approving.withdraw(engine, request_id, person)
    return go(request, f"/launch/requests/{request_id}", _("Taken back."))


@screens.act("/launch/requests/{request_id}/rehearse", Right.LAUNCH)
def rehearse_anew(request: Request, engine: Engined, person: Asker, request_id: int) -> Response:
    job_id = approving.rehearse_anew(engine, request_id, person)
    return go(request, f"/launch/rehearsals/{job_id}")


def _page(
    request: Request,
    engine: Engine,
    person: Person,
    request_id: int,
    wrong: str = "",
    remark: str = "",
) -> Response:
    with engine.ledger.read() as tx:
        asked_for = launch_requests.get(tx, request_id)
        seen = jobs.get(tx, asked_for.seen_id) if asked_for.seen_id else None
        newest = scenarios.find(tx, asked_for.scenario_name)
        is_waiting = asked_for.status is RequestStatus.WAITING
        outlook = approving.outlook_of(seen) if seen else None
        values: dict[str, Any] = {
            "job": _job(tx, asked_for),
            "limits": limits_words(asked_for.wish.limits),
            "shown": shown_outlook(tx, engine, outlook) if outlook else None,
            "telling": approving.told_already(tx, asked_for.wish) if is_waiting else (),
            "rehearsed_at": seen.ended_at if seen else None,
            "has_changed": is_waiting and approving.list_has_changed(tx, asked_for.wish),
            "newer_version": newest.version if newest.version > asked_for.scenario_version else 0,
            "is_late": is_waiting and asked_for.wish.end_at <= engine.clock.now(),
        }
    return render(
        request,
        "launch_request.html",
        422 if wrong else 200,
        asked_for=asked_for,
        may_decide=person.may(Right.APPROVE) and asked_for.asked_by != person.login,
        is_own=asked_for.asked_by == person.login,
        wrong=wrong,
        remark=remark,
        **values,
    )


def _job(tx: Transaction, asked_for: LaunchRequest) -> Job | None:
    return jobs.get(tx, asked_for.job_id) if asked_for.job_id is not None else None
