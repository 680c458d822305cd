"""What a template may write after `|`: values as Russian (or English) readers and listeners expect.

A filter takes the value, the language and the constants given in brackets, and returns text. A
value of the wrong kind raises UnfitValue: a letter with a wrong amount is worse than none.

What is spoken (call.txt) has filters of its own under the same names: `money` is «две тысячи
рублей» there, so that nobody can make a voice read «2 000,00 ₽».
"""

import inspect
import re
from collections.abc import Callable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from templates import speech
from templates.errors import UnfitValue

Filter = Callable[..., str]

# A letter says a value as text and as HTML, and all letters say our phone: it is written once.
_REMEMBERED = 256
LONGEST_DIGITS = 40  # no number that is dictated is longer
LARGEST_KOPECKS = 10**15  # ten trillion roubles: beyond it a number is a mistake
_NARROW = {"ru": "\u00a0", "en": ","}


def money(value: object, language: str) -> str:
    """254730 -> «2 547,30 ₽»; the spaces do not break at a line's end."""
    sign, roubles, kopecks = _amount("money", value)
    grouped = f"{roubles:,}".replace(",", _NARROW[language])
    if language == "ru":
        return f"{sign}{grouped},{kopecks}\u00a0₽"
    return f"{sign}₽{grouped}.{kopecks}"


def rub(value: object, language: str) -> str:
    """254730 -> «2547,30 руб.»: short and plain, for an SMS."""
    sign, roubles, kopecks = _amount("rub", value)
    return (
        f"{sign}{roubles},{kopecks} руб." if language == "ru" else f"{sign}{roubles}.{kopecks} RUB"
    )


def date_(value: object, language: str) -> str:
    """2026-12-01 -> «1 декабря 2026»."""
    day = _date("date", value)
    return f"{day.day} {speech.MONTHS[language][day.month - 1]} {day.year}"


def short_date(value: object, _language: str) -> str:
    """2026-12-01 -> «01.12.2026»."""
    return f"{_date('short_date', value):%d.%m.%Y}"


def time_(value: object, _language: str) -> str:
    """09:00 or 2026-12-01T09:00 -> «9:00»."""
    clock = _time("time", value)
    return f"{clock.hour}:{clock.minute:02}"


def phone(value: object, _language: str) -> str:
    """+78005553535 -> «8 800 555-35-35», +79161234567 -> «+7 916 123-45-67»; others unchanged."""
    digits = re.sub(r"\D", "", str(value))
    if len(digits) != 11 or digits[0] not in "78":
        return str(value)
    country = "8" if digits[1:4] == "800" else "+7"
    number = f"{country} {digits[1:4]} {digits[4:7]}-{digits[7:9]}-{digits[9:]}"
    return number.replace(" ", "\u00a0")


def account(value: object, _language: str) -> str:
    """401234567890 -> «4012 3456 7890»: long numbers in fours, to be compared with a bill."""
    text = str(value)
    if not text.isdigit() or len(text) < 10:
        return text
    return "\u00a0".join(text[start : start + 4] for start in range(0, len(text), 4))


def count(value: object, language: str, one: str, few: str, many: str = "") -> str:
    """`count("счёт", "счета", "счетов")`: 3 -> «3 счёта»; two forms in English."""
    number = _whole("count", value)
    forms = (one, few, many) if many else (one, few)
    return f"{number}\u00a0{speech.noun_form(number, forms, language if many else 'en')}"


def money_words(value: object, language: str) -> str:
    """254730 -> «две тысячи пятьсот сорок семь рублей тридцать копеек»."""
    return speech.money_words(_kopecks("money_words", value), language)


def date_words(value: object, language: str) -> str:
    """2026-12-01 -> «первого декабря»."""
    return speech.date_words(_date("date_words", value), language)


def full_date_words(value: object, language: str) -> str:
    """2026-12-01 -> «первого декабря две тысячи двадцать шестого года»."""
    return speech.full_date_words(_date("full_date_words", value), language)


def time_words(value: object, language: str, case: str = "") -> str:
    """09:00 -> «девять часов»; `time_words("genitive")` after «с» and «до»: «девяти часов»."""
    if case not in ("", "genitive"):
        raise UnfitValue("time_words", "no word in brackets, or “genitive”")
    return speech.time_words(_time("time_words", value), language, genitive=case == "genitive")


def digits_words(value: object, language: str) -> str:
    """4012 -> «четыре ноль один, два»."""
    return speech.digits_words(_dictated("digits_words", value), language)


def phone_words(value: object, language: str) -> str:
    """88005553535 -> «восемь, восемьсот, пятьсот пятьдесят пять, тридцать пять, …»."""
    return speech.phone_words(_dictated("phone_words", value), language)


def account_words(value: object, language: str, how: str = "") -> str:
    """401205 -> «четыре ноль один, два ноль пять»; `account("pairs")`: «сорок, двенадцать, …»."""
    text = str(value)
    if how not in ("", "pairs") or len(text) > LONGEST_DIGITS:
        raise UnfitValue("account", "an account number; in brackets nothing, or “pairs”")
    try:
        return speech.account_words(text, language, pairs=how == "pairs")
    except ValueError:
        raise UnfitValue("account", "an account number with digits or letters") from None


