"""The pages on which a process tells of itself: `/metrics` for Prometheus, `/health` for whoever
restarts it when it hangs, `/ready` for whoever sends it work.

A small server in threads of its own, apart from the endpoint that the outside calls. Requests are
short, or cut off.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from socketserver import TCPServer
from types import TracebackType
from typing import ClassVar, Self

import structlog

log = structlog.get_logger()

REQUEST_SECONDS = 5.0
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
    daemon_threads = True
    block_on_close = False  # whoever reads slowly does not hold up a stop

    def server_bind(self) -> None:
        # Not the parent's, which asks the name service for our own name and may wait for it.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    pages: ClassVar[Pages] = {}
    timeout = REQUEST_SECONDS
    server_version, sys_version = "dispatcher", ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        make = self.pages.get(self.path.partition("?")[0])
        if make is None:
            page = Page(b"not found\n", status=HTTPStatus.NOT_FOUND)
        else:
            try:
                page = make()
            except Exception:
                log.exception("page.broken")
                page = Page(b"broken\n", status=HTTPStatus.INTERNAL_SERVER_ERROR)
        self.send_response(page.status)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(page.body)

    def log_message(self, *_words: object) -> None:
        """A line for each look of Prometheus would hide all the others."""
