"""Servers for the tests, over real sockets: one that misbehaves, one that takes callbacks."""

import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from channels.base import Payload

HOLD = object()  # say nothing until the client goes away
CLOSE = object()  # close the connection without a word


class _Threaded(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what these servers are for."""


class _Server:
    """Runs a socketserver in a thread for the length of a `with` block."""

    def __init__(self, server: socketserver.BaseServer) -> None:
        self._server = server
        self.port = int(server.server_address[1])  # type: ignore[index]
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)

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


class RawHttp(_Server):
    """Answers each HTTP request with the same bytes, HOLD or CLOSE, and counts the requests."""

    def __init__(self, answer: bytes | object) -> None:
        self.requests: list[bytes] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                length, lines = 0, []
                while (line := self.rfile.readline()) not in {b"\r\n", b""}:
                    lines.append(line)
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not lines:
                    return
                outer.requests.append(b"".join(lines) + b"\r\n" + self.rfile.read(length))
                if answer is HOLD:
                    self.rfile.read(1)
                elif isinstance(answer, bytes):
                    self.wfile.write(answer)

        super().__init__(_Threaded(("127.0.0.1", 0), Handler))


def http_answer(
    status: int,
    body: bytes,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


class ScriptedSmtp(_Server):
    """A mail server that answers each command from a script, all else with 250.

    Keys are commands, `GREETING`, and `END` for the answer to the final dot; values are a line,
    HOLD or CLOSE. A callable is asked with the number of the connection, from 0.
    """

    def __init__(self, script: Mapping[str, object]) -> None:
        self.commands: list[str] = []
        self.letters: list[bytes] = []
        self.connections = 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.number = outer.connections
                outer.connections += 1
                if not self.say(script.get("GREETING", "220 scripted")):
                    return
                while line := self.rfile.readline():
                    outer.commands.append(line.decode("utf-8", "replace").strip())
                    command = line[:4].decode("ascii", "replace").upper().strip()
                    default = "354 go on" if command == "DATA" else "250 OK"
                    answer = script.get(command, default)
                    if not self.say(answer) or command == "QUIT":
                        return
                    if command == "DATA" and answer == "354 go on" and not self.take_letter():
                        return

            def take_letter(self) -> bool:
                letter = b""
                while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                    letter += line
                outer.letters.append(letter)
                return self.say(script.get("END", "250 taken"))

            def say(self, answer: object) -> bool:
                if callable(answer):
                    answer = answer(self.number)
                if answer is HOLD:
                    self.rfile.read(1)
                    return False
                if answer is CLOSE:
                    return False
                self.wfile.write(f"{answer}\r\n".encode())
                return True

        super().__init__(_Threaded(("127.0.0.1", 0), Handler))


class Receiver(_Server):
    """Takes callbacks as our endpoint would see them; `answer` makes the status and the body."""

    def __init__(self, answer: Callable[[Payload], tuple[int, str]] = lambda _: (200, "")) -> None:
        self.payloads: list[Payload] = []
        self.arrived = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: no waiting for a delayed ACK

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                payload = Payload(
                    url=f"{outer.url}{self.path}",
                    form=dict(parse_qsl(body.decode(), keep_blank_values=True)),
                    headers={name.lower(): value for name, value in self.headers.items()},
                )
                outer.payloads.append(payload)
                status, text = answer(payload)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())
                outer.arrived.release()

            def log_message(self, format: str, *args: object) -> None:
                """The tests' output is for the tests."""

        class Threaded(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        super().__init__(Threaded(("127.0.0.1", 0), Handler))
        self.url = f"http://127.0.0.1:{self.port}"


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])
