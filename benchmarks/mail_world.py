"""What the figures of the mail-robot are taken in: a mail server with its mailbox, a mail server
that takes the answers and notes when, and the robot itself, each in a process of its own.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import IO, Protocol

from measuring import ROOT

ADDRESS = "info@example.com"
SPECIALIST = "specialist@example.com"
PASSWORD = "secret-of-the-tests"  # what Dovecot of the tests lets in
_NAMED = re.compile(rb"^(Message-ID|In-Reply-To):\s*(<[^>]{1,500}>)", re.IGNORECASE | re.MULTILINE)

QUESTIONS = (
    "Почему в квитанции за октябрь сумма больше обычной? Прошу сделать перерасчёт.",
    "Передаю показания счётчика: день 12345, ночь 6789.",
    "Второй день нет света в подъезде, а по телефону не дозвониться.",
    "Подскажите, как заключить договор на новую квартиру и какие нужны документы?",
    "Хочу пожаловаться на контролёра: он пришёл без удостоверения.",
    "When will the meter be replaced? Nobody came on Tuesday.",
)


def named(number: int) -> str:
    return f"<letter-{number}@client.example>"


def letter(number: int) -> bytes:
    """What a mail program makes of a question: text and HTML, 3 KB or so; each from somebody."""
    question = f"{QUESTIONS[number % len(QUESTIONS)]}\n\nЛицевой счёт {70_000_000_000 + number}."
    made = EmailMessage()
    made["Received"] = "from mx.client.example by mail.example.com; Mon, 02 Nov 2026 12:00:00 +0300"
    made["From"] = f"Анна Петрова {number} <client{number}@client.example>"
    made["To"] = ADDRESS
    made["Subject"] = f"Вопрос {number}"
    made["Message-ID"] = named(number)
    made["MIME-Version"] = "1.0"
    text = f"Здравствуйте!\n\n{question}\n\nС уважением,\nАнна Петрова\n"
    made.set_content(text)
    paragraphs = "".join(f'<p style="margin:0 0 1em 0">{line}</p>' for line in text.splitlines())
    made.add_alternative(f"<html><body>{paragraphs}</body></html>", subtype="html")
    return made.as_bytes().replace(b"\n", b"\r\n")


class Mailbox(Protocol):
    """The robot's mailbox, and the way into it."""

    name: str
    port: int

    def entrance(self) -> Callable[[int, bytes], float]: ...
    def counts(self) -> Mapping[str, int]: ...


class DovecotMailbox:
    """Letters come by LMTP, as from a mail system."""

    name = "Dovecot"

    def __init__(self, folder: Path) -> None:
        from tests.channels.mail_servers import Dovecot

        key, certificate = folder / "key.pem", folder / "certificate.pem"
        make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
        keep = ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*make.split(), *keep], check=True, capture_output=True)
        certificate.write_text(key.read_text() + certificate.read_text())
        self._server = Dovecot(certificate)
        self.port = self._server.port
        self.counts()  # makes the mailbox: one that is old is what a robot finds

    def entrance(self) -> Callable[[int, bytes], float]:
        """A connection of its own; a letter put in returns when the 250 came."""
        lmtp = smtplib.LMTP("127.0.0.1", self._server.lmtp_port)

        def put(number: int, raw: bytes) -> float:
            lmtp.sendmail(f"client{number}@client.example", [ADDRESS], raw)
            return time.time()

        return put

    def counts(self) -> Mapping[str, int]:
        from imap_tools import MailBoxUnencrypted

        with MailBoxUnencrypted("127.0.0.1", self.port, timeout=60) as box:
            box.login(ADDRESS, PASSWORD)
            folders = [one.name for one in box.folder.list()]
            return {name: box.folder.status(name)["MESSAGES"] for name in folders}

    def close(self) -> None:
        self._server.remove()


class SandboxMailbox:
    """Where there is no Dovecot: pymap, in this very process, so that the figures are worse."""

    name = "pymap (no Dovecot here)"

    def __init__(self) -> None:
        from channels.sandbox.mailbox_server import MailboxServer

        self._server = MailboxServer(username=ADDRESS, password=PASSWORD).start()
        self.port = self._server.port

    def entrance(self) -> Callable[[int, bytes], float]:
        def put(_number: int, raw: bytes) -> float:
            self._server.drop(raw)
            return time.time()

        return put

    counts = DovecotMailbox.counts

    def close(self) -> None:
        self._server.stop()


