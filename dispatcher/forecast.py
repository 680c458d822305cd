"""What a launch would do, for people: the plan tried out, and what follows from the house's past.

Shares of success are those of the house's last campaigns, by channel and attempt; where there are
too few, those of `USUAL`. Lines, rates and prices are the settings'. What came of it is kept as
JSON with the job that rehearsed it, without a word about any customer but a recipient's id.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.forecast import Chance, Forecast, Rules, Turn
from campaigns.foreseeing import foresee, share_out
from campaigns.hourly import Hourly
from campaigns.outcome import MEANING
from campaigns.scenario import OrderKind, Scenario, StopOn
from dispatcher.campaigning import Preview
from dispatcher.engine import Engine
from dispatcher.examination import Unfit
from dispatcher.ledger import Transaction, audiences, planned
from dispatcher.ledger.campaign_limits import NONE, Limits
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.planned import CameOf
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.lines import at_once, may_offer_operator, rate_of
from dispatcher.pacing import rate_below

# What is expected where the house has no past of its own.
USUAL: Mapping[ChannelName, Sequence[Chance]] = {
    ChannelName.PHONE: (Chance(0.40, 0.02), Chance(0.30, 0.01), Chance(0.20, 0.01)),
    ChannelName.SMS: (Chance(0.90, 0.02), Chance(0.30, 0.05), Chance(0.10, 0.05)),
    ChannelName.EMAIL: (Chance(0.95, 0.03), Chance(0.30, 0.10)),
}
# So many campaigns are looked back at, and so many attempts of a number make a share of their own.
LAST_CAMPAIGNS = 50
ENOUGH = 100
# A call takes its line while it rings (five rings, the standard, chapter 8, section 4, item 3) or
# while it talks, and a little to be placed and taken down.
RING_SECONDS = 25.0
AROUND_SECONDS = 5.0
# Examples of messages that cannot go.
EXAMPLES = 20


class Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bears(StrEnum):
    """What bounds how fast a channel goes."""

    LINES = "lines"
    OPERATORS = "operators"
    RATE = "rate"
    LIMIT = "limit"  # the campaign's own


class Bound(Stored):
    """One way out that cannot take everybody at once. `size`: so many lines, operators, or messages
    a second, or attempts an hour of the campaign's own limit."""

    channel: ChannelName
    desk: str
    kind: Bears
    size: float
    per_hour: float
    deliveries: float
    first_round_at: datetime | None


class ChannelOutlook(Stored):
    """What would become of one channel: expected, but for what the plan itself tells."""

    channel: ChannelName
    planned: int
    skipped: dict[str, int]  # by reason
    held_back: int  # of the planned: later, for they were contacted lately
    attempts: float
    attempts_most: int
    reached: float
    given_up: float
    superseded: float
    out_of_time: float
    untried: float  # of these, without a single attempt
    finishes_at: datetime | None
    cost_kopecks: float | None = None
    cost_most_kopecks: float | None = None
    by_own_past: bool  # whether the house has enough of it


class Hour(Stored):
    at: datetime
    channel: ChannelName
    attempts: float


class ZoneOutlook(Stored):
    """Attempts in one zone: (hour counted from that of the start, how many)."""

    zone: str
    deliveries: float
    hours: tuple[tuple[int, float], ...]


class Example(Stored):
    """A message that cannot go, as `examination.Unfit` tells it."""

    recipient_id: int | None
    channel: ChannelName
    code: str
    measured: float | None
    name: str
    fields: tuple[tuple[str, int], ...]


class Outlook(Stored):
    """A rehearsal as it is kept and shown."""

    scenario_id: int
    audience_id: int
    audience_rows: int
    recipients: int
    begins_at: datetime
    ends_at: datetime
    channels: tuple[ChannelOutlook, ...]
    finishes_at: datetime | None
    hours: tuple[Hour, ...]
    zones: tuple[ZoneOutlook, ...]
    bounds: tuple[Bound, ...]
    unfit: int
    examples: tuple[Example, ...]
    left_out: bool  # those whose message cannot go
    sms_parts: int
    sms_longest: int
    longest_call_seconds: float

    @property
    def planned(self) -> int:
        return sum(one.planned for one in self.channels)

    @property
    def attempts(self) -> float:
        return sum(one.attempts for one in self.channels)

    @property
    def untried(self) -> float:
        return sum(one.untried for one in self.channels)

    @property
    def unfinished(self) -> float:
        """What was tried, and would be tried again if the campaign did not end."""
        return sum(one.out_of_time - one.untried for one in self.channels)


