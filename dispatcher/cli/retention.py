"""`dispatcher retention …`"""

import sys
from collections import Counter
from typing import Annotated

import typer
from rich.text import Text

from campaigns.channel import Purpose
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotPossible
from dispatcher.ledger import archive
from dispatcher.ledger.person import Traces
from dispatcher.logs import mask
from dispatcher.report.words import channels, outcomes, word
from dispatcher.retention import carrying_out, person
from dispatcher.retention.carrying_out import Due, Kind
from dispatcher.stop_list import read_contact
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)

Account = Annotated[
    str, typer.Option("--account", help=_("An account number; “-”: asked for, or piped in."))
]
Contact = Annotated[
    str,
    typer.Option(
        "--contact", help=_("A phone number or an e-mail address; “-”: asked for, or piped in.")
    ),
]
LONGEST_LINE = 1000


@app.command("status", help=_("What would be archived and erased now; nothing is changed."))
def status(as_json: AsJson = False) -> None:
    engine = shared.engine()
    due = carrying_out.look(engine, engine.clock.now())
    if as_json:
        screen.print_json(_due_facts(due))
        return
    _tell_due(due)
    with engine.ledger.read() as tx:
        terms = carrying_out.terms_of(tx, engine)
    screen.say(
        _("Terms in months: archive {archive}, letters {letters}; {purposes}.").format(
            archive=terms.archive or "—",
            letters=terms.letters or "—",
            purposes=", ".join(f"{p.value} {terms.months_of(p)}" for p in Purpose),
        )
    )


@app.command("run", help=_("Archive and erase what is due, now instead of by night."))
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only tell what would go."))] = False,
    as_json: AsJson = False,
) -> None:
    engine = shared.engine()
    now = engine.clock.now()
    if dry_run:
        due = carrying_out.look(engine, now)
        if as_json:
            screen.print_json(_due_facts(due))
        else:
            _tell_due(due)
        return
    done: Counter[str] = Counter()
    with screen.errors.status(_("At work …")) as told:
        for piece in carrying_out.work(engine, now):
            done[piece.kind.value] += piece.count
            told.update(Text(", ".join(f"{kind} {n}" for kind, n in done.items() if n)))
    if as_json:
        screen.print_json({kind.value: done[kind.value] for kind in Kind})
        return
    names = _kinds()
    rows = [(names[kind], done[kind.value]) for kind in Kind if done[kind.value]]
    if rows:
        screen.table(_("What was done"), ["", ""], rows)
    else:
        screen.say(_("Nothing is due."))


@app.command("find", help=_("Everything that was said to a customer, the archive included."))
def find(
    account: Account,
    full: Annotated[bool, typer.Option("--full", help=_("Do not mask contact points."))] = False,
    as_json: AsJson = False,
) -> None:
    engine = shared.engine()
    number = _given(account)
    with engine.ledger.read() as tx:
        said = archive.said_to(tx, number)
    zone = engine.settings.zone
    if as_json:
        screen.print_json(
            [
                {
                    "campaign": one.campaign_id,
                    "scenario": one.scenario,
                    "version": one.version,
                    "channel": one.channel.value,
                    "contact_point": one.contact_point if full else mask(one.contact_point),
                    "started_at": one.started_at,
                    "outcome": one.outcome.value if one.outcome else None,
                    "positive": one.positive,
                    "reference": one.reference,
                    "archived": one.is_archived,
                }
                for one in said
            ]
        )
    elif not said:
        screen.say(_("Nothing was said to this customer, or it has been erased."))
    else:
        screen.table(
            "",
            [_("when"), _("campaign"), _("scenario"), _("channel"), _("to"), _("result")],
            [
                (
                    screen.moment(one.started_at, zone),
                    str(one.campaign_id),
                    f"{one.scenario}, {one.version}",
                    word(channels, one.channel),
                    one.contact_point if full else mask(one.contact_point),
                    word(outcomes, one.outcome) if one.outcome else "—",
                )
                for one in said
            ],
        )


