"""Launches that staff have asked for: those that wait for a second person, and what became of all.

A request names a scenario version and a list as they were rehearsed: what is approved is what is
launched. Its campaign is written down in the transaction that makes the draft, so there is exactly
one, whoever dies in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, Select, func, insert, or_, select, update

from campaigns.channel import ChannelName
from dispatcher.errors import NotFound
from dispatcher.ledger import campaigns
from dispatcher.ledger.campaign_limits import NONE, Limits
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.jobs import JobStatus
from dispatcher.ledger.staff_tables import jobs, launch_requests
from dispatcher.ledger.tables import audiences, scenarios
from templates.i18n import _

SUBJECT = "launch"


class RequestStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be launched. `audience_rows` and `recipients` tell the list as it was looked at;
    `start_at` None: at once; `limits`: the campaign's own, in attempts an hour."""

    scenario_id: int
    audience_id: int
    audience_rows: int
    recipients: int
    start_at: datetime | None
    end_at: datetime
    leave_out_unfit: bool
    limits: Limits = field(default_factory=lambda: NONE)


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """`decided_by` is empty where no second person was needed."""

    id: int
    wish: Wish
    scenario_name: str
    scenario_version: int
    title: str
    audience_name: str
    asked_at: datetime
    asked_by: str
    status: RequestStatus
    decided_at: datetime | None
    decided_by: str
    remark: str
    campaign_id: int | None
    rehearsal_id: int | None
    seen_id: int | None
    job_id: int | None

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return f"{SUBJECT}:{self.id}"


def add(
    tx: Transaction,
    wish: Wish,
    rehearsal_id: int,
    status: RequestStatus,
    actor: str,
    now: datetime,
) -> int:
    """Ask for a launch. Of one rehearsal there is one: hold it and ask `of_rehearsal` first."""
    row = insert(launch_requests).values(
        scenario_id=wish.scenario_id,
        audience_id=wish.audience_id,
        audience_rows=wish.audience_rows,
        recipients=wish.recipients,
        start_at=wish.start_at,
        end_at=wish.end_at,
        leave_out_unfit=wish.leave_out_unfit,
        limits=dict(wish.limits),
        asked_at=now,
        asked_by=actor,
        status=status,
        rehearsal_id=rehearsal_id,
        seen_id=rehearsal_id,
    )
    return int(tx.execute(row.returning(launch_requests.c.id)).scalar_one())


def hold_rehearsal(tx: Transaction, rehearsal_id: int) -> None:
    """Nobody else asks from this rehearsal until this transaction ends."""
    tx.execute(select(jobs.c.id).where(jobs.c.id == rehearsal_id).with_for_update())


def of_rehearsal(tx: Transaction, rehearsal_id: int) -> LaunchRequest | None:
    """What was asked from a rehearsal."""
    row = tx.execute(_select().where(launch_requests.c.rehearsal_id == rehearsal_id)).first()
    return _read(row) if row is not None else None


def get(tx: Transaction, request_id: int) -> LaunchRequest:
    """Raises NotFound."""
    row = tx.execute(_select().where(launch_requests.c.id == request_id)).first()
    if row is None:
        raise NotFound(_("request for a launch"), str(request_id))
    return _read(row)


def hold(tx: Transaction, request_id: int) -> LaunchRequest:
    """The same, and nobody else changes it until this transaction ends. Raises NotFound."""
    mine = launch_requests.c.id == request_id
    tx.execute(select(launch_requests.c.id).where(mine).with_for_update())
    return get(tx, request_id)


def waiting(tx: Transaction) -> Sequence[LaunchRequest]:
    """What waits for a second person, the oldest first."""
    waits = launch_requests.c.status == RequestStatus.WAITING
    return [_read(row) for row in tx.execute(_select().where(waits).order_by(launch_requests.c.id))]


