"""HTTP of the sandbox: starlette on uvicorn, with the two rudenesses real networks have."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_DROP = "sandbox.drop"
BAD_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class _RudeProtocol(HttpToolsProtocol):
    """Lets a request's handler cut the connection without an answer."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.scope.setdefault("extensions", {})[_DROP] = {"abort": self.transport.abort}


class _PromptServer(uvicorn.Server):
    """uvicorn that ends when told to, not at the next of its ticks."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leaving = asyncio.Event()

    async def main_loop(self) -> None:
        while not self.leaving.is_set():
            await self.on_tick(0)  # renews the Date header
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for bound in sockets or []:
            bound.close()
        if self.server_state.tasks:  # answers under way may finish
            await asyncio.wait(self.server_state.tasks, timeout=1.0)
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol):
                connection.transport.abort()
        await asyncio.sleep(0)  # lets the aborted connections say so


class HttpServer:
    """Serves the sandbox's routes on one socket of the running loop."""

    def __init__(self, routes: Sequence[BaseRoute], bound: socket.socket) -> None:
        config = uvicorn.Config(
            Starlette(routes=list(routes)),
            http=_RudeProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=120,
        )
        self._server = _PromptServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]))

    async def close(self) -> None:
        self._server.leaving.set()
        await self._serving


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that already accepts: who connects before the server runs waits a moment."""
    bound = socket.create_server((host, port), backlog=1024)
    bound.setblocking(False)
    return bound


async def drop(request: Request) -> Response:
    """Cut the connection: the client sees neither an answer nor a proper end."""
    request.scope["extensions"][_DROP]["abort"]()
    return await _when_gone(request)


async def hold(request: Request, closing: asyncio.Event, hold_seconds: float) -> Response:
    """Say nothing until the client gives up, or for `hold_seconds`; then cut the connection."""
    gone = asyncio.create_task(_when_gone(request))
    stopping = asyncio.create_task(closing.wait())
    await asyncio.wait({gone, stopping}, timeout=hold_seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not gone.done():
        request.scope["extensions"][_DROP]["abort"]()
    return await gone


async def _when_gone(request: Request) -> Response:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()  # nobody is left to read it


def bad_gateway() -> Response:
    return HTMLResponse(BAD_GATEWAY_PAGE, status_code=502)
