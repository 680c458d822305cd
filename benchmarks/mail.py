"""Letters per second end to end, beside bare aiosmtplib into the same sink in the same run.

    python benchmarks/mail.py --letters 20000

End to end is the embedded default: a campaign is launched, the loop claims, the workers render and
send over kept connections, and every letter is handed over and written down. Bare is one event
loop that sends ready-made bytes over as many connections. The sink is Postfix's `smtp-sink` where
there is one, else a small one of our own, in a process of its own either way.
"""

import argparse
import asyncio
import itertools
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measuring import Stopwatch, apart, peak_mib, show

SCENARIO = """
name = "letters"
title = "Письма"
purpose = "service"
same_contact = "merge"
fields = ["debt_kopecks"]

[channels.email]
template = "debt-reminder"
"""


def write_audience(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("Лицевой счёт;ФИО;E-mail;Сумма долга\r\n")
        file.writelines(
            f"{70_000_000_000 + n};Петрова Анна Сергеевна;client{n}@example.com;1234,56\r\n"
            for n in range(count)
        )


async def sink(port: int) -> None:
    """Take every letter and forget it: as little work as SMTP allows."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", port, limit=1 << 20, backlog=512)
    await server.serve_forever()


@contextmanager
def running_sink() -> Iterator[tuple[str, int]]:
    """A sink's name and port, for the length of a `with` block."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = int(bound.getsockname()[1])
    found = shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found:
        name, command = "smtp-sink", [found, "-u", "nobody", f"127.0.0.1:{port}", "512"]
    else:
        name, command = "our own sink", [sys.executable, __file__, "--sink", str(port)]
    process = subprocess.Popen(command)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield name, port
    finally:
        process.terminate()
        process.wait()


def whole_way(folder: Path, port: int, letters: int) -> dict[str, float]:
    """A campaign from its launch to the last letter written down."""
    from pydantic import SecretStr
    from sqlalchemy import func, select

    from campaigns.delivery import Status
    from campaigns.scenario_file import read_scenario
    from dispatcher import campaigning, logs
    from dispatcher.importing import import_audience
    from dispatcher.ledger import scenarios
    from dispatcher.ledger.tables import attempts, deliveries
    from dispatcher.settings import Settings
    from dispatcher.wiring import make_engine, make_works

    logs.configure("WARNING")
    settings = Settings(
        _env_file=None,
        data_dir=folder / "var",
        secret=SecretStr("benchmark"),
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_tls="none",
        mail_from="info@example.com",
    )
    engine = make_engine(settings)
    works = make_works(engine)
    (folder / "letters.toml").write_text(SCENARIO, "utf-8")
    write_audience(folder / "people.csv", letters)
    with engine.ledger.write() as tx:
        scenarios.add(tx, read_scenario(folder / "letters.toml"), "b", engine.clock.now())
    import_audience(engine, folder / "people.csv", "people", "b", mapping={})
    worker = works.crew()
    worker.start()
    finished = threading.Event()
    waiting = select(func.count()).where(
        deliveries.c.status.in_((Status.PENDING, Status.QUEUED, Status.SENDING))
    )
    with Stopwatch() as watch:
        with Stopwatch() as planning:
            campaigning.launch(engine, "letters", "people", "b")
        while not finished.is_set():  # the turns of `dispatcher up`
            idle = works.loop.tick().is_idle
            if idle:
                with engine.ledger.read() as tx:
                    if tx.execute(waiting).scalar_one() == 0:
                        finished.set()
            finished.wait(settings.poll_seconds if idle else 0.01)
    worker.stop()
    with engine.ledger.read() as tx:
        handed = tx.execute(
            select(func.count()).where(attempts.c.handed_at.is_not(None))
        ).scalar_one()
    return {
        "letters": handed,
        "seconds": round(watch.seconds, 1),
        "of it planning": round(planning.seconds, 1),
        "letters/s": round(handed / watch.seconds),
        "connections": settings.worker_threads * settings.smtp_connections,
        "peak MiB": round(peak_mib()),
    }


async def bare(port: int, letters: int, connections: int) -> None:
    """Ready-made letters over kept connections, and nothing else."""
    import aiosmtplib

    text = ("Напоминаем, что по вашему лицевому счёту есть задолженность.\r\n" * 20).encode()
    content = b"From: info@example.com\r\nSubject: debt\r\n\r\n" + text
    numbers = itertools.count()

    async def send() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        while (number := next(numbers)) < letters:
            await client.sendmail("info@example.com", [f"client{number}@example.com"], content)
        await client.quit()

    await asyncio.gather(*(send() for _ in range(connections)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--sink", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)  # a folder and the sink's port
    options = parser.parse_args()
    if options.sink:
        asyncio.run(sink(options.sink))
        return
    if options.job:
        print(json.dumps(whole_way(Path(options.job[0]), int(options.job[1]), options.letters)))
        return
    with tempfile.TemporaryDirectory() as folder, running_sink() as (name, port):
        ours = apart(__file__, "--letters", str(options.letters), "--job", folder, str(port))
        connections = int(ours.pop("connections"))
        with Stopwatch() as watch:
            asyncio.run(bare(port, options.letters, connections))
    plain = {
        "letters": options.letters,
        "seconds": round(watch.seconds, 1),
        "letters/s": round(options.letters / watch.seconds),
    }
    rows = [{"way": "end to end"} | ours, {"way": "bare aiosmtplib"} | plain]
    show(f"Letters into {name} over {connections} connections", rows)
    print(f"end to end / bare: {ours['letters/s'] / plain['letters/s']:.2f}")


if __name__ == "__main__":
    main()
