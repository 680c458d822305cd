"""SMS out by SMS Aero's HTTP API v2, and its receipts back."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from smsaero import SmsAeroException

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import (
    AccountState,
    Forged,
    Handover,
    Message,
    Payload,
    Receipt,
    SmsMessage,
    Sought,
    refused,
)
from channels.looplocal import LoopLocal
from channels.sms.answers import judge, outcome_of
from channels.sms.gate import SafeSmsAero, check_credentials, read_gate, silence_library

T = TypeVar("T")

# The library refuses other lengths before it sends.
TEXT_LENGTHS = range(2, 641)
# What the library lets out for answers it did not expect; the exchange tells the truth.
_LIBRARY_ERRORS = (
    SmsAeroException,
    KeyError,
    AttributeError,
    TypeError,
    ValueError,
    RecursionError,
)


class SmsAeroChannel:
    """Sends personal texts, one request each.

    `sign` is the sender's name when a message carries none. `url_gate` as the library writes it
    (`@host/v2/`) or a full address; None is the provider's first gate. `ca_file` (PEM) names the
    authorities to trust in place of the public ones. Raises ValueError for credentials that cannot
    be right and for plain http to another machine. A receipt is proved by the token in its path,
    which only the provider was told; the engine verifies it.
    """

    channel = ChannelName.SMS
    provider = "smsaero"

    def __init__(
        self,
        email: str,
        api_key: str,
        sign: str,
        *,
        url_gate: str | None = None,
        timeout_seconds: float = 15.0,
        concurrency: int = 8,
        ca_file: str | None = None,
    ) -> None:
        check_credentials(email, api_key, sign)
        silence_library()
        self.concurrency = concurrency
        self._email, self._api_key, self._sign = email, api_key, sign
        self._gate = read_gate(url_gate)
        self._timeout_seconds = timeout_seconds
        self._ca_file = ca_file
        self._threads: LoopLocal[_Threads] = LoopLocal("the SMS channel")

    async def __aenter__(self) -> Self:
        if not self._threads.join():
            self._threads.open(_Threads(self._client, self.concurrency))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        threads = self._threads.leave()
        if threads is not None:
            await asyncio.to_thread(threads.close)

    async def deliver(self, message: Message) -> Handover:
        """Send one SMS at most once. See `channels.base` for what each answer means."""
        if not isinstance(message, SmsMessage):
            raise TypeError("the SMS channel sends SMS only")
        if len(message.text) not in TEXT_LENGTHS:
            return refused(Outcome.FAILED, f"a text of {len(message.text)} characters")
        digits = message.contact_point.removeprefix("+")
        if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
            return refused(Outcome.BAD_ADDRESS, "not a number in E.164")
        threads = self._threads.current()
        return await threads.run(lambda client: self._send(client, int(digits), message))

    async def look_up(self, reference: str) -> Receipt | None:
        """Ask for the status of a message; None when the provider does not answer properly."""
        if not (reference.isascii() and reference.isdigit()):
            return None
        return await self._threads.current().run(lambda client: _status_of(client, reference))

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:  # noqa: ARG002
        return None

    async def account(self) -> AccountState:
        raise NotImplementedError

    def receipt(self, payload: Payload) -> Receipt:
        """Read a callback, sent as a form or as flat JSON. Raises Forged without our token."""
        token = urlsplit(payload.url).path.rstrip("/").rpartition("/smsaero/")[2]
        if not token or "/" in token:
            raise Forged("an SMS receipt without our token")
        form = payload.form
        return _receipt(token, form.get("id") or form.get("smsId"), form)

    def _client(self) -> SafeSmsAero:
        return SafeSmsAero(
            self._email,
            self._api_key,
            self._sign,
            self._gate,
            self._timeout_seconds,
            self._ca_file,
        )

    def _send(self, client: SafeSmsAero, number: int, message: SmsMessage) -> Handover:
        client.forget_exchange()
        try:
            client.send_sms(
                number=number,
                text=message.text,
                sign=message.sender or self._sign,
                callback_url=f"{message.receipts_url}/smsaero/{message.token}",
            )
        except _LIBRARY_ERRORS:
            if client.exchange is None:  # the library's own check of the number; nothing was sent
                return refused(Outcome.BAD_ADDRESS, "not a valid number")
        exchange = client.exchange
        if exchange is None:
            raise RuntimeError("the SMS library sent nothing and said nothing")
        return judge(exchange)


class _Threads:
    """The batch's threads, each with a client of its own: the library keeps its answer inside."""

    def __init__(self, make_client: Callable[[], SafeSmsAero], size: int) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="smsaero")
        self._make_client = make_client
        self._mine = threading.local()
        self._all: list[SafeSmsAero] = []

    async def run(self, call: Callable[[SafeSmsAero], T]) -> T:
        def on_thread() -> T:
            client = getattr(self._mine, "client", None)
            if client is None:
                client = self._mine.client = self._make_client()
                self._all.append(client)
            return call(client)

        return await asyncio.get_running_loop().run_in_executor(self._executor, on_thread)

    def close(self) -> None:
        self._executor.shutdown()
        for client in self._all:
            client.close()


def _status_of(client: SafeSmsAero, reference: str) -> Receipt | None:
    client.forget_exchange()
    try:
        known = client.sms_status(int(reference))
    except _LIBRARY_ERRORS:
        return None
    if not isinstance(known, Mapping):
        return None
    return _receipt(None, reference, known)


def _receipt(token: str | None, reference: object, fields: Mapping[str, Any]) -> Receipt:
    status, name = fields.get("status"), fields.get("extendStatus")
    outcome = outcome_of(status, name)
    return Receipt(
        token=token,
        reference=str(reference) if reference not in (None, "") else None,
        outcome=outcome,
        final=outcome is not None,
        at=_instant(fields.get("dateAnswer") or fields.get("timestamp")),
        detail=f"status {status}" if str(status or "").isdigit() else "",
    )


def _instant(seconds: object) -> datetime | None:
    """Unix time as the provider writes it; None for what is no plausible instant."""
    text = str(seconds or "")
    if not (text.isascii() and text.isdigit()) or not 9 <= len(text) <= 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
