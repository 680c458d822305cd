"""SMS out by SMS Aero's HTTP API v2, and its receipts back."""

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from smsaero import SmsAeroException

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.balance import read_amount
from channels.base import (
    AccountState,
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
from channels.looplocal import LoopLocal
from channels.sms.answers import judge
from channels.sms.gate import SafeSmsAero, check_credentials, read_gate, silence_library
from channels.sms.smsaero_account import Standing, account_state
from channels.sms.smsaero_inbound import read_inbound
from channels.sms.smsaero_records import (
    Unreadable,
    candidates,
    created_at,
    has_status,
    is_to,
    make_receipt,
    number_of,
    read_receipt,
    records,
    total,
)

T = TypeVar("T")

# The library refuses other lengths before it sends.
TEXT_LENGTHS = range(2, 641)
# Of fifty messages each: nobody was written to more often.
MAX_PAGES = 10
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

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        """See `channels.base`. The whole list for the number is read, a few hundred at most.

        That it is empty is believed once the filter by number has proved itself (`_proof`).
        """
        digits = sought.contact_point.removeprefix("+")
        if not (digits.isascii() and digits.isdigit()):
            return None
        threads = self._threads.current()
        return await threads.run(lambda client: _find(client, sought, threads.proof))

    async def account(self) -> AccountState:
        standing = await self._threads.current().run(lambda client: _account(client, self._sign))
        return account_state(standing)

    def receipt(self, payload: Payload) -> Receipt:
        """Read a callback, sent as a form or as flat JSON. Raises Forged without our token,
        SaysNothing without a status."""
        token = urlsplit(payload.url).path.rstrip("/").rpartition("/smsaero/")[2]
        if not token or "/" in token:
            raise Forged("an SMS receipt without our token")
        return read_receipt(token, payload.form)

    def inbound(self, payload: Payload) -> Sequence[Inbound | Unread]:
        """Read what customers wrote. Proved by the token in its path, which the engine verifies;
        raises Forged where there is none."""
        token = urlsplit(payload.url).path.rstrip("/").rpartition("/smsaero/inbound/")[2]
        if not token or "/" in token:
            raise Forged("an SMS from nobody we know")
        return read_inbound(payload)

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


@dataclass(slots=True)
class _Proof:
    """Up to which instant the list is known to show what it has, when asked for one number."""

    until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        return self.until is not None and at <= self.until


class _Threads:
    """The batch's threads, each with a client of its own: the library keeps its answer inside."""

    def __init__(self, make_client: Callable[[], SafeSmsAero], size: int) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="smsaero")
        self._make_client = make_client
        self._mine = threading.local()
        self._all: list[SafeSmsAero] = []
        self.proof = _Proof()

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
    known = _asked(client, lambda: client.sms_status(int(reference)))
    if not isinstance(known, Mapping) or not has_status(known):
        return None
    return make_receipt(None, reference, known)


def _find(client: SafeSmsAero, sought: Sought, proof: _Proof) -> Sequence[Receipt] | None:
    """Only the number is asked for: whether the gate compares texts as we do is not known."""
    try:
        listed = _all_of(client, int(sought.contact_point.removeprefix("+")))
        found = candidates(listed, sought)
        # What it shows of this number proves the filter; else something else has to.
        shown = any(is_to(entry, sought.contact_point) for entry in listed)
        if found or shown or proof.covers(sought.sent_at):
            return found
        proof.until = _proof(client)
    except Unreadable:
        return None
    return found if proof.covers(sought.sent_at) else None


def _all_of(client: SafeSmsAero, number: int) -> Collection[Mapping[str, Any]]:
    """Every entry of a number; raises Unreadable for a list that is cut off."""
    # By id: a list that grew while it was turned over shows the same message on two pages.
    found: dict[str, Mapping[str, Any]] = {}
    for page in range(1, MAX_PAGES + 1):
        listed = _asked(client, partial(client.sms_list, number=number, page=page))
        entries = records(listed)
        found |= {str(entry.get("id")): entry for entry in entries}
        if len(found) >= (total(listed) or 0):
            return found.values()
        if not entries:
            break
    raise Unreadable("a list that is cut off, or longer than anybody's")


def _proof(client: SafeSmsAero) -> datetime | None:
    """Up to which instant an empty list of a number proves anything; None: it proves nothing.

    The format is nobody's promise: a filter that wants the number written otherwise would find
    nothing, ever, and a list that lags nothing of today. So the newest message of the account is
    asked for by its own number: shown so, it proves the filter, and the list as far as its date.
    """
    newest = records(_asked(client, client.sms_list))
    dated = [(at, entry) for entry in newest if (at := created_at(entry)) is not None]
    if not dated:
        return None
    at, latest = max(dated, key=lambda one: one[0])
    number = number_of(latest)
    if number is None:
        return None
    shown = records(_asked(client, partial(client.sms_list, number=number)))
    return at if any(entry.get("id") == latest.get("id") for entry in shown) else None


def _account(client: SafeSmsAero, sign: str) -> Standing:
    """Three questions; what the later ones do not answer properly is left out."""
    _asked(client, client.is_authorized)
    exchange = client.exchange
    if exchange is None or not (exchange.body or {}).get("success"):
        return Standing(exchange)
    told = _asked(client, client.balance)
    amount = read_amount(told.get("balance")) if isinstance(told, Mapping) else None
    listed = _asked(client, client.sign_list)
    try:
        entries = records(listed)
    except Unreadable:
        return Standing(exchange, amount)
    names = {str(entry.get("name")) for entry in entries}
    whole = len(entries) >= (total(listed) or 0)
    return Standing(exchange, amount, knows_sign=sign in names or not whole)


def _asked(client: SafeSmsAero, question: Callable[[], Any]) -> Any:
    """The data of an answer; None when the gate does not answer properly."""
    client.forget_exchange()
    try:
        return question()
    except _LIBRARY_ERRORS:
        return None
