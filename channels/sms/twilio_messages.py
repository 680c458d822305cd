"""SMS out by Twilio's REST API, its receipts, and what customers answer."""

import re
import ssl
from collections.abc import Sequence
from urllib.parse import quote, unquote

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import (
    Forged,
    Handover,
    Inbound,
    Message,
    Payload,
    Receipt,
    SmsMessage,
    Sought,
    Unread,
    refused,
)
from channels.sms.twilio_answers import MESSAGE_SID, SEND_CODES
from channels.sms.twilio_receipts import candidates, make_receipt, read_listed
from channels.twilio.connection import NO_PROPER_ANSWER, TwilioConnection, handed
from templates.i18n import _

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# A number, a short code, or up to eleven signs with a letter among them.
SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,6}|(?=.*[A-Za-z])[A-Za-z0-9 +&_-]{2,11}")
_RECEIPT_PATH = re.compile(r"/twilio/sms/([^/]+)/?$")
_INBOUND_PATH = re.compile(r"/twilio/inbound/?$")
TEXT_LENGTHS = range(1, 1601)
# How long a message may wait in Twilio's queue. Short, for the window in which customers may be
# written to closes while it waits; Twilio's own default is ten hours, into the night.
VALIDITY_SECONDS = 600
# One page of a list; Twilio gives no longer ones.
PAGE_SIZE = 1000


class TwilioMessagesChannel(TwilioConnection):
    """Sends personal texts from `sender`: a number of ours in E.164 or an alphanumeric name.

    A message's own sender is the sign agreed with another provider and means nothing here.
    `base_url` is for the sandbox (https, or plain http on this machine); `tls_context` names whom
    to trust in place of the public authorities. Raises ValueError for an account SID, a sender or
    a base address that cannot be right. Time-outs are in seconds.
    """

    channel = ChannelName.SMS

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        *,
        base_url: str | None = None,
        timeout_seconds: float = 15.0,
        concurrency: int = 16,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(
            "the SMS channel",
            account_sid,
            auth_token,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
            concurrency=concurrency,
            tls_context=tls_context,
        )
        if not SENDER.fullmatch(sender):
            raise ValueError(
                _(
                    "twilio_sms_sender is a number such as +74951234567, or a name of 2 to 11 "
                    "Latin letters and digits"
                )
            )
        self._sender = sender

    async def deliver(self, message: Message) -> Handover:
        """Send one SMS at most once. See `channels.base` for what each answer means."""
        if not isinstance(message, SmsMessage):
            raise TypeError("the SMS channel sends SMS only")
        if len(message.text) not in TEXT_LENGTHS:
            return refused(Outcome.FAILED, f"a text of {len(message.text)} characters")
        if not E164.fullmatch(message.contact_point):
            return refused(Outcome.BAD_ADDRESS, "not a number in E.164")
        creating = self._client.messages.create_async(
            to=message.contact_point,
            from_=self._sender,
            body=message.text,
            status_callback=_receipt_url(message),
            validity_period=VALIDITY_SECONDS,
            # What was measured is sent: no sign is replaced by a like one on the way.
            smart_encoded=False,
        )
        return await handed(creating, MESSAGE_SID, SEND_CODES)

    async def look_up(self, reference: str) -> Receipt | None:
        """Fetch a message; None when Twilio does not answer properly."""
        if not MESSAGE_SID.fullmatch(reference):
            return None
        try:
            found = await self._client.messages(reference).fetch_async()
            return read_listed(found)
        except NO_PROPER_ANSWER:
            return None

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        """See `channels.base`. Only the number is asked for, not the day: a message that still
        waits in Twilio's queue has no day yet, and an empty answer must be certain.
        """
        try:
            page = await self._client.messages.page_async(
                to=sought.contact_point, page_size=PAGE_SIZE
            )
            if page.next_page_url is not None:
                return None
            return candidates(page, sought)
        except NO_PROPER_ANSWER:
            return None

    def receipt(self, payload: Payload) -> Receipt:
        """Read a callback. Raises Forged unless Twilio's signature covers its address and form."""
        found = _RECEIPT_PATH.search(self._genuine_path(payload))
        if found is None:
            raise Forged("a callback to an address we never gave")
        form = payload.form
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        status = form.get("MessageStatus") or form.get("SmsStatus") or ""
        return make_receipt(
            unquote(found[1]),
            sid if MESSAGE_SID.fullmatch(sid) else None,
            status,
            _digits(form.get("ErrorCode")),
        )

    def inbound(self, payload: Payload) -> Sequence[Inbound | Unread]:
        """Read an SMS from a customer. Raises Forged unless Twilio's signature covers it."""
        if _INBOUND_PATH.search(self._genuine_path(payload)) is None:
            raise Forged("a message to an address we never gave")
        form = payload.form
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        sender = form.get("From", "")
        if not E164.fullmatch(sender) or "Body" not in form:
            return [Unread(payload.body.decode("utf-8", "replace") or repr(dict(form)))]
        return [Inbound(sid if MESSAGE_SID.fullmatch(sid) else "", sender, form["Body"])]


def _receipt_url(message: SmsMessage) -> str:
    return f"{message.receipts_url}/twilio/sms/{quote(message.token, safe='')}"


def _digits(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else None
