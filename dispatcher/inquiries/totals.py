"""Inquiries counted by topic, channel and segment; complaints against the period before (`002`)."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from campaigns.inquiry.rules import Topic
from dispatcher.ledger import Transaction, inquiry_lists
from dispatcher.ledger.inquiry_lists import Tally

_DAY = timedelta(days=1)
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first of these days to the last, both included."""

    first: date
    last: date

    def before(self) -> "Period":
        """The period that this one is compared with: as many whole months before whole months, else
        as many days before."""
        if self.first.day == 1 and (self.last + _DAY).day == 1:
            months = 12 * (self.last.year - self.first.year) + self.last.month - self.first.month
            year, month = divmod(12 * self.first.year + self.first.month - 1 - (months + 1), 12)
            return Period(date(year, month + 1, 1), self.first - _DAY)
        return Period(self.first - (self.last - self.first) - _DAY, self.first - _DAY)

    def instants(self, zone: str) -> tuple[datetime, datetime]:
        """The beginning, and the instant before which it ends."""
        begin, end = (
            datetime.combine(day, time(), ZoneInfo(zone)) for day in (self.first, self.last + _DAY)
        )
        return begin, end


@dataclass(frozen=True, slots=True)
class Change:
    """A number in a period, and in the one before."""

    now: int
    before: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What came in a period. Stops that were obeyed are no inquiries to anybody: counted apart.

    `complaints` are by channel and segment ("" where nobody knows the segment).
    """

    period: Period
    compared: Period
    all: Change
    by_topic: Mapping[str, Change]
    by_channel: Mapping[str, Change]
    by_segment: Mapping[str, Change]
    complaints: Mapping[tuple[str, str], Change]
    stops: Change


def totals(tx: Transaction, period: Period, zone: str) -> Totals:
    compared = period.before()
    now = inquiry_lists.tallies(tx, *period.instants(zone))
    before = inquiry_lists.tallies(tx, *compared.instants(zone))
    asked, asked_before = (_without_stops(found) for found in (now, before))
    return Totals(
        period=period,
        compared=compared,
        all=Change(_sum(asked), _sum(asked_before)),
        by_topic=_by(asked, asked_before, lambda one: one.topic.value),
        by_channel=_by(asked, asked_before, lambda one: one.channel.value),
        by_segment=_by(asked, asked_before, lambda one: one.segment),
        complaints=_by(
            _complaints(asked),
            _complaints(asked_before),
            lambda one: (one.channel.value, one.segment),
        ),
        stops=Change(_sum(now) - _sum(asked), _sum(before) - _sum(asked_before)),
    )


def _without_stops(found: Sequence[Tally]) -> Sequence[Tally]:
    return [one for one in found if not one.is_stop]


def _complaints(found: Sequence[Tally]) -> Sequence[Tally]:
    return [one for one in found if one.topic is Topic.COMPLAINT]


def _sum(found: Sequence[Tally]) -> int:
    return sum(one.inquiries for one in found)


def _by(
    now: Sequence[Tally], before: Sequence[Tally], key: Callable[[Tally], Key]
) -> Mapping[Key, Change]:
    """Both periods by what `key` tells of an inquiry, the most frequent first."""
    counts: tuple[Counter[Key], Counter[Key]] = (Counter(), Counter())
    for counter, found in zip(counts, (now, before), strict=True):
        for one in found:
            counter[key(one)] += one.inquiries
    ordered = sorted({*counts[0], *counts[1]}, key=lambda one: (-counts[0][one], str(one)))
    return {one: Change(counts[0][one], counts[1][one]) for one in ordered}
