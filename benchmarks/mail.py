"""Letters per second end to end, beside those who only send, into the same sink in the same run.

    python benchmarks/mail.py --letters 20000 --rounds 3 [--workers 2]

End to end is the whole house: PostgreSQL, Redis, one loop and two workers, each a process of the
command line. A campaign is launched; the clock stops when the last letter is handed over and
written down. Everything is in it: the plan, the claims, judging, attempts, words, MIME, outcomes.
Beside it, the same number of letters by nodemailer's pooled transport (which makes its letters
and writes nothing down), by bare aiosmtplib from two processes (ready-made bytes) and by Postfix's
`smtp-source`. The sink is `smtp-sink`, a process of its own. Rounds are interleaved; told are
medians.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from house import (
    add_scenario,
    analyse,
    house,
    look,
    mail_settings,
    waiting_in,
    write_audience,
)
from mail_peers import run_bare, run_nodemailer, run_source, running_sink
from measuring import Stopwatch, apart, show

SCENARIO = """
name = "letters"
title = "Письма"
purpose = "service"
same_contact = "merge"
fields = ["debt_kopecks"]

[channels.email]
template = "debt-reminder"
"""


def whole_way(folder: Path, port: int, letters: int, workers: int) -> dict[str, Any]:
    """A campaign from its launch to the last letter written down."""
    from dispatcher import campaigning
    from dispatcher.importing import import_audience

    with house(folder, mail_settings(port)) as home:
        engine = home.engine()
        add_scenario(engine, folder, SCENARIO)
        write_audience(folder / "people.csv", letters)
        import_audience(engine, folder / "people.csv", "people", "b", mapping={})
        analyse(engine)
        home.start("loop", "loop")
        for number in range(workers):
            home.start(f"worker {number + 1}", "worker", "--queue", "send-email")
        with Stopwatch() as watch:
            with Stopwatch() as planning:
                campaign = campaigning.launch(engine, "letters", "people", "b")
            while waiting_in(engine, campaign.id):
                home.need_all()
                time.sleep(0.1)
        home.measure()
        handed = look(engine, "SELECT count(*) FROM attempts WHERE handed_at IS NOT NULL")
        engine.ledger.close()
    return {
        "letters": handed,
        "seconds": watch.seconds,
        "planning": planning.seconds,
        "peaks": home.peaks_mb,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)  # a folder and the sink's port
    options = parser.parse_args()
    letters, workers = options.letters, options.workers
    if options.job:
        folder, port = Path(options.job[0]), int(options.job[1])
        print(json.dumps(whole_way(folder, port, letters, workers)))
        return
    found: dict[str, list[float]] = {}
    planning: list[float] = []
    peaks_mb: dict[str, float] = {}

    def note(way: str, speed: float | None) -> None:
        if speed is not None:
            found.setdefault(way, []).append(speed)

    with running_sink() as port:
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as name:
                told = apart(
                    __file__,
                    *("--letters", str(letters), "--workers", str(workers)),
                    *("--job", name, str(port)),
                )
            if told["letters"] != letters:
                raise SystemExit(f"{told['letters']} of {letters} letters were handed over")
            note("end to end", letters / told["seconds"])
            planning.append(told["planning"])
            for role, mb in told["peaks"].items():
                peaks_mb[role] = max(mb, peaks_mb.get(role, 0.0))
            note("bare aiosmtplib, 2 processes", run_bare(port, letters, 2))
            note("nodemailer, pooled", run_nodemailer(port, letters))
            note("smtp-source", run_source(port, letters))
    ours = statistics.median(found["end to end"])
    rows = [
        {
            "way": way,
            "letters/s": round(statistics.median(speeds)),
            "slowest": round(min(speeds)),
            "fastest": round(max(speeds)),
            "end to end / this": round(ours / statistics.median(speeds), 2),
        }
        for way, speeds in found.items()
    ]
    show(f"{letters:,} letters into smtp-sink, {options.rounds} rounds", rows)
    print(f"of the way end to end, planning took {statistics.median(planning):.1f} s")
    print("memory: " + ", ".join(f"{role} {mb:.0f} MB" for role, mb in peaks_mb.items()))


if __name__ == "__main__":
    main()
