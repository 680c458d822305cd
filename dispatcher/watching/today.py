"""What staff should know when they come in: what runs, what waits for somebody, what is wrong."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.channel import ChannelName
from campaigns.delivery import ENDED, Status
from campaigns.holidays import Holidays
from campaigns.scenario import STANDARD_WINDOW, Window
from dispatcher.doctor import Facts, Finding, diagnose
from dispatcher.doctor.facts import LedgerFacts
from dispatcher.doctor.messages import FOR_STAFF
from dispatcher.doctor.reading import left_in_flight, waiting_on
from dispatcher.engine import Engine
from dispatcher.inquiries import desk
from dispatcher.ledger import (
    Transaction,
    calendar,
    campaign_lists,
    circuits,
    claims,
    doubts,
    inquiry_lists,
    launch_requests,
    processes,
    symptoms,
)
from dispatcher.ledger.campaign_lists import Progress
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.circuits import Circuit
from dispatcher.ledger.claims import Head
from dispatcher.ledger.inquiry_lists import Wanted
from dispatcher.ledger.launch_requests import LaunchRequest
from dispatcher.ledger.migration import LATEST
from dispatcher.ledger.symptoms import Begun, StoppedCampaign
from dispatcher.mailrobot.wellbeing import wellbeing_in
from dispatcher.watching.campaign import WITH_HOURS, zones_of
from dispatcher.watching.hours import ZoneHours, by_zone

MOST_RUNNING = 12
MOST_ZONES = 14
# What is wrong is looked into less often than what moves.
TROUBLES_EVERY_SECONDS = 15.0
# A plan or an import takes minutes.
LEFT_BEHIND = timedelta(hours=1)
# What the page tells in its own words, with a button beside it.
_TOLD_APART = frozenset({"campaign_stopped", "campaign_restored", "undecided", "draft", "import"})
_SCHEDULED = (CampaignStatus.SCHEDULED,)
_RUNNING = (CampaignStatus.RUNNING,)


@dataclass(frozen=True, slots=True)
class Running:
    """A campaign under way, and how its deliveries stand."""

    campaign: Campaign
    progress: Progress

    @property
    def planned(self) -> int:
        return sum(n for status, n in self.progress.items() if status is not Status.SKIPPED)

    @property
    def ended(self) -> int:
        return sum(
            n
            for status, n in self.progress.items()
            if status in ENDED and status is not Status.SKIPPED
        )

    @property
    def share(self) -> float:
        return self.ended / self.planned if self.planned else 1.0


@dataclass(frozen=True, slots=True)
class Decisions:
    """What waits for somebody to decide."""

    requests: Sequence[LaunchRequest]
    undecided: Mapping[int, int]  # uncertain messages, by campaign
    stopped: Sequence[StoppedCampaign]
    restored: Sequence[int]
    drafts: Sequence[Begun]
    inquiries_overdue: int
    accounts: Sequence[Circuit]  # providers that somebody has to pay, or to set right

    @property
    def is_any(self) -> bool:
        return bool(
            self.requests
            or self.undecided
            or self.stopped
            or self.restored
            or self.drafts
            or self.inquiries_overdue
            or self.accounts
        )


@dataclass(frozen=True, slots=True)
class Day:
    """Everything at once. `is_empty_house`: nothing was ever launched here."""

    made_at: datetime
    running: Sequence[Running]
    scheduled: Sequence[Campaign]
    decisions: Decisions
    facts: Facts
    hours: Sequence[ZoneHours]
    is_empty_house: bool
    has_lists: bool

    def findings(self) -> Sequence[Finding]:
        """What is wrong, the worst first, in the language of whoever asks."""
        told = {one.key for one in self.decisions.accounts}
        return [
            one
            for one in diagnose(self.facts)
            if one.code not in _TOLD_APART and one.way not in told
        ]

    @property
    def ways(self) -> Sequence[tuple[ChannelName, str, str]]:
        """Every provider that is set up: channel, name, and the trouble it is in, or nothing."""
        away = {one.key: one.reason for one in (self.facts.ledger or LedgerFacts()).circuits}
        return [
            (channel, name, away.get((channel, name), ""))
            for channel, names in self.facts.channels.items()
            for name in names
        ]


@dataclass
class DayWatch:
    """Looks again and again. What is wrong is asked less often than what runs."""

    engine: Engine
    _known: tuple[Decisions, Facts, Sequence[ZoneHours]] | None = None
    _known_at: float = field(default=float("-inf"))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> Day:
        with self._lock:
            now = self.engine.clock.now()
            with self.engine.ledger.read() as tx:
                running = campaign_lists.page(tx, _RUNNING, MOST_RUNNING).campaigns
                progress = campaign_lists.progress(tx, [one.id for one in running])
                scheduled = campaign_lists.page(tx, _SCHEDULED, MOST_RUNNING).campaigns
                decisions, facts, hours = self._rest(tx, running, now)
                is_empty = not running and not scheduled and not _was_anything(tx)
                has_lists = is_empty and campaign_lists.has_lists(tx)
            return Day(
                made_at=now,
                running=[Running(one, progress[one.id]) for one in running],
                scheduled=sorted(scheduled, key=lambda one: one.start_at),
                decisions=decisions,
                facts=facts,
                hours=hours,
                is_empty_house=is_empty,
                has_lists=has_lists,
            )

    def _rest(
        self, tx: Transaction, running: Sequence[Campaign], now: datetime
    ) -> tuple[Decisions, Facts, Sequence[ZoneHours]]:
        if self._known is None or time.monotonic() - self._known_at > TROUBLES_EVERY_SECONDS:
            facts = facts_now(tx, self.engine, now)
            known = decisions_now(tx, self.engine, now, facts), facts
            self._known = (*known, hours_now(tx, self.engine, running, now))
            self._known_at = time.monotonic()
        return self._known


def decisions_now(tx: Transaction, engine: Engine, now: datetime, facts: Facts) -> Decisions:
    ledger = facts.ledger or LedgerFacts()
    overdue = Wanted(overdue_on=desk.today(engine, now))
    return Decisions(
        requests=launch_requests.waiting(tx),
        undecided=ledger.undecided,
        stopped=ledger.stopped,
        restored=ledger.restored,
        drafts=[one for one in ledger.drafts if not one.on_trial],
        inquiries_overdue=inquiry_lists.count(tx, overdue),
        accounts=[one for one in ledger.circuits if one.reason in FOR_STAFF],
    )


def facts_now(tx: Transaction, engine: Engine, now: datetime) -> Facts:
    """What the doctor asks, as far as it is cheap: what waits is not counted one by one, but told
    by the counters."""
    under_way = symptoms.under_way(tx, now)
    standing = campaign_lists.standing_of(tx, under_way)
    heads = _one_each(claims.heads_due(tx, now, tuple(ChannelName)))
    waiting = {
        head: standing.get((head.campaign_id, head.channel, Status.PENDING), 1) for head in heads
    }
    in_flight: dict[tuple[ChannelName, Status], int] = {}
    for (_campaign, channel, status), count in standing.items():
        in_flight[channel, status] = in_flight.get((channel, status), 0) + count
    seen = processes.everyone(tx)
    takes_letters = bool(engine.settings.mailboxes or engine.settings.lmtp_port)
    alarms: Sequence[str] = ()
    if takes_letters:
        robots = any(one.is_alive and one.process.role in ("up", "mailrobot") for one in seen)
        alarms = wellbeing_in(tx, engine.settings, now, robot_works=robots).alarms
    return Facts(
        now=now,
        zone=engine.settings.zone,
        channels={name: ways.names for name, ways in engine.channels.items()},
        takes_letters=takes_letters,
        version=LATEST,
        newest_version=LATEST,
        ledger=LedgerFacts(
            clock_ahead=processes.clock_ahead(tx),
            processes=seen,
            left=left_in_flight(tx, seen, now),
            under_way=under_way,
            waiting=waiting_on(tx, list(waiting.items()), under_way, now),
            in_flight=in_flight,
            calls=symptoms.open_calls(tx, now),
            undecided=doubts.undecided(tx),
            circuits=list(circuits.standing(tx).values()),
            stopped=symptoms.stopped_themselves(tx),
            restored=symptoms.paused_by_restore(tx),
            drafts=symptoms.drafts_before(tx, now - LEFT_BEHIND),
            alarms=alarms,
        ),
    )


def hours_now(
    tx: Transaction, engine: Engine, running: Sequence[Campaign], now: datetime
) -> Sequence[ZoneHours]:
    """When calls and SMS may go, where the people of running campaigns live; with nothing running,
    where the house is."""
    holidays = Holidays(calendar.corrections(tx))
    windows: dict[ChannelName, dict[Window, list[str]]] = {one: {} for one in WITH_HOURS}
    for campaign in running:
        scenario = engine.scenario(tx, campaign.scenario_id).scenario
        zones = zones_of(tx, campaign)
        for channel in WITH_HOURS:
            if channel in scenario.channels:
                windows[channel].setdefault(scenario.policy(channel).window, []).extend(zones)
    if not any(windows.values()):
        windows = {one: {STANDARD_WINDOW: [engine.settings.zone]} for one in WITH_HOURS}
    if windows[ChannelName.PHONE] == windows[ChannelName.SMS]:
        return [
            hours
            for window, zones in windows[ChannelName.PHONE].items()
            for hours in by_zone(dict.fromkeys(WITH_HOURS, window), zones, holidays, now)
        ][:MOST_ZONES]
    return [
        hours
        for channel in WITH_HOURS
        for window, zones in windows[channel].items()
        for hours in by_zone({channel: window}, zones, holidays, now)
    ][:MOST_ZONES]


def _one_each(heads: Sequence[Head]) -> Sequence[Head]:
    """Of the desks of a campaign's channel the one that is due first: what waits there is counted
    by the campaign."""
    first: dict[tuple[int, ChannelName], Head] = {}
    for head in sorted(heads, key=lambda one: one.due_at):
        first.setdefault(head.key, head)
    return list(first.values())


def _was_anything(tx: Transaction) -> bool:
    return bool(campaign_lists.page(tx, tuple(CampaignStatus), 1).campaigns)
