"""What SMS Aero's answers and receipts mean.

The numbers of `status` and the words of `extendStatus` are not promised in one place by the
provider; the tables hold every one that its documentation, library or users mention. Anything else
is uncertain, and staff are warned: the provider's list or a later receipt settles it.
"""

from collections.abc import Mapping
from typing import Any

from campaigns.outcome import Outcome
from channels.base import Cause, Handover, accepted, postponed, refused, uncertain
from channels.gateway import retry_after_seconds
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

_NO_MONEY = ("no credits", "not enough money", "insufficient")
_NO_ENTRY = ("credential", "unauthorized", "authoriz", "api key", "авторизац")


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

    An answer that is not the provider's JSON proves nothing when it comes with 2xx or 5xx (a proxy
    may have lost the answer to a message that was taken), with two exceptions: 429 and a 503 that
    names a Retry-After were turned away at the door. Any other 4xx was refused before it was read.
    """
    status = exchange.status
    if not exchange.sent:
        return postponed("no connection to the gate", cause=Cause.UNREACHABLE)
    if status is None:
        return uncertain("no answer from the gate after the request was sent")
    wait_seconds = retry_after_seconds(exchange.retry_after)
    if status == 429 or (status == 503 and wait_seconds is not None):
        return postponed(f"throttled ({status})", wait_seconds, cause=Cause.THROTTLED)
    if status in {401, 403}:
        return _no_entry(f" ({status})")
    if status == 402:
        return _no_money()
    if exchange.body is not None and status < 500:
        return _judge_body(exchange.body)
    if 400 <= status < 500:
        words = f"the gate answers {status}: check the address in smsaero_gate"
        return postponed(words, cause=Cause.UNREACHABLE)
    return uncertain(f"the gate answers {status} and not as agreed")


def _judge_body(body: Mapping[str, Any]) -> Handover:
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
    return _judge_failure(body)


def _judge_failure(body: Mapping[str, Any]) -> Handover:
    """`success: false`: the message says why in words, `data` names the field it dislikes."""
    words = str(body.get("message") or "").lower()
    fields = body.get("data")
    disliked = {str(name).lower() for name in fields} if isinstance(fields, Mapping) else set()
    if any(sign in words for sign in _NO_MONEY):
        return _no_money()
    if any(sign in words for sign in _NO_ENTRY):
        return _no_entry()
    if disliked & {"number", "numbers"} or "number" in words or "номер" in words:
        return refused(Outcome.BAD_ADDRESS, "invalid number")
    if "sign" in disliked or "sign" in words.split() or "подпис" in words:
        words = "the gate does not know our sender's name: check sms_sign"
        return postponed(words, cause=Cause.ACCOUNT)
    return refused(Outcome.FAILED, "refused by the gate")


def _no_money() -> Handover:
    return postponed("no credits", cause=Cause.NO_MONEY)


def _no_entry(status: str = "") -> Handover:
    return postponed(f"the gate refuses our e-mail and API key{status}", cause=Cause.ACCOUNT)
