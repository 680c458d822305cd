"""The plan: scenario × audience → one delivery per recipient and channel, or a skip with a reason.

Nothing disappears: recipients × channels = deliveries + skips, always.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from campaigns.cadence import next_due
from campaigns.channel import ChannelName, ContactKind
from campaigns.content import ACCOUNTS_LIMIT
from campaigns.delivery import SkipReason
from campaigns.joining import Joined
from campaigns.permission import (
    Facts,
    Rulebook,
    account_party,
    may_be_told,
    may_be_used,
    point_party,
    quiet_for,
)
from campaigns.recipient import Recipient
from campaigns.scenario import OrderKind, Policy, SameContact, Scenario


@dataclass(frozen=True, slots=True)
class Term:
    """When a campaign runs, and the zone of recipients of whom none is known."""

    start_at: datetime
    end_at: datetime
    zone: str


class Planned(NamedTuple):
    """One recipient on one channel: due, or skipped for a reason.

    `lead_id` names the recipient in whose message a joined one is spoken of. `held_back`: due later
    than otherwise, because the customer was contacted lately.
    """

    recipient_id: int
    channel: ChannelName
    zone: str
    points: tuple[str, ...] = ()
    due_at: datetime | None = None
    skipped: SkipReason | None = None
    detail: str = ""
    lead_id: int | None = None
    held_back: bool = False


def lack(name: str, value: str | int | None) -> SkipReason | None:
    """Why a recipient with this value in a field that the scenario needs cannot be told."""
    if value is None or value == "":
        return SkipReason.MISSING_FIELD
    if name.endswith("_kopecks") and int(value) <= 0:
        return SkipReason.NOTHING_DUE
    return None


def contactable(
    scenario: Scenario,
    channel: ChannelName,
    recipient: Recipient,
    facts: Facts,
    rules: Rulebook,
    at: datetime,
) -> tuple[str, ...] | tuple[SkipReason, str]:
    """The contact points that may be used, in turn; or the reason why none may, with a detail."""
    for name in scenario.fields:
        lacking = lack(name, recipient.fields.get(name))
        if lacking is not None:
            return lacking, name
    forbidden = may_be_told(scenario, channel, recipient, facts, rules, at)
    if forbidden is not None:
        return forbidden, ""
    fitting = recipient.reachable_on(channel)
    if not fitting:
        return _nothing_fits(channel, recipient), ""
    usable = tuple(
        point.address
        for point in fitting
        if may_be_used(scenario, channel, point.address, facts, at)
    )
    return usable or (SkipReason.SUPPRESSED, "")


def _nothing_fits(channel: ChannelName, recipient: Recipient) -> SkipReason:
    has_number = any(p.kind is not ContactKind.EMAIL for p in recipient.contact_points)
    if channel is not ChannelName.EMAIL and has_number:
        return SkipReason.BAD_NUMBER_TYPE
    return SkipReason.NO_CONTACT_POINT


def plan_recipient(
    scenario: Scenario,
    recipient_id: int,
    recipient: Recipient,
    term: Term,
    facts: Facts,
    rules: Rulebook,
    joined: Mapping[ChannelName, Mapping[int, Joined]],
) -> list[Planned]:
    """Every channel of the scenario for one recipient, in the scenario's order.

    In a cascade each channel waits `delay` from when the one before is due, wherever the window
    moved that; a channel that is skipped takes no turn.
    """
    zone = recipient.zone or term.zone
    planned: list[Planned] = []
    not_before = term.start_at
    for channel in scenario.sequence():
        answer = contactable(scenario, channel, recipient, facts, rules, term.start_at)
        if isinstance(answer[0], SkipReason):
            planned.append(
                Planned(recipient_id, channel, zone, skipped=answer[0], detail=str(answer[1]))
            )
            continue
        points = tuple(str(point) for point in answer)
        group = joined.get(channel, {}).get(recipient_id)
        merges = scenario.joins is SameContact.MERGE
        if group is not None and merges and len(group.members) > ACCOUNTS_LIMIT:
            # No landlord has so many: somebody filled the column with one number.
            reason = SkipReason.TOO_MANY_ACCOUNTS
            planned.append(Planned(recipient_id, channel, zone, skipped=reason))
            continue
        if group is not None and group.lead != recipient_id:
            reason = SkipReason.MERGED if merges else SkipReason.DUPLICATE
            planned.append(Planned(recipient_id, channel, zone, skipped=reason, lead_id=group.lead))
            continue
        if group is not None:
            points = group.points
        delivery = _due(
            scenario.policy(channel),
            recipient_id,
            recipient,
            zone,
            points,
            not_before,
            term,
            facts,
            rules,
        )
        planned.append(delivery)
        if scenario.order.kind is OrderKind.CASCADE and delivery.due_at is not None:
            not_before = delivery.due_at + scenario.order.delay
    return planned


def _due(
    policy: Policy,
    recipient_id: int,
    recipient: Recipient,
    zone: str,
    points: tuple[str, ...],
    not_before: datetime,
    term: Term,
    facts: Facts,
    rules: Rulebook,
) -> Planned:
    parties = [account_party(recipient.account_number), *(point_party(point) for point in points)]
    quiet = quiet_for(policy, parties, facts, rules)
    due = partial(
        next_due,
        policy,
        not_before,
        zone,
        rules.holidays,
        campaign_start_at=term.start_at,
        campaign_end_at=term.end_at,
    )
    due_at = due(quiet_until=quiet)
    if due_at is not None:
        # The quiet time of most is long over; then nothing need be reckoned a second time.
        held_back = quiet is not None and quiet > not_before and due() != due_at
        return Planned(recipient_id, policy.channel, zone, points, due_at, held_back=held_back)
    if quiet is not None and quiet > not_before:
        positive = quiet_for(policy, parties, facts, Rulebook(rules.holidays, rules.consents, {}))
        reason = SkipReason.TOO_SOON if positive == quiet else SkipReason.TOO_OFTEN
    else:
        reason = SkipReason.NO_WINDOW
    return Planned(recipient_id, policy.channel, zone, skipped=reason)
