"""Meter readings in a text: «показания 12345», «день 1234 ночь 567», «Т1=1234,5; Т2=567».

Zones are named as on the meter: T1 the day or the peak, T2 the night, T3 the half-peak.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto

from campaigns.inquiry.numbers import STRUCK

MOST_READINGS = 9

_TOKEN = re.compile(
    r"(?P<zone>(?<!\w)(?:[tт]\s?-?\s?[123]|тариф[а-я]{0,2}\s?№?\s?[123]|(?:half|semi|off)[ -]?peak"
    r"|(?:полу)?пик[а-я]{0,5}|день|днем|дневн[а-я]{2,3}|ночь|ночью|ночн[а-я]{2,3}|day|night|peak)"
    r"(?!\w|[.,][0-9]))"
    r"|(?P<number>(?<![\w.,/])[0-9]+(?:[.,][0-9]+)?(?=квт|kwh|kw|\W|\Z))"
    r"|(?P<word>\w+)|(?P<line>\n)|(?P<struck>" + STRUCK + r"+)|(?P<mark>[^\w\s])"
)
_VALUE = re.compile(r"[0-9]{1,7}(?:[.,][0-9]{1,3})?")
_READING = re.compile(r"показани[а-я]{1,3}|показыва[а-я]{2,3}|readings?|reads")
# A letter that is nothing else: «12345», «12345 кВт·ч».
_ALONE = re.compile(r"([0-9]{3,7}(?:[.,][0-9]{1,3})?)\s?(?:(?:квт|kw)(?:[\s*·./-]?[чh])?)?\s?[.!]?")
_FORMER = re.compile(
    r"предыдущ[а-я]{2,3}|прошл[а-я]{2,3}|прежн[а-я]{2,3}|начальн[а-я]{2,3}|previous|last|former"
)
_CURRENT = re.compile(r"текущ[а-я]{2,3}|нынешн[а-я]{2,3}|новы[а-я]|current|present|new")
_MONTH = re.compile(
    r"(?:январ|феврал|март|апрел|ма[йяе]|июн|июл|август|сентябр|октябр|ноябр|декабр)[а-я]{0,2}"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
)
_CONTEXT = re.compile(r"показани|показыва|счетчик|прибор[а-я]{0,2} учета|квт|reading|meter|kwh")
# Words that may stand between «показания» and the number.
_FILLER_WORDS = """
    счетчик счетчика счетчиков электросчетчика прибора прибор учета пу ипу эл электро электроэнергии
    энергии электричества света по за на от у с в моего моему мой мои нашего наши составляют
    составляет равны равно такие следующие текущие такое были было сейчас сегодня месяц этот
    конец начало дату момент квартиры дома квартире дому день квт ч квтч
    is are was the of for my our on at as to in a meter electricity power today now month this
    kwh current
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
_ZONE_WORDS = """
    зона зоне тариф тарифу показание показания показаний составляет квт ч квтч
    is rate tariff zone reading readings kwh
"""
_BETWEEN_ZONE_AND_NUMBER = frozenset(_ZONE_WORDS.split())
_AFTER = frozenset({"квт", "квтч", "kwh", "kw", "и", "а", "and", "ч"})
_WALK = 14  # tokens from «показания» to its number at most


class Kind(StrEnum):
    ZONE = auto()
    NUMBER = auto()
    WORD = auto()
    LINE = auto()
    STRUCK = auto()
    MARK = auto()


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """`value_text` is as it was written, with a comma; `zone` is empty where there is only one."""

    zone: str
    value_text: str

    def __str__(self) -> str:
        return f"{self.zone} {self.value_text}".strip()


def readings_in(text: str, except_for: str = "") -> tuple[Reading, ...]:
    """The readings of a text in small letters without dates, sums and telephone numbers."""
    tokens = [
        Token(Kind(found.lastgroup or "mark"), found[0], found.start(), found.end())
        for found in _TOKEN.finditer(text)
    ]
    usable = {place for place in range(len(tokens)) if _is_value(tokens, place, except_for)}
    found = _by_zone(tokens, usable, has_context=_CONTEXT.search(text) is not None)
    return tuple(found or _after_the_word(tokens, usable))[:MOST_READINGS]


def reading_alone(text: str) -> Reading | None:
    """A text in small letters that is one number, as people send what the meter shows."""
    found = _ALONE.fullmatch(text.strip()) if len(text) <= 100 else None
    return Reading("", found[1].replace(".", ",")) if found else None


