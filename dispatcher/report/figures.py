"""The figures of one campaign, counted by the database and checked against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, time

from campaigns.calendar import zone_named
from campaigns.channel import ChannelName
from campaigns.delivery import SkipReason, Status
from campaigns.scenario import Window
from dispatcher.ledger import Transaction, audiences, campaigns, reports, scenarios
from dispatcher.ledger.calls import by_provider
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.reports import OutcomeCount, Reach, RowErrorCount, StatusCount, Unreached
from dispatcher.report import calls
from dispatcher.report.calls import CallFigures
from dispatcher.report.standing import (
    ChannelStanding,
    ProviderFigure,
    Standing,
    away_of,
    channel_standing,
)

LISTED = 50  # uncertain attempts that the page names one by one


@dataclass(frozen=True, slots=True)
class Hours:
    """Attempts by the hour of the recipient's own clock; first and last over all zones."""

    counts: tuple[int, ...]
    earliest: time | None = None
    latest: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures(ChannelStanding):
    """One channel: what became of every recipient, and what its attempts came to."""

    hours: Hours
    window: Window
    spoken_of: int  # accounts told in the message of another one
    duplicates: int  # accounts left out because their number or address gets the same text already
    merged_messages: int  # deliveries that speak of several accounts


@dataclass(frozen=True, slots=True)
class ZoneFigure:
    """Recipients in one zone; `own` is false where the campaign's zone stands in for none."""

    zone: str
    source: str
    own: bool
    recipients: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Two ways of counting the same; `name` is a key of `report.words.BALANCES`."""

    name: str
    channel: ChannelName | None
    expected: int
    found: int

    @property
    def holds(self) -> bool:
        return self.expected == self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReport(Standing):
    """A campaign's figures, all counted from the rows themselves."""

    channels: tuple[ChannelFigures, ...]
    reach: Reach
    calls: CallFigures
    zones: tuple[ZoneFigure, ...]
    row_errors: tuple[RowErrorCount, ...]
    uncertain: tuple[Unreached, ...]  # the first of them
    balances: tuple[Balance, ...]

    @property
    def adds_up(self) -> bool:
        return all(balance.holds for balance in self.balances)

    @property
    def without_own_zone(self) -> int:
        return sum(zone.recipients for zone in self.zones if not zone.own)


def of_campaign(tx: Transaction, campaign_id: int, now: datetime) -> CampaignReport:
    """Count a campaign as it stands at `now`. Raises NotFound.

    Memory does not grow with the audience: the database groups, at most by the quarter of an hour.
    """
    campaign = campaigns.get(tx, campaign_id)
    stored = scenarios.get(tx, campaign.scenario_id)
    scenario = stored.scenario
    recipients = reports.recipients_of(tx, campaign.audience_id)
    statuses = reports.by_status(tx, campaign_id)
    outcomes = reports.by_outcome(tx, campaign_id)
    hours = _hours(tx, campaign_id)
    joined = {(j.channel, j.reason): j for j in reports.joined(tx, campaign_id)}
    channels = []
    for channel in scenario.sequence():
        merged = joined.get((channel, SkipReason.MERGED.value))
        duplicate = joined.get((channel, SkipReason.DUPLICATE.value))
        channels.append(
            _channel(
                channel_standing(channel, recipients, statuses, outcomes),
                hours.get(channel, Hours((0,) * 24)),
                scenario.policy(channel).window,
                spoken_of=merged.spoken_of if merged else 0,
                duplicates=duplicate.spoken_of if duplicate else 0,
                merged_messages=merged.leads if merged else 0,
            )
        )
    return CampaignReport(
        campaign=campaign,
        audience=audiences.get(tx, campaign.audience_id),
        made_at=now,
        recipients=recipients,
        reach=reports.reach(tx, campaign_id),
        channels=tuple(channels),
        calls=calls.of_campaign(tx, campaign_id, stored),
        providers=tuple(ProviderFigure(*row) for row in by_provider(tx, campaign_id)),
        zones=_zones(tx, campaign),
        row_errors=tuple(reports.by_row_error(tx, campaign.audience_id)),
        uncertain=tuple(reports.unreached(tx, campaign_id, [Status.UNCERTAIN], LISTED)),
        balances=_balances(recipients, channels, statuses, outcomes),
        away=away_of(tx, scenario.channels),
    )


def _channel(
    standing: ChannelStanding,
    hours: Hours,
    window: Window,
    *,
    spoken_of: int,
    duplicates: int,
    merged_messages: int,
) -> ChannelFigures:
    counted = {one.name: getattr(standing, one.name) for one in fields(standing)}
    return ChannelFigures(
        **counted,
        hours=hours,
        window=window,
        spoken_of=spoken_of,
        duplicates=duplicates,
        merged_messages=merged_messages,
    )


def _hours(tx: Transaction, campaign_id: int) -> Mapping[ChannelName, Hours]:
    counts: dict[ChannelName, list[int]] = {}
    earliest: dict[ChannelName, time] = {}
    latest: dict[ChannelName, time] = {}
    for quarter in reports.by_quarter(tx, campaign_id):
        zone = zone_named(quarter.zone)
        first = quarter.first_at.astimezone(zone).time()
        last = quarter.last_at.astimezone(zone).time()
        channel = quarter.channel
        counts.setdefault(channel, [0] * 24)[first.hour] += quarter.attempts
        earliest[channel] = min(first, earliest.get(channel, first))
        latest[channel] = max(last, latest.get(channel, last))
    return {
        channel: Hours(tuple(found), earliest[channel], latest[channel])
        for channel, found in counts.items()
    }


def _zones(tx: Transaction, campaign: Campaign) -> tuple[ZoneFigure, ...]:
    figures = [
        ZoneFigure(zone or campaign.zone, source, zone is not None, count)
        for zone, source, count in reports.by_zone(tx, campaign.audience_id)
    ]
    return tuple(sorted(figures, key=lambda f: (-f.recipients, f.zone, f.source)))


def _balances(
    recipients: int,
    channels: Sequence[ChannelFigures],
    statuses: Sequence[StatusCount],
    outcomes: Sequence[OutcomeCount],
) -> tuple[Balance, ...]:
    """Nothing disappears: each pair is counted from different rows.

    The totals are taken over every row of the campaign, so that one of a channel that the scenario
    does not know shows as well.
    """
    balances = [
        Balance(
            "recipients_by_channels",
            None,
            recipients * len(channels),
            sum(row.deliveries for row in statuses),
        ),
        Balance(
            "attempts_of_deliveries",
            None,
            sum(row.attempts for row in statuses),
            sum(one.attempts for one in outcomes),
        ),
    ]
    for c in channels:
        balances += [
            Balance("recipients", c.channel, c.recipients, sum(c.statuses.values())),
            Balance("attempts", c.channel, c.attempts_counted, c.attempts),
            Balance(
                "outcomes",
                c.channel,
                c.attempts,
                sum(o.attempts for o in c.outcomes) + c.open_attempts,
            ),
            Balance("hours", c.channel, c.attempts, sum(c.hours.counts)),
        ]
    return tuple(balances)
