"""What Twilio tells of an SMS of ours, in callbacks and in its list."""

from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import Receipt, Sought
from channels.sms.twilio_answers import MESSAGE_SID, is_known, outcome_of
from channels.strange_status import report_strange_status
from channels.twilio.errors import whole_number

# Our clock and theirs may differ, and a time-out tells late of what was taken early.
BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=30)


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


def may_be(one: Any, sought: Sought) -> bool:
    """Whether a listed message may be the sought one; what it does not tell speaks for it."""
    if str(one.direction or "outbound").startswith("inbound"):
        return False
    if isinstance(one.to, str) and one.to != sought.contact_point:
        return False
    at = one.date_created
    told = isinstance(at, datetime) and at.tzinfo is not None
    if told and not sought.sent_at - BEFORE <= at <= sought.sent_at + AFTER:
        return False
    if not sought.text or not isinstance(one.body, str) or not one.body:
        return True
    # A trial account puts words of its own before the text.
    return one.body.strip().endswith(sought.text.strip())
