"""What a person is told when something is wrong, and nothing that was not meant for them."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.errors import Busy, DispatcherError, LedgerAway, NotFound
from dispatcher.ledger import LedgerFault
from dispatcher.web.rendering import render
from dispatcher.web.screens import Forbidden
from dispatcher.web.visitor import Visitor
from templates.i18n import _, speaking

log = structlog.get_logger()

# What `trouble` has words for.
TOLD = (
    DispatcherError,
    Forbidden,
    HTTPException,
    RequestValidationError,
    OverflowError,
    LedgerAway,
    *LedgerFault,
)
_OURS = Path(__file__).parents[2]


class LastResort:
    """ASGI middleware: what nobody has caught ends here, also what goes wrong before any page is
    asked. A bug's own words may hold personal data: they go nowhere, neither to the visitor nor
    into a log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            request = Request(scope, receive)
            visitor: Visitor | None = getattr(request.state, "visitor", None)
            with speaking(visitor.language if visitor else ""):
                answer = await _last_words(request, error)
            if not has_begun:
                await answer(scope, receive, send)


async def trouble(request: Request, error: Exception) -> Response:
    """What a person can do about it, in words; on a page, or in the notice of the page that is
    there."""
    headers: dict[str, str] = {}
    match error:
        case _ if isinstance(error, (LedgerAway, *LedgerFault)):
            log.error("ledger.away", kind=type(error).__name__)
            status, title = 503, _("The ledger does not answer. Try again in a minute.")
            headers["Retry-After"] = "60"
        case Busy():
            status, title = 503, str(error)
            headers["Retry-After"] = "30"
        case Forbidden():
            status, title = 403, error.why
        case NotFound():
            status, title = 404, str(error)
        case OverflowError():  # a number of an address that no row can have
            status, title = 404, _("There is no such page.")
        case DispatcherError():
            status, title = 422, str(error)
        case HTTPException():
            status, title = error.status_code, _word_for(error.status_code)
        case RequestValidationError():
            # What it says would repeat what was typed.
            is_path = any(one["loc"][:1] == ("path",) for one in error.errors())
            status = 404 if is_path else 422
            title = _word_for(status)
        case _:
            raise error
    return _told(request, status, title, headers)


async def _last_words(request: Request, error: Exception) -> Response:
    if isinstance(error, TOLD):
        return await trouble(request, error)
    # Not the path, which may hold a token, but that of the route.
    route = getattr(request.scope.get("route"), "path", "")
    where = _where(error.__traceback__)
    log.error("page.broken", route=route, kind=type(error).__name__, where=where)
    words = _("Something went wrong here. It has been noted; please try again.")
    return _told(request, 500, words, {})


def _where(trace: TracebackType | None) -> str:
    """The last line of our own code that an error came through."""
    found = ""
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_OURS) and "site-packages" not in path.parts:
            found = f"{path.relative_to(_OURS)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _told(request: Request, status: int, title: str, headers: Mapping[str, str]) -> Response:
    if not hasattr(request.state, "visitor"):
        return PlainTextResponse(title, status, headers=dict(headers))
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
