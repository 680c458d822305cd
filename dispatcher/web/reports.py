"""Reports: what came of a campaign, and what was done over a period; chosen, shown, counted."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Form, Request
from starlette.responses import Response

from dispatcher.access.roles import Right
from dispatcher.ledger import Transaction, audiences, campaigns, periods
from dispatcher.ledger.breakdowns import KNOWN
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.report import standing, words
from dispatcher.report.standing import Standing
from dispatcher.reporting import campaign as campaign_report
from dispatcher.reporting import campaign_sections, stored
from dispatcher.reporting.costs import cost_of
from dispatcher.reporting.stored import OfCampaign
from dispatcher.web.rendering import go, render
from dispatcher.web.report_cells import numbers_in, shown
from dispatcher.web.report_periods import presets
from dispatcher.web.report_waiting import still_counting, today_of
from dispatcher.web.screens import Asker, Engined, Screens

screens = Screens()

PAGE = 20
_OVER = (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)
DEFAULT_COLUMN = "branch"


@screens.page("/reports", Right.LOOK)
def choose(request: Request, engine: Engined, before: int = 0) -> Response:
    """`before`: the number of the last campaign of the page before."""
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        found = periods.latest(tx, before or None, PAGE + 1)
        rows = [(one, standing.of_campaign(tx, one.id, now)) for one in found[:PAGE]]
    return render(
        request,
        "reports.html",
        rows=rows,
        older=f"/reports?before={found[PAGE - 1].id}" if len(found) > PAGE else "",
        newer="/reports" if before else "",
        presets=presets(today_of(engine)),
        first="",
        last="",
        wrong="",
        badges=BADGES,
        word=words.word,
        words=words,
    )


@screens.page("/reports/campaigns/{campaign_id}", Right.LOOK)
def campaign_page(request: Request, engine: Engined, campaign_id: int, by: str = "") -> Response:
    now, prices = engine.clock.now(), engine.settings.sms_price_kopecks
    with engine.ledger.read() as tx:
        campaign = campaigns.get(tx, campaign_id)
        columns, column = columns_of(tx, campaign, by)
        seen = stored.of_campaign(tx, asked_for(campaign_id, column), now)
        # Where nothing has been counted yet, counters tell what they can.
        found: Standing = (
            seen.figures.report if seen.figures else standing.of_campaign(tx, campaign_id, now)
        )
    return render(
        request,
        "report_campaign.html",
        campaign=campaign,
        is_over=campaign.status in _OVER,
        seen=seen,
        found=found,
        sections=campaign_sections.sections(found, seen.figures, column, prices),
        cost=cost_of(seen.figures.carried, prices) if seen.figures else None,
        columns=[(name, campaign_sections.column_title(name)) for name in columns],
        column=column,
        query=f"?by={quote(column, safe='')}",
        badges=BADGES,
        shown=shown,
        numbers_in=numbers_in,
        word=words.word,
        words=words,
    )


@screens.act("/reports/campaigns/{campaign_id}/count", Right.LOOK)
def count_campaign(
    request: Request,
    engine: Engined,
    person: Asker,
    campaign_id: int,
    by: Annotated[str, Form()] = "",
) -> Response:
    with engine.ledger.read() as tx:
        _names, column = columns_of(tx, campaigns.get(tx, campaign_id), by)
    stored.ask(engine, asked_for(campaign_id, column), person.login)
    return go(request, f"/reports/campaigns/{campaign_id}?by={quote(column, safe='')}")


@screens.page("/reports/campaigns/{campaign_id}/counting", Right.LOOK)
def counting_campaign(
    request: Request, engine: Engined, campaign_id: int, by: str = ""
) -> Response:
    """What a page that waits asks every second; at the end it is loaded anew."""
    with engine.ledger.read() as tx:
        _names, column = columns_of(tx, campaigns.get(tx, campaign_id), by)
        seen = stored.of_campaign(tx, asked_for(campaign_id, column), engine.clock.now())
    return still_counting(request, is_counting=seen.is_counting)


def columns_of(tx: Transaction, campaign: Campaign, by: str) -> tuple[list[str], str]:
    """By what customers can be told apart, and what was chosen of it."""
    columns = list(campaign_report.columns_of(audiences.get(tx, campaign.audience_id)))
    return columns, by if by in columns else DEFAULT_COLUMN


def asked_for(campaign_id: int, column: str) -> OfCampaign:
    return OfCampaign(campaign_id, "" if column in KNOWN else column)


BADGES = {
    CampaignStatus.DRAFT: "",
    CampaignStatus.SCHEDULED: "",
    CampaignStatus.RUNNING: "busy",
    CampaignStatus.PAUSED: "warn",
    CampaignStatus.COMPLETED: "good",
    CampaignStatus.CANCELLED: "",
}
