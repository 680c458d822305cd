"""What Twilio's answers, message statuses and error codes mean for an SMS.

Codes: https://www.twilio.com/docs/api/errors. Statuses: the message resource of API 2010-04-01.
Twilio adds codes now and then and asks not to rely on them alone: an unknown one changes nothing
of what the status says.
"""

import re

from campaigns.outcome import Outcome
from channels.base import Cause, Handover, postponed, refused, uncertain

MESSAGE_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")

# --- an answer to "send this" -------------------------------------------------------------------
NOT_A_NUMBER = frozenset({14101, 21211, 21214, 21217, 21263, 21265, 21401, 21421, 21614, 21635})
NOT_WANTED = frozenset({21610})  # the customer has written STOP to our number
OUR_ACCOUNT = frozenset({20003, 20006, 20008, 20403, 20404, 21608})
OUR_SENDER = frozenset(
    {21212, 21213, 21266, 21267, 21603, 21606, 21659, 21660, 21661, 30024, 30034, 30041, 30042}
)
# Zero on the account suspends it, and a suspended one is "not active" to its API.
NOT_ACTIVE = frozenset({10001, 20005, 30002})
SLOW_DOWN = frozenset({10004, 20429, 21611, 30001, 30022, 30023})

# --- a message's status, every one that the API's description lists ------------------------------
STATUS: dict[str, Outcome | None] = {
    "accepted": None,
    "scheduled": None,
    "queued": None,
    "sending": None,
    "sent": None,  # the carrier has it; some never say more
    "delivered": Outcome.DELIVERED,
    "read": Outcome.DELIVERED,
    "partially_delivered": Outcome.UNDELIVERED,  # half a reminder is none
    "undelivered": Outcome.UNDELIVERED,
    "failed": Outcome.FAILED,
    "canceled": Outcome.FAILED,
    # Statuses of messages to us; of ours they say nothing.
    "receiving": None,
    "received": None,
}
_FAILURES = frozenset({"failed", "undelivered", "canceled"})
# Why a message failed or was not delivered, where the code says more than the status.
ERROR_CODE: dict[int, Outcome] = {
    21211: Outcome.BAD_ADDRESS,
    21610: Outcome.REJECTED,
    21614: Outcome.BAD_ADDRESS,
    21635: Outcome.BAD_ADDRESS,  # a landline
    30001: Outcome.FAILED,  # queue overflow
    30002: Outcome.FAILED,  # account suspended
    30003: Outcome.UNDELIVERED,  # switched off, out of reach: may work tomorrow
    30004: Outcome.REJECTED,  # blocked for this number
    30005: Outcome.BAD_ADDRESS,  # unknown or no longer in service
    30006: Outcome.BAD_ADDRESS,  # a landline, or a carrier that takes no SMS
    # Filtered for its text or its sender: the customer's number is well.
    30007: Outcome.FAILED,
    30008: Outcome.UNDELIVERED,  # the carrier gives no reason
    30010: Outcome.FAILED,
    30017: Outcome.UNDELIVERED,  # the carrier's network is congested
    30018: Outcome.FAILED,  # the sender must be registered there
    30019: Outcome.FAILED,
    30022: Outcome.FAILED,
    30023: Outcome.FAILED,
    30024: Outcome.FAILED,
    30034: Outcome.FAILED,
    30036: Outcome.FAILED,  # waited longer in Twilio's queue than we allowed
    30037: Outcome.FAILED,
    30041: Outcome.FAILED,
    30042: Outcome.FAILED,
    30410: Outcome.UNDELIVERED,  # the carrier did not answer Twilio
    30453: Outcome.UNDELIVERED,
}


def is_known(status: str) -> bool:
    return status in STATUS


def outcome_of(status: str, error_code: int | None) -> Outcome | None:
    """The outcome behind a known status, None while the message is under way."""
    if status in _FAILURES and error_code is not None:
        return ERROR_CODE.get(error_code, STATUS[status])
    return STATUS[status]


def whole_number(value: object) -> int | None:
    """A status or code of an error; the library passes on whatever the answer held."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def judge_refusal(status: int, code: int | None) -> Handover:
    """What an answer other than "created" to a message comes to; the code decides first.

    Without a code it was not Twilio that answered but something on the way: with 4xx the message
    never came to Twilio, with anything else nobody knows.
    """
    detail = f"HTTP {status}, code {code}" if code is not None else f"HTTP {status}"
    if code in NOT_A_NUMBER:
        return refused(Outcome.BAD_ADDRESS, detail)
    if code in NOT_WANTED:
        return refused(Outcome.REJECTED, detail)
    if code in SLOW_DOWN or status == 429:
        return postponed(f"throttled: {detail}", cause=Cause.THROTTLED)
    if code in NOT_ACTIVE or status == 402:
        words = f"{detail}: the account at Twilio is not active, its balance may be spent"
        return postponed(words, cause=Cause.NO_MONEY)
    if code in OUR_SENDER:
        words = f"{detail}: Twilio does not accept our sender, check twilio_sms_sender"
        return postponed(words, cause=Cause.ACCOUNT)
    if code in OUR_ACCOUNT or status in {401, 403}:
        words = f"{detail}: Twilio refuses our account, check the SID and the token"
        return postponed(words, cause=Cause.ACCOUNT)
    if not 400 <= status < 500 or status == 408:
        return uncertain(detail)
    if code is None:
        words = f"{detail}: not Twilio's own answer, check twilio_base_url"
        return postponed(words, cause=Cause.UNREACHABLE)
    return refused(Outcome.FAILED, detail)
