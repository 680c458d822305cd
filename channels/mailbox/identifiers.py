"""Message-IDs as letters bear and quote them (RFC 5322, section 3.6.4)."""

import re

_IN_BRACKETS = re.compile(r"<([^<>]{3,600})>")
_FIT = re.compile(r"[!-;=?-~]{1,300}@[!-;=?-~]{1,200}")
_MOST_CHARACTERS = 400


def identifiers(value: str, most: int) -> tuple[str, ...]:
    """The last of the identifiers that are worth the name, each once, with their brackets."""
    found = [one for text in _IN_BRACKETS.findall(value) if (one := _identifier(text))]
    if not found and "<" not in value and len(value) <= _MOST_CHARACTERS:
        found = [one for one in [_identifier(value)] if one]  # programs that forget the brackets
    return tuple(dict.fromkeys(reversed(found)))[:most][::-1]


def identifier(value: str) -> str:
    """The first identifier; empty where there is none."""
    return next(iter(identifiers(value, 1000)), "")


def _identifier(text: str) -> str:
    plain = "".join(text.split())  # folded in the middle
    if len(plain) > _MOST_CHARACTERS or not _FIT.fullmatch(plain):
        return ""
    return f"<{plain}>"
