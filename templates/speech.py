"""Numbers as a voice says them, and how long a voice needs.

The standard (chapter 5, section 1, item 6) has the auto-informer speak money, time, dates, counts
and phone numbers, and no longer than one minute.
"""

import re
from collections.abc import Sequence
from datetime import date, time

from num2words import num2words

from templates.nouns import noun_of

__all__ = [
    "CALL_LIMIT_SECONDS",
    "SENDING_LIMIT_SECONDS",
    "account_words",
    "count_words",
    "date_words",
    "digits_words",
    "expected_seconds",
    "full_date_words",
    "money_words",
    "noun_form",
    "noun_of",
    "phone_words",
    "phrase_seconds",
    "time_words",
]

CALL_LIMIT_SECONDS = 60.0
# Before launch a call is measured, by a real voice where there is one. At the instant of sending
# there is only the estimate, which must not turn away a call that the voice found short enough.
SENDING_LIMIT_SECONDS = CALL_LIMIT_SECONDS * 1.1

# Fitted to espeak-ng's Russian voice at 140 words a minute, over the calls of the library: within
# 5 % for a whole call, 12 % for a phrase. Characters are those of the words, not of the digits.
_CHARACTERS_PER_SECOND = 16.0
_ONSET_SECONDS = 0.5  # a phrase begins and fades
_DIGIT_CHARACTERS = 7  # "семь " and its kin, on average
_PHRASE_PAUSE_SECONDS = 0.5
_SENTENCE_PAUSE_SECONDS = 0.45
_COMMA_PAUSE_SECONDS = 0.22

