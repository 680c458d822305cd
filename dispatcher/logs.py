"""Logs: one canonical line per attempt, JSON for machines, colours for people, no personal data.

Numbers and addresses are masked before they get near a logger; a processor masks once more
whatever slipped through, tracebacks included.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

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


def mask_text(text: str) -> str:
    """A text in which every number and address is masked."""
    text = _EMAIL.sub(lambda found: mask(found[0]), text)
    return _PHONE.sub(lambda found: mask(found[0]), text)


def _mask_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key not in ("timestamp", "token", "reference"):
            event[key] = mask_text(value)
    return event


def _plain_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Words of our closed sets as words, and nothing about what there is none of."""
    return {key: _plain(value) for key, value in event.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(one) for one in value), key=str)
    return value


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at the moment, which a program may exchange."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _AsOurs(logging.Formatter):
    """Lines of the channels and of libraries look as ours do, with time and level; tracebacks
    included, they show no number and no address."""

    def __init__(self, renderer: Processor) -> None:
        super().__init__()
        self._processors = (structlog.processors.format_exc_info, _mask_event, renderer)

    def format(self, record: logging.LogRecord) -> str:
        event: EventDict = {
            "timestamp": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            event["exc_info"] = record.exc_info
        line: Any = event
        for processor in self._processors:
            line = processor(None, record.levelname.lower(), line)
        return str(line)


def configure(
    level: str = "INFO", shape: Literal["console", "json"] = "console", *, colours: bool = True
) -> None:
    """Set up structlog and the standard library's loggers, at start; the last time counts."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if shape == "json"
        else structlog.dev.ConsoleRenderer(colors=colours and sys.stderr.isatty())
    )
    _configure_others(renderer)
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _plain_event,
        _mask_event,
        renderer,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _configure_others(renderer: Processor) -> None:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_Stderr())
        root.setLevel(logging.WARNING)
    for handler in root.handlers:
        if isinstance(handler, _Stderr):
            handler.setFormatter(_AsOurs(renderer))
