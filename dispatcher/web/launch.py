"""Launch: choose a scenario and a list, see what would happen, and only then the button."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Form, Request
from starlette.responses import Response

from campaigns.channel import ChannelName
from campaigns.scenario_description import channel_title
from campaigns.scenario_file import library
from dispatcher import approving, trial_send
from dispatcher.access.roles import Person, Right
from dispatcher.campaigning import DEFAULT_LENGTH, limit_fault
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.ledger import (
    Transaction,
    audience_lists,
    audiences,
    jobs,
    launch_requests,
    scenarios,
)
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.jobs import Job, JobStatus
from dispatcher.ledger.launch_requests import Wish
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.report.words import channels, word
from dispatcher.rewording import built_in
from dispatcher.web.field_words import column_title
from dispatcher.web.launch_outlook import shown_outlook
from dispatcher.web.launch_words import limits_words, zone_title
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _, ngettext

screens = Screens()
_LOCAL = "%Y-%m-%dT%H:%M"  # as browsers send and take it
# Further off than any campaign: a year that somebody has mistyped.
_FURTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was typed."""

    scenario: str = ""
    audience: str = ""
    start: str = ""
    end: str = ""
    leave_out_unfit: str = ""
    phone_per_hour: str = ""
    sms_per_hour: str = ""
    email_per_hour: str = ""

    def per_hour(self) -> Mapping[ChannelName, str]:
        """What was typed as the campaign's own limit of each channel."""
        return {channel: getattr(self, _limit_field(channel)).strip() for channel in ChannelName}


@screens.page("/launch", Right.LAUNCH)
def ask(
    request: Request,
    engine: Engined,
    scenario: str = "",
    audience: str = "",
    start: str = "",
    end: str = "",
    leave_out_unfit: str = "",
    phone_per_hour: str = "",
    sms_per_hour: str = "",
    email_per_hour: str = "",
) -> Response:
    end = end or f"{_evening(engine.clock.now() + DEFAULT_LENGTH, engine.settings.zone):{_LOCAL}}"
    limits = phone_per_hour, sms_per_hour, email_per_hour
    typed = Typed(scenario, audience, start, end, leave_out_unfit, *limits)
    return _form(request, engine, typed, {})


@screens.act("/launch/rehearsals", Right.LAUNCH)
def rehearse(
    request: Request,
    engine: Engined,
    person: Asker,
    scenario: Annotated[str, Form()] = "",
    audience: Annotated[str, Form()] = "",
    start: Annotated[str, Form()] = "",
    end: Annotated[str, Form()] = "",
    leave_out_unfit: Annotated[str, Form()] = "",
    phone_per_hour: Annotated[str, Form()] = "",
    sms_per_hour: Annotated[str, Form()] = "",
    email_per_hour: Annotated[str, Form()] = "",
) -> Response:
    limits = phone_per_hour, sms_per_hour, email_per_hour
    typed = Typed(scenario, audience, start, end, leave_out_unfit, *limits)
    now = engine.clock.now()
    _take_off_the_shelf(engine, scenario, person)
    with engine.ledger.read() as tx:
        wish, wrong = _read(tx, engine, typed, now)
    if wish is None:
        return _form(request, engine, typed, wrong)
    job_id = engine.ledger.insist(lambda tx: approving.ask_rehearsal(tx, wish, person, now))
    return go(request, f"/launch/rehearsals/{job_id}")


@screens.page("/launch/rehearsals/{job_id}", Right.LAUNCH)
def rehearsal(request: Request, engine: Engined, person: Asker, job_id: int) -> Response:
    with engine.ledger.read() as tx:
        job = _rehearsal(tx, job_id)
        belongs_to = job.asked.get("request")
        asked_for = None if belongs_to else launch_requests.of_rehearsal(tx, job_id)
        values = _told(tx, engine, job, person)
    if belongs_to and job.status.is_over:
        return go(request, f"/launch/requests/{belongs_to}")
    return render(request, "launch_rehearsal.html", job=job, asked_for=asked_for, **values)


@screens.page("/launch/rehearsals/{job_id}/progress", Right.LAUNCH)
def progress(request: Request, engine: Engined, job_id: int) -> Response:
    """Asked every second while it is rehearsed; then the whole page comes anew."""
    with engine.ledger.read() as tx:
        job = _rehearsal(tx, job_id)
    if job.status.is_over:
        return Response(status_code=204, headers={"HX-Redirect": f"/launch/rehearsals/{job_id}"})
    return render(request, "launch_progress.html", job=job, where=f"/launch/rehearsals/{job_id}")


