"""`dispatcher suppress …`"""

import csv
from pathlib import Path
from typing import Annotated

import typer

from campaigns.audience.cells import unshielded
from campaigns.channel import ChannelName, Purpose
from campaigns.consent import Suppression
from campaigns.contact import BadContact, classify_email, classify_phone
from campaigns.inquiry.bounce_rules import BOUNCED
from campaigns.permission import account_party, point_party
from campaigns.scenario_description import purpose_title
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotPossible
from dispatcher.ledger import suppressions
from dispatcher.ledger.suppressions import BY_KEY
from dispatcher.logs import mask
from dispatcher.refusing import BY_MAIL, BY_SMS, UNSUBSCRIBED
from dispatcher.report.words import channels, outcomes, word
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)

Contact = Annotated[str, typer.Argument(help=_("A phone number or an e-mail address."))]
Account = Annotated[str, typer.Option("--account", help=_("An account number instead."))]
OnChannel = Annotated[
    ChannelName | None, typer.Option("--channel", help=_("Only this channel; else all."))
]
ForPurpose = Annotated[
    Purpose | None, typer.Option("--purpose", help=_("Only this purpose; else all."))
]
STAFF = "staff"
Reason = Annotated[str, typer.Option(help=_("Why, for the journal."), show_default=False)]


def read_contact(text: str) -> str:
    """A contact point in its one spelling. Raises NotPossible with what to write instead."""
    found = classify_email(text) if "@" in text else classify_phone(text)
    if isinstance(found, BadContact):
        raise NotPossible(f"{found.message} {found.advice}")
    return found.address


def _party(contact: str, account: str) -> tuple[str | None, str | None]:
    if bool(contact) == bool(account):
        raise NotPossible(_("Give either a number or address, or --account."))
    return (None, account) if account else (read_contact(contact), None)


@app.command("add", help=_("Contact this customer no more."))
def add(
    contact: Contact = "",
    account: Account = "",
    channel: OnChannel = None,
    purpose: ForPurpose = None,
    reason: Reason = STAFF,
    until: Annotated[str | None, typer.Option(help=_("Until when; else for good."))] = None,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    point, number = _party(contact, account)
    until_at = shared.read_instant(until, settings.zone, end_of_day=True)
    with engine.ledger.write() as tx:
        added = suppressions.add(
            tx,
            Suppression(
                reason=reason,
                account_number=number,
                contact_point=point,
                channel=channel,
                purpose=purpose,
                until_at=until_at,
            ),
            shared.actor(settings),
            engine.clock.now(),
        )
    if as_json:
        screen.print_json({"added": added})
    else:
        screen.say_well(_("On the stop-list.") if added else _("It was on the stop-list already."))


@app.command("remove", help=_("Allow contact again."))
def remove(
    contact: Contact = "", account: Account = "", channel: OnChannel = None, as_json: AsJson = False
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    point, number = _party(contact, account)
    party = account_party(number) if number else point_party(point or "")
    with engine.ledger.write() as tx:
        removed = suppressions.remove(
            tx, party, channel, shared.actor(settings), engine.clock.now()
        )
    if as_json:
        screen.print_json({"removed": removed})
    elif removed:
        screen.say_well(_("Off the stop-list."))
    else:
        screen.say_badly(_("It was not on the stop-list."))
    if not removed:
        raise typer.Exit(1)


@app.command("import", help=_("Add a file: one number, address or account a line."))
def import_(
    file: Path,
    accounts: Annotated[
        bool, typer.Option("--accounts", help=_("The lines are accounts."))
    ] = False,
    channel: OnChannel = None,
    purpose: ForPurpose = None,
    reason: Reason = STAFF,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    added = known = 0
    bad: list[tuple[int, str]] = []
    text = _read_text(shared.existing(file))
    with engine.ledger.write() as tx:
        for line, cells in enumerate(csv.reader(text.splitlines(), delimiter=";"), start=1):
            first = unshielded(cells[0]).strip() if cells else ""
            if not first:
                continue
            try:
                point = None if accounts else read_contact(first)
            except NotPossible as error:
                bad.append((line, str(error)))
                continue
            entry = Suppression(
                reason=reason,
                account_number=first if accounts else None,
                contact_point=point,
                channel=channel,
                purpose=purpose,
            )
            if suppressions.add(tx, entry, shared.actor(settings), engine.clock.now()):
                added += 1
            else:
                known += 1
    if as_json:
        screen.print_json(
            {"added": added, "known": known, "bad": [{"line": n, "message": m} for n, m in bad]}
        )
    else:
        screen.say_well(
            _("Added: {added}; on the list already: {known}.").format(added=added, known=known)
        )
        for line, message in bad:
            screen.say_badly(f"{file.name}:{line} {message}")
    if bad:
        raise typer.Exit(1)


def _read_text(file: Path) -> str:
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1251", errors="replace")


def _purpose(purpose: Purpose | None) -> str:
    return purpose_title(purpose) if purpose else _("all")


def _reason(reason: str) -> str:
    """Why somebody is on the list, where the program itself wrote the reason."""
    told = {
        STAFF: _("decision of staff"),
        UNSUBSCRIBED: _("unsubscribed in a letter"),
        BY_SMS: _("stopped by SMS"),
        BY_KEY: _("stopped by a key in a call"),
        BY_MAIL: _("stopped by e-mail"),
        BOUNCED: _("letters come back"),
    }
    return told.get(reason) or word(outcomes, reason)


@app.command("list", help=_("The stop-list as it stands."))
def list_(
    full: Annotated[bool, typer.Option("--full", help=_("Do not mask."))] = False,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    with engine.ledger.read() as tx:
        entries = suppressions.standing(tx, engine.clock.now())

    def party(entry: Suppression) -> str:
        point = entry.contact_point or ""
        return entry.account_number or (point if full else mask(point))

    if as_json:
        screen.print_json(
            [
                {
                    "party": party(e.suppression),
                    "is_account": bool(e.suppression.account_number),
                    "channel": e.suppression.channel,
                    "purpose": e.suppression.purpose,
                    "reason": e.suppression.reason,
                    "since_at": e.since_at,
                    "until_at": e.suppression.until_at,
                    "added_by": e.added_by,
                }
                for e in entries
            ]
        )
    elif not entries:
        screen.say(_("The stop-list is empty."))
    else:
        screen.table(
            "",
            [_("who"), _("channel"), _("purpose"), _("reason"), _("since"), _("until")],
            [
                (
                    party(e.suppression),
                    word(channels, e.suppression.channel) or _("all"),
                    _purpose(e.suppression.purpose),
                    _reason(e.suppression.reason),
                    screen.moment(e.since_at, settings.zone),
                    screen.moment(e.suppression.until_at, settings.zone)
                    if e.suppression.until_at
                    else _("for good"),
                )
                for e in entries
            ],
        )
