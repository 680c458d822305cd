"""Why a delivery goes when it goes, and not before: the grounds, as values.

Asked of the very rules that sending obeys (`judging.clear`, `cadence.decide`, `cadence.delays`), at
the instant when the delivery is due; nothing is changed by asking. A ground that cannot be shown to
lead to what stands in the ledger is left out: better no reason than a wrong one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from campaigns.cadence import Delay, Hold, Retry, decide, delays
from campaigns.consent import QuietTime, Suppression, deciding_consent
from campaigns.delivery import OPEN, Status
from campaigns.outcome import Outcome
from campaigns.permission import (
    account_party,
    parties_of,
    point_party,
    quiet_ground,
    stop_on_account,
    stop_on_point,
)
from campaigns.recipient import Consent
from campaigns.scenario import OrderKind
from dispatcher.engine import Engine
from dispatcher.judging import PROVIDER_AWAY, Bench, Cleared, clear, set_up
from dispatcher.ledger import Transaction, campaign_limits, suppressions
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.circuits import Circuit
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.ledger.suppressions import StoredSuppression
from dispatcher.lines import CAMPAIGN_LIMIT, NO_LINE, OWN_LIMIT


class Why(StrEnum):
    # the campaign
    PLANNING = "planning"
    STARTS = "starts"
    PAUSED = "paused"
    # on its way
    IN_QUEUE = "in_queue"
    ON_ITS_WAY = "on_its_way"
    AWAITS = "awaits"
    IN_DOUBT = "in_doubt"
    # later
    AFTER_ATTEMPT = "after_attempt"
    CLOSED = "closed"
    QUIET = "quiet"
    CASCADE = "cascade"
    LINE_BUSY = "line_busy"
    AWAY = "away"
    NO_LINE = "no_line"
    OWN_LIMIT = "own_limit"
    CAMPAIGN_LIMIT = "campaign_limit"
    # never
    STOPPED = "stopped"
    NO_CONSENT = "no_consent"
    NO_TIME = "no_time"
    NO_ADDRESS = "no_address"
    # beside it
    POINT_STOPPED = "point_stopped"


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason. Which of the rest is filled in follows from `why`."""

    why: Why
    until_at: datetime | None = None
    attempt: Attempt | None = None
    delay: Delay | None = None
    quiet: QuietTime | None = None
    stop: Suppression | None = None
    entry: StoredSuppression | None = None  # the same with its date, where it is found
    consent: Consent | None = None  # None: there is no statement at all
    circuit: Circuit | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is ahead of an open delivery. `next_at` is None where nobody can say, or never."""

    delivery: Delivery
    next_at: datetime | None
    grounds: tuple[Ground, ...]


_STANDING = {
    CampaignStatus.DRAFT: Why.PLANNING,
    CampaignStatus.SCHEDULED: Why.STARTS,
    CampaignStatus.PAUSED: Why.PAUSED,
}
_UNDER_WAY = {
    Status.QUEUED: Why.IN_QUEUE,
    Status.SENDING: Why.ON_ITS_WAY,
    Status.AWAITING: Why.AWAITS,
    Status.UNCERTAIN: Why.IN_DOUBT,
}
_POSTPONED = {
    NO_LINE: Why.NO_LINE,
    OWN_LIMIT: Why.OWN_LIMIT,
    CAMPAIGN_LIMIT: Why.CAMPAIGN_LIMIT,
    "line_busy": Why.LINE_BUSY,
}


def outlook(
    tx: Transaction,
    engine: Engine,
    campaign: Campaign,
    delivery: Delivery,
    last: Attempt | None,
    now: datetime,
) -> Outlook:
    """Of an open delivery: when it goes, and every ground for that. `last` is its last attempt."""
    if delivery.status not in OPEN:
        raise ValueError("only of an open delivery one can ask when it goes")
    if delivery.status in _UNDER_WAY:
        until_at = delivery.due_at if delivery.status is not Status.QUEUED else None
        under_way = Ground(_UNDER_WAY[delivery.status], until_at)
        return Outlook(delivery, None, (under_way,))
    grounds: list[Ground] = []
    standing = _STANDING.get(campaign.status)
    if standing is not None:
        until_at = campaign.start_at if standing is Why.STARTS else None
        grounds.append(Ground(standing, until_at, note=campaign.note))
    due_at = max(now, delivery.due_at or now)
    so_far: list[Ground] = []
    # What the rules will say once the campaign is at work, at the instant when this is due.
    at_work = replace(campaign, status=CampaignStatus.RUNNING)
    bench = set_up(tx, engine, at_work, delivery.channel, [delivery], due_at, only_look=True)
    if due_at > now:
        bench.busy.clear()  # who is being called now is not being called then
        so_far += _so_far(bench, delivery, last)
    verdict = clear(bench, delivery)
    ahead = tuple(_ahead(bench, delivery, verdict))
    next_at: datetime | None = due_at
    if isinstance(verdict, Change):
        next_at = verdict.due_at if verdict.after is Status.PENDING else None
    elif bench.is_away(delivery.channel):
        so_far += _away(bench, delivery)
    elif delivery.reason in _POSTPONED and due_at <= now:
        so_far.append(Ground(_POSTPONED[delivery.reason]))
    elif due_at <= now and delivery.channel in campaign_limits.of(tx, campaign.id):
        so_far.append(Ground(Why.CAMPAIGN_LIMIT))
    if next_at is not None:  # why it would have waited matters no more when it never goes
        grounds += so_far
    grounds += ahead
    grounds += _stopped_points(bench, delivery, verdict)
    held = standing in (Why.PAUSED, Why.PLANNING)
    return Outlook(delivery, None if held else next_at, _dated(tx, bench, delivery, grounds))


def _so_far(bench: Bench, delivery: Delivery, last: Attempt | None) -> Iterator[Ground]:
    """Why it is due when it is: what judging wrote down, the last attempt, or the plan."""
    due_at = delivery.due_at
    if delivery.reason in _POSTPONED:
        yield Ground(_POSTPONED[delivery.reason], due_at)
    elif delivery.reason == PROVIDER_AWAY:
        yield from _away(bench, delivery)
    elif delivery.reason == "cascade":
        yield Ground(Why.CASCADE, due_at)
    elif delivery.reason == "quiet":
        yield from _quiet_until(bench, delivery)
    elif delivery.attempts and last is not None:
        wanted_at = _wanted(bench, delivery, last)
        if wanted_at is not None and last.next_due_at == due_at:
            yield Ground(Why.AFTER_ATTEMPT, wanted_at, attempt=last)
            yield from _moved(bench, delivery, wanted_at)
    elif not delivery.attempts:
        yield from _planned(bench, delivery)


def _wanted(bench: Bench, delivery: Delivery, last: Attempt) -> datetime | None:
    """The instant that the cadence asks for after this attempt."""
    if last.outcome is None or last.ended_at is None:
        return None
    left = any(p not in delivery.dead_points for p in delivery.points)
    decision = decide(
        bench.policy,
        last.outcome,
        attempts_made=delivery.attempts,
        contact_points_left=left,
        ended_at=last.ended_at,
    )
    # A call back goes by the operators' hours, which nothing here looks at.
    is_simple = isinstance(decision, Retry) and last.outcome is not Outcome.NOBODY_FREE
    return decision.at if is_simple and isinstance(decision, Retry) else None


def _planned(bench: Bench, delivery: Delivery) -> Iterator[Ground]:
    scenario, campaign = bench.stored.scenario, bench.campaign
    is_later = scenario.sequence().index(delivery.channel) > 0
    if scenario.order.kind is OrderKind.CASCADE and is_later:
        yield Ground(Why.CASCADE, delivery.due_at)
        return
    moved = tuple(_moved(bench, delivery, campaign.start_at))
    if moved:
        yield from moved
        return
    yield from _quiet_until(bench, delivery)


def _quiet_until(bench: Bench, delivery: Delivery) -> Iterator[Ground]:
    """The quiet time, if it leads to when this is due."""
    quiet = _quiet(bench, delivery)
    if quiet is None or quiet.until_at <= bench.campaign.start_at:
        return
    moved = tuple(_moved(bench, delivery, quiet.until_at))
    if moved or quiet.until_at == delivery.due_at:
        yield Ground(Why.QUIET, quiet.until_at, quiet=quiet)
        yield from moved


def _moved(bench: Bench, delivery: Delivery, wanted_at: datetime) -> Iterator[Ground]:
    """From a wish to when it is due: the steps, if they lead there."""
    steps = _steps(bench, delivery, wanted_at)
    if steps and steps[-1].until_at == delivery.due_at:
        yield from (Ground(Why.CLOSED, s.until_at, delay=s) for s in steps if s.hold is Hold.CLOSED)


def _steps(bench: Bench, delivery: Delivery, wanted_at: datetime) -> tuple[Delay, ...]:
    return delays(
        bench.policy,
        wanted_at,
        delivery.zone,
        bench.rules.holidays,
        campaign_start_at=bench.campaign.start_at,
        campaign_end_at=bench.campaign.end_at,
    )


def _ahead(bench: Bench, delivery: Delivery, verdict: Cleared | Change) -> Iterator[Ground]:
    """What the rules will say when it is due."""
    if isinstance(verdict, Cleared):
        return
    scenario, channel, now = bench.stored.scenario, delivery.channel, bench.now
    person = bench.people[delivery.recipient_id]
    match verdict.after, verdict.reason:
        case Status.WITHDRAWN, "no_consent":
            deciding = deciding_consent(scenario.purpose, channel, person.consents, now.date())
            yield Ground(Why.NO_CONSENT, consent=deciding)
        case Status.WITHDRAWN, _:
            stop = stop_on_account(scenario, channel, person, bench.facts, now)
            if stop is not None:
                yield Ground(Why.STOPPED, stop.until_at, stop=stop)
            for point in delivery.points if stop is None else ():
                of_point = stop_on_point(scenario, channel, point, bench.facts, now)
                if of_point is not None:
                    yield Ground(Why.STOPPED, of_point.until_at, stop=of_point)
        case Status.GIVEN_UP, _:
            yield Ground(Why.NO_ADDRESS)
        case Status.EXPIRED, reason:
            if reason == "quiet":
                yield Ground(Why.QUIET, quiet=_quiet(bench, delivery))
            yield Ground(Why.NO_TIME, bench.campaign.end_at)
        case Status.PENDING, "quiet":
            quiet = _quiet(bench, delivery)
            yield Ground(Why.QUIET, quiet.until_at if quiet else None, quiet=quiet)
            if quiet is not None:
                yield from _closed_after(bench, delivery, quiet.until_at)
        case Status.PENDING, "window":
            yield from _closed_after(bench, delivery, now)
        case Status.PENDING, "cascade":
            yield Ground(Why.CASCADE, verdict.due_at)
        case Status.PENDING, "line_busy":
            yield Ground(Why.LINE_BUSY, verdict.due_at)


def _closed_after(bench: Bench, delivery: Delivery, at: datetime) -> Iterator[Ground]:
    for step in _steps(bench, delivery, at):
        if step.hold is Hold.CLOSED:
            yield Ground(Why.CLOSED, step.until_at, delay=step)


def _quiet(bench: Bench, delivery: Delivery) -> QuietTime | None:
    person = bench.people[delivery.recipient_id]
    parties = (account_party(person.account_number), *map(point_party, delivery.points))
    return quiet_ground(bench.policy, parties, bench.facts, bench.rules)


def _away(bench: Bench, delivery: Delivery) -> Iterator[Ground]:
    for circuit in bench.away.values():
        if circuit.channel is delivery.channel:
            yield Ground(Why.AWAY, circuit.retry_at, circuit=circuit)


def _stopped_points(
    bench: Bench, delivery: Delivery, verdict: Cleared | Change
) -> Iterator[Ground]:
    """Contact points that are left out while others are used."""
    if isinstance(verdict, Change) and verdict.after is Status.WITHDRAWN:
        return
    for point in delivery.points:
        stop = stop_on_point(bench.stored.scenario, delivery.channel, point, bench.facts, bench.now)
        if stop is not None:
            yield Ground(Why.POINT_STOPPED, stop.until_at, stop=stop)


def _dated(
    tx: Transaction, bench: Bench, delivery: Delivery, grounds: Sequence[Ground]
) -> tuple[Ground, ...]:
    """Stops with the day since which they stand."""
    if not any(ground.stop for ground in grounds):
        return tuple(grounds)
    parties = parties_of(bench.people[delivery.recipient_id])
    parties += map(point_party, delivery.points)
    known: Mapping[Suppression, StoredSuppression] = {
        entry.suppression: entry
        for entry in reversed(suppressions.all_of(tx, parties))
        if entry.removed_at is None
    }
    return tuple(
        replace(ground, entry=known.get(ground.stop)) if ground.stop else ground
        for ground in grounds
    )
