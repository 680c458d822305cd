"""`dispatcher campaign …` and `dispatcher audit`"""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from campaigns.channel import ChannelName
from dispatcher import campaigning
from dispatcher.cli import doubt, screen, shared, summary, texts
from dispatcher.cli.scenario import find_or_add
from dispatcher.cli.shared import AsJson
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.examination import TextsUnfit
from dispatcher.ledger import campaign_limits, campaigns, trail
from dispatcher.ledger.campaign_limits import Limits
from dispatcher.ledger.campaigns import LEGAL, Campaign
from dispatcher.report import export, figures, standing, words
from dispatcher.retention.books import report_of
from dispatcher.settings import Settings
from dispatcher.voices import find_voice
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="CAMPAIGN", help=_("The campaign's number."))]


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


@app.command("launch", help=_("Plan a campaign and schedule it."))
def launch(
    scenario: Annotated[str, typer.Argument(help=_("A scenario's name."))],
    audience: Annotated[str, typer.Argument(help=_("A list's name."))],
    start: Annotated[
        str | None, typer.Option(help=_("When it begins (2026-12-01T10:00); now if left out."))
    ] = None,
    end: Annotated[
        str | None, typer.Option(help=_("When it ends; 14 days after its start if left out."))
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help=_("The zone of recipients whose own is not known."))
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help=_("A rehearsal: to be run by “up --sandbox”."))
    ] = False,
    leave_out_unfit: Annotated[
        bool,
        typer.Option(
            "--leave-out-unfit",
            help=_("Launch though some messages cannot go: nobody gets those."),
        ),
    ] = False,
    unfit: Annotated[
        Path | None, typer.Option(help=_("A CSV file for the messages that cannot go."))
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help=_("Launch though the list is being told this already.")),
    ] = False,
    per_hour: Annotated[
        list[str] | None,
        typer.Option(
            "--per-hour",
            metavar="phone=300",
            help=_("At most so many attempts an hour on a channel; for several channels, again."),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    limits = _read_limits(per_hour or [])
    engine = _engine_for(settings, sandbox)
    actor = shared.actor(settings)
    find_or_add(engine, scenario, actor)
    held_back: dict[ChannelName, int] = {}
    try:
        with screen.errors.status(_("Planning …")) as status:
            campaign = campaigning.launch(
                engine,
                scenario,
                audience,
                actor,
                start_at=shared.read_instant(start, settings.zone),
                end_at=shared.read_instant(end, settings.zone, end_of_day=True),
                zone=shared.read_zone(zone),
                voice=find_voice(),
                leave_out_unfit=leave_out_unfit,
                again=again,
                limits=limits,
                told_held_back=held_back.update,
                told=lambda done: status.update(
                    _("Planning: {count} recipients").format(count=screen.number(done))
                ),
            )
    except TextsUnfit as error:
        if unfit is not None:
            texts.write_unfit(error.examination, unfit)
        if as_json:
            screen.print_json(texts.facts(error.examination, settings.sms_price_kopecks))
        else:
            texts.tell_unfit(error.examination)
        raise
    _show(engine, campaign.id, as_json, held_back=texts.held_back_facts(held_back))
    if not as_json:
        texts.tell_held_back(held_back)
        screen.say(
            _(
                "It runs while “dispatcher up” runs. Watch it: dispatcher campaign watch {id}"
            ).format(id=campaign.id)
        )


def _read_limits(options: Sequence[str]) -> Limits:
    """`phone=300`, as often as there are channels. Raises NotPossible."""
    limits: dict[ChannelName, int] = {}
    for option in options:
        name, _equals, count = option.partition("=")
        is_count = count.isascii() and count.isdigit() and len(count) < 10
        if name not in set(ChannelName) or name in limits or not is_count:
            raise NotPossible(
                _("--per-hour is one of phone=300, sms=300 and email=300, each once at most.")
            )
        limits[ChannelName(name)] = int(count)
    return limits


def _engine_for(settings: Settings, sandbox: bool) -> Engine:
    engine = shared.engine(settings)
    if sandbox:
        from dispatcher.rehearsal import stand_ins

        engine.channels = stand_ins()
    return engine


@app.command("preview", help=_("What a campaign would do and say; nothing is launched."))
def preview(
    scenario: Annotated[str, typer.Argument(help=_("A stored or built-in scenario."))],
    audience: Annotated[str, typer.Argument(help=_("An imported list."))],
    start: Annotated[str | None, typer.Option(help=_("When it begins."))] = None,
    end: Annotated[str | None, typer.Option(help=_("When it ends."))] = None,
    unfit: Annotated[
        Path | None, typer.Option(help=_("A CSV file for the messages that cannot go."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Exit code 1 when some message cannot go as it is."""
    settings = shared.settings()
    # What it would say does not depend on who would carry it.
    engine = _engine_for(settings, sandbox=True)
    actor = shared.actor(settings)
    find_or_add(engine, scenario, actor)
    with screen.errors.status(_("Planning …")):
        found = campaigning.preview(
            engine,
            scenario,
            audience,
            actor,
            start_at=shared.read_instant(start, settings.zone),
            end_at=shared.read_instant(end, settings.zone, end_of_day=True),
            voice=find_voice(),
        )
    if unfit is not None:
        texts.write_unfit(found.examination, unfit)
    texts.tell_preview(found, settings.sms_price_kopecks, as_json=as_json)
    if found.examination.unfit_count:
        raise typer.Exit(1)


@app.command("list", help=_("All campaigns."))
def list_(as_json: AsJson = False) -> None:
    engine = shared.engine()
    with engine.ledger.read() as tx:
        found = campaigns.everything(tx)
    undecided = doubt.undecided(engine)
    if as_json:
        screen.print_json([_facts(c) | {"undecided": undecided.get(c.id, 0)} for c in found])
    elif not found:
        screen.say(_("No campaigns yet. Launch one: dispatcher campaign launch SCENARIO LIST"))
    else:
        zone = engine.settings.zone
        screen.table(
            "",
            [_("no."), _("scenario"), _("list"), _("status"), _("start"), _("end")],
            [
                (
                    str(c.id),
                    c.title,
                    c.audience_name,
                    summary.campaign_status(c.status),
                    screen.moment(c.start_at, zone),
                    screen.moment(c.end_at, zone),
                )
                for c in found
            ],
        )
        for c in found:
            if c.note:
                screen.say_badly(f"{c.id}: {words.note(c.note)}")
            if c.id in undecided:
                screen.say_badly(f"{c.id}: {doubt.needs_decision(c.id, undecided[c.id])}")


@app.command("show", help=_("How a campaign stands."))
def show(number: Number, as_json: AsJson = False) -> None:
    _show(shared.engine(), number, as_json)


@app.command("watch", help=_("The same, live, until the campaign ends."))
def watch(
    number: Number,
    every: Annotated[float, typer.Option(help=_("Seconds between looks."), min=0.2)] = 1.0,
    as_json: AsJson = False,
) -> None:
    engine = shared.engine()
    found = _standing(engine, number)
    with contextlib.suppress(KeyboardInterrupt), Live(console=screen.console) as live:
        while True:
            if as_json:
                print(summary.one_line(found), flush=True)
            else:
                live.update(Group(*_panel(engine, found)))
            if not LEGAL[found.campaign.status]:
                break
            time.sleep(every)
            found = _standing(engine, number)


@app.command("pause", help=_("Send nothing more for now."))
def pause(number: Number, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    _told(campaigning.pause(engine, number, shared.actor(settings)), as_json)


@app.command("resume", help=_("Go on with a paused campaign, or an interrupted launch."))
def resume(number: Number, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    _told(campaigning.resume(engine, number, shared.actor(settings)), as_json)


@app.command("cancel", help=_("End a campaign for good."))
def cancel(number: Number, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    _told(campaigning.cancel(engine, number, shared.actor(settings)), as_json)


def _told(campaign: Campaign, as_json: bool) -> None:
    if as_json:
        screen.print_json(_facts(campaign))
    else:
        screen.say_well(
            _("Campaign {id}: {status}.").format(
                id=campaign.id, status=summary.campaign_status(campaign.status)
            )
        )


@app.command("settle", help=_("These accounts have paid: remind them no more."))
def settle(
    number: Number,
    file: Annotated[Path, typer.Argument(help=_("CSV, XLSX, or TXT with one account a line."))],
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    accounts = campaigning.read_accounts(shared.existing(file))
    ended, unknown = campaigning.settle(engine, number, accounts, shared.actor(settings))
    if as_json:
        screen.print_json({"accounts": len(set(accounts)), "ended": ended, "unknown": unknown})
    else:
        screen.say_well(
            _(
                "Accounts: {accounts}; deliveries ended: {ended}; not in this campaign: {unknown}."
            ).format(accounts=len(set(accounts)), ended=ended, unknown=unknown)
        )


@app.command("report", help=_("The report: on the screen, or as HTML, XLSX and CSV in a folder."))
def report(
    number: Number,
    out: Annotated[Path | None, typer.Option(help=_("Where to write the files."))] = None,
    as_json: AsJson = False,
) -> None:
    engine = shared.engine()
    found = _report(engine, number)
    if out is not None:
        summary.write_files(engine, found, out)
    if as_json:
        screen.print_json(summary.facts(found))
        return
    screen.console.print(summary.panel(found, engine.settings.zone))
    summary.print_report(found)
    if out is not None:
        screen.say_well(_("The files are in {path}").format(path=out))


@app.command("attempts", help=_("Every attempt, as CSV or JSON lines."))
def attempts(
    number: Number,
    form: Annotated[Format, typer.Option("--format", help="csv | jsonl")] = Format.CSV,
    full: Annotated[bool, typer.Option("--full", help=_("Do not mask contact points."))] = False,
    out: Annotated[Path | None, typer.Option(help=_("Into this file; else to the screen."))] = None,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    with engine.ledger.write() as tx:
        campaign = campaigns.get(tx, number)
        if full:
            trail.note(
                tx, engine.clock.now(), shared.actor(settings), "campaign.export", campaign.subject
            )
    with engine.ledger.read() as tx, _target(out) as file:
        rows = export.attempts(tx, number, full=full)
        if form is Format.CSV:
            export.write_csv(rows, file)
        else:
            export.write_jsonl(rows, file)


@contextlib.contextmanager
def _target(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
    else:
        with out.open("w", encoding="utf-8", newline="") as file:
            yield file


def audit(number: Number, as_json: AsJson = False) -> None:
    """Exit code 1 when something in the books does not hold."""
    engine = shared.engine()
    result = summary.examine(engine, number)
    if as_json:
        screen.print_json(summary.audit_facts(result))
    else:
        summary.print_audit(result)
    if not result.passed:
        raise typer.Exit(1)


def _report(engine: Engine, number: int) -> figures.CampaignReport:
    with engine.ledger.read() as tx:
        return report_of(tx, number, engine.clock.now())


def _standing(engine: Engine, number: int) -> standing.Standing:
    with engine.ledger.read() as tx:
        return standing.of_campaign(tx, number, engine.clock.now())


def _show(engine: Engine, number: int, as_json: bool, **more: object) -> None:
    found = _standing(engine, number)
    if as_json:
        undecided = doubt.undecided(engine).get(number, 0)
        told = {"undecided": undecided, "limits": dict(_limits(engine, number))}
        screen.print_json(summary.standing_facts(found) | told | more)
    else:
        for part in _panel(engine, found):
            screen.console.print(part)


def _limits(engine: Engine, number: int) -> Limits:
    with engine.ledger.read() as tx:
        return campaign_limits.of(tx, number)


def _panel(engine: Engine, found: standing.Standing) -> list[RenderableType]:
    """How the campaign stands, and what waits for staff."""
    number = found.campaign.id
    parts: list[RenderableType] = [summary.panel(found, engine.settings.zone)]
    if limits := _limits(engine, number):
        told = ", ".join(
            f"{words.word(words.channels, channel)} {screen.number(count)}"
            for channel, count in limits.items()
        )
        parts.append(Text(_("Attempts an hour, at most: {limits}").format(limits=told)))
    if count := doubt.undecided(engine).get(number, 0):
        parts.append(Text(doubt.needs_decision(number, count), style="yellow"))
    return parts


def _facts(campaign: Campaign) -> dict[str, object]:
    return summary.campaign_facts(campaign)


@app.command("uncertain", help=_("Attempts of which nobody knows whether they arrived."))
def uncertain(
    number: Number,
    full: Annotated[bool, typer.Option("--full", help=_("Do not mask contact points."))] = False,
    as_json: AsJson = False,
) -> None:
    engine = shared.engine()
    found = doubt.of_campaign(engine, number)
    if as_json:
        screen.print_json(doubt.facts(found, full=full))
    else:
        doubt.tell(found, number, engine.settings.zone, full=full)


@app.command("resolve", help=_("Decide about uncertain attempts, having asked the provider."))
def resolve(
    number: Number,
    channel: ChannelName,
    reached: Annotated[bool, typer.Option("--reached/--not-reached", help=_("Did it arrive?"))],
    account: Annotated[str | None, typer.Option("--account", help=_("Only this account."))] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help=_("Every uncertain one on this channel."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    if (account is None) == (not everyone):
        raise NotPossible(_("Give either --account or --all."))
    settings = shared.settings()
    engine = shared.engine(settings)
    decided = campaigning.resolve(
        engine, number, shared.actor(settings), channel=channel, account=account, reached=reached
    )
    if as_json:
        screen.print_json({"decided": decided})
    elif decided:
        screen.say_well(_("Decided: {count}.").format(count=decided))
    else:
        screen.say_badly(_("Nothing is uncertain there: nothing was decided."))
    if not decided:
        raise typer.Exit(1)
