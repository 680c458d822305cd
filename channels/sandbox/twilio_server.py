"""The telephone exchange of the sandbox: Twilio's REST API 2010-04-01 for calls."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns.channel import ChannelName
from channels.sandbox.customers import Customers
from channels.sandbox.http_server import bad_gateway, drop, hold
from channels.sandbox.patterns import Fate
from channels.sandbox.twilio_call import Call
from channels.sandbox.twilio_call_request import mistake_in, read_request, text_in
from channels.sandbox.twilio_call_resource import resource_of
from channels.sandbox.twilio_messages import MessageDesk
from channels.sandbox.twilio_rest import API, Account, error, not_found, on_days, page_of
from channels.sandbox.world import HOLD_SECONDS, RETRY_AFTER_SECONDS, Contact, World


class TwilioServer:
    """Places calls, shows them, and changes or ends those in progress."""

    def __init__(
        self, world: World, closing: asyncio.Event, account: Account, customers: Customers
    ) -> None:
        self._world = world
        self._closing = closing
        self._account = account
        self._calls: dict[str, Call] = {}
        self._messages = MessageDesk(world, closing, account, customers)

    def routes(self) -> list[BaseRoute]:
        base = f"{API}/Accounts/{{account}}"
        desk = self._messages
        endpoints = [
            (f"{base}.json", self._show_account, "GET"),
            (f"{base}/Balance.json", self._show_balance, "GET"),
            (f"{base}/Calls.json", self._create, "POST"),
            (f"{base}/Calls.json", self._list, "GET"),
            (f"{base}/Calls/{{sid}}.json", self._fetch, "GET"),
            (f"{base}/Calls/{{sid}}.json", self._update, "POST"),
            (f"{base}/Calls/{{sid}}.json", self._delete, "DELETE"),
            (f"{base}/Messages.json", desk.create, "POST"),
            (f"{base}/Messages.json", desk.list, "GET"),
            (f"{base}/Messages/{{sid}}.json", desk.fetch, "GET"),
        ]
        return [Route(path, endpoint, methods=[method]) for path, endpoint, method in endpoints]

    def _turned_away(self, request: Request) -> Response | None:
        if not self._account.admits(request):
            return error(401, 20003, "Authenticate")
        return None if request.path_params["account"] == self._account.sid else not_found(request)

    async def _show_account(self, request: Request) -> Response:
        return self._turned_away(request) or JSONResponse(
            {
                "sid": self._account.sid,
                "friendly_name": "Dispatcher sandbox",
                "status": "active",
                "type": "Full",
                "owner_account_sid": self._account.sid,
                "uri": request.url.path,
            }
        )

    async def _show_balance(self, request: Request) -> Response:
        return self._turned_away(request) or JSONResponse(
            {"account_sid": self._account.sid, "balance": "1000.00", "currency": "USD"}
        )

    async def _create(self, request: Request) -> Response:
        away = self._turned_away(request)
        if away is not None:
            return away
        form = await request.form()
        mistake = mistake_in(form)
        if mistake is not None:
            return mistake
        asked = read_request(form)
        contact = self._world.contact(ChannelName.PHONE, asked.to)
        refusal = self._refusal(contact)
        if refusal is not None:
            self._world.refused += 1
            return refusal
        sid = contact.dice.sid("CA")
        placed_at = self._world.take(contact, sid)
        call = self._calls[sid] = Call(self._world, self._account, contact, sid, asked, placed_at)
        call.begin()
        if contact.fate is Fate.DROP_AFTER_ACCEPT:
            return await drop(request)
        if contact.fate is Fate.TIMEOUT_AFTER_ACCEPT:
            return await hold(request, self._closing, HOLD_SECONDS)
        return JSONResponse(resource_of(call), status_code=201)

    def _refusal(self, contact: Contact) -> Response | None:
        """What a call that is not placed is answered with."""
        match contact.fate:
            case Fate.BAD_NUMBER:
                return error(400, 21211, "The 'To' number is not a valid phone number")
            case Fate.REJECTED:
                return error(400, 21610, "The recipient does not want to be contacted")
            case Fate.THROTTLED:
                wait = {"Retry-After": str(RETRY_AFTER_SECONDS)}
                return error(429, 20429, "Too Many Requests", wait)
            case Fate.HTML_502:
                return bad_gateway()
            case _:
                return None

    async def _list(self, request: Request) -> Response:
        away = self._turned_away(request)
        if away is not None:
            return away
        asked = request.query_params
        found = [
            call
            for call in self._calls.values()
            if asked.get("To") in {None, call.asked.to}
            and asked.get("From") in {None, call.asked.from_}
            and asked.get("Status") in {None, call.status}
            and on_days(request, "StartTime", call.created_at)
        ]
        found.sort(key=lambda call: (call.created_at, call.sid), reverse=True)
        return page_of(request, "calls", found, resource_of)

    async def _fetch(self, request: Request) -> Response:
        away = self._turned_away(request)
        call = self._calls.get(request.path_params["sid"])
        return away or (JSONResponse(resource_of(call)) if call else not_found(request))

    async def _update(self, request: Request) -> Response:
        """End a call, or give one in progress something else to say."""
        away = self._turned_away(request)
        call = self._calls.get(request.path_params["sid"])
        if away is not None or call is None:
            return away or not_found(request)
        if call.over:
            return error(400, 21220, "Call is not in-progress. Cannot redirect.")
        form, now = await request.form(), self._world.now()
        status = text_in(form, "Status")
        if status in {"completed", "canceled"}:
            if status == "canceled" and call.answered_at is not None:
                return error(400, 21220, "Call is in-progress. Cannot cancel.")
            await call.end(now, "completed" if call.answered_at else "canceled", 487)
        elif text_in(form, "Twiml") or text_in(form, "Url"):
            method = text_in(form, "Method") or "POST"
            call.tell_anew(now, text_in(form, "Twiml"), text_in(form, "Url"), method)
        else:
            return error(400, 20001, "Nothing to update")
        return JSONResponse(resource_of(call))

    async def _delete(self, request: Request) -> Response:
        away = self._turned_away(request)
        call = self._calls.get(request.path_params["sid"])
        if away is not None or call is None:
            return away or not_found(request)
        if not call.over:
            return error(409, 20009, "Call is in progress")
        del self._calls[call.sid]
        return Response(status_code=204)
