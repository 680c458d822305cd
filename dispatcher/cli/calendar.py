"""`dispatcher calendar …`"""

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotPossible
from dispatcher.ledger import calendar
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)


class Kind(StrEnum):
    HOLIDAY = "holiday"
    WORKDAY = "workday"
    STANDARD = "standard"


@app.command("set", help=_("Say what a day is; “standard” returns to the production calendar."))
def set_(
    day: Annotated[str, typer.Argument(help="2026-12-31")],
    kind: Kind,
    note: Annotated[str, typer.Option(help=_("Why, for the journal."))] = "",
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        raise NotPossible(_("“{day}” is no date: write 2026-12-31.").format(day=day)) from None
    value = {Kind.HOLIDAY: True, Kind.WORKDAY: False, Kind.STANDARD: None}[kind]
    with engine.ledger.write() as tx:
        calendar.correct(tx, parsed, value, note, shared.actor(settings), engine.clock.now())
    screen.say_well(_("Noted."))


@app.command("list", help=_("Public holidays of a year, with staff's corrections."))
def list_(year: Annotated[int, typer.Argument()] = 0, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    year = year or engine.clock.now().year
    with engine.ledger.read() as tx:
        corrections = calendar.corrections(tx)
        holidays = engine.rules(tx).holidays
    days = (
        date.fromordinal(n)
        for n in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
    )
    rows = [
        (day, holidays.is_holiday(day), day in corrections)
        for day in days
        if holidays.is_holiday(day) or day in corrections
    ]
    if as_json:
        screen.print_json(
            [{"day": d.isoformat(), "is_holiday": h, "corrected": c} for d, h, c in rows]
        )
        return
    screen.table(
        str(year),
        [_("day"), _("no calls and SMS"), _("corrected by staff")],
        [(d.isoformat(), _("yes") if h else _("no"), _("yes") if c else "") for d, h, c in rows],
    )