MONTHS = {
    "ru": (
        *("января", "февраля", "марта", "апреля", "мая", "июня"),
        *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_ROUBLES = {"ru": ("рубль", "рубля", "рублей"), "en": ("rouble", "roubles")}
_KOPECKS = {"ru": ("копейка", "копейки", "копеек"), "en": ("kopeck", "kopecks")}
_MINUS = {"ru": "минус ", "en": "minus "}
_ZERO = {"ru": "ноль", "en": "zero"}


def noun_form(number: int, forms: Sequence[str], language: str = "ru") -> str:
    """The form of a noun beside a number: 1 счёт, 2 счета, 5 счетов; two forms in English."""
    number = abs(number)
    if language != "ru" or len(forms) == 2:
        return forms[0] if number == 1 else forms[-1]
    if number % 10 == 1 and number % 100 != 11:
        return forms[0]
    if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14:
        return forms[1]
    return forms[2]


def money_words(kopecks: int, language: str = "ru") -> str:
    """An amount aloud: «две тысячи пятьсот сорок семь рублей тридцать копеек».

    No kopecks are spoken when there are none, no roubles when there are only kopecks.
    """
    roubles, rest = divmod(abs(kopecks), 100)
    said = []
    if roubles or not rest:
        said.append(count_words(roubles, _ROUBLES[language], language))
    if rest:
        said.append(count_words(rest, _KOPECKS[language], language, gender="f"))
    return (_MINUS[language] if kopecks < 0 else "") + " ".join(said)


def count_words(
    number: int, forms: Sequence[str], language: str = "ru", *, gender: str = "m"
) -> str:
    """A number with its noun aloud; the gender (m, f, n) is that of the noun: «две копейки»."""
    return f"{_cardinal(number, language, gender=gender)} {noun_form(number, forms, language)}"


def date_words(day: date, language: str = "ru") -> str:
    """Day and month aloud, in the genitive: «первого декабря»."""
    if language == "ru":
        return f"{_ordinal_genitive(day.day)} {MONTHS['ru'][day.month - 1]}"
    return f"the {num2words(day.day, lang='en', to='ordinal')} of {MONTHS['en'][day.month - 1]}"


def full_date_words(day: date, language: str = "ru") -> str:
    """Day, month and year aloud: «первого декабря две тысячи двадцать шестого года»."""
    if language == "ru":
        return f"{date_words(day)} {_ordinal_genitive(day.year)} года"
    return f"{date_words(day, 'en')} {num2words(day.year, lang='en', to='year')}"


def time_words(clock: time, language: str = "ru", *, genitive: bool = False) -> str:
    """A time of day aloud: «девять часов тридцать минут», after «с» and «до» in the genitive."""
    if language != "ru":
        oh = "oh " if clock.minute < 10 else ""
        minutes = f" {oh}{num2words(clock.minute, lang='en')}" if clock.minute else " o'clock"
        return f"{num2words(clock.hour, lang='en')}{minutes}"
    case = "g" if genitive else "n"
    hours = ("часа", "часов", "часов") if genitive else ("час", "часа", "часов")
    minute = ("минуты", "минут", "минут") if genitive else ("минута", "минуты", "минут")
    said = f"{_cardinal(clock.hour, case=case)} {noun_form(clock.hour, hours)}"
    if clock.minute:
        spoken = _cardinal(clock.minute, gender="f", case=case)
        said += f" {spoken} {noun_form(clock.minute, minute)}"
    return said


def digits_words(text: str, language: str = "ru") -> str:
    """Digits one by one, a short pause after every third, as account numbers are dictated."""
    digits = _digits(text)
    groups = (digits[start : start + 3] for start in range(0, len(digits), 3))
    return ", ".join(" ".join(_cardinal(int(d), language) for d in group) for group in groups)


def account_words(text: str, language: str = "ru", *, pairs: bool = False) -> str:
    """An account number digit by digit, or in pairs («сорок, двенадцать, ноль пять»).

    A letter in it is said as such; what only parts the number (a hyphen, a space) is a pause.
    Raises ValueError where there is nothing to say.
    """
    parts = re.findall(r"[0-9]+|[^\W\d_]", _plain_digits(text))
    if not parts:
        raise ValueError("an account number has a digit or a letter")
    said = []
    for part in parts:
        if not part[0].isdecimal():
            said.append(part.upper())
        elif pairs:
            groups = (part[start : start + 2] for start in range(0, len(part), 2))
            said.append(", ".join(_group_words(group, language) for group in groups))
        else:
            said.append(digits_words(part, language))
    return ", ".join(said)


def phone_words(text: str, language: str = "ru") -> str:
    """A Russian phone number as people say and dial it: «восемь, восемьсот, пятьсот пять, …»."""
    digits = _digits(text)
    if len(digits) != 11 or digits[0] not in "78":
        return digits_words(text, language)
    groups = ("8", digits[1:4], digits[4:7], digits[7:9], digits[9:11])
    return ", ".join(_group_words(group, language) for group in groups)


def expected_seconds(phrases: Sequence[str]) -> float:
    """How long a voice needs for the phrases, pauses included: an estimate to plan by."""
    return round(sum(phrase_seconds(phrase) + _PHRASE_PAUSE_SECONDS for phrase in phrases), 1)


def phrase_seconds(phrase: str) -> float:
    """How long a voice needs for one phrase, without the pause after it: the estimate."""
    digits = sum(character.isdigit() for character in phrase)
    characters = len(phrase) + digits * (_DIGIT_CHARACTERS - 1)
    return (
        _ONSET_SECONDS
        + characters / _CHARACTERS_PER_SECOND
        + len(re.findall(r"[.!?;:](?=\s)", phrase)) * _SENTENCE_PAUSE_SECONDS
        + phrase.count(",") * _COMMA_PAUSE_SECONDS
    )


def _group_words(group: str, language: str) -> str:
    """A group of digits as one number, its leading zeros said one by one."""
    significant = group.lstrip("0")
    words = [_ZERO[language]] * (len(group) - len(significant))
    if significant:
        words.append(_cardinal(int(significant), language))
    return " ".join(words)


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", _plain_digits(text))


def _plain_digits(text: str) -> str:
    """Digits of other scripts, which `int` would take as well, as the usual ones."""
    return "".join(str(int(c)) if c.isdecimal() else c for c in text)


def _cardinal(number: int, language: str = "ru", *, gender: str = "m", case: str = "n") -> str:
    if language != "ru":
        return str(num2words(number, lang=language))
    if case == "g" and number == 0:
        return "нуля"  # num2words says «ноля»
    thousands, rest = divmod(abs(number), 1000)
    if gender == "m" or not thousands:
        return str(num2words(number, lang="ru", gender=gender, case=case))
    # num2words gives the noun's gender to millions too: «две миллиона копеек».
    sign = _MINUS["ru"] if number < 0 else ""
    said = sign + str(num2words(thousands * 1000, lang="ru", case=case))
    return f"{said} {num2words(rest, lang='ru', gender=gender, case=case)}" if rest else said


def _ordinal_genitive(number: int) -> str:
    return str(num2words(number, lang="ru", to="ordinal", gender="m", case="g"))
