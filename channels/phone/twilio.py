"""Calls out by Twilio's REST API, and its callbacks back."""

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from twilio.base.exceptions import (
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from campaigns.channel import ChannelName
from campaigns.menu import Turn
from channels.base import (
    AccountState,
    CallMessage,
    Cause,
    Forged,
    Handover,
    Message,
    Payload,
    Receipt,
    Sought,
    accepted,
    postponed,
    uncertain,
)
from channels.gateway import checked_base_url
from channels.looplocal import LoopLocal
from channels.phone.twilio_callbacks import CALL_SID, read, receipt_of, seconds_in
from channels.phone.twilio_codes import CallEnd, judge_error
from channels.phone.twilio_http import NoAnswer, NotConnected, Throttled, TwilioHttp
from channels.phone.twiml import TALK_LIMIT_SECONDS, callback_url, farewell, turn_script
from channels.twilio.account import account_state
from templates.call import Action
from templates.i18n import _

ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
# The standard (chapter 8, section 4, item 3): give up after the fifth ring, about 25 seconds.
FIFTH_RING_SECONDS = 25
# A message lasts a minute at most; a call that has not ended by now is stuck and only costs money.
TIME_LIMIT_SECONDS = 120
# Where there are keys, the menu may be said again, with the message or without (`campaigns.menu`).
REPEATS_LIMIT_SECONDS = 120
# Where a message may be in Twilio's list that we handed over at some instant: its clock is not
# ours, and a call may wait in its queue.
LISTED_BEFORE = timedelta(minutes=2)
LISTED_AFTER = timedelta(minutes=30)
LIST_SIZE = 200

# What the library lets out when an answer is not the agreed JSON, or is nested without end.
_UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError, OverflowError)
_NO_PROPER_ANSWER = (Throttled, NotConnected, NoAnswer, TwilioException, *_UNREADABLE)


@dataclass(frozen=True, slots=True)
class _Line:
    client: Any  # the library is untyped
    http: TwilioHttp


class TwilioChannel:
    """Places calls that ask what to say when they are answered, take keys, switch to an operator
    and report how they ended.

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
        try:
            call = await self._lines.current().client.calls.create_async(
                to=message.contact_point,
                from_=message.sender,
                # Fetched when it is known who answered: a machine hears nobody's debt.
                url=callback_url(message, "begin"),
                method="POST",
                timeout=self._ring_seconds,
                time_limit=self._limit_seconds(message),
                machine_detection="Enable",
                status_callback=callback_url(message, "status"),
                status_callback_event=["completed"],
                status_callback_method="POST",
            )
        except Throttled as error:
            return postponed("throttled (429)", error.retry_after_seconds, cause=Cause.THROTTLED)
        except NotConnected:
            return postponed("no connection to Twilio", cause=Cause.UNREACHABLE)
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
            return _of_resource(call, reference)
        except _NO_PROPER_ANSWER:
            return None

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        """The calls to that number which may be the one sought.

        They are asked for by number alone: a filter by start would leave out those that Twilio has
        not dialled yet. The newest come first; a page that does not reach back to the instant
        sought, or that cannot be read, proves nothing.
        """
        since = sought.sent_at - LISTED_BEFORE
        try:
            page = await self._lines.current().client.calls.page_async(
                to=sought.contact_point, page_size=LIST_SIZE
            )
            listed = [(_created_at(call), call) for call in page]
            if page.next_page_url and not (listed and _newest_first(listed, down_to=since)):
                return None
            return [
                _of_resource(call, _sid_of(call))
                for created_at, call in listed
                if since <= created_at <= sought.sent_at + LISTED_AFTER
                and call.to == sought.contact_point
                and call.direction == "outbound-api"
            ]
        except _NO_PROPER_ANSWER:
            return None

    async def account(self) -> AccountState:
        """Ask for the account and, where Twilio tells it, the balance."""
        return await account_state(self._lines.current().client, self._account_sid)

    def words(self, message: CallMessage, turn: Turn) -> str:
        """TwiML for a call in progress: what is said, then an operator, the menu, or the end."""
        return turn_script(message, turn, self._voice)

    def receipt(self, payload: Payload) -> Receipt:
        """Read a callback. Raises Forged unless Twilio's signature covers its address and form."""
        self._check_signature(payload)
        return read(payload, farewell("ru", self._voice))

    def _limit_seconds(self, message: CallMessage) -> int:
        """How long the whole call may last: its keys may make it longer than the message."""
        actions = {key.action for key in message.script.keys}
        return (
            self._time_limit_seconds
            + (REPEATS_LIMIT_SECONDS if actions else 0)
            + (TALK_LIMIT_SECONDS if Action.OPERATOR in actions else 0)
        )

    def _check_signature(self, payload: Payload) -> None:
        signature = payload.headers.get("x-twilio-signature", "")
        try:
            genuine = self._validator.validate(payload.url, dict(payload.form), signature)
        except ValueError:  # an address that cannot be parsed
            genuine = False
        if not signature or not genuine:
            raise Forged("a callback without Twilio's signature")


def _of_resource(call: Any, reference: str) -> Receipt:
    """What a call of Twilio's API says, as a receipt without a token."""
    end = CallEnd(
        status=str(call.status or ""),
        answered_by=str(call.answered_by or ""),
        seconds=seconds_in(call.duration),
    )
    ended_at = call.end_time if isinstance(call.end_time, datetime) else None
    return receipt_of(end, None, reference, ended_at)


def _sid_of(call: Any) -> str:
    """The name of a listed call; raises ValueError where there is none."""
    if not isinstance(call.sid, str) or not CALL_SID.fullmatch(call.sid):
        raise ValueError("a listed call without a SID")
    return call.sid


def _created_at(call: Any) -> datetime:
    """When a listed call was created; raises ValueError where it does not say."""
    if not isinstance(call.date_created, datetime) or call.date_created.tzinfo is None:
        raise ValueError("a listed call without an instant")
    return call.date_created


def _newest_first(listed: Sequence[tuple[datetime, Any]], *, down_to: datetime) -> bool:
    """Whether a page is in the order it should be, and reaches back before an instant."""
    instants = [at for at, _call in listed]
    return instants == sorted(instants, reverse=True) and instants[-1] < down_to


def _code(value: object) -> int | None:
    """A status or code of an error; the library passes on whatever the answer held."""
    return value if isinstance(value, int) else None
