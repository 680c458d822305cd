"""`dispatcher check`: is everything in order, before anybody is called?"""

from collections.abc import Callable
from dataclasses import dataclass

import typer

from campaigns.channel import ChannelName
from campaigns.regions import load_regions
from campaigns.scenario_file import library, library_path, read_scenario
from channels.sandbox import load_patterns
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.errors import DispatcherError
from dispatcher.ledger import LedgerFault, open_ledger
from dispatcher.providers import make_channels
from dispatcher.queue import QueueAway, ping
from dispatcher.report import words
from dispatcher.settings import Settings
from dispatcher.wiring import receipts_url_of
from templates.i18n import _
from templates.problem import Refused


@dataclass(frozen=True, slots=True)
class Examined:
    what: str
    ok: bool
    note: str


def check(as_json: AsJson = False) -> None:
    """Exit code 1 when something is not in order."""
    settings = shared.settings()
    found = [
        _examine(_("ledger"), lambda: _ledger(settings)),
        _examine(_("queue"), lambda: _queue(settings)),
        *(_channel(settings, channel) for channel in ChannelName),
        _examine(_("receipts"), lambda: _receipts(settings)),
        _examine(_("built-in scenarios"), lambda: _library(settings)),
        _examine(_("regions"), lambda: _regions(settings)),
        _examine(_("sandbox table"), lambda: _patterns(settings)),
    ]
    if as_json:
        screen.print_json([{"what": one.what, "ok": one.ok, "note": one.note} for one in found])
    else:
        for one in found:
            (screen.say_well if one.ok else screen.say_badly)(f"{one.what}: {one.note}")
    if not all(one.ok for one in found):
        raise typer.Exit(1)


def _examine(what: str, look: Callable[[], str]) -> Examined:
    try:
        return Examined(what, True, look())
    except (DispatcherError, Refused, OSError, ValueError) as error:
        return Examined(what, False, str(error))


def _ledger(settings: Settings) -> str:
    try:
        ledger = open_ledger(settings.ledger_url)
        with ledger.read():
            pass
    except LedgerFault as error:
        # Its text may hold the address with the password.
        raise OSError(
            _("the database does not answer ({kind})").format(kind=type(error).__name__)
        ) from None
    return "SQLite" if ledger.is_sqlite else "PostgreSQL"


def _queue(settings: Settings) -> str:
    if settings.redis_url is None:
        return _("in this process")
    try:
        ping(settings.redis_url.get_secret_value())
    except QueueAway as error:
        raise OSError(
            _("Redis does not answer ({kind})").format(kind=type(error).__name__)
        ) from None
    return "Redis"


def _channel(settings: Settings, channel: ChannelName) -> Examined:
    def look() -> str:
        found = make_channels(settings).get(channel)
        return ", ".join(found.names) if found else _("not set up")

    return _examine(words.word(words.channels, channel), look)


def _receipts(settings: Settings) -> str:
    url = receipts_url_of(settings)
    if settings.receipts_url == "" and make_channels(settings):
        return _("{url} (providers outside cannot reach it: set DISPATCHER_RECEIPTS_URL)").format(
            url=url
        )
    return url


def _library(settings: Settings) -> str:
    for name in library():
        read_scenario(library_path(name), supplier=settings.supplier())
    return str(len(library()))


def _regions(settings: Settings) -> str:
    return str(len(load_regions(settings.regions_file).by_key))


def _patterns(settings: Settings) -> str:
    load_patterns(settings.sandbox_patterns)
    return str(settings.sandbox_patterns or _("the built-in one"))
