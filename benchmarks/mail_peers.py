"""Letters per second of the e-mail channel alone, beside its peers, into one sink in one run.

    python benchmarks/mail_peers.py --letters 20000 --rounds 3

All send the same letters, made once by `build_letter`: the channel, from one process and from two;
bare aiosmtplib (`sendmail` of ready-made bytes); nodemailer's pooled transport, which makes its
letters itself, and the same given ready-made bytes; Postfix's `smtp-source`, which writes one text
over and over. Each keeps ten connections open in each of its processes; nobody writes anything
down. The sink is Postfix's `smtp-sink`, a process of its own. Rounds are interleaved, so that what
else the machine does hits all alike; told are medians.

What is not there (node, npm, its registry, Postfix) is skipped, with the reason.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from measuring import show

CONNECTIONS = 10
SAMPLE = 1000  # different letters; they are sent in turn
SENDER, SENDER_NAME = "info@example.com", "Энергосбыт"
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_NPM_SECONDS = 120.0


class NoSink(SystemExit):
    """There is nothing to send to."""

    def __init__(self) -> None:
        super().__init__("needs smtp-sink: install Postfix")


@dataclass(frozen=True)
class Skipped:
    """A peer that cannot be measured here."""

    reason: str


@dataclass(frozen=True)
class Speed:
    letters_a_second: float
    cpu_microseconds: float | None  # of the sender, for each letter


@contextmanager
def running_sink() -> Iterator[int]:
    """The port of a `smtp-sink`, for the length of a `with` block."""
    found = shutil.which("smtp-sink", path=_PLACES)
    if found is None:
        raise NoSink
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = int(bound.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([found, *user, f"127.0.0.1:{port}", "512"])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def make_letters(count: int) -> Iterator[dict[str, str]]:
    """Debt reminders as the product writes them, each with its customer's own amount."""
    from campaigns.channel import ChannelName
    from campaigns.content import MailContent, render_content
    from campaigns.recipient import Recipient
    from campaigns.scenario_file import library_path, read_scenario
    from templates.mail import build_letter

    file = read_scenario(library_path("debt-reminder"))
    supplier = {
        "company": SENDER_NAME,
        "company_phone": "+78001000000",
        "company_site": "https://example.com",
    }
    for number in range(count):
        recipient = Recipient(
            row=number,
            account_number=str(70_000_000_000 + number),
            contact_points=(),
            name="Анна",
            patronymic="Сергеевна",
            fields={"debt_kopecks": 123_456 + number, "due_on": "2026-12-15"},
        )
        content = render_content(
            file.scenario,
            ChannelName.EMAIL,
            file.templates[ChannelName.EMAIL],
            [recipient],
            supplier,
        )
        assert isinstance(content, MailContent)
        letter = {
            "sender": SENDER,
            "sender_name": SENDER_NAME,
            "recipient": f"client{number}@example.com",
            "recipient_name": "Анна Сергеевна",
            "message_id": f"<{number}-1-0123456789abcdef0123@example.com>",
            "subject": content.subject,
            "text": content.text,
            "html": content.html,
        }
        raw = build_letter(
            sender=SENDER,
            sender_name=SENDER_NAME,
            to=letter["recipient"],
            to_name=letter["recipient_name"],
            subject=content.subject,
            text=content.text,
            html=content.html,
            message_id=letter["message_id"],
            sent_at=datetime.now(UTC),
        )
        yield letter | {"raw": raw.decode("ascii")}


@lru_cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dispatcher-mail-peers-")  # gone with the process


@lru_cache
def sample_file() -> Path:
    """The letters of this run, one a line in JSON."""
    path = Path(_scratch().name) / "letters.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in make_letters(SAMPLE))
    return path


