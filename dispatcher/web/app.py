"""The application: every screen, and what stands before them."""

from collections.abc import Mapping, Sequence

import structlog
from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dispatcher.engine import Engine
from dispatcher.errors import DispatcherError, LedgerAway, NotFound
from dispatcher.ledger import LedgerFault
from dispatcher.readiness import Readiness
from dispatcher.web import entry, files, inquiries, scenarios, scenarios_editor, today
from dispatcher.web.rendering import render
from dispatcher.web.screens import Forbidden
from dispatcher.web.security import Guard
from dispatcher.web.visitor import Entrance
from templates.i18n import _

log = structlog.get_logger()

SCREENS: Sequence[APIRouter] = (
    entry.router,
    entry.screens,
    files.router,
    today.screens,
    inquiries.screens,
    scenarios.screens,
    scenarios_editor.screens,
)
# Requests that may be longer than a form, by the beginning of their path.
LIMITS: Mapping[str, int] = {"/audiences/upload": 64 * 1024 * 1024}
# Other programs call these.
FOREIGN = ("/api/",)


def application(engine: Engine) -> FastAPI:
    """The staff's screen over one engine."""
    app = FastAPI(
        title="Dispatcher",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(Guard, limits=dict(LIMITS), foreign=FOREIGN),
            Middleware(Entrance, engine=engine),
        ],
    )
    app.state.engine = engine
    readiness = Readiness(engine)

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def ready(_request: Request) -> Response:
        trouble = await run_in_threadpool(readiness.trouble)
        return PlainTextResponse("not ready" if trouble else "ok", 503 if trouble else 200)

    app.add_route("/health", health)
    app.add_route("/ready", ready)
    for router in SCREENS:
        app.include_router(router)
    for kind in (DispatcherError, Forbidden, HTTPException, LedgerAway, *LedgerFault):
        app.add_exception_handler(kind, trouble)
    app.add_exception_handler(Exception, broken)
    return app


async def trouble(request: Request, error: Exception) -> Response:
    """What a person can do about it, in words; on a page, or in the notice of the page that is
    there."""
    headers: dict[str, str] = {}
    match error:
        case _ if isinstance(error, (LedgerAway, *LedgerFault)):
            log.error("ledger.away", kind=type(error).__name__)
            status, title = 503, _("The ledger does not answer. Try again in a minute.")
            headers["Retry-After"] = "60"
        case Forbidden():
            status, title = 403, error.why
        case NotFound():
            status, title = 404, str(error)
        case DispatcherError():
            status, title = 422, str(error)
        case HTTPException():
            status, title = error.status_code, _word_for(error.status_code)
        case _:
            raise error
    return _told(request, status, title, headers)


async def broken(request: Request, error: Exception) -> Response:
    """A bug. What it says may hold personal data: it goes nowhere but its kind into the log."""
    log.error("page.broken", path=request.scope.get("path", ""), kind=type(error).__name__)
    return _told(
        request, 500, _("Something went wrong here. It has been noted; please try again."), {}
    )


def _told(request: Request, status: int, title: str, headers: Mapping[str, str]) -> Response:
    if not hasattr(request.state, "visitor"):
        return PlainTextResponse(title, status)
    if request.headers.get("hx-request"):
        headers = {**headers, "HX-Retarget": "#notices", "HX-Reswap": "innerHTML"}
        return render(request, "notice.html", status, headers=headers, words=title, bad=True)
    return render(request, "trouble.html", status, headers=headers, words=title, status_code=status)


def _word_for(status: int) -> str:
    match status:
        case 404:
            return _("There is no such page.")
        case 405:
            return _("This cannot be done here.")
        case 413:
            return _("This is too large.")
    return _("This request cannot be understood.")