def _is_value(tokens: Sequence[Token], place: int, except_for: str) -> bool:
    """Whether it is written as a reading, and nothing that follows makes it something else."""
    token = tokens[place]
    if token.kind is not Kind.NUMBER or not _VALUE.fullmatch(token.text):
        return False
    if token.text == except_for:
        return False
    after = tokens[place + 1 : place + 3]
    if not after:
        return True
    if after[0].kind is Kind.WORD:
        return after[0].text in _AFTER
    if after[0].kind is Kind.NUMBER:
        return False  # «12 345»: one number or two?
    # «1234-5678», «1.234.567»: a code
    is_glued = (
        after[0].kind is Kind.MARK and after[0].start == token.end and after[0].text in ".,-/"
    )
    return not (
        is_glued
        and len(after) > 1
        and after[1].start == after[0].end
        and after[1].kind in (Kind.NUMBER, Kind.WORD)
    )


def _by_zone(tokens: Sequence[Token], usable: set[int], *, has_context: bool) -> list[Reading]:
    """Readings beside the names of their zones, which stand before the numbers or after them."""
    before = _zones_first(tokens, usable)
    after = _numbers_first(tokens, usable)
    chosen = after if len(after) > len(before) else before
    has_context = has_context or any(tokens[at].text[-1] in "123" for at in chosen)
    found: dict[str, str] = {}
    for zone_at, number_at in chosen.items():
        value = tokens[number_at].text
        # «3 день нет света»: nothing says that this is a meter.
        if has_context or len(re.split("[.,]", value)[0]) >= 3:
            found.setdefault(_zone(tokens[zone_at].text), value.replace(".", ","))
    is_told = has_context or len(found) > 1
    return [Reading(zone, value) for zone, value in found.items()] if is_told else []


def _zones_first(tokens: Sequence[Token], usable: set[int]) -> Mapping[int, int]:
    found = {}
    for place, token in enumerate(tokens):
        if token.kind is not Kind.ZONE:
            continue
        for at in range(place + 1, min(place + 6, len(tokens))):
            if at in usable:
                found[place] = at
                break
            if not _is_between(tokens, at):
                break
    return found


def _is_between(tokens: Sequence[Token], at: int) -> bool:
    token = tokens[at]
    if token.kind is Kind.LINE:
        return tokens[at - 1].text == ":"
    if token.kind is Kind.MARK:
        return token.text in ":=-–—()"
    return token.kind is Kind.WORD and token.text in _BETWEEN_ZONE_AND_NUMBER


def _numbers_first(tokens: Sequence[Token], usable: set[int]) -> Mapping[int, int]:
    found: dict[int, int] = {}
    for place, token in enumerate(tokens):
        if token.kind is not Kind.ZONE:
            continue
        for at in range(place - 1, max(place - 5, -1), -1):
            if at in usable and at not in found.values():
                found[place] = at
                break
            is_small = tokens[at].text in ("(", "-", "–", "—") or tokens[at].text in _AFTER
            if not is_small:
                break
    return found


def _after_the_word(tokens: Sequence[Token], usable: set[int]) -> Iterator[Reading]:
    """Readings that follow «показания», with nothing but harmless words between."""
    taken: set[int] = set()
    has_word = any(_READING.fullmatch(token.text) for token in tokens)
    for place, token in enumerate(tokens):
        begins = _READING.fullmatch(token.text) or (has_word and _CURRENT.fullmatch(token.text))
        is_former = place > 0 and _FORMER.fullmatch(tokens[place - 1].text)
        if not begins or is_former:
            continue
        at = _number_after(tokens, usable, place)
        if at is not None and at not in taken:
            taken.add(at)
            yield Reading("", tokens[at].text.replace(".", ","))


def _number_after(tokens: Sequence[Token], usable: set[int], place: int) -> int | None:
    for at in range(place + 1, min(place + _WALK, len(tokens))):
        token = tokens[at]
        if at in usable:
            return at
        is_end = token.kind is Kind.MARK and token.text in ".!?;" and not _is_short(tokens[at - 1])
        is_strange = token.kind is Kind.WORD and not _is_filler(token.text)
        if is_end or is_strange or token.kind is Kind.NUMBER:
            return None
    return None


def _is_short(token: Token) -> bool:
    """«эл.», «г.»: an abbreviation, after which a sentence goes on; or what was struck out."""
    return token.kind is Kind.STRUCK or (token.kind is Kind.WORD and len(token.text) <= 2)


def _is_filler(word: str) -> bool:
    return word in _FILLERS or any(known.fullmatch(word) for known in (_READING, _MONTH))


def _zone(name: str) -> str:
    if name.startswith(("полупик", "half", "semi")):
        return "T3"
    if name.startswith(("ноч", "night", "off")):
        return "T2"
    number = name[-1]
    return f"T{number}" if number in "123" else "T1"
