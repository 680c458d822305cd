"""Who asks: the session behind a request, and whether anybody may ask this at all.

Everything is private but what PUBLIC lists; a page says besides which right it needs (`screens`).
"""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dispatcher.access.entering import SESSION_LASTS, csrf_token, person_with
from dispatcher.access.roles import Person
from dispatcher.engine import Engine
from dispatcher.web.security import is_secure
from templates.i18n import LANGUAGES, speaking

# What needs no session: these paths, and all that begin so. `/api/` asks for a key instead.
PUBLIC = frozenset({"/login", "/language", "/health", "/ready"})
PUBLIC_UNDER = ("/invitation/", "/static/", "/api/")
_COOKIE = "session"
_DEVICE_COOKIE = "device"
_YEAR_SECONDS = 31_536_000
_LANGUAGE_COOKIE = "language"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever sent a request. `person` and `token` are None for somebody who has not come in."""

    person: Person | None
    token: str | None
    language: str

    @property
    def csrf(self) -> str:
        return csrf_token(self.token) if self.token else ""


class Entrance:
    """ASGI middleware: finds the visitor, speaks their language, and lets nobody further in who
    has no session; before a word of the body is read."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app, self._engine = app, engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        token = request.cookies.get(cookie_name(scope))
        person = await self._person(scope, token) if token else None
        language = person.language if person else _language(request, self._engine)
        visitor = Visitor(person, token if person else None, language)
        scope.setdefault("state", {})["visitor"] = visitor
        with speaking(language):
            if person is None and not is_public(scope["path"]):
                await _to_log_in(scope)(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _person(self, scope: Scope, token: str) -> Person | None:
        """Whose session it is. What htmx fetches on its own does not keep one open."""
        by_itself = scope["method"] == "GET" and "hx-request" in Headers(scope=scope)
        return await run_in_threadpool(person_with, self._engine, token, by_itself=by_itself)


def is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith(PUBLIC_UNDER)


def visitor_of(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


def remember(response: Response, request: Request, token: str) -> None:
    """Give the browser a session."""
    response.set_cookie(
        cookie_name(request.scope),
        token,
        max_age=int(SESSION_LASTS.total_seconds()),
        httponly=True,
        secure=is_secure(request.scope),
        samesite="lax",
    )


def forget(response: Response, request: Request) -> None:
    response.delete_cookie(
        cookie_name(request.scope), httponly=True, secure=is_secure(request.scope), samesite="lax"
    )


def device_of(request: Request) -> str:
    """What this browser remembers of a log-in before; anything may stand in it."""
    return request.cookies.get(_DEVICE_COOKIE, "")[:200]


def remember_device(response: Response, request: Request, device: str) -> None:
    """For the log-in alone: that somebody has come in by this browser before."""
    response.set_cookie(
        _DEVICE_COOKIE,
        device,
        max_age=_YEAR_SECONDS,
        path="/login",
        httponly=True,
        secure=is_secure(request.scope),
        samesite="lax",
    )


def remember_language(response: Response, request: Request, language: str) -> None:
    """For pages before the log-in."""
    response.set_cookie(
        _LANGUAGE_COOKIE,
        language,
        max_age=_YEAR_SECONDS,
        httponly=True,
        secure=is_secure(request.scope),
        samesite="lax",
    )


def cookie_name(scope: Scope) -> str:
    """Over TLS a name that a browser takes from this very host alone."""
    return f"__Host-{_COOKIE}" if is_secure(scope) else _COOKIE


def _language(request: HTTPConnection, engine: Engine) -> str:
    chosen = request.cookies.get(_LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else engine.settings.language


def _to_log_in(scope: Scope) -> Response:
    """To the log-in and, after it, back to the page that was asked for."""
    headers = Headers(scope=scope)
    if headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    if scope["method"] not in ("GET", "HEAD") or scope["path"] == "/":
        return RedirectResponse("/login", 303)
    if headers.get("accept", "").startswith("text/event-stream"):
        return Response(status_code=401)
    wanted = scope["path"]
    if scope["query_string"]:
        wanted += "?" + scope["query_string"].decode("latin-1")
    return RedirectResponse(f"/login?next={quote(wanted, safe='')}", 303)
