"""What Twilio tells of an SMS of ours, in callbacks and in its list."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import Receipt, Sought
from channels.likeness import Likeness, likeness
from channels.sms.twilio_answers import MESSAGE_SID, is_known, outcome_of
from channels.strange_status import report_strange_status
from channels.twilio.errors import whole_number


def make_receipt(
    token: str | None,
    sid: str | None,
    status: str,
    error_code: int | None,
    at: datetime | None = None,
) -> Receipt:
    """The receipt behind a status; one that no table knows is uncertain, and staff are warned."""
    if not is_known(status):
        detail = report_strange_status(ChannelName.SMS, "twilio", status)
        return Receipt(token, sid, Outcome.UNCERTAIN, detail=detail)
    outcome = outcome_of(status, error_code)
    detail = f"{status}, code {error_code}" if error_code else status
    # Of a message that is under way the instant says nothing.
    at = at if outcome is not None else None
    return Receipt(token, sid, outcome, final=outcome is not None, at=at, detail=detail)


def read_listed(found: Any) -> Receipt:
    """A message of Twilio's list; raises ValueError when it has no SID or status."""
    if not isinstance(found.sid, str) or not MESSAGE_SID.fullmatch(found.sid):
        raise ValueError("a message without a SID")
    if not found.status or not isinstance(found.status, str):
        raise ValueError("a message without a status")
    at = found.date_updated
    at = at.astimezone(UTC) if isinstance(at, datetime) and at.tzinfo else None
    return make_receipt(None, found.sid, found.status, whole_number(found.error_code), at)


def candidates(listed: Iterable[Any], sought: Sought) -> Sequence[Receipt]:
    """The messages of a list that may be the sought one; raises ValueError as `read_listed`."""
    found = [(one, _likeness(one, sought)) for one in listed]
    return [
        replace(read_listed(one), out_of_time=like is Likeness.OUT_OF_TIME)
        for one, like in found
        if like is not Likeness.NONE
    ]


def _likeness(one: Any, sought: Sought) -> Likeness:
    """Whether a listed message may be the sought one; what it does not tell speaks for it."""
    if str(one.direction or "outbound").startswith("inbound"):
        return Likeness.NONE
    if isinstance(one.to, str) and one.to != sought.contact_point:
        return Likeness.NONE
    at = one.date_created
    at = at if isinstance(at, datetime) and at.tzinfo is not None else None
    if not sought.text or not isinstance(one.body, str) or not one.body:
        return likeness(at, sought, same_words=False)
    # A trial account puts words of its own before the text.
    if not one.body.strip().endswith(sought.text.strip()):
        return Likeness.NONE
    return likeness(at, sought, same_words=True)
