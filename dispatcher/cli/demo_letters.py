"""What the demonstration shows of the mail-robot: a line for each letter, and one for them all."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import structlog
from rich import box
from rich.markup import escape
from rich.table import Table

from campaigns.inquiry.verdict import Verdict
from dispatcher.cli import screen
from dispatcher.demo import ANSWERS, LEDGER, LETTERS
from dispatcher.demo_letters import Exchange, Followed, exchange
from dispatcher.engine import Engine
from dispatcher.errors import DispatcherError
from dispatcher.inquiries import words as inquiry_words
from dispatcher.mailrobot.reasons import reason_words
from dispatcher.report import export, words
from dispatcher.settings import PREFIX, Settings
from templates.i18n import _

log = structlog.get_logger()

NOTHING = "—"
ANSWERED, SILENT, WRONG = "[green]✓[/green]", "[dim]–[/dim]", "[red]✗[/red]"
COLUMNS = (
    "letter",
    "subject",
    "verdict",
    "reason",
    "topic",
    "number",
    "person",
    "seconds",
    "answers",
)


def drop(engine: Engine, campaign_id: int, out: Path, *, quiet: bool) -> Exchange | str:
    """Let the robot answer the letters, and leave letters.csv; or why that did not come about.

    Whatever it is, the campaign's report is there already and must be shown.
    """
    try:
        with screen.console.status("") as status:

            def told(count: int, of: int) -> None:
                if not quiet:
                    status.update(_("Letter {count} of {of}").format(count=count, of=of))

            found = exchange(engine, campaign_id, out, told)
        with (out / LETTERS).open("w", encoding="utf-8", newline="") as file:
            export.write_csv((_row(one) for one in found.rows), file, COLUMNS)
    except DispatcherError as error:
        return str(error)
    except Exception as error:
        log.exception("demo.letters_broken")
        return type(error).__name__
    return found


def tell(found: Exchange | str) -> None:
    """The table, within 80 columns, and what it comes to."""
    screen.console.rule(f"[bold]{escape(_('Letters to the mail-robot'))}[/bold]", align="left")
    if isinstance(found, str):
        screen.say_badly(_("The mail-robot could not be shown: {reason}").format(reason=found))
        return
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=0)
    grid.add_column(escape(_("letter")), max_width=20, no_wrap=True)
    grid.add_column(escape(_("answered ✓ or not –")), overflow="fold")
    grid.add_column(escape(_("topic")), no_wrap=True)
    grid.add_column(escape(_("number")), no_wrap=True)
    grid.add_column(escape(_("s")), justify="right", no_wrap=True)
    for one in found.rows:
        grid.add_row(*_cells(one))
    screen.console.print(grid)
    _tell_sum(found)


def facts(found: Exchange | str) -> dict[str, object]:
    if isinstance(found, str):
        return {"error": found}
    return {
        "answered": found.answered,
        "silent": found.silent,
        "lost": found.lost,
        "failed": found.failed,
        "slowest_seconds": _rounded(found.slowest_seconds),
        "letters": [_row(one) for one in found.rows],
    }


def is_well(found: Exchange | str) -> bool:
    return not isinstance(found, str) and not found.failed


def say_next(settings: Settings, out: Path) -> None:
    """What to look at and to try with the letters that the demonstration left."""
    screen.say(
        _("About the letters: {letters}; what the mail server took: {answers}.").format(
            letters=LETTERS, answers=ANSWERS
        )
    )
    home = out / LEDGER
    if settings.database_url is None:
        place = f"{PREFIX}DATA_DIR={shlex.quote(str(home))}"
    else:  # else the house's own database would be asked
        url = settings.model_copy(update={"data_dir": home, "database_url": None}).ledger_url
        place = f"{PREFIX}DATABASE_URL={shlex.quote(url)}"
    screen.say(_("The inquiries that came of them:"))
    # Whole on a line of its own, so that it can be copied.
    screen.console.print(f"  {place} dispatcher inquiries list", soft_wrap=True, markup=False)


def _cells(one: Followed) -> tuple[str, ...]:
    fate = one.fate
    if fate is None:
        return (one.name, f"{WRONG} {escape(_('lost'))}", NOTHING, NOTHING, NOTHING)
    sign = ANSWERED if fate.verdict is Verdict.ANSWER else SILENT
    topic = words.word(inquiry_words.topics, fate.topic) if fate.topic else NOTHING
    return (
        escape(screen.printable(fate.subject or _("(no subject)"))),
        f"{sign if one.is_well else WRONG} {escape(reason_words(fate.reason))}",
        escape(topic),
        fate.number or NOTHING,
        NOTHING if one.seconds is None else screen.number(round(one.seconds, 2)),
    )


def _tell_sum(found: Exchange) -> None:
    slowest = found.slowest_seconds
    told = _(
        "Answered: {answered}, the slowest in {seconds} s. Silent: {silent}. Lost: {lost}."
    ).format(
        answered=found.answered,
        seconds=NOTHING if slowest is None else screen.number(round(slowest, 2)),
        silent=found.silent,
        lost=found.lost,
    )
    if not found.failed:
        screen.say_well(told)
        return
    screen.say_badly(told)
    screen.say_badly(
        _("Not as it should be: {count}; see {file}.").format(count=found.failed, file=LETTERS)
    )


def _row(one: Followed) -> Mapping[str, export.Cell]:
    fate, seconds = one.fate, _rounded(one.seconds)
    return {
        "letter": one.name,
        "subject": fate.subject if fate else None,
        "verdict": fate.verdict.value if fate else "lost",
        "reason": fate.reason.value if fate else None,
        "topic": fate.topic.value if fate and fate.topic else None,
        "number": fate.number if fate else None,
        "person": fate.person if fate else None,
        "seconds": None if seconds is None else str(seconds),
        "answers": one.answers,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
