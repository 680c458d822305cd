"""From a rehearsal to a launch: asked for by one person, and above a size approved by another.

Every launch of the screen is a request. At or below `approval_above` recipients it is approved as
it is asked; above that it waits for somebody with the right to approve who has not asked for it.
So do small ones that come to as many within a day, and one that tells a list again what a campaign
tells it already.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from campaigns.channel import ChannelName
from dispatcher.access.roles import Person, Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.forecast import Outlook
from dispatcher.ledger import (
    Transaction,
    audiences,
    campaign_limits,
    campaigns,
    jobs,
    launch_requests,
    scenarios,
    trail,
)
from dispatcher.ledger.campaign_limits import Limits
from dispatcher.ledger.jobs import Job, JobStatus
from dispatcher.ledger.launch_requests import LaunchRequest, RequestStatus, Wish
from templates.i18n import _

REHEARSE = "rehearse"
LAUNCH = "launch"
LONGEST_REMARK = 500
ONE_DAY = timedelta(days=1)


def needs_approval(engine: Engine, recipients: int) -> bool:
    """Whether a launch to so many needs a second person."""
    above = engine.settings.approval_above
    return above == 0 or recipients > above


class Ground(StrEnum):
    """Why a second person has to agree."""

    SIZE = "size"
    SUM = "sum"  # many small launches within a day come to a large one
    AGAIN = "again"  # a campaign tells the same list the same thing already


def approval_ground(
    tx: Transaction, engine: Engine, wish: Wish, person: Person, now: datetime
) -> Ground | None:
    """Why a launch needs a second person; None when it does not."""
    name = scenarios.get(tx, wish.scenario_id).name
    if launch_requests.told_already(tx, name, wish.audience_id):
        return Ground.AGAIN
    if needs_approval(engine, wish.recipients):
        return Ground.SIZE
    before = launch_requests.alone_since(tx, name, person.login, now - ONE_DAY)
    return Ground.SUM if needs_approval(engine, before + wish.recipients) else None


def told_already(tx: Transaction, wish: Wish) -> Sequence[int]:
    """The campaigns that tell the same list the same thing."""
    name = scenarios.get(tx, wish.scenario_id).name
    return campaigns.telling(tx, name, wish.audience_id)


def ask_rehearsal(
    tx: Transaction,
    wish: Wish,
    person: Person,
    now: datetime,
    request: LaunchRequest | None = None,
) -> int:
    """The job that rehearses a wish; with `request`, one that was asked for already."""
    asked = {
        "scenario": wish.scenario_id,
        "audience": wish.audience_id,
        "start_at": wish.start_at.isoformat() if wish.start_at else None,
        "end_at": wish.end_at.isoformat(),
        "leave_out_unfit": wish.leave_out_unfit,
        "limits": dict(wish.limits),
        "request": request.id if request else None,
        "language": person.language,
    }
    total = audiences.get(tx, wish.audience_id).recipients
    return jobs.ask(tx, REHEARSE, asked, person.login, now, total)


def wish_of(rehearsal: Job) -> Wish:
    """What a rehearsal that is over was about, with the list as it saw it. Raises NotPossible."""
    if rehearsal.kind != REHEARSE or rehearsal.status is not JobStatus.DONE:
        raise NotPossible(_("The rehearsal is not over. Wait for it, or begin a new one."))
    seen, asked = outlook_of(rehearsal), rehearsal.asked
    return Wish(
        scenario_id=asked["scenario"],
        audience_id=asked["audience"],
        audience_rows=seen.audience_rows,
        recipients=seen.recipients,
        start_at=datetime.fromisoformat(asked["start_at"]) if asked["start_at"] else None,
        end_at=datetime.fromisoformat(asked["end_at"]),
        leave_out_unfit=asked["leave_out_unfit"],
        limits=limits_of(rehearsal),
    )


def limits_of(rehearsal: Job) -> Limits:
    """The campaign's own limits as they were asked for."""
    asked = rehearsal.asked.get("limits", {})  # none in a job from before there were any
    return {ChannelName(channel): count for channel, count in asked.items()}