def alone_since(tx: Transaction, scenario_name: str, actor: str, since: datetime) -> int:
    """To how many recipients launches went since then that nobody else had to approve: of this
    scenario, or asked for by this person."""
    r = launch_requests.c
    query = (
        select(func.coalesce(func.sum(r.recipients), 0))
        .join(scenarios, scenarios.c.id == r.scenario_id)
        .where(
            r.status == RequestStatus.APPROVED,
            r.decided_by.is_(None),
            r.asked_at > since,
            or_(scenarios.c.name == scenario_name, r.asked_by == actor),
        )
    )
    return int(tx.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class ToldAlready:
    """Who tells a list the same: campaigns that are not over, and a launch without one as yet."""

    is_beginning: bool
    campaigns: Sequence[int]

    def __bool__(self) -> bool:
        return self.is_beginning or bool(self.campaigns)


def told_already(
    tx: Transaction, scenario_name: str, audience_id: int, but: int | None = None
) -> ToldAlready:
    """Who tells this list the same, besides the request `but`; whoever decides by it holds the
    list.

    Asked in this order: a launch that gets its campaign between the two is known to the second.
    """
    is_beginning = being_launched(tx, scenario_name, audience_id, but)
    return ToldAlready(is_beginning, campaigns.telling(tx, scenario_name, audience_id))


def being_launched(
    tx: Transaction, scenario_name: str, audience_id: int, but: int | None = None
) -> bool:
    """Whether a launch of this scenario to this list, other than `but`, is agreed to and has no
    campaign yet, nor even a draft."""
    r = launch_requests.c
    query = (
        select(r.id)
        .join(scenarios, scenarios.c.id == r.scenario_id)
        .join(jobs, jobs.c.id == r.job_id)
        .where(
            r.audience_id == audience_id,
            r.campaign_id.is_(None),
            scenarios.c.name == scenario_name,
            r.status == RequestStatus.APPROVED,
            jobs.c.status.in_((JobStatus.WAITING, JobStatus.RUNNING)),
        )
    )
    if but is not None:
        query = query.where(r.id != but)
    return tx.execute(query.limit(1)).first() is not None


def lately(tx: Transaction, count: int) -> Sequence[LaunchRequest]:
    """The last ones, newest first, whatever became of them."""
    rows = tx.execute(_select().order_by(launch_requests.c.id.desc()).limit(count))
    return [_read(row) for row in rows]


def decide(
    tx: Transaction,
    request_id: int,
    status: RequestStatus,
    actor: str,
    now: datetime,
    remark: str = "",
) -> bool:
    """End the waiting; False when somebody has ended it before."""
    waits = (launch_requests.c.id == request_id, launch_requests.c.status == RequestStatus.WAITING)
    values = {"status": status, "decided_at": now, "decided_by": actor, "remark": remark}
    return tx.execute(update(launch_requests).where(*waits).values(**values)).rowcount == 1


def keep_job(tx: Transaction, request_id: int, job_id: int) -> None:
    """Which job launches it."""
    _set(tx, request_id, job_id=job_id)


def keep_campaign(tx: Transaction, request_id: int, campaign_id: int | None) -> None:
    """The campaign that was made of it; None when it was taken back."""
    _set(tx, request_id, campaign_id=campaign_id)


def keep_rehearsal(
    tx: Transaction, request_id: int, rehearsal_id: int, audience_rows: int, recipients: int
) -> None:
    """It was rehearsed anew, with the list as it is now."""
    _set(tx, request_id, seen_id=rehearsal_id, audience_rows=audience_rows, recipients=recipients)


def _set(tx: Transaction, request_id: int, **values: object) -> None:
    mine = launch_requests.c.id == request_id
    tx.execute(update(launch_requests).where(mine).values(**values))


def _select() -> Select[tuple[object, ...]]:
    return (
        select(
            launch_requests,
            scenarios.c.name.label("scenario_name"),
            scenarios.c.version.label("scenario_version"),
            scenarios.c.title,
            audiences.c.name.label("audience_name"),
        )
        .join(scenarios, scenarios.c.id == launch_requests.c.scenario_id)
        .join(audiences, audiences.c.id == launch_requests.c.audience_id)
    )


def _read(row: Row[tuple[object, ...]]) -> LaunchRequest:
    return LaunchRequest(
        id=row.id,
        wish=Wish(
            row.scenario_id,
            row.audience_id,
            row.audience_rows,
            row.recipients,
            row.start_at,
            row.end_at,
            row.leave_out_unfit,
            {ChannelName(channel): count for channel, count in row.limits.items()},
        ),
        scenario_name=row.scenario_name,
        scenario_version=row.scenario_version,
        title=row.title,
        audience_name=row.audience_name,
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        status=RequestStatus(row.status),
        decided_at=row.decided_at,
        decided_by=row.decided_by or "",
        remark=row.remark,
        campaign_id=row.campaign_id,
        rehearsal_id=row.rehearsal_id,
        seen_id=row.seen_id,
        job_id=row.job_id,
    )
