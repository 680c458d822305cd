"""Asking everybody what the doctor has to know. Nothing is changed by it, and nothing is made: a
ledger that is not there stays so, an old one stays old."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from campaigns.calendar import NeverAllowed, next_allowed
from campaigns.channel import ChannelName
from campaigns.desk import Desks, Load
from campaigns.holidays import Holidays
from channels.gateway import is_loopback
from dispatcher.clock import SystemClock
from dispatcher.doctor.facts import Disk, Facts, LedgerFacts, Waiting
from dispatcher.errors import DispatcherError
from dispatcher.ledger import (
    Ledger,
    LedgerFault,
    Transaction,
    calendar,
    doubts,
    gauges,
    lines,
    replies,
    scenarios,
    symptoms,
)
from dispatcher.ledger.claims import Head
from dispatcher.ledger.migration import LATEST, version
from dispatcher.ledger.processes import Seen
from dispatcher.ledger.server_clock import time_of
from dispatcher.ledger.symptoms import Left
from dispatcher.lines import Lines
from dispatcher.mailrobot.wellbeing import wellbeing_in
from dispatcher.providers import make_channels
from dispatcher.queue import QueueAway, depths
from dispatcher.settings import Settings
from dispatcher.wiring import make_desks
from templates.problem import Refused

# Somebody who could have been contacted for so long, and was not, is late.
LATE = timedelta(minutes=10)
# On a channel that moves something was begun within this time.
LATELY = timedelta(minutes=5)
# A plan or an import takes minutes.
LEFT_BEHIND = timedelta(hours=1)


def read_facts(settings: Settings, now: datetime | None = None) -> Facts:
    """Everything that can be found out; who does not answer is a fact, too. `now` is the house's
    time: the database's, where it is not told."""
    facts = Facts(
        now=now or SystemClock().now(),
        zone=settings.zone,
        takes_letters=bool(settings.mailboxes or settings.lmtp_port),
        disk=_disk(settings.data_dir),
        newest_version=LATEST,
    )
    facts = _with_channels(facts, settings)
    facts = _with_queue(facts, settings)
    return _with_ledger(facts, settings, now)


def _with_channels(facts: Facts, settings: Settings) -> Facts:
    try:
        channels = {name: ways.names for name, ways in make_channels(settings).items()}
        make_desks(settings)
    except (DispatcherError, Refused) as error:
        return replace(facts, channels_trouble=str(error))
    is_outside = ChannelName.PHONE in channels and not _is_here(settings.twilio_base_url)
    if ChannelName.SMS in channels and "smsaero" in channels[ChannelName.SMS]:
        gate = settings.smsaero_gate.partition("@")[2]
        is_outside = is_outside or not _is_here(f"//{gate}")
    cannot_come = is_outside and not settings.receipts_url
    return replace(facts, channels=channels, reports_cannot_come=cannot_come)


def _is_here(url: str) -> bool:
    """Whether a provider is the sandbox on this machine."""
    return bool(url) and is_loopback(urlsplit(url).hostname or "")


def _with_queue(facts: Facts, settings: Settings) -> Facts:
    if settings.redis_url is None:
        return facts
    try:
        return replace(facts, depths=depths(settings.redis_url.get_secret_value()))
    except QueueAway as error:
        return replace(facts, queue_trouble=str(error))


