"""What a client of the sandbox's Twilio asks for when it places a call."""

import re
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.responses import Response

from channels.sandbox.twilio_rest import error

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What the client asked for."""

    to: str
    from_: str
    twiml: str | None
    url: str | None
    method: str = "POST"
    ring_seconds: float = 60.0
    limit_seconds: float = 14_400.0
    detect_machine: bool = False
    status_callback: str | None = None
    status_method: str = "POST"
    status_events: frozenset[str] = frozenset({"completed"})


def mistake_in(form: FormData) -> Response | None:
    """What Twilio answers to a request it does not take; None for a sound one."""
    if not text_in(form, "To"):
        return error(400, 21201, "No 'To' number is specified")
    if not text_in(form, "From"):
        return error(400, 21213, "No 'From' number is specified")
    if not _NUMBER.fullmatch(text_in(form, "To") or ""):
        return error(400, 21211, "The 'To' number is not a valid phone number")
    if not (text_in(form, "Twiml") or text_in(form, "Url") or text_in(form, "ApplicationSid")):
        return error(400, 21205, "Url parameter is required")
    if len(text_in(form, "Twiml") or "") > 4000:
        return error(400, 21262, "Twiml is longer than 4000 characters")
    return None


def read_request(form: FormData) -> CallRequest:
    events = [str(value) for value in form.getlist("StatusCallbackEvent")]
    named = {name for event in events for name in event.split()}
    return CallRequest(
        to=text_in(form, "To") or "",
        from_=text_in(form, "From") or "",
        twiml=text_in(form, "Twiml"),
        url=text_in(form, "Url"),
        method=text_in(form, "Method") or "POST",
        ring_seconds=_seconds(form, "Timeout", 60.0),
        limit_seconds=_seconds(form, "TimeLimit", 14_400.0),
        detect_machine=text_in(form, "MachineDetection") in {"Enable", "DetectMessageEnd"},
        status_callback=text_in(form, "StatusCallback"),
        status_method=text_in(form, "StatusCallbackMethod") or "POST",
        status_events=frozenset(named or {"completed"}),
    )


def text_in(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) and value else None


def _seconds(form: FormData, name: str, default: float) -> float:
    text = text_in(form, name) or ""
    return float(text[:6]) if text.isascii() and text.isdigit() else default
