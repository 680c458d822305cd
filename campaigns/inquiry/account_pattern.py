"""The form of account numbers, as staff write it: a small, harmless part of regular expressions.

    \\d{10}    [57]\\d{7,9}    TM-\\d{8}|\\d{12}

Digits, letters, `-` and `/`, classes in brackets, `{n}`, `{n,m}` and `?`, and alternatives. No
groups, no `*`, no `+`, and few places of variable length: then no text makes matching slow.
"""

import re

from campaigns.inquiry.rules import InquiryRules

DEFAULT: str = InquiryRules().account_pattern

LONGEST_PATTERN = 200
LONGEST_ACCOUNT = 32
SHORTEST_ACCOUNT = 4  # what is shorter is found everywhere
MOST_VARIABLE = 3  # places of variable length in one alternative

_ATOM = re.compile(
    r"(?:\\d|[0-9A-Za-zА-Яа-яЁё/-]|\[(?:\\d|[0-9A-Za-zА-Яа-яЁё](?:-[0-9A-Za-zА-Яа-яЁё])?){1,40}\])"
    r"(?:\{([0-9]{1,2})(?:,([0-9]{1,2}))?\}|(\?))?"
)


def check_account_pattern(pattern: str) -> str | None:
    """Why a pattern cannot be used (`syntax`, `length`, `variable`), or None."""
    if not pattern or len(pattern) > LONGEST_PATTERN:
        return "length"
    found = (_check_alternative(one) for one in pattern.split("|"))
    reason = next((one for one in found if one), None)
    if reason is None:
        try:
            re.compile(pattern, re.ASCII)
        except re.error:  # a range such as [9-0]
            return "syntax"
    return reason


def _check_alternative(text: str) -> str | None:
    position, shortest, longest, variable = 0, 0, 0, 0
    while position < len(text):
        atom = _ATOM.match(text, position)
        if atom is None:
            return "syntax"
        low, high = _times(atom)
        if low > high:
            return "syntax"
        shortest, longest, variable = shortest + low, longest + high, variable + (low != high)
        position = atom.end()
    if shortest < SHORTEST_ACCOUNT or longest > LONGEST_ACCOUNT:
        return "length"
    return "variable" if variable > MOST_VARIABLE else None


def _times(atom: re.Match[str]) -> tuple[int, int]:
    if atom[3]:
        return 0, 1
    low = int(atom[1]) if atom[1] else 1
    return low, int(atom[2]) if atom[2] else low
