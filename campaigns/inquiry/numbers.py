"""What a number in a letter is when it is neither an account nor a meter reading: a date, a time, a
sum, a telephone number, an address in the net. Such places are struck out before anything is
looked for.

Every expression is bounded in each of its repetitions, and begins where a word begins: the time is
proportional to the text, whatever it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from campaigns.channel import ContactKind
from campaigns.contact import BadContact, classify_phone

LONGEST_TEXT = 20_000  # characters that are looked at
MOST_LOOKED_AT = 200  # what may be telephone numbers; looking at each takes its time
STRUCK = "\x00"  # stands for each character of what was struck out

_MONTH = (
    r"(?:январ|феврал|март|апрел|ма[йяе]|июн|июл|август|сентябр|октябр|ноябр|декабр"
    r"|jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[а-яa-z]{0,8}\.?"
)
_YEAR = r"(?:19|20)[0-9]{2}"
_CHUNK = re.compile(r"\S+")
_NOT_READINGS = (
    # 20.11.2026, 2026-11-20, 20/11/26; 12:30
    rf"(?<!\w){_YEAR}[./-][0-9]{{1,2}}[./-][0-9]{{1,2}}(?!\w)",
    rf"(?<!\w)[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-](?:{_YEAR}|[0-9]{{2}})(?!\w)",
    r"(?<!\w)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?!\w)",
    # 20 ноября 2026, 20th of November; ноябрь 2026, November 20, 2026; 2026 г.
    rf"(?<!\w)[0-9]{{1,2}}(?:-?(?:го|ого|е|ое|st|nd|rd|th))?\s{{1,2}}(?:of\s)?{_MONTH}(?!\w)"
    rf"(?:\s{{1,2}}{_YEAR}(?!\w))?",
    rf"(?<!\w){_MONTH},?\s{{1,2}}(?:[0-9]{{1,2}}(?:st|nd|rd|th)?,?\s{{1,2}})?{_YEAR}(?!\w)",
    rf"(?<!\w){_YEAR}\s{{0,2}}(?:гг?|год[а-я]{{0,3}})(?!\w)",
    # 1 234,56 руб., 15 %, $ 20
    r"(?<![\w.,])[0-9]{1,12}(?:[ \u00a0][0-9]{3}){0,4}(?:[.,][0-9]{1,4})?\s{0,2}"
    r"(?:руб[а-я]{0,4}|р|rub|rur|коп[а-я]{0,4}|тыс[а-я]{0,4}|eur|usd)(?!\w)",
    r"(?<![\w.,])[0-9]{1,12}(?:[ \u00a0][0-9]{3}){0,4}(?:[.,][0-9]{1,4})?\s{0,2}[₽$€%]",
    r"[₽$€]\s{0,2}[0-9]{1,12}(?:[.,][0-9]{1,4})?",
)
_STRIKE = re.compile("|".join(f"(?:{one})" for one in _NOT_READINGS))
_PHONE = re.compile(r"(?<![\w.,/])\+?[0-9](?:[ ()\u00a0-]{0,3}[0-9]){9,13}(?!\w)")
# «тел. 22-33-44»: without its code it is no number for us, but it is no reading either.
_LOCAL_PHONE = re.compile(
    r"(?<!\w)(?:тел|т|моб|сот|phone|tel|mob)(?:ефон[а-я]{0,3})?(?!\w)"
    r"[\s.:№-]{0,4}[0-9][0-9 ()-]{3,18}"
)
_SERVICE_KINDS = (ContactKind.MOBILE, ContactKind.TOLL_FREE)


@dataclass(frozen=True, slots=True)
class PhoneFound:
    start: int
    end: int
    address: str  # E.164
    is_certain: bool  # written as telephone numbers are, or a mobile one


def folded(text: str) -> str:
    """Small letters, «ё» as «е», bounded. What a number is told by is the same in both."""
    return text[:LONGEST_TEXT].lower().replace("ё", "е").replace(STRUCK, " ")


def strike_dates_and_sums(text: str) -> str:
    """The text (folded) without addresses, dates, times and sums, every other character in its
    place."""
    text = _CHUNK.sub(lambda chunk: _struck(chunk) if _is_address(chunk[0]) else chunk[0], text)
    return _STRIKE.sub(_struck, text)


def strike_phones(text: str) -> str:
    for phone in phones_in(text):
        text = text[: phone.start] + STRUCK * (phone.end - phone.start) + text[phone.end :]
    return _LOCAL_PHONE.sub(_struck, text)


def strike(text: str, spans: Sequence[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + STRUCK * (end - start) + text[end:]
    return text


def phones_in(text: str) -> Iterator[PhoneFound]:
    """Telephone numbers with their code, in their order."""
    for found in islice(_PHONE.finditer(text), MOST_LOOKED_AT):
        whole = found[0]
        for length in _lengths(whole):
            number = classify_phone(whole[:length])
            if not isinstance(number, BadContact):
                is_formatted = not whole[:length].isdigit()
                is_certain = is_formatted or number.kind in _SERVICE_KINDS
                start = found.start()
                yield PhoneFound(start, start + length, number.address, is_certain)
                break


def _lengths(whole: str) -> Iterator[int]:
    """The whole, and its beginnings that end where a group of digits ends."""
    yield len(whole)
    for position in range(len(whole) - 1, 9, -1):
        if whole[position - 1].isdigit() and not whole[position].isdigit():
            yield position


def _is_address(chunk: str) -> bool:
    return "@" in chunk or "://" in chunk or chunk.startswith("www.")


def _struck(found: re.Match[str]) -> str:
    return STRUCK * len(found[0])
