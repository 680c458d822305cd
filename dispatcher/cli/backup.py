"""`dispatcher backup` and `dispatcher restore`: a copy of the ledger, and the way back."""

import fcntl
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli import screen, shared
from dispatcher.cli.migrate import opened
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotPossible
from dispatcher.ledger import Ledger
from dispatcher.ledger.copying import copy_ledger, ending_of, has_file
from dispatcher.ledger.holding_back import HeldBack
from dispatcher.ledger.new_file import remove_abandoned
from dispatcher.ledger.restoring import restore_ledger
from dispatcher.ledger.server_clock import time_of
from dispatcher.settings import Settings
from templates.i18n import _

# The names that copies get in a folder; nothing else there is ever touched.
_NAME = re.compile(r"ledger-\d{8}T\d{6}Z\.(dump|sqlite3)")


def backup(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help=_("The new file; or a folder, in which it is named by the hour.")
        ),
    ],
    keep: Annotated[
        int | None,
        typer.Option(min=1, help=_("In a folder: remove all copies but the newest so many.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Everybody works on meanwhile. The copy is read through before it gets its name."""
    settings = shared.settings()
    if keep is not None and not place.is_dir():
        raise NotPossible(_("--keep goes with a folder that is there: {path}").format(path=place))
    with opened(settings) as ledger:
        if not has_file(ledger):
            raise NotPossible(_("There is no ledger yet: nothing to copy."))
        now = time_of(ledger)
        path = _free_name(place, ledger, now) if place.is_dir() else place
        if place.is_dir():
            remove_abandoned(place, _NAME.pattern)
        copy = copy_ledger(ledger, path, shared.actor(settings), now)
    removed = _remove_old(place, keep) if keep is not None else ()
    if as_json:
        screen.print_json(
            {
                "file": str(copy.path),
                "version": copy.version,
                "bytes": copy.size_bytes,
                "removed": [str(one) for one in removed],
            }
        )
        return
    told = _("The ledger (version {version}) is copied to {path}: {bytes} bytes, read through.")
    screen.say_well(
        told.format(version=copy.version, path=copy.path, bytes=screen.number(copy.size_bytes))
    )
    for one in removed:
        screen.say("  " + _("Removed: {path}").format(path=one))
    if settings.secret is None:
        screen.say("  " + _("Keep {path} with it.").format(path=settings.data_dir / "secret"))
    else:
        screen.say("  " + _("Keep DISPATCHER_SECRET, too; it is not in the copy."))


def _free_name(folder: Path, ledger: Ledger, now: datetime) -> Path:
    """A second later, if there is a copy of this very second: names tell the order of copies."""
    while (path := folder / f"ledger-{now:%Y%m%dT%H%M%SZ}{ending_of(ledger)}").exists():
        now += timedelta(seconds=1)
    return path


def _remove_old(folder: Path, keep: int) -> Sequence[Path]:
    """The names tell the age."""
    copies = sorted(one for one in folder.iterdir() if _NAME.fullmatch(one.name))
    removed = copies[:-keep]
    for one in removed:
        one.unlink(missing_ok=True)
    return removed


def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help=_("What “backup” made."))],
    as_json: AsJson = False,
) -> None:
    """Fill the ledger of the settings, which must be empty, from a copy. Nothing is sent before
    staff have looked: campaigns that were at work are paused."""
    from dispatcher.cli.lifetime import locked  # all that a process needs, for its lock alone

    settings = shared.settings()
    shared.existing(copy)
    with ExitStack() as stack:
        if settings.is_embedded:
            stack.enter_context(locked(settings.data_dir, fcntl.LOCK_EX))
        ledger = stack.enter_context(opened(settings))
        held = restore_ledger(ledger, copy, shared.actor(settings), time_of(ledger))
    if as_json:
        screen.print_json(asdict(held))
    else:
        _tell(held, settings)


def _tell(held: HeldBack, settings: Settings) -> None:
    screen.say_well(_("The ledger is restored."))
    if held.known_until is not None:
        screen.say(
            _("It knows of nothing after {moment}. What was sent since is not in it.").format(
                moment=screen.moment(held.known_until, settings.zone)
            )
        )
    if held.campaigns:
        numbers = ", ".join(str(one) for one in sorted(held.campaigns))
        screen.say_badly(_("Paused, until somebody has looked: {numbers}").format(numbers=numbers))
        screen.say(
            "  "
            + _(
                "Before “campaign resume N”: “campaign settle N FILE” with the accounts that were "
                "reached since, or they are contacted once more."
            )
        )
    for count, told in (
        (held.open_attempts, _("attempts were under way: the loop will call them uncertain")),
        (held.replies, _("SMS answers were waiting: nobody knows whether they went")),
        (held.letters, _("letters were waiting: they go, or go again under the same Message-ID")),
    ):
        if count:
            screen.say(f"  {screen.number(count)} {told}")
    screen.say(
        _(
            "Also lost are stops and inquiries that came since. Look for them at the providers and "
            "in the mailbox before anything is resumed (docs/deployment.md)."
        )
    )
