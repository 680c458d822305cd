"""What Twilio's answers, message statuses and error codes mean for an SMS.

Codes: https://www.twilio.com/docs/api/errors. Statuses: the message resource of API 2010-04-01.
Twilio adds codes now and then and asks not to rely on them alone: an unknown one changes nothing
of what the status says.
"""

import re

from campaigns.outcome import Outcome
from channels.twilio.errors import (
    INVALID_NUMBER,
    NO_MONEY,
    NOT_OUR_SENDER,
    OUR_CREDENTIALS,
    SLOW_DOWN,
    Codes,
)

MESSAGE_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")

# --- an answer to "send this" -------------------------------------------------------------------
SEND_CODES = Codes(
    invalid_number=INVALID_NUMBER | {14101, 21263, 21265, 21614, 21635},
    our_credentials=OUR_CREDENTIALS | {20403, 20404, 21608},
    our_sender=NOT_OUR_SENDER
    | {21266, 21267, 21603, 21659, 21660, 21661, 30024, 30034, 30041, 30042},
    no_money=NO_MONEY | {30002},
    slow_down=SLOW_DOWN | {21611, 30001, 30022, 30023},
    sender_words="our sender, check twilio_sms_sender",
)

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