def outlook_of(rehearsal: Job) -> Outlook:
    return Outlook.model_validate(rehearsal.told["outlook"])


def ask_launch(engine: Engine, rehearsal_id: int, person: Person) -> LaunchRequest:
    """Ask for what was rehearsed; the button pressed twice asks once. Raises NotPossible."""

    def act(tx: Transaction) -> LaunchRequest:
        now = engine.clock.now()
        rehearsal = jobs.get(tx, rehearsal_id)
        wish = wish_of(rehearsal)
        launch_requests.hold_rehearsal(tx, rehearsal_id)
        there = launch_requests.of_rehearsal(tx, rehearsal_id)
        if there is not None:
            return there
        if rehearsal.asked.get("request") is not None:
            raise NotPossible(_("This rehearsal belongs to a request: decide about that one."))
        _check_outlook(rehearsal, wish)
        audiences.hold(tx, wish.audience_id)
        check_list(tx, wish)
        check_end(wish, now)
        ground = approval_ground(tx, engine, wish, person, now)
        waits = ground is not None
        status = RequestStatus.WAITING if waits else RequestStatus.APPROVED
        request = _put(tx, wish, rehearsal_id, status, person.login, now)
        if not waits:
            _begin(tx, request, person, now)
        return launch_requests.get(tx, request.id)

    return engine.ledger.insist(act)


def put_to_staff(tx: Transaction, rehearsal_id: int, actor: str, now: datetime) -> LaunchRequest:
    """Let staff decide about what another system asks for and has been rehearsed. Raises
    NotPossible."""
    rehearsal = jobs.get(tx, rehearsal_id)
    wish = wish_of(rehearsal)
    _check_outlook(rehearsal, wish)
    audiences.hold(tx, wish.audience_id)
    check_list(tx, wish)
    check_end(wish, now)
    return _put(tx, wish, rehearsal_id, RequestStatus.WAITING, actor, now)


def _check_outlook(rehearsal: Job, wish: Wish) -> None:
    """Raises NotPossible for what nobody can launch as it is."""
    seen = outlook_of(rehearsal)
    if seen.unfit and not wish.leave_out_unfit:
        raise NotPossible(
            _("Some messages cannot go as they are. Mend the text, or leave them out.")
        )
    if not seen.planned:
        raise NotPossible(_("Nobody would be contacted by this: there is nothing to launch."))


def _put(
    tx: Transaction, wish: Wish, rehearsal_id: int, status: RequestStatus, actor: str, now: datetime
) -> LaunchRequest:
    request_id = launch_requests.add(tx, wish, rehearsal_id, status, actor, now)
    request = launch_requests.get(tx, request_id)
    trail.note(
        tx,
        now,
        actor,
        "launch.ask",
        request.subject,
        scenario=request.scenario_name,
        version=request.scenario_version,
        audience=wish.audience_id,
        recipients=wish.recipients,
        waits=status is RequestStatus.WAITING,
        **campaign_limits.told(wish.limits),
    )
    return request


def approve(
    engine: Engine,
    request_id: int,
    person: Person,
    seen_id: int,
    remark: str = "",
    *,
    seen_telling: Collection[int] = (),
) -> LaunchRequest:
    """Approve what the rehearsal `seen_id` has shown, knowing that the campaigns `seen_telling`
    tell the list the same. Two at once approve once.

    Raises NotPossible: it is one's own, decided already, changed since, its time is over, or the
    list is told the same by others than those that were seen.
    """

    def act(tx: Transaction) -> LaunchRequest:
        now = engine.clock.now()
        request = launch_requests.hold(tx, request_id)
        if not person.may(Right.APPROVE) or request.asked_by == person.login:
            raise NotPossible(_("Somebody else has to approve what you asked for."))
        if request.status is RequestStatus.APPROVED:
            return request
        if request.seen_id != seen_id:
            raise NotPossible(_("It was rehearsed anew meanwhile. Look at that rehearsal first."))
        audiences.hold(tx, request.wish.audience_id)
        check_list(tx, request.wish)
        check_end(request.wish, now)
        _check_seen(tx, request, seen_telling)
        _decide(tx, request, RequestStatus.APPROVED, person, now, remark)
        _begin(tx, request, person, now)
        return launch_requests.get(tx, request_id)

    return engine.ledger.insist(act)


