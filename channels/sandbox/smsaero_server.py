"""The SMS gate of the sandbox: SMS Aero's HTTP API v2 as its own library speaks it."""

import asyncio
import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns.channel import ChannelName
from channels.sandbox.customers import Customers
from channels.sandbox.http_server import bad_gateway, drop, hold
from channels.sandbox.patterns import Fate
from channels.sandbox.world import HOLD_SECONDS, RETRY_AFTER_SECONDS, Contact, World

RECEIPT_SECONDS = 8
PAGE_SIZE = 50
QUEUED, DELIVERED, UNDELIVERED, SENT = 0, 1, 2, 3
NAMES = {QUEUED: "queue", DELIVERED: "delivery", UNDELIVERED: "undelivered", SENT: "sent"}


@dataclass(slots=True)
class Sms:
    contact: Contact
    id: int
    sign: str
    text: str
    created_at: datetime
    callback_url: str | None
    callback_json: bool
    status: int = QUEUED
    answered_at: datetime | None = None

    def resource(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.id,
            "from": self.sign,
            "number": self.contact.contact_point.removeprefix("+"),
            "text": self.text,
            "status": self.status,
            "extendStatus": NAMES[self.status],
            "channel": "FREE SIGN",
            "cost": 5.49,
            "dateCreate": int(self.created_at.timestamp()),
            "dateSend": int(self.created_at.timestamp()),
        }
        if self.answered_at is not None:
            shown["dateAnswer"] = int(self.answered_at.timestamp())
        return shown