@screens.act("/launch/rehearsals/{job_id}/launch", Right.LAUNCH)
def launch(request: Request, engine: Engined, person: Asker, job_id: int) -> Response:
    asked_for = approving.ask_launch(engine, job_id, person)
    return go(request, f"/launch/requests/{asked_for.id}")


@screens.act("/launch/rehearsals/{job_id}/trial", Right.LAUNCH)
def send_trial(
    request: Request,
    engine: Engined,
    person: Asker,
    job_id: int,
    channel: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    values: Annotated[str, Form()] = "",
) -> Response:
    """One message of the scenario to whoever asks."""
    with engine.ledger.read() as tx:
        job = _rehearsal(tx, job_id)
        stored, audience = _subjects(tx, engine, job)
        first = audiences.after(tx, audience.id, 0, 1) if values == "first" else {}
    if channel not in stored.scenario.channels:
        raise NotFound(_("channel"), channel[:20])
    customer = next(iter(first.items()), None)
    trial_send.send_trial(engine, stored, ChannelName(channel), to, person, customer)
    told = _("The test message has been handed over.")
    return go(request, f"/launch/rehearsals/{job_id}", told)


def _ground(tx: Transaction, engine: Engine, wish: Wish, person: Person) -> approving.Ground | None:
    return approving.approval_ground(tx, engine, wish, person, engine.clock.now())


def _told(tx: Transaction, engine: Engine, job: Job, person: Person) -> Mapping[str, Any]:
    """What the page of a rehearsal shows besides how far it is."""
    stored, audience = _subjects(tx, engine, job)
    seen = approving.outlook_of(job) if job.status is JobStatus.DONE else None
    wish = approving.wish_of(job) if seen is not None else None
    return {
        "stored": stored,
        "audience": audience,
        "start_at": job.asked["start_at"] and datetime.fromisoformat(job.asked["start_at"]),
        "end_at": datetime.fromisoformat(job.asked["end_at"]),
        "limits": limits_words(approving.limits_of(job)),
        "ground": _ground(tx, engine, wish, person) if wish is not None else None,
        "telling": approving.told_already(tx, wish) if wish is not None else (),
        "has_changed": wish is not None and approving.list_has_changed(tx, wish),
        "above": engine.settings.approval_above,
        "shown": shown_outlook(tx, engine, seen) if seen is not None else None,
        "trial_channels": [
            (channel.value, channel_title(channel))
            for channel in stored.scenario.sequence()
            if channel in trial_send.CHANNELS
        ],
        "again": _again(engine, job, stored),
    }


def _again(engine: Engine, job: Job, stored: StoredScenario) -> Mapping[str, str]:
    """The same form once more."""
    zone = ZoneInfo(engine.settings.zone)

    def local(text: str | None) -> str:
        at = datetime.fromisoformat(text).astimezone(zone) if text else None
        return f"{at:{_LOCAL}}" if at else ""

    return {
        "scenario": stored.name,
        "audience": str(job.asked["audience"]),
        "start": local(job.asked["start_at"]),
        "end": local(job.asked["end_at"]),
        "leave_out_unfit": "yes" if job.asked["leave_out_unfit"] else "",
        **{
            _limit_field(channel): str(count) for channel, count in approving.limits_of(job).items()
        },
    }


def _limit_field(channel: ChannelName) -> str:
    return f"{channel}_per_hour"


def _subjects(tx: Transaction, engine: Engine, job: Job) -> tuple[StoredScenario, StoredAudience]:
    return engine.scenario(tx, job.asked["scenario"]), audiences.get(tx, job.asked["audience"])


def _rehearsal(tx: Transaction, job_id: int) -> Job:
    job = jobs.get(tx, job_id)
    if job.kind != approving.REHEARSE:
        raise NotFound(_("rehearsal"), str(job_id))
    return job


def _form(request: Request, engine: Engine, typed: Typed, wrong: Mapping[str, str]) -> Response:
    with engine.ledger.read() as tx:
        known = _choices(scenarios.newest(tx))
        lists = audience_lists.launchable(tx)
        waiting = launch_requests.waiting(tx)
    return render(
        request,
        "launch.html",
        422 if wrong else 200,
        typed=typed,
        wrong=defaultdict(str, wrong),
        limits=[
            (_limit_field(channel), word(channels, channel), text)
            for channel, text in typed.per_hour().items()
        ],
        known=known,
        lists=lists,
        waiting=waiting,
        above=engine.settings.approval_above,
        clock_title=zone_title(engine.settings.zone, engine.clock.now()),
    )


