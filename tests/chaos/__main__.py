"""`python -m tests.chaos storm` and `python -m tests.chaos many`: see docs/survival.md."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.books import read_books, read_given_up, read_received
from tests.chaos.faults import FAULTS, draw_schedule
from tests.chaos.ground import enter_namespaces, find_ground
from tests.chaos.people import patterns_text, people
from tests.chaos.servers import Missing
from tests.chaos.storm import Plan, Storm
from tests.chaos.table import print_schedule, print_verdict
from tests.chaos.town import Staffing, Town
from tests.chaos.verdict import judge

# Exit codes; the second one is that of the commands of Dispatcher for bad use.
WELL, BROKEN, MISSING = 0, 1, 3
LATE = 1.25  # late receipts come when they have been asked for already


def main(words: Sequence[str] | None = None) -> int:
    given = _parse(words)
    enter_namespaces()
    folder = Path(given.out or tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # the ledger's server runs as another user
    try:
        return _live_through(given, folder)
    except Missing as error:
        print(f"cannot run here: {error}", file=sys.stderr)
        return MISSING


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("form", choices=("storm", "many"), help="with faults, or without any")
    parser.add_argument("--recipients", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=5, help="how long things go wrong")
    parser.add_argument("--faults", default="all", help=f"all, or of: {', '.join(FAULTS)}")
    parser.add_argument("--gap", type=float, nargs=2, default=(3.0, 8.0), metavar="SECONDS")
    parser.add_argument("--loops", type=int, default=2)
    parser.add_argument("--workers", type=int, default=4, help="of each channel")
    parser.add_argument("--robots", type=int, default=1)
    parser.add_argument("--speed", type=float, default=20, help="of the customers' world")
    parser.add_argument("--patience", type=float, default=180, help="seconds until all is calm")
    parser.add_argument("--settle", type=float, default=40, help="seconds receipts are waited for")
    parser.add_argument("--letters", type=int, default=30)
    parser.add_argument("--out", help="a folder for logs and records; kept")
    given = parser.parse_args(words)
    names = list(FAULTS) if given.faults == "all" else given.faults.split(",")
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        parser.error(f"there is no fault {unknown[0]}; there are {', '.join(FAULTS)}")
    given.faults = [] if given.form == "many" else names
    return given


def _live_through(given: argparse.Namespace, folder: Path) -> int:
    began = time.monotonic()

    def say(line: str) -> None:
        print(line, flush=True)

    staffing = Staffing(given.loops, given.workers, given.robots)
    town = Town(find_ground(), folder, given.seed, staffing, given.speed)
    town.patterns.write_text(patterns_text(given.settle * LATE * given.speed), "utf-8")
    lacking = {name: why for name in given.faults if (why := FAULTS[name].lacking(town))}
    names = [name for name in given.faults if name not in lacking]
    seconds = given.minutes * 60
    blows = draw_schedule(given.seed, names, seconds, given.gap)
    print_schedule(given, town, blows, lacking)
    plan = Plan(
        seed=given.seed,
        recipients=given.recipients,
        blows=tuple(blows),
        patience_seconds=given.patience,
        opens_after_seconds=min(seconds * 0.2, 60) if blows else 10,
        closes_after_seconds=min(seconds * 0.5, 120) if blows else 20,
        settle_seconds=given.settle,
        letters=given.letters,
    )
    with town:
        say(f"the town stands after {time.monotonic() - began:.0f} s")
        course = Storm(town, plan, say).run()
        everybody = list(people(given.recipients, given.seed))
        given_up = read_given_up(folder.glob("loop-*.log"))
        books = read_books(town.engine, course.campaign_id, given_up)
        verdict = judge(read_received(town.journal), books, course, everybody)
        print_verdict(town, course, verdict, lacking)
    if not given.out and not verdict.failures:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"logs and records: {folder}")
    return BROKEN if verdict.failures else WELL


if __name__ == "__main__":
    sys.exit(main())