def count_words(value: object, language: str, gender: str, *forms: str) -> str:
    """`count_words("f", "квитанция", "квитанции", "квитанций")`: 2 -> «две квитанции»."""
    number = _countable("count_words", value)
    if gender not in ("m", "f", "n") or len(forms) not in (2, 3):
        raise UnfitValue(
            "count_words", "a whole number, a gender of m, f or n and the noun's forms"
        )
    return speech.count_words(number, forms, language, gender=gender)


def spoken_count(value: object, language: str, one: str, few: str = "", many: str = "") -> str:
    """`count("квитанция")`: 2 -> «две квитанции», by the dictionary; or the noun's own forms."""
    number = _countable("count", value)
    forms: tuple[str, ...] = tuple(filter(None, (one, few, many)))
    gender = "m"
    try:
        known, gender = speech.noun_of(one)
    except ValueError:
        if len(forms) == 1:
            raise UnfitValue("count", "a noun that the dictionary knows, or its forms") from None
    else:
        forms = known if len(forms) == 1 else forms
    return speech.count_words(number, forms, language, gender=gender)


def upper(value: object, _language: str) -> str:
    return str(value).upper()


def lower(value: object, _language: str) -> str:
    return str(value).lower()


FILTERS: dict[str, Filter] = {
    "money": money,
    "rub": rub,
    "date": date_,
    "short_date": short_date,
    "time": time_,
    "phone": phone,
    "account": account,
    "count": count,
    "money_words": money_words,
    "date_words": date_words,
    "full_date_words": full_date_words,
    "time_words": time_words,
    "digits_words": digits_words,
    "phone_words": phone_words,
    "count_words": count_words,
    "upper": upper,
    "lower": lower,
}
ALLOWED_FILTERS = frozenset(FILTERS) | {"default"}

# In what is spoken every value becomes words, whatever the clerk calls the filter.
SPOKEN_FILTERS: dict[str, Filter] = {
    **FILTERS,
    "money": money_words,
    "rub": money_words,
    "date": date_words,
    "short_date": full_date_words,
    "time": time_words,
    "phone": phone_words,
    "account": account_words,
    "digits": digits_words,
    "count": spoken_count,
}
# Those that leave a number as it is written.
_VERBATIM = frozenset({"upper", "lower", "default"})


def filters(*, spoken: bool = False) -> dict[str, Filter]:
    return SPOKEN_FILTERS if spoken else FILTERS


def says_in_words(name: str) -> bool:
    """Whether a value that went through this filter of a call can be spoken as it is."""
    return name in SPOKEN_FILTERS and name not in _VERBATIM


def takes(name: str, arguments: int, *, spoken: bool = False) -> bool:
    """Whether the filter can be given so many constants in its brackets."""
    if name == "default":
        return arguments == 1
    try:
        inspect.signature(filters(spoken=spoken)[name]).bind(None, "ru", *("",) * arguments)
    except TypeError:
        return False
    return True


def knows_noun(word: object) -> bool:
    """Whether `count("…")` with this one word can be spoken."""
    try:
        speech.noun_of(str(word))
    except ValueError:
        return False
    return True


def with_language(name: str, apply: Filter) -> Callable[..., str]:
    """The filter as Jinja calls it: the language comes from the rendering, never from a value."""

    remembered = lru_cache(maxsize=_REMEMBERED)(apply)

    @pass_context
    def filtered(context: Context, value: object, *arguments: Any) -> str:
        # Where `render` puts it; no template can name it anew, so it need not be looked for.
        language = context.parent["language"]
        # Of these types equals are written alike; 1 and True are not.
        is_plain = type(value) is int or (type(value) is str and len(value) <= LONGEST_DIGITS)
        if is_plain and not arguments:
            return remembered(value, language)
        if isinstance(value, Undefined):
            str(value)  # raises, and says which name is missing
        return apply(value, language, *arguments)

    filtered.__name__ = name
    return filtered


def _amount(name: str, value: object) -> tuple[str, int, str]:
    kopecks = _kopecks(name, value)
    roubles, rest = divmod(abs(kopecks), 100)
    return "-" if kopecks < 0 else "", roubles, f"{rest:02}"


def _kopecks(name: str, value: object) -> int:
    kopecks = _whole(name, value)
    if abs(kopecks) > LARGEST_KOPECKS:
        raise UnfitValue(name, "an amount in kopecks that can be true")
    return kopecks


def _whole(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    raise UnfitValue(name, "a whole number (money: in kopecks)")


def _countable(name: str, value: object) -> int:
    number = _whole(name, value)
    if abs(number) > LARGEST_KOPECKS:
        raise UnfitValue(name, "a whole number that can be true")
    return number


def _dictated(name: str, value: object) -> str:
    """A number to dictate; what holds no digit would be silence in the middle of a phrase."""
    text = str(value)
    if len(text) > LONGEST_DIGITS or not any(character.isdecimal() for character in text):
        raise UnfitValue(name, "a number with digits")
    return text


def _date(name: str, value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        raise UnfitValue(name, "a date such as 2026-12-01") from None


def _time(name: str, value: object) -> time:
    if isinstance(value, time):
        return value
    text = str(value)
    if re.fullmatch(r"[0-9]:[0-9]{2}(:[0-9]{2})?", text):
        text = "0" + text
    try:
        return time.fromisoformat(text) if ":" in text[:3] else datetime.fromisoformat(text).time()
    except ValueError:
        raise UnfitValue(name, "a time such as 09:00") from None
