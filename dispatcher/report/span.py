"""A length of time, in words."""

from datetime import timedelta

from babel.units import format_unit

from templates.i18n import current_language


def span(length: timedelta) -> str:
    """A length of time as people say it, in one unit."""
    seconds = max(length.total_seconds(), 0)
    if seconds < 120:
        value, unit = seconds, "second"
    elif seconds < 2 * 3600:
        value, unit = seconds / 60, "minute"
    elif seconds < 48 * 3600:
        value, unit = seconds / 3600, "hour"
    else:
        value, unit = seconds / 86400, "day"
    return str(format_unit(int(value), unit, "short", locale=current_language()))
