"""What this process costs: memory, processor time, open files, by the names that Prometheus has
for them everywhere.

The library's own collector looks at /proc/stat first and falls silent without it; a unit that may
see nothing but processes (`ProcSubset=pid`) has none. What a process may always see is itself.
"""

import os
import resource
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# The fields of /proc/self/stat after the name of the program, as proc(5) numbers them.
_UTIME, _STIME, _STARTTIME, _VSIZE, _RSS = (number - 3 for number in (14, 15, 22, 23, 24))


class OwnProcess(Collector):
    """Where there is no /proc it tells nothing."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._self = proc / "self"

    def describe(self) -> Iterable[Metric]:
        return ()  # as the library's does: the names depend on what the system tells

    def collect(self) -> Iterator[Metric]:
        try:
            # The name of a program may hold spaces and brackets; nothing after it does.
            fields = (self._self / "stat").read_bytes().rpartition(b")")[2].split()
            files = sum(1 for _file in (self._self / "fd").iterdir())
        except OSError:
            return
        ticks, page = os.sysconf("SC_CLK_TCK"), resource.getpagesize()
        booted_at = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        began_at = booted_at + int(fields[_STARTTIME]) / ticks
        worked = (int(fields[_UTIME]) + int(fields[_STIME])) / ticks
        yield _gauge("resident_memory_bytes", "Memory.", int(fields[_RSS]) * page)
        yield _gauge("virtual_memory_bytes", "Addresses in use.", int(fields[_VSIZE]))
        yield CounterMetricFamily("process_cpu_seconds", "Processor time.", value=worked)
        yield _gauge("start_time_seconds", "When it was started, since 1970.", began_at)
        yield _gauge("open_fds", "Open files and connections.", files)
        most, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY:
            yield _gauge("max_fds", "How many may be open.", most)


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"process_{name}", told, value=float(value))
