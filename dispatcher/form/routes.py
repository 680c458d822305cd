"""The form of the site: a page of ours, and where pages and programs of others post it.

There is no session and no cookie, and nothing is done in anybody's name: whoever makes somebody
else's browser post a form could as well post it. So there is nothing for a CSRF token to protect,
and a site's own page could not have one. What a form could be misused for is met by limits: to
fill up the register (forms of one visitor, of everybody), and to fill a mailbox (answers to one
address).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import anyio
import structlog
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from campaigns.inquiry.reply_to import likenesses
from channels.base import Payload
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.form.fields import (
    TRAP,
    WHOLE,
    Form,
    Mistakes,
    Unreadable,
    checked,
    read_fields,
    typed,
)
from dispatcher.form.page import Thanks, form_page, style_digest, thanks_page
from dispatcher.form.taking_in import DAY, pretend, take_in
from dispatcher.form.visits import Visits, visitor_of
from dispatcher.inbound_routes import Read
from dispatcher.inquiries.house import house_of
from dispatcher.ledger import LedgerFault
from templates.i18n import LANGUAGES, _, current_language, speaking

log = structlog.get_logger()

# Of everybody together within an hour. On the day of a large outage thousands write to us.
MOST_FORMS_PER_HOUR = 3000
# Forms that wait for the ledger must not keep receipts of providers from their threads.
MOST_AT_ONCE = 4
PREFLIGHT_HOLDS_SECONDS = 3600


def form_routes(engine: Engine, read: Read) -> list[Route]:
    """`read` takes the body of a request, or refuses one that is too long."""
    door = _Door(engine, read)
    return [Route("/form", door.answer, methods=["GET", "POST", "OPTIONS"])]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a form is not taken, and what the visitor is told."""

    status: int
    mistakes: Mistakes
    wait: timedelta = timedelta()


class _Door:
    """What stands between visitors and the register."""

    def __init__(self, engine: Engine, read: Read) -> None:
        self._engine, self._read = engine, read
        self._visitors = Visits(engine.settings.form_per_hour)
        self._everybody = Visits(MOST_FORMS_PER_HOUR)
        self._mailboxes = Visits(engine.settings.robot_answers_per_day, DAY)
        self._turns = anyio.CapacityLimiter(MOST_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        language = request.query_params.get("lang", "")
        with speaking(language if language in LANGUAGES else "ru"):
            if request.method == "OPTIONS":
                response = Response(status_code=204)
            elif request.method == "POST":
                response = await self._post(request)
            else:
                response = self._page(form_page(self._engine, {}, {}))
        response.headers.update(self._headers(request))
        return response

    async def _post(self, request: Request) -> Response:
        fields: Mapping[str, object] = {}
        try:
            fields = await self._fields(request)
            told = await self._take(request, fields)
        except Unreadable as error:
            told = _Refusal(error.status, {WHOLE: _told_of(error.status)})
        if isinstance(told, Thanks):
            return self._thank(request, told)
        return self._refuse(request, fields, told)

    async def _fields(self, request: Request) -> Mapping[str, object]:
        """Raises Unreadable."""
        payload = await self._read(self._engine, request, lenient=True)
        if not isinstance(payload, Payload):
            raise Unreadable(payload.status_code)
        return read_fields(request.headers.get("content-type", ""), payload.body)

    async def _take(self, request: Request, fields: Mapping[str, object]) -> Thanks | _Refusal:
        form = checked(
            fields,
            self._engine.inquiry_rules.account_pattern,
            ours=likenesses(house_of(self._engine).addresses),
            asks_consent=bool(self._engine.settings.form_policy_url),
        )
        if not isinstance(form, Form):
            return _Refusal(422, form)
        visitor = visitor_of(request.client.host if request.client else None)
        now = self._engine.clock.now()
        wait = self._visitors.admit(visitor, now) or self._everybody.admit("", now)
        if wait:
            log.warning("form.limited", seconds=int(wait.total_seconds()))
            return _Refusal(429, {WHOLE: _told_of(429)}, wait)
        may_write = not self._mailboxes.admit(_without_tag(form.email), now)
        act = pretend if fields.get(TRAP) else partial(take_in, may_write=may_write)
        act = partial(act, self._engine, form, current_language())
        try:
            return await to_thread.run_sync(act, limiter=self._turns)
        except (LedgerAway, *LedgerFault) as error:
            log.error("form.ledger_away", kind=type(error).__name__)
            return _Refusal(503, {WHOLE: _told_of(503)}, timedelta(minutes=1))

    def _thank(self, request: Request, thanks: Thanks) -> Response:
        if _wants_json(request):
            return JSONResponse(
                {"number": thanks.number, "respond_on": thanks.respond_on.isoformat()}
            )
        return self._page(thanks_page(self._engine, thanks))

    def _refuse(
        self, request: Request, fields: Mapping[str, object], refusal: _Refusal
    ) -> Response:
        if _wants_json(request):
            response: Response = _problem(refusal)
        else:
            page = form_page(self._engine, typed(fields), refusal.mistakes)
            response = self._page(page, refusal.status)
        if refusal.wait:
            response.headers["Retry-After"] = str(max(int(refusal.wait.total_seconds()), 1))
        return response

    def _page(self, page: str, status: int = 200) -> Response:
        frames = " ".join(self._engine.settings.form_origins) or "'none'"
        policy = (
            f"default-src 'none'; style-src '{style_digest()}'; form-action 'self'; "
            f"base-uri 'none'; frame-ancestors {frames}"
        )
        return HTMLResponse(page, status, headers={"Content-Security-Policy": policy})

    def _headers(self, request: Request) -> Mapping[str, str]:
        headers = {
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Origin, Accept",
        }
        origin = request.headers.get("origin", "").lower()
        if origin not in self._engine.settings.form_origins:
            return headers
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "Retry-After"
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = "POST"
            headers["Access-Control-Allow-Headers"] = "Content-Type"
            headers["Access-Control-Max-Age"] = str(PREFLIGHT_HOLDS_SECONDS)
        return headers


def _without_tag(address: str) -> str:
    """The mailbox behind an address: `name+anything@` ends up in `name@`. The register counts
    answers by the whole address; without this, one mailbox would have any number of them."""
    local, _at, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def _told_of(status: int) -> str:
    """What a visitor can do about it."""
    match status:
        case 413:
            return _("This is too much for a form: please shorten the text.")
        case 415:
            return _("The form takes text only: files can be sent to us by e-mail.")
        case 429:
            return _("Too many inquiries have come from your address. Please try again later.")
        case 503:
            return _("We cannot take your inquiry just now. Please try again in a minute.")
    return _("The form arrived damaged. Please fill it in again.")


def _problem(refusal: _Refusal) -> Response:
    """RFC 9457."""
    errors = dict(refusal.mistakes)
    told = {
        "type": "about:blank",
        "title": errors.pop(WHOLE, "") or _("Your inquiry has not been sent yet"),
        "status": refusal.status,
        "errors": errors,
    }
    return Response(
        json.dumps(told, ensure_ascii=False),
        refusal.status,
        media_type="application/problem+json",
    )


def _wants_json(request: Request) -> bool:
    """What Accept names first, a page or JSON; where it names neither, what was posted."""
    accept = request.headers.get("accept", "").lower()
    page, program = accept.find("text/html"), accept.find("json")
    if page < 0 and program < 0:
        return "json" in request.headers.get("content-type", "").lower()
    return page < 0 or 0 <= program < page
