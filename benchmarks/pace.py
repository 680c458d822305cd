"""How near to a provider's limit the workers keep, and what its worst second sees.

    python benchmarks/pace.py [--provider twilio] [--limit 100] [--seconds 60] [--workers 4]

A campaign of SMS goes the whole way: the loop claims, the workers' `send_batch` opens attempts,
takes turns and sends by the provider's own SDK to a server on this machine that answers after
200 ms. The server, a process of its own, notes when each request came. The worst second is the
most requests in any window of 1.000 s, not in calendar seconds. Once with the pace kept in the
process, once over Redis (DISPATCHER_TEST_REDIS_URL, else Valkey from pip), and
once by a house of real processes over PostgreSQL and Redis: a loop and four workers, which know of
each other by nothing else. `--only` takes one of the three. Exit code 1 when less than 98 % of the
limit was used, or any second saw more than it.
"""

import argparse
import itertools
import json
import math
import os
import shutil
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from house import add_scenario, analyse, daytime_zone, house, scratch_redis, write_audience
from measuring import apart, show
from receiving import came_to, running_receiver, sms_settings

LATENCY_SECONDS = 0.2
WARM_UP_SECONDS = 3
# An ordinary Monday, 10:00 in Moscow: SMS may go, whenever this is run.
MONDAY = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)
SHARE = 0.98
WAYS = {"process": "in the process", "redis": "over Redis", "workers": "{} worker processes"}

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


def send(folder: Path, port: int, options: argparse.Namespace) -> dict[str, float]:
    """A campaign that could use the provider for longer than we look on, by one process."""
    from pydantic import SecretStr

    from dispatcher import campaigning, logs
    from dispatcher.importing import import_audience
    from dispatcher.pacing import ProviderLimit
    from dispatcher.settings import Settings
    from dispatcher.wiring import make_engine, make_works

    logs.configure("ERROR")
    os.environ.update(sms_settings(options.provider, port))
    settings = Settings(
        _env_file=None,
        data_dir=folder / "var",
        secret=SecretStr("benchmark"),
        redis_url=SecretStr(options.redis) if options.redis else None,
        limits={f"sms.{options.provider}": ProviderLimit(per_second=options.limit)},
        worker_threads=options.threads,
    )
    engine = make_engine(settings, clock=MovedClock(MONDAY))
    works = make_works(engine)
    works.queue.broker.flush_all()
    write_audience(folder / "people.csv", _enough(options), contact="Телефон")
    add_scenario(engine, folder, SCENARIO)
    import_audience(engine, folder / "people.csv", "people", "b", mapping={})
    campaigning.launch(engine, "pace", "people", "b")
    worker = works.crew()
    worker.start()
    finished = threading.Event()
    deadline = time.monotonic() + options.seconds + WARM_UP_SECONDS + 2
    while time.monotonic() < deadline:  # the turns of `dispatcher up`
        idle = works.loop.tick().is_idle
        finished.wait(settings.poll_seconds if idle else 0.01)
    came = [one.begun for one in came_to(port)]
    worker.stop()
    return judge(came, options.limit, options.seconds)


def send_by_workers(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """The same by a house of processes."""
    from dispatcher import campaigning
    from dispatcher.importing import import_audience

    account = f"sms.{options.provider}"
    settings = {
        "DISPATCHER_LIMITS": json.dumps({account: {"per_second": options.limit}}),
        "DISPATCHER_ZONE": daytime_zone(),
        "DISPATCHER_WORKER_THREADS": str(options.threads),
        **sms_settings(options.provider, port),
    }
    with house(folder, settings) as home:
        engine = home.engine()
        write_audience(folder / "people.csv", _enough(options), contact="Телефон")
        add_scenario(engine, folder, SCENARIO)
        import_audience(engine, folder / "people.csv", "people", "b", mapping={})
        analyse(engine)
        home.start("loop", "loop")
        for number in range(options.workers):
            home.start(f"worker {number + 1}", "worker", "--queue", "send-sms")
        campaigning.launch(engine, "pace", "people", "b")
        deadline = time.monotonic() + options.seconds + WARM_UP_SECONDS + 2
        while time.monotonic() < deadline:
            home.need_all()
            time.sleep(0.5)
        came = [one.begun for one in came_to(port)]
        engine.ledger.close()
    return judge(came, options.limit, options.seconds)


def _enough(options: argparse.Namespace) -> int:
    """More recipients than the provider can take while we look on."""
    limit: float = options.limit
    seconds: float = options.seconds
    return math.ceil(limit * (seconds + WARM_UP_SECONDS + 5))


def judge(came: Sequence[float], limit: float, seconds: float) -> dict[str, Any]:
    """The figures of the time after the warm-up."""
    if not came:
        raise SystemExit("no message came at all")
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


def keeps(row: Mapping[str, Any]) -> bool:
    return bool(row["share of the limit"] >= SHARE and row["worst second"] <= row["limit/s"])


def measure(way: str, folder: Path, redis: str, options: argparse.Namespace) -> dict[str, Any]:
    """One way, in a process of its own, with a provider of its own."""
    folder.mkdir()
    with running_receiver(LATENCY_SECONDS) as receiver:
        arguments = ["--provider", options.provider, "--limit", str(options.limit)]
        arguments += ["--seconds", str(options.seconds), "--redis", redis]
        arguments += ["--threads", str(options.threads), "--workers", str(options.workers)]
        job = ["--job", way, str(folder), str(receiver.http_port)]
        facts = apart(__file__, *arguments, *job)
    name = WAYS[way].format(options.workers)
    return {"pace": name} | facts | {"kept": "yes" if keeps(facts) else "NO"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--provider", choices=("twilio", "smsaero"), default="twilio")
    parser.add_argument("--limit", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--only", choices=tuple(WAYS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)  # the way, a folder, a port
    parser.add_argument("--redis", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        way, folder, port = options.job
        by = send_by_workers if way == "workers" else send
        print(json.dumps(by(Path(folder), int(port), options)))
        return
    rows: list[dict[str, Any]] = []
    home = Path(tempfile.mkdtemp())
    try:
        for way in WAYS:
            if options.only not in {None, way}:
                continue
            with scratch_redis(home) if way == "redis" else nullcontext("") as redis:
                rows.append(measure(way, home / way, redis, options))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        show(f"SMS by {options.provider}, answers after 200 ms", rows)
    if not all(map(keeps, rows)):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
