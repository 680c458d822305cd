"""`dispatcher migrate`: the ledger's schema, brought up to date before anything else starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.errors import LedgerAway
from dispatcher.ledger import Ledger, LedgerFault
from dispatcher.ledger.copying import has_file
from dispatcher.ledger.migration import Upgrade, upgrade_of
from dispatcher.ledger.migration import migrate as migrate_ledger
from dispatcher.settings import Settings
from templates.i18n import _

# What a database that is away or locked raises, by the names of SQLAlchemy, which stays behind the
# ledger.
_AWAY = ("OperationalError", "InterfaceError", "TimeoutError")
Check = Annotated[
    bool,
    typer.Option("--check", help=_("Change nothing; exit code 1 if there is something to do.")),
]


def migrate(check: Check = False, as_json: AsJson = False) -> None:
    settings = shared.settings()
    if settings.is_embedded:
        settings.open_data_dir()
    found = _turn(settings, check)
    if as_json:
        screen.print_json(
            {
                "from": found.before,
                "to": found.after,
                "needed": found.is_needed,
                "done": found.is_needed and not check,
                "beside_former": found.beside_former,
            }
        )
    else:
        _tell(found, check)
    if check and found.is_needed:
        raise typer.Exit(1)


def _turn(settings: Settings, check: bool) -> Upgrade:
    with opened(settings) as ledger:
        if check and not has_file(ledger):
            return Upgrade(None)  # to look must not make a file
        return upgrade_of(ledger) if check else migrate_ledger(ledger)


@contextmanager
def opened(settings: Settings) -> Iterator[Ledger]:
    """The ledger as it is, not brought up to date. Raises LedgerAway where it does not answer; any
    other fault of it is a bug, and looks like one."""
    ledger = Ledger(settings.ledger_url)
    try:
        yield ledger
    except LedgerFault as error:
        if type(error).__name__ in _AWAY:
            raise LedgerAway from error
        raise
    finally:
        ledger.close()


def _tell(found: Upgrade, check: bool) -> None:
    if not found.is_needed:
        screen.say_well(
            _("The ledger is up to date (version {version}).").format(version=found.after)
        )
        return
    before = found.before or _("none")
    if not check:
        told = _("The ledger was brought from version {before} to {after}.")
        screen.say_well(told.format(before=before, after=found.after))
        return
    told = _("The ledger is of version {before}; this program wants {after}.")
    screen.say_badly(told.format(before=before, after=found.after))
    if found.before is None:
        return
    screen.say(
        "  "
        + (
            _("Programs of the former version may go on meanwhile.")
            if found.beside_former
            else _("Stop every program of the former version first.")
        )
    )
