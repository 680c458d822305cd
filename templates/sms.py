"""An SMS as the network counts it: alphabet, characters, parts (3GPP TS 23.038 and 23.040).

A text whose every character is in the GSM 7-bit alphabet has 160 places in one part and 153 in each
of several; one other character makes the whole text UCS-2 with 70 and 67 places. A character of the
extension table takes two places, one beyond U+FFFF takes two as well (a surrogate pair), and
neither is ever cut in half.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

LIMIT_CHARACTERS = 160  # the standard (chapter 5, section 1, item 12), whatever the alphabet

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
GSM_CHARACTERS = _GSM_BASIC | _GSM_EXTENSION
_LAST_OF_ONE_PLACE = "\uffff"


class Encoding(StrEnum):
    """The alphabet a text is sent in, under the name that people know."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


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
    """The alphabet, the length and the parts of a text; the parts joined are the text again.

    Only the different characters of a text are looked at one by one, some thirty of them: a launch
    measures the text of every recipient.
    """
    used = dict.fromkeys(text)
    offenders = tuple([c for c in used if c not in GSM_CHARACTERS])
    if not offenders:
        wide = [c for c in used if c in _GSM_EXTENSION]
        return SmsShape(Encoding.GSM7, len(text), _parts(text, Encoding.GSM7, wide), ())
    wide = [c for c in offenders if c > _LAST_OF_ONE_PLACE]
    return SmsShape(Encoding.UCS2, len(text), _parts(text, Encoding.UCS2, wide), offenders)


def _parts(text: str, encoding: Encoding, wide: Collection[str]) -> tuple[str, ...]:
    """The text cut for the network; the characters that are `wide` take two places each."""
    single, each = _PLACES[encoding]
    if len(text) + (sum(map(text.count, wide)) if wide else 0) <= single:
        return (text,)
    if not wide:
        return tuple([text[start : start + each] for start in range(0, len(text), each)])
    return tuple(_parts_of_mixed(text, each, wide))


def _parts_of_mixed(text: str, each: int, wide: Collection[str]) -> Iterator[str]:
    """Parts of at most `each` places, where no character of two places is cut in half."""
    start = used = 0
    for position, character in enumerate(text):
        taken = 2 if character in wide else 1
        if used + taken > each:
            yield text[start:position]
            start, used = position, 0
        used += taken
    yield text[start:]
