"""`dispatcher inquiries …`: what customers ask us, by whichever channel, and what staff do"""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import OPEN, OVER, CloseReason, InquiryChannel, InquiryStatus
from dispatcher.cli import inquiry_facts, inquiry_screen, screen, shared
from dispatcher.cli.inquiry_screen import Shown
from dispatcher.cli.saved_letters import save_letters
from dispatcher.cli.screen import printable
from dispatcher.cli.shared import AsJson
from dispatcher.cli.typed_text import typed_text
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.inquiries import desk, words
from dispatcher.inquiries import export as export_to
from dispatcher.inquiries import totals as totals_of
from dispatcher.inquiries.letters import shown
from dispatcher.inquiries.whole import look_up
from dispatcher.ledger import inquiry_lists, letters
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiry_lists import ALL, Wanted
from dispatcher.ledger.outbox import MailKind
from dispatcher.logs import mask
from templates.i18n import _, ngettext

app = typer.Typer(no_args_is_help=True)

Number = Annotated[
    str,
    typer.Argument(metavar="NUMBER", help=_("The registration number, such as 2026-000123.")),
]
Full = Annotated[bool, typer.Option("--full", help=_("Do not mask contact points."))]
FullList = Annotated[
    bool, typer.Option("--full", help=_("Do not mask contact points; in JSON, whole texts."))
]
FullOne = Annotated[
    bool, typer.Option("--full", help=_("Do not mask contact points; texts are whole anyway."))
]
Text = Annotated[
    Path,
    typer.Option("--text", metavar="FILE", help=_("The file with your words; “-”: as typed.")),
]
ByTopic = Annotated[Topic | None, typer.Option("--topic", help=_("Only about this."))]
ByChannel = Annotated[
    InquiryChannel | None, typer.Option("--channel", help=_("Only what came this way."))
]
ByPerson = Annotated[
    str, typer.Option("--person", help=_("Only of this specialist: the address, or its beginning."))
]
ByBranch = Annotated[str, typer.Option("--branch", help=_("Only of this branch."))]
First = Annotated[str | None, typer.Option("--from", help=_("From this day on: 2026-12-01."))]
Last = Annotated[str | None, typer.Option("--to", help=_("Up to this day, included."))]


@app.command("list", help=_("What waits for an answer; the most urgent first."))
def list_(
    topic: ByTopic = None,
    channel: ByChannel = None,
    person: ByPerson = "",
    branch: ByBranch = "",
    status: Annotated[InquiryStatus | None, typer.Option(help=_("Only with this status."))] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help=_("Only what is past its day."))
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help=_("Those that are answered or closed, too."))
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("At most so many."))] = 100,
    full: FullList = False,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    today = desk.today(engine, engine.clock.now())
    wanted = Wanted(
        statuses=frozenset({status}) if status else ALL if everything else OPEN,
        topic=topic,
        channel=channel,
        person=person,
        branch=branch,
        overdue_on=today if overdue else None,
    )
    with engine.ledger.read() as tx:
        found = inquiry_lists.found(tx, wanted, limit)
        count = inquiry_lists.count(tx, wanted)
    told = Shown(settings.zone, today, full=full)
    if as_json:
        screen.print_json([inquiry_facts.listed_facts(one, told) for one in found])
    elif found:
        inquiry_screen.tell_list(found, count, told, is_all=everything or status in OVER)
    elif wanted in (Wanted(), Wanted(statuses=ALL)):
        screen.say(_("No inquiries yet.") if everything else _("No inquiries wait for an answer."))
    else:
        screen.say(_("No inquiries are like that; --all shows those that are over, too."))


