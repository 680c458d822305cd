"""What lists are called that other systems fill: for the clerk who finds them on the screen."""

import secrets
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from dispatcher.ledger import Transaction, audience_lists
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.settings import Settings
from templates.i18n import _, current_language, speaking


def name_of_day(
    tx: Transaction, settings: Settings, stored: StoredScenario, on: date, part: int
) -> str:
    """The list of a standing campaign: of whom a scenario tells something on one day, message by
    message. `part` counts from 1. A name that no other list has."""
    with speaking(settings.language):
        title = stored.title
        if stored.version > 1:
            title = _("{title} (version {version})").format(title=title, version=stored.version)
        name = _("{title}: messages that other systems send, {day}").format(
            title=title, day=_day(on)
        )
        if part > 1:
            # Who is told something again on that day.
            name = _("{name}, part {part}").format(name=name, part=part)
    if audience_lists.is_taken(tx, name):  # another scenario of the same title
        name = f"{name} ({stored.name})"
    return f"{name} {secrets.token_hex(3)}" if audience_lists.is_taken(tx, name) else name


def name_of_launch(settings: Settings, stored: StoredScenario, actor: str, now: datetime) -> str:
    """The list of a launch that another system asks for. Several may come in one minute: a mark
    tells them apart."""
    local = now.astimezone(ZoneInfo(settings.zone))
    with speaking(settings.language):
        return _("{title}: list of the system “{system}”, {day}, {time} ({mark})").format(
            title=stored.title,
            system=actor.removeprefix("api:"),
            day=_day(local.date()),
            time=format_time(local, "HH:mm", locale=current_language()),
            mark=secrets.token_hex(3),
        )


def _day(on: date) -> str:
    return format_date(on, "d MMMM y", locale=current_language())
