"""Russian in Latin letters, readable aloud, in nothing but the GSM 7-bit alphabet.

The table is close to the one of passports (ICAO Doc 9303): ж zh, х kh, щ shch. Where that is hard
to read it is not followed: ё is yo, й is y, and the signs ъ and ь are not written.
"""

import unicodedata

from templates.sms import GSM_CHARACTERS

_LETTERS = {
    **{"а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh"},
    **{"з": "z", "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o"},
    **{"п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts"},
    **{"ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu"},
    "я": "ya",
    # Names of neighbours: Ukrainian, Belarusian, Tatar, Bashkir, Kazakh.
    **{"і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u", "ә": "a", "ө": "o", "ү": "u"},
    **{"ұ": "u", "җ": "j", "ң": "n", "һ": "h", "қ": "k", "ғ": "g", "ҡ": "k", "ҙ": "z", "ҫ": "s"},
}
_SIGNS = {
    **dict.fromkeys("«»„“”‟″", '"'),
    **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
    **dict.fromkeys("‐‑‒–—―−•", "-"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\t\u2028\u2029", " "),
    **{"…": "...", "№": "No", "×": "x", "÷": "/", "·": "*", "±": "+/-", "≤": "<=", "≥": ">="},
    **{"≈": "~", "→": "->", "‰": " promille", "\u2044": "/", "©": "(c)", "®": "(r)"},
}
_CURRENCIES = {"₽": "rub.", "₸": "tenge", "₴": "grn."}
# Letters, numbers and currencies cannot vanish: the text would say something else without them.
_TELLING = frozenset({"Ll", "Lu", "Lt", "Lo", "Lm", "Nd", "Nl", "No", "Sc"})
_UNKNOWN = "?"


def transliterate(text: str) -> str:
    """The text in Latin letters; every character of the result is in the GSM 7-bit alphabet.

    What is in that alphabet already stays as it is, so a second time changes nothing.
    """
    text = unicodedata.normalize("NFC", text)
    written: list[str] = []
    for position, character in enumerate(text):
        if character in GSM_CHARACTERS:
            written.append(character)
            continue
        before = written[-1][-1:] if written else ""
        if piece := _piece(text, position, before):
            written.append(piece)
    return "".join(written)


def plain_form(character: str) -> str | None:
    """What may be written in place of a sign or letter without changing to Latin letters.

    None for letters of another alphabet and for what has no such form.
    """
    found = _SIGNS.get(character) or _CURRENCIES.get(character)
    if found or character in GSM_CHARACTERS:
        return found
    parts = unicodedata.normalize("NFKD", character)
    if any(part.isalpha() and part not in GSM_CHARACTERS for part in parts):
        return None
    found = _decomposed(character)
    return found if found and _UNKNOWN not in found else None


def _piece(text: str, position: int, before: str) -> str:
    character = text[position]
    if (letters := _LETTERS.get(character.lower())) is not None:
        return letters if character.islower() else _capital(letters, text, position)
    if character in _CURRENCIES:
        word = _CURRENCIES[character]
        if text[position + 1 : position + 2] == ".":
            word = word.rstrip(".")  # the sentence ends here: one full stop is enough
        return f" {word}" if before.isdigit() else word
    if character in _SIGNS:
        return _SIGNS[character]
    piece = _decomposed(character)
    if before.isdigit() and piece[:1].isdigit():
        # 5½ is not 51/2, and 10² is not 102.
        return ("^" if _is_raised(character) else " ") + piece
    return piece


def _capital(letters: str, text: str, position: int) -> str:
    """ЩУКА is SHCHUKA, Щука is Shchuka: one capital of several letters follows its neighbours."""
    following, former = text[position + 1 : position + 2], text[max(position - 1, 0) : position]
    shouted = following.isupper() if following.isalpha() else former.isupper()
    return letters.upper() if shouted else letters.capitalize()


def _decomposed(character: str) -> str:
    """Without its accents or its form (ő, ｆ, ²); nothing for a picture, `?` for a foreign word."""
    parts = unicodedata.normalize("NFKD", character)
    plain = "".join(_of_part(part) for part in parts)
    return plain if plain else (_UNKNOWN if unicodedata.category(character) in _TELLING else "")


def _of_part(part: str) -> str:
    if part in GSM_CHARACTERS:
        return part
    if (letters := _LETTERS.get(part.lower())) is not None:
        return letters if part.islower() else letters.capitalize()
    return _SIGNS.get(part, _UNKNOWN if unicodedata.category(part) in _TELLING else "")


def _is_raised(character: str) -> bool:
    return unicodedata.decomposition(character).startswith("<super>")
