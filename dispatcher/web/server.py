"""The staff's screen as a part of a process: a server in a thread of its own."""

import threading
from typing import Self

from dispatcher.engine import Engine
from dispatcher.http_server import HttpServer
from dispatcher.web.app import application

# Pages that stay open end with the process; what is being answered may finish.
GRACE_SECONDS = 4


class WebServer(HttpServer):
    """Made on a socket; `port` is known as soon as it is made."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__("web", host, port, grace_seconds=GRACE_SECONDS)
        self._watched_ends = threading.Event()

    def start(self, engine: Engine) -> Self:
        """Answer requests; returns when it does."""
        app = application(engine)
        self._watched_ends = app.state.leaving
        self._answer(app)
        return self

    def stop(self) -> None:
        self._watched_ends.set()
        super().stop()
