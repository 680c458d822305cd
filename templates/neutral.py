"""Values are data: what a spreadsheet cell may not do to a header, a line or a reader's screen."""

import re
import unicodedata

# Line and paragraph separators act as line ends in some programs; control characters in all.
_BREAKING = frozenset({"Cc", "Zl", "Zp"})
# Invisible formatting (bidirectional overrides, byte order marks) and lone surrogates, which no
# encoding can carry.
_INVISIBLE = frozenset({"Cf", "Cs", "Cn", "Co"})
_SUSPECT = re.compile(r"[^\x20-\x7e\u00a0-\u00ac\u00ae-\u024f\u0400-\u04ff\u2010-\u2015№₽«»…]")


def neutral(value: str) -> str:
    """The value as one harmless line: control characters become spaces, invisible ones vanish."""
    # `isprintable` says no to every character that would change, and to some that would not.
    if value.isprintable() or not _SUSPECT.search(value):
        return value
    return "".join(map(_neutral_character, value))


def one_line(text: str) -> str:
    """Neutral, trimmed, and every run of white space a single plain space."""
    return " ".join(neutral(text).split())


def _neutral_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in _BREAKING:
        return " "
    return "" if category in _INVISIBLE else character
