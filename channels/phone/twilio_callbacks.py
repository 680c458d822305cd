"""What Twilio's callbacks say of a call. Their signature has been checked; their fields have not.

begin     somebody has answered: a person or a machine; nothing was said yet
gather    the message was played to its end, or a key was pressed before
operator  somebody has answered at the operator's
dial      the operator's part is over
status    the call is over
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import CallStage, Forged, Payload, Receipt
from channels.phone.twilio_codes import DIALLED, UNDER_WAY, CallEnd
from channels.phone.twiml import ask_again, expected_seconds, hang_up, round_of, try_of
from channels.strange_status import report_strange_status

CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")
_PATH = re.compile(r"/twilio/(begin|gather|status|dial|operator)/([^/]+)/?\Z")
_KEYS = frozenset("0123456789*#")


def read(payload: Payload, reply: str) -> Receipt:
    """The receipt in a genuine callback. `reply` is what a call is told that waits for words and
    for which nothing else is decided. Raises Forged for an address we never gave.
    """
    found = _PATH.search(urlsplit(payload.url).path)
    if found is None:
        raise Forged("a callback to an address we never gave")
    kind, token, form = found[1], unquote(found[2]), payload.form
    if kind == "begin":
        return _begun(form, token, payload.url)
    if kind == "gather":
        return _gathered(form, token, round_of(payload.url), reply)
    if kind == "operator":
        return _operator_answered(form, token)
    if kind == "dial":
        return _dialled(form, token, reply)
    end = CallEnd(
        status=form.get("CallStatus", ""),
        answered_by=form.get("AnsweredBy", ""),
        seconds=seconds_in(form.get("CallDuration")),
        sip_code=_sip_code(form.get("SipResponseCode")),
        expected_seconds=expected_seconds(payload.url),
    )
    return receipt_of(end, token, _sid(form, "CallSid"), _instant(form.get("Timestamp")))


def receipt_of(
    end: CallEnd, token: str | None, reference: str | None, at: datetime | None = None
) -> Receipt:
    """What the state of a call says; without an outcome the call goes on, or its length decides."""
    if end.is_known:
        told = f"SIP {end.sip_code}" if end.sip_code else ""
        detail = f"{end.status} {told}".strip()
    else:
        detail = _strange(end.status)
    return Receipt(
        token=token,
        reference=reference,
        outcome=end.outcome,
        final=end.outcome is not None,
        at=at,
        seconds=end.seconds,
        detail=detail,
    )


def _begun(form: Mapping[str, str], token: str, url: str) -> Receipt:
    """The call was answered and waits for its first words. Only a person is worth a second try."""
    end = CallEnd(status="in-progress", answered_by=form.get("AnsweredBy", ""))
    waits = not end.by_machine and _goes_on(form)
    return Receipt(
        token,
        _sid(form, "CallSid"),
        Outcome.MACHINE if end.by_machine else None,
        final=False,
        reply=hang_up(),
        late_reply=ask_again(url) if waits else "",
        stage=CallStage.BEGUN,
        round=try_of(url),
    )


def _gathered(form: Mapping[str, str], token: str, round_: int, reply: str) -> Receipt:
    """A key, whose meaning is not ours to know, or silence: a sign that all was heard."""
    digits = form.get("Digits", "")
    key = digits[:1] if digits[:1] in _KEYS else ""
    end = CallEnd(status="in-progress", answered_by=form.get("AnsweredBy", ""))
    outcome = Outcome.MACHINE if end.by_machine else Outcome.HEARD
    # A line that is dead already, or an input that is no key, proves no listening to the end.
    silent = not digits and _goes_on(form)
    return Receipt(
        token,
        _sid(form, "CallSid"),
        outcome if silent else None,
        final=False,
        detail=f"key {key}" if key else "",
        reply=reply,
        stage=CallStage.KEYS,
        key=key,
        round=round_,
    )


def _operator_answered(form: Mapping[str, str], token: str) -> Receipt:
    """The operator's own part has been answered. It is a call of its own: ours is its parent."""
    answered = form.get("CallStatus", "") in {"in-progress", "answered"}
    return Receipt(
        token,
        _sid(form, "ParentCallSid"),
        Outcome.CONNECTED if answered else None,
        final=False,
        at=_instant(form.get("Timestamp")),
        stage=CallStage.OPERATOR_ANSWERED if answered else None,
    )


def _dialled(form: Mapping[str, str], token: str, reply: str) -> Receipt:
    """The talk is over, or nobody came to it.

    Of a customer who rang off while it rang, Twilio says by `CallStatus` that the call is over; the
    operator's part gets one status or another.
    """
    status = form.get("DialCallStatus", "")
    outcome, detail = DIALLED.get(status), status
    if outcome is None and status:
        outcome, detail = Outcome.UNCERTAIN, _strange(status)
    if outcome is Outcome.NOBODY_FREE and not _goes_on(form):
        outcome = None  # it was the customer who rang off: the end of the call tells that
    talked = seconds_in(form.get("DialCallDuration"))
    if outcome is Outcome.CONNECTED and talked is not None:
        detail = f"{status}, talked {talked:g} s"
    return Receipt(
        token,
        _sid(form, "CallSid"),
        outcome,
        final=outcome is Outcome.UNCERTAIN,
        detail=detail,
        reply=reply,
        stage=CallStage.OPERATOR_DONE,
    )


def _goes_on(form: Mapping[str, str]) -> bool:
    """Whether the customer is still on the line, as far as the request tells."""
    return form.get("CallStatus", "in-progress") in UNDER_WAY


def _sid(form: Mapping[str, str], name: str) -> str | None:
    sid = form.get(name, "")
    return sid if CALL_SID.fullmatch(sid) else None


def _strange(status: str) -> str:
    return report_strange_status(ChannelName.PHONE, "twilio", status)


def seconds_in(text: object) -> float | None:
    """Seconds as Twilio writes them; None for an empty or an absurd value."""
    digits = str(text if text is not None else "")
    return float(digits) if digits.isascii() and digits.isdigit() and len(digits) < 7 else None


def _sip_code(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) == 3 else None


def _instant(text: str | None) -> datetime | None:
    """An RFC 2822 instant of Twilio's; None when it cannot be read or names no zone."""
    try:
        at = parsedate_to_datetime(text or "")
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
