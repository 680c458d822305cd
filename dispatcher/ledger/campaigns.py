"""Campaigns: one scenario version, one audience, a start and an end."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, and_, delete, func, insert, or_, select, update

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import campaign_limits, trail, webhooks
from dispatcher.ledger.api_tables import standing_campaigns
from dispatcher.ledger.attempts import WORKER_LOST
from dispatcher.ledger.campaign_limits import NONE, Limits
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, audiences, campaigns, deliveries, scenarios
from templates.i18n import _


class CampaignStatus(StrEnum):
    DRAFT = "draft"  # being planned
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


# What the audit trail calls a campaign, before its number.
SUBJECT = "campaign"
# How many of the latest attempts are looked at for those that are over.
LOOK_PAST = 2000

LEGAL: Mapping[CampaignStatus, frozenset[CampaignStatus]] = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.SCHEDULED, CampaignStatus.CANCELLED}),
    CampaignStatus.SCHEDULED: frozenset(
        {CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.CANCELLED}
    ),
    CampaignStatus.RUNNING: frozenset(
        {CampaignStatus.PAUSED, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED}
    ),
    CampaignStatus.PAUSED: frozenset(
        {CampaignStatus.RUNNING, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED}
    ),
    CampaignStatus.COMPLETED: frozenset(),
    CampaignStatus.CANCELLED: frozenset(),
}


# The steps that other systems may hear of; that one runs is told when it starts.
_TOLD = {
    CampaignStatus.PAUSED: webhooks.Event.CAMPAIGN_PAUSED,
    CampaignStatus.CANCELLED: webhooks.Event.CAMPAIGN_FINISHED,
}


_NOT_OVER = (
    CampaignStatus.DRAFT,
    CampaignStatus.SCHEDULED,
    CampaignStatus.RUNNING,
    CampaignStatus.PAUSED,
)


class Why(StrEnum):
    """What made a campaign stop itself."""

    FAILURES = "failures"  # attempts that failed technically
    WORDS = "words"  # messages that could not be made


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why a campaign paused itself; its text form, `failures:57/100`, is kept as the note."""

    why: Why
    failed: int
    of: int

    def __str__(self) -> str:
        return f"{self.why}:{self.failed}/{self.of}"

    @classmethod
    def read(cls, note: str) -> "Stopped | None":
        """The reason behind a note; None when it is none."""
        found = _NOTE.fullmatch(note)
        return cls(Why(found[1]), int(found[2]), int(found[3])) if found else None


_NOTE = re.compile(rf"({'|'.join(Why)}):(\d{{1,9}})/(\d{{1,9}})")


@dataclass(frozen=True, slots=True)
class Run:
    """A campaign since staff last set it going: what its failures are counted by."""

    id: int
    judged_from: datetime | None


@dataclass(frozen=True, slots=True)
class Campaign:
    id: int
    scenario_id: int
    scenario_name: str
    scenario_version: int
    title: str
    audience_id: int
    audience_name: str
    status: CampaignStatus
    zone: str
    start_at: datetime
    end_at: datetime
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    note: str  # why it stands as it does: a `Stopped` in its text form, or empty
    judged_from: datetime | None  # failures before this do not count towards pausing it

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return f"{SUBJECT}:{self.id}"


_SELECT = (
    select(
        campaigns,
        scenarios.c.name.label("scenario_name"),
        scenarios.c.version.label("scenario_version"),
        scenarios.c.title,
        audiences.c.name.label("audience_name"),
    )
    .join(scenarios, scenarios.c.id == campaigns.c.scenario_id)
    .join(audiences, audiences.c.id == campaigns.c.audience_id)
)

_REAL = _SELECT.where(~campaigns.c.on_trial)


def create(
    tx: Transaction,
    *,
    scenario_id: int,
    audience_id: int,
    zone: str,
    start_at: datetime,
    end_at: datetime,
    actor: str,
    now: datetime,
    on_trial: bool = False,
    limits: Limits = NONE,
) -> Campaign:
    """A draft. One `on_trial` is looked at and taken back: the trail knows nothing of it."""
    if start_at >= end_at:
        raise NotPossible(_("The campaign would end before it starts: mend --start or --end."))
    if end_at <= now:
        raise NotPossible(_("The campaign's end has passed already: give a later --end."))
    campaign_id = tx.execute(
        insert(campaigns)
        .values(
            **_fresh_id(tx),
            scenario_id=scenario_id,
            audience_id=audience_id,
            status=CampaignStatus.DRAFT,
            zone=zone,
            start_at=start_at,
            end_at=end_at,
            created_at=now,
            created_by=actor,
            on_trial=on_trial,
        )
        .returning(campaigns.c.id)
    ).scalar_one()
    campaign_limits.keep(tx, campaign_id, limits)
    if not on_trial:
        details = campaign_limits.told(limits)
        trail.note(tx, now, actor, "campaign.launch", f"campaign:{campaign_id}", **details)
    return get(tx, campaign_id)


