"""A report over a period: which one, and its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from campaigns.inquiry.rules import Topic
from dispatcher.access.roles import Right
from dispatcher.inquiries.totals import Period
from dispatcher.reporting import period_sections, stored
from dispatcher.reporting.costs import cost_of
from dispatcher.reporting.stored import OfPeriod
from dispatcher.web.rendering import go, render
from dispatcher.web.report_cells import numbers_in, shown
from dispatcher.web.report_waiting import still_counting, today_of
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()

LONGEST = timedelta(days=5 * 366)
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class Preset:
    """A period that people ask for by its name."""

    title: str
    period: Period

    @property
    def path(self) -> str:
        return path_of(self.period)


class WrongPeriod(ValueError):
    """What was typed is no period; the text is for whoever typed it."""


def path_of(period: Period) -> str:
    return f"/reports/period?first={period.first}&last={period.last}"


def presets(today: date) -> Sequence[Preset]:
    """Whole months and quarters, for those are compared with whole ones before them."""
    month = today.replace(day=1)
    quarter = _months_after(month, -((month.month - 1) % 3))
    year = month.replace(month=1)
    return [
        Preset(_("Today"), Period(today, today)),
        Preset(_("This month"), _months(month, 1)),
        Preset(_("Last month"), last_month(today)),
        Preset(_("This quarter"), _months(quarter, 3)),
        Preset(_("Last quarter"), _months(_months_after(quarter, -3), 3)),
        Preset(_("This year"), _months(year, 12)),
    ]


def last_month(today: date) -> Period:
    """What people report on most."""
    return _months(_months_after(today.replace(day=1), -1), 1)


def typed(first: str, last: str) -> Period:
    """Raises WrongPeriod."""
    try:
        period = Period(date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        raise WrongPeriod(_("Choose both days: the first and the last.")) from None
    if period.last < period.first:
        raise WrongPeriod(_("The last day is before the first one."))
    if period.first < EARLIEST or period.last > LATEST or period.last - period.first > LONGEST:
        raise WrongPeriod(_("Choose a period of five years at most."))
    return period


@screens.page("/reports/period", Right.LOOK)
def period_page(request: Request, engine: Engined, first: str = "", last: str = "") -> Response:
    today = today_of(engine)
    if not first and not last:
        usual = last_month(today)
        return render(
            request,
            "report_choice.html",
            presets=presets(today),
            first=str(usual.first),
            last=str(usual.last),
            wrong="",
        )
    try:
        period = typed(first, last)
    except WrongPeriod as wrong:
        return render(
            request,
            "report_choice.html",
            422,
            presets=presets(today),
            first=first,
            last=last,
            wrong=str(wrong),
        )
    now, prices = engine.clock.now(), engine.settings.sms_price_kopecks
    with engine.ledger.read() as tx:
        seen = stored.of_period(tx, engine, OfPeriod(period), now)
    found = seen.figures
    return render(
        request,
        "report_period.html",
        period=period,
        compared=period.before(),
        is_over=period.last < today,
        seen=seen,
        found=found,
        sections=period_sections.sections(found, prices) if found else [],
        cost=cost_of(found.carried, prices) if found else None,
        complaints=sum(one.now for one in found.inquiries.topics if one.topic is Topic.COMPLAINT)
        if found
        else 0,
        query=f"?first={period.first}&last={period.last}",
        presets=presets(today),
        first=str(period.first),
        last=str(period.last),
        wrong="",
        shown=shown,
        numbers_in=numbers_in,
    )


@screens.act("/reports/period/count", Right.LOOK)
def count_period(
    request: Request,
    engine: Engined,
    person: Asker,
    first: Annotated[str, Form()] = "",
    last: Annotated[str, Form()] = "",
) -> Response:
    try:
        period = typed(first, last)
    except WrongPeriod:
        return go(request, "/reports")
    stored.ask(engine, OfPeriod(period), person.login)
    return go(request, path_of(period))


@screens.page("/reports/period/counting", Right.LOOK)
def counting_period(request: Request, engine: Engined, first: str = "", last: str = "") -> Response:
    try:
        period = typed(first, last)
    except WrongPeriod:
        return still_counting(request, is_counting=False)
    with engine.ledger.read() as tx:
        seen = stored.of_period(tx, engine, OfPeriod(period), engine.clock.now())
    return still_counting(request, is_counting=seen.is_counting)


def _months(first: date, count: int) -> Period:
    return Period(first, _months_after(first, count) - timedelta(days=1))


def _months_after(month: date, count: int) -> date:
    years, months = divmod(month.month - 1 + count, 12)
    return date(month.year + years, months + 1, 1)