@app.command("show", help=_("One inquiry in full: what came, what we wrote, what was done."))
def show(
    number: Number,
    save: Annotated[
        Path | None, typer.Option(help=_("Write the letter as it came to this file."))
    ] = None,
    full: FullOne = False,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    today = desk.today(engine, engine.clock.now())
    with engine.ledger.read() as tx:
        whole = look_up(tx, number)
        originals = [letters.original(tx, one.id) for one in whole.letters] if save else []
    whole = replace(whole, answer_to=desk.goes_to(engine, whole.inquiry))
    if save and not originals:
        raise NotPossible(_("No letter came with this inquiry: there is nothing to save."))
    saved = save_letters(save, originals) if save else []
    told = Shown(settings.zone, today, full=full)
    if as_json:
        facts = inquiry_facts.whole_facts(whole, told)
        screen.print_json(facts | {"saved": [str(path) for path in saved]} if save else facts)
        return
    inquiry_screen.tell_whole(whole, told)
    for path, original in zip(saved, originals, strict=True):
        screen.say_well(_("Saved: {path}").format(path=path))
        if not original.is_whole:
            screen.say("  " + _("It was too large to be fetched whole: this is its beginning."))


@app.command("assign", help=_("Give an inquiry to a specialist, who gets the letter whole."))
def assign(
    number: Number,
    person: Annotated[str, typer.Argument(metavar="E-MAIL", help=_("Of the specialist."))],
    head: Annotated[str, typer.Option(help=_("E-mail of who answers for the deadlines."))] = "",
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    done = desk.assign(engine, number, person, shared.actor(settings), head)
    told = _("Inquiry {number} is with {person}.").format(number=done.number, person=done.person)
    _tell(done, told, as_json)


@app.command("interim", help=_("Tell the customer that the answer comes later, and by when."))
def interim(
    number: Number,
    until: Annotated[str, typer.Option(help=_("The day you promise: 2026-12-20."))],
    text: Text,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    day = _day(until)
    done = desk.interim(engine, number, typed_text(text), day, shared.actor(settings))
    told = _("Inquiry {number}: the customer is promised an answer by {day}.").format(
        number=done.number, day=shown(day)
    )
    _tell(done, told, as_json, _sent_to(engine, done, MailKind.INTERIM, full=full))


@app.command("answer", help=_("Answer the customer in substance, by e-mail."))
def answer(number: Number, text: Text, full: Full = False, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    done = desk.answer(engine, number, typed_text(text), shared.actor(settings))
    told = _("Inquiry {number} is answered; the mail-robot sends the letter.").format(
        number=done.number
    )
    _tell(done, told, as_json, _sent_to(engine, done, MailKind.ANSWER, full=full))


@app.command("close", help=_("Put an inquiry away: it is answered, or nobody owes an answer."))
def close(
    number: Number,
    reason: Annotated[
        CloseReason,
        typer.Option(
            help=_(
                "Why: answered (in substance), done (nothing to answer), no_contact (nowhere to "
                "answer to), obscene (or threatening), unreadable, repeated (the same was answered "
                "already), spam."
            )
        ),
    ],
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    done = desk.close(engine, number, reason, shared.actor(settings))
    told = _("Inquiry {number} is closed: {reason}.").format(
        number=done.number, reason=words.close_reasons()[reason]
    )
    _tell(done, told, as_json)


@app.command("reopen", help=_("Open what was answered or closed by mistake."))
def reopen(number: Number, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    done = desk.reopen(engine, number, shared.actor(settings))
    _tell(done, _("Inquiry {number} is open again.").format(number=done.number), as_json)


@app.command("export", help=_("All inquiries as a CSV file or an XLSX workbook."))
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv|FILE.xlsx")],
    first: First = None,
    last: Last = None,
    topic: ByTopic = None,
    channel: ByChannel = None,
    person: ByPerson = "",
    branch: ByBranch = "",
    full: Annotated[
        bool, typer.Option("--full", help=_("With contact points, names and texts."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    if file.suffix.lower() not in (".csv", ".xlsx"):
        raise NotPossible(_("Name the file with .csv or .xlsx: {name}").format(name=file.name))
    settings = shared.settings()
    engine = shared.engine(settings)
    now = engine.clock.now()
    wanted = Wanted(
        statuses=ALL,
        topic=topic,
        channel=channel,
        person=person,
        branch=branch,
        since_at=_midnight(first, settings.zone),
        before_at=_midnight(last, settings.zone, end_of_day=True),
    )
    span = export_to.Span(settings.zone, desk.today(engine, now))
    with engine.ledger.read() as tx:
        if file.suffix.lower() == ".csv":
            count = export_to.write_lines(file, tx, wanted, span, full=full)
        else:
            count = export_to.write_book(file, tx, wanted, span, full=full, now=now)
    if as_json:
        screen.print_json({"file": str(file), "inquiries": count})
    else:
        line = ngettext("{count} inquiry in {file}.", "{count} inquiries in {file}.", count)
        screen.say_well(line.format(count=screen.number(count), file=file))


@app.command("totals", help=_("How many came, about what; complaints against the period before."))
def totals(first: First = None, last: Last = None, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    today = desk.today(engine, engine.clock.now())
    until = _day(last) if last else today
    since = _day(first) if first else until.replace(day=1)
    if since > until:
        raise NotPossible(_("The period ends before it begins."))
    with engine.ledger.read() as tx:
        period = totals_of.Period(since, until)
        found = totals_of.totals(tx, period, settings.zone)
    if as_json:
        screen.print_json(inquiry_facts.totals_facts(found))
    else:
        inquiry_screen.tell_totals(found)


def _tell(done: Inquiry, told: str, as_json: bool, sent_to: str = "") -> None:
    if as_json:
        facts = {"inquiry": done.id, "number": done.number, "status": done.status}
        screen.print_json(facts | ({"to": sent_to} if sent_to else {}))
        return
    screen.say_well(told)
    if sent_to:
        screen.say(_("The letter goes to {address}.").format(address=sent_to))


def _sent_to(engine: Engine, done: Inquiry, kind: MailKind, *, full: bool) -> str:
    """Whom the letter that was just written goes to, as the outbox has it."""
    with engine.ledger.read() as tx:
        to = inquiry_lists.written(tx, [done.id], kind)[-1].recipient
    return printable(to) if full else mask(printable(to))


def _day(text: str) -> date:
    """A day as clerks write it. Raises NotPossible."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise NotPossible(
        _("“{text}” is no day: write 2026-12-01 or 01.12.2026.").format(text=text[:40])
    )


def _midnight(text: str | None, zone: str, *, end_of_day: bool = False) -> datetime | None:
    if text is None:
        return None
    return shared.read_instant(_day(text).isoformat(), zone, end_of_day=end_of_day)