def _read_sample(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _race(commands: Sequence[Sequence[str]], letters: int) -> Speed:
    """Start all, let them get ready, say go, and time it until the last is done.

    Raises RuntimeError when not every letter was sent.
    """
    runners = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    facts: list[dict[str, Any]] = []
    try:
        for runner in runners:
            assert runner.stdout is not None
            while (line := runner.stdout.readline()).strip() != "ready":
                if not line:
                    raise RuntimeError("a sender did not start")
        began = time.perf_counter()
        for runner in runners:
            assert runner.stdin is not None
            runner.stdin.write("go\n")
            runner.stdin.flush()
        for runner in runners:
            assert runner.stdout is not None
            facts.append(json.loads(runner.stdout.readline() or "{}"))
        seconds = time.perf_counter() - began
    finally:
        for runner in runners:
            if not facts:
                runner.kill()
            runner.communicate()
    if sum(one.get("sent", 0) for one in facts) != letters:
        raise RuntimeError("not every letter was sent")
    return Speed(letters / seconds, sum(one["cpu_seconds"] for one in facts) / letters * 1e6)


def _python(way: str, port: int, letters: int, processes: int) -> Speed:
    path = str(sample_file())
    shares = [letters // processes + (n < letters % processes) for n in range(processes)]
    job = [sys.executable, __file__, "--job", way, str(port), path]
    return _race([[*job, "--letters", str(share)] for share in shares], letters)


def run_ours(port: int, letters: int, processes: int = 1) -> float:
    """Letters a second of the e-mail channel, without a ledger."""
    return measure_ours(port, letters, processes).letters_a_second


def run_bare(port: int, letters: int, processes: int = 1) -> float:
    """Letters a second of bare aiosmtplib under uvloop, ready-made bytes."""
    return measure_bare(port, letters, processes).letters_a_second


def run_nodemailer(port: int, letters: int, *, raw: bool = False) -> float | None:
    """Letters a second of nodemailer's pool; None where it cannot be had."""
    return _speed_of(measure_nodemailer(port, letters, raw=raw))


def run_source(port: int, letters: int) -> float | None:
    """Letters a second of `smtp-source -d -s 10`; None where there is none."""
    return _speed_of(measure_source(port, letters))


def _speed_of(result: Speed | Skipped) -> float | None:
    return result.letters_a_second if isinstance(result, Speed) else None


def measure_ours(port: int, letters: int, processes: int = 1) -> Speed:
    return _python("ours", port, letters, processes)


def measure_bare(port: int, letters: int, processes: int = 1) -> Speed:
    return _python("bare", port, letters, processes)


def measure_nodemailer(port: int, letters: int, *, raw: bool = False) -> Speed | Skipped:
    folder = _nodemailer_folder()
    if isinstance(folder, Skipped):
        return folder
    script = str(Path(__file__).with_name("nodemailer_peer.mjs"))
    command = ["node", script, str(folder), str(sample_file()), str(port), str(letters)]
    return _race([[*command, "raw"] if raw else command], letters)


def measure_source(port: int, letters: int) -> Speed | Skipped:
    found = shutil.which("smtp-source", path=_PLACES)
    if found is None:
        return Skipped("there is no smtp-source")
    sizes = [len(one["raw"]) for one in _read_sample(sample_file())]
    options = ["-d", "-s", str(CONNECTIONS), "-m", str(letters)]
    options += ["-l", str(round(statistics.mean(sizes))), "-f", SENDER, "-t", "client@example.com"]
    began = time.perf_counter()
    subprocess.run([found, *options, f"127.0.0.1:{port}"], check=True)
    return Speed(letters / (time.perf_counter() - began), None)


@lru_cache
def _nodemailer_folder() -> Path | Skipped:
    """Where the newest nodemailer is installed for this run."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return Skipped("there is no node or no npm")
    folder = Path(_scratch().name) / "nodemailer"
    folder.mkdir()
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", "nodemailer@latest"]
    try:
        subprocess.run(
            [*command, "--prefix", str(folder)],
            check=True,
            capture_output=True,
            timeout=_NPM_SECONDS,
            cwd=folder,
        )
    except (subprocess.SubprocessError, OSError):
        return Skipped("npm cannot install nodemailer")
    return folder


def nodemailer_version() -> str:
    folder = _nodemailer_folder()
    if isinstance(folder, Skipped):
        return ""
    package = folder / "node_modules" / "nodemailer" / "package.json"
    return str(json.loads(package.read_text("utf-8"))["version"])


# What runs in the processes of its own.


async def _send_ours(port: int, path: Path, letters: int) -> tuple[int, float]:
    from channels.base import HandoverKind, MailMessage
    from channels.email.smtp import SmtpChannel

    messages = [
        MailMessage(
            token="",
            contact_point=one["recipient"],
            sender=one["sender"],
            message_id=one["message_id"],
            content=one["raw"].encode(),
        )
        for one in _read_sample(path)
    ]
    channel = SmtpChannel("127.0.0.1", port, tls="none", concurrency=CONNECTIONS)
    waiting = islice(cycle(messages), letters)

    async def send() -> int:
        sent = 0
        for message in waiting:
            handover = await channel.deliver(message)
            sent += handover.kind is HandoverKind.ACCEPTED
        return sent

    began = _wait_for_go()
    async with channel:
        sent = sum(await asyncio.gather(*(send() for _ in range(CONNECTIONS))))
    return sent, time.process_time() - began


async def _send_bare(port: int, path: Path, letters: int) -> tuple[int, float]:
    import aiosmtplib

    ready = [(one["recipient"], one["raw"].encode()) for one in _read_sample(path)]
    waiting = islice(cycle(ready), letters)

    async def send() -> int:
        sent = 0
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        for recipient, content in waiting:
            await client.sendmail(SENDER, [recipient], content)
            sent += 1
        await client.quit()
        return sent

    began = _wait_for_go()
    total = sum(await asyncio.gather(*(send() for _ in range(CONNECTIONS))))
    return total, time.process_time() - began


def _wait_for_go() -> float:
    """The processor's time at the start."""
    print("ready", flush=True)
    sys.stdin.readline()
    return time.process_time()


def _run_job(way: str, port: int, path: Path, letters: int) -> None:
    import uvloop

    sending = {"ours": _send_ours, "bare": _send_bare}[way]
    sent, cpu_seconds = uvloop.run(sending(port, path, letters))
    print(json.dumps({"sent": sent, "cpu_seconds": cpu_seconds}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)  # which, the port, the letters
    options = parser.parse_args()
    if options.job:
        way, port, path = options.job
        _run_job(way, int(port), Path(path), options.letters)
        return
    ways: dict[str, Callable[[int, int], Speed | Skipped]] = {
        "channel, one process": measure_ours,
        "channel, two processes": partial(measure_ours, processes=2),
        "bare aiosmtplib, one process": measure_bare,
        "bare aiosmtplib, two processes": partial(measure_bare, processes=2),
        "nodemailer's pool": measure_nodemailer,
        "nodemailer's pool, ready-made bytes": partial(measure_nodemailer, raw=True),
        "smtp-source -d -s 10": measure_source,
    }
    results: dict[str, list[Speed | Skipped]] = {way: [] for way in ways}
    with running_sink() as port:
        for _round in range(options.rounds):
            for way, measure in ways.items():
                results[way].append(measure(port, options.letters))
    _tell(results, options.letters)


def _tell(results: dict[str, list[Speed | Skipped]], letters: int) -> None:
    rows: list[dict[str, object]] = []
    speeds: dict[str, float] = {}
    for way, measured in results.items():
        known = [one for one in measured if isinstance(one, Speed)]
        if not known:
            reason = next(one.reason for one in measured if isinstance(one, Skipped))
            rows.append({"way": way, "letters/s": f"skipped: {reason}"})
            continue
        speeds[way] = statistics.median(one.letters_a_second for one in known)
        costs = [one.cpu_microseconds for one in known if one.cpu_microseconds is not None]
        all_speeds = sorted(round(one.letters_a_second) for one in known)
        rows.append(
            {
                "way": way,
                "letters/s": round(speeds[way]),
                "from - to": f"{all_speeds[0]:,} - {all_speeds[-1]:,}",
                "CPU us/letter": round(statistics.median(costs)) if costs else "",
            }
        )
    version = nodemailer_version()
    show(f"{letters:,} letters into smtp-sink; nodemailer {version or 'is not here'}", rows)
    for ours in ("channel, one process", "channel, two processes"):
        for peer in list(results)[2:]:
            if peer in speeds:
                print(f"{ours} / {peer}: {speeds[ours] / speeds[peer]:.2f}")


if __name__ == "__main__":
    main()
