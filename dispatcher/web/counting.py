"""How long each answer took to begin, for Prometheus."""

import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher import metrics

# Asked by machines, and answered from memory.
_UNCOUNTED = ("/health", "/ready", "/static/")


class Counting:
    """ASGI middleware. `doors`: who is answered, by the beginning of the path; others are staff."""

    def __init__(self, app: ASGIApp, doors: Mapping[str, str]) -> None:
        self._app, self._doors = app, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNCOUNTED):
            await self._app(scope, receive, send)
            return
        began, path = time.monotonic(), scope["path"]
        door = next((who for start, who in self._doors.items() if path.startswith(start)), "staff")

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.page_answered(door, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, send_counted)
