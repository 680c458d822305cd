"""How a campaign stands just now: read from its counters, so cheaply that many may watch at once.

A campaign of a million costs no more to look at than one of ten. What only the rows can tell
(hours, customers reached, bad rows) is for the report.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.ledger import Transaction, audiences, campaigns, circuits, scenarios, tallies
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.circuits import Circuit
from dispatcher.ledger.reports import OutcomeCount, StatusCount

STAYS_OPEN = (Status.PENDING, Status.QUEUED, Status.SENDING, Status.AWAITING)


@dataclass(frozen=True, slots=True)
class OutcomeFigure:
    outcome: Outcome
    positive: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class TryFigure:
    """The n-th attempts: how many were made, and how many of them reached the customer."""

    number: int
    attempts: int
    positives: int


@dataclass(frozen=True, slots=True)
class ProviderFigure:
    """What one provider carried on one channel."""

    channel: ChannelName
    provider: str
    attempts: int
    positives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStanding:
    """One channel: how every recipient stands, and what the attempts came to."""

    channel: ChannelName
    recipients: int
    statuses: Mapping[Status, int]
    skipped: Mapping[str, int]  # by reason
    given_up: Mapping[str, int]  # by reason
    withdrawn: Mapping[str, int]  # by reason
    retrying: int  # pending, after at least one attempt
    attempted: int  # deliveries with at least one attempt
    attempts: int
    attempts_counted: int  # the same, as the deliveries themselves count
    open_attempts: int
    outcomes: tuple[OutcomeFigure, ...]
    tries: tuple[TryFigure, ...]

    def ended_as(self, status: Status) -> int:
        return self.statuses.get(status, 0)

    @property
    def skipped_total(self) -> int:
        return self.ended_as(Status.SKIPPED)

    @property
    def planned(self) -> int:
        return sum(self.statuses.values()) - self.skipped_total

    @property
    def positive(self) -> int:
        return self.ended_as(Status.POSITIVE)

    @property
    def at_work(self) -> int:
        """Still waiting for their hour, their turn or a receipt."""
        return sum(self.ended_as(status) for status in STAYS_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a campaign stands at `made_at`."""

    campaign: Campaign
    audience: StoredAudience
    made_at: datetime
    recipients: int
    channels: tuple[ChannelStanding, ...]
    providers: tuple[ProviderFigure, ...]
    away: tuple[Circuit, ...] = ()  # providers of its channels that are out of order

    @property
    def adds_up(self) -> bool:
        """Nobody is missing on a channel, and attempts are as many as the deliveries count."""
        return all(
            sum(c.statuses.values()) == c.recipients and c.attempts == c.attempts_counted
            for c in self.channels
        )

    @property
    def attempts(self) -> int:
        return sum(channel.attempts for channel in self.channels)

    def total(self, status: Status) -> int:
        return sum(channel.ended_as(status) for channel in self.channels)


def of_campaign(tx: Transaction, campaign_id: int, now: datetime) -> Standing:
    """Look at a campaign. Raises NotFound."""
    campaign = campaigns.get(tx, campaign_id)
    scenario = scenarios.get(tx, campaign.scenario_id).scenario
    audience = audiences.get(tx, campaign.audience_id)
    statuses = tallies.by_status(tx, campaign_id)
    outcomes = tallies.by_outcome(tx, campaign_id)
    return Standing(
        campaign=campaign,
        audience=audience,
        made_at=now,
        recipients=audience.recipients,
        channels=tuple(
            channel_standing(channel, audience.recipients, statuses, outcomes)
            for channel in scenario.sequence()
        ),
        providers=tuple(ProviderFigure(*row) for row in tallies.by_provider(tx, campaign_id)),
        away=away_of(tx, scenario.channels),
    )


def away_of(tx: Transaction, channels: Collection[ChannelName]) -> tuple[Circuit, ...]:
    """The providers of these channels that are out of order."""
    return tuple(one for one in circuits.standing(tx).values() if one.channel in channels)


def channel_standing(
    channel: ChannelName,
    recipients: int,
    statuses: Sequence[StatusCount],
    outcomes: Sequence[OutcomeCount],
) -> ChannelStanding:
    """One channel's figures, of the counts of all."""
    of_status = [row for row in statuses if row.channel is channel]
    of_outcome = [row for row in outcomes if row.channel is channel]
    by_status: Counter[Status] = Counter()
    reasons: dict[Status, Counter[str]] = {
        status: Counter() for status in (Status.SKIPPED, Status.GIVEN_UP, Status.WITHDRAWN)
    }
    for row in of_status:
        by_status[row.status] += row.deliveries
        if row.status in reasons:
            # "words: …" names the place in the template; for a figure the kind is enough.
            reasons[row.status][row.reason.partition(":")[0]] += row.deliveries
    by_outcome: Counter[tuple[Outcome, bool]] = Counter()
    tries: dict[int, list[int]] = {}
    for one in of_outcome:
        made = tries.setdefault(one.number, [0, 0])
        made[0] += one.attempts
        made[1] += one.attempts if one.positive else 0
        if one.outcome is not None:
            by_outcome[one.outcome, one.positive] += one.attempts
    return ChannelStanding(
        channel=channel,
        recipients=recipients,
        statuses=dict(by_status),
        skipped=dict(reasons[Status.SKIPPED].most_common()),
        given_up=dict(reasons[Status.GIVEN_UP].most_common()),
        withdrawn=dict(reasons[Status.WITHDRAWN].most_common()),
        retrying=sum(row.attempted for row in of_status if row.status is Status.PENDING),
        attempted=sum(row.attempted for row in of_status),
        attempts=sum(one.attempts for one in of_outcome),
        attempts_counted=sum(row.attempts for row in of_status),
        open_attempts=sum(one.attempts for one in of_outcome if one.outcome is None),
        outcomes=tuple(
            OutcomeFigure(outcome, positive, count)
            for (outcome, positive), count in sorted(
                by_outcome.items(), key=lambda item: (not item[0][1], -item[1], item[0][0])
            )
        ),
        tries=tuple(TryFigure(number, *made) for number, made in sorted(tries.items())),
    )