def _choices(stored: Sequence[StoredScenario]) -> Sequence[tuple[str, str]]:
    """Every scenario that can be launched, by name and in words: stored ones, and built-in ones
    that nobody has used yet."""
    version = _("version {number}")
    found = [(one.name, f"{one.title} ({version.format(number=one.version)})") for one in stored]
    new = {*library()} - {one.name for one in stored}
    found += [(name, built_in(name).scenario.title) for name in new]
    return sorted(found, key=lambda choice: choice[1].casefold())


def _take_off_the_shelf(engine: Engine, name: str, person: Person) -> None:
    """A built-in scenario is stored when somebody uses it first."""
    if name not in library():
        return
    with engine.ledger.write() as tx:
        scenarios.hold(tx, name)
        if _scenario(tx, name) is None:
            scenarios.add(tx, built_in(name), person.login, engine.clock.now())


def _read(
    tx: Transaction, engine: Engine, typed: Typed, now: datetime
) -> tuple[Wish | None, Mapping[str, str]]:
    """What the form asks for; or what is wrong with it, by field."""
    wrong: dict[str, str] = {}
    stored, audience = _scenario(tx, typed.scenario), _audience(tx, typed.audience)
    if stored is None:
        wrong["scenario"] = _("Choose a scenario.")
    if audience is None:
        wrong["audience"] = _("Choose a list.")
    if stored is not None and audience is not None:
        wrong |= _misfit(engine, stored, audience)
    start_at, end_at = (_instant(text, engine.settings.zone) for text in (typed.start, typed.end))
    if typed.start.strip() and start_at is None:
        wrong["start"] = _("A day and a time are expected, or nothing: then it begins at once.")
    if end_at is None:
        wrong["end"] = _("A day and a time are expected.")
    elif end_at <= now:
        wrong["end"] = _("This has passed already: choose a later end.")
    elif start_at is not None and start_at >= end_at:
        wrong["end"] = _("The end comes after the start.")
    elif end_at - now > _FURTHEST:
        wrong["end"] = _("This is more than a year off: is the year right?")
    limits = {channel: _count(text) for channel, text in typed.per_hour().items() if text}
    for channel, count in limits.items():
        if stored is not None and (fault := limit_fault(stored.scenario, channel, count)):
            wrong[_limit_field(channel)] = fault
    if wrong or stored is None or audience is None or end_at is None:
        return None, wrong
    if start_at is not None and start_at <= now:
        start_at = None
    leave_out = typed.leave_out_unfit == "yes"
    wish = Wish(
        stored.id,
        audience.id,
        audience.rows,
        audience.recipients,
        start_at,
        end_at,
        leave_out,
        limits,
    )
    return wish, {}


def _count(text: str) -> int:
    """A number as people type it, «1 000»; 0 for anything else."""
    digits = "".join(text.split())
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0


def _misfit(engine: Engine, stored: StoredScenario, audience: StoredAudience) -> Mapping[str, str]:
    """Why this scenario and this list do not go together."""
    missing = [name for name in stored.scenario.fields if name not in audience.columns]
    if missing:
        words = ngettext(
            "The list lacks a column that this scenario needs: {names}. Upload it with that one.",
            "The list lacks columns that this scenario needs: {names}. Upload it with those.",
            len(missing),
        )
        return {"audience": words.format(names=", ".join(map(column_title, missing)))}
    absent = [channel_title(c) for c in stored.scenario.channels if c not in engine.channels]
    if absent:
        words = _("No provider is set up for: {channels}. An administrator can change that.")
        return {"scenario": words.format(channels=", ".join(absent))}
    return {}


def _scenario(tx: Transaction, name: str) -> StoredScenario | None:
    try:
        return scenarios.find(tx, name)
    except NotFound:
        return None


def _audience(tx: Transaction, number: str) -> StoredAudience | None:
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    return audience_lists.find_launchable(tx, int(number))


def _instant(text: str, zone: str) -> datetime | None:
    """A moment as browsers send it, on the house's clock; None for anything else."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=at.tzinfo or ZoneInfo(zone)) if "T" in text.upper() else None
    except (ValueError, OverflowError):
        return None


def _evening(at: datetime, zone: str) -> datetime:
    """The end of the allowed hours of that day."""
    return at.astimezone(ZoneInfo(zone)).replace(hour=21, minute=0, second=0, microsecond=0)
