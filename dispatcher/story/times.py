"""Instants on the customer's own clock, in the reader's language."""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, get_timezone_location

from campaigns.calendar import UnknownZone, zone_named
from templates.i18n import current_language

_UNSPACED = str.maketrans({"\u202f": "\u00a0"})


def local_moment(at: datetime, zone: str) -> str:
    """«вт, 1 дек. 2026, 10:05» in that zone."""
    day = "EEEEEE" if current_language() == "ru" else "EEE"
    shown = format_datetime(_in(at, zone), f"{day}, d MMM y, HH:mm", locale=current_language())
    return shown.translate(_UNSPACED)


def local_clock(at: datetime, zone: str) -> str:
    """«10:05» in that zone."""
    return f"{_in(at, zone):%H:%M}"


def local_date(at: datetime, zone: str) -> date:
    """The customer's date."""
    return _in(at, zone).date()


def local_day(day: date) -> str:
    """«1 декабря»."""
    pattern = "d MMMM" if current_language() == "ru" else "MMMM d"
    return format_date(day, pattern, locale=current_language())


def exact_local(at: datetime, zone: str) -> str:
    """«01.12.2026 10:05:07 (UTC+7)»: to the second, with the offset that was in force."""
    return f"{_in(at, zone):%d.%m.%Y %H:%M:%S} ({offset(at, zone)})"


def exact_utc(at: datetime) -> str:
    """«01.12.2026 03:05:07 UTC»."""
    return f"{at.astimezone(ZoneInfo('UTC')):%d.%m.%Y %H:%M:%S} UTC"


def offset(at: datetime, zone: str) -> str:
    """«UTC+7», «UTC+5:30»."""
    shift = _in(at, zone).utcoffset()
    minutes = int(shift.total_seconds() // 60) if shift else 0
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def zone_title(zone: str, at: datetime) -> str:
    """«Омск, UTC+6»; of a zone that is only an offset the offset."""
    city = _city(zone, current_language())
    return f"{city}, {offset(at, zone)}" if city else offset(at, zone)


@lru_cache(maxsize=512)
def _city(zone: str, language: str) -> str:
    return get_timezone_location(zone, locale=language, return_city=True) if "/" in zone else ""


def _in(at: datetime, zone: str) -> datetime:
    try:
        return at.astimezone(zone_named(zone))
    except UnknownZone:
        return at.astimezone(ZoneInfo("UTC"))