def outlook(
    tx: Transaction,
    engine: Engine,
    draft: Campaign,
    found: Preview,
    *,
    left_out: bool,
    limits: Limits = NONE,
) -> Outlook:
    """What a draft that was tried out would do. `limits`: its own, in attempts an hour."""
    stored = engine.scenario(tx, draft.scenario_id)
    scenario = stored.scenario
    own = own_chances(planned.came_of(tx, LAST_CAMPAIGNS))
    chances = {channel: own.get(channel, USUAL[channel]) for channel in scenario.channels}
    turns = [Turn(t.channel, t.zone, t.due_at, t.deliveries, t.desk) for t in found.turns]
    bounds = _bounds(engine, stored, found, turns, chances, limits)
    forecast = foresee(
        turns,
        Rules(
            policies={channel: scenario.policy(channel) for channel in scenario.channels},
            chances=chances,
            holidays=engine.rules(tx).holidays,
            start_at=draft.start_at,
            end_at=draft.end_at,
            per_hour={(bound.channel, bound.desk): bound.per_hour for bound in bounds},
            stops=scenario.stop_on is StopOn.ANY or scenario.order.kind is OrderKind.CASCADE,
        ),
    )
    audience = audiences.get(tx, draft.audience_id)
    return Outlook(
        scenario_id=draft.scenario_id,
        audience_id=draft.audience_id,
        audience_rows=audience.rows,
        recipients=found.recipients,
        begins_at=draft.start_at,
        ends_at=draft.end_at,
        channels=tuple(
            _of_channel(engine, scenario, channel, found, turns, forecast, channel in own)
            for channel in scenario.sequence()
        ),
        finishes_at=forecast.finishes_at(),
        hours=_hours(forecast),
        zones=_zones(forecast, turns, draft.start_at),
        bounds=tuple(
            bound.model_copy(
                update={"first_round_at": forecast.first_round_at(bound.channel, bound.desk)}
            )
            for bound in bounds
        ),
        unfit=found.examination.unfit_count,
        examples=tuple(
            _example(tx, draft.audience_id, one) for one in found.examination.unfit[:EXAMPLES]
        ),
        left_out=left_out,
        sms_parts=found.examination.sms.parts_in_all,
        sms_longest=found.examination.sms.longest,
        longest_call_seconds=found.examination.calls.longest_seconds,
    )


def own_chances(past: Iterable[CameOf]) -> Mapping[ChannelName, Sequence[Chance]]:
    """The shares of the house's own past, attempt by attempt, of channels that have one.

    What nobody knows (`uncertain`) is over without being reached: it is not sent again by itself.
    """
    counts: defaultdict[ChannelName, defaultdict[int, Counter[str]]]
    counts = defaultdict(lambda: defaultdict(Counter))
    for one in past:
        seen = counts[one.channel][one.number]
        seen["all"] += one.attempts
        if one.positive:
            seen["positive"] += one.attempts
        elif MEANING[one.outcome].address_is_dead or not MEANING[one.outcome].settled:
            seen["lost"] += one.attempts
    found: dict[ChannelName, Sequence[Chance]] = {}
    for channel, numbers in counts.items():
        known: list[Chance] = []
        # A share that few attempts made would be chance: then the one before it stands for it.
        while (seen := numbers[len(known) + 1])["all"] >= ENOUGH:
            known.append(Chance(seen["positive"] / seen["all"], seen["lost"] / seen["all"]))
        if known:
            found[channel] = known
    return found


def line_seconds(message_seconds: float, first: Chance) -> float:
    """How long a call takes its line, as expected of the first one."""
    talks = first.positive * message_seconds
    return AROUND_SECONDS + talks + (1 - first.positive) * RING_SECONDS


def _bounds(
    engine: Engine,
    stored: StoredScenario,
    found: Preview,
    turns: Sequence[Turn],
    chances: Mapping[ChannelName, Sequence[Chance]],
    limits: Limits,
) -> Sequence[Bound]:
    """Every way out of this plan of which it is known how much it bears."""
    wanted: defaultdict[ChannelName, Counter[str]] = defaultdict(Counter)
    for turn in turns:
        wanted[turn.channel][turn.desk] += int(turn.deliveries)
    bounds: list[Bound] = []
    for channel, desks in wanted.items():
        total = _slower(_rate(engine, channel), _own_limit(limits.get(channel)))
        if channel is not ChannelName.PHONE:
            if total is not None:
                [(desk, count)] = desks.items()
                bounds.append(_bound(channel, desk, total, count))
            continue
        seconds = line_seconds(found.examination.calls.longest_seconds, chances[channel][0])
        total = _slower(total, _account_lines(engine, seconds))
        own = {desk: _desk(engine, stored, desk, seconds) for desk in desks}
        shared = share_out(
            total[2] if total else None,
            {desk: bears[2] if bears else None for desk, bears in own.items()},
            dict(desks),
        )
        for desk, per_hour in shared.items():
            bears = own[desk]
            if per_hour is None:
                continue
            is_own = bears is not None and bears[2] <= per_hour * (1 + 1e-9)
            kind, size, _all = bears if is_own and bears else total or (Bears.LINES, 0.0, 0.0)
            if per_hour > 0:
                bounds.append(_bound(channel, desk, (kind, size, per_hour), desks[desk]))
    return bounds


_Pace = tuple[Bears, float, float]  # what bounds it, its size, attempts an hour


def _bound(channel: ChannelName, desk: str, pace: _Pace, deliveries: int) -> Bound:
    kind, size, per_hour = pace
    return Bound(
        channel=channel,
        desk=desk,
        kind=kind,
        size=size,
        per_hour=per_hour,
        deliveries=deliveries,
        first_round_at=None,
    )


