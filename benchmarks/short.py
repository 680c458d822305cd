"""Whether anything has become much slower: the figures in short, for every change.

    python benchmarks/short.py

Each figure is a ratio to what a bare program does on the same machine in the same minute, or is
counted in processor time, so that neither a slow machine nor a busy one is taken for a fall. The
floors are far below what is reached (they are in docs/speed.md): noise does not touch them, a
loop over a million rows where there was a statement does. What falls below is measured once more;
exit code 1 if it stays there. Without `smtp-sink` letters are left out, but under CI that fails.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import windows
from house import fresh_database
from import_rows import write_billing_export
from mail_peers import NoSink, run_bare, running_sink
from measuring import Stopwatch, apart, scratch_postgres, show

HERE = Path(__file__).parent
ROWS = 30_000
LETTERS = 3_000
DECISIONS = 200_000


@dataclass(frozen=True)
class Figure:
    """What is measured, and the least that it must be."""

    name: str
    unit: str
    floor: float
    measure: Callable[[], float]


class Skipped(Exception):
    """A figure that cannot be had on this machine; the reason is its text."""


def plan_ratio(folder: Path, server: str | None) -> float:
    """Deliveries planned, to a bare `INSERT … SELECT` of the same rows."""
    with ExitStack() as stack:
        facts = apart(
            str(HERE / "plan.py"),
            *("--rows", str(ROWS), "--job", _empty_ledger(stack, folder, server)),
        )
    return float(facts["ratio"])


def rows_imported(folder: Path, server: str | None) -> float:
    """Rows of a billing export that one second of our own work imports."""
    export = folder / "export.csv"
    if not export.exists():
        write_billing_export(export, ROWS)
    with ExitStack() as stack:
        url = _empty_ledger(stack, folder, server)
        facts = apart(str(HERE / "import_rows.py"), "--job", str(export), url)
    return float(facts["rows/CPU s"])


def _empty_ledger(stack: ExitStack, folder: Path, server: str | None) -> str:
    """A ledger of its own: in a server's new database, or a file."""
    if server is not None:
        return stack.enter_context(fresh_database(server))
    return f"sqlite:///{folder / f'{time.monotonic_ns()}.sqlite3'}"


def letters_ratio() -> float:
    """Letters end to end through the whole house, to bare aiosmtplib from two processes.

    Raises Skipped where there is nothing to send to, SystemExit when a letter is missing.
    """
    try:
        with running_sink() as port, tempfile.TemporaryDirectory() as name:
            told = apart(
                str(HERE / "mail.py"), *("--letters", str(LETTERS), "--job", name, str(port))
            )
            if told["letters"] != LETTERS:
                raise SystemExit(f"{told['letters']} of {LETTERS} letters were handed over")
            return LETTERS / float(told["seconds"]) / run_bare(port, LETTERS, 2)
    except NoSink as missing:
        raise Skipped(str(missing)) from None


def window_decisions() -> float:
    """Decisions about a window that one second of work makes."""
    began = time.process_time()
    windows.measure(DECISIONS)
    return DECISIONS / (time.process_time() - began)


def figures(folder: Path, server: str) -> Iterator[Figure]:
    for name, where in (("SQLite", None), ("PostgreSQL", server)):
        yield Figure(
            f"plan on {name}",
            "of a bare INSERT",
            0.15,
            partial(plan_ratio, folder, where),
        )
        yield Figure(
            f"import into {name}",
            "rows/CPU s",
            5_000,
            partial(rows_imported, folder, where),
        )
    yield Figure("letters end to end", "of bare aiosmtplib", 0.06, letters_ratio)
    yield Figure("decisions about windows", "decisions/CPU s", 50_000, window_decisions)


def look_at(figure: Figure) -> dict[str, object]:
    """Measure a figure, twice if it falls below its floor; the better one counts."""
    found, verdict = 0.0, "FELL"
    with Stopwatch() as watch:
        try:
            for _ in range(2):
                found = max(found, figure.measure())
                if found >= figure.floor:
                    verdict = "kept"
                    break
        except Skipped as reason:
            verdict = f"{'FAILED' if os.environ.get('CI') else 'skipped'}: {reason}"
    return {
        "figure": figure.name,
        "found": round(found, 3) if found else "",
        "floor": figure.floor,
        "unit": figure.unit,
        "seconds": round(watch.seconds, 1),
        "verdict": verdict,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name, Stopwatch() as watch:
        folder = Path(name)
        with scratch_postgres(folder / "postgres") as server:
            os.environ["DISPATCHER_TEST_POSTGRES_URL"] = server  # one server for all of them
            rows = [look_at(figure) for figure in figures(folder, server)]
    show(f"Speed in short, measured in {watch.seconds:.0f} s", rows)
    fallen = [row for row in rows if str(row["verdict"]).startswith(("FELL", "FAILED"))]
    for row in fallen:
        print(
            f"{row['figure']}: {row['found'] or 'not measured'} {row['unit']}, "
            f"at least {row['floor']} is expected"
        )
    if fallen:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
