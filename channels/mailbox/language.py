"""The language of an answer: Russian, unless the letter is in English beyond doubt."""

import re

_WORDS = re.compile(r"[a-z]{1,20}")
_SMALL_WORDS = (
    "the a an and or of to in is are was my your you we i it this that for with from please have"
    " has not do does can could would will on at be when what how why where who which dear hello hi"
    " thank thanks me our been there about if but no yes as by bill bills meter power electricity"
    " account payment reading readings light lights need help still again outage"
)
_COMMON = frozenset(_SMALL_WORDS.split())
# Russian in Latin letters, as it is typed where there is no Russian keyboard.
_TRANSLITERATED_WORDS = (
    "zdravstvuyte zdravstvujte zdravstvuite zdrastvuyte zdravstvuy privet dobryy dobryj dobryi"
    " dobriy dobroe den vecher utro utra utrom spasibo pozhaluysta pozhaluista pozhalujsta"
    " pojaluista pozhalujsto svet sveta svetom elektrichestvo elektrichestva electrichestva"
    " pokazaniya pokazanija pokazania schet scheta schyot schetchik schetchika kvartira kvartiry"
    " ulica ulitsa dom dome oplata oplatil oplatila nomer licevoy licevoi litsevoy litsevoi dolg"
    " kvitanciya kvitantsiya kvitanciyu kvitantsiyu proshu podskazhite pochemu kogda skolko"
    " otklyuchili otkluchili vklyuchat vklyuchite nas vas vam nam menya net netu eto chto kak gde"
    " uzhe ochen dnya tretiy vtoroy"
)
_TRANSLITERATED = frozenset(_TRANSLITERATED_WORDS.split())
_SAMPLE = 5000
_FEWEST_LETTERS = 20


def language_of(words: str, subject: str = "") -> str:
    """`en` or `ru`. A Russian letter may be full of addresses and names in Latin letters, so they
    have to be clearly more, with small English words among them or not one Cyrillic letter. In a
    short letter one English word is enough, where there is nothing Russian in the subject either.
    """
    sample = _told(words) or _told(subject)
    latin = sum("a" <= letter <= "z" for letter in sample)
    cyrillic = _cyrillic(sample)
    spelt = _WORDS.findall(sample)
    common = sum(word in _COMMON for word in spelt)
    if cyrillic:
        return "en" if latin > 2 * cyrillic and common >= 3 else "ru"
    if sum(word in _TRANSLITERATED for word in spelt) > common:
        return "ru"
    fewest = 2 if _cyrillic(_told(subject)) else 1
    return "en" if latin >= _FEWEST_LETTERS or common >= fewest else "ru"


def _told(text: str) -> str:
    """Without addresses, which are in no language."""
    sample = text[:_SAMPLE].lower()
    return " ".join(one for one in sample.split() if "@" not in one and "://" not in one)


def _cyrillic(text: str) -> int:
    return sum("а" <= letter <= "я" or letter == "ё" for letter in text)
