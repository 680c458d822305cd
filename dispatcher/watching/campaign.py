"""How a campaign stands at this instant, with everything that the page about it shows."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.calendar import UnknownZone
from campaigns.channel import ChannelName
from campaigns.delivery import ENDED, Status
from campaigns.holidays import Holidays
from dispatcher.engine import Engine
from dispatcher.ledger import (
    LedgerFault,
    Transaction,
    audiences,
    calendar,
    campaign_limits,
    campaigns,
    composition,
    gauges,
    live_looks,
    tallies,
)
from dispatcher.ledger.campaign_limits import Limits
from dispatcher.ledger.campaigns import LEGAL, Campaign, CampaignStatus
from dispatcher.ledger.live_looks import LatestAttempt
from dispatcher.ledger.trail import Act
from dispatcher.report.standing import ChannelStanding, ProviderFigure, Standing, away_of
from dispatcher.report.standing import channel_standing as standing_of_channel
from dispatcher.watching.advice import Trouble, troubles_of
from dispatcher.watching.hours import ZoneHours, by_zone
from dispatcher.watching.pace import MINUTE, Pace, ends_at

NEWEST = 20
ACTS = 30
MOST_DOUBTS = 1000
# Who waits in which zone changes slowly, and is dear to count.
ZONES_EVERY_SECONDS = 60.0
ZONES_PATIENCE_SECONDS = 5
# So many are counted while somebody waits for the page; more only for those who watch it.
COUNTED_AT_ONCE = 50_000
# More zones than Russia has: what is beyond them only fills the screen.
MOST_ZONES = 14
# Calls and SMS keep hours; letters go at any.
WITH_HOURS = (ChannelName.PHONE, ChannelName.SMS)


@dataclass(frozen=True, slots=True)
class Picture:
    """One look. `per_minute` None: it does not run. `tried_once_at` None: nobody can tell.
    `held_until`: until when the campaign's own limit holds back what would go now."""

    standing: Standing
    per_minute: Mapping[ChannelName, int] | None
    tried_once_at: datetime | None
    hours: Sequence[ZoneHours]
    troubles: Sequence[Trouble]
    newest: Sequence[LatestAttempt]
    to_decide: int
    acts: Sequence[Act]
    limits: Limits
    held_until: Mapping[ChannelName, datetime]

    @property
    def campaign(self) -> Campaign:
        return self.standing.campaign

    @property
    def is_over(self) -> bool:
        return not LEGAL[self.campaign.status]

    @property
    def progress(self) -> Mapping[Status, int]:
        """Over all channels."""
        return {status: self.standing.total(status) for status in Status}

    @property
    def uncertain(self) -> int:
        return self.standing.total(Status.UNCERTAIN)

    @property
    def in_flight(self) -> int:
        """At a provider, or on the way to it."""
        return self.standing.total(Status.SENDING) + self.standing.total(Status.AWAITING)

    @property
    def waiting(self) -> int:
        return self.standing.total(Status.PENDING) + self.standing.total(Status.QUEUED)

    @property
    def retrying(self) -> int:
        return sum(one.retrying for one in self.standing.channels)

    @property
    def pace(self) -> int:
        return sum((self.per_minute or {}).values())

    @property
    def planned(self) -> int:
        return sum(one.planned for one in self.standing.channels)

    @property
    def ended(self) -> int:
        """Planned deliveries of which nothing more is to come."""
        return sum(self.standing.total(one) for one in ENDED if one is not Status.SKIPPED)


