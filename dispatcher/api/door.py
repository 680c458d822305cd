"""Who comes in to the API, before a word of the body is read.

A request without a good key is answered here; one of more than a key may ask for, or too large, as
well. Every answer names its request, and every request is one line in the log: which key, which
route, what came of it; nothing of what was sent.
"""

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.access.keys import Key, key_with
from dispatcher.api.pace import Pace
from dispatcher.api.problems import Problem
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault

log = structlog.get_logger()

OPEN_PATHS = ("/openapi.json",)
# The most bytes of a body, by the beginning of the path.
LIMITS: Mapping[str, int] = {
    "/messages": 64 * 1024,
    "/campaigns": 16 * 1024 * 1024,
    "/uploads": 64 * 1024 * 1024,
}
MOST_BYTES = 1024 * 1024
REQUEST_ID = "x-request-id"
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BEARER = re.compile(r"bearer +(\S{1,200})", re.IGNORECASE)


class Door:
    """ASGI middleware of the API alone."""

    def __init__(self, app: ASGIApp, engine: Engine, pace: Pace) -> None:
        self._app, self._engine, self._pace = app, engine, pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        request_id = given if _PLAIN.fullmatch(given) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        began, status = time.monotonic(), 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            limit = await self._let_in(scope, headers, state)
            await self._app(scope, _bounded(receive, limit), send_named)
        except Problem as problem:
            await problem.answer(request_id)(scope, receive, send_named)
        except (LedgerAway, *LedgerFault) as error:
            log.error("ledger.away", kind=type(error).__name__)
            away = Problem("away", headers={"Retry-After": "10"})
            await away.answer(request_id)(scope, receive, send_named)
        except Exception as error:
            # A bug. What it says may hold personal data: only its kind is told, and only here.
            log.error("api.broken", kind=type(error).__name__, request=request_id)
            if not status:
                await Problem("broken").answer(request_id)(scope, receive, send_named)
        finally:
            key: Key | None = state.get("key")
            route = scope.get("route")
            log.info(
                "api.request",
                request=request_id,
                key=key.prefix if key else None,
                method=scope["method"],
                route=getattr(route, "path", None),
                status=status,
                milliseconds=round((time.monotonic() - began) * 1000),
            )

    async def _let_in(self, scope: Scope, headers: Headers, state: dict[str, Any]) -> int:
        """The most bytes that the body may have. Raises Problem."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN_PATHS:
            return 0
        bearer = _BEARER.fullmatch(headers.get("authorization", "").strip())
        key = (
            await run_in_threadpool(key_with, self._engine, bearer[1])
            if bearer is not None
            else None
        )
        if key is None:
            raise Problem("no-key", headers={"WWW-Authenticate": 'Bearer realm="dispatcher"'})
        state["key"] = key
        wait_seconds = self._pace.wait_seconds(key.id)
        if wait_seconds:
            raise Problem("too-many", headers={"Retry-After": str(wait_seconds)})
        limit = next((most for start, most in LIMITS.items() if path.startswith(start)), MOST_BYTES)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            raise Problem("too-large", f"At most {limit} bytes.")
        return limit


def _bounded(receive: Receive, most: int) -> Receive:
    """Reads no further than allowed, whatever Content-Length has said."""
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413)
        return message

    return receive_bounded
