"""An application of ours, served over HTTP in a thread of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import uvicorn
from starlette.applications import Starlette

from channels.server_thread import ServerThread, bound_socket

START_SECONDS = 20.0


class HttpServer(ServerThread):
    """Made on a socket; `port` is known as soon as it is made.

    `grace_seconds`: what is being answered when it stops may take so long to its end.
    """

    _app: Starlette

    def __init__(self, name: str, host: str, port: int, *, grace_seconds: int) -> None:
        super().__init__(name, START_SECONDS, grace_seconds * 2)
        self._grace_seconds = grace_seconds
        self.socket = bound_socket(host, port, backlog=512)
        self.host, self.port = host, int(self.socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        super().stop()
        self.socket.close()

    def _answer(self, app: Starlette) -> None:
        """Answer requests; returns when it does."""
        self._app = app
        self._begin()

    async def _serve(self, begun: Callable[[], None], leaving: asyncio.Event) -> None:
        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            begun()
            yield

        self._app.router.lifespan_context = lifespan
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="on",
            http="httptools",
            ws="none",
            timeout_graceful_shutdown=self._grace_seconds,
            server_header=False,
        )
        server = uvicorn.Server(config)
        over = asyncio.create_task(_end_when(leaving, server))
        try:
            await server.serve(sockets=[self.socket])
        finally:
            over.cancel()


async def _end_when(leaving: asyncio.Event, server: uvicorn.Server) -> None:
    await leaving.wait()
    server.should_exit = True
