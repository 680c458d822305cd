"""`dispatcher check`: is everything in order, before anybody is called?"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from campaigns.channel import ChannelName
from campaigns.regions import load_regions
from campaigns.scenario_file import library, library_path, read_scenario
from channels.mailbox import imap_troubles
from channels.mailbox.account import MailboxAccount
from channels.mailbox.imap_session import open_session
from channels.sandbox import load_patterns
from dispatcher import accounts
from dispatcher.cli import screen, shared, summary
from dispatcher.cli.shared import AsJson
from dispatcher.errors import DispatcherError
from dispatcher.inbound import addresses
from dispatcher.ledger import LedgerFault, circuits, mailboxes, open_ledger, processes
from dispatcher.mailrobot.wellbeing import wellbeing_in
from dispatcher.providers import make_channels
from dispatcher.queue import QueueAway, ping
from dispatcher.report import words
from dispatcher.settings import Settings
from dispatcher.wiring import make_desks, make_inquiry_rules, receipts_url_of
from templates.i18n import _
from templates.problem import Refused

Live = Annotated[
    bool,
    typer.Option("--live", help=_("Ask every provider about our account; nothing is sent.")),
]


@dataclass(frozen=True, slots=True)
class Examined:
    what: str
    ok: bool
    note: str


def check(live: Live = False, as_json: AsJson = False) -> None:
    """Exit code 1 when something is not in order."""
    settings = shared.settings()
    found = [
        _examine(_("ledger"), lambda: _ledger(settings)),
        _examine(_("queue"), lambda: _queue(settings)),
        *(_channel(settings, channel) for channel in ChannelName),
        _examine(_("receipts"), lambda: _receipts(settings)),
        _examine(_("answers by SMS"), lambda: _answers(settings)),
        _examine(_("built-in scenarios"), lambda: _library(settings)),
        _examine(_("regions"), lambda: _regions(settings)),
        _examine(_("desks"), lambda: _desks(settings)),
        _examine(_("rules for inquiries"), lambda: _inquiry_rules(settings)),
        _examine(_("mailboxes"), lambda: _mailboxes(settings)),
        *_minute(settings),
        _examine(_("sandbox table"), lambda: _patterns(settings)),
    ]
    if live:
        found += [*_accounts(settings), *_boxes(settings), *_circuits(settings)]
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


def _accounts(settings: Settings) -> Sequence[Examined]:
    """What each provider says of our account, all of them asked at the same time."""
    try:
        found = make_channels(settings)
    except DispatcherError:
        return ()  # told in the channels' own lines
    ways = [one for providers in found.values() for one in providers.by_name.values()]
    states = accounts.ask(ways, accounts.QUESTIONS * settings.provider_timeout_seconds)
    return [
        Examined(
            f"{words.word(words.channels, one.channel)}, {one.provider}",
            state.ok,
            accounts.note_of(state),
        )
        for one, state in zip(ways, states, strict=True)
    ]


def _boxes(settings: Settings) -> Sequence[Examined]:
    """Whether each mailbox lets the robot in; nothing in it is touched."""
    return [
        _examine(_("mailbox {name}").format(name=account.name), partial(_box, account, settings))
        for account in settings.mailboxes
    ]


def _box(account: MailboxAccount, settings: Settings) -> str:
    try:
        open_session(
            account, threading.Event(), timeout_seconds=settings.provider_timeout_seconds
        ).close()
    except Exception as error:
        # Its text may hold the server's own words, or an address.
        raise OSError(imap_troubles.words(imap_troubles.trouble_of(error))) from None
    return _("the mail server lets us in")


def _circuits(settings: Settings) -> Sequence[Examined]:
    """The providers that the workers leave alone just now."""
    try:
        ledger = open_ledger(settings.ledger_url)
        with contextlib.closing(ledger), ledger.read() as tx:
            away = circuits.standing(tx)
    except (DispatcherError, *LedgerFault):
        return ()  # told in the ledger's own line
    return [
        Examined(_("out of order"), False, summary.circuit_words(one, settings.zone))
        for one in away.values()
    ]


def _receipts(settings: Settings) -> str:
    url = receipts_url_of(settings)
    if settings.receipts_url == "" and make_channels(settings):
        return _("{url} (providers outside cannot reach it: set DISPATCHER_RECEIPTS_URL)").format(
            url=url
        )
    return url


def _answers(settings: Settings) -> str:
    """Where each provider of SMS is to post what customers answer; staff tell it the address."""
    found = make_channels(settings).get(ChannelName.SMS)
    if found is None:
        return _("not set up")
    where = addresses(receipts_url_of(settings), settings.signing_secret())
    told = (f"{name} {where[name]}" for name in found.names if name in where)
    return _("tell the provider: {addresses}").format(addresses=", ".join(told))


def _library(settings: Settings) -> str:
    for name in library():
        read_scenario(library_path(name), supplier=settings.supplier())
    return str(len(library()))


def _regions(settings: Settings) -> str:
    return str(len(load_regions(settings.regions_file).by_key))


def _desks(settings: Settings) -> str:
    if settings.desks_file is None:
        return _("not set up")
    return str(1 + len(make_desks(settings).by_branch))


def _inquiry_rules(settings: Settings) -> str:
    rules = make_inquiry_rules(settings)
    return _("topics {topics}, specialists {routes}, branches {branches}").format(
        topics=len({rule.topic for rule in rules.topics}),
        routes=len(rules.routes) + bool(settings.inquiries_to),
        branches=len(rules.branches),
    )


def _mailboxes(settings: Settings) -> str:
    if not settings.mailboxes and not settings.lmtp_port:
        return _("not set up")
    if not make_channels(settings).get(ChannelName.EMAIL):
        raise OSError(_("the mail-robot answers by e-mail: it needs a mail server."))
    names = [account.name for account in settings.mailboxes]
    return ", ".join([*names, *(["LMTP"] if settings.lmtp_port else [])])


def _minute(settings: Settings) -> Sequence[Examined]:
    """Whether the mail-robot keeps it; nothing before a robot has looked for the first time."""
    if not settings.mailboxes and not settings.lmtp_port:
        return ()
    try:
        ledger = open_ledger(settings.ledger_url)
        with contextlib.closing(ledger), ledger.read() as tx:
            if not any(state.looked_at for state in mailboxes.everything(tx)):
                return ()
            found = wellbeing_in(tx, settings, processes.clock_of(tx))
    except (DispatcherError, *LedgerFault):
        return ()  # told in the ledger's own line
    note = " ".join(found.alarms) or _("it is kept")
    return [Examined(_("the mail-robot's minute"), found.is_well, note)]


def _patterns(settings: Settings) -> str:
    load_patterns(settings.sandbox_patterns)
    return str(settings.sandbox_patterns or _("the built-in one"))
