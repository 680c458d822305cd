"""The HTTP endpoint that the outside calls: receipts, links of letters, unsubscribing,
the form of the site.

Everything here is hostile until checked. Answers tell nothing about what exists: a forged token
and an old one look alike.
"""

import asyncio
import json
import threading
from collections.abc import Mapping
from html import escape
from typing import Self
from urllib.parse import parse_qsl

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from campaigns.channel import ChannelName
from channels.base import Forged, Payload, Receipt, SaysNothing
from dispatcher import conversation, receipts
from dispatcher.engine import Engine
from dispatcher.form.routes import form_routes
from dispatcher.http_server import HttpServer
from dispatcher.inbound_routes import inbound_routes
from dispatcher.readiness import Readiness
from dispatcher.receipts import Refused
from dispatcher.sound_shelf import DIGEST, SoundShelf
from templates.i18n import _

log = structlog.get_logger()

MAX_BODY_BYTES = 64 * 1024


class TooLarge(Exception):
    """A body longer than any provider sends."""


# A caller who waits in silence for longer takes the line for dead.
PATIENCE_SECONDS = 2.0
# What is being answered when the process ends may take so long.
GRACE_SECONDS = 5


def application(engine: Engine, *, patience_seconds: float = PATIENCE_SECONDS) -> Starlette:
    """The endpoint's routes over one engine."""
    calls = _Calls(engine, patience_seconds)
    shelf = SoundShelf(engine.ledger)
    readiness = Readiness(engine)

    async def provider(request: Request, channel: ChannelName, name: str, kind: str) -> Response:
        if channel not in engine.channels or name not in engine.channels[channel]:
            return PlainTextResponse("not found", status_code=404)
        payload = await _payload(engine, request)
        if isinstance(payload, Response):
            return payload
        try:
            receipt = engine.channels[channel][name].receipt(payload)
        except Forged:
            log.warning("receipt.forged", channel=channel.value)
            return PlainTextResponse("forbidden", status_code=403)
        except SaysNothing as nothing:
            return await _says_nothing(engine, channel, name, nothing.token, payload)
        if receipt.token is not None and not receipts.is_genuine(engine, receipt.token):
            log.warning("receipt.forged", channel=channel.value)
            return PlainTextResponse("forbidden", status_code=403)
        told = {"kind": kind, **payload.form}
        reply = receipt.reply
        if receipt.stage in conversation.STAGES:
            reply = await calls.words(name, receipt, told)
        else:
            await run_in_threadpool(receipts.take, engine, channel, name, receipt, told)
        kind_of_reply = "text/xml" if reply.startswith("<") else "text/plain"
        return Response(reply, media_type=kind_of_reply)

    async def twilio(request: Request) -> Response:
        return await provider(request, ChannelName.PHONE, "twilio", request.path_params["kind"])

    async def twilio_sms(request: Request) -> Response:
        return await provider(request, ChannelName.SMS, "twilio", "receipt")

    async def smsaero(request: Request) -> Response:
        return await provider(request, ChannelName.SMS, "smsaero", "receipt")

    async def link(request: Request) -> Response:
        # A HEAD comes from programs that look whether the address exists.
        if request.method == "GET":
            await run_in_threadpool(receipts.follow_link, engine, request.path_params["token"])
        return RedirectResponse(engine.settings.company_site, status_code=302)

    async def ask_unsubscribe(_request: Request) -> Response:
        # Scanners of mail follow every link: only a POST unsubscribes.
        button = escape(_("Yes, no more letters of this kind"))
        form = f'<form method="post"><button>{button}</button></form>'
        return _page(_("Stop these letters?"), form)

    async def unsubscribe(request: Request) -> Response:
        told = await run_in_threadpool(receipts.unsubscribe, engine, request.path_params["token"])
        if told is Refused.HEARD:
            return _page(_("Done: these letters will not come any more."), "")
        phone = f"<p>{escape(engine.settings.company_phone)}</p>"
        if told is Refused.ERASED:
            title = _("The address of this letter has been erased. If more come, please call us:")
            return _page(title, phone, status_code=410)
        return _page(_("This link is damaged. Please call us:"), phone, status_code=404)

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def ready(_request: Request) -> Response:
        # A balancer asks; which part is missing is nobody's business out there.
        trouble = await run_in_threadpool(readiness.trouble)
        return PlainTextResponse("not ready" if trouble else "ok", 503 if trouble else 200)

    async def sound(request: Request) -> Response:
        return await _sound(shelf, request.path_params["digest"])

    return Starlette(
        routes=[
            Route("/twilio/sms/{token}", twilio_sms, methods=["POST"]),
            *inbound_routes(engine, _payload),
            *form_routes(engine, _payload),
            Route("/twilio/{kind}/{token}", twilio, methods=["POST"]),
            Route("/smsaero/{token}", smsaero, methods=["POST", "GET"]),
            Route("/link/{token}", link, methods=["GET"]),
            Route("/unsubscribe/{token}", ask_unsubscribe, methods=["GET"]),
            Route("/unsubscribe/{token}", unsubscribe, methods=["POST"]),
            Route("/sound/{digest}.wav", sound, methods=["GET"]),
            Route("/health", health, methods=["GET"]),
            Route("/ready", ready, methods=["GET"]),
        ]
    )


