"""Providers that can be told, request by request, how to be in trouble; they count what they took.

Real sockets, a thread a connection. A port can be given, so that a provider that was down comes
back at its old address.
"""

import itertools
import json
import re
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

HOLD = object()  # say nothing until the client goes away
CLOSE = object()  # close the connection without a word
Answer = bytes | str | object

_SEND = re.compile(rb"POST \S+/(sms/send/?|Calls\.json)[ ?]")
_TO = re.compile(rb"TO:<(.+)>", re.IGNORECASE)


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what these servers are for."""


class Provider:
    """A server that lives as long as a `with` block."""

    def __init__(self, handler: type[socketserver.StreamRequestHandler], port: int) -> None:
        self._server = _Threads(("127.0.0.1", port), handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class HttpProvider(Provider):
    """Answers the n-th message, counted from 0, with what `answer` makes of it.

    Asked what became of one, it knows of nothing.
    """

    def __init__(self, answer: Callable[[int, bytes], Answer], port: int = 0) -> None:
        self.sends: list[bytes] = []
        self.questions: list[bytes] = []
        outer, counter = self, itertools.count()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                length, lines = 0, []
                while (line := self.rfile.readline()) not in {b"\r\n", b""}:
                    lines.append(line)
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not lines:
                    return
                request = b"".join(lines) + b"\r\n" + self.rfile.read(length)
                reply = self.reply_to(request)
                if reply is HOLD:
                    self.rfile.read(1)
                elif isinstance(reply, bytes):
                    self.wfile.write(reply)

            def reply_to(self, request: bytes) -> Answer:
                if not _SEND.match(request):
                    outer.questions.append(request)
                    return http(404, "{}")
                outer.sends.append(request)
                return answer(next(counter), request)

        super().__init__(Handler, port)

    def recipients(self) -> list[str]:
        """Whom each message was for, as the provider writes numbers."""
        fields = [posted(request) for request in self.sends]
        return [form.get("To") or form["number"] for form in fields]


def http(status: int, body: str, kind: str = "application/json", **headers: str) -> bytes:
    encoded = body.encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}; charset=utf-8"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(encoded)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + encoded


def sms_taken(number: int) -> bytes:
    sent = {"id": 1000 + number, "status": 0, "extendStatus": "queue", "cost": 3, "channel": "X"}
    return http(200, json.dumps({"success": True, "data": sent, "message": None}))


def call_taken(number: int) -> bytes:
    return http(201, json.dumps({"sid": f"CA{number:032x}", "status": "queued"}))


def posted(request: bytes) -> dict[str, str]:
    """The fields of a form or of a flat JSON body."""
    head, _, body = request.partition(b"\r\n\r\n")
    if b"application/json" in head.lower():
        return {name: str(value) for name, value in json.loads(body).items()}
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


@dataclass(frozen=True)
class Letter:
    """A letter that arrived, whether or not its sender was told so."""

    recipient: str
    content: bytes

    @property
    def message_id(self) -> str:
        return str(message_from_bytes(self.content)["Message-ID"])


@dataclass
class Rule:
    """What a mail server says; every method may answer with a line, HOLD or CLOSE."""

    greeting: Callable[[], Answer] = lambda: "220 here"
    recipient: Callable[[str], Answer] = lambda _address: "250 OK"
    data: Callable[[str], Answer] = lambda _address: "354 go on"  # 354, CLOSE or HOLD
    end: Callable[[str], Answer] = lambda _address: "250 taken"


@dataclass
class PostOffice(Provider):
    """A mail server that follows a rule."""

    rule: Rule = field(default_factory=Rule)
    wanted_port: int = 0
    letters: list[Letter] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.address = ""
                if not self.say(outer.rule.greeting()):
                    return
                while line := self.rfile.readline():
                    verb = line[:4].upper().strip()
                    if verb == b"RCPT":
                        found = _TO.search(line)
                        self.address = found[1].decode() if found else ""
                        going = self.say(outer.rule.recipient(self.address))
                    elif verb == b"DATA":
                        going = self.take()
                    else:
                        going = self.say("221 bye" if verb == b"QUIT" else "250 OK")
                    if not going or verb == b"QUIT":
                        return

            def take(self) -> bool:
                answer = outer.rule.data(self.address)
                if not self.say(answer):
                    return False
                content = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    if not line:
                        return False
                    content += line
                outer.letters.append(Letter(self.address, content))
                return self.say(outer.rule.end(self.address))

            def say(self, answer: Answer) -> bool:
                if answer is HOLD:
                    self.rfile.read(1)
                    return False
                if answer is CLOSE:
                    return False
                self.wfile.write(str(answer).encode() + b"\r\n")
                return True

        super().__init__(Handler, self.wanted_port)
