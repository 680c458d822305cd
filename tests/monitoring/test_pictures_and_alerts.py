"""Dashboard and alerts are about figures that there are, and say what to do."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from dispatcher import metrics
from dispatcher.ledger import Ledger
from dispatcher.monitoring.house import ROLES, HouseFigures
from dispatcher.queue import QUEUES
from tests.monitoring.test_house_figures import engine_on

ROOT = Path(__file__).parents[2]
BOARD = ROOT / "deploy" / "grafana" / "dispatcher.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
EXAMPLE = ROOT / "deploy" / "prometheus" / "prometheus.yml"
UNITS = ROOT / "deploy" / "systemd"
[HARDENING] = (UNITS / "dispatcher-.service.d").glob("*.conf")
DEPLOYMENT = ROOT / "docs" / "deployment.md"
MANUAL = ROOT / "docs" / "monitoring.md"

NAME = re.compile(r"\b(?:dispatcher|process)_[a-z0-9_]+\b")
SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
}


@pytest.fixture(scope="module")
def exported(migrated_sqlite: Path, redis_server: str) -> frozenset[str]:
    """Every name that our processes tell Prometheus."""
    house = CollectorRegistry()
    ledger = Ledger(f"sqlite:///{migrated_sqlite}")
    house.register(HouseFigures(engine_on(ledger, redis_server)))
    names = frozenset(
        family.name + suffix
        for registry in (metrics.REGISTRY, house)
        for family in registry.collect()
        for suffix in SUFFIXES[family.type]
    )
    ledger.close()
    return names


def panels() -> Iterator[dict[str, Any]]:
    yield from (one for one in json.loads(BOARD.read_text("utf-8"))["panels"] if "targets" in one)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_figure_on_the_dashboard_is_told_by_somebody(exported: frozenset[str]) -> None:
    for panel in panels():
        assert panel["title"]
        for target in panel["targets"]:
            named = set(NAME.findall(target["expr"]))
            assert named, panel["title"]
            assert named <= exported, panel["title"]


def test_panels_have_numbers_of_their_own_and_do_not_cover_each_other() -> None:
    board = json.loads(BOARD.read_text("utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_house_is_asked_for_by_max_for_every_loop_tells_it(exported: frozenset[str]) -> None:
    """A sum over loops would count each delivery as often as there are loops."""
    of_processes = {
        family.name + suffix
        for family in metrics.REGISTRY.collect()
        for suffix in SUFFIXES[family.type]
    }
    of_the_house = exported - of_processes
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    for query in (*asked, *(rule["expr"] for rule in rules())):
        for name in set(NAME.findall(query)) & of_the_house:
            before = re.sub(r"abs\($", "", query[: query.index(name)])
            told = re.search(r"(max( by \([a-z_, ]+\))? ?\(|absent\()$", before)
            assert told, f"{name} in {query}"


def test_every_alert_is_about_figures_that_there_are(exported: frozenset[str]) -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        named = set(NAME.findall(rule["expr"]))
        assert named <= exported, rule["alert"]
        assert named or "up{" in rule["expr"]


def test_much_memory_is_told_before_a_unit_is_killed_for_it() -> None:
    [rule] = [one for one in rules() if one["alert"] == "DispatcherMuchMemory"]
    told_from = re.search(r"> (\d+) \* 1024 \* 1024$", rule["expr"])
    killed_from = re.search(r"(?m)^MemoryMax=(\d+)M$", HARDENING.read_text("utf-8"))
    assert told_from
    assert killed_from
    assert int(told_from[1]) < 0.8 * int(killed_from[1])


def test_every_alert_says_in_russian_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "action"}
        for text in rule["annotations"].values():
            assert re.search("[а-я]{3}", text), rule["alert"]


def test_the_manual_explains_every_figure_of_ours(exported: frozenset[str]) -> None:
    manual = MANUAL.read_text("utf-8")
    ours = {
        re.sub(r"_(bucket|count|sum)$", "", name) for name in exported if "process_" not in name
    }
    assert {name for name in ours if f"`{name}`" not in manual} == set()


def test_the_example_for_prometheus_reads_the_alerts() -> None:
    example = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    assert example["rule_files"] == [ALERTS.name]
    [job] = example["scrape_configs"]
    assert job["job_name"] == "dispatcher"
    assert job["honor_labels"] is True


def unit_port(unit: str) -> str:
    told = re.search(r"(?m)^Environment=DISPATCHER_METRICS_PORT=(\S+)$", (UNITS / unit).read_text())
    assert told
    return told[1]


def test_prometheus_asks_where_the_units_answer() -> None:
    """A port that differs is a role that is "down" for ever, or one that nobody looks at."""
    [job] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["scrape_configs"]
    asked = {
        group["labels"]["role"]: [target.partition(":")[2] for target in group["targets"]]
        for group in job["static_configs"]
    }
    instances = re.findall(r"dispatcher-receipts@(\d+)", DEPLOYMENT.read_text("utf-8"))
    workers = dict(re.findall(r" ([a-z-]+):(\d{4})\b", MANUAL.read_text("utf-8")))
    comment = dict(re.findall(r"\b([a-z-]+) (\d{4})\b", EXAMPLE.read_text("utf-8")))
    assert set(asked["loop"]) == {unit_port("dispatcher-loop.service")}
    assert set(asked["mailrobot"]) == {unit_port("dispatcher-mailrobot.service")}
    answered = unit_port("dispatcher-receipts@.service")
    assert set(asked["receipts"]) == {answered.replace("%i", one) for one in instances}
    pages = re.findall(r"dispatcher-web@(\d+)", DEPLOYMENT.read_text("utf-8"))
    answered = unit_port("dispatcher-web@.service")
    assert set(asked["web"]) == {answered.replace("%i", one) for one in pages}
    assert set(asked) == set(ROLES) - {"up"}
    assert workers.keys() == set(QUEUES)
    assert comment == workers
    assert set(asked["worker"]) == set(workers.values())
    ports = [port for role in asked for port in set(asked[role])]
    assert len(set(ports)) == len(ports)


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(
    PROMTOOL is None and "DISPATCHER_TEST_PROMTOOL" not in os.environ,
    reason="promtool is not installed (Debian: prometheus)",
)
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", str(ALERTS)),
        ("check", "config", str(EXAMPLE)),
        ("test", "rules", str(Path(__file__).parent / "alerts_test.yml")),
    ],
    ids=["rules", "example", "when they ring"],
)
def test_prometheus_itself_takes_them(arguments: tuple[str, ...]) -> None:
    """In CI, which installs it, its absence is a failure."""
    assert PROMTOOL is not None, "promtool was to be installed"
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