def _fresh_id(tx: Transaction) -> Mapping[str, int]:
    """SQLite gives the id of a campaign that was taken back to the next one, and with it what the
    trail tells of the former: there the trail is asked. PostgreSQL never does."""
    if tx.dialect.name != "sqlite":
        return {}
    used = (tx.execute(select(func.max(campaigns.c.id))).scalar(), trail.last_number(tx, SUBJECT))
    return {"id": max(number or 0 for number in used) + 1}


def get(tx: Transaction, campaign_id: int) -> Campaign:
    """Raises NotFound."""
    row = tx.execute(_SELECT.where(campaigns.c.id == campaign_id)).first()
    if row is None:
        known = tx.execute(select(campaigns.c.id).order_by(campaigns.c.id.desc()).limit(20))
        raise NotFound(_("campaign"), str(campaign_id), tuple(map(str, known.scalars())))
    return _read(row)


def everything(tx: Transaction) -> Sequence[Campaign]:
    """All but rehearsals."""
    return [_read(row) for row in tx.execute(_REAL.order_by(campaigns.c.id))]


def before(tx: Transaction, campaign_id: int | None, limit: int) -> Sequence[Campaign]:
    """So many campaigns older than this one, the newest first; None: the newest of all."""
    query = _REAL.order_by(campaigns.c.id.desc()).limit(limit)
    if campaign_id is not None:
        query = query.where(campaigns.c.id < campaign_id)
    return [_read(row) for row in tx.execute(query)]


def of_audience(tx: Transaction, audience_id: int) -> Sequence[Campaign]:
    """The campaigns over a list, oldest first."""
    rows = tx.execute(_REAL.where(campaigns.c.audience_id == audience_id).order_by(campaigns.c.id))
    return [_read(row) for row in rows]


def telling(tx: Transaction, scenario_name: str, audience_id: int) -> Sequence[int]:
    """The campaigns that are not over, drafts among them, and tell this list by this scenario,
    whichever version."""
    rows = tx.execute(
        select(campaigns.c.id)
        .join(scenarios, scenarios.c.id == campaigns.c.scenario_id)
        .where(
            campaigns.c.audience_id == audience_id,
            scenarios.c.name == scenario_name,
            campaigns.c.status.in_(_NOT_OVER),
            ~campaigns.c.on_trial,
        )
        .order_by(campaigns.c.id)
    )
    return rows.scalars().all()


def of_ids(tx: Transaction, ids: Collection[int]) -> Mapping[int, Campaign]:
    """Those of them that are there, by their numbers."""
    rows = tx.execute(_SELECT.where(campaigns.c.id.in_(list(ids))))
    return {row.id: _read(row) for row in rows}


def is_on_trial(tx: Transaction, campaign_id: int) -> bool:
    """Whether it is a draft that is only looked at, and taken back."""
    row = tx.execute(select(campaigns.c.on_trial).where(campaigns.c.id == campaign_id)).first()
    return row is not None and bool(row.on_trial)


def hold_draft(tx: Transaction, campaign_id: int) -> bool:
    """Whether a campaign is still a draft. If so, it stays one until this transaction ends, and
    nobody else plans it meanwhile."""
    row = tx.execute(
        select(campaigns.c.status)
        .where(campaigns.c.id == campaign_id)
        .with_for_update(key_share=True)
    ).first()
    return row is not None and row.status == CampaignStatus.DRAFT


def hold(tx: Transaction, campaign_id: int) -> CampaignStatus:
    """How a campaign stands, and stands until this transaction ends."""
    row = select(campaigns.c.status).where(campaigns.c.id == campaign_id).with_for_update(read=True)
    return CampaignStatus(tx.execute(row).scalar_one())


def change(
    tx: Transaction, campaign: Campaign, to: CampaignStatus, actor: str, now: datetime
) -> Campaign:
    """Move a campaign to another status. Raises NotPossible when that step is not legal."""
    sources = [status for status, targets in LEGAL.items() if to in targets]
    changed = tx.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign.id, campaigns.c.status.in_(sources))
        .values(status=to, closed_at=None if LEGAL[to] else now, note="", **_fresh_start(to, now))
    ).rowcount
    if not changed:
        present = get(tx, campaign.id)
        raise NotPossible(
            _("Campaign {id} is {status}; it cannot become {to}.").format(
                id=campaign.id, status=_said(present.status), to=_said(to)
            )
        )
    trail.note(tx, now, actor, f"campaign.{to}", campaign.subject)
    if to in _TOLD:
        webhooks.tell(tx, _TOLD[to], [_fact(campaign.id, to)], now)
    return get(tx, campaign.id)


