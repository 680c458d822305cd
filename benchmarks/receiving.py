"""A provider that takes everything and notes when it came: SMS by HTTP, letters by SMTP.

It is a process of its own and does next to nothing, so that it is not what is measured. Instants
are those of the monotonic clock, which all processes of a machine share.
"""

import argparse
import asyncio
import itertools
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvloop

TWILIO_SID = "AC" + "0" * 32
LONGEST_LETTER = 2**20
START_SECONDS = 30.0


@dataclass(frozen=True)
class Came:
    """One message: when its request or its MAIL FROM was read, and when all of it was there."""

    begun: float
    ended: float | None  # None: the sender broke off


@dataclass(frozen=True)
class Receiver:
    http_port: int
    smtp_port: int


def came_to(http_port: int) -> list[Came]:
    """All messages so far, in the order of their beginnings."""
    with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/came") as answer:
        return [Came(begun, ended) for begun, ended in json.load(answer)]


@contextmanager
def running_receiver(latency_seconds: float = 0.0) -> Iterator[Receiver]:
    """A receiver for the length of a `with` block. It answers to an SMS after `latency_seconds`."""
    ports = _free_port(), _free_port()
    command = [sys.executable, __file__, *map(str, ports), str(latency_seconds)]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + START_SECONDS
        for port in ports:
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the receiving server did not start")
                time.sleep(0.05)
        yield Receiver(*ports)
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class Notes:
    """When what came."""

    def __init__(self) -> None:
        self.all: list[list[float | None]] = []

    def begin(self) -> list[float | None]:
        note: list[float | None] = [time.monotonic(), None]
        self.all.append(note)
        return note


async def serve(http_port: int, smtp_port: int, latency_seconds: float) -> None:
    notes, numbers = Notes(), itertools.count(1)

    async def take_sms(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            path = line.split(b" ")[1]
            note = None if path.startswith(b"/came") else notes.begin()
            length = 0
            while (header := await reader.readline()) not in (b"\r\n", b""):
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            await reader.readexactly(length)
            if note is None:
                writer.write(_http(200, json.dumps(notes.all)))
            else:
                note[1] = time.monotonic()
                await asyncio.sleep(latency_seconds)
                writer.write(_taken(path, next(numbers)))
            await writer.drain()

    async def take_letters(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        note: list[float | None] = [None, None]
        writer.write(b"220 localhost ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"MAIL":
                note = notes.begin()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                note[1] = time.monotonic()
            writer.write(_SMTP.get(verb, b"250 ok\r\n"))
            await writer.drain()
            if verb == b"QUIT":
                return

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await take_sms(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever hangs up has said all
        finally:
            writer.close()

    async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await take_letters(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    limit = LONGEST_LETTER
    servers = [
        await asyncio.start_server(http, "127.0.0.1", http_port, backlog=512),
        await asyncio.start_server(smtp, "127.0.0.1", smtp_port, backlog=512, limit=limit),
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


_SMTP = {
    b"EHLO": b"250-localhost\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"QUIT": b"221 bye\r\n",
}


def _taken(path: bytes, number: int) -> bytes:
    """What Twilio, or else SMS Aero, answers to an SMS that it takes."""
    if b"Messages.json" in path:
        sid = f"SM{number:032x}"
        return _http(201, json.dumps({"sid": sid, "status": "queued", "account_sid": TWILIO_SID}))
    taken = {"id": number, "status": 0, "extendStatus": "queue", "cost": 3, "channel": "X"}
    return _http(200, json.dumps({"success": True, "data": taken, "message": None}))


def _http(status: int, body: str) -> bytes:
    data = body.encode()
    return (
        f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    ).encode() + data


def sms_settings(provider: str, port: int) -> dict[str, str]:
    """What leads SMS to the receiver, in the environment."""
    if provider == "twilio":
        return {
            "DISPATCHER_TWILIO_ACCOUNT_SID": TWILIO_SID,
            "DISPATCHER_TWILIO_AUTH_TOKEN": "token",
            "DISPATCHER_TWILIO_BASE_URL": f"http://127.0.0.1:{port}",
            "DISPATCHER_TWILIO_SMS_SENDER": "+74951000001",
            "DISPATCHER_CALLER_ID": "+74951000000",
        }
    return {
        "DISPATCHER_SMSAERO_EMAIL": "account@example.com",
        "DISPATCHER_SMSAERO_API_KEY": "secret-key-of-the-gate-0123",
        "DISPATCHER_SMSAERO_GATE": f"@127.0.0.1:{port}/v2/",
        "DISPATCHER_SMS_SIGN": "Energosbyt",
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("http_port", type=int)
    parser.add_argument("smtp_port", type=int)
    parser.add_argument("latency_seconds", type=float)
    options = parser.parse_args()
    uvloop.run(serve(options.http_port, options.smtp_port, options.latency_seconds))