@contextmanager
def mailbox(folder: Path) -> Iterator[Mailbox]:
    found = Path("/usr/sbin/dovecot").exists() and Path("/usr/lib/dovecot/lmtp").exists()
    box = DovecotMailbox(folder) if found else SandboxMailbox()
    try:
        yield box
    finally:
        box.close()


@dataclass(frozen=True, slots=True)
class Taken:
    """A letter that the sink took. `answers` is empty for one to a specialist."""

    at: float
    message_id: str
    answers: str


@dataclass(slots=True)
class Sink:
    """The SMTP server that answers go to."""

    file: Path
    port: int
    taken: list[Taken] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _read_to: int = 0

    def open(self) -> None:
        self.file.touch()
        command = [sys.executable, __file__, "--sink", str(self.port), str(self.file)]
        self._process = subprocess.Popen(command)
        for _ in range(200):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.05)
        raise SystemExit("the sink does not start")

    def close(self) -> None:
        """Gone with whatever it was told just then, as a machine that loses its power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def look(self) -> Sequence[Taken]:
        """What it has taken so far."""
        with self.file.open("rb") as file:
            file.seek(self._read_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read_to += len(line)
                at, message_id, answers = line.decode().rstrip("\n").split("\t")
                self.taken.append(Taken(float(at), message_id, answers))
        return self.taken


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


async def serve_sink(port: int, path: Path) -> None:
    """Take every letter; what it is called and what it answers is noted just before the 250."""

    def note(content: bytes) -> None:
        head = content.partition(b"\r\n\r\n")[0]
        said = {name.lower(): value.decode() for name, value in _NAMED.findall(head)}
        names = f"{said.get(b'message-id', '')}\t{said.get(b'in-reply-to', '')}"
        file.write(f"{time.time():.6f}\t{names}\n".encode())

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, EOFError):  # killed in the middle of it
            await talk(reader, writer)
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                note(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return

    with path.open("ab", buffering=0) as file:
        server = await asyncio.start_server(converse, "127.0.0.1", port, limit=1 << 26, backlog=512)
        await server.serve_forever()


@dataclass(slots=True)
class RobotProcess:
    """`dispatcher mailrobot` with settings of its own; what it logs goes to a file."""

    folder: Path
    settings: Mapping[str, str]
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None
    cpu_seconds: float = 0.0  # of all that have ended

    def start(self, *, wait: bool = True) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DISPATCHER_")}
        self._log = (self.folder / "robot.log").open("ab")
        before = self._log.tell()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dispatcher", "mailrobot"],
            cwd=self.folder,
            env=environment | dict(self.settings) | {"PYTHONPATH": str(ROOT)},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        while wait:
            if self._process.poll() is not None:
                raise SystemExit((self.folder / "robot.log").read_text())
            if (self.folder / "robot.log").stat().st_size > before:
                return
            time.sleep(0.05)

    def end(self, how: signal.Signals) -> None:
        if self._process is not None and self._log is not None:
            self._process.send_signal(how)
            _pid, _status, used = os.wait4(self._process.pid, 0)
            self.cpu_seconds += used.ru_utime + used.ru_stime
            self._log.close()
            self._process = None


def settings_for(folder: Path, box: Mailbox, sink: Sink, database_url: str) -> Mapping[str, str]:
    account = {
        "name": "info",
        "host": "127.0.0.1",
        "port": box.port,
        "username": ADDRESS,
        "password": PASSWORD,
        "tls": "none",
    }
    settings = {
        "DISPATCHER_DATA_DIR": str(folder / "var"),
        "DISPATCHER_SECRET": "benchmark",
        "DISPATCHER_SMTP_HOST": "127.0.0.1",
        "DISPATCHER_SMTP_PORT": str(sink.port),
        "DISPATCHER_SMTP_TLS": "none",
        "DISPATCHER_MAIL_FROM": ADDRESS,
        "DISPATCHER_MAILBOXES": json.dumps([account]),
        "DISPATCHER_INQUIRIES_TO": SPECIALIST,
        "DISPATCHER_LOG_FORMAT": "json",
    }
    return settings | ({"DISPATCHER_DATABASE_URL": database_url} if database_url else {})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sink", nargs=2, required=True)
    port, path = parser.parse_args().sink
    asyncio.run(serve_sink(int(port), Path(path)))
