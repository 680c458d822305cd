"""What every provider's module offers to the engine, and what it gets and gives.

Providers answer in a hundred ways; the engine knows four: *accepted* (with the provider's
reference; the outcome comes later by receipt), *refused* (the outcome is known at once),
*postponed* (certainly nothing was sent: throttled, unreachable; not an attempt) and *uncertain*
(the provider may have taken it). An exception from `deliver` means a bug, not an outcome.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from campaigns.channel import ChannelName
from campaigns.menu import Turn
from campaigns.outcome import Outcome
from templates.call import CallScript, SoundRef


@dataclass(frozen=True, slots=True)
class CallMessage:
    """A call to place. Sound files are fetched from `sound_url`."""

    token: str  # names the attempt towards the outside; unguessable, safe in a URL
    contact_point: str  # E.164
    sender: str  # E.164 caller id
    script: CallScript
    receipts_url: str  # base URL of our endpoint, without a trailing slash

    @property
    def expected_seconds(self) -> float:
        """How long the message lasts: what a call's length is compared with."""
        return self.script.message_seconds

    @property
    def language(self) -> str:
        return self.script.language

    def sound_url(self, sound: SoundRef) -> str:
        return f"{self.receipts_url}/sound/{sound.digest}.wav"


@dataclass(frozen=True, slots=True)
class SmsMessage:
    token: str
    contact_point: str  # E.164, a mobile number
    sender: str  # alphanumeric sign agreed with the provider
    text: str
    receipts_url: str


@dataclass(frozen=True, slots=True)
class MailMessage:
    token: str
    contact_point: str
    sender: str  # of the envelope; empty: the null path, for what must not be answered
    message_id: str  # derived from the attempt: a re-sent letter carries the same one
    content: bytes  # the whole letter, CRLF line ends, ready for DATA
    # How long to wait for what the server says to the whole letter; None: as for any step.
    verdict_seconds: float | None = None


Message = CallMessage | SmsMessage | MailMessage


class Cause(StrEnum):
    """Why a provider did not take a message, as far as its health is concerned."""

    THROTTLED = "throttled"  # asks us to slow down: alive and well
    UNREACHABLE = "unreachable"  # no connection, no sensible answer
    NO_MONEY = "no_money"  # the account's balance is spent
    ACCOUNT = "account"  # our credentials or our sender are refused


class Fault(StrEnum):
    """Whom a refusal is about."""

    RECIPIENT = "recipient"  # its own mailbox
    SENDER = "sender"  # whom the envelope names as such
    LETTER = "letter"  # too large: it is never taken


