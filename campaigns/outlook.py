"""What a scenario would do in the days to come to a customer whom nothing reaches.

Nothing is reckoned here that a campaign would reckon otherwise: the plan tells when each channel
begins, the cadence when it tries again, the calendar which hours are open. Each attempt ends as
soon as it begins: a telephone that nobody answers, an SMS and a letter that come back at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from campaigns.cadence import Retry, decide, next_due
from campaigns.calendar import NeverAllowed, Opening, closes_at, next_allowed, zone_named
from campaigns.channel import ChannelName, ContactKind, Purpose
from campaigns.delivery import SkipReason
from campaigns.holidays import Holidays
from campaigns.outcome import MEANING, Outcome
from campaigns.permission import Facts, Rulebook
from campaigns.plan import Term, plan_recipient
from campaigns.recipient import Consent, ContactPoint, Recipient
from campaigns.scenario import Policy, Scenario

DAYS = 14
_IN_VAIN = (Outcome.NO_ANSWER, Outcome.UNDELIVERED, Outcome.BOUNCED, Outcome.FAILED)
_POINTS = (
    ContactPoint("+79161234567", ContactKind.MOBILE),
    ContactPoint("maria@example.ru", ContactKind.EMAIL),
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the customer's own calendar; its ends are UTC instants."""

    on: date
    begins_at: datetime
    ends_at: datetime
    is_holiday: bool

    @property
    def is_weekend(self) -> bool:
        return self.on.weekday() >= 5


@dataclass(frozen=True, slots=True)
class ChannelOutlook:
    """One channel: when it is open, when it would try; or why it would not at all.

    `attempts` are those before the end of the outlook, of `most` that the scenario allows.
    """

    channel: ChannelName
    openings: tuple[Opening, ...]
    attempts: tuple[datetime, ...]
    most: int
    skipped: SkipReason | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """Two weeks from the beginning of the day on which the campaign starts, in one zone."""

    zone: str
    start_at: datetime
    days: tuple[Day, ...]
    channels: tuple[ChannelOutlook, ...]

    @property
    def begins_at(self) -> datetime:
        return self.days[0].begins_at

    @property
    def ends_at(self) -> datetime:
        return self.days[-1].ends_at


def anybody(recipient: Recipient, purpose: Purpose) -> Recipient:
    """The same made-up customer with a mobile number, an address, and consent to the purpose."""
    return replace(recipient, contact_points=_POINTS, consents=(Consent(True, purpose),))


def foresee(
    scenario: Scenario, recipient: Recipient, start_at: datetime, zone: str, rules: Rulebook
) -> Outlook:
    """What a campaign that starts at `start_at` would do if nothing reached this customer.

    `zone` is for a recipient of whom none is known. What happened to the customer before does not
    count. Raises UnknownZone.
    """
    where = recipient.zone or zone
    days = tuple(_days(start_at, where, rules.holidays))
    term = Term(start_at, days[-1].ends_at, where)
    planned = plan_recipient(scenario, 0, recipient, term, Facts(), rules, {})
    channels = []
    for one in planned:
        policy = scenario.policy(one.channel)
        openings = tuple(_openings(policy, term, rules.holidays))
        attempts = tuple(_attempts(policy, one.due_at, term, rules.holidays))
        channels.append(
            ChannelOutlook(one.channel, openings, attempts, policy.max_attempts, one.skipped)
        )
    return Outlook(where, start_at, days, tuple(channels))


def _days(start_at: datetime, zone: str, holidays: Holidays) -> Iterator[Day]:
    tz = zone_named(zone)
    first = start_at.astimezone(tz).date()
    for day in (first + timedelta(days=number) for number in range(DAYS)):
        begins_at = datetime.combine(day, time(), tz)
        ends_at = datetime.combine(day + timedelta(days=1), time(), tz)
        yield Day(day, begins_at, ends_at, holidays.is_holiday(day))


def _attempts(
    policy: Policy, due_at: datetime | None, term: Term, holidays: Holidays
) -> Iterator[datetime]:
    made = 0
    while due_at is not None:
        yield due_at
        made += 1
        decision = decide(
            policy,
            _in_vain(policy),
            attempts_made=made,
            contact_points_left=True,
            ended_at=due_at,
        )
        if not isinstance(decision, Retry):
            return
        due_at = next_due(
            policy,
            decision.at,
            term.zone,
            holidays,
            campaign_start_at=term.start_at,
            campaign_end_at=term.end_at,
        )


def _in_vain(policy: Policy) -> Outcome:
    """An outcome after which the same contact point is tried again."""
    fitting = (outcome for outcome in _IN_VAIN if policy.channel in MEANING[outcome].channels)
    return next((one for one in fitting if one not in policy.positive), Outcome.FAILED)


def _openings(policy: Policy, term: Term, holidays: Holidays) -> Iterator[Opening]:
    """The open hours of the whole picture, those before the start included."""
    tz = zone_named(term.zone)
    at = datetime.combine(term.start_at.astimezone(tz).date(), time(), tz)
    while at < term.end_at:
        try:
            at = next_allowed(at, tz, policy.window, holidays)
        except NeverAllowed:
            return
        if at >= term.end_at:
            return
        until_at = closes_at(at, tz, policy.window, holidays) or term.end_at
        yield Opening(at, min(until_at, term.end_at))
        at = until_at
