"""The mail-robot among real servers: how soon it answers, and that it neither loses nor doubles.

    python benchmarks/mailrobot.py --paced 1000 --rate 20
    python benchmarks/mailrobot.py --burst 10000
    python benchmarks/mailrobot.py --kills 50
    python benchmarks/mailrobot.py --outage 120
    python benchmarks/mailrobot.py --paced 1000 --postgres [URL]

Letters reach Dovecot by LMTP and the robot by IMAP IDLE; the robot is the real process, its ledger
a SQLite file unless told otherwise; each letter is answered to its sender and passed on whole to a
specialist. A letter arrives when Dovecot says 250 to LMTP, and is answered when the SMTP server
that takes the answer says 250 to that, by its own clock. All of it shares this machine.
"""

import argparse
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from mail_world import (
    Mailbox,
    RobotProcess,
    Sink,
    free_port,
    letter,
    mailbox,
    named,
    settings_for,
)
from measuring import scratch_postgres, show

ENTRANCES = 6  # connections that a burst comes in by
PATIENCE_SECONDS = 120.0  # without a further answer


@dataclass(slots=True)
class World:
    box: Mailbox
    sink: Sink
    robot: RobotProcess
    arrived_at: dict[int, float] = field(default_factory=dict)
    made: dict[int, bytes] = field(default_factory=dict)  # beforehand, for a burst

    def drop(self, numbers: Iterator[int], rate: float, until: threading.Event) -> None:
        """Put letters in until there are no more numbers: at a rate, or (0) as fast as it goes."""
        put = self.box.entrance()
        began = time.monotonic()
        for number in numbers:
            raw = self.made.pop(number, None) or letter(number)
            pause = began + number / rate - time.monotonic() if rate else 0.0
            if until.wait(max(0.0, pause)):
                return
            self.arrived_at[number] = put(number, raw)

    def dropping(self, rate: float) -> "Dropping":
        return Dropping(self, rate)

    def answered_at(self) -> dict[str, float]:
        """When each letter that is answered was, for the first time."""
        found: dict[str, float] = {}
        for one in self.sink.look():
            if one.answers:
                found.setdefault(one.answers, one.at)
        return found

    def wait(self) -> None:
        """Until every letter is answered, or nothing comes any more."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < PATIENCE_SECONDS:
            taken = len(self.sink.look())
            if len({one.answers for one in self.sink.taken if one.answers}) >= len(self.arrived_at):
                return
            if taken != seen:
                seen, since = taken, time.monotonic()
            time.sleep(0.5)


class Dropping:
    """`with world.dropping(20): …`: letters come while the block lasts."""

    def __init__(self, world: World, rate: float) -> None:
        self._until = threading.Event()
        arguments = (count(), rate, self._until)
        self._thread = threading.Thread(target=world.drop, args=arguments)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._until.set()
        self._thread.join()


@contextmanager
def world(database_url: str) -> Iterator[World]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="robot-")))
        folder.chmod(0o755)
        box = stack.enter_context(mailbox(folder))
        sink = Sink(folder / "taken", free_port())
        sink.open()
        stack.callback(sink.close)
        robot = RobotProcess(folder, settings_for(folder, box, sink, database_url))
        stack.callback(robot.end, signal.SIGKILL)
        yield World(box, sink, robot)


def seconds(place: World) -> dict[str, float]:
    """From arrival to answer."""
    answered = place.answered_at()
    took = sorted(
        answered[named(number)] - at
        for number, at in place.arrived_at.items()
        if named(number) in answered
    )
    cuts = statistics.quantiles(took, n=100)
    return {"p50, s": cuts[49], "p99, s": cuts[98], "maximum, s": took[-1]}


def settle(place: World) -> None:
    """Until nothing is owed: what was passed on, too, and what killed robots left."""
    since, before = time.monotonic(), -1
    while time.monotonic() - since < PATIENCE_SECONDS:
        unsent = ledger_counts(place.robot.settings)["unsent"]
        if not unsent:
            return
        if unsent != before:
            since, before = time.monotonic(), unsent
        time.sleep(0.5)


def books(place: World) -> Mapping[str, object]:
    """Every letter that arrived, against what the sink took, the ledger and the mailbox hold."""
    place.robot.end(signal.SIGTERM)
    cpu_seconds = place.robot.cpu_seconds
    names = {named(number) for number in place.arrived_at}
    answers: dict[str, Counter[str]] = {}
    for one in place.sink.look():
        if one.answers:
            answers.setdefault(one.answers, Counter())[one.message_id] += 1
    once = [name for name in names if len(answers.get(name, ())) == 1]
    passed_on = Counter(one.message_id for one in place.sink.taken if not one.answers)
    return {
        "letters": len(names),
        "answered once": len(once),
        "same answer again": sum(sum(found.values()) > 1 for found in answers.values()),
        "two answers": sum(len(found) > 1 for found in answers.values()),
        "unanswered": len(names - answers.keys()),
        "passed on": len(passed_on),
        **ledger_counts(place.robot.settings),
        "ms of the robot's CPU a letter": round(1000 * cpu_seconds / len(names), 1),
        **{f"in {name}": number for name, number in place.box.counts().items()},
    }


def ledger_counts(settings: Mapping[str, str]) -> dict[str, int]:
    from sqlalchemy import func, select

    from dispatcher.ledger import Ledger
    from dispatcher.ledger.tables import inquiries, letters, outbox

    file = Path(settings["DISPATCHER_DATA_DIR"]) / "dispatcher.sqlite3"
    ledger = Ledger(settings.get("DISPATCHER_DATABASE_URL") or f"sqlite:///{file}")
    with ledger.read() as tx:
        found = {
            "in ledger": select(func.count()).select_from(letters),
            "inquiries": select(func.count()).select_from(inquiries),
            "of them once": select(func.count(inquiries.c.reference.distinct())),
            "unsent": select(func.count()).where(outbox.c.status != "sent"),
        }
        counts = {name: int(tx.execute(query).scalar_one()) for name, query in found.items()}
    ledger.close()
    return counts


def paced(place: World, letters: int, rate: float) -> Mapping[str, object]:
    place.robot.start()
    place.drop(iter(range(letters)), rate, threading.Event())
    place.wait()
    arrived = place.arrived_at.values()
    return {"arrived/s": len(arrived) / (max(arrived) - min(arrived)), **seconds(place)}


def burst(place: World, letters: int) -> Mapping[str, object]:
    place.made.update((number, letter(number)) for number in range(letters))
    place.robot.start()
    numbers = iter(range(letters))  # next() of it is atomic: the threads share it
    never = threading.Event()
    threads = [
        threading.Thread(target=place.drop, args=(numbers, 0, never)) for _ in range(ENTRANCES)
    ]
    began = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    came = time.time() - began
    place.wait()
    lasted = max(place.answered_at().values()) - began
    rates = {"arrived/s": letters / came, "answered/s": letters / lasted}
    return {**rates, **seconds(place)}


def kills(place: World, how_many: int, rate: float) -> Mapping[str, object]:
    dice = random.Random(20261120)
    place.robot.start()
    with place.dropping(rate):
        for _ in range(how_many):
            place.robot.end(signal.SIGKILL)
            place.robot.start(wait=False)
            time.sleep(dice.uniform(1, 5))
    place.wait()
    return {"kills": how_many, **seconds(place)}


def outage(place: World, lasts_seconds: float, rate: float) -> Mapping[str, object]:
    place.robot.start()
    with place.dropping(rate):
        time.sleep(10)
        place.sink.close()
        time.sleep(lasts_seconds)
        place.sink.open()
        back_at = time.time()
    owed = {named(number) for number, at in place.arrived_at.items() if at <= back_at}
    place.wait()
    late = [at for name, at in place.answered_at().items() if at > back_at and name in owed]
    return {
        "away, s": lasts_seconds,
        "owed at its return": len(late),
        "first after, s": min(late) - back_at,
        "last after, s": max(late) - back_at,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paced", type=int, metavar="LETTERS")
    parser.add_argument("--burst", type=int, metavar="LETTERS")
    parser.add_argument("--kills", type=int, metavar="TIMES")
    parser.add_argument("--outage", type=float, metavar="SECONDS")
    parser.add_argument("--rate", type=float, default=20.0, help="letters per second")
    parser.add_argument("--postgres", nargs="?", const="", metavar="URL")
    parser.add_argument("--keep", type=Path, help="a file for the robot's log")
    options = parser.parse_args()
    wanted = {
        "paced": options.paced,
        "burst": options.burst,
        "kills": options.kills,
        "outage": options.outage,
    }
    with ExitStack() as stack:
        url = options.postgres or ""
        if options.postgres == "":
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = stack.enter_context(scratch_postgres(scratch / "pg"))
        for name, amount in wanted.items():
            if amount:
                run(name, amount, options.rate, url, options.keep)


def run(name: str, amount: float, rate: float, url: str, keep: Path | None) -> None:
    with world(url) as place:
        match name:
            case "paced":
                figures = paced(place, int(amount), rate)
            case "burst":
                figures = burst(place, int(amount))
            case "kills":
                figures = kills(place, int(amount), rate)
            case _:
                figures = outage(place, amount, rate)
        kept = "PostgreSQL" if url else "SQLite"
        settle(place)
        show(f"Mail-robot, {name}: {place.box.name}, {kept}; from arrival to answer", [figures])
        books_now = books(place)
        print("  ".join(f"{what}: {value}" for what, value in books_now.items()))
        if keep is not None:
            keep.write_bytes((place.robot.folder / "robot.log").read_bytes())
        if books_now["answered once"] != books_now["letters"]:
            sys.exit("not every letter was answered once")


if __name__ == "__main__":
    os.environ.setdefault("CI", "1")  # a server that does not start is a failure here
    main()
