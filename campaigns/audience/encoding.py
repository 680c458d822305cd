"""The encoding of a text file, from its bytes and from whether its header makes sense.

UTF-8 and the byte order marks are tried first. Among the one-byte Cyrillic encodings the one is
taken in which the header reads as columns we know; only then charset-normalizer is asked, and only
about these encodings, because without that limit it takes cp1251 for a Macintosh one.
"""

import codecs
from collections.abc import Callable
from pathlib import Path

from templates.i18n import _
from templates.problem import Problem, Refused

SAMPLE_BYTES = 256 * 1024
CYRILLIC = ("cp1251", "koi8_r", "cp866")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def detect_encoding(path: Path, makes_sense: Callable[[str], bool]) -> str:
    """The name of the codec for the file; `makes_sense` judges the decoded beginning.

    Raises `Refused` (`wrong_encoding`) when nothing fits.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
        if head.startswith(_UTF16):
            return "utf-16"
        if b"\x00" in head:
            raise Refused([_no_text(path)])
        telling = head
        while telling.isascii():
            block = file.read(SAMPLE_BYTES)
            if not block:
                return "utf-8-sig"
            telling = block
    if _is_utf8(telling, first=telling is head):
        return "utf-8-sig"
    for name in CYRILLIC:
        if makes_sense(head.decode(name, errors="replace")):
            return name
    return _guessed(telling) or _give_up(path)


def _is_utf8(sample: bytes, *, first: bool) -> bool:
    """Whether the sample is UTF-8, but for a character cut in two at its ends.

    One stray byte in a file that is otherwise UTF-8 is left to be reported with its row.
    """
    body = sample if first else sample.lstrip(bytes(range(0x80, 0xC0)))
    text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(body)
    broken = text.count("\ufffd")
    whole = sum(1 for char in text if char > "\x7f") - broken
    return broken * 20 <= whole


def _guessed(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample[:65_536], cp_isolation=[*CYRILLIC]).best()
    return best.encoding if best is not None and best.encoding in CYRILLIC else None


def _give_up(path: Path) -> str:
    raise Refused([_no_text(path)])


def _no_text(path: Path) -> Problem:
    return Problem(
        "wrong_encoding",
        _("The file is not readable text: its encoding is unknown."),
        _("Export it as CSV in UTF-8 or Windows-1251, or save it as .xlsx."),
        file=path.name,
    )
