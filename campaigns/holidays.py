"""The production calendar: which days are public holidays, and what staff say otherwise.

Labour Code of Russia, articles 95 and 112: the holidays themselves and the days off that the
government moves each year. Plain weekends are no holidays: the standard calls "daily, except on
public holidays".
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays as calendars

_NONE: Mapping[date, bool] = {}


@lru_cache(maxsize=256)
def _official(year: int) -> frozenset[date]:
    """Public holidays of one year with the days off moved to it; empty for years without any."""
    return frozenset(calendars.country_holidays("RU", years=[year], expand=False))


@lru_cache(maxsize=256)
def _working_weekends(year: int) -> frozenset[date]:
    """Saturdays and Sundays that the government made working days in exchange for others."""
    return frozenset(calendars.country_holidays("RU", years=[year]).weekend_workdays)


class Holidays:
    """Public holidays, mended by a table: `True` adds a day off, `False` makes it an ordinary day.

    A region's own table (a local holiday, such as Radonitsa or Uraza-Bayram) goes before the
    general one, which goes before the production calendar. Instances never change; equal tables
    make equal instances, so that decisions may be cached by them. Needs no network and no file.
    """

    __slots__ = ("_hash", "_overrides", "_regions")

    def __init__(
        self,
        overrides: Mapping[date, bool] = _NONE,
        regions: Mapping[str, Mapping[date, bool]] | None = None,
    ) -> None:
        self._overrides = dict(overrides)
        self._regions = {
            name: Holidays({**self._overrides, **own}) for name, own in (regions or {}).items()
        }
        self._hash = hash((frozenset(self._overrides.items()), frozenset(self._regions.items())))

    def is_holiday(self, day: date) -> bool:
        """Whether calls and SMS rest on this day. `day` is the customer's local date."""
        override = self._overrides.get(day)
        return day in _official(day.year) if override is None else override

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on this day. What staff say of it goes before weekends too."""
        override = self._overrides.get(day)
        if override is not None:
            return not override
        if day.weekday() >= 5:
            return day in _working_weekends(day.year)
        return day not in _official(day.year)

    def in_region(self, region: str) -> "Holidays":
        """The calendar of a region: its own where one is kept, else this one."""
        return self._regions.get(region, self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Holidays):
            return NotImplemented
        return self._overrides == other._overrides and self._regions == other._regions

    def __hash__(self) -> int:
        return self._hash