@app.command("erase", help=_("Erase one customer, or one number or address, on request."))
def erase(
    account: Account = "",
    contact: Contact = "",
    yes: Annotated[bool, typer.Option("--yes", help=_("Do it; else only tell what would go."))] = (
        False
    ),
    request: Annotated[
        str, typer.Option(help=_("The number of the request, for the journal; no personal data."))
    ] = "",
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    if bool(account) == bool(contact):
        raise NotPossible(_("Give either --account or --contact."))
    number = _given(account) if account else None
    point = None if account else read_contact(_given(contact))
    if yes:
        traces = person.erase(
            engine, account=number, point=point, request=request, actor=shared.actor(settings)
        )
    else:
        with engine.ledger.read() as tx:
            traces = person.find(tx, account=number, point=point)[1]
    if as_json:
        screen.print_json(_traces_facts(traces) | {"erased": yes})
        return
    screen.table(_("What is kept"), ["", ""], _traces_rows(traces))
    if traces.open_inquiries:
        screen.say_badly(
            _("Inquiries that are still open stay: answer them, close them, and erase again.")
        )
    if traces.stops:
        screen.say(_("The stop-list stays: to honour a refusal one must remember who refused."))
    if contact:
        screen.say(_("Only the number or address goes; a customer is erased with --account."))
    if yes:
        screen.say_well(_("Erased."))
    else:
        screen.say(_("Nothing has been erased yet. Do it with --yes."))


def _given(value: str) -> str:
    """What stands in the command, or, for “-”, in the first line of the standard input: commands
    are seen by everybody on the machine, and kept in the shell's history."""
    if value != "-":
        return value
    if sys.stdin.isatty():
        screen.errors.print(_("Account, number or address:"), end=" ")
    given = sys.stdin.readline(LONGEST_LINE).strip()
    if not given:
        raise NotPossible(_("Nothing was given on the standard input."))
    return given


def _kinds() -> dict[Kind, str]:
    return {
        Kind.BOOKS: _("campaigns whose books were closed"),
        Kind.ARCHIVED: _("attempts archived"),
        Kind.CUSTOMERS: _("customers erased"),
        Kind.LISTS: _("lists erased"),
        Kind.LETTERS: _("letters erased"),
        Kind.INQUIRIES: _("inquiries erased"),
        Kind.IMPORTS: _("interrupted imports thrown away"),
        Kind.RECEIPTS: _("stray receipts erased"),
    }


def _due_facts(due: Due) -> dict[str, object]:
    return {
        "archive": [
            {"month": month, "campaigns": campaigns, "attempts": attempts}
            for month, campaigns, attempts in due.months
        ],
        "lists": due.lists,
        "customers": due.customers,
        "inquiries": due.inquiries,
        "letters": due.letters,
        "imports": due.imports,
    }


def _tell_due(due: Due) -> None:
    if due.is_nothing:
        screen.say(_("Nothing is due."))
        return
    if due.months:
        screen.table(
            _("To the archive"), [_("month of the end"), _("campaigns"), _("attempts")], due.months
        )
    rows = [
        (_("lists"), due.lists),
        (_("customers"), due.customers),
        (_("inquiries"), due.inquiries),
        (_("letters"), due.letters),
        (_("interrupted imports"), due.imports),
    ]
    if any(count for _name, count in rows):
        screen.table(_("To be erased"), ["", ""], [row for row in rows if row[1]])


def _traces_facts(traces: Traces) -> dict[str, object]:
    return {
        "rows": traces.rows,
        "accounts": traces.accounts,
        "planned": traces.waiting,
        "on_their_way": traces.flying,
        "attempts": traces.attempts,
        "inquiries": traces.inquiries,
        "open_inquiries": traces.open_inquiries,
        "letters": traces.letters,
        "owed": traces.owed,
        "stops": traces.stops,
    }


def _traces_rows(traces: Traces) -> list[tuple[str, int]]:
    return [
        (_("rows of lists"), traces.rows),
        (_("accounts"), traces.accounts),
        (_("messages planned"), traces.waiting),
        (_("messages on their way"), traces.flying),
        (_("attempts"), traces.attempts),
        (_("inquiries that are over"), traces.inquiries),
        (_("inquiries still open"), traces.open_inquiries),
        (_("letters"), traces.letters),
        (_("answers still to be sent"), traces.owed),
        (_("lines of the stop-list"), traces.stops),
    ]
