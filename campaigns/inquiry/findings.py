"""What is found in a letter: the account it is about, telephone numbers, meter readings.

Nothing is guessed: an account that is not called so is taken only where one number looks like an
account and can be nothing else. Bounded work on any text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from campaigns.inquiry.numbers import (
    LONGEST_TEXT,
    folded,
    phones_in,
    strike,
    strike_dates_and_sums,
    strike_phones,
)
from campaigns.inquiry.readings import Reading, reading_alone, readings_in

__all__ = [
    "AccountFound",
    "Reading",
    "find_account",
    "find_phones",
    "find_reading_alone",
    "find_readings",
]

MOST_PHONES = 5

# What stands between a label and its number: «№», «номер:», "is".
_BETWEEN = (
    r"[\s:№#=(\"«–—.,-]{0,4}(?:(?:номер|ном|абонента|клиента|потребителя|number|num|no|nr|n|is|my"
    r"|мой|наш)(?!\w)[\s:№#.=–—-]{0,4}){0,3}"
)
_NUMBER = r"([^\W\d_]{0,4}[/-]?[0-9][\w/-]{0,39}(?:[ \u00a0][0-9][0-9-]{0,19}){0,5})"
_LABELLED = re.compile(
    r"(?<!\w)(?:лицев[а-я]{2,3}(?:\s{1,2}сч[её]т[а-я]{0,2})?|лиц\.?\s{0,2}сч[её]?т?[а-я]{0,2}"
    r"|л\s?[/\\.]\s?[сc]|лс|абонентск[а-я]{2,3}\s{1,2}номер[а-я]{0,2}|номер[а-я]{0,2}\s{1,2}абонента"
    r"|(?:customer\s|personal\s)?account|acct|a/c)(?!\w)" + _BETWEEN + _NUMBER,
    re.IGNORECASE,
)
_CANDIDATE = re.compile(r"(?<![\w.,/+-])[\w/-]{4,40}(?![\w/+-]|[.,][0-9])")
# Words before a number that say it is something else.
_OTHER_NUMBERS = re.compile(
    r"(?:инн|кпп|огрн(?:ип)?|бик|снилс|паспорт|р/с|к/с|договор|контракт|заявк|заявлени|обращени"
    r"|сч[её]тчик|прибор|заводск|серийн|карт|индекс|квитанци|показани|телефон|тел|моб|факс"
    r"|исх|вх|код|id|inn|contract|meter|serial|card|reading|phone|tel|order|ticket)"
    r"[^\W\d_]{0,6}[\s.:№#-]{0,4}(?:(?:номер|number|no|n)[\s.:№#-]{1,4})?\Z|[№#]\s?\Z",
    re.IGNORECASE,
)
_SERIAL = re.compile(r"[№#]\s?[\w/-]{5,40}")
_COMPACT_DATE = re.compile(r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])(?:19|20)[0-9]{2}")


@dataclass(frozen=True, slots=True)
class AccountFound:
    """`wrong` is what was called an account number, where none of that can be one."""

    number: str | None = field(default=None, repr=False)
    is_labelled: bool = False
    wrong: str = field(default="", repr=False)


def find_account(text: str, account_pattern: str, told: str = "") -> AccountFound:
    """The account that a letter is about: told in a field of its own, called so in the text
    («лицевой счёт», «л/с», "account"), or the only number that looks like one."""
    text, told = text[:LONGEST_TEXT], " ".join(told.split())[:80]
    wrong = told[:40]
    for candidate in (told, *(found[1] for found in _LABELLED.finditer(text))):
        number = _fitting(candidate, account_pattern)
        if number:
            return AccountFound(number, is_labelled=True)
        if not wrong and sum(c.isdigit() for c in candidate) >= 3:
            wrong = candidate.split()[0][:40]
    if wrong:
        return AccountFound(wrong=wrong)
    candidates = set(_unlabelled(text, account_pattern))
    return AccountFound(candidates.pop() if len(candidates) == 1 else None)


def find_phones(text: str) -> tuple[str, ...]:
    """Telephone numbers in E.164, in their order."""
    found = dict.fromkeys(phone.address for phone in phones_in(folded(text)) if phone.is_certain)
    return tuple(found)[:MOST_PHONES]


def find_readings(text: str, account_number: str | None = None) -> tuple[Reading, ...]:
    """The meter readings that a letter tells, never one of a day and a date, a sum, an account or a
    telephone number."""
    text = folded(text)
    for other in (_LABELLED, _SERIAL):
        text = strike(text, [found.span() for found in other.finditer(text)])
    text = strike_phones(strike_dates_and_sums(text))
    return readings_in(text, except_for=account_number or "")


def find_reading_alone(subject: str, words: str) -> tuple[Reading, ...]:
    """The reading of a letter that is one number and no more, under no subject or the same one."""
    told = {one.strip() for one in (subject, words) if one.strip()}
    found = reading_alone(folded(told.pop())) if len(told) == 1 else None
    return (found,) if found else ()


def _fitting(candidate: str, account_pattern: str) -> str | None:
    """The account at the beginning of what follows a label: the first group of digits, or as many
    of them as make one («1234 5678 90»)."""
    groups = candidate.split()[:8]
    for count in (1, *range(len(groups), 1, -1)):
        joined = "".join(groups[:count]).rstrip("/-")
        for form in (joined, joined.upper(), re.sub(r"[/-]", "", joined)):
            if form and _compiled(account_pattern).fullmatch(form[:40]):
                return form[:40]
    return None


def _unlabelled(text: str, account_pattern: str) -> Iterator[str]:
    # Letter case changes no length here, so that places are the same in both.
    struck = strike_dates_and_sums(text.lower() if len(text.lower()) == len(text) else text)
    phones = [(p.start, p.end) for p in phones_in(struck) if p.is_certain]
    struck = strike(struck, phones)
    for found in _CANDIDATE.finditer(struck):
        number = text[found.start() : found.end()]
        if (
            _compiled(account_pattern).fullmatch(number)
            and not _COMPACT_DATE.fullmatch(number)
            and not _OTHER_NUMBERS.search(struck[max(0, found.start() - 40) : found.start()])
        ):
            yield number


@lru_cache(maxsize=16)
def _compiled(account_pattern: str) -> re.Pattern[str]:
    return re.compile(account_pattern, re.ASCII)