def _disk(folder: Path) -> Disk | None:
    """Of the folder, or of the one in which it would be made."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if place.exists():
            usage = shutil.disk_usage(place)
            return Disk(usage.free, usage.total)
    return None


def _with_ledger(facts: Facts, settings: Settings, now: datetime | None) -> Facts:
    if settings.is_embedded and settings.database_url is None and not settings.ledger_file.exists():
        return facts
    try:
        with closing(Ledger(settings.ledger_url, pool_size=1)) as ledger:
            facts = replace(facts, now=now or time_of(ledger))
            with ledger.read() as tx:
                gauges.limit_questions(tx)
                facts = replace(facts, version=version(tx))
                if facts.version != LATEST:
                    return facts
                return replace(facts, ledger=_ledger(tx, settings, facts))
    except LedgerFault as error:
        # Its text may hold the address with the password.
        return replace(facts, ledger_trouble=type(error).__name__)


def _ledger(tx: Transaction, settings: Settings, facts: Facts) -> LedgerFacts:
    now = facts.now
    found, heads = gauges.read(tx, now), gauges.waiting(tx, now)
    under_way = symptoms.under_way(tx, now)
    return LedgerFacts(
        clock_ahead=timedelta(seconds=found.clock_ahead_seconds),
        processes=found.processes,
        jobs_waiting=found.jobs.count,
        events_waiting=sum(one.waiting for one in found.webhooks),
        left=left_in_flight(tx, found.processes, now),
        under_way=under_way,
        waiting=waiting_on(tx, heads, under_way, now),
        in_flight=found.in_flight,
        calls=symptoms.open_calls(tx, now),
        lines_are_full=_are_full(tx, settings, facts, [head for head, _count in heads]),
        undecided=doubts.undecided(tx),
        circuits=found.circuits,
        stopped=symptoms.stopped_themselves(tx),
        restored=symptoms.paused_by_restore(tx),
        drafts=symptoms.drafts_before(tx, now - LEFT_BEHIND),
        imports=symptoms.imports_before(tx, now - LEFT_BEHIND),
        reply_due_at=replies.next_due(tx),
        alarms=wellbeing_in(
            tx,
            settings,
            now,
            robot_works=any(
                one.is_alive and one.process.role in ("up", "mailrobot") for one in found.processes
            ),
        ).alarms,
    )


def left_in_flight(tx: Transaction, processes: Sequence[Seen], now: datetime) -> Left | None:
    """What was begun before the last of the dead senders was seen, and is not done yet."""
    silent = [one.silent_for for one in processes if one.process.queues and not one.is_alive]
    return symptoms.left_behind(tx, now - min(silent)) if silent else None


def _are_full(tx: Transaction, settings: Settings, facts: Facts, heads: Sequence[Head]) -> bool:
    """Whether calls wait, and none of them could be placed now for want of a line."""
    desks = {head.desk for head in heads if head.channel is ChannelName.PHONE}
    providers = facts.channels.get(ChannelName.PHONE, ())
    if not desks or not providers:
        return False
    known = Desks() if facts.channels_trouble else make_desks(settings)
    by_provider, by_desk = lines.under_way(tx, facts.now)
    found = Lines(known, settings.limits, settings.zone, by_provider)
    for name, load in by_desk.items():
        desk = known.name_of(name)  # as the file names it by now
        found.by_desk[desk] = found.by_desk.get(desk, Load()).joined(load)
    return not any(
        found.is_free(provider, known.name_of(desk), offers_operator=False)
        for provider in providers
        for desk in desks
    )


def waiting_on(
    tx: Transaction, heads: Sequence[tuple[Head, int]], under_way: Sequence[int], now: datetime
) -> Mapping[ChannelName, Waiting]:
    """What is due on each channel, and whether it is late: of the first of each campaign and desk,
    and how many wait there."""
    holidays = Holidays(calendar.corrections(tx))
    late_since = {
        channel: min(
            (
                head.due_at
                for head, _count in heads
                if head.channel is channel and _is_late(tx, head, holidays, now)
            ),
            default=None,
        )
        for channel in {head.channel for head, _count in heads}
    }
    return {
        channel: Waiting(
            due.count,
            due.oldest_at,
            late_since[channel],
            symptoms.is_begun_since(tx, under_way, channel, now - LATELY),
        )
        for channel, due in gauges.due_by_channel(heads).items()
    }


def _is_late(tx: Transaction, head: Head, holidays: Holidays, now: datetime) -> bool:
    """Whether the first who waits there could have been contacted for some minutes: it was their
    turn, and the hours were open then as they are now."""
    if head.due_at > now - LATE:
        return False
    zone = symptoms.first_zone(tx, head)
    if zone is None:
        return False
    window = scenarios.get(tx, head.scenario_id).scenario.policy(head.channel).window
    try:
        return all(next_allowed(at, zone, window, holidays) == at for at in (now - LATE, now))
    except NeverAllowed:
        return False