class HandoverKind(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    POSTPONED = "postponed"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Handover:
    """What came of handing one message to a provider.

    `outcome` is set when and only when the kind is *refused*. `reference` is the provider's own
    name for what it accepted. `retry_after_seconds` belongs to *postponed*, and so does
    `about_recipient`: a full mailbox cannot be waited for like a server that is away.
    `detail` is for staff and logs: the provider's code and a few words, never a number, an address
    or a secret.
    """

    kind: HandoverKind
    reference: str | None = None
    outcome: Outcome | None = None
    retry_after_seconds: float | None = None
    detail: str = ""
    about_recipient: bool = False  # postponed for this recipient alone, not for the provider
    cause: Cause | None = None  # postponed: what it says about the provider
    fault: Fault | None = None  # refused: whom it is about, where that can be told


def accepted(reference: str) -> Handover:
    return Handover(HandoverKind.ACCEPTED, reference=reference)


def refused(outcome: Outcome, detail: str, fault: Fault | None = None) -> Handover:
    return Handover(HandoverKind.REFUSED, outcome=outcome, detail=detail, fault=fault)


def postponed(
    detail: str,
    retry_after_seconds: float | None = None,
    *,
    about_recipient: bool = False,
    cause: Cause | None = None,
) -> Handover:
    return Handover(
        HandoverKind.POSTPONED,
        retry_after_seconds=retry_after_seconds,
        detail=detail,
        about_recipient=about_recipient,
        cause=cause,
    )


def uncertain(detail: str, reference: str | None = None) -> Handover:
    return Handover(HandoverKind.UNCERTAIN, reference=reference, detail=detail)


@dataclass(frozen=True, slots=True)
class Payload:
    """A request that claims to come from a provider: nothing in it is believed before checking."""

    url: str  # the public URL as the provider was told it, query string included
    form: Mapping[str, str]  # decoded form or flat JSON fields
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-cased names
    body: bytes = b""  # as it came


class Forged(Exception):
    """A payload that did not come from the provider."""


class SaysNothing(ValueError):
    """A payload at the address of a receipt that tells nothing of any message. `token` is that of
    the address, not checked yet."""

    def __init__(self, token: str) -> None:
        super().__init__("a receipt without a status")
        self.token = token


class CallStage(StrEnum):
    """Where a call in progress has come to."""

    BEGUN = "begun"  # somebody has answered, or something: `outcome` tells of a machine
    KEYS = "keys"  # the menu is over: a key, or silence
    OPERATOR_ANSWERED = "operator_answered"
    OPERATOR_DONE = "operator_done"  # the talk is over, or nobody came; then `outcome` tells which


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says about a message it took.

    `token` names our attempt (from the callback URL), `reference` the provider's message; at least
    one is set. `outcome` is None for a stage on the way (queued, ringing). With `final` false the
    outcome is a sign that counts only if the final receipt does not say otherwise. `at` is the
    provider's own time of the event where it tells one. `reply` is the body our endpoint answers
    with when there is nothing to decide; `late_reply` that with which a call is put off while the
    decision takes its time, empty where `reply` has to do then, too.

    A call in progress reports a `stage`; all but `OPERATOR_ANSWERED` wait for what to say next
    (`PhoneChannel.words`). `key` is the key that was pressed, empty when the message was heard to
    its end without one; `round` counts how often the menu was said, or of the first words how often
    they were asked for.

    `out_of_time` belongs to a message of a list: it is like the one sought, but dated when we sent
    none. It may be that one all the same, if a clock or a zone is wrong.
    """

    token: str | None
    reference: str | None
    outcome: Outcome | None
    final: bool = True
    at: datetime | None = None
    seconds: float | None = None
    detail: str = ""
    reply: str = ""
    late_reply: str = ""
    stage: CallStage | None = None
    key: str = ""
    round: int = 1
    out_of_time: bool = False


@dataclass(frozen=True, slots=True)
class Inbound:
    """An SMS that a customer wrote to us. `reference` is the provider's own name for it."""

    reference: str
    contact_point: str  # E.164
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """What a provider posted as an SMS from a customer and nobody can read with certainty.

    `contact_point` is the sender's where at least that can be told.
    """

    raw: str
    contact_point: str = ""


@dataclass(frozen=True, slots=True)
class AccountState:
    """What a provider says of our account. `balance` with its currency, where it tells one."""

    ok: bool
    note: str  # for staff; never a secret
    balance: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """A message of which nobody knows whether the provider took it."""

    contact_point: str
    sent_at: datetime  # when we handed it over, by our clock
    text: str = ""  # SMS: compared where the provider tells it


class Channel(Protocol):
    """One provider on one channel. Entered once per batch; connections live that long.

    `deliver` is called concurrently, at most `concurrency` at a time. It sends at most once
    whatever happens, and never raises for anything the provider or the network does.
    """

    @property
    def channel(self) -> ChannelName: ...
    @property
    def provider(self) -> str: ...
    @property
    def concurrency(self) -> int: ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def deliver(self, message: Message) -> Handover: ...

    async def look_up(self, reference: str) -> Receipt | None:
        """Ask the provider what became of a message; None when it cannot tell (yet)."""
        ...

    def receipt(self, payload: Payload) -> Receipt:
        """Read a callback. Raises Forged when it is not the provider's, SaysNothing when there is
        nothing in it."""
        ...

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        """The messages in the provider's list that may be this one, each with its reference.

        An empty answer means: it certainly has none. None: it cannot tell now (no list, no answer,
        a list that is cut off, or one that has not proved that it would show the message).
        """
        ...

    async def account(self) -> AccountState:
        """Ask about our account without sending anything; never raises for what they answer."""
        ...


# The message that is to go next, when there is one that may; asked for at the last moment. Whoever
# names one delivers it next, or takes it back.
Following = Callable[[], Message | None]


@runtime_checkable
class AnnouncingChannel(Channel, Protocol):
    """A provider that can be told of the next message together with the end of this one.

    Nothing of the next one is sent by that, but to whom it goes.
    """

    async def deliver(self, message: Message, following: Following | None = None) -> Handover: ...

    def take_back(self, announced: Message) -> None:
        """A message that `following` named is not delivered after all: the provider shall not
        wait for it. Whether it was really told of it need not be known."""
        ...


class PhoneChannel(Channel, Protocol):
    """A provider of calls, which talk back."""

    def words(self, message: CallMessage, turn: Turn) -> str:
        """What a call in progress is told to do next, in the provider's own markup."""
        ...


class SmsChannel(Channel, Protocol):
    """A provider of SMS, which bring answers."""

    def inbound(self, payload: Payload) -> Sequence[Inbound | Unread]:
        """Read what customers wrote: every SMS in the request, none for one that says nothing.
        Raises Forged when it is not the provider's."""
        ...
