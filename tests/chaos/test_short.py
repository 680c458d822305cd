"""The storm and the many machines, in their short forms; the long ones are run by command."""

import subprocess
import sys

from tests.chaos.__main__ import MISSING
from tests.chaos.town import ROOT
from tests.ledger.servers import unavailable

LONGEST_SECONDS = 600  # on a machine that is busy with other tests
SHORT = ("--settle", "15", "--letters", "6", "--patience", "150")


def chaos(*words: str) -> str:
    """Run the command as people do; what it printed, once its verdict is that the books add up."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    if done.returncode == MISSING:
        unavailable(done.stderr.strip())
    told = f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    assert done.returncode == 0, told
    return done.stdout


def test_whatever_is_killed_and_cut_nobody_is_lost_and_nobody_is_told_twice() -> None:
    killed = "kill-worker,kill-loop,kill-receipts,kill-robot,kill-web"
    faults = f"{killed},flush-redis,crash-postgres,disk-full"
    storm = ("--recipients", "150", "--seed", "11", "--minutes", "0.25", "--gap", "1", "2")
    told = chaos("storm", *storm, "--workers", "1", "--faults", faults, *SHORT)
    assert "the books add up" in told
    assert "kill-worker" in told.partition("fault ")[2]


def test_a_campaign_of_many_machines_adds_up() -> None:
    told = chaos("many", "--recipients", "300", "--loops", "2", "--workers", "2", *SHORT)
    assert "the books add up" in told
