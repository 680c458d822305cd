"""The staff's screen as a part of a process: a server in a thread of its own."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

from dispatcher.engine import Engine
from dispatcher.web.app import application

START_SECONDS = 20.0
# Pages that stay open end with the process; what is being answered may finish.
GRACE_SECONDS = 4


class WebServer:
    """Made on a socket; `port` is known as soon as it is made."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_server((host, port), backlog=512)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host, self.port = host, self.socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._leaving = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self, engine: Engine) -> Self:
        """Answer requests; returns when it does."""
        ready = threading.Event()
        app = application(engine)
        self._leaving = app.state.leaving

        @contextlib.asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
            ready.set()
            yield

        app.router.lifespan_context = lifespan
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            http="httptools",
            ws="none",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
            date_header=True,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[self.socket])),
            name="web",
            daemon=True,
        )
        self._thread.start()
        ready.wait(START_SECONDS)
        return self

    @property
    def is_serving(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        if self._server is not None:
            self._leaving.set()
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(GRACE_SECONDS * 2)
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
