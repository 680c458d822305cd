"""What the product itself says in a call where the script does not.

In the language of the call (`i18n.speaking`); numbers, hours and telephone numbers as words,
because voices read digits as they please.
"""

from collections.abc import Sequence
from datetime import time, timedelta

from num2words import num2words

from templates.i18n import _, current_language
from templates.speech import noun_form, phone_words, time_words

_WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
_HOUR = timedelta(hours=1)


def goodbye() -> str:
    return _("Thank you. Goodbye.")


def sorry() -> str:
    return _("Sorry to have troubled you. Goodbye.")


def thanks_for_answer() -> str:
    return _("Thank you for your answer. Goodbye.")


def no_such_key() -> str:
    return _("There is no such key.")


def connecting() -> str:
    return _("Connecting you to an operator.")


def stopped() -> str:
    return _("All right, we will not call about this any more. Goodbye.")


def nobody_free(call_back: timedelta | None, phone: str) -> str:
    """All operators are busy. Without a `call_back` none is promised, and our number is told."""
    if call_back is None:
        return _("All operators are busy now. Please call us: {phone}. Goodbye.").format(
            phone=phone_words(phone, current_language())
        )
    return _("All operators are busy now. We will call you back within {time}. Goodbye.").format(
        time=span_words(call_back)
    )


def nobody_there(
    opens_at: time | None, closes_at: time | None, days: Sequence[str], phone: str
) -> str:
    """No operator is at work now; when they are, and our number. None: no hours can be told."""
    said = [_("No operator is at work now.")]
    if opens_at is not None and closes_at is not None:
        said.append(_("Operators answer {hours}.").format(hours=_hours(opens_at, closes_at, days)))
    said.append(
        _("You can call us: {phone}. Goodbye.").format(phone=phone_words(phone, current_language()))
    )
    return " ".join(said)


def span_words(span: timedelta) -> str:
    """A length of time after «в течение»: «пятнадцати минут», from an hour and a half on in hours.

    Rounded up: what is promised is kept.
    """
    if span < 1.5 * _HOUR:
        number = max(-(-span // timedelta(minutes=1)), 1)
        forms, english = ("минуты", "минут", "минут"), ("minute", "minutes")
        gender = "f"
    else:
        number = -(-span // _HOUR)
        forms, english, gender = ("часа", "часов", "часов"), ("hour", "hours"), "m"
    if current_language() == "ru":
        return f"{num2words(number, lang='ru', gender=gender, case='g')} {noun_form(number, forms)}"
    return f"{num2words(number, lang='en')} {noun_form(number, english, 'en')}"


def _hours(opens_at: time, closes_at: time, days: Sequence[str]) -> str:
    if opens_at == closes_at:
        clock = _("at any hour of the day")
    else:
        language = current_language()
        clock = _("from {opens} to {closes} by your time").format(
            opens=time_words(opens_at, language, genitive=True),
            closes=time_words(closes_at, language, genitive=True),
        )
    return f"{_days(days)} {clock}"


def _days(days: Sequence[str]) -> str:
    names = {
        "mon": _("on Mondays"),
        "tue": _("on Tuesdays"),
        "wed": _("on Wednesdays"),
        "thu": _("on Thursdays"),
        "fri": _("on Fridays"),
        "sat": _("on Saturdays"),
        "sun": _("on Sundays"),
    }
    if set(days) == set(names):
        return _("every day")
    if set(days) == set(_WORKDAYS):
        return _("on working days")
    return ", ".join(name for day, name in names.items() if day in days)
