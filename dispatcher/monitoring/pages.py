"""The pages on which a process tells of itself: `/metrics` for Prometheus, `/health` for whoever
restarts it when it hangs, `/ready` for whoever sends it work.

A small server in threads of its own, apart from the endpoint that the outside calls. Requests are
short, or cut off; and there are few at a time, so that nobody takes the threads that work.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader, RawIOBase
from socket import AF_INET, AF_INET6, SHUT_RDWR, socket
from socketserver import TCPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import structlog

log = structlog.get_logger()

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# From the connection on, all of a question; and as long again for the answer.
REQUEST_SECONDS = 5.0
# One or two look at a process; who opens many connections gets no more of its threads.
MOST_CONNECTIONS = 16
# So long a newcomer waits for one that was cut off for it.
ROOM_SECONDS = 0.1
# How often the server looks whether it is to stop.
STOP_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Page:
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK


Pages = Mapping[str, Callable[[], Page]]


def told(trouble: str) -> Page:
    """`ok`, or what is wrong with the status that balancers and supervisors heed."""
    if not trouble:
        return Page(b"ok\n")
    return Page(f"{trouble}\n".encode(), status=HTTPStatus.SERVICE_UNAVAILABLE)


class PageServer:
    """Serves pages for the length of a `with` block. Listens as soon as it is made: raises OSError
    for an address that cannot be had."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        handler = type("Handler", (_Handler,), {"pages": pages})
        family = AF_INET6 if ":" in host else AF_INET
        self._server = type("Server", (_Server,), {"address_family": family})((host, port), handler)
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_SECONDS,), name="pages", daemon=True
        )

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
        self._thread.join(REQUEST_SECONDS)


class _Server(ThreadingHTTPServer):
    """A thread for each connection, of which there are few. When all are taken, whoever has been
    asking for the longest makes room for a newcomer: an honest question is a single packet."""

    daemon_threads = True
    block_on_close = False  # whoever reads slowly does not hold up a stop
    request_queue_size = 64

    def __init__(self, *more: Any) -> None:
        self._rooms = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._lock = threading.Lock()
        self._waited_for: dict[Any, None] = {}  # connections, by which it is for them to go on
        super().__init__(*more)

    def server_bind(self) -> None:
        # Not the parent's, which asks the name service for our own name and may wait for it.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._has_room():
            self.shutdown_request(request)
            return
        with self._lock:
            self._waited_for[request] = None
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._rooms.release()  # no thread could be started
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._rooms.release()

    def shutdown_request(self, request: Any) -> None:
        with self._lock:  # what is closed is cut off no more: its number may be another's by then
            self._waited_for.pop(request, None)
        super().shutdown_request(request)

    def _has_room(self) -> bool:
        if self._rooms.acquire(blocking=False):
            return True
        with self._lock:
            oldest = next(iter(self._waited_for), None)
            if oldest is not None:
                del self._waited_for[oldest]
                with suppress(OSError):  # it has gone by itself
                    oldest.shutdown(SHUT_RDWR)
        return oldest is not None and self._rooms.acquire(timeout=ROOM_SECONDS)

    @contextmanager
    def at_work_for(self, request: Any) -> Iterator[None]:
        """It is for us to go on: such a connection is not cut off for another."""
        with self._lock:
            self._waited_for.pop(request, None)
        yield
        with self._lock:
            self._waited_for[request] = None

    def handle_error(self, *_connection: object) -> None:
        """One line of our own; who hangs up in the middle is not worth any."""
        if not isinstance(sys.exception(), OSError):
            log.exception("page.broken")


class _Question(RawIOBase):
    """What a connection sends, all of it within one time: a byte now and then does not prolong
    it. Raises TimeoutError."""

    def __init__(self, connection: socket) -> None:
        self._connection = connection
        self._until = time.monotonic() + REQUEST_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, into: "WriteableBuffer") -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(into)


class _Handler(BaseHTTPRequestHandler):
    pages: ClassVar[Pages] = {}
    server: _Server
    server_version, sys_version = "dispatcher", ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = BufferedReader(_Question(self.connection))

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        make = self.pages.get(self.path.partition("?")[0])
        if make is None:
            page = Page(b"not found\n", status=HTTPStatus.NOT_FOUND)
        else:
            with self.server.at_work_for(self.connection):
                page = _made(make)
        self.connection.settimeout(REQUEST_SECONDS)
        self.send_response(page.status)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(page.body)

    def log_message(self, *_words: object) -> None:
        """A line for each look of Prometheus would hide all the others."""


def _made(make: Callable[[], Page]) -> Page:
    try:
        return make()
    except Exception:
        log.exception("page.broken")
        return Page(b"broken\n", status=HTTPStatus.INTERNAL_SERVER_ERROR)
