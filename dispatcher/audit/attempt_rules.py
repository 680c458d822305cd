"""Rules that look at one attempt, or at one and the next of the same delivery.

Each returns a text for the person who reads the audit when the attempt breaks the rule, else None.
They know the scenario and the rows, and nothing of how the engine came to them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.calendar import UnknownZone, is_allowed, zone_named
from campaigns.channel import ChannelName
from campaigns.consent import consent_allows
from campaigns.outcome import MEANING, Outcome
from campaigns.permission import Rulebook
from campaigns.scenario import Policy, Scenario
from dispatcher.ledger.books import Entry
from dispatcher.ledger.campaigns import Campaign
from dispatcher.report.words import outcomes, word
from templates.i18n import _

# What a reader does with a letter may come weeks after it, when the next one has left already.
_LATE_SIGNS = (Outcome.READ, Outcome.LINK_FOLLOWED, Outcome.ANSWERED)


@dataclass(frozen=True, slots=True)
class Standard:
    """What the attempts of a campaign are held against."""

    campaign: Campaign
    scenario: Scenario
    rules: Rulebook
    policies: Mapping[ChannelName, Policy]


AttemptRule = Callable[[Standard, Entry, Entry | None], str | None]


def inside_window(standard: Standard, entry: Entry, _former: Entry | None) -> str | None:
    """Standard, chapter 5 section 1: 10:00-21:00 of the customer's local time, no holidays."""
    policy = standard.policies.get(entry.channel)
    if policy is None:
        return _("The scenario does not use this channel.")
    own_zone = entry.own_zone or standard.campaign.zone
    if entry.zone != own_zone:
        return _("Zone {zone} was used, but the customer lives in {own}.").format(
            zone=entry.zone, own=own_zone
        )
    try:
        allowed = is_allowed(entry.started_at, own_zone, policy.window, standard.rules.holidays)
    except UnknownZone:
        return _("Time zone {zone} is unknown.").format(zone=own_zone)
    if allowed:
        return None
    local = entry.started_at.astimezone(zone_named(own_zone))
    if not policy.window.holidays and standard.rules.holidays.is_holiday(local.date()):
        return _("Started on a public holiday, {local}.").format(local=_clock(local))
    return _("Started outside the allowed hours, at {local} local time.").format(
        local=_clock(local)
    )


def inside_term(standard: Standard, entry: Entry, _former: Entry | None) -> str | None:
    """Nothing before the campaign's start, at or after its end, or once it was closed."""
    campaign = standard.campaign
    if entry.started_at < campaign.start_at:
        return _("Started before the campaign's start.")
    if entry.started_at >= campaign.end_at:
        return _("Started after the campaign's end.")
    if campaign.closed_at is not None and entry.started_at > campaign.closed_at:
        return _("Started after the campaign was closed.")
    return None


def keeps_cadence(standard: Standard, entry: Entry, former: Entry | None) -> str | None:
    """The next attempt no sooner than the rule says after the end of the one before."""
    policy = standard.policies.get(entry.channel)
    if former is None or policy is None:
        return None
    if former.outcome is Outcome.UNCERTAIN:
        return _("Sent although nobody knows what came of the attempt before.")
    since = former.started_at if _changed_later(former, entry) else former.ended_at
    if since is None:
        return _("Sent while the attempt before was still open.")
    gap = entry.started_at - since
    # Whoever asked for an operator in vain is owed a call back, and soon.
    rule = policy.call_back if former.outcome is Outcome.NOBODY_FREE else policy.retry
    if gap >= rule:
        return None
    return _("Only {gap} after the attempt before; the rule is {rule}.").format(
        gap=_span(gap), rule=_span(rule)
    )


def one_at_a_time(_standard: Standard, entry: Entry, former: Entry | None) -> str | None:
    """Attempts of one delivery follow each other and never overlap."""
    if entry.ended_at is not None and entry.ended_at < entry.started_at:
        return _("Ended before it started.")
    if former is None or _changed_later(former, entry):
        return None
    if former.ended_at is None or former.ended_at > entry.started_at:
        return _("Started before the attempt before had ended.")
    return None


def has_outcome(standard: Standard, entry: Entry, _former: Entry | None) -> str | None:
    """A closed attempt has an outcome of its channel, positive when the scenario says so."""
    if entry.ended_at is None:
        return None if entry.outcome is None else _("Open, but with an outcome.")
    if entry.outcome is None:
        return _("Closed without an outcome.")
    if entry.channel not in MEANING[entry.outcome].channels:
        return _("Outcome “{outcome}” does not exist on this channel.").format(
            outcome=word(outcomes, entry.outcome)
        )
    policy = standard.policies.get(entry.channel)
    if policy is not None and entry.positive is not (entry.outcome in policy.positive):
        return _("Outcome “{outcome}” does not agree with positive = {positive}.").format(
            outcome=word(outcomes, entry.outcome), positive=str(entry.positive).lower()
        )
    return None


def within_maximum(standard: Standard, entry: Entry, _former: Entry | None) -> str | None:
    policy = standard.policies.get(entry.channel)
    if policy is None or entry.number <= policy.max_attempts:
        return None
    return _("More attempts than the {number} allowed.").format(number=policy.max_attempts)


def has_consent(standard: Standard, entry: Entry, _former: Entry | None) -> str | None:
    allowed = consent_allows(
        standard.rules.consents,
        standard.scenario.purpose,
        entry.channel,
        entry.consents,
        entry.started_at.date(),
    )
    return None if allowed else _("Contacted without consent.")


def _changed_later(former: Entry, entry: Entry) -> bool:
    """Whether what came of `former` was learned only when `entry` was on its way.

    A receipt that comes a day late moves the end of its attempt behind the beginning of the next.
    """
    if former.outcome in _LATE_SIGNS:
        return former.ended_at is not None and former.ended_at > entry.started_at
    return former.learned_at is not None and former.learned_at > entry.started_at


def _clock(local: datetime) -> str:
    return f"{local:%d.%m.%Y %H:%M:%S}"


def _span(length: timedelta) -> str:
    """A length of time to the second: `1 d 02:00:00`."""
    sign, length = ("-", -length) if length < timedelta() else ("", length)
    hours, rest = divmod(length.seconds, 3600)
    clock = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return sign + (_("{days} d").format(days=length.days) + " " if length.days else "") + clock
