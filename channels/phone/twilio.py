"""Calls out by Twilio's REST API, and its callbacks back."""

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import (
    AccountState,
    CallMessage,
    Forged,
    Handover,
    Message,
    Payload,
    Receipt,
    Sought,
    accepted,
    postponed,
    refused,
    uncertain,
)
from channels.gateway import checked_base_url
from channels.looplocal import LoopLocal
from channels.phone.twilio_codes import CallEnd, judge_error
from channels.phone.twilio_http import NoAnswer, NotConnected, Throttled, TwilioHttp
from channels.phone.twiml import (
    MAX_TWIML_CHARACTERS,
    call_script,
    callback_url,
    expected_seconds,
    farewell,
)
from templates.i18n import _

ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")
_CALLBACK_PATH = re.compile(r"/twilio/(gather|status)/([^/]+)/?$")
# The standard (chapter 8, section 4, item 3): give up after the fifth ring, about 25 seconds.
FIFTH_RING_SECONDS = 25
# A message lasts a minute at most; a call that has not ended by now is stuck and only costs money.
TIME_LIMIT_SECONDS = 120

# What the library lets out when an answer is not the agreed JSON, or is nested without end.
_UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class _Line:
    client: Any  # the library is untyped
    http: TwilioHttp


class TwilioChannel:
    """Places calls that speak, take one key and report how they ended.

    `base_url` is for the sandbox (https, or plain http on this machine); `tls_context` names whom
    to trust in place of the public authorities. `voice` speaks Russian. Raises ValueError for an
    account SID or a base address that cannot be right. Time-outs are in seconds.
    """

    channel = ChannelName.PHONE
    provider = "twilio"

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        base_url: str | None = None,
        timeout_seconds: float = 15.0,
        concurrency: int = 16,
        ring_seconds: int = FIFTH_RING_SECONDS,
        time_limit_seconds: int = TIME_LIMIT_SECONDS,
        voice: str | None = "Polly.Tatyana",
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        if not ACCOUNT_SID.fullmatch(account_sid) or not auth_token:
            raise ValueError(
                _("twilio_account_sid is AC and 32 hexadecimal digits, and a token goes with it")
            )
        self.concurrency = concurrency
        self._account_sid, self._auth_token = account_sid, auth_token
        self._base_url = checked_base_url(base_url) if base_url else None
        self._timeout_seconds = timeout_seconds
        self._ring_seconds, self._time_limit_seconds = ring_seconds, time_limit_seconds
        self._voice = voice
        self._tls_context = tls_context
        self._validator = RequestValidator(auth_token)
        self._lines: LoopLocal[_Line] = LoopLocal("the phone channel")

    async def __aenter__(self) -> Self:
        if not self._lines.join():
            http = TwilioHttp(
                self._base_url, self._timeout_seconds, self.concurrency, self._tls_context
            )
            client = Client(self._account_sid, self._auth_token, http_client=http)
            self._lines.open(_Line(client, http))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        line = self._lines.leave()
        if line is not None:
            await line.http.close()

    async def deliver(self, message: Message) -> Handover:
        """Place one call at most once. See `channels.base` for what each answer means."""
        if not isinstance(message, CallMessage):
            raise TypeError("the phone channel places calls only")
        script = call_script(message, self._voice)
        if len(script) > MAX_TWIML_CHARACTERS:
            return refused(Outcome.FAILED, f"a text of {len(script)} characters of TwiML")
        try:
            call = await self._lines.current().client.calls.create_async(
                to=message.contact_point,
                from_=message.sender,
                twiml=script,
                timeout=self._ring_seconds,
                time_limit=self._time_limit_seconds,
                machine_detection="Enable",
                status_callback=callback_url(message, "status"),
                status_callback_event=["completed"],
                status_callback_method="POST",
            )
        except Throttled as error:
            return postponed("throttled (429)", error.retry_after_seconds)
        except NotConnected:
            return postponed("no connection to Twilio")
        except NoAnswer as error:
            return uncertain(f"no answer from Twilio: {error}")
        except (TwilioRestException, TwilioServiceException) as error:
            return judge_error(_code(error.status) or 500, _code(error.code))
        except _UNREADABLE:
            return uncertain("an answer from Twilio that cannot be read")
        if not isinstance(call.sid, str) or not CALL_SID.fullmatch(call.sid):
            return uncertain("an answer from Twilio without a call SID")
        return accepted(call.sid)

    async def look_up(self, reference: str) -> Receipt | None:
        """Fetch a call; None when Twilio does not answer properly.

        Twilio does not know how long the message was: an answered call that a person took comes
        back with its `seconds` and no outcome, for the engine to compare with what it expects.
        """
        if not CALL_SID.fullmatch(reference):
            return None
        try:
            call = await self._lines.current().client.calls(reference).fetch_async()
        except (Throttled, NotConnected, NoAnswer, TwilioRestException, TwilioServiceException):
            return None
        except _UNREADABLE:
            return None
        end = CallEnd(
            status=str(call.status or ""),
            answered_by=str(call.answered_by or ""),
            seconds=_number(call.duration),
        )
        return _receipt(end, None, reference, at=call.end_time)

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:  # noqa: ARG002
        return None

    async def account(self) -> AccountState:
        raise NotImplementedError

    def receipt(self, payload: Payload) -> Receipt:
        """Read a callback. Raises Forged unless Twilio's signature covers its address and form."""
        self._check_signature(payload)
        found = _CALLBACK_PATH.search(urlsplit(payload.url).path)
        if found is None:
            raise Forged("a callback to an address we never gave")
        token, sid = unquote(found[2]), payload.form.get("CallSid") or None
        if found[1] == "gather":
            return self._gathered(payload.form, token, sid)
        end = CallEnd(
            status=payload.form.get("CallStatus", ""),
            answered_by=payload.form.get("AnsweredBy", ""),
            seconds=_number(payload.form.get("CallDuration")),
            sip_code=_whole(payload.form.get("SipResponseCode")),
            expected_seconds=expected_seconds(payload.url),
        )
        return _receipt(end, token, sid, at=_instant(payload.form.get("Timestamp")))

    def _check_signature(self, payload: Payload) -> None:
        signature = payload.headers.get("x-twilio-signature", "")
        try:
            genuine = self._validator.validate(payload.url, dict(payload.form), signature)
        except ValueError:  # an address that cannot be parsed
            genuine = False
        if not signature or not genuine:
            raise Forged("a callback without Twilio's signature")

    def _gathered(self, form: Mapping[str, str], token: str, sid: str | None) -> Receipt:
        """The message was played to its end, or a key was pressed before."""
        reply = farewell("ru", self._voice)
        digits = form.get("Digits", "")
        if digits:
            detail = f"key {digits[:1]}"
            return Receipt(token, sid, Outcome.KEY_PRESSED, detail=detail, reply=reply)
        end = CallEnd(status="in-progress", answered_by=form.get("AnsweredBy", ""))
        outcome = Outcome.MACHINE if end.by_machine else Outcome.HEARD
        return Receipt(token, sid, outcome, final=False, reply=reply)


def _receipt(end: CallEnd, token: str | None, sid: str | None, at: datetime | None) -> Receipt:
    return Receipt(
        token=token,
        reference=sid,
        outcome=end.outcome,
        final=end.outcome is not None,
        at=at,
        seconds=end.seconds,
        detail=" ".join(filter(None, [end.status, f"SIP {end.sip_code}" if end.sip_code else ""])),
    )


def _number(text: object) -> float | None:
    """Seconds as Twilio writes them; None for an empty or an absurd value."""
    digits = str(text if text is not None else "")
    return float(digits) if digits.isascii() and digits.isdigit() and len(digits) < 7 else None


def _code(value: object) -> int | None:
    """A status or code of an error; the library passes on whatever the answer held."""
    return value if isinstance(value, int) else None


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) == 3 else None


def _instant(text: str | None) -> datetime | None:
    """An RFC 2822 instant of Twilio's; None when it cannot be read or names no zone."""
    try:
        at = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None
