"""`dispatcher demo`: from a billing export to a report, two simulated weeks in seconds."""

import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Group
from rich.live import Live

from campaigns.demo import BILLING_EXPORT
from dispatcher.cli import audience, demo_letters, screen, shared, summary, texts
from dispatcher.cli.scenario import find_file
from dispatcher.demo import Telling, rehearse
from dispatcher.engine import Engine
from dispatcher.examination import TextsUnfit
from dispatcher.importing import NoRowTaken
from dispatcher.report import figures, standing
from dispatcher.settings import Settings
from templates.i18n import _, ngettext

# A Monday, two days before a public holiday: the demonstration shows that nobody is called on it.
STARTS = "2026-11-02T06:00"
LOOK_SECONDS = 0.5


def demo(
    audience_file: Annotated[
        Path | None,
        typer.Option("--audience", help=_("Your own file; else the one that comes along.")),
    ] = None,
    scenario: Annotated[
        str, typer.Option(help=_("A scenario's name, or a TOML file."))
    ] = "debt-reminder",
    mapping: shared.Mapping = None,
    from_: Annotated[
        str, typer.Option("--from", help=_("When it begins, in simulated time."))
    ] = STARTS,
    days: Annotated[int, typer.Option(min=1, max=366)] = 14,
    seed: Annotated[int, typer.Option(help=_("The same seed gives the same books."))] = 1,
    out: Annotated[Path, typer.Option(help=_("Where to leave the report."))] = Path("demo-report"),
    as_json: shared.AsJson = False,
) -> None:
    settings = shared.settings()
    if settings.log_level == "INFO":
        # Thousands of attempts in a minute: the lines are for a service, not for this screen.
        from dispatcher import logs

        logs.configure("WARNING", settings.log_format)
    start_at = shared.read_instant(from_, settings.zone)
    assert start_at is not None  # noqa: S101 - the option has a default
    file = find_file(scenario, settings.supplier())
    source = shared.existing(audience_file) if audience_file else BILLING_EXPORT
    began = time.monotonic()
    if not as_json:
        screen.console.rule(f"[bold]{file.scenario.title}[/bold]", align="left")
        screen.say(
            _("File: {file}. Providers: the sandbox on this machine.").format(file=source.name)
        )
    live = Live(console=screen.console, refresh_per_second=4, transient=True)
    quiet = as_json or not screen.console.is_terminal
    view = _View(live, settings.zone, start_at, days, quiet=quiet)
    errors = out / "row-errors.csv"
    try:
        with live:
            done = rehearse(
                settings,
                file,
                source,
                out,
                start_at=start_at,
                days=days,
                seed=seed,
                mapping=shared.read_mapping(mapping),
                telling=Telling(
                    imported=lambda rows: view.word(
                        _("Imported rows: {n}").format(n=screen.number(rows))
                    ),
                    planned=lambda n: view.word(
                        _("Planned recipients: {n}").format(n=screen.number(n))
                    ),
                    now=view.look,
                ),
            )
    except TextsUnfit as error:
        texts.tell_unfit(error.examination, may_leave_out=False)
        raise
    except NoRowTaken as failed:
        if as_json:
            screen.print_json(audience.facts(failed.imported))
        else:
            audience.tell_refused(failed.imported, errors)
        raise typer.Exit(failed.exit_code) from None
    with done.engine.ledger.read() as tx:
        report = figures.of_campaign(tx, done.campaign.id, done.engine.clock.now())
    summary.write_files(done.engine, report, out, full=True)
    books = summary.examine(done.engine, done.campaign.id)
    seconds = time.monotonic() - began
    # The campaign's books are written by now: nothing that a letter says changes them.
    answered = demo_letters.drop(done.engine, done.campaign.id, out, quiet=quiet)
    if as_json:
        screen.print_json(
            summary.facts(report)
            | {
                "received": done.received,
                "letters": demo_letters.facts(answered),
                "audit": summary.audit_facts(books),
                "seconds": round(seconds, 1),
                "out": str(out),
            }
        )
    else:
        audience.tell(done.imported, errors)
        screen.console.print(summary.panel(report, settings.zone))
        summary.print_report(report)
        summary.print_audit(books)
        demo_letters.tell(answered)
        _farewell(settings, out, seconds, days)
    done.engine.ledger.close()
    if not (books.passed and report.adds_up and demo_letters.is_well(answered)):
        raise typer.Exit(1)


def how_far(now: datetime, start_at: datetime, days: int) -> str:
    """`day 3 of 14 (17 %)`, in simulated time; past the end only receipts are waited for."""
    passed = now - start_at
    if passed >= timedelta(days=days):
        return _("The campaign has ended; the last receipts come in")
    share = passed / timedelta(days=days)
    return _("Day {day} of {days} ({percent}%)").format(
        day=passed.days + 1, days=days, percent=int(share * 100)
    )


class _View:
    """Live progress: redrawn twice a second however fast the simulated days go by."""

    def __init__(
        self, live: Live, zone: str, start_at: datetime, days: int, *, quiet: bool
    ) -> None:
        self._live, self._zone, self._quiet = live, zone, quiet
        self._start_at, self._days = start_at, days
        self._looked = 0.0
        self._day: date | None = None

    def word(self, text: str) -> None:
        if not self._quiet:
            self._live.update(text)

    def look(self, now: datetime, engine: Engine, campaign_id: int) -> None:
        far = how_far(now, self._start_at, self._days)
        if self._quiet:
            day = now.astimezone(ZoneInfo(self._zone)).date()
            if day != self._day:
                self._day = day
                told = screen.moment(now, self._zone).rpartition(",")[0]
                screen.errors.print(f"{told} · {far}")
            return
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        with engine.ledger.read() as tx:
            found = standing.of_campaign(tx, campaign_id, now)
        self._live.update(Group(far, summary.panel(found, self._zone)))
        self._looked = time.monotonic()


def _farewell(settings: Settings, out: Path, seconds: float, days: int) -> None:
    screen.console.rule(style="dim")
    screen.say_well(
        ngettext(
            "{days} simulated day in {seconds} s.", "{days} simulated days in {seconds} s.", days
        ).format(days=days, seconds=round(seconds))
    )
    screen.say(_("Open {path}: the report for people.").format(path=out / "report.html"))
    screen.say(
        _("Beside it: report.xlsx, attempts.csv, skips.csv, row-errors.csv, received.jsonl.")
    )
    demo_letters.say_next(settings, out)
    screen.say(_("Next, with your own file: dispatcher demo --audience FILE"))
    screen.say(
        _("For real: fill in .env (see .env.example), then dispatcher check and dispatcher up")
    )
