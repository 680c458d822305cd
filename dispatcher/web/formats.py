"""Values as the reader expects them: numbers, amounts, dates, in the language of the page."""

import re
from datetime import date, datetime, timedelta

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal, format_percent

from campaigns.calendar import zone_named
from templates import filters
from templates.i18n import current_language

_BREAK = re.compile(r"[ \u202f]")


def number(value: int | float) -> str:
    """12345 -> «12 345»."""
    return _solid(format_decimal(value, locale=current_language()))


def percent(share: float, digits: int = 0) -> str:
    """0.987 -> «99 %»."""
    pattern = "#,##0." + "0" * digits + " %" if digits else "#,##0 %"
    if current_language() == "en":
        pattern = pattern.replace(" %", "%")
    return _solid(format_percent(share, format=pattern, locale=current_language()))


def money(kopecks: int) -> str:
    """254730 -> «2 547,30 ₽»."""
    return filters.money(kopecks, current_language())


def day(value: date) -> str:
    """«1 декабря 2026 г.»."""
    return _solid(format_date(value, "long", locale=current_language()))


def short_day(value: date) -> str:
    """«1 дек., вт»."""
    pattern = "d MMM, EEEEEE" if current_language() == "ru" else "EEE, d MMM"
    return _solid(format_date(value, pattern, locale=current_language()))


def moment(at: datetime, zone: str) -> str:
    """«1 дек. 2026, 10:05» on a clock of that zone."""
    local = at.astimezone(zone_named(zone))
    return _solid(format_datetime(local, "d MMM y, HH:mm", locale=current_language()))


def clock(at: datetime, zone: str) -> str:
    """«10:05» on a clock of that zone."""
    return format_time(at.astimezone(zone_named(zone)).time(), "HH:mm", locale=current_language())


def lasting(seconds: float) -> str:
    """«3 минуты», «2 часа»: about how long."""
    return _solid(
        format_timedelta(timedelta(seconds=seconds), threshold=1.2, locale=current_language())
    )


def phone(value: str) -> str:
    return filters.phone(value, current_language())


def account(value: str) -> str:
    return filters.account(value, current_language())


def size(count: int) -> str:
    """Bytes as people read them: «1,4 МБ»."""
    units = ("Б", "КБ", "МБ", "ГБ") if current_language() == "ru" else ("B", "kB", "MB", "GB")
    value, unit = float(count), 0
    while value >= 1000 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    shown = format_decimal(round(value, 1) if unit else count, locale=current_language())
    return _solid(f"{shown} {units[unit]}")


def masked_point(value: str) -> str:
    """A number or an address of which nobody who may not see it can make anything:
    «+7 ••• •••-••-67», «i•••@example.com»."""
    local, at, domain = value.partition("@")
    if at:
        return f"{local[:1]}•••@{domain}"
    digits = re.sub(r"\D", "", value)
    return f"{value[:2]} ••• •••-••-{digits[-2:]}" if len(digits) > 6 else "•••"


def masked_name(value: str) -> str:
    """«И. И. •••»."""
    return " ".join(f"{word[:1]}." for word in value.split()[:3]) or "•••"


def masked_account(value: str) -> str:
    return f"•••{value[-3:]}" if len(value) > 5 else "•••"


def _solid(text: str) -> str:
    """With spaces that do not break at a line's end."""
    return _BREAK.sub("\u00a0", text)
