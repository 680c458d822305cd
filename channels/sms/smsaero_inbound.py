"""What customers write to us, as SMS Aero posts it.

The provider promises no form, and a stop must not get lost over that: a form, flat or nested JSON
and lists are read, under any name that a number or a text goes by. What cannot be told with
certainty is handed on as it came, for staff to read.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from channels.base import Inbound, Payload, Unread

_NUMBERS = ("number", "from", "phone", "msisdn", "sender", "source")
_TEXTS = ("text", "message", "sms", "body", "content")
_INSTANTS = ("date", "datereceive", "timestamp")
# Deeper than this no message lies, and a stranger who knows the address must not make us dig.
DEEPEST = 6
MOST_FIELDS = 200
_SEPARATORS = re.compile(r"[\s()\-.\u00a0]+")
_RUSSIAN_LENGTH = 11

Fields = Mapping[str, str]


def read_inbound(payload: Payload) -> Sequence[Inbound | Unread]:
    """Every message in one request, read or not; nothing for a request without a word."""
    told = _told(payload)
    if not told:
        return [Unread(_decoded(payload.body))] if payload.body.strip() else []
    return list(_messages(told, {}, 1))


def _told(payload: Payload) -> Any:
    """What was posted: JSON of any shape, else the fields of a form or of the address."""
    text = _decoded(payload.body).strip()
    if not text:
        return _form(urlsplit(payload.url).query) or dict(payload.form)
    if text[0] in "{[":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None
    return _form(text)


def _form(text: str) -> dict[str, str]:
    """Empty when it is no form."""
    if "=" not in text or text.startswith("<"):
        return {}
    for encoding in ("utf-8", "cp1251"):
        try:
            pairs = parse_qsl(
                text,
                keep_blank_values=True,
                encoding=encoding,
                errors="strict",
                max_num_fields=MOST_FIELDS,
            )
        except ValueError:
            continue
        return dict(pairs)
    return {}


def _decoded(body: bytes) -> str:
    """Text in UTF-8, or else in the encoding that Russian programs use otherwise."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1251", "replace")


def _messages(told: object, around: Fields, depth: int) -> Iterator[Inbound | Unread]:
    """The messages in a part of what was posted; `around` are the fields that enclose it.

    Only structure is followed, never a text that looks like JSON: a customer may have written it.
    """
    if isinstance(told, Mapping):
        own = {str(name).lower(): _scalar(value) for name, value in told.items()}
        fields = {name: value for name, value in own.items() if value is not None}
        inside: list[object] = [value for value in told.values() if isinstance(value, dict | list)]
        is_one = any(name in fields for name in (*_NUMBERS, *_TEXTS))
    else:
        fields = {}
        inside = [one for one in told if _is_something(one)] if isinstance(told, list) else []
        is_one = False
    message = _message(fields, around) if is_one else None
    if message is not None:
        yield message
        return
    if inside and depth < DEEPEST and isinstance(told, Mapping | list):
        below = {**around, **fields}
        for one in inside:
            yield from _messages(one, below, depth + 1)
        return
    numbers = _numbers(fields) or _numbers(around)
    yield Unread(
        json.dumps(told, ensure_ascii=False, default=str),
        numbers.pop() if len(numbers) == 1 else "",
    )


def _is_something(value: object) -> bool:
    return value not in (None, "", [], {})


def _scalar(value: object) -> str | None:
    """A field's text; JSON's null, however it is written, is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) if value not in ("", "null") else None


def _message(fields: Fields, around: Fields) -> Inbound | None:
    """One message, if its number and its text are certain."""
    numbers = _numbers(fields) or _numbers(around)
    text = _text(fields) if _texts(fields) else _text(around)
    if len(numbers) != 1 or text is None:
        return None
    whole = {**around, **fields}
    reference = fields.get("id", "")
    if not (reference.isascii() and reference.isdigit() and len(reference) <= 20):
        # Without an instant the same words would bear the same name for ever.
        is_one_moment = bool(reference) or any(name in whole for name in _INSTANTS)
        reference = _fingerprint(whole) if is_one_moment else ""
    at = next((at for name in _INSTANTS if (at := _instant(whole.get(name)))), None)
    return Inbound(reference, numbers.pop(), text, at)


def _numbers(fields: Fields) -> set[str]:
    """The telephone numbers of a sender; a name of ours under `sender` is none."""
    return {number for name in _NUMBERS if (number := normal_number(fields.get(name))) is not None}


def _texts(fields: Fields) -> list[str]:
    return [fields[name] for name in _TEXTS if name in fields]


def _text(fields: Fields) -> str | None:
    """What was written: `text` where there is one, else what all the other names agree on."""
    texts = _texts(fields)
    return texts[0] if "text" in fields or len(set(texts)) == 1 else None


def normal_number(number: str | None) -> str | None:
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


def _fingerprint(fields: Fields) -> str:
    """A name for a message that bears no good one: the same when it is posted again."""
    told = "\x00".join(f"{name}\x01{fields[name]}" for name in sorted(fields))
    return "~" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def _instant(seconds: str | None) -> datetime | None:
    """Unix time; None for what is no plausible instant."""
    text = seconds or ""
    if not (text.isascii() and text.isdigit()) or not 9 <= len(text) <= 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
