"""Twilio's SMS in the sandbox: for programs that use it beside or instead of SMS Aero."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from campaigns.channel import ChannelName
from channels.sandbox.patterns import Fate
from channels.sandbox.twilio_rest import API, Account, error, instant, not_found, on_days, page_of
from channels.sandbox.world import RETRY_AFTER_SECONDS, Contact, World

RECEIPT_SECONDS = 8
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

    def __init__(self, world: World, account: Account) -> None:
        self._world = world
        self._account = account
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
        if not form.get("To") or not form.get("Body"):
            return error(400, 21604 if not form.get("To") else 21602, "To and Body are required")
        contact = self._world.contact(ChannelName.SMS, form["To"])
        if contact.fate is Fate.BAD_NUMBER:
            self._world.refused += 1
            return error(400, 21211, "The 'To' number is not a valid phone number")
        if contact.fate is Fate.THROTTLED:
            self._world.refused += 1
            wait = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return error(429, 20429, "Too Many Requests", wait)
        sid = contact.dice.sid("SM")
        message = self._messages[sid] = Message(
            account=self._account,
            contact=contact,
            sid=sid,
            from_=form.get("From", ""),
            body=form["Body"],
            callback_url=form.get("StatusCallback") or None,
            created_at=self._world.take(contact, sid),
        )
        shown = JSONResponse(message.resource(), status_code=201)
        self._plan_receipt(message)
        return shown

    def _plan_receipt(self, message: Message) -> None:
        fate = message.contact.fate
        if fate is Fate.NO_RECEIPT:
            message.status = "sent"
            return
        lost = fate in {Fate.UNDELIVERED, Fate.REJECTED}

        async def happen(at: datetime) -> None:
            message.status, message.updated_at = "undelivered" if lost else "delivered", at
            await self._call_back(message)

        at = message.created_at + timedelta(seconds=RECEIPT_SECONDS)
        point = message.contact.contact_point
        self._world.timeline.put(at, ChannelName.SMS, point, message.sid, 1, happen)

    async def _call_back(self, message: Message) -> None:
        if not message.callback_url:
            return
        form = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "AccountSid": self._account.sid,
            "MessageStatus": message.status,
            "SmsStatus": message.status,
            "From": message.from_,
            "To": message.contact.contact_point,
            "ApiVersion": "2010-04-01",
        }
        if message.status == "undelivered":
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
            and on_days(request, "DateSent", message.created_at)
        ]
        found.sort(key=lambda message: (message.created_at, message.sid), reverse=True)
        return page_of(request, "messages", found, Message.resource)

    async def fetch(self, request: Request) -> Response:
        away = self._turned_away(request)
        message = self._messages.get(request.path_params["sid"])
        return away or (JSONResponse(message.resource()) if message else not_found(request))
