"""A call in progress, recalled from the ledger: what it is about, its words, and who is at work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import structlog

from campaigns.cadence import next_due
from campaigns.calendar import zone_named
from campaigns.channel import ChannelName
from campaigns.desk import Desk, operator_is_there
from campaigns.menu import Staffing
from campaigns.outcome import Outcome
from campaigns.permission import account_party
from campaigns.recipient import Recipient
from campaigns.scenario import Policy, SameContact, Scenario, Window
from channels.base import CallMessage
from dispatcher.compose import compose
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, audiences, campaigns, deliveries, groups, touches
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.deliveries import Delivery
from dispatcher.tokens import TokenFor, attempt_key, sign
from templates.call import CallScript
from templates.errors import RenderError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Call:
    """What a call in progress is about, as the ledger has it at this instant."""

    attempt: Attempt
    delivery: Delivery
    campaign: Campaign
    scenario: Scenario
    accounts: Sequence[Recipient]
    message: CallMessage
    desk: Desk

    @property
    def policy(self) -> Policy:
        return self.scenario.policy(ChannelName.PHONE)


def recall(tx: Transaction, engine: Engine, attempt: Attempt) -> Call:
    """The call of an attempt, its words made once more as they were said."""
    delivery = deliveries.load(tx, [attempt.delivery_id])[attempt.delivery_id]
    campaign = campaigns.get(tx, attempt.campaign_id)
    stored = engine.scenario(tx, campaign.scenario_id)
    desk = engine.desks.desk(attempt.desk)
    accounts = _accounts(tx, attempt, delivery, stored.scenario)
    try:
        message = compose(
            engine,
            stored,
            ChannelName.PHONE,
            accounts,
            contact_point=attempt.contact_point,
            delivery_id=delivery.id,
            number=attempt.number,
            now=attempt.started_at,
        )
        assert isinstance(message, CallMessage)  # noqa: S101 - the channel is the phone
    except (RenderError, ValueError):
        # They were made before it was dialled, so this is a fault of ours; any key counts as heard.
        log.exception("conversation.without_words", delivery=delivery.id)
        message = _wordless(engine, attempt)
    return Call(attempt, delivery, campaign, stored.scenario, accounts, message, desk)


def _wordless(engine: Engine, attempt: Attempt) -> CallMessage:
    return CallMessage(
        token=sign(
            engine.secret, TokenFor.RECEIPT, attempt_key(attempt.delivery_id, attempt.number)
        ),
        contact_point=attempt.contact_point,
        sender=engine.settings.caller_id,
        script=CallScript(()),
        receipts_url=engine.receipts_url,
    )


def _accounts(
    tx: Transaction, attempt: Attempt, delivery: Delivery, scenario: Scenario
) -> list[Recipient]:
    """The accounts of which this call speaks: those that were noted when it was opened."""
    joined: list[int] = []
    if scenario.joins is SameContact.MERGE:
        members = groups.members(
            tx, delivery.campaign_id, delivery.channel, [delivery.recipient_id]
        )
        joined = [member.recipient_id for member in members.get(delivery.recipient_id, ())]
    people = audiences.get_many(tx, [delivery.recipient_id, *joined])
    told = touches.parties_of(tx, attempt.id)
    others = (people[recipient_id] for recipient_id in joined)
    return [
        people[delivery.recipient_id],
        *(person for person in others if account_party(person.account_number) in told),
    ]


def staffing_of(tx: Transaction, engine: Engine, call: Call, now: datetime) -> Staffing:
    """Whether somebody is at work, and whether a call back can be promised."""
    desk, policy, zone = call.desk, call.policy, engine.settings.zone
    holidays = engine.rules(tx).holidays
    back_at = now + policy.call_back
    due_at = next_due(
        policy,
        # A little later than said, for the call is not over yet.
        back_at + timedelta(minutes=1),
        call.delivery.zone,
        holidays,
        campaign_start_at=call.campaign.start_at,
        campaign_end_at=call.campaign.end_at,
    )
    promised = (
        Outcome.NOBODY_FREE not in policy.positive
        and call.delivery.attempts < policy.max_attempts
        and call.delivery.end_as is None
        and call.campaign.status is CampaignStatus.RUNNING
        and due_at == back_at + timedelta(minutes=1)
        and operator_is_there(desk, back_at, zone, holidays)
    )
    return Staffing(
        manned=operator_is_there(desk, now, zone, holidays),
        call_back=policy.call_back if promised else None,
        hours=_on_own_clock(desk, zone, call.delivery.zone, now) if desk.operator else None,
        phone=engine.settings.company_phone,
    )


def _on_own_clock(desk: Desk, house_zone: str, zone: str, now: datetime) -> Window:
    """The desk's hours as the customer's clock shows them; their days are left as they are."""
    there, here = zone_named(desk.zone or house_zone), zone_named(zone)
    today = now.astimezone(there).date()

    def shown(clock: time) -> time:
        return datetime.combine(today, clock, there).astimezone(here).time()

    return Window(
        opens_at=shown(desk.hours.opens_at),
        closes_at=shown(desk.hours.closes_at),
        days=desk.hours.days,
    )
