"""`dispatcher speech …`: how a call would say a value, for those who write texts."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer

from dispatcher.cli import screen
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotPossible
from templates import speech
from templates.filters import LARGEST_KOPECKS
from templates.i18n import _
from templates.nouns import noun_of

app = typer.Typer(no_args_is_help=True)

_MONEY = re.compile(r"([-−]?)([0-9]{1,3}(?:[ \u00a0][0-9]{3})+|[0-9]{1,16})(?:[.,]([0-9]{1,2}))?")
_COUNT = re.compile(r"[-−]?[0-9]{1,16}")
_TIME = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})")
_LONGEST = 100  # characters of a number that is said digit by digit
# A value may begin with a minus.
_SIGNED = {"ignore_unknown_options": True}


class Spoken(StrEnum):
    RU = "ru"
    EN = "en"


In = Annotated[Spoken, typer.Option("--language", help=_("The language that is spoken."))]


@app.command("money", help=_("An amount in roubles: 2547,30"), context_settings=_SIGNED)
def money(
    value: Annotated[str, typer.Argument(help=_("Roubles, kopecks after a comma or a point."))],
    language: In = Spoken.RU,
    as_json: AsJson = False,
) -> None:
    found = _MONEY.fullmatch(value.strip())
    if not found:
        raise _bad(value, _("an amount in roubles is expected, such as 2547,30"))
    sign, roubles, rest = found[1], re.sub(r"\D", "", found[2]), found[3] or "0"
    kopecks = int(Decimal(f"{roubles}.{rest}") * 100)
    if kopecks > LARGEST_KOPECKS:
        raise _bad(value, _("no amount can be so large"))
    _answer(speech.money_words(-kopecks if sign else kopecks, language), as_json)


@app.command("date", help=_("A date: 2026-12-01 or 01.12.2026"))
def date_(
    value: Annotated[str, typer.Argument(help="2026-12-01")],
    year: Annotated[bool, typer.Option("--year/--no-year", help=_("Say the year too."))] = True,
    language: In = Spoken.RU,
    as_json: AsJson = False,
) -> None:
    day = _day(value.strip())
    say = speech.full_date_words if year else speech.date_words
    _answer(say(day, language), as_json)


@app.command("time", help=_("A time of day: 9:30"))
def time_(
    value: Annotated[str, typer.Argument(help="9:30")],
    genitive: Annotated[
        bool, typer.Option("--genitive", help=_("As after “с” and “до”: девяти часов."))
    ] = False,
    language: In = Spoken.RU,
    as_json: AsJson = False,
) -> None:
    found = _TIME.fullmatch(value.strip())
    try:
        clock = time(int(found[1]), int(found[2])) if found else None
    except ValueError:
        clock = None
    if clock is None:
        raise _bad(value, _("a time of day is expected, such as 9:30"))
    _answer(speech.time_words(clock, language, genitive=genitive), as_json)


@app.command(
    "count", help=_("A number with its noun: 5 --noun квитанция"), context_settings=_SIGNED
)
def count(
    value: Annotated[str, typer.Argument(help="5")],
    noun: Annotated[
        str,
        typer.Option(
            "--noun", help=_("The noun as in a dictionary, or its forms: счёт,счёта,счетов")
        ),
    ] = "",
    language: In = Spoken.RU,
    as_json: AsJson = False,
) -> None:
    found = _COUNT.fullmatch(value.strip())
    if not found:
        raise _bad(value, _("a whole number is expected, such as 5"))
    number = int(found[0].replace("−", "-"))
    forms, gender = _noun(noun, language)
    words = speech.count_words(number, forms, language, gender=gender)
    _answer(words.strip(), as_json)


@app.command("phone", help=_("A telephone number in groups, as people say it."))
def phone(
    value: Annotated[str, typer.Argument(help="+78005553535")],
    language: In = Spoken.RU,
    as_json: AsJson = False,
) -> None:
    _answer(speech.phone_words(_digits(value), language), as_json)


@app.command("digits", help=_("Digits one by one."))
def digits(
    value: Annotated[str, typer.Argument(help="4012")],
    language: In = Spoken.RU,
    as_json: AsJson = False,
) -> None:
    _answer(speech.digits_words(_digits(value), language), as_json)


@app.command("account", help=_("An account number digit by digit, or in pairs."))
def account(
    value: Annotated[str, typer.Argument(help="401234567890")],
    pairs: Annotated[bool, typer.Option("--pairs", help=_("In pairs: сорок, двенадцать."))] = False,
    language: In = Spoken.RU,
    as_json: AsJson = False,
) -> None:
    if len(value) > _LONGEST or not re.search(r"[0-9]", value):
        raise _bad(value, _("an account number is expected, such as 401234567890"))
    _answer(speech.account_words(value, language, pairs=pairs), as_json)


def _answer(words: str, as_json: bool) -> None:
    if as_json:
        screen.print_json({"words": words})
    else:
        screen.say(words)


def _bad(value: str, advice: str) -> NotPossible:
    """What was given, made harmless for a terminal, and what to write instead."""
    shown = "".join(c if c.isprintable() else "·" for c in value[:40])
    return NotPossible(_("“{value}”: {advice}.").format(value=shown, advice=advice))


def _day(text: str) -> date:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 -- a date has no zone
        except ValueError:
            continue
    raise _bad(text, _("a date is expected, such as 2026-12-01 or 01.12.2026"))


def _digits(text: str) -> str:
    if len(text) > _LONGEST or not re.fullmatch(r"[\s()+.\-]*[0-9][0-9\s()+.\-]*", text):
        raise _bad(text, _("a number of digits is expected, such as +78005553535"))
    return text


def _noun(noun: str, language: str) -> tuple[Sequence[str], str]:
    """The forms and the gender (m, f, n); of no noun at all the number is masculine."""
    forms = tuple(form.strip() for form in noun.split(","))
    if not noun.strip():
        return ("", ""), "m"
    if language == Spoken.EN:
        if re.search(r"[А-Яа-яЁё]", noun):
            raise _bad(noun, _("an English noun is expected, such as bill or bill,bills"))
        if len(forms) > 2 or not all(forms):
            raise _bad(noun, _("one or two English forms are expected, such as bill,bills"))
        return (forms if len(forms) == 2 else (forms[0], f"{forms[0]}s")), "m"
    if len(forms) not in (1, 3) or not all(forms):
        raise _bad(noun, _("one noun or three forms are expected: счёт,счёта,счетов"))
    try:
        known, gender = noun_of(forms[0])
    except ValueError:
        if len(forms) == 3:
            return forms, "m"
        raise _bad(
            noun, _("the dictionary has no such noun; write three forms: счёт,счёта,счетов")
        ) from None
    return (forms if len(forms) == 3 else known), gender