class SmsAeroServer:
    """Takes texts, answers for them, and calls back."""

    def __init__(
        self,
        world: World,
        closing: asyncio.Event,
        email: str,
        api_key: str,
        signs: Sequence[str],
        customers: Customers,
    ) -> None:
        self._world = world
        self._signs_known = signs
        self._customers = customers
        self._closing = closing
        self._expected = base64.b64encode(f"{email}:{api_key}".encode())
        self._sent: dict[int, Sms] = {}

    def routes(self) -> list[BaseRoute]:
        endpoints = {
            "auth": self._auth,
            "balance": self._balance,
            "sign/list": self._signs,
            "sms/send": self._send,
            "sms/testsend": self._send,
            "sms/status": self._status,
            "sms/teststatus": self._status,
            "sms/list": self._list,
            "sms/testlist": self._list,
        }
        return [
            Route(f"/v2/{path}", answer, methods=["POST"]) for path, answer in endpoints.items()
        ]

    async def _auth(self, request: Request) -> Response:
        return _success(None) if self._is_ours(request) else _no_entry()

    async def _balance(self, request: Request) -> Response:
        return _success({"balance": 1000.0}) if self._is_ours(request) else _no_entry()

    async def _signs(self, request: Request) -> Response:
        if not self._is_ours(request):
            return _no_entry()
        shown: dict[str, Any] = {
            str(place): {"id": place + 1, "name": name, "status": 1, "extendStatus": "active"}
            for place, name in enumerate(self._signs_known)
        }
        return _success({**shown, "totalCount": str(len(shown))})

    async def _send(self, request: Request) -> Response:
        if not self._is_ours(request):
            return _no_entry()
        asked = await _json(request)
        text, sign = str(asked.get("text") or ""), str(asked.get("sign") or "")
        numbers = asked.get("numbers") or asked.get("number")
        several = isinstance(numbers, list)
        numbers = numbers if isinstance(numbers, list) else [numbers]
        wrong = _mistakes(text, sign, numbers)
        if wrong:
            return _failure(wrong)
        sent: list[dict[str, Any]] = []
        for number in numbers:
            contact = self._world.contact(ChannelName.SMS, f"+{number}")
            refusal = self._refusal(contact)
            if refusal is not None:
                return refusal
            sent.append(self._take(contact, asked, text, sign).resource())
            if contact.fate is Fate.DROP_AFTER_ACCEPT:
                return await drop(request)
            if contact.fate is Fate.TIMEOUT_AFTER_ACCEPT:
                return await hold(request, self._closing, HOLD_SECONDS)
        return _success(sent if several else sent[0])

    def _refusal(self, contact: Contact) -> Response | None:
        """What a message that is not taken is answered with."""
        answers: dict[Fate, Response] = {
            Fate.BAD_NUMBER: _failure({"number": ["Invalid number."]}),
            Fate.REJECTED: JSONResponse({"result": "reject"}),  # without its reason: a known trap
            Fate.NO_CREDITS: JSONResponse({"result": "no credits"}),
            Fate.THROTTLED: JSONResponse(
                {"success": False, "data": None, "message": "Too many requests."},
                status_code=429,
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            ),
            Fate.HTML_502: bad_gateway(),
        }
        answer = answers.get(contact.fate)
        if answer is not None:
            self._world.refused += 1
        return answer

    def _take(self, contact: Contact, asked: Mapping[str, Any], text: str, sign: str) -> Sms:
        serial = contact.dice.serial()
        taken_at = self._world.take(contact, str(serial))
        sms = self._sent[serial] = Sms(
            contact=contact,
            id=serial,
            sign=sign,
            text=text,
            created_at=taken_at,
            callback_url=asked.get("callbackUrl") or None,
            callback_json=str(asked.get("callbackFormat") or "").upper() == "JSON",
        )
        self._plan_receipts(sms)
        return sms

    def _plan_receipts(self, sms: Sms) -> None:
        fate, soon = sms.contact.fate, sms.created_at + self._world.span(RECEIPT_SECONDS)
        if fate is Fate.NO_RECEIPT:
            sms.status = SENT
            return
        status = UNDELIVERED if fate is Fate.UNDELIVERED else DELIVERED
        if fate is Fate.LATE_RECEIPT:
            soon = sms.created_at + self._world.span(sms.contact.late_seconds)
        self._plan_receipt(sms, soon, status, step=1)
        if fate is Fate.DUPLICATE_RECEIPT:
            self._plan_receipt(sms, soon + self._world.span(1), status, step=2)
        if fate is Fate.REORDERED_RECEIPTS:
            self._plan_receipt(sms, soon + self._world.span(1), SENT, step=2)
        self._customers.plan_answer("smsaero", sms.contact, sms.sign, soon)

    def _plan_receipt(self, sms: Sms, at: datetime, status: int, step: int) -> None:
        async def happen(at: datetime) -> None:
            if sms.answered_at is None:  # what comes after the end changes nothing here
                sms.status, sms.answered_at = status, at
            await self._call_back(sms, status)

        point = sms.contact.contact_point
        self._world.timeline.put(at, ChannelName.SMS, point, str(sms.id), step, happen)

    async def _call_back(self, sms: Sms, status: int) -> None:
        if not sms.callback_url:
            return
        shown = {**sms.resource(), "status": status, "extendStatus": NAMES[status]}
        told = {n: shown[n] for n in ("id", "number", "status", "extendStatus", "dateAnswer")}
        if sms.callback_json:
            await self._world.postman.post(sms.callback_url, json=told)
        else:
            form = {name: str(value) for name, value in told.items()}
            await self._world.postman.post(sms.callback_url, form=form)

    async def _status(self, request: Request) -> Response:
        if not self._is_ours(request):
            return _no_entry()
        asked = str((await _json(request)).get("id"))
        sms = self._sent.get(int(asked[:18])) if asked.isdigit() else None
        return _success(sms.resource()) if sms else _failure({"id": ["Message not found."]}, 404)

    async def _list(self, request: Request) -> Response:
        if not self._is_ours(request):
            return _no_entry()
        wanted = await _json(request)
        number, text = wanted.get("number"), wanted.get("text")
        found = [
            sms for sms in self._sent.values() if _fits(sms, number) and text in {None, sms.text}
        ]
        found.sort(key=lambda sms: (sms.created_at, sms.id), reverse=True)
        asked = request.query_params.get("page", "1")[:9]
        page = max(int(asked), 1) if asked.isascii() and asked.isdigit() else 1
        shown: dict[str, Any] = {
            str(place): sms.resource()
            for place, sms in enumerate(found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
        }
        last = max(-(-len(found) // PAGE_SIZE), 1)
        path = "/v2/sms/list?page="
        shown["links"] = {"self": f"{path}{page}", "first": f"{path}1", "last": f"{path}{last}"}
        if page < last:
            shown["links"]["next"] = f"{path}{page + 1}"
        shown["totalCount"] = str(len(found))
        return _success(shown)

    def _is_ours(self, request: Request) -> bool:
        kind, _space, given = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "basic" and hmac.compare_digest(given.encode(), self._expected)


def _fits(sms: Sms, number: object) -> bool:
    return not number or sms.contact.contact_point == f"+{number}"


def _mistakes(text: str, sign: str, numbers: list[Any]) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = {}
    if not 2 <= len(text) <= 640:
        wrong["text"] = ["The text must have 2 to 640 characters."]
    if not sign:
        wrong["sign"] = ["The sign is required."]
    digits = [str(number) for number in numbers]
    if not all(number.isdigit() and 7 <= len(number) <= 15 for number in digits):
        wrong["number"] = ["Invalid number."]
    return wrong


async def _json(request: Request) -> Mapping[str, Any]:
    try:
        asked = json.loads(await request.body())
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _success(data: object) -> Response:
    return JSONResponse({"success": True, "data": data, "message": None})


def _failure(fields: Mapping[str, list[str]], status: int = 400) -> Response:
    answer = {"success": False, "data": dict(fields), "message": "Validation error."}
    return JSONResponse(answer, status_code=status)


def _no_entry() -> Response:
    words = "Your request was made with invalid credentials."
    return JSONResponse({"success": False, "data": None, "message": words}, status_code=401)
