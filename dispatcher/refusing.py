"""Customers who want no more: of everything that they may refuse, or of one purpose.

Every way in ends here (an SMS, a letter, a click), so that a "no" means the same on each of them.
"""

from collections.abc import Sequence
from datetime import datetime

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import ConsentRule, Suppression
from campaigns.permission import point_party
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, campaigns, inquiries, suppressions
from dispatcher.ledger.attempts import Attempt

# The reasons of stops that were asked for by SMS, by letter, and by the link in a letter.
BY_SMS = "sms"
BY_MAIL = "email"
UNSUBSCRIBED = "unsubscribed"
CUSTOMER = "customer"


def refusable(
    tx: Transaction, engine: Engine, point: str, channel: ChannelName, now: datetime
) -> Sequence[Purpose]:
    """The purposes that a customer may refuse at this contact point, and has not for good."""
    rules = engine.rules(tx).consents
    party = point_party(point)
    standing = suppressions.of_parties(tx, [party], now).get(party, ())
    return [
        purpose
        for purpose in Purpose
        if rules[purpose][channel] is not ConsentRule.ALWAYS
        and not any(_covers(stop, channel, purpose) for stop in standing)
    ]


def refuse(
    tx: Transaction, engine: Engine, point: str, channel: ChannelName, reason: str, now: datetime
) -> bool:
    """Stop every purpose that a customer may refuse; False when all of them stood already."""
    inquiries.one_at_a_time(tx, point_party(point))
    missing = refusable(tx, engine, point, channel, now)
    for purpose in missing:
        stop = Suppression(reason=reason, contact_point=point, channel=channel, purpose=purpose)
        suppressions.add(tx, stop, CUSTOMER, now)
    return bool(missing)


def unsubscribe(
    tx: Transaction, engine: Engine, attempt: Attempt, now: datetime, *, writer: str = ""
) -> bool:
    """No more letters of this one's purpose to its address; said again, nothing changes.

    Where the address has been erased it is the `writer`'s, who must be vouched for. False when
    nobody knows whose it was: nobody was stopped.
    """
    point = attempt.contact_point or writer
    if not point:
        return False
    campaign = campaigns.get(tx, attempt.campaign_id)
    stop = Suppression(
        reason=UNSUBSCRIBED,
        contact_point=point,
        channel=ChannelName.EMAIL,
        purpose=engine.scenario(tx, campaign.scenario_id).scenario.purpose,
    )
    suppressions.add(tx, stop, CUSTOMER, now)
    return True


def _covers(stop: Suppression, channel: ChannelName, purpose: Purpose) -> bool:
    """Whether a stop that stands already says as much, and for good."""
    return (
        stop.channel in (None, channel)
        and stop.purpose in (None, purpose)
        and stop.until_at is None
    )
