"""Where providers post what customers write to us by SMS."""

from collections.abc import Sequence
from typing import Protocol, cast

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from campaigns.channel import ChannelName
from channels.base import Forged, Inbound, Payload, SmsChannel, Unread
from dispatcher import inbound, unread
from dispatcher.engine import Engine

log = structlog.get_logger()

# Whatever else stood in the answer, Twilio would send to the customer.
SILENCE = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class Read(Protocol):
    """Makes a payload of a request, or the answer to one that nobody can read."""

    async def __call__(
        self, engine: Engine, request: Request, *, lenient: bool = False
    ) -> Payload | Response: ...


def inbound_routes(engine: Engine, read: Read) -> list[Route]:
    """A genuine request is answered with 200 whatever stands in it: what cannot be read is kept for
    staff, and to have it posted again would not make it any clearer."""

    async def take(request: Request, name: str) -> Response | None:
        """What to answer when it could not be taken in."""
        providers = engine.channels.get(ChannelName.SMS)
        if providers is None or name not in providers:
            return PlainTextResponse("not found", status_code=404)
        payload = await read(engine, request, lenient=True)
        if isinstance(payload, Response):
            return payload
        try:
            messages = cast(SmsChannel, providers[name]).inbound(payload)
        except Forged:
            log.warning("inbound.forged", provider=name)
            return PlainTextResponse("forbidden", status_code=403)
        await run_in_threadpool(_take_in, engine, name, messages)
        return None

    async def twilio(request: Request) -> Response:
        return await take(request, "twilio") or Response(SILENCE, media_type="text/xml")

    async def smsaero(request: Request) -> Response:
        # It does not sign: who knows the address is the provider, or was told by it.
        if not inbound.is_genuine(engine, "smsaero", request.path_params["token"]):
            log.warning("inbound.forged", provider="smsaero")
            return PlainTextResponse("forbidden", status_code=403)
        if request.method == "HEAD":  # a program that looks whether the address exists
            return PlainTextResponse("ok")
        return await take(request, "smsaero") or PlainTextResponse("ok")

    return [
        Route("/twilio/inbound", twilio, methods=["POST"]),
        Route("/smsaero/inbound/{token}", smsaero, methods=["POST", "GET"]),
    ]


def _take_in(engine: Engine, provider: str, messages: Sequence[Inbound | Unread]) -> None:
    """One after the other; where it breaks off, the provider posts them all again."""
    for message in messages:
        if isinstance(message, Unread):
            unread.keep(engine, provider, message)
        else:
            inbound.take_in(engine, provider, message)
