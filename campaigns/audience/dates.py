"""Calendar dates as Russian billing systems and spreadsheets write them."""

import re
from datetime import date, datetime, time
from functools import lru_cache

from campaigns.audience.findings import CellError
from templates.i18n import _

_CLOCK = r"(?:[T\s]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})[./-](\d{{1,2}})[./-](\d{{4}}|\d{{2}})(?:\s*г\.?)?{_CLOCK}", re.ASCII
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-./](\d{{1,2}})[-./](\d{{1,2}}){_CLOCK}", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})\s+([а-я]{3})[а-я]*\.?\s+(\d{4})(?:\s*г(?:\.|ода)?)?")
_TIME_OF_DAY = re.compile(r"[T\s](\d{1,2}):(\d{2})", re.ASCII)
_MONTHS = ("янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")


@lru_cache(maxsize=4096)
def parse_date(text: str) -> date:
    """`01.12.2026`, `2026-12-01`, `1.12.26`, `1 декабря 2026 г.`; a time of day is left out.

    With slashes a date such as 03/04/2026 is refused, for it may be American. Raises `CellError`.
    """
    plain = text.strip().lstrip("'").casefold()
    found = _YEAR_FIRST.fullmatch(plain.upper())
    if found:
        return _checked(int(found[1]), int(found[2]), int(found[3]))
    found = _DAY_FIRST.fullmatch(plain) or _DAY_FIRST.fullmatch(plain.upper())
    if found:
        day, month, year = int(found[1]), int(found[2]), int(found[3])
        if "/" in plain and day != month and day <= 12 and month <= 12:
            raise CellError(
                "date_ambiguous",
                _("It is not clear which number is the day and which the month."),
                _("Write the date as 01.12.2026."),
            )
        return _checked(year + 2000 if year < 100 else year, month, day)
    found = _NAMED.fullmatch(plain)
    if found and (found[2] in _MONTHS or found[2] == "май"):
        month = 5 if found[2] == "май" else _MONTHS.index(found[2]) + 1
        return _checked(int(found[3]), month, int(found[1]))
    raise CellError("date_unreadable", _("This is not a date."), _("Write the date as 01.12.2026."))


def parse_moment(text: str) -> datetime:
    """`01.12.2026 18:00` or `2026-12-01T18:00`: a local date and time, to the minute.

    Without a time of day it would be midnight, which nobody meant. Raises `CellError`.
    """
    day = parse_date(text)
    found = _TIME_OF_DAY.search(text)
    if found and int(found[1]) < 24 and int(found[2]) < 60:
        return datetime.combine(day, time(int(found[1]), int(found[2])))
    raise CellError(
        "moment_unreadable",
        _("This is not a date with a time of day."),
        _("Write it as 01.12.2026 18:00."),
    )


def _checked(year: int, month: int, day: int) -> date:
    try:
        return date(year if 1900 <= year <= 2200 else 0, month, day)
    except ValueError as error:
        raise CellError(
            "date_impossible",
            _("There is no such day in the calendar."),
            _("Check day, month and year; write the date as 01.12.2026."),
        ) from error