@dataclass
class CampaignWatch:
    """Looks at one campaign again and again; what one look costs, the next one saves.

    One thread looks at a time.
    """

    engine: Engine
    campaign_id: int
    _pace: Pace | None = None
    _zones: Mapping[tuple[ChannelName, str], int] | None = None
    _zones_at: float = field(default=float("-inf"))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, *, at_length: bool = True) -> Picture:
        """How it stands now. `at_length`: also what takes a moment at a million deliveries, if it
        is time for it. Raises NotFound."""
        with self._lock:
            now = self.engine.clock.now()
            with self.engine.ledger.read() as tx:
                standing = _standing(tx, self.engine, self.campaign_id, now)
                per_minute = self._per_minute(tx, standing)
            pending = standing.total(Status.PENDING)
            if at_length or pending <= COUNTED_AT_ONCE:
                self._count_zones()
            with self.engine.ledger.read() as tx:
                return self._picture(tx, standing, per_minute, now)

    def _picture(
        self,
        tx: Transaction,
        standing: Standing,
        per_minute: Mapping[ChannelName, int] | None,
        now: datetime,
    ) -> Picture:
        campaign, holidays = standing.campaign, Holidays(calendar.corrections(tx))
        hours: Sequence[ZoneHours] = ()
        if LEGAL[campaign.status]:
            hours = self._hours(tx, campaign, holidays, now)
        doubts = standing.total(Status.UNCERTAIN)
        return Picture(
            standing=standing,
            per_minute=per_minute,
            tried_once_at=self._tried_once_at(tx, standing, per_minute, holidays),
            hours=hours,
            troubles=troubles_of(standing.channels),
            newest=live_looks.newest(tx, self.campaign_id, NEWEST),
            to_decide=(
                live_looks.left_to_staff(tx, self.campaign_id, MOST_DOUBTS) if doubts else 0
            ),
            acts=live_looks.last_acts(tx, campaign.subject, ACTS),
            limits=campaign_limits.of(tx, self.campaign_id),
            held_until=_held_until(tx, standing, now),
        )

    def _per_minute(self, tx: Transaction, standing: Standing) -> Mapping[ChannelName, int] | None:
        if standing.campaign.status is not CampaignStatus.RUNNING:
            self._pace = None
            return None
        now, counts = standing.made_at, {one.channel: one.attempts for one in standing.channels}
        if self._pace is None:
            lately = live_looks.begun_since(tx, self.campaign_id, now - MINUTE)
            self._pace = Pace(now, counts, lately)
        self._pace.look(now, counts)
        return self._pace.per_minute()

    def _count_zones(self) -> None:
        if time.monotonic() - self._zones_at < ZONES_EVERY_SECONDS:
            return
        self._zones_at = time.monotonic()
        try:
            with self.engine.ledger.read() as tx:
                gauges.limit_questions(tx, ZONES_PATIENCE_SECONDS)
                self._zones = live_looks.waiting_by_zone(tx, self.campaign_id)
        except LedgerFault:
            self._zones = None  # hours are told without numbers then

    def _hours(
        self, tx: Transaction, campaign: Campaign, holidays: Holidays, now: datetime
    ) -> Sequence[ZoneHours]:
        scenario = self.engine.scenario(tx, campaign.scenario_id).scenario
        windows = {
            channel: scenario.policy(channel).window
            for channel in scenario.channels
            if channel in WITH_HOURS
        }
        if self._zones is None:
            zones = zones_of(tx, campaign)
            return by_zone(windows, zones[:MOST_ZONES], holidays, now)
        zones = list(dict.fromkeys(zone for _channel, zone in self._zones))
        return by_zone(windows, zones, holidays, now, self._zones)[:MOST_ZONES]

    def _tried_once_at(
        self,
        tx: Transaction,
        standing: Standing,
        per_minute: Mapping[ChannelName, int] | None,
        holidays: Holidays,
    ) -> datetime | None:
        """When nobody is left who was never tried, at the pace of the last minute."""
        campaign = standing.campaign
        if per_minute is None:
            return None
        scenario = self.engine.scenario(tx, campaign.scenario_id).scenario
        ends = []
        for one in standing.channels:
            left = one.ended_as(Status.PENDING) + one.ended_as(Status.QUEUED) - one.retrying
            if left <= 0:
                continue
            window = scenario.policy(one.channel).window
            pace = per_minute.get(one.channel, 0)
            try:
                at = ends_at(
                    standing.made_at, left, pace, campaign.zone, window, holidays, campaign.end_at
                )
            except UnknownZone:
                return None
            if at is None:
                return None
            ends.append(at)
        return max(ends, default=None)


def _held_until(
    tx: Transaction, standing: Standing, now: datetime
) -> Mapping[ChannelName, datetime]:
    """Of a running campaign: the channels on which something waits and the limit is used up."""
    if standing.campaign.status is not CampaignStatus.RUNNING:
        return {}
    waiting = {one.channel for one in standing.channels if one.ended_as(Status.PENDING)}
    looks = campaign_limits.next_looks(tx, standing.campaign.id, now)
    return {channel: at for channel, at in looks.items() if channel in waiting}


def zones_of(tx: Transaction, campaign: Campaign) -> Sequence[str]:
    """Where the people of a campaign live, the most of them first, as far as their list tells."""
    known = composition.of(tx, campaign.audience_id)
    named = [share.name or campaign.zone for share in known.zones] if known else []
    return list(dict.fromkeys(named or [campaign.zone]))


def _standing(tx: Transaction, engine: Engine, campaign_id: int, now: datetime) -> Standing:
    """As `report.standing` tells it, without reading the scenario every second."""
    campaign = campaigns.get(tx, campaign_id)
    scenario = engine.scenario(tx, campaign.scenario_id).scenario
    audience = audiences.get(tx, campaign.audience_id)
    statuses, outcomes = tallies.by_status(tx, campaign_id), tallies.by_outcome(tx, campaign_id)
    channels: tuple[ChannelStanding, ...] = tuple(
        standing_of_channel(channel, audience.recipients, statuses, outcomes)
        for channel in scenario.sequence()
    )
    return Standing(
        campaign=campaign,
        audience=audience,
        made_at=now,
        recipients=audience.recipients,
        channels=channels,
        providers=tuple(ProviderFigure(*row) for row in tallies.by_provider(tx, campaign_id)),
        away=away_of(tx, scenario.channels),
    )
