"""Russian nouns beside numbers: their three forms and their gender, by a dictionary (pymorphy3).

квитанция     квитанция, квитанции, квитанций        f
лицевой счёт  лицевой счёт, лицевых счёта, лицевых счетов    m
прибор учёта  прибор учёта, прибора учёта, приборов учёта    m
"""

from functools import cache, lru_cache
from typing import Any

LONGEST = 80  # characters of a noun with its adjectives

_GENDERS = {"masc": "m", "femn": "f", "neut": "n"}
# Where people count otherwise than the dictionary's declension has it.
_COUNTED = {
    "год": ("год", "года", "лет"),
    "человек": ("человек", "человека", "человек"),
    "раз": ("раз", "раза", "раз"),
    "счёт": ("счёт", "счёта", "счетов"),
    "грамм": ("грамм", "грамма", "граммов"),
    "килограмм": ("килограмм", "килограмма", "килограммов"),
    **{
        unit: (unit, unit + "а", unit)
        for unit in ("ватт", "киловатт", "мегаватт", "вольт", "киловольт", "ампер")
    },
}


@lru_cache(maxsize=256)
def noun_of(word: str) -> tuple[tuple[str, str, str], str]:
    """The forms beside 1, 2 and 5, and the gender (m, f, n) of a noun in the singular.

    Adjectives may stand before it, whatever belongs to it after it. Raises ValueError for a word
    that the dictionary does not know, that is no noun, or that is not counted («сутки»).
    """
    words = word.casefold().split()
    if not words or len(word) > LONGEST:
        raise ValueError("a noun is expected")
    adjectives: list[str] = []
    for number, one in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        noun = None if _stands_before(one, following) else _noun(one)
        if noun is not None:
            gender = str(noun.tag.gender)
            before = [_adjective(adjective, gender) for adjective in adjectives]
            forms = _noun_forms(noun)
            after = words[number + 1 :]
            one_, few, many = (
                " ".join((*(adjective[form] for adjective in before), forms[form], *after))
                for form in range(3)
            )
            return (one_, few, many), _GENDERS[gender]
        adjectives.append(one)
    raise ValueError("no noun that can be counted")


@cache
def _dictionary() -> Any:
    """Read once, where a noun is first counted: it takes a tenth of a second."""
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang="ru")


def _noun(word: str) -> Any | None:
    """The likeliest reading as a noun that can be counted, the singular nominative first."""
    readings = [
        reading
        for reading in _dictionary().parse(word)
        if reading.is_known
        and reading.tag.POS == "NOUN"
        and reading.tag.gender in _GENDERS
        and not {"Pltm", "Sgtm", "Name", "Surn", "Patr", "Geox"} & set(reading.tag.grammemes)
    ]
    basic = [reading for reading in readings if _is_basic(reading)]
    if not basic and _is_adjective(word):
        return None
    found = (basic or readings)[:1]
    return found[0].normalized if found else None


def _stands_before(word: str, noun: str) -> bool:
    """Whether this is the adjective of the next word, not a noun: «рабочий день», «рабочий»."""
    if not noun or not _is_adjective(word):
        return False
    return any(
        reading.is_known and reading.tag.POS == "NOUN" and _is_basic(reading)
        for reading in _dictionary().parse(noun)
    )


def _is_basic(reading: Any) -> bool:
    return bool(reading.tag.number == "sing" and reading.tag.case == "nomn")


def _is_adjective(word: str) -> bool:
    return any(
        reading.is_known and reading.tag.POS in ("ADJF", "PRTF")
        for reading in _dictionary().parse(word)
    )


def _noun_forms(noun: Any) -> tuple[str, str, str]:
    counted = _COUNTED.get(noun.word)
    if counted:
        return counted
    if _is_adjective(noun.word):
        return _adjective(noun.word, str(noun.tag.gender))  # «столовая»: две столовые
    one, few, many = (noun.make_agree_with_number(number) for number in (1, 2, 5))
    return noun.word if one is None else one.word, few.word, many.word


def _adjective(word: str, gender: str) -> tuple[str, str, str]:
    """An adjective or participle beside a noun: «лицевой», «лицевых», «лицевых».

    Beside two, three and four it is in the genitive, but for a feminine noun in the nominative:
    «две новые квитанции».
    """
    for reading in _dictionary().parse(word):
        if reading.is_known and reading.tag.POS in ("ADJF", "PRTF"):
            one = reading.inflect({gender, "sing", "nomn"})
            few = reading.inflect({"plur", "nomn" if gender == "femn" else "gent"})
            many = reading.inflect({"plur", "gent"})
            if one and few and many:
                return one.word, few.word, many.word
    raise ValueError("an adjective or a noun is expected")
