"""Figures that take longer than a page may: counted by a job, kept, shown with their time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.inquiries.totals import Period
from dispatcher.jobs import Progress
from dispatcher.ledger import Transaction, counted, jobs, periods
from dispatcher.ledger.breakdowns import KNOWN
from dispatcher.ledger.jobs import Job, JobStatus
from dispatcher.reporting import campaign, period
from dispatcher.reporting.campaign import CampaignCounts
from dispatcher.reporting.period import PeriodCounts

KIND = "report"
# So many rows are counted while a page is waited for, well within a second.
AT_ONCE = 20_000
# Whoever changes a field of what is kept takes the next number: what stands there is counted anew.
FORMAT = 1

Figures = TypeVar("Figures")


@dataclass(frozen=True, slots=True)
class Seen(Generic[Figures]):
    """`figures`, if there are any yet, and the job that counts them, or has counted them; None
    where they were counted at once."""

    figures: Figures | None
    made_at: datetime | None
    job: Job | None

    @property
    def is_counting(self) -> bool:
        return self.job is not None and not self.job.status.is_over

    @property
    def has_failed(self) -> bool:
        return self.job is not None and self.job.status is JobStatus.FAILED


@dataclass(frozen=True, slots=True)
class OfCampaign:
    """A campaign; `column`: one of its file's own, besides what all have."""

    campaign_id: int
    column: str = ""

    @property
    def subject(self) -> str:
        return f"campaign:{self.campaign_id}" + (f":{_digest(self.column)}" if self.column else "")

    @property
    def asked(self) -> Mapping[str, Any]:
        return {"campaign": self.campaign_id, "column": self.column}

    @property
    def columns(self) -> tuple[str, ...]:
        return (*KNOWN, self.column) if self.column else KNOWN


@dataclass(frozen=True, slots=True)
class OfPeriod:
    period: Period

    @property
    def subject(self) -> str:
        return f"period:{self.period.first}:{self.period.last}"

    @property
    def asked(self) -> Mapping[str, Any]:
        return {"first": str(self.period.first), "last": str(self.period.last)}


_OF_CAMPAIGN = TypeAdapter(CampaignCounts)
_OF_PERIOD = TypeAdapter(PeriodCounts)


def of_campaign(tx: Transaction, what: OfCampaign, now: datetime) -> Seen[CampaignCounts]:
    """Counted now, where that is quick; else what was counted last. Raises NotFound."""
    if periods.weight(tx, [what.campaign_id]) <= AT_ONCE:
        return Seen(campaign.count(tx, what.campaign_id, now, what.columns), now, None)
    return _kept(tx, what.subject, _OF_CAMPAIGN)


def of_period(tx: Transaction, engine: Engine, what: OfPeriod, now: datetime) -> Seen[PeriodCounts]:
    """The same of a period."""
    if period.weight(tx, engine.settings.zone, what.period) <= AT_ONCE:
        return Seen(period.count(tx, engine, what.period, now), now, None)
    return _kept(tx, what.subject, _OF_PERIOD)


def ask(engine: Engine, what: OfCampaign | OfPeriod, actor: str) -> None:
    """Have it counted anew, unless somebody asked for that already."""
    now = engine.clock.now()

    def act(tx: Transaction) -> None:
        known = counted.find(tx, what.subject)
        job = _job(tx, known.job_id) if known else None
        if job is None or job.status.is_over:
            counted.note_asked(tx, what.subject, jobs.ask(tx, KIND, what.asked, actor, now), now)

    engine.ledger.insist(act)


def count(engine: Engine, job: Job, progress: Progress) -> Mapping[str, Any]:
    """Do such a job. Begun anew, it counts anew: until its end nothing is written."""
    what, now = _asked(job.asked), engine.clock.now()
    progress(0)
    with engine.ledger.read() as tx:
        if isinstance(what, OfCampaign):
            found = campaign.count(tx, what.campaign_id, now, what.columns)
            figures = _OF_CAMPAIGN.dump_python(found, mode="json")
        else:
            figures = _OF_PERIOD.dump_python(
                period.count(tx, engine, what.period, now), mode="json"
            )
    progress(1, 1)
    kept = {"format": FORMAT, **figures}
    engine.ledger.insist(lambda tx: counted.keep(tx, what.subject, job.id, kept, now))
    return {}


def _digest(column: str) -> str:
    """Headers of files may be of any length."""
    return hashlib.sha256(column.encode()).hexdigest()[:16]


def _asked(asked: Mapping[str, Any]) -> OfCampaign | OfPeriod:
    if "campaign" in asked:
        return OfCampaign(int(asked["campaign"]), str(asked["column"]))
    return OfPeriod(Period(date.fromisoformat(asked["first"]), date.fromisoformat(asked["last"])))


def _kept(tx: Transaction, subject: str, kind: TypeAdapter[Figures]) -> Seen[Figures]:
    known = counted.find(tx, subject)
    if known is None:
        return Seen(None, None, None)
    return Seen(_read(known.figures, kind), known.made_at, _job(tx, known.job_id))


def _read(figures: Mapping[str, Any] | None, kind: TypeAdapter[Figures]) -> Figures | None:
    """None for what another version of the program has counted."""
    if figures is None or figures.get("format") != FORMAT:
        return None
    try:
        return kind.validate_python(
            {k: v for k, v in figures.items() if k != "format"}, strict=False
        )
    except ValidationError:
        return None


def _job(tx: Transaction, job_id: int) -> Job | None:
    try:
        return jobs.get(tx, job_id)
    except NotFound:
        return None
