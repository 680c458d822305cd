"""Reports to take along: figures for everybody, lists of persons for who may take them out.

Whoever takes persons out stands in the journal before the first line of them goes. A few lists are
made at a time: each holds a connection to the ledger, which the pages need, too.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import Response, StreamingResponse

from dispatcher.access.roles import Person, Right
from dispatcher.engine import Engine
from dispatcher.errors import Busy, NotPossible
from dispatcher.ledger import campaigns, trail
from dispatcher.report import standing
from dispatcher.report.tables import Section, csv_of
from dispatcher.reporting import campaign_sections, files, period_sections, stored
from dispatcher.reporting.stored import OfPeriod
from dispatcher.web.report_periods import WrongPeriod, typed
from dispatcher.web.reports import asked_for, columns_of
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()

# Of the connections of a process.
AT_A_TIME = 4
_SEATS = threading.BoundedSemaphore(AT_A_TIME)
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@screens.page("/reports/campaigns/{campaign_id}/figures.csv", Right.LOOK)
def campaign_csv(engine: Engined, campaign_id: int, by: str = "") -> Response:
    _title, sections = _campaign(engine, campaign_id, by)
    return _sent(csv_of(sections), f"campaign-{campaign_id}.csv", CSV)


@screens.page("/reports/campaigns/{campaign_id}/figures.xlsx", Right.LOOK)
def campaign_xlsx(engine: Engined, campaign_id: int, by: str = "") -> Response:
    title, sections = _campaign(engine, campaign_id, by)
    book = files.figures_book(title, sections, engine.clock.now())
    return _sent(files.pieces(book), f"campaign-{campaign_id}.xlsx", XLSX)


@screens.page("/reports/period/figures.csv", Right.LOOK)
def period_csv(engine: Engined, first: str = "", last: str = "") -> Response:
    return _sent(csv_of(_period(engine, first, last)), f"period-{first}-{last}.csv", CSV)


@screens.page("/reports/period/figures.xlsx", Right.LOOK)
def period_xlsx(engine: Engined, first: str = "", last: str = "") -> Response:
    sections = _period(engine, first, last)
    book = files.figures_book(f"{first} – {last}", sections, engine.clock.now())
    return _sent(files.pieces(book), f"period-{first}-{last}.xlsx", XLSX)


@screens.act("/reports/campaigns/{campaign_id}/attempts.csv", Right.EXPORT)
def attempts_csv(engine: Engined, person: Asker, campaign_id: int) -> Response:
    with seat():
        _note(engine, person, campaign_id, "attempts")
        made = files.attempts(engine.ledger, campaign_id, full=person.may(Right.SEE_PERSONS))
    return _sent(files.pieces(made), f"campaign-{campaign_id}-attempts.csv", CSV)


@screens.act("/reports/campaigns/{campaign_id}/unreached.csv", Right.EXPORT)
def unreached_csv(engine: Engined, person: Asker, campaign_id: int) -> Response:
    with seat():
        _note(engine, person, campaign_id, "unreached")
        made = files.unreached(engine.ledger, campaign_id, full=person.may(Right.SEE_PERSONS))
    return _sent(files.pieces(made), f"campaign-{campaign_id}-unreached.csv", CSV)


@screens.act("/reports/campaigns/{campaign_id}/skips.csv", Right.EXPORT)
def skips_csv(engine: Engined, person: Asker, campaign_id: int) -> Response:
    with seat():
        _note(engine, person, campaign_id, "skips")
        made = files.skips(engine.ledger, campaign_id)
    return _sent(files.pieces(made), f"campaign-{campaign_id}-skips.csv", CSV)


@screens.act("/reports/campaigns/{campaign_id}/lists.xlsx", Right.EXPORT)
def lists_xlsx(engine: Engined, person: Asker, campaign_id: int) -> Response:
    with seat():
        _note(engine, person, campaign_id, "workbook")
        with engine.ledger.read() as tx:
            seen = stored.of_campaign(tx, asked_for(campaign_id, ""), engine.clock.now())
            if seen.figures is None:
                raise _not_counted()
            full = person.may(Right.SEE_PERSONS)
            book = files.campaign_book(tx, seen.figures.report, full=full)
    return _sent(files.pieces(book), f"campaign-{campaign_id}-lists.xlsx", XLSX)


@contextmanager
def seat() -> Iterator[None]:
    """Raises Busy: so many lists are being made already."""
    if not _SEATS.acquire(blocking=False):
        raise Busy(_("Several lists are being made just now. Try again in half a minute."))
    try:
        yield
    finally:
        _SEATS.release()


def _campaign(engine: Engine, campaign_id: int, by: str) -> tuple[str, list[Section]]:
    """The same as the page shows. Raises NotFound."""
    now, prices = engine.clock.now(), engine.settings.sms_price_kopecks
    with engine.ledger.read() as tx:
        campaign = campaigns.get(tx, campaign_id)
        _names, column = columns_of(tx, campaign, by)
        seen = stored.of_campaign(tx, asked_for(campaign_id, column), now)
        found = seen.figures.report if seen.figures else standing.of_campaign(tx, campaign_id, now)
    return campaign.title, list(campaign_sections.sections(found, seen.figures, column, prices))


def _period(engine: Engine, first: str, last: str) -> list[Section]:
    try:
        what = OfPeriod(typed(first, last))
    except WrongPeriod as wrong:
        raise NotPossible(str(wrong)) from None
    with engine.ledger.read() as tx:
        seen = stored.of_period(tx, engine, what, engine.clock.now())
    if seen.figures is None:
        raise _not_counted()
    return list(period_sections.sections(seen.figures, engine.settings.sms_price_kopecks))


def _not_counted() -> NotPossible:
    return NotPossible(_("This report has not been counted yet: open it, and wait a moment."))


def _note(engine: Engine, person: Person, campaign_id: int, what: str) -> None:
    """Raises NotFound. `attempts`: how many the campaign has, by its counters."""
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        found = standing.of_campaign(tx, campaign_id, now)
    engine.ledger.insist(
        lambda tx: trail.note(
            tx,
            now,
            person.login,
            f"export.{what}",
            found.campaign.subject,
            recipients=found.recipients,
            attempts=found.attempts,
        )
    )


def _sent(pieces: Iterator[bytes], name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=kind, headers=headers)
