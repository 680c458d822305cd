"""Logs: one canonical line per attempt, JSON for machines, colours for people, no personal data.

Numbers and addresses are masked before they get near a logger; a processor masks once more
whatever slipped through, tracebacks included.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

_PHONE = re.compile(r"\+?\d{11,15}\b")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")

# Their DEBUG lines carry the API key or whole messages.
_TALKATIVE = (
    "smsaero",
    "urllib3",
    "requests",
    "twilio",
    "aiohttp",
    "aiosmtplib",
    "mail.log",
    "asyncio",
    "uvicorn",
    "uvicorn.access",
    "uvicorn.error",
)


def mask(contact_point: str) -> str:
    """A number or an address that can be recognised by who knows it, and by nobody else."""
    if "@" in contact_point:
        local, _, domain = contact_point.partition("@")
        return f"{local[:1]}***@{domain}"
    if len(contact_point) > 7:
        return f"{contact_point[:5]}***{contact_point[-2:]}"
    return "***"


def _mask_text(text: str) -> str:
    text = _EMAIL.sub(lambda found: mask(found[0]), text)
    return _PHONE.sub(lambda found: mask(found[0]), text)


def _mask_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key not in ("timestamp", "token", "reference"):
            event[key] = _mask_text(value)
    return event


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at the moment, which a program may exchange."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _Masked(logging.Formatter):
    """Lines of libraries too, tracebacks included, show no number and no address."""

    def format(self, record: logging.LogRecord) -> str:
        return _mask_text(super().format(record))


def configure(
    level: str = "INFO", shape: Literal["console", "json"] = "console", *, colours: bool = True
) -> None:
    """Set up structlog and the standard library's loggers once, at start."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    if not root.handlers:
        handler = _Stderr()
        handler.setFormatter(_Masked("%(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.WARNING)
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if shape == "json"
        else structlog.dev.ConsoleRenderer(colors=colours and sys.stderr.isatty())
    )
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_event,
        renderer,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
