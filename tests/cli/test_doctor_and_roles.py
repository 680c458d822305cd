"""Roles as real processes: what they tell at their pages, and whom the doctor misses."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from dispatcher.ledger import Ledger, processes
from tests.channels.servers import closed_port
from tests.cli.test_commands import environment, home, run

__all__ = ["environment", "home", "run"]  # fixtures

Run = Callable[..., CompletedProcess[str]]
HOST = "127.0.0.1"


@contextlib.contextmanager
def role(name: str, home: Path, environment: dict[str, str], **settings: str) -> Iterator[Any]:
    """A process of the command line, told to be ready by its own page."""
    port = closed_port()
    with subprocess.Popen(
        [sys.executable, "-m", "dispatcher", *name.split()],
        cwd=home,
        env=environment | settings | {"DISPATCHER_METRICS_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while page(port, "/ready") != (200, "ok\n"):
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.05)
            yield process, port
        finally:
            process.kill()


def page(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def missed(run: Run) -> list[str]:
    told = json.loads(run("doctor", "--json", DISPATCHER_LANGUAGE="en").stdout)
    return [one["what"] for one in told["findings"] if one["code"] == "process_missed"]


def processes_in(home: Path) -> list[str]:

    ledger = Ledger(f"sqlite:///{home / 'var' / 'dispatcher.sqlite3'}")
    with ledger.read() as tx:
        found = [seen.process.role for seen in processes.everyone(tx)]
    ledger.close()
    return found


def test_the_pages_tell_their_figures_as_every_role_does(
    home: Path, environment: dict[str, str]
) -> None:
    pages = closed_port()
    with role("web", home, environment, DISPATCHER_WEB_PORT=str(pages)) as (process, port):
        assert page(pages, "/login")[0] == 200
        assert page(pages, "/metrics")[0] == 303  # as to anybody who has not come in
        status, figures = page(port, "/metrics")
        assert status == 200
        assert 'dispatcher_role_info{role="web"' in figures
        assert 'dispatcher_page_seconds_count{door="staff",status="2xx"} 1.0' in figures
        assert page(port, "/health") == (200, "ok\n")
        assert processes_in(home) == ["web"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert processes_in(home) == []


def test_up_tells_its_figures_and_takes_itself_out_when_it_is_stopped(
    run: Run, home: Path, environment: dict[str, str]
) -> None:
    with role("up --sandbox", home, environment, DISPATCHER_RECEIPTS_PORT="0") as (process, port):
        status, figures = page(port, "/metrics")
        assert status == 200
        for told in (
            'dispatcher_role_info{role="up"',
            'dispatcher_processes{role="up"} 1.0',
            "dispatcher_loop_tick_seconds_count",
            'dispatcher_circuit_open{channel="phone",provider="twilio"} 0.0',
        ):
            assert told in figures
        assert page(port, "/health") == (200, "ok\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert processes_in(home) == []
    assert missed(run) == []


def test_a_role_that_was_killed_stays_in_the_ledger_until_it_is_missed(
    home: Path, environment: dict[str, str]
) -> None:
    with role("receipts", home, environment, DISPATCHER_RECEIPTS_PORT="0") as (process, port):
        assert "dispatcher_due_deliveries" not in page(port, "/metrics")[1]
        process.kill()
        process.wait(30)
    assert processes_in(home) == ["receipts"]


def test_a_database_that_is_away_is_told_in_a_sentence(run: Run) -> None:
    away = f"postgresql://nobody@{HOST}:{closed_port()}/nothing"
    done = run("loop", DISPATCHER_DATABASE_URL=away, DISPATCHER_REDIS_URL=f"redis://{HOST}:1/0")
    assert done.returncode == 1
    assert "База данных не отвечает" in done.stderr
    assert "Traceback" not in done.stderr
