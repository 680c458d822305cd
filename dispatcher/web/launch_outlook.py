"""A rehearsal made ready for its page: figures, charts and words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from campaigns.channel import ChannelName
from campaigns.recipient import Recipient
from dispatcher.engine import Engine
from dispatcher.forecast import Example, Outlook
from dispatcher.ledger import Transaction, audiences
from dispatcher.report.words import channels, skip_advice, skip_reasons, word
from dispatcher.web import launch_charts, launch_words
from templates.i18n import _

# Less than this of one message is not worth a word.
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class SkipRow:
    """How many are skipped for a reason, channel by channel."""

    title: str
    advice: str
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class ZoneRow:
    title: str
    zone: str
    deliveries: float
    first_at: datetime | None
    attempts: float


@dataclass(frozen=True, slots=True)
class Shown:
    outlook: Outlook
    titles: Mapping[ChannelName, str]
    colours: Mapping[ChannelName, str]
    skips: Sequence[SkipRow]
    held_back: int
    days: Sequence[tuple[date, Mapping[ChannelName, float]]]
    by_hour: Markup
    by_zone: Markup
    zones: Sequence[ZoneRow]
    holds_up: Sequence[str]
    examples: Sequence[tuple[Example, Recipient | None, str]]
    untried: int  # for whom the time does not suffice even once
    unfinished: int
    finishes_on: date | None
    cost_kopecks: int | None
    cost_most_kopecks: int | None
    is_cost_unknown: bool  # SMS would go, and nobody has told what one costs
    clock_title: str  # on whose clock the hours are
    guesses: Sequence[str]  # channels without a past of the house's own


def shown_outlook(tx: Transaction, engine: Engine, seen: Outlook) -> Shown:
    scenario = engine.scenario(tx, seen.scenario_id).scenario
    zone = engine.settings.zone
    titles = {one.channel: word(channels, one.channel) for one in seen.channels}
    bound = launch_words.bottleneck(seen)
    policy = scenario.policy(bound.channel) if bound else None
    zone_titles = {
        row.zone: launch_words.zone_title(row.zone, seen.begins_at) for row in seen.zones
    }
    ids = [one.recipient_id for one in seen.examples if one.recipient_id is not None]
    people = audiences.get_many(tx, ids)
    costs = [one for one in seen.channels if one.cost_kopecks is not None]
    return Shown(
        outlook=seen,
        titles=titles,
        colours=launch_charts.COLOURS,
        skips=_skips(seen),
        held_back=sum(one.held_back for one in seen.channels),
        days=launch_charts.by_day(seen, zone),
        by_hour=launch_charts.hours_chart(seen, titles, _("Expected attempts by hour"), zone),
        by_zone=launch_charts.zones_chart(
            seen, zone_titles, _("Expected attempts by hour and time zone"), zone
        ),
        zones=_zones(seen, zone_titles),
        holds_up=list(launch_words.bottleneck_words(seen, policy, zone)),
        examples=[
            (one, people.get(one.recipient_id or 0), launch_words.example_why(one))
            for one in seen.examples
        ],
        untried=_whole(seen.untried),
        unfinished=_whole(seen.unfinished),
        finishes_on=seen.finishes_at.astimezone(ZoneInfo(zone)).date()
        if seen.finishes_at
        else None,
        cost_kopecks=round(sum(one.cost_kopecks or 0 for one in costs)) if costs else None,
        cost_most_kopecks=round(sum(one.cost_most_kopecks or 0 for one in costs))
        if costs
        else None,
        is_cost_unknown=not costs
        and any(one.planned for one in seen.channels if one.channel is ChannelName.SMS),
        clock_title=launch_words.zone_title(zone, seen.begins_at),
        guesses=[titles[one.channel] for one in seen.channels if not one.by_own_past],
    )


def _whole(expected: float) -> int:
    return math.ceil(expected) if expected >= _HALF else 0


def _skips(seen: Outlook) -> Sequence[SkipRow]:
    reasons = {reason: 0 for one in seen.channels for reason in one.skipped}
    for one in seen.channels:
        for reason, count in one.skipped.items():
            reasons[reason] += count
    return [
        SkipRow(
            word(skip_reasons, reason),
            skip_advice().get(reason, ""),
            [one.skipped.get(reason, 0) for one in seen.channels],
        )
        for reason in sorted(reasons, key=lambda reason: -reasons[reason])
    ]


def _zones(seen: Outlook, titles: Mapping[str, str]) -> Sequence[ZoneRow]:
    start_at = seen.begins_at.replace(minute=0, second=0, microsecond=0)
    return [
        ZoneRow(
            titles[row.zone],
            row.zone,
            row.deliveries,
            # The hour holds the first attempt; of the first hour of all we know better.
            max(start_at + timedelta(hours=row.hours[0][0]), seen.begins_at) if row.hours else None,
            sum(attempts for _hour, attempts in row.hours),
        )
        for row in seen.zones
    ]