class _Calls:
    """Calls in progress that wait for words."""

    def __init__(self, engine: Engine, patience_seconds: float) -> None:
        self._engine, self._patience_seconds = engine, patience_seconds
        self._late: set[asyncio.Task[str]] = set()  # nobody else holds them

    async def words(self, provider: str, receipt: Receipt, told: Mapping[str, str]) -> str:
        """What a call is told next, in time. Where the ledger is too slow, a call that has just
        been answered is put off for a moment, a later one hears the farewell.

        What the customer said is written down all the same, however long that takes. An error is
        never passed on: Twilio would read it out to the customer, and would not ask again.
        """
        gone = threading.Event()
        task = asyncio.ensure_future(
            run_in_threadpool(
                conversation.converse,
                self._engine,
                provider,
                receipt,
                told,
                lambda: not gone.is_set(),
            )
        )
        self._late.add(task)
        task.add_done_callback(self._written)
        done, _waiting = await asyncio.wait([task], timeout=self._patience_seconds)
        if not done:
            gone.set()
            log.warning("conversation.late", stage=receipt.stage)
        if done and task.exception() is None:
            return task.result()
        return receipt.late_reply or receipt.reply

    def _written(self, task: asyncio.Task[str]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("conversation.broken", exc_info=error)


async def _says_nothing(
    engine: Engine, channel: ChannelName, provider: str, token: str, payload: Payload
) -> Response:
    """A receipt without a status: kept, and nothing is changed by it."""
    if not receipts.is_genuine(engine, token):
        log.warning("receipt.forged", channel=channel.value)
        return PlainTextResponse("forbidden", status_code=403)
    told = {"kind": "receipt", **payload.form}
    await run_in_threadpool(receipts.keep_unreadable, engine, channel, provider, token, told)
    return PlainTextResponse("unreadable", status_code=400)


async def _sound(shelf: SoundShelf, digest: str) -> Response:
    """A recorded sound; its address names its content, so that it may be kept for ever."""
    content = None
    if DIGEST.fullmatch(digest):
        content = shelf.at_hand(digest) or await run_in_threadpool(shelf.fetch, digest)
    if content is None:
        return PlainTextResponse("not found", status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type="audio/wav", headers=headers)


async def _payload(
    engine: Engine, request: Request, *, lenient: bool = False
) -> Payload | Response:
    """The request as a provider's module reads it, or what to answer to one that nobody can.

    `lenient`: one that cannot be taken apart here is handed on whole.
    """
    try:
        body = await _body(request)
    except TooLarge:
        return PlainTextResponse("too large", status_code=413)
    except ClientDisconnect:
        return PlainTextResponse("unreadable", status_code=400)
    try:
        form = _form(request, body)
    except (ValueError, RecursionError):
        if not lenient:
            return PlainTextResponse("unreadable", status_code=400)
        form = {}
    # The provider signed the address that it was told, whatever proxies made of it since.
    query = f"?{request.url.query}" if request.url.query else ""
    return Payload(
        url=f"{engine.receipts_url}{request.url.path}{query}",
        form=form,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )


async def _body(request: Request) -> bytes:
    """Raises TooLarge before reading on."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge
    return bytes(body)


def _form(request: Request, body: bytes) -> Mapping[str, str]:
    """Form fields or flat JSON; raises ValueError for anything else."""
    text = body.decode("utf-8")
    if "json" in request.headers.get("content-type", ""):
        fields = json.loads(text or "{}")
        if not isinstance(fields, dict):
            raise ValueError("an object is expected")
        return {
            str(name): value if isinstance(value, str) else json.dumps(value)
            for name, value in fields.items()
        }
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=200)
    return dict(pairs) if pairs else dict(request.query_params)


def _page(title: str, body: str, status_code: int = 200) -> HTMLResponse:
    return HTMLResponse(
        "<!doctype html><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width"><meta name=robots content=noindex>'
        f"<title>{escape(title)}</title>"
        "<style>body{font:1.1rem/1.5 system-ui,sans-serif;margin:15vh auto;max-width:30rem;"
        "padding:0 1rem}button{font:inherit;padding:.6rem 1.2rem}</style>"
        f"<h1>{escape(title)}</h1>{body}",
        status_code=status_code,
        headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"},
    )


class Endpoint(HttpServer):
    """The endpoint in a thread of its own. `port` is known as soon as it is made."""

    def __init__(self, host: str, port: int, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        super().__init__("endpoint", host, port, grace_seconds=GRACE_SECONDS)
        self._patience_seconds = patience_seconds

    def start(self, engine: Engine) -> Self:
        """Answer requests; returns when it does."""
        self._answer(application(engine, patience_seconds=self._patience_seconds))
        return self
