"""A period: what was sent in it by channel and day, what it cost, and what customers wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from campaigns.channel import ChannelName
from dispatcher.engine import Engine
from dispatcher.inquiries.totals import Period
from dispatcher.ledger import Transaction, inquiry_lists, periods, spending
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.inquiry_lists import ALL, Wanted
from dispatcher.ledger.periods import TryCount
from dispatcher.ledger.spending import Carried
from dispatcher.report.standing import TryFigure
from dispatcher.reporting import inquiring
from dispatcher.reporting.inquiring import InquiryFigures


@dataclass(frozen=True, slots=True)
class DayFigure:
    day: date
    channel: ChannelName
    attempts: int
    positives: int


@dataclass(frozen=True, slots=True)
class CampaignShare:
    """What a campaign did within the period."""

    id: int
    title: str
    audience: str
    status: CampaignStatus
    attempts: int
    positives: int


@dataclass(frozen=True, slots=True)
class ChannelTries:
    channel: ChannelName
    attempts: int
    positives: int
    open: int
    tries: tuple[TryFigure, ...]


@dataclass(frozen=True, slots=True)
class PeriodCounts:
    """Attempts that began within the period, at work or archived; customers who were erased since
    are counted, and named nowhere."""

    period: Period
    zone: str
    made_at: datetime
    days: tuple[DayFigure, ...]
    channels: tuple[ChannelTries, ...]
    campaigns: tuple[CampaignShare, ...]
    carried: tuple[Carried, ...]
    inquiries: InquiryFigures

    @property
    def attempts(self) -> int:
        return sum(one.attempts for one in self.channels)

    @property
    def positives(self) -> int:
        return sum(one.positives for one in self.channels)


def count(tx: Transaction, engine: Engine, period: Period, now: datetime) -> PeriodCounts:
    zone = engine.settings.zone
    since_at, before_at = period.instants(zone)
    found = periods.at_work(tx, since_at, before_at)
    ids = [campaign.id for campaign in found]
    tries = periods.by_try(tx, ids, since_at, before_at)
    return PeriodCounts(
        period=period,
        zone=zone,
        made_at=now,
        days=_days(tx, ids, since_at, before_at, zone),
        channels=_channels(tries),
        campaigns=_shares(found, tries),
        carried=tuple(spending.carried(tx, ids, since_at, before_at)),
        inquiries=inquiring.count(tx, period, zone, now.astimezone(ZoneInfo(zone)).date()),
    )


def weight(tx: Transaction, zone: str, period: Period) -> int:
    """About how many rows have to be read to count a period; an inquiry is read as a whole."""
    since_at, before_at = period.instants(zone)
    ids = [campaign.id for campaign in periods.at_work(tx, since_at, before_at)]
    wanted = Wanted(statuses=ALL, since_at=since_at, before_at=before_at)
    return periods.attempts_of(tx, ids) + 10 * inquiry_lists.count(tx, wanted)


def _days(
    tx: Transaction, ids: Sequence[int], since_at: datetime, before_at: datetime, zone: str
) -> tuple[DayFigure, ...]:
    local = ZoneInfo(zone)
    sums: dict[tuple[date, ChannelName], list[int]] = {}
    for one in periods.by_quarter(tx, ids, since_at, before_at):
        day = one.first_at.astimezone(local).date()
        known = sums.setdefault((day, one.channel), [0, 0])
        known[0] += one.attempts
        known[1] += one.positives
    return tuple(DayFigure(*key, *counts) for key, counts in sorted(sums.items()))


def _channels(found: Sequence[TryCount]) -> tuple[ChannelTries, ...]:
    made = []
    for channel in ChannelName:
        of_channel = [one for one in found if one.channel is channel]
        if not of_channel:
            continue
        numbers = sorted({one.number for one in of_channel})
        made.append(
            ChannelTries(
                channel,
                sum(one.attempts for one in of_channel),
                sum(one.positives for one in of_channel),
                sum(one.open for one in of_channel),
                tuple(
                    TryFigure(
                        number,
                        sum(one.attempts for one in of_channel if one.number == number),
                        sum(one.positives for one in of_channel if one.number == number),
                    )
                    for number in numbers
                ),
            )
        )
    return tuple(made)


def _shares(found: Sequence[Campaign], tries: Sequence[TryCount]) -> tuple[CampaignShare, ...]:
    """Campaigns that contacted somebody, the busiest first."""
    sums: dict[int, list[int]] = {}
    for one in tries:
        known = sums.setdefault(one.campaign_id, [0, 0])
        known[0] += one.attempts
        known[1] += one.positives
    shares = [
        CampaignShare(c.id, c.title, c.audience_name, c.status, *sums[c.id])
        for c in found
        if c.id in sums
    ]
    return tuple(sorted(shares, key=lambda one: (-one.attempts, one.id)))
