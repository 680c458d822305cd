"""What other processes hold and use, as Linux itself counts it in /proc."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# The peak is read from a process that runs; what it grows by in its last moment is not seen.
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Memory:
    """Resident memory in MB, of 1,000,000 bytes: now, and the most since the program began."""

    now_mb: float
    peak_mb: float


def memory_of(pid: int) -> Memory | None:
    """None when there is no such process any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = {
        name: rest.split()[0]
        for name, _, rest in (line.partition(":") for line in lines)
        if name in {"VmRSS", "VmHWM"}
    }
    if len(found) < 2:  # it has ended, and nobody has taken notice
        return None
    return Memory(int(found["VmRSS"]) * 1024 / 1e6, int(found["VmHWM"]) * 1024 / 1e6)


def cpu_seconds_of(pid: int) -> float:
    """Of all its threads, in its own code and in the kernel's; 0 when there is no such process."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND if fields else 0.0


def cpu_seconds_with_children(pid: int) -> float:
    """Of a server that has a process for each connection: those that live, and those that ended."""
    fields = _stat(pid)
    if not fields:
        return 0.0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = sum(int(field) for field in fields[11:15]) / TICKS_PER_SECOND
    return own + sum(cpu_seconds_of(int(child)) for child in children)


def parent_of(pid: int, name: str) -> int | None:
    """The parent of a process on this machine, when both are programs of that name."""
    fields = _stat(pid)
    if not fields:
        return None
    parent = int(fields[1])
    names = {Path(f"/proc/{one}/comm").read_text().strip() for one in (pid, parent)}
    return parent if names == {name} else None


def _stat(pid: int) -> list[str]:
    """The fields after the program's name, which may hold blanks itself; see proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@dataclass(frozen=True)
class Ran:
    seconds: float
    peak_mb: float


def run_watched(command: Sequence[str | Path], log: Path, environment: Mapping[str, str]) -> Ran:
    """Run a command to its end. Raises SystemExit with what it said when it does not end well."""
    peak_mb = 0.0
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=dict(environment), stdout=out, stderr=out)
        while process.poll() is None:
            if memory := memory_of(process.pid):
                peak_mb = max(peak_mb, memory.peak_mb)
            time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode} of {command}:\n{log.read_text()}")
    return Ran(seconds, peak_mb)
