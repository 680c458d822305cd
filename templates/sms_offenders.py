"""Which characters make a Latin text dear, where they stand, and what to write instead.

One dash from a word processor makes a text of 160 Latin letters three parts instead of one.
"""

import unicodedata
from dataclasses import dataclass

from templates.i18n import _, current_language
from templates.sms import GSM_CHARACTERS
from templates.transliteration import plain_form

# Cyrillic letters that nobody can tell from Latin ones: a slip of the keyboard.
_LOOK_ALIKE = dict(zip("АВЕКМНОРСТУХаеорсух", "ABEKMHOPCTYXaeopcyx", strict=True))


@dataclass(frozen=True, slots=True)
class Offender:
    """A character outside the GSM 7-bit alphabet, at its position from 0.

    `instead` is what may be written in its place; None where nothing says the same.
    """

    position: int
    character: str
    name: str
    instead: str | None


def offenders_of(text: str) -> tuple[Offender, ...]:
    """Every such character of a text that is Latin but for them; nothing where it is Russian.

    A Russian text is UCS-2 by its letters: no single character is to blame.
    """
    if not is_latin(text):
        return ()
    return tuple(
        Offender(position, character, name_of(character), instead_of(character))
        for position, character in enumerate(text)
        if character not in GSM_CHARACTERS
    )


def is_latin(text: str) -> bool:
    """Whether at least half of the letters are Latin ones, accents or not; without any, too."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(map(_is_latin_letter, letters)) >= len(letters)


def _is_latin_letter(letter: str) -> bool:
    return letter in GSM_CHARACTERS or unicodedata.name(letter, "").startswith("LATIN")


def name_of(character: str) -> str:
    """What people call the character. For others: in English its name in Unicode, in small
    letters, which a Russian reader is spared; else its number."""
    told = _usual_names().get(character) or _kind(character)
    if told:
        return told
    named = unicodedata.name(character, "").lower() if current_language() == "en" else ""
    return named or f"U+{ord(character):04X}"


def _usual_names() -> dict[str, str]:
    """What word processors and messengers put into texts."""
    by_name = {
        _("dash"): "—―",
        _("short dash"): "–‒‐‑",
        _("minus sign"): "−",
        _("quotation mark"): "«»“”„‟‹›",
        _("apostrophe"): "’‘‚ʼ`´′",
        _("ellipsis"): "…",
        _("no-break space"): "\u00a0\u202f\u2007",
        _("tab"): "\t",
        _("numero sign"): "№",
        _("bullet"): "•·",
        _("degree sign"): "°",
        _("rouble sign"): "₽",
        _("multiplication sign"): "×",
        _("copyright or trademark sign"): "©®™",
    }
    return {character: name for name, characters in by_name.items() for character in characters}


def _kind(character: str) -> str:
    """The kind of a character that has no usual name of its own."""
    if "а" <= character.lower() <= "я" or character in "ёЁ":
        return _("Russian letter")
    category = unicodedata.category(character)
    if category == "So" or 0x1F3FB <= ord(character) <= 0x1F3FF:
        return _("emoji")
    if character == "\ufe0f" or category == "Cf":
        return _("invisible character")
    return _("kind of space") if category == "Zs" else ""


def instead_of(character: str) -> str | None:
    """What may be written in the character's place, all of it in the GSM 7-bit alphabet."""
    return _LOOK_ALIKE.get(character) or plain_form(character)


def visible(character: str) -> str:
    """The character as a list shows it: what cannot be seen is told in words."""
    if character in ("\u00a0", "\u202f", "\u2007"):
        return _("no-break space")
    category = unicodedata.category(character)
    if category[0] in "CZ" or category in ("Mn", "Me"):
        return f"U+{ord(character):04X}"
    return character
