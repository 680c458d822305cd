"""What an answer of Twilio's other than "created" comes to, for calls and for messages alike.

Codes: https://www.twilio.com/docs/api/errors.
"""

from dataclasses import dataclass
from typing import Any

from campaigns.outcome import Outcome
from channels.base import Cause, Handover, postponed, refused, uncertain
from channels.gateway import NO_VERDICT

OUR_CREDENTIALS = frozenset({20003, 20006, 20008})
# "Account is not active": says Twilio first of all when the balance has come to zero. A suspended
# account is told alike, and what staff have to do begins alike: look at the bill.
NO_MONEY = frozenset({10001, 20005})
SLOW_DOWN = frozenset({10004, 20429})
INVALID_NUMBER = frozenset({21211, 21214, 21217, 21401, 21421})
UNSUBSCRIBED = frozenset({21610})  # the customer has written STOP to our number
NOT_OUR_SENDER = frozenset({21212, 21213, 21606})  # not ours, not verified, not fit for this
# Below are no codes of Twilio's. The library puts the status in the place of a code that is missing
# and calls a proxy's page by it.
LOWEST_CODE = 10_000


@dataclass(frozen=True, slots=True)
class Codes:
    """Twilio's codes for one kind of resource, by what they come to."""

    invalid_number: frozenset[int] = INVALID_NUMBER
    not_wanted: frozenset[int] = UNSUBSCRIBED
    our_credentials: frozenset[int] = OUR_CREDENTIALS
    our_sender: frozenset[int] = NOT_OUR_SENDER
    no_money: frozenset[int] = NO_MONEY
    slow_down: frozenset[int] = SLOW_DOWN
    sender_words: str = "our sender"


def whole_number(value: object) -> int | None:
    """A status or code of an error; the library passes on whatever the answer held."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def own_code(value: object) -> int | None:
    """Twilio's own code in an error of the library; None where it was not Twilio that answered."""
    code = whole_number(value)
    return code if code is not None and code >= LOWEST_CODE else None


def judge_error(error: Any, codes: Codes) -> Handover:
    """What an error of the library (untyped) comes to."""
    return judge(whole_number(error.status) or 500, own_code(error.code), codes)


def judge(status: int, code: int | None, codes: Codes) -> Handover:
    """What a status and Twilio's code come to; the code decides first.

    Without a code it was not Twilio that answered but something on the way, and nobody knows
    whether the message was taken before: 429 alone is a proof that it was not, and 401, which means
    "has not been applied" (RFC 9110, section 15.5.2).
    """
    if code is None:
        return _without_code(status)
    detail = f"HTTP {status}, code {code}"
    if code in codes.invalid_number:
        return refused(Outcome.BAD_ADDRESS, detail)
    if code in codes.not_wanted:
        return refused(Outcome.REJECTED, detail)
    if code in codes.slow_down or status == 429:
        return postponed(f"throttled: {detail}", cause=Cause.THROTTLED)
    if code in codes.no_money or status == 402:
        words = f"{detail}: the Twilio account is not active, its balance may be spent"
        return postponed(words, cause=Cause.NO_MONEY)
    if code in codes.our_sender:
        words = f"{detail}: Twilio does not accept {codes.sender_words}"
        return postponed(words, cause=Cause.ACCOUNT)
    if code in codes.our_credentials or status in {401, 403}:
        return postponed(f"{detail}: {_REFUSES_US}", cause=Cause.ACCOUNT)
    if 400 <= status < 500 and status not in NO_VERDICT:
        return refused(Outcome.FAILED, detail)
    return uncertain(detail)


_REFUSES_US = "Twilio refuses our account, check the SID and the token"


def _without_code(status: int) -> Handover:
    detail = f"HTTP {status}"
    if status == 429:
        return postponed(f"throttled: {detail}", cause=Cause.THROTTLED)
    if status == 401:
        return postponed(f"{detail}: {_REFUSES_US}", cause=Cause.ACCOUNT)
    if 400 <= status < 500:
        return uncertain(f"{detail}: not Twilio's own answer, check twilio_base_url")
    return uncertain(detail)
