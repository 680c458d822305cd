"""SMS Aero's records: a message in its list or a callback, its account, a customer's answer.

None of these formats is promised by the provider; what cannot be read is told as unknown and never
guessed.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import Inbound, Payload, Receipt, Sought
from channels.sms.answers import outcome_of
from channels.strange_status import report_strange_status

# Our clock and theirs may differ, and a time-out tells late of what was taken early.
BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=30)
_SEPARATORS = re.compile(r"[\s()\-.\u00a0]+")
_RUSSIAN_LENGTH = 11


class Unreadable(ValueError):
    """An answer that is not what the provider's library leads us to expect."""


def make_receipt(token: str | None, reference: object, fields: Mapping[str, Any]) -> Receipt:
    """What a record with `status` and `extendStatus` says of a message."""
    status, name = fields.get("status"), fields.get("extendStatus")
    known = str(reference) if _is_reference(reference) else None
    at = _instant(fields.get("dateAnswer") or fields.get("timestamp"))
    try:
        outcome = outcome_of(status, name)
    except LookupError:
        detail = report_strange_status(ChannelName.SMS, "smsaero", name or status)
        return Receipt(token, known, Outcome.UNCERTAIN, at=at, detail=detail)
    detail = f"status {status}" if str(status or "").isdigit() else ""
    return Receipt(token, known, outcome, final=outcome is not None, at=at, detail=detail)


def has_status(fields: Mapping[str, Any]) -> bool:
    return any(fields.get(name) not in (None, "") for name in ("status", "extendStatus"))


def records(listed: object) -> tuple[Mapping[str, Any], ...]:
    """The entries on one page of a list: `{"0": {…}, "1": {…}, "links": {…}, "totalCount": "2"}`.

    Raises Unreadable for a page that does not tell how many there are in all: an empty one of that
    kind would prove nothing.
    """
    if not isinstance(listed, Mapping) or total(listed) is None:
        raise Unreadable("a list without its length")
    found = tuple(entry for name, entry in listed.items() if str(name).isdigit())
    if not all(isinstance(entry, Mapping) for entry in found):
        raise Unreadable("a list with something else in it")
    return found


def total(listed: Mapping[str, Any]) -> int | None:
    text = str(listed.get("totalCount"))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def candidates(listed: Iterable[Mapping[str, Any]], sought: Sought) -> Sequence[Receipt]:
    """The messages that may be the sought one; raises Unreadable for one without id or status."""
    found = [entry for entry in listed if _may_be(entry, sought)]
    if not all(_is_reference(entry.get("id")) and has_status(entry) for entry in found):
        raise Unreadable("a message without an id or a status")
    return [make_receipt(None, entry["id"], entry) for entry in found]


def _may_be(entry: Mapping[str, Any], sought: Sought) -> bool:
    """What an entry does not tell speaks for it."""
    number = entry.get("number")
    if number not in (None, "") and str(number).lstrip("+") != sought.contact_point.lstrip("+"):
        return False
    at = _instant(entry.get("dateCreate"))
    if at is not None and not sought.sent_at - BEFORE <= at <= sought.sent_at + AFTER:
        return False
    text = entry.get("text")
    if not sought.text or not isinstance(text, str) or not text:
        return True
    return text.strip() == sought.text.strip()


def read_inbound(payload: Payload) -> Inbound:
    """An SMS that a customer wrote, as a form or as flat JSON; ValueError when unreadable."""
    number = _normal(_first(payload.form, "number", "from", "phone"))
    text = _first(payload.form, "text", "message", "sms")
    if not number or text is None:
        raise ValueError("an SMS without a sender's number or without a text")
    reference = _first(payload.form, "id") or ""
    if not _is_reference(reference):
        reference = _fingerprint(payload.form)
    at = _instant(_first(payload.form, "date", "dateReceive", "timestamp"))
    return Inbound(reference, number, text, at)


def _first(form: Mapping[str, str], *names: str) -> str | None:
    """The first of these fields that is there; JSON's null is not."""
    lowered = {name.lower(): value for name, value in form.items()}
    found = (lowered.get(name.lower()) for name in names)
    return next((value for value in found if value not in (None, "", "null")), None)


def _normal(number: str | None) -> str | None:
    """E.164 from the digits of a number as people and gates write it; None for what is none."""
    digits = _SEPARATORS.sub("", number or "").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if len(digits) == _RUSSIAN_LENGTH and digits.startswith("8"):
        digits = f"7{digits[1:]}"
    elif len(digits) == _RUSSIAN_LENGTH - 1 and digits.startswith("9"):
        digits = f"7{digits}"
    plausible = 7 <= len(digits) <= 15 and not digits.startswith("0")
    return f"+{digits}" if plausible else None


def _fingerprint(form: Mapping[str, str]) -> str:
    """The name of a message that bears none: the same when it is posted again."""
    told = "\x00".join(f"{name}\x01{form[name]}" for name in sorted(form))
    return "~" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def _is_reference(value: object) -> bool:
    text = str(value)
    return not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) <= 20


def _instant(seconds: object) -> datetime | None:
    """Unix time as the provider writes it; None for what is no plausible instant."""
    text = str(seconds or "")
    if not (text.isascii() and text.isdigit()) or not 9 <= len(text) <= 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
