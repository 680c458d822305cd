"""`dispatcher check` about the mail-robot's minute: a real process."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dispatcher.ledger import mailboxes, open_ledger
from dispatcher.ledger.mailboxes import MailboxState
from tests.cli.test_commands import environment, home, run
from tests.cli.test_mailrobot import BOXES, ROBOT

__all__ = ["environment", "home", "run"]  # fixtures

SETTINGS = {**ROBOT, "DISPATCHER_MAILBOXES": BOXES}
WHAT = "минута mail-робота"
Run = Callable[..., subprocess.CompletedProcess[str]]


def minute(done: subprocess.CompletedProcess[str]) -> list[tuple[bool, str]]:
    return [(one["ok"], one["note"]) for one in json.loads(done.stdout) if one["what"] == WHAT]


def test_check_says_whether_the_minute_is_kept_once_a_robot_has_looked(
    run: Run, home: Path
) -> None:
    before = run("check", "--json", **SETTINGS)
    assert (before.returncode, minute(before)) == (0, [])
    ledger = open_ledger(f"sqlite:///{home / 'var' / 'dispatcher.sqlite3'}")
    now = datetime.now(UTC)
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState("info", now))
    kept = run("check", "--json", **SETTINGS)
    assert (kept.returncode, minute(kept)) == (0, [(True, "соблюдается")])
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState("info", now - timedelta(hours=1)))
    ledger.close()
    late = run("check", "--json", **SETTINGS)
    [(ok, note)] = minute(late)
    assert (late.returncode, ok) == (1, False)
    assert note.startswith("Ящик info: в него не заглядывали 60")
    without = run("check", "--json", **ROBOT)
    assert (without.returncode, minute(without)) == (0, [])
