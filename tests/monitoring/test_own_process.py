"""What a process tells of its own cost, wherever it runs."""

import os
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector

from dispatcher import metrics
from dispatcher.own_process import OwnProcess


def told(registry: CollectorRegistry) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name.startswith("process_")
    }


def of(proc: Path) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(OwnProcess(proc))
    return told(registry)


@pytest.fixture
def nothing_but_processes(tmp_path: Path) -> Path:
    """/proc as a unit with `ProcSubset=pid` sees it."""
    (tmp_path / "self").symlink_to(f"/proc/{os.getpid()}")
    return tmp_path


def test_a_process_that_sees_no_other_part_of_proc_tells_its_cost_all_the_same(
    nothing_but_processes: Path,
) -> None:
    found = of(nothing_but_processes)
    assert found.keys() == told(metrics.REGISTRY).keys()
    assert 10e6 < found["process_resident_memory_bytes"] < 10e9
    assert found["process_resident_memory_bytes"] < found["process_virtual_memory_bytes"]
    assert found["process_cpu_seconds_total"] > 0.1
    assert 3 < found["process_open_fds"] < found["process_max_fds"]
    assert time.time() - 86400 < found["process_start_time_seconds"] < time.time()


def test_names_and_figures_are_those_that_prometheus_has_everywhere() -> None:
    library = CollectorRegistry()
    ProcessCollector(registry=library)
    usual, ours = told(library), of(Path("/proc"))
    assert ours.keys() == usual.keys()
    for name in usual:
        assert ours[name] == pytest.approx(usual[name], rel=0.1), name


def test_where_there_is_no_proc_nothing_is_told(tmp_path: Path) -> None:
    assert of(tmp_path) == {}
