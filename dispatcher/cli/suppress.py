"""`dispatcher suppress …`"""

from pathlib import Path
from typing import Annotated

import typer

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import Suppression
from campaigns.permission import account_party, point_party
from campaigns.scenario_description import purpose_title
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotPossible
from dispatcher.ledger import suppressions
from dispatcher.logs import mask
from dispatcher.report.words import channels, word
from dispatcher.stop_list import STAFF, import_lines, read_contact, read_text, reason_title
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
Reason = Annotated[str, typer.Option(help=_("Why, for the journal."), show_default=False)]


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
    text = read_text(shared.existing(file).read_bytes())
    with engine.ledger.write() as tx:
        found = import_lines(
            tx,
            text,
            are_accounts=accounts,
            channel=channel,
            purpose=purpose,
            reason=reason,
            actor=shared.actor(settings),
            now=engine.clock.now(),
        )
    if as_json:
        screen.print_json(
            {
                "added": found.added,
                "known": found.known,
                "bad": [{"line": n, "message": m} for n, m in found.bad],
            }
        )
    else:
        screen.say_well(
            _("Added: {added}; on the list already: {known}.").format(
                added=found.added, known=found.known
            )
        )
        for line, message in found.bad:
            screen.say_badly(f"{file.name}:{line} {message}")
    if found.bad:
        raise typer.Exit(1)


def _purpose(purpose: Purpose | None) -> str:
    return purpose_title(purpose) if purpose else _("all")


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
                    reason_title(e.suppression.reason),
                    screen.moment(e.since_at, settings.zone),
                    screen.moment(e.suppression.until_at, settings.zone)
                    if e.suppression.until_at
                    else _("for good"),
                )
                for e in entries
            ],
        )
