"""A town: the two servers, the providers, and every role of Dispatcher as a process of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psycopg

from campaigns.channel import ChannelName
from dispatcher.inbound import addresses
from dispatcher.queue import SEND_QUEUES
from dispatcher.settings import load_settings
from dispatcher.wiring import make_engine
from tests.chaos.ground import Ground
from tests.chaos.servers import PostgresServer, RedisServer

ROOT = Path(__file__).parents[2]
SECRET = "the-secret-that-signs-tokens-of-the-town"
# Who was asked to stop is gone within so long.
GENTLE_SECONDS = 10.0
# Many processes that start at once take long on a busy machine.
START_SECONDS = 240.0
DIED_BY_US = (-signal.SIGKILL, 0)


@dataclass
class Role:
    """One process of Dispatcher on a machine of its own, started again whenever it is down."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ground: Ground
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    rests_until: float = 0.0  # it is not started before, by the monotonic clock
    held: bool = False  # it has been struck, and must not be struck again
    fell: list[int] = field(default_factory=list)  # exit codes of ends that nobody asked for

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]

    def start(self) -> None:
        command = [sys.executable, "-m", "dispatcher", *self.command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.ground.on(self.name, command),
                stdout=log,
                stderr=log,
                env=dict(self.environment),
                cwd=self.log.parent,
            )
        self.starts += 1

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self, rest_seconds: float) -> None:
        """As the machine's failure would: at once, and away for a while."""
        self.rests_until = time.monotonic() + rest_seconds
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> float:
        """Ask it to end, as a service manager does; how many seconds that took. It is not started
        again before it is called."""
        began = time.monotonic()
        self.rests_until = float("inf")
        if self.process is not None and self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(GENTLE_SECONDS * 3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return time.monotonic() - began

    def call_back(self) -> None:
        """It may be started again."""
        self.rests_until = 0.0

    def send(self, what: signal.Signals) -> None:
        if self.process is not None and self.is_alive():
            self.process.send_signal(what)

    def tend(self) -> None:
        """Start it if it should run and does not."""
        if self.is_alive() or time.monotonic() < self.rests_until:
            return
        if self.process is not None and self.process.returncode not in DIED_BY_US:
            self.fell.append(self.process.returncode)
        self.start()


@dataclass(frozen=True)
class Staffing:
    """How many of each role there are."""

    loops: int = 2
    workers: int = 4  # of each channel
    robots: int = 1
    webs: int = 1


class Town:
    """Made on a ground; lives as long as a `with` block.

    `speed` is that of the customers' world: how many of its seconds pass in one of ours.
    """

    def __init__(
        self, ground: Ground, folder: Path, seed: int, staffing: Staffing, speed: float
    ) -> None:
        self.ground, self.folder, self.seed, self.speed = ground, folder, seed, speed
        self.journal = folder / "received.jsonl"
        self.patterns = folder / "patterns.toml"
        self.shift_library = compile_shift(folder)
        for machine in ("ledger", "queue", "providers", "receipts"):
            ground.settle(machine)
        self.postgres = PostgresServer(ground, folder)
        self.redis = RedisServer(ground, folder)
        self.provider_ports = tuple(ground.port(wanted) for wanted in (2525, 8025, 1143))
        self.receipts_port = ground.port(8089)
        self.roles: dict[str, Role] = {}
        self._employ("receipts", ("receipts",))
        for number in range(1, staffing.loops + 1):
            self._employ(f"loop-{number}", ("loop",))
        for channel in ChannelName:
            queues = ["--queue", SEND_QUEUES[channel], "--queue", "settle"]
            for number in range(1, staffing.workers + 1):
                also = ("urgent", "answer") if number == 1 and channel is ChannelName.SMS else ()
                more = [word for queue in also for word in ("--queue", queue)]
                self._employ(f"{channel.value}-{number}", ("worker", *queues, *more))
        for number in range(1, staffing.robots + 1):
            self._employ(f"robot-{number}", ("mailrobot",))
        self.web_ports: dict[str, int] = {}
        for number in range(1, staffing.webs + 1):
            self._employ(f"web-{number}", ("web",))
        self._providers: subprocess.Popen[bytes] | None = None

    def _employ(self, name: str, command: tuple[str, ...]) -> None:
        if name != "receipts":
            self.ground.settle(name)
        (self.folder / f"{name}.clock").write_bytes(bytes(8))
        log = self.folder / f"{name}.log"
        own = {"CLOCK_SHIFT": str(self.folder / f"{name}.clock")}
        if self.shift_library:
            own["LD_PRELOAD"] = str(self.shift_library)
        if name.startswith("web"):
            port = self.web_ports[name] = self.ground.port(8088)
            own["DISPATCHER_WEB_HOST"] = self.ground.address(name)
            own["DISPATCHER_WEB_PORT"] = str(port)
        self.roles[name] = Role(name, command, {**self.environment, **own}, self.ground, log)

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """The settings of every role, and of the staff's own commands."""
        smtp, http, imap = self.provider_ports
        host, receipts_host = self.ground.address("providers"), self.ground.address("receipts")
        mailbox = {"name": "info", "host": host, "port": imap, "tls": "none"}
        mailbox |= {"username": "robot@example.com", "password": "sandbox"}
        settings = {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "SECRET": SECRET,
            "DATA_DIR": str(self.folder / "var"),
            "LOG_FORMAT": "json",
            "LANGUAGE": "en",
            "ACTOR": "staff",
            "RECEIPTS_URL": f"http://{receipts_host}:{self.receipts_port}",
            "RECEIPTS_HOST": receipts_host,
            "RECEIPTS_PORT": str(self.receipts_port),
            "SMTP_HOST": host,
            "SMTP_PORT": str(smtp),
            "SMTP_TLS": "none",
            "MAIL_FROM": "info@supplier.example",
            "INQUIRIES_TO": "desk@supplier.example",
            "SMSAERO_EMAIL": "sandbox@example.com",
            "SMSAERO_API_KEY": "sandbox-api-key-of-smsaero",
            "SMSAERO_GATE": f"@{host}:{http}/v2/",
            "SMS_SIGN": "Energosbyt",
            "TWILIO_ACCOUNT_SID": f"AC{'5a' * 16}",
            "TWILIO_AUTH_TOKEN": "sandbox-auth-token-of-twilio",
            "TWILIO_BASE_URL": f"http://{host}:{http}",
            "CALLER_ID": "+74951000000",
            "MAILBOXES": json.dumps([mailbox]),
            # As short as may be: what is lost shall be found within minutes.
            "PROVIDER_TIMEOUT_SECONDS": "3",
            "LEASE_SECONDS": "60",
            "POLL_SECONDS": "0.5",
            "WORKER_THREADS": "2",
            # A campaign that stops itself when half of it fails is right, and would end the storm.
            "PAUSE_SHARE": "1",
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            **{f"DISPATCHER_{name}": value for name, value in settings.items()},
        }

    def start(self) -> None:
        """Servers first, then the schema, then everybody."""
        self.postgres.start()
        self.redis.start()
        self._start_providers()
        os.environ.update(self.environment)
        self.engine = make_engine(load_settings())  # brings the schema up to date
        for role in self.roles.values():
            role.start()
        self._wait_for(self.ground.address("receipts"), self.receipts_port)

    def _start_providers(self) -> None:
        smtp, http, imap = self.provider_ports
        host = self.ground.address("providers")
        inbound = addresses(self.environment["DISPATCHER_RECEIPTS_URL"], SECRET)
        words = ("--host", host, "--smtp-port", smtp, "--http-port", http, "--imap-port", imap)
        more = ("--seed", self.seed, "--speed", self.speed, "--patterns", self.patterns)
        told = ("--journal", self.journal, "--inbound", json.dumps(inbound))
        # Providers have machines of their own: on a full one, they alone would answer too late.
        first = ["nice", "-n", "-10"] if os.getuid() == 0 else []
        command = [*first, sys.executable, "-m", "tests.chaos.providers", *words, *more, *told]
        with (self.folder / "providers.log").open("ab") as log:
            self._providers = subprocess.Popen(
                self.ground.on("providers", [str(word) for word in command]),
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        for port in self.provider_ports:
            self._wait_for(host, port)

    def _wait_for(self, host: str, port: int) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection((host, port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(f"nobody listens at {host}:{port}, see the logs in {self.folder}")

    def stop(self) -> None:
        """Everybody at once; what is in flight then is over already."""
        processes = [role.process for role in self.roles.values()]
        for process in (*processes, self._providers):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        self.redis.stop()
        self.postgres.stop(signal.SIGQUIT)
        self.postgres.remove()

    def __enter__(self) -> "Town":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def tend(self) -> None:
        """What a service manager does: who is down is started again."""
        self.postgres.tend()
        for role in self.roles.values():
            role.tend()

    @contextmanager
    def ledger(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """A look into the ledger by ourselves. Raises psycopg.Error while it is away."""
        with closing(psycopg.connect(self.postgres.url, connect_timeout=2)) as session:
            session.execute("SET statement_timeout = '10s'")
            yield session

    def shift_clock(self, machine: str, seconds: int) -> None:
        """Set the wall clock of one machine that far from the true time."""
        with (self.folder / f"{machine}.clock").open("r+b") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    def web_url(self, name: str = "web-1") -> str:
        return f"http://{self.ground.address(name)}:{self.web_ports[name]}"

    def of_kind(self, kinds: Sequence[str]) -> list[Role]:
        """Roles that a fault may strike now; all of them where every one has been struck."""
        found = [role for role in self.roles.values() if role.kind in kinds]
        return [role for role in found if not role.held] or found


def compile_shift(folder: Path) -> Path | None:
    """The library that lets a process have a clock of its own; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "clock_shift.so"
    source = Path(__file__).with_name("clock_shift.c")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
    done = subprocess.run(command, check=False, capture_output=True)
    return library if done.returncode == 0 else None
