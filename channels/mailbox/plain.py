"""Text of strangers without what has no place in a text: only letters, signs, spaces, line ends."""

import re

# Control, formatting and private characters, lone surrogates, the last of the tag characters.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ud800-\uf8ff\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U000e0000-\U0010ffff]+"
)
_WIDE_SPACE = re.compile("[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def plain_text(text: str, most: int) -> str:
    """At most so many characters, lines ended by a line feed and by nothing else."""
    text = text[: 2 * most]  # half of it may be line ends of two characters
    if "\r" in text or "\x0b" in text or "\x0c" in text:
        text = text.replace("\r\n", "\n")
        for end in "\r\x0b\x0c":
            text = text.replace(end, "\n")
    for end in "\x85\u2028\u2029":
        text = text.replace(end, "\n")
    return _WIDE_SPACE.sub(" ", _UNFIT.sub("", text))[:most]


def plain_line(text: str, most: int) -> str:
    """At most so many characters in one line, every run of space a single one."""
    return " ".join(plain_text(text, 4 * most).split())[:most].rstrip()
