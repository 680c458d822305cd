"""What goes with every answer, and what comes in with no request: before any page is asked.

A page may load nothing but our own files, run no script but ours, be framed by nobody, and post to
nobody else. A request that changes something comes from a page of ours: browsers say so themselves
(`Sec-Fetch-Site`, `Origin`), and the form carries the session's token besides.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; media-src 'self' blob:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; frame-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# Paths that hold a token: no page tells another one which it is. Not by `no-referrer`: with that,
# browsers say of the page's own form that it comes from `null`, and it would seem to be foreign.
SECRET_PATHS = ("/invitation/",)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LENGTH = re.compile(r"[0-9]{1,15}")
# A form of ours; files have an address of their own with a limit of their own.
MOST_BYTES = 1024 * 1024


# No row of the ledger has a higher number.
LARGEST_ID = 2**31 - 1


def _numbers(path: str) -> list[str]:
    return [word for word in path.split("/") if word.isascii() and word.isdigit()]


class Guard:
    """ASGI middleware: headers on every answer, limits and origin on every request.

    `limits`: the most bytes of a body, by the beginning of the path; `foreign`: beginnings of paths
    that other programs call, which are no browsers and send no origin; `tls`: browsers come to us
    by https, whatever the proxy before us tells.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Mapping[str, int],
        foreign: tuple[str, ...],
        *,
        tls: bool = False,
    ) -> None:
        self._app, self._limits, self._foreign, self._tls = app, limits, foreign, tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._tls:
            scope["scheme"] = "https"
        headers = Headers(scope=scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if scope["path"].startswith(SECRET_PATHS):
                    answer.setdefault("Referrer-Policy", "strict-origin")
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                if is_secure(scope):
                    answer.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, _bounded(receive, self._limit(scope["path"])), send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        if any(len(word) > 9 and int(word[:20]) > LARGEST_ID for word in _numbers(scope["path"])):
            return PlainTextResponse("not found", 404)
        length = headers.get("content-length", "0")
        if not _LENGTH.fullmatch(length) or int(length) > self._limit(scope["path"]):
            return PlainTextResponse("too large", 413)
        if scope["method"] in SAFE_METHODS or scope["path"].startswith(self._foreign):
            return None
        return None if comes_from_us(headers) else PlainTextResponse("not from here", 403)

    def _limit(self, path: str) -> int:
        fitting = [prefix for prefix in self._limits if path.startswith(prefix)]
        return self._limits[max(fitting, key=len)] if fitting else MOST_BYTES


def comes_from_us(headers: Headers) -> bool:
    """Whether a page of this very site has sent it, as far as the browser says."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True  # an old browser, or a program: the form's token decides
    return urlsplit(origin).netloc == headers.get("host", "")


def is_secure(scope: Scope) -> bool:
    """Whether the browser speaks TLS, with us or with the proxy before us: DISPATCHER_WEB_URL says
    so, or a proxy that uvicorn believes (on this machine, or in FORWARDED_ALLOW_IPS)."""
    return bool(scope.get("scheme") == "https")


def _bounded(receive: Receive, most: int) -> Callable[[], Awaitable[MutableMapping[str, Any]]]:
    """Reads on no further than allowed, whatever Content-Length has said."""
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            # Whoever sends more than announced is no browser of ours: the rest is not read.
            return {"type": "http.disconnect"}
        return message

    return receive_bounded
