"""The calendar: public holidays and moved days, the hours of each channel, and where they are open
now."""

import calendar as months
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from babel.dates import format_date, get_day_names
from fastapi import Form, Request
from starlette.responses import Response

from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from campaigns.opening_hours import hours_now
from campaigns.regions import load_regions
from campaigns.scenario import WEEKDAYS, Scenario
from campaigns.scenario_description import channel_title, purpose_title
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.ledger import calendar, scenarios
from dispatcher.ledger.calendar import Correction
from dispatcher.report.words import hours_of
from dispatcher.story import times
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _, current_language

screens = Screens()
MONTHS = 3
LONGEST_NOTE = 300
_EARLIEST, _LATEST = date(2000, 1, 1), date(2100, 12, 31)


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    is_holiday: bool
    is_working: bool
    correction: Correction | None
    is_today: bool


@dataclass(frozen=True, slots=True)
class Month:
    """Weeks of seven places, empty where another month's day would stand."""

    title: str
    weeks: tuple[tuple[Day | None, ...], ...]


@screens.page("/calendar", Right.LOOK)
def production_calendar(
    request: Request, engine: Engined, month: str = "", day: str = ""
) -> Response:
    typed = {"day": day, "kind": "holiday", "note": ""}
    return _page(request, engine, month, typed, {})


@screens.act("/calendar", Right.EDIT)
def correct(
    request: Request,
    engine: Engined,
    person: Asker,
    day: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "holiday",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Say what a day is, or take that back (`standard`)."""
    note, wrong = " ".join(note.split())[:LONGEST_NOTE], {}
    value = {"holiday": True, "workday": False, "standard": None}.get(kind)
    parsed = _date(day)
    if parsed is None:
        wrong["day"] = _("This is no date.")
    if not note:
        wrong["note"] = _("Write why: somebody will ask.")
    if parsed is None or wrong:
        typed = {"day": day, "kind": kind, "note": note}
        return _page(request, engine, day[:7], typed, wrong, 422)
    engine.ledger.insist(
        lambda tx: calendar.correct(tx, parsed, value, note, person.login, engine.clock.now())
    )
    told = _("The day is as the production calendar has it.") if value is None else _("Noted.")
    return go(request, f"/calendar?month={parsed:%Y-%m}", told)


def _page(
    request: Request,
    engine: Engine,
    month: str,
    typed: dict[str, str],
    wrong: dict[str, str],
    status: int = 200,
) -> Response:
    now = engine.clock.now()
    today = times.local_date(now, engine.settings.zone)
    first = (_date(f"{month}-01") or today).replace(day=1)
    after = _plus(first, MONTHS)
    with engine.ledger.read() as tx:
        holidays = engine.rules(tx).holidays
        corrections = calendar.corrected(tx, first, after - timedelta(days=1))
        newest = scenarios.newest(tx)
    by_day = {one.day: one for one in corrections}
    back, further = _plus(first, -MONTHS), after
    return render(
        request,
        "calendar.html",
        status,
        months=[_month(_plus(first, n), holidays, by_day, today) for n in range(MONTHS)],
        shown_month=f"{first:%Y-%m}",
        day_names=_day_names(),
        corrections=corrections,
        back=f"/calendar?month={back:%Y-%m}" if back >= _EARLIEST else "",
        further=f"/calendar?month={further:%Y-%m}" if further <= _LATEST else "",
        typed=typed,
        wrong=wrong,
        zones=hours_now(now, load_regions(engine.settings.regions_file), holidays),
        scenarios=[_hours(one.scenario) for one in newest],
        channel_titles=[channel_title(channel) for channel in ChannelName],
        times=times,
    )


def _month(
    first: date, holidays: Holidays, corrections: dict[date, Correction], today: date
) -> Month:
    def place(number: int) -> Day | None:
        if not number:
            return None
        day = first.replace(day=number)
        return Day(
            day,
            holidays.is_holiday(day),
            holidays.is_working_day(day),
            corrections.get(day),
            day == today,
        )

    weeks = months.Calendar().monthdayscalendar(first.year, first.month)
    title = format_date(first, "LLLL y", locale=current_language())
    return Month(title, tuple(tuple(map(place, week)) for week in weeks))


def _hours(scenario: Scenario) -> tuple[str, str, list[str]]:
    """Title and purpose of a scenario, and when each channel of it may be used."""
    cells = []
    for channel in ChannelName:
        if channel not in scenario.channels:
            cells.append("—")
            continue
        window = scenario.policy(channel).window
        told = hours_of(window)
        if window.days != WEEKDAYS:
            told += ", " + ", ".join(_day_names()[WEEKDAYS.index(day)] for day in window.days)
        if window.holidays:
            told += "; " + _("on public holidays, too")
        cells.append(told)
    return scenario.title, purpose_title(scenario.purpose), cells


def _day_names() -> list[str]:
    names = get_day_names("abbreviated", "stand-alone", current_language())
    return [names[number] for number in range(7)]


def _plus(month: date, count: int) -> date:
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if _EARLIEST <= found <= _LATEST else None
