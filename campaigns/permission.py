"""May this customer be contacted at this point, for this purpose, now? Asked twice: when planning,
and again at the instant of sending.

The facts (stop-list, history of contacts) come from the ledger, keyed by *party*: a contact point,
or an account as `account:…`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.channel import ChannelName
from campaigns.consent import (
    Caps,
    ConsentRules,
    QuietTime,
    Suppression,
    consent_allows,
    quiet_time,
    suppressed,
)
from campaigns.delivery import SkipReason
from campaigns.holidays import Holidays
from campaigns.recipient import Recipient
from campaigns.scenario import Policy, Scenario

ACCOUNT = "account:"


def account_party(account_number: str) -> str:
    """How an account is named among parties, so that it is never taken for a number."""
    return f"{ACCOUNT}{account_number.casefold()}"


def point_party(contact_point: str) -> str:
    return contact_point.casefold()


@dataclass(frozen=True, slots=True)
class History:
    """What a party went through on one channel, over all campaigns."""

    last_positive_at: datetime | None = None
    recent: tuple[datetime, ...] = ()  # starts of attempts, 30 days back at the least


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ledger knows about the parties of a batch. Absent means nothing is known."""

    suppressions: Mapping[str, Sequence[Suppression]] = field(default_factory=dict)
    histories: Mapping[ChannelName, Mapping[str, History]] = field(default_factory=dict)

    def stops_of(self, parties: Iterable[str]) -> list[Suppression]:
        return [stop for party in parties for stop in self.suppressions.get(party, ())]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The house's own rules, as settings and staff made them."""

    holidays: Holidays
    consents: ConsentRules
    caps: Mapping[ChannelName, Caps]


def look_back(policy: Policy) -> timedelta:
    """How far back the history of contacts matters on a channel."""
    return max(policy.quiet_after_positive + timedelta(days=1), timedelta(days=30))


def parties_of(recipient: Recipient) -> list[str]:
    """Every party under which something may be known about a recipient."""
    return [
        account_party(recipient.account_number),
        *(point_party(point.address) for point in recipient.contact_points),
    ]


def may_be_told(
    scenario: Scenario,
    channel: ChannelName,
    recipient: Recipient,
    facts: Facts,
    rules: Rulebook,
    at: datetime,
) -> SkipReason | None:
    """What forbids telling this customer at whatever contact point; None if nothing does."""
    if not consent_allows(rules.consents, scenario.purpose, channel, recipient.consents, at.date()):
        return SkipReason.NO_CONSENT
    stop = stop_on_account(scenario, channel, recipient, facts, at)
    return SkipReason.SUPPRESSED if stop else None


def stop_on_account(
    scenario: Scenario, channel: ChannelName, recipient: Recipient, facts: Facts, at: datetime
) -> Suppression | None:
    """The line of the stop-list that forbids telling this account; None when there is none."""
    stops = facts.stops_of([account_party(recipient.account_number)])
    if not stops:
        return None
    return suppressed(
        stops,
        account_numbers=(recipient.account_number, recipient.account_number.casefold()),
        contact_point=None,
        channel=channel,
        purpose=scenario.purpose,
        at=at,
    )


def may_be_used(
    scenario: Scenario, channel: ChannelName, point: str, facts: Facts, at: datetime
) -> bool:
    """Whether the stop-list leaves this number or address alone."""
    return stop_on_point(scenario, channel, point, facts, at) is None


def stop_on_point(
    scenario: Scenario, channel: ChannelName, point: str, facts: Facts, at: datetime
) -> Suppression | None:
    """The line of the stop-list that forbids this number or address; None when there is none."""
    stops = facts.stops_of([point_party(point)])
    if not stops:
        return None
    return suppressed(
        stops,
        account_numbers=(),
        contact_point=point,
        channel=channel,
        purpose=scenario.purpose,
        at=at,
    )


def quiet_for(
    policy: Policy, parties: Iterable[str], facts: Facts, rules: Rulebook
) -> datetime | None:
    """Until when the quiet time after a positive contact, or a cap, forbids another contact."""
    found = quiet_ground(policy, parties, facts, rules)
    return found.until_at if found else None


def quiet_ground(
    policy: Policy, parties: Iterable[str], facts: Facts, rules: Rulebook
) -> QuietTime | None:
    """The same with its ground."""
    known = facts.histories.get(policy.channel)
    if not known:
        return None
    found: list[QuietTime] = []
    for party in parties:
        history = known.get(party)
        if history is not None:
            caps = rules.caps.get(policy.channel)
            quiet = quiet_time(policy, history.last_positive_at, history.recent, caps)
            if quiet is not None:
                found.append(quiet)
    return max(found, key=lambda quiet: quiet.until_at, default=None)