def _rate(engine: Engine, channel: ChannelName) -> _Pace | None:
    rate = rate_of(engine, channel)
    return (Bears.RATE, rate, rate_below(rate) * 3600) if rate is not None else None


def _own_limit(per_hour: int | None) -> _Pace | None:
    return (Bears.LIMIT, per_hour, Hourly(per_hour).pace) if per_hour is not None else None


def _account_lines(engine: Engine, seconds: float) -> _Pace | None:
    """What the provider accounts bear at once, if each of them has a limit."""
    ways = engine.channels.get(ChannelName.PHONE)
    limits = [at_once(engine.settings.limits, name) for name in (ways.names if ways else ())]
    known = [limit for limit in limits if limit is not None]
    if not known or len(known) < len(limits):
        return None
    return Bears.LINES, sum(known), sum(known) * 3600 / seconds


def _desk(engine: Engine, stored: StoredScenario, name: str, seconds: float) -> _Pace | None:
    """What a desk bears: its lines, and where an operator is offered, its operators."""
    desk = engine.desks.desk(engine.desks.name_of(name))
    pace: _Pace | None = None
    if desk.lines is not None:
        pace = Bears.LINES, desk.lines, desk.lines * 3600 / seconds
    if desk.operator and desk.operators and may_offer_operator(stored):
        bearable = max(int(desk.operators / desk.expected_share + 1e-9), 1)
        pace = _slower(pace, (Bears.OPERATORS, desk.operators, bearable * 3600 / seconds))
    return pace


def _slower(one: _Pace | None, other: _Pace | None) -> _Pace | None:
    known = [pace for pace in (one, other) if pace is not None]
    return min(known, key=lambda pace: pace[2], default=None)


def _of_channel(
    engine: Engine,
    scenario: Scenario,
    channel: ChannelName,
    found: Preview,
    turns: Sequence[Turn],
    forecast: Forecast,
    by_own_past: bool,
) -> ChannelOutlook:
    skipped: Counter[str] = Counter()
    for one in found.statuses:
        if one.channel is channel and one.status is Status.SKIPPED:
            skipped[one.reason] += one.deliveries
    count = int(sum(turn.deliveries for turn in turns if turn.channel is channel))
    fates = forecast.fates.get(channel)
    attempts = fates.attempts if fates else 0.0
    most = count * scenario.policy(channel).max_attempts
    price = _sms_price(engine) if channel is ChannelName.SMS else None
    sms = found.examination.sms
    each = price * sms.parts_in_all / sms.texts if price is not None and sms.texts else None
    return ChannelOutlook(
        channel=channel,
        planned=count,
        skipped=dict(skipped.most_common()),
        held_back=found.held_back.get(channel, 0),
        attempts=attempts,
        attempts_most=most,
        reached=fates.reached if fates else 0.0,
        given_up=fates.given_up if fates else 0.0,
        superseded=fates.superseded if fates else 0.0,
        out_of_time=fates.out_of_time if fates else 0.0,
        untried=fates.untried if fates else 0.0,
        finishes_at=forecast.finishes_at(channel),
        cost_kopecks=each * attempts if each is not None else None,
        cost_most_kopecks=each * most if each is not None else None,
        by_own_past=by_own_past,
    )


def _sms_price(engine: Engine) -> int | None:
    """Of one part, by the dearest provider that carries SMS; None where no price is set."""
    ways = engine.channels.get(ChannelName.SMS)
    prices = engine.settings.sms_price_kopecks
    return max(
        (prices[name] for name in (ways.names if ways else ()) if name in prices), default=None
    )


def _hours(forecast: Forecast) -> tuple[Hour, ...]:
    found: defaultdict[tuple[datetime, ChannelName], float] = defaultdict(float)
    for (at, channel, _zone), attempts in forecast.by_hour().items():
        found[at, channel] += attempts
    return tuple(
        Hour(at=at, channel=channel, attempts=round(attempts, 2))
        for (at, channel), attempts in sorted(found.items())
        if attempts >= 0.005
    )


def _zones(
    forecast: Forecast, turns: Sequence[Turn], start_at: datetime
) -> tuple[ZoneOutlook, ...]:
    first_at = start_at.replace(minute=0, second=0, microsecond=0)
    deliveries: Counter[str] = Counter()
    for turn in turns:
        deliveries[turn.zone] += int(turn.deliveries)
    hours: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    for (at, _channel, zone), attempts in forecast.by_hour().items():
        hours[zone][int((at - first_at).total_seconds() // 3600)] += attempts
    return tuple(
        ZoneOutlook(
            zone=zone,
            deliveries=count,
            hours=tuple(
                (hour, round(n, 1)) for hour, n in sorted(hours[zone].items()) if n >= 0.05
            ),
        )
        for zone, count in deliveries.most_common()
    )


def _example(tx: Transaction, audience_id: int, one: Unfit) -> Example:
    found = audiences.by_account(tx, audience_id, one.account_number)
    return Example(
        recipient_id=found[0] if found else None,
        channel=one.channel,
        code=one.code,
        measured=one.measured,
        name=one.name,
        fields=one.fields,
    )
