"""Receipts per second: SMS Aero's callbacks through the real endpoint into a ledger on PostgreSQL.

    python benchmarks/receipts.py --receipts 5000

Each receipt ends an attempt: its token is checked, its raw form kept, the delivery, the attempt and
the history of the customer written. Beside it, in the same run and over the same connections, the
least that an endpoint with a database could do: one INSERT for each request.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measuring import Stopwatch, apart, scratch_postgres, show

CONNECTIONS = 32
NOON = datetime(2026, 11, 2, 9, tzinfo=UTC)  # a Monday in Moscow
SCENARIO = """
name = "notes"
title = "Notes"
purpose = "service"
fields = ["debt_kopecks"]
[channels.sms]
template = "debt-reminder"
"""


def awaiting(folder: Path, url: str, count: int) -> tuple[Any, list[str]]:
    """An engine with so many SMS that were handed over, and the tokens of their receipts."""
    from pydantic import SecretStr

    from campaigns.channel import ChannelName
    from campaigns.scenario_file import read_scenario
    from channels.base import accepted
    from dispatcher import campaigning, logs
    from dispatcher.answers import Answered, write_down
    from dispatcher.clock import SimulatedClock
    from dispatcher.importing import import_audience
    from dispatcher.ledger import claims, scenarios
    from dispatcher.opening import open_batch
    from dispatcher.settings import Settings
    from dispatcher.wiring import make_engine

    logs.configure("ERROR")
    settings = Settings(
        _env_file=None,
        data_dir=folder / "var",
        database_url=SecretStr(url),
        secret=SecretStr("benchmark"),
        smsaero_email="b@example.com",
        smsaero_api_key=SecretStr("key-of-the-benchmark-0123"),
        smsaero_gate="@127.0.0.1:9/v2/",
        sms_sign="Bench",
    )
    engine = make_engine(settings, clock=SimulatedClock(NOON))
    (folder / "notes.toml").write_text(SCENARIO, "utf-8")
    lines = [f"{700000 + n};+79{n:09};{100 + n % 900}" for n in range(count)]
    (folder / "people.csv").write_text("\n".join(["Лицевой счёт;Телефон;Долг", *lines]), "utf-8")
    with engine.ledger.write() as tx:
        scenarios.add(tx, read_scenario(folder / "notes.toml"), "b", NOON)
    import_audience(engine, folder / "people.csv", "people", "b", mapping={})
    campaign = campaigning.launch(engine, "notes", "people", "b")
    tokens: list[str] = []
    sms, lease = ChannelName.SMS, datetime(2026, 11, 3, tzinfo=UTC)
    with engine.ledger.write() as tx:
        from dispatcher.ledger import campaigns

        campaigns.start_due(tx, NOON)
    while True:
        with engine.ledger.write() as tx:
            taken = claims.claim_due(tx, NOON, lease, "b", 500, (sms,))
        if not taken:
            break
        with engine.ledger.write() as tx:
            opened = open_batch(tx, engine, sms, [row[0] for row in taken], "b", NOON, lease)
        tokens += [one.message.token for one in opened]
        answers = [Answered(one, accepted(str(one.attempt_id)), NOON) for one in opened]
        engine.ledger.insist(lambda tx, answers=answers: write_down(tx, engine, answers))
    assert campaign.id
    return engine, tokens


async def post(base: str, paths: list[str]) -> int:
    """All of them over kept connections; how many were answered 200."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    well = 0
    waiting = iter(paths)

    async with aiohttp.ClientSession(connector=connector) as session:

        async def go() -> None:
            nonlocal well
            for path in waiting:
                form = {"id": "1", "status": "1", "extendStatus": "delivery", "number": "7"}
                async with session.post(f"{base}{path}", data=form) as answer:
                    await answer.read()
                    well += answer.status == 200

        await asyncio.gather(*(go() for _ in range(CONNECTIONS)))
    return well


def bare(engine: Any) -> Any:
    """An application that writes each form down, and nothing else."""
    from sqlalchemy import text
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    with engine.ledger.write() as tx:
        tx.execute(text("CREATE TABLE plain (id SERIAL PRIMARY KEY, form TEXT NOT NULL)"))

    def write(form: str) -> None:
        with engine.ledger.write() as tx:
            tx.execute(text("INSERT INTO plain (form) VALUES (:form)"), {"form": form})

    async def take(request: Request) -> Response:
        await run_in_threadpool(write, (await request.body()).decode())
        return PlainTextResponse("")

    return Starlette(routes=[Route("/plain/{token}", take, methods=["POST"])])


def serve(app: Any) -> str:
    """The address of the application, served by a thread as the endpoint is."""
    import socket

    import uvicorn

    bound = socket.create_server(("127.0.0.1", 0), backlog=512)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, http="httptools", lifespan="off")
    )
    threading.Thread(target=lambda: asyncio.run(server.serve([bound])), daemon=True).start()
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


def job(folder: Path, url: str, count: int) -> dict[str, object]:
    from sqlalchemy import func, select

    from dispatcher.endpoint import Endpoint
    from dispatcher.ledger.tables import deliveries

    engine, tokens = awaiting(folder, url, count)
    plain_at = serve(bare(engine))
    with Endpoint("127.0.0.1", 0) as endpoint:
        endpoint.start(engine)
        with Stopwatch() as ours:
            base = f"http://127.0.0.1:{endpoint.port}"
            well = asyncio.run(post(base, [f"/smsaero/{token}" for token in tokens]))
        with Stopwatch() as plain:
            asyncio.run(post(plain_at, [f"/plain/{n}" for n in range(count)]))
    with engine.ledger.read() as tx:
        positive = tx.execute(
            select(func.count()).where(deliveries.c.status == "positive")
        ).scalar_one()
    engine.ledger.close()
    return {
        "receipts": len(tokens),
        "answered": well,
        "recorded": positive,
        "seconds": round(ours.seconds, 2),
        "plain_seconds": round(plain.seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--receipts", type=int, default=5000)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(job(Path(options.job[0]), options.job[1], options.receipts)))
        return
    with tempfile.TemporaryDirectory() as folder, scratch_postgres(Path(folder) / "pg") as url:
        found = apart(__file__, "--receipts", str(options.receipts), "--job", folder, url)
    if found["recorded"] != found["receipts"]:
        sys.exit(f"only {found['recorded']} of {found['receipts']} receipts were recorded")
    rows = [
        {
            "way": "the endpoint",
            "receipts": found["receipts"],
            "seconds": found["seconds"],
            "receipts/s": round(found["receipts"] / found["seconds"]),
        },
        {
            "way": "one INSERT each",
            "receipts": options.receipts,
            "seconds": found["plain_seconds"],
            "receipts/s": round(options.receipts / found["plain_seconds"]),
        },
    ]
    show(f"Receipts over {CONNECTIONS} connections into PostgreSQL", rows)
    print(f"endpoint / one INSERT: {found['plain_seconds'] / found['seconds']:.2f}")


if __name__ == "__main__":
    main()
