"""Twilio's SMS in the sandbox: for programs that use it beside or instead of SMS Aero."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from campaigns.channel import ChannelName
from channels.sandbox.customers import Customers
from channels.sandbox.http_server import bad_gateway, drop, hold
from channels.sandbox.patterns import Fate
from channels.sandbox.twilio_rest import API, Account, error, instant, not_found, on_days, page_of
from channels.sandbox.world import HOLD_SECONDS, RETRY_AFTER_SECONDS, Contact, World

# After the message was taken, as far apart as they are with a real one.
STEPS = ((1, "queued"), (2, "sent"))
RECEIPT_SECONDS = 8
MAX_CHARACTERS = 1600
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,6}|(?=.*[A-Za-z])[A-Za-z0-9 +&_-]{2,11}")
_UNDELIVERED_CODE = 30003  # unreachable handset


@dataclass(slots=True)
class Message:
    account: Account
    contact: Contact
    sid: str
    from_: str
    body: str
    callback_url: str | None
    created_at: datetime
    status: str = "queued"
    updated_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.status in {"delivered", "undelivered"}

    def resource(self) -> dict[str, Any]:
        undelivered = self.status == "undelivered"
        path = f"{API}/Accounts/{self.account.sid}/Messages/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account.sid,
            "messaging_service_sid": None,
            "to": self.contact.contact_point,
            "from": self.from_,
            "body": self.body,
            "num_segments": "1",
            "num_media": "0",
            "direction": "outbound-api",
            "status": self.status,
            "date_created": instant(self.created_at),
            "date_sent": instant(self.updated_at),
            "date_updated": instant(self.updated_at or self.created_at),
            "price": None,
            "price_unit": "USD",
            "error_code": _UNDELIVERED_CODE if undelivered else None,
            "error_message": "Unreachable destination handset" if undelivered else None,
            "api_version": "2010-04-01",
            "uri": f"{path}.json",
            "subresource_uris": {"media": f"{path}/Media.json"},
        }


class MessageDesk:
    """Creates, shows and lists messages; the fates are those of the SMS channel."""

    def __init__(
        self, world: World, closing: asyncio.Event, account: Account, customers: Customers
    ) -> None:
        self._world = world
        self._closing = closing
        self._account = account
        self._customers = customers
        self._messages: dict[str, Message] = {}

    def _turned_away(self, request: Request) -> Response | None:
        if not self._account.admits(request):
            return error(401, 20003, "Authenticate")
        return None if request.path_params["account"] == self._account.sid else not_found(request)

    async def create(self, request: Request) -> Response:
        away = self._turned_away(request)
        if away is not None:
            return away
        form = {name: str(value) for name, value in (await request.form()).items()}
        mistake = _mistake(form)
        if mistake is not None:
            return mistake
        contact = self._world.contact(ChannelName.SMS, form["To"])
        refusal = _refusal(contact)
        if refusal is not None:
            self._world.refused += 1
            return refusal
        message = self._take(contact, form)
        shown = JSONResponse(message.resource(), status_code=201)
        self._plan_receipts(message)
        if contact.fate is Fate.DROP_AFTER_ACCEPT:
            return await drop(request)
        if contact.fate is Fate.TIMEOUT_AFTER_ACCEPT:
            return await hold(request, self._closing, HOLD_SECONDS)
        return shown

    def _take(self, contact: Contact, form: Mapping[str, str]) -> Message:
        sid = contact.dice.sid("SM")
        message = self._messages[sid] = Message(
            account=self._account,
            contact=contact,
            sid=sid,
            from_=form["From"],
            body=form["Body"],
            callback_url=form.get("StatusCallback") or None,
            created_at=self._world.take(contact, sid),
        )
        return message

    def _plan_receipts(self, message: Message) -> None:
        fate, taken_at = message.contact.fate, message.created_at
        late = self._world.span(RECEIPT_SECONDS if fate is Fate.REORDERED_RECEIPTS else 0)
        for step, (seconds, status) in enumerate(STEPS, start=1):
            at = taken_at + late + self._world.span(seconds)
            self._plan_receipt(message, at, status, step)
        if fate is Fate.NO_RECEIPT:
            return
        status = "undelivered" if fate is Fate.UNDELIVERED else "delivered"
        at = taken_at + self._world.span(RECEIPT_SECONDS)
        if fate is Fate.LATE_RECEIPT:
            at = taken_at + self._world.span(message.contact.late_seconds)
        self._plan_receipt(message, at, status, step=3)
        if fate is Fate.DUPLICATE_RECEIPT:
            self._plan_receipt(message, at + self._world.span(1), status, step=4)
        self._customers.plan_answer("twilio", message.contact, message.from_, at)

    def _plan_receipt(self, message: Message, at: datetime, status: str, step: int) -> None:
        async def happen(at: datetime) -> None:
            if not message.is_over:  # what comes after the end changes nothing here
                message.status, message.updated_at = status, at
            await self._call_back(message, status)

        point = message.contact.contact_point
        self._world.timeline.put(at, ChannelName.SMS, point, message.sid, step, happen)

    async def _call_back(self, message: Message, status: str) -> None:
        if not message.callback_url:
            return
        form = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "AccountSid": self._account.sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "From": message.from_,
            "To": message.contact.contact_point,
            "ApiVersion": "2010-04-01",
        }
        if status == "undelivered":
            form["ErrorCode"] = str(_UNDELIVERED_CODE)
        signature = self._account.signature(message.callback_url, form)
        headers = {"X-Twilio-Signature": signature}
        await self._world.postman.post(message.callback_url, form=form, headers=headers)

    async def list(self, request: Request) -> Response:
        away = self._turned_away(request)
        if away is not None:
            return away
        to = request.query_params.get("To")
        found = [
            message
            for message in self._messages.values()
            if to in {None, message.contact.contact_point}
            and request.query_params.get("From") in {None, message.from_}
            and on_days(request, "DateSent", message.created_at)
        ]
        found.sort(key=lambda message: (message.created_at, message.sid), reverse=True)
        return page_of(request, "messages", found, Message.resource)

    async def fetch(self, request: Request) -> Response:
        away = self._turned_away(request)
        message = self._messages.get(request.path_params["sid"])
        return away or (JSONResponse(message.resource()) if message else not_found(request))


def _mistake(form: Mapping[str, str]) -> Response | None:
    """What a request is answered with that could never become a message."""
    if not form.get("To"):
        return error(400, 21604, "A 'To' phone number is required")
    if not form.get("From"):
        return error(400, 21603, "A 'From' phone number is required")
    if not _SENDER.fullmatch(form["From"]):
        return error(400, 21212, "The 'From' number is not a valid phone number or sender ID")
    if not form.get("Body"):
        return error(400, 21602, "Message body is required")
    if len(form["Body"]) > MAX_CHARACTERS:
        return error(400, 21617, "The message body exceeds the 1600 character limit")
    if not _NUMBER.fullmatch(form["To"]):
        return error(400, 21211, "The 'To' number is not a valid phone number")
    return None


def _refusal(contact: Contact) -> Response | None:
    """What a message that is not taken is answered with."""
    match contact.fate:
        case Fate.BAD_NUMBER:
            return error(400, 21211, "The 'To' number is not a valid phone number")
        case Fate.REJECTED:
            return error(400, 21610, "Attempt to send to unsubscribed recipient")
        case Fate.NO_CREDITS:  # Twilio suspends an account with nothing on it
            return error(403, 20005, "Account not active")
        case Fate.THROTTLED:
            wait = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return error(429, 20429, "Too Many Requests", wait)
        case Fate.HTML_502:
            return bad_gateway()
        case _:
            return None