def refuse(engine: Engine, request_id: int, person: Person, remark: str) -> LaunchRequest:
    """Say no, and why. Raises NotPossible without a remark, or when it was decided already."""
    if not remark.strip():
        raise NotPossible(_("Write why: whoever asked will read it."))

    def act(tx: Transaction) -> LaunchRequest:
        request = launch_requests.hold(tx, request_id)
        if not person.may(Right.APPROVE):
            raise NotPossible(_("Your role does not allow this."))
        _decide(tx, request, RequestStatus.REFUSED, person, engine.clock.now(), remark)
        return launch_requests.get(tx, request_id)

    return engine.ledger.insist(act)


def withdraw(engine: Engine, request_id: int, person: Person) -> LaunchRequest:
    """Take back what one asked for oneself. Raises NotPossible."""

    def act(tx: Transaction) -> LaunchRequest:
        request = launch_requests.hold(tx, request_id)
        if request.asked_by != person.login:
            raise NotPossible(_("Only whoever asked can take it back; you can refuse it."))
        _decide(tx, request, RequestStatus.WITHDRAWN, person, engine.clock.now(), "")
        return launch_requests.get(tx, request_id)

    return engine.ledger.insist(act)


def rehearse_anew(engine: Engine, request_id: int, person: Person) -> int:
    """Rehearse a request that waits, with the list as it is now; the job. Raises NotPossible."""

    def act(tx: Transaction) -> int:
        request = launch_requests.hold(tx, request_id)
        if request.status is not RequestStatus.WAITING:
            raise NotPossible(_("This request has been decided already."))
        return ask_rehearsal(tx, request.wish, person, engine.clock.now(), request)

    return engine.ledger.insist(act)


def list_has_changed(tx: Transaction, wish: Wish) -> bool:
    """Whether rows were added or mended since the list was rehearsed, or it was erased."""
    audience = audiences.get(tx, wish.audience_id)
    as_it_was = (wish.audience_rows, wish.recipients)
    return audience.status != "ready" or (audience.rows, audience.recipients) != as_it_was


def check_list(tx: Transaction, wish: Wish) -> None:
    if list_has_changed(tx, wish):
        raise NotPossible(_("The list has changed since the rehearsal. Rehearse it anew."))


def _check_seen(tx: Transaction, request: LaunchRequest, seen: Collection[int]) -> None:
    """Whoever approves knows of each campaign that tells the list the same."""
    name, audience_id = request.scenario_name, request.wish.audience_id
    told = launch_requests.told_already(tx, name, audience_id, but=request.id)
    if told.is_beginning or set(told.campaigns) - set(seen):
        raise NotPossible(
            _(
                "Meanwhile this list is being told this by another launch. Look again: with yours, "
                "everybody would get every message twice."
            )
        )


def check_end(wish: Wish, now: datetime) -> None:
    if wish.end_at <= now:
        raise NotPossible(_("The end of this launch has passed. Rehearse it with a later end."))


def _decide(
    tx: Transaction,
    request: LaunchRequest,
    status: RequestStatus,
    person: Person,
    now: datetime,
    remark: str,
) -> None:
    remark = remark.strip()[:LONGEST_REMARK]
    if not launch_requests.decide(tx, request.id, status, person.login, now, remark):
        raise NotPossible(_("This request has been decided already."))
    trail.note(tx, now, person.login, f"launch.{status}", request.subject)


def _begin(tx: Transaction, request: LaunchRequest, person: Person, now: datetime) -> None:
    asked = {"request": request.id, "language": person.language}
    job_id = jobs.ask(tx, LAUNCH, asked, person.login, now, request.wish.recipients)
    launch_requests.keep_job(tx, request.id, job_id)
