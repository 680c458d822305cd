"""Calls out by Twilio's REST API, and its callbacks back."""

import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from campaigns.channel import ChannelName
from campaigns.menu import Turn
from channels.base import CallMessage, Handover, Message, Payload, Receipt, Sought
from channels.likeness import ANY_ZONE, Likeness, likeness
from channels.phone.twilio_callbacks import CALL_SID, read, receipt_of, seconds_in
from channels.phone.twilio_codes import CALL_CODES, CallEnd
from channels.phone.twiml import TALK_LIMIT_SECONDS, callback_url, farewell, turn_script
from channels.twilio.connection import NO_PROPER_ANSWER, TwilioConnection, handed
from templates.call import Action

# The standard (chapter 8, section 4, item 3): give up after the fifth ring, about 25 seconds.
FIFTH_RING_SECONDS = 25
# A message lasts a minute at most; a call that has not ended by now is stuck and only costs money.
TIME_LIMIT_SECONDS = 120
# Where there are keys, the menu may be said again, with the message or without (`campaigns.menu`).
REPEATS_LIMIT_SECONDS = 120
LIST_SIZE = 200


class TwilioChannel(TwilioConnection):
    """Places calls that ask what to say when they are answered, take keys, switch to an operator
    and report how they ended.

    `base_url` is for the sandbox (https, or plain http on this machine); `tls_context` names whom
    to trust in place of the public authorities. `voice` speaks Russian. Raises ValueError for an
    account SID or a base address that cannot be right. Time-outs are in seconds.
    """

    channel = ChannelName.PHONE

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
        super().__init__(
            "the phone channel",
            account_sid,
            auth_token,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
            concurrency=concurrency,
            tls_context=tls_context,
        )
        self._ring_seconds, self._time_limit_seconds = ring_seconds, time_limit_seconds
        self._voice = voice

    async def deliver(self, message: Message) -> Handover:
        """Place one call at most once. See `channels.base` for what each answer means."""
        if not isinstance(message, CallMessage):
            raise TypeError("the phone channel places calls only")
        creating = self._client.calls.create_async(
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
        return await handed(creating, CALL_SID, CALL_CODES)

    async def look_up(self, reference: str) -> Receipt | None:
        """Fetch a call; None when Twilio does not answer properly.

        Twilio does not know how long the message was: an answered call that a person took comes
        back with its `seconds` and no outcome, for the engine to compare with what it expects.
        """
        if not CALL_SID.fullmatch(reference):
            return None
        try:
            call = await self._client.calls(reference).fetch_async()
            return _of_resource(call, reference)
        except NO_PROPER_ANSWER:
            return None

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        """The calls to that number which may be the one sought.

        They are asked for by number alone: a filter by start would leave out those that Twilio has
        not dialled yet. The newest come first; a page that does not reach back to the instant
        sought, or that cannot be read, proves nothing.
        """
        since = sought.sent_at - ANY_ZONE
        try:
            page = await self._client.calls.page_async(to=sought.contact_point, page_size=LIST_SIZE)
            listed = [(_created_at(call), call) for call in page]
            if page.next_page_url and not (listed and _newest_first(listed, down_to=since)):
                return None
            found = [
                (call, likeness(created_at, sought, same_words=False))
                for created_at, call in listed
                if call.to == sought.contact_point and call.direction == "outbound-api"
            ]
            return [
                replace(_of_resource(call, _sid_of(call)), out_of_time=like is Likeness.OUT_OF_TIME)
                for call, like in found
                if like is not Likeness.NONE
            ]
        except NO_PROPER_ANSWER:
            return None

    def words(self, message: CallMessage, turn: Turn) -> str:
        """TwiML for a call in progress: what is said, then an operator, the menu, or the end."""
        return turn_script(message, turn, self._voice)

    def receipt(self, payload: Payload) -> Receipt:
        """Read a callback. Raises Forged unless Twilio's signature covers its address and form."""
        self._genuine_path(payload)
        return read(payload, farewell("ru", self._voice))

    def _limit_seconds(self, message: CallMessage) -> int:
        """How long the whole call may last: its keys may make it longer than the message."""
        actions = {key.action for key in message.script.keys}
        return (
            self._time_limit_seconds
            + (REPEATS_LIMIT_SECONDS if actions else 0)
            + (TALK_LIMIT_SECONDS if Action.OPERATOR in actions else 0)
        )


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
