"""Servers for the tests, over real sockets: one that misbehaves, one that takes callbacks."""

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from channels.base import Payload

HOLD = object()  # say nothing until the client goes away
CLOSE = object()  # close the connection without a word


@dataclass(frozen=True)
class Broken:
    """Bytes written past TLS, straight onto the wire, after `answered` went through it properly."""

    wire: bytes = b""
    answered: bytes = b""
    reset: bool = False  # TCP's RST in place of an orderly end


# Each is what a client may meet in the middle of an exchange over TLS (RFC 8446, section 5).
TLS_BREAKS = {
    "plain-text": Broken(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
    "broken-record": Broken(b"\x17\x03\x03\x00\x20" + b"\x5a" * 32),
    "fatal-alert": Broken(b"\x15\x03\x03\x00\x02\x02\x50"),
    "no-close-notify": Broken(),
    "reset": Broken(reset=True),
    "garbage-inside-an-answer": Broken(
        b"\xff" * 64, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
    ),
}


class _Handler(socketserver.StreamRequestHandler):
    """A connection, over TLS when its server has a context for it."""

    tls: ssl.SSLContext | None = None
    tunnel = False

    def setup(self) -> None:
        self.wire: socket.socket = self.request.dup()
        try:
            if self.tunnel:
                take_connect(self.wire)
            if self.tls is not None:
                self.request = self.tls.wrap_socket(self.request, server_side=True)
        except OSError:  # a client that does not trust us; finish() is not called
            self.wire.close()
            raise
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.request.close()
        self.wire.close()

    def change_to(self, tls: ssl.SSLContext) -> None:
        """Go on over TLS on the same connection."""
        super().finish()
        self.request = tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def break_off(self, broken: Broken) -> None:
        self.wfile.write(broken.answered)
        self.wire.sendall(broken.wire)
        if broken.reset:
            self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def take_connect(wire: socket.socket) -> None:
    """Be the proxy and the gate behind it at once: agree to a CONNECT."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        if not (byte := wire.recv(1)):
            raise ConnectionError("the client went away")
        asked += byte
    wire.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")


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
    """Answers each HTTP request with the same bytes, HOLD, CLOSE or Broken; counts the requests.

    A list is answered with one after the other on the same connection.

    `tls` makes it a server of https; with `tunnel` it is met through a CONNECT, as by a proxy.
    """

    def __init__(
        self, answer: bytes | object, tls: ssl.SSLContext | None = None, tunnel: bool = False
    ) -> None:
        self.requests: list[bytes] = []
        outer, context, through = self, tls, tunnel

        class Handler(_Handler):
            tls = context
            tunnel = through

            def handle(self) -> None:
                for one in answer if isinstance(answer, list) else [answer]:
                    self.answer(one)

            def answer(self, one: object) -> None:
                length, lines = 0, []
                while (line := self.rfile.readline()) not in {b"\r\n", b""}:
                    lines.append(line)
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not lines:
                    return
                outer.requests.append(b"".join(lines) + b"\r\n" + self.rfile.read(length))
                if one is HOLD:
                    self.rfile.read(1)
                elif isinstance(one, bytes):
                    self.wfile.write(one)
                elif isinstance(one, Broken):
                    self.break_off(one)

        super().__init__(_Threaded(("127.0.0.1", 0), Handler))


# What may come in place of a server's part of the handshake.
HANDSHAKE_BREAKS = {
    "plain-text": Broken(b"HTTP/1.1 400 Bad Request\r\n\r\nspeak plainly"),
    "fatal-alert": Broken(b"\x15\x03\x03\x00\x02\x02\x28"),
    "closed": Broken(),
    "reset": Broken(reset=True),
    "silent": HOLD,
}


class NoHandshake(_Server):
    """Hears a client's first words and answers with no TLS; counts the connections."""

    def __init__(self, answer: object) -> None:
        self.connections = 0
        outer = self

        class Handler(_Handler):
            def handle(self) -> None:
                outer.connections += 1
                self.request.recv(65536)
                if isinstance(answer, Broken):
                    self.break_off(answer)
                else:
                    self.rfile.read(1)

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
    HOLD, CLOSE or Broken. A callable is asked with the number of the connection, from 0. `tls`
    makes it a server of implicit TLS, `starttls` one that changes to TLS when asked.
    """

    def __init__(
        self,
        script: Mapping[str, object],
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
    ) -> None:
        self.commands: list[str] = []
        self.letters: list[bytes] = []
        self.connections = 0
        outer, context = self, tls

        class Handler(_Handler):
            tls = context

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
                    if command == "STAR" and starttls is not None:
                        self.change_to(starttls)
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
                if isinstance(answer, Broken):
                    self.break_off(answer)
                    return False
                self.wfile.write(f"{answer}\r\n".encode())
                return True

        super().__init__(_Threaded(("127.0.0.1", 0), Handler))


class Receiver(_Server):
    """Takes callbacks as our endpoint would see them; `answer` makes the status and the body.

    `files` are what a GET of their path brings.
    """

    def __init__(self, answer: Callable[[Payload], tuple[int, str]] = lambda _: (200, "")) -> None:
        self.payloads: list[Payload] = []
        self.files: dict[str, bytes] = {}
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

            def do_GET(self) -> None:
                content = outer.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

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
