"""Counting in working days: by the production calendar with its moved days off and working
Saturdays, as staff correct it (`campaigns.holidays`).
"""

from datetime import date, timedelta

from campaigns.holidays import Holidays

_DAY = timedelta(days=1)


def is_working_day(day: date, holidays: Holidays) -> bool:
    return holidays.is_working_day(day)


def add_working_days(day: date, count: int, holidays: Holidays) -> date:
    """The `count`-th working day after `day`; `day` itself never counts. 0 is the day itself."""
    return _walk(day, count, holidays, _DAY)


def working_days_before(day: date, count: int, holidays: Holidays) -> date:
    """The `count`-th working day before `day`; `day` itself never counts. 0 is the day itself."""
    return _walk(day, count, holidays, -_DAY)


def _walk(day: date, count: int, holidays: Holidays, step: timedelta) -> date:
    while count > 0:
        day += step
        count -= holidays.is_working_day(day)
    return day
