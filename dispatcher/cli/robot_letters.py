"""`dispatcher mailrobot letters`: what came in, and what the robot did with it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from babel.dates import format_datetime
from rich import box
from rich.markup import escape
from rich.table import Table

from campaigns.inquiry.verdict import Reason, Verdict
from dispatcher.cli import screen, shared
from dispatcher.cli.inquiry_screen import Shown
from dispatcher.cli.screen import printable
from dispatcher.cli.shared import AsJson
from dispatcher.inquiries import desk
from dispatcher.ledger import letter_lists
from dispatcher.ledger.letter_lists import Listed, Wanted
from dispatcher.mailrobot.reasons import reason_words
from templates.i18n import _, current_language, ngettext

LONGEST_SUBJECT = 60


def letters(
    silent: Annotated[
        bool, typer.Option("--silent", help=_("Only what was not answered."))
    ] = False,
    reason: Annotated[
        Reason | None, typer.Option(help=_("Only with this reason; “spam” is shown no other way."))
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help=_("Of the last so many days."))] = 7,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("At most so many."))] = 100,
    full: Annotated[bool, typer.Option("--full", help=_("Do not mask senders."))] = False,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    now = engine.clock.now()
    wanted = Wanted(now - timedelta(days=days), silent, reason)
    with engine.ledger.read() as tx:
        found = letter_lists.found(tx, wanted, limit)
        count = letter_lists.count(tx, wanted)
        spam = letter_lists.count(tx, Wanted(wanted.since_at, reason=Reason.SPAM))
    told = Shown(settings.zone, desk.today(engine, now), full=full)
    if as_json:
        screen.print_json([_facts(one, told) for one in found])
        return
    if found:
        _tell(found, count, told)
    else:
        screen.say(_("No such letters in this time."))
    if spam and reason is None:
        line = ngettext(
            "{count} marked as spam: --reason spam", "{count} marked as spam: --reason spam", spam
        )
        screen.say(line.format(count=screen.number(spam)))


def _tell(found: Sequence[Listed], count: int, told: Shown) -> None:
    """Within 80 columns, whatever strangers write."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    grid.add_column(escape(_("received")), no_wrap=True)
    grid.add_column(escape(_("from")), overflow="fold", max_width=20)
    grid.add_column(escape(_("subject")), overflow="fold", max_width=18)
    grid.add_column(escape(_("what the robot did")), overflow="fold")
    for one in found:
        cells = (_moment(one, told), told.point(one.sender), _subject(one), _done(one))
        grid.add_row(*map(escape, cells))
    screen.console.print(grid)
    if count > len(found):
        more = count - len(found)
        line = ngettext("… and {count} more: --limit", "… and {count} more: --limit", more)
        screen.say(line.format(count=screen.number(more)))


def _moment(one: Listed, told: Shown) -> str:
    at = one.arrived_at.astimezone(ZoneInfo(told.zone))
    return str(format_datetime(at, "d MMM, HH:mm", locale=current_language()))


def _subject(one: Listed) -> str:
    plain = printable(one.subject)
    return f"{plain[:LONGEST_SUBJECT]}…" if len(plain) > LONGEST_SUBJECT else plain or "—"


def _done(one: Listed) -> str:
    verdict = _("answered at once") if one.verdict is Verdict.ANSWER else _("silent")
    number = f" ({one.number})" if one.number else ""
    return f"{verdict}: {reason_words(one.reason)}{number}"


def _facts(one: Listed, told: Shown) -> dict[str, object]:
    return {
        "letter": one.id,
        "mailbox": one.mailbox,
        "sender": told.point(one.sender) if one.sender else "",
        "subject": one.subject,
        "arrived_at": one.arrived_at,
        "taken_at": one.taken_at,
        "verdict": one.verdict,
        "reason": one.reason,
        "size_bytes": one.size_bytes,
        "inquiry": one.number,
    }
