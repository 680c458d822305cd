"""The language of an answer: Russian, unless the letter is in English beyond doubt."""

import re

_WORDS = re.compile(r"[a-z]{1,12}")
_SMALL_WORDS = (
    "the a an and or of to in is are was my your you we i it this that for with from please have"
    " has not do does can could would will on at be when what how why dear hello hi thank thanks"
    " me our been there about if but no yes as by"
)
_COMMON = frozenset(_SMALL_WORDS.split())
_SAMPLE = 5000
_FEWEST_LETTERS = 20


def language_of(words: str) -> str:
    """`en` or `ru`. A Russian letter may be full of addresses and names in Latin letters, so they
    have to be clearly more, with small English words among them or not one Cyrillic letter."""
    sample = words[:_SAMPLE].lower()
    latin = sum("a" <= letter <= "z" for letter in sample)
    cyrillic = sum("а" <= letter <= "я" or letter == "ё" for letter in sample)
    if not cyrillic and latin >= _FEWEST_LETTERS:
        return "en"
    common = sum(word in _COMMON for word in _WORDS.findall(sample))
    return "en" if latin > 2 * cyrillic and common >= 3 else "ru"