def _fact(campaign_id: int, status: CampaignStatus) -> Mapping[str, object]:
    """What other systems are told of a campaign."""
    return {"campaign": campaign_id, "status": status.value}


def _fresh_start(to: CampaignStatus, now: datetime) -> Mapping[str, datetime]:
    """Who resumes a campaign has seen why it stood: what failed before is not held against it."""
    return {"judged_from": now} if to is CampaignStatus.RUNNING else {}


def of_status(tx: Transaction, ids: Collection[int], status: CampaignStatus) -> frozenset[int]:
    """Those of the campaigns that stand so."""
    rows = tx.execute(
        select(campaigns.c.id).where(campaigns.c.id.in_(list(ids)), campaigns.c.status == status)
    )
    return frozenset(rows.scalars())


def running(tx: Transaction) -> Sequence[Run]:
    """The campaigns under way."""
    rows = tx.execute(
        select(campaigns.c.id, campaigns.c.judged_from)
        .where(campaigns.c.status == CampaignStatus.RUNNING)
        .order_by(campaigns.c.id)
    )
    return [Run(*row) for row in rows]


def recent_outcomes(tx: Transaction, run: Run, last: int) -> Sequence[Outcome | None]:
    """What came of the last attempts, the latest first, one of each delivery. None: the provider
    took it, and nothing bad is known of it yet; a letter stands so for a day.

    A few customers who fail again and again, when all others are done, are one failure each. What a
    dead worker left in doubt says nothing of the campaign, and a call that goes on nothing yet. A
    short walk along an index: not past more than `LOOK_PAST` attempts.
    """
    a = attempts.c
    columns = (a.delivery_id, a.outcome, a.started_at, a.id, a.handed_at, a.channel, a.reason)
    begun = select(*columns).where(a.campaign_id == run.id)
    if run.judged_from is not None:
        begun = begun.where(a.started_at > run.judged_from)
    latest = begun.order_by(a.started_at.desc()).limit(LOOK_PAST).subquery().c
    was_taken = and_(latest.handed_at.is_not(None), latest.channel != ChannelName.PHONE)
    was_lost = and_(latest.outcome == Outcome.UNCERTAIN, latest.reason == WORKER_LOST)
    rows = tx.execute(
        select(latest.delivery_id, latest.outcome)
        .where(or_(and_(latest.outcome.is_not(None), ~was_lost), was_taken))
        .order_by(latest.started_at.desc(), latest.id.desc())
    )
    found: dict[int, Outcome | None] = {}
    for delivery_id, outcome in rows:
        found.setdefault(delivery_id, Outcome(outcome) if outcome else None)
    return list(found.values())[:last]


def stop_itself(tx: Transaction, run: Run, why: Stopped, actor: str, now: datetime) -> bool:
    """Pause a campaign that goes wrong; False when it does not run any more, or was resumed by
    staff after what is held against it."""
    stopped = tx.execute(
        update(campaigns)
        .where(
            campaigns.c.id == run.id,
            campaigns.c.status == CampaignStatus.RUNNING,
            campaigns.c.judged_from.is_not_distinct_from(run.judged_from),
        )
        .values(status=CampaignStatus.PAUSED, note=str(why))
    ).rowcount
    if stopped:
        trail.note(tx, now, actor, "campaign.paused", f"campaign:{run.id}", reason=str(why))
        fact = _fact(run.id, CampaignStatus.PAUSED)
        webhooks.tell(tx, webhooks.Event.CAMPAIGN_PAUSED, [fact], now)
    return bool(stopped)


def discard(
    tx: Transaction, campaign: Campaign, now: datetime, *, unfit_texts: int, on_trial: bool = False
) -> bool:
    """Take back a draft that never ran, its plan included; the trail tells that it was there,
    unless it was on trial only. False when it is no draft any more: it was launched or cancelled
    meanwhile, and that stays."""
    if not hold_draft(tx, campaign.id):  # whoever launches it now is waited for
        return False
    tx.execute(delete(deliveries).where(deliveries.c.campaign_id == campaign.id))
    tx.execute(delete(campaigns).where(campaigns.c.id == campaign.id))
    if on_trial:
        return True
    trail.note(
        tx,
        now,
        campaign.created_by,
        "campaign.discard",
        campaign.subject,
        scenario=campaign.scenario_name,
        audience=campaign.audience_name,
        unfit_texts=unfit_texts,
    )
    return True


