"""What SMS Aero's answers and receipts mean.

The numbers of `status` and the words of `extendStatus` are not promised in one place by the
provider; the tables hold every one that its documentation, library or users mention. Anything else
is uncertain, and staff are warned: the provider's list or a later receipt settles it.
"""

import re
from collections.abc import Mapping
from typing import Any

from campaigns.outcome import Outcome
from channels.base import Cause, Handover, accepted, postponed, refused, uncertain
from channels.gateway import NO_VERDICT, retry_after_seconds
from channels.sms.gate import Exchange

STATUS: dict[int, Outcome | None] = {
    0: None,  # queued
    1: Outcome.DELIVERED,
    2: Outcome.UNDELIVERED,
    3: None,  # sent to the operator
    4: None,  # waiting for the operator's word
    6: Outcome.REJECTED,
    8: None,  # under moderation
}
EXTEND_STATUS: dict[str, Outcome | None] = {
    "queue": None,
    "delivery": Outcome.DELIVERED,
    "delivery success": Outcome.DELIVERED,
    "delivered": Outcome.DELIVERED,
    "undelivered": Outcome.UNDELIVERED,
    "expired": Outcome.UNDELIVERED,
    "undelivery": Outcome.UNDELIVERED,
    "delivery failure": Outcome.UNDELIVERED,
    "transmitted": None,
    "sent": None,
    "smsc submit": None,
    "wait status": None,
    "moderation": None,
    "reject": Outcome.REJECTED,
    "rejected": Outcome.REJECTED,
    "smsc reject": Outcome.REJECTED,
    "canceled": Outcome.FAILED,
    "cancelled": Outcome.FAILED,
}

_NO_MONEY = ("no credits", "not enough money", "insufficient funds", "insufficient balance")
_NO_ENTRY = ("credential", "unauthorized", "authoriz", "api key", "авторизац")
_SLOW_DOWN = ("too many", "per second", "per minute", "per hour", "rate limit", "в минуту")
# The whole of what is said, not a word of it: "exceeded the number of messages" is no bad number.
_BAD_NUMBER = re.compile(
    r"(invalid|incorrect|wrong|bad) (phone |mobile )?number"
    r"|(phone |mobile )?number (is )?(invalid|incorrect|wrong|not valid)"
    r"|(неверный|неправильный|некорректный|недопустимый) номер( телефона| абонента| получателя)?"
    r"|номер( телефона| абонента| получателя)? (указан )?(неверен|некорректен|неверно|некорректно)"
)


def outcome_of(status: object, extend_status: object) -> Outcome | None:
    """The outcome behind a status, given as a number, its digits or its name.

    None for a stage on the way; raises LookupError for what no table knows.
    """
    text = str(status if status is not None else "").strip()
    if text.isascii() and text.isdigit() and int(text[:9]) in STATUS:
        return STATUS[int(text[:9])]
    return EXTEND_STATUS[str(extend_status or text).strip().lower().replace("_", " ")]


def judge(exchange: Exchange) -> Handover:
    """What one request to send came to.

    The request has left us whole, so that only three answers prove that nothing was taken: 429;
    401, which means "has not been applied" (RFC 9110, section 15.5.2); and a refusal in the
    provider's own JSON. A page of a proxy proves nothing, whatever its status: the message may have
    been taken before, and asking another provider would send it twice.
    """
    status = exchange.status
    if not exchange.sent:
        return postponed("no connection to the gate", cause=Cause.UNREACHABLE)
    if status is None:
        return uncertain("no answer from the gate after the request was sent")
    if status == 429:
        wait_seconds = retry_after_seconds(exchange.retry_after)
        return postponed(f"throttled ({status})", wait_seconds, cause=Cause.THROTTLED)
    if status == 401:
        return _no_entry(f" ({status})")
    if exchange.body is not None and status < 500:
        return _judge_body(exchange.body, status)
    hint = ": check the address in smsaero_gate" if status in {404, 405, 410} else ""
    return uncertain(f"the gate answers {status} and not as agreed{hint}")


def _judge_body(body: Mapping[str, Any], status: int) -> Handover:
    result = body.get("result")
    if result == "no credits":
        return _no_money()
    if result == "reject":
        return refused(Outcome.REJECTED, "reject")
    if body.get("success"):
        sent = body.get("data")
        reference = sent.get("id") if isinstance(sent, Mapping) else None
        if isinstance(reference, int | str) and str(reference).isdigit():
            return accepted(str(reference))
        return uncertain("accepted without an id")
    if "success" not in body:
        return uncertain("an answer without a verdict")
    if status == 402:
        return _no_money()
    if status == 403:
        return _no_entry(f" ({status})")
    known = _known_failure(body)
    if known is not None:
        return known
    if status in NO_VERDICT:
        return uncertain(f"the gate answers {status} and says not why")
    return refused(Outcome.FAILED, "refused by the gate")


def _known_failure(body: Mapping[str, Any]) -> Handover | None:
    """`success: false`: the message says why in words, `data` names the field it dislikes."""
    words = str(body.get("message") or "").lower()
    fields = body.get("data")
    disliked = {str(name).lower() for name in fields} if isinstance(fields, Mapping) else set()
    if any(sign in words for sign in _NO_MONEY):
        return _no_money()
    if any(sign in words for sign in _NO_ENTRY):
        return _no_entry()
    of_number = bool(disliked & {"number", "numbers"})
    told = f"{words} {str(fields).lower()}" if of_number else words
    if any(sign in told for sign in _SLOW_DOWN):
        return postponed("throttled", cause=Cause.THROTTLED, about_recipient=of_number)
    if of_number or _BAD_NUMBER.fullmatch(words.strip(" .!")):
        return refused(Outcome.BAD_ADDRESS, "invalid number")
    if "sign" in disliked or "sign" in words.split() or "подпис" in words:
        words = "the gate does not know our sender's name: check sms_sign"
        return postponed(words, cause=Cause.ACCOUNT)
    return None


def _no_money() -> Handover:
    return postponed("no credits", cause=Cause.NO_MONEY)


def _no_entry(status: str = "") -> Handover:
    return postponed(f"the gate refuses our e-mail and API key{status}", cause=Cause.ACCOUNT)
