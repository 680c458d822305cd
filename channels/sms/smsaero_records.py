"""SMS Aero's records: a message in its list or a callback, and its account.

None of these formats is promised by the provider; what cannot be read is told as unknown and never
guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import Receipt, Sought
from channels.sms.answers import outcome_of
from channels.strange_status import report_strange_status

# Our clock and theirs may differ, and a time-out tells late of what was taken early.
BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=30)


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


def _is_reference(value: object) -> bool:
    text = str(value)
    return not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) <= 20


def _instant(seconds: object) -> datetime | None:
    """Unix time as the provider writes it; None for what is no plausible instant."""
    text = str(seconds or "")
    if not (text.isascii() and text.isdigit()) or not 9 <= len(text) <= 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