def _said(status: CampaignStatus) -> str:
    """A status within a sentence."""
    return {
        CampaignStatus.DRAFT: _("being planned"),
        CampaignStatus.SCHEDULED: _("scheduled"),
        CampaignStatus.RUNNING: _("running"),
        CampaignStatus.PAUSED: _("paused"),
        CampaignStatus.COMPLETED: _("completed"),
        CampaignStatus.CANCELLED: _("cancelled"),
    }[status]


def start_due(tx: Transaction, now: datetime) -> int:
    """Scheduled campaigns whose hour has come begin to run."""
    started = tx.execute(
        update(campaigns)
        .where(campaigns.c.status == CampaignStatus.SCHEDULED, campaigns.c.start_at <= now)
        .values(status=CampaignStatus.RUNNING)
        .returning(campaigns.c.id)
    ).scalars()
    ids = started.all()
    for campaign_id in ids:
        trail.note(tx, now, "loop", "campaign.running", f"campaign:{campaign_id}")
    if ids:
        facts = [_fact(campaign_id, CampaignStatus.RUNNING) for campaign_id in ids]
        webhooks.tell(tx, webhooks.Event.CAMPAIGN_STARTED, facts, now)
    return len(ids)


def past_end(tx: Transaction, now: datetime) -> Sequence[int]:
    """Campaigns whose time is over and which are not closed yet."""
    rows = tx.execute(
        select(campaigns.c.id).where(
            campaigns.c.status.in_(
                (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)
            ),
            campaigns.c.end_at <= now,
        )
    )
    return rows.scalars().all()


_AT_WORK = (Status.PENDING, Status.QUEUED, Status.SENDING, Status.AWAITING)


def close_finished(tx: Transaction, now: datetime) -> Sequence[int]:
    """Complete the campaigns in which nothing is left to do.

    An uncertain attempt keeps a campaign open until its end, because a receipt may still come. One
    that stands open for a day waits for the next message of another system.
    """
    open_here = deliveries.c.campaign_id == campaigns.c.id
    at_work = select(deliveries.c.id).where(open_here, deliveries.c.status.in_(_AT_WORK)).exists()
    unsure = (
        select(deliveries.c.id).where(open_here, deliveries.c.status == Status.UNCERTAIN).exists()
    )
    stands_open = (
        select(standing_campaigns.c.campaign_id)
        .where(
            standing_campaigns.c.campaign_id == campaigns.c.id,
            standing_campaigns.c.feeds_until > now,
        )
        .exists()
    )
    closed = tx.execute(
        update(campaigns)
        .where(
            campaigns.c.status.in_((CampaignStatus.RUNNING, CampaignStatus.PAUSED)),
            ~stands_open,
            ~at_work,
            (campaigns.c.end_at <= now) | ~unsure,
        )
        .values(status=CampaignStatus.COMPLETED, closed_at=now, note="")
        .returning(campaigns.c.id)
    ).scalars()
    ids = closed.all()
    for campaign_id in ids:
        trail.note(tx, now, "loop", "campaign.completed", f"campaign:{campaign_id}")
    if ids:
        facts = [_fact(campaign_id, CampaignStatus.COMPLETED) for campaign_id in ids]
        webhooks.tell(tx, webhooks.Event.CAMPAIGN_FINISHED, facts, now)
        # Those in doubt: their messages are over with the campaign.
        webhooks.messages_ended(tx, webhooks.open_messages(tx, ids), now)
    return ids


def next_turn(tx: Transaction, now: datetime) -> datetime | None:
    """When the next campaign starts or ends."""
    starts = select(func.min(campaigns.c.start_at)).where(
        campaigns.c.status == CampaignStatus.SCHEDULED
    )
    ends = select(func.min(campaigns.c.end_at)).where(
        campaigns.c.status.in_((CampaignStatus.RUNNING, CampaignStatus.PAUSED)),
        campaigns.c.end_at > now,
    )
    turns = [tx.execute(starts).scalar(), tx.execute(ends).scalar()]
    return min((turn for turn in turns if turn is not None), default=None)


def _read(row: Row[tuple[object, ...]]) -> Campaign:
    return Campaign(
        id=row.id,
        scenario_id=row.scenario_id,
        scenario_name=row.scenario_name,
        scenario_version=row.scenario_version,
        title=row.title,
        audience_id=row.audience_id,
        audience_name=row.audience_name,
        status=CampaignStatus(row.status),
        zone=row.zone,
        start_at=row.start_at,
        end_at=row.end_at,
        created_at=row.created_at,
        created_by=row.created_by,
        closed_at=row.closed_at,
        note=row.note,
        judged_from=row.judged_from,
    )
