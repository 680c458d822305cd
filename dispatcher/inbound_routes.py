"""Where providers post what customers write to us by SMS."""

from collections.abc import Awaitable, Callable
from typing import cast

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from campaigns.channel import ChannelName
from channels.base import Forged, Payload, SmsChannel
from dispatcher import inbound
from dispatcher.engine import Engine

log = structlog.get_logger()

# Whatever else stood in the answer, Twilio would send to the customer.
SILENCE = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def inbound_routes(
    engine: Engine, read: Callable[[Engine, Request], Awaitable[Payload | Response]]
) -> list[Route]:
    """`read` makes a payload of a request, or the answer to one that nobody can read."""

    async def take(request: Request, name: str) -> Response | None:
        """What to answer when it could not be taken in."""
        providers = engine.channels.get(ChannelName.SMS)
        if providers is None or name not in providers:
            return PlainTextResponse("not found", status_code=404)
        payload = await read(engine, request)
        if isinstance(payload, Response):
            return payload
        try:
            message = cast(SmsChannel, providers[name]).inbound(payload)
            await run_in_threadpool(inbound.take_in, engine, name, message)
        except Forged:
            log.warning("inbound.forged", provider=name)
            return PlainTextResponse("forbidden", status_code=403)
        except ValueError:
            log.warning("inbound.unreadable", provider=name)
            return PlainTextResponse("unreadable", status_code=400)
        return None

    async def twilio(request: Request) -> Response:
        return await take(request, "twilio") or Response(SILENCE, media_type="text/xml")

    async def smsaero(request: Request) -> Response:
        # It does not sign: who knows the address is the provider, or was told by it.
        if not inbound.is_genuine(engine, "smsaero", request.path_params["token"]):
            log.warning("inbound.forged", provider="smsaero")
            return PlainTextResponse("forbidden", status_code=403)
        return await take(request, "smsaero") or PlainTextResponse("ok")

    return [
        Route("/twilio/inbound", twilio, methods=["POST"]),
        Route("/smsaero/inbound/{token}", smsaero, methods=["POST", "GET"]),
    ]
