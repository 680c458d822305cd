"""An SMS as the network counts it: alphabet, characters, parts (3GPP TS 23.038 and 23.040).

A text whose every character is in the GSM 7-bit alphabet has 160 places in one part and 153 in each
of several; one other character makes the whole text UCS-2 with 70 and 67 places. A character of the
extension table takes two places, one beyond U+FFFF takes two as well (a surrogate pair), and
neither is ever cut in half.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LIMIT_CHARACTERS = 160  # the standard (chapter 5, section 1, item 12), whatever the alphabet

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM = _GSM_BASIC | _GSM_EXTENSION


class Encoding(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


_PLACES = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}  # in a single part, in each of many


@dataclass(frozen=True, slots=True)
class SmsShape:
    """What a text costs. `offenders` are the characters that forbid the cheap 7-bit alphabet."""

    encoding: Encoding
    characters: int
    parts: tuple[str, ...]
    offenders: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the standard's limit of 160 characters is kept."""
        return self.characters <= LIMIT_CHARACTERS


def measure(text: str) -> SmsShape:
    """The alphabet, the length and the parts of a text; the parts joined are the text again."""
    offenders = tuple(dict.fromkeys(c for c in text if c not in _GSM))
    encoding = Encoding.UCS2 if offenders else Encoding.GSM7
    return SmsShape(encoding, len(text), tuple(_parts(text, encoding)), offenders)


def _places(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return 2 if character in _GSM_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _parts(text: str, encoding: Encoding) -> Iterator[str]:
    single, each = _PLACES[encoding]
    places = [_places(character, encoding) for character in text]
    if sum(places) <= single:
        yield text
        return
    start = used = 0
    for position, taken in enumerate(places):
        if used + taken > each:
            yield text[start:position]
            start, used = position, 0
        used += taken
    yield text[start:]
