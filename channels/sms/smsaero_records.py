"""SMS Aero's records: a message in its list or a callback, and its account.

None of these formats is promised by the provider; what cannot be read is told as unknown and never
guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import Receipt, SaysNothing, Sought
from channels.likeness import Likeness, likeness
from channels.sms.answers import outcome_of
from channels.strange_status import report_strange_status


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
    found = [
        (entry, like) for entry in listed if (like := _likeness(entry, sought)) is not Likeness.NONE
    ]
    if not all(_is_reference(entry.get("id")) and has_status(entry) for entry, _like in found):
        raise Unreadable("a message without an id or a status")
    return [
        replace(make_receipt(None, entry["id"], entry), out_of_time=like is Likeness.OUT_OF_TIME)
        for entry, like in found
    ]


def _likeness(entry: Mapping[str, Any], sought: Sought) -> Likeness:
    """What an entry does not tell speaks for it."""
    if not is_to(entry, sought.contact_point) and entry.get("number") not in (None, ""):
        return Likeness.NONE
    at, text = created_at(entry), entry.get("text")
    if not sought.text or not isinstance(text, str) or not text:
        return likeness(at, sought, same_words=False)
    if text.strip() != sought.text.strip():
        return Likeness.NONE
    return likeness(at, sought, same_words=True)


def is_to(entry: Mapping[str, Any], contact_point: str) -> bool:
    return str(entry.get("number")).lstrip("+") == contact_point.lstrip("+")


def created_at(entry: Mapping[str, Any]) -> datetime | None:
    return _instant(entry.get("dateCreate"))


def number_of(entry: Mapping[str, Any]) -> int | None:
    """Whose message an entry is, as the list's filter wants it."""
    digits = str(entry.get("number")).lstrip("+")
    plausible = digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15
    return int(digits) if plausible else None


def read_receipt(token: str, form: Mapping[str, str]) -> Receipt:
    """A callback; raises SaysNothing where no status is told: whoever looks whether an address
    exists must not put what we know in doubt."""
    if "status" not in form and "extendStatus" not in form:
        raise SaysNothing(token)
    return make_receipt(token, form.get("id") or form.get("smsId"), form)


def _is_reference(value: object) -> bool:
    text = str(value)
    return not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) <= 20


def _instant(seconds: object) -> datetime | None:
    """Unix time as the provider writes it; None for what is no plausible instant."""
    text = str(seconds or "")
    if not (text.isascii() and text.isdigit()) or not 9 <= len(text) <= 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
