"""A call in progress: a customer pressed a key, or the operator's telephone has rung.

The call waits for words, so what it means is decided and written down in one transaction, and only
then said: nobody is promised what does not stand in the ledger. The provider may ask twice, late,
or after the end of the call; the same question gets the same answer, and writes nothing new.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import cast

import structlog

from campaigns.cadence import next_due
from campaigns.calendar import zone_named
from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.desk import Desk, operator_is_there
from campaigns.menu import Operator, Staffing, Step, Turn, after_operator, answer, farewell
from campaigns.outcome import Outcome
from campaigns.permission import account_party
from campaigns.recipient import Recipient
from campaigns.scenario import Policy, SameContact, Scenario, Window
from channels.base import CallMessage, CallStage, PhoneChannel, Receipt
from dispatcher.compose import compose
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import (
    Transaction,
    attempts,
    audiences,
    campaigns,
    deliveries,
    groups,
    suppressions,
    touches,
    trail,
)
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.deliveries import Delivery
from dispatcher.ledger.suppressions import BY_KEY, STOPPED, stop_subject
from dispatcher.receipts import Effect, ended_at, find_attempt
from dispatcher.record import Finding, hold, is_over, record
from dispatcher.tokens import TokenFor, attempt_key, sign
from templates.call import Action, CallScript
from templates.errors import RenderError

log = structlog.get_logger()

# What waits for words.
STAGES = (CallStage.KEYS, CallStage.OPERATOR_DONE)
CUSTOMER = "customer"
# How often a minute's patience with the ledger is renewed for what a customer said.
PATIENT_MINUTES = 60

_Said = tuple[CallMessage, Turn] | None


@dataclass(frozen=True, slots=True)
class _Call:
    """What a call in progress is about, as the ledger has it at this instant."""

    attempt: Attempt
    delivery: Delivery
    campaign: Campaign
    scenario: Scenario
    message: CallMessage
    desk: Desk

    @property
    def policy(self) -> Policy:
        return self.scenario.policy(ChannelName.PHONE)


def converse(engine: Engine, provider: str, receipt: Receipt, payload: Mapping[str, str]) -> str:
    """What the call is told next, in the provider's markup, once it is written down.

    Waits for the ledger as long as it takes, up to an hour: a customer who said stop has said it,
    whether or not somebody still listens to the answer. Raises LedgerAway then.
    """

    def act(tx: Transaction) -> _Said:
        now = engine.clock.now()
        found = find_attempt(tx, engine, ChannelName.PHONE, provider, receipt)
        call = _recall(tx, engine, hold(tx, engine, found.id)) if found else None
        turn, effect = _go_on(tx, engine, call, receipt, now) if call else (None, Effect.UNKNOWN)
        kept.keep(
            tx,
            provider=provider,
            attempt_id=call.attempt.id if call else None,
            reference=receipt.reference,
            outcome=receipt.outcome,
            effect=effect,
            payload=payload,
            now=now,
        )
        return (call.message, turn) if call and turn else None

    said = _insist(engine, act)
    if said is None:
        log.warning("receipt.unknown", channel=ChannelName.PHONE.value)
        return receipt.reply
    channel = cast(PhoneChannel, engine.channels[ChannelName.PHONE][provider])
    return channel.words(*said)


def _insist(engine: Engine, act: Callable[[Transaction], _Said]) -> _Said:
    for _minute in range(PATIENT_MINUTES - 1):
        try:
            return engine.ledger.insist(act)
        except LedgerAway:
            log.error("conversation.waits_for_ledger")
    return engine.ledger.insist(act)


def _recall(tx: Transaction, engine: Engine, attempt: Attempt) -> _Call:
    """The call of an attempt, its words made once more as they were said."""
    delivery = deliveries.load(tx, [attempt.delivery_id])[attempt.delivery_id]
    campaign = campaigns.get(tx, attempt.campaign_id)
    stored = engine.scenario(tx, campaign.scenario_id)
    desk = engine.desks.desk(attempt.desk)
    try:
        message = compose(
            engine,
            stored,
            ChannelName.PHONE,
            _accounts(tx, attempt, delivery, stored.scenario),
            contact_point=attempt.contact_point,
            delivery_id=delivery.id,
            number=attempt.number,
            now=attempt.started_at,
        )
        assert isinstance(message, CallMessage)  # noqa: S101 - the channel is the phone
    except (RenderError, ValueError):
        # They were made when the call began, so this is a fault of ours; any key counts as heard.
        log.exception("conversation.without_words", delivery=delivery.id)
        message = _wordless(engine, attempt)
    return _Call(attempt, delivery, campaign, stored.scenario, message, desk)


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


def _go_on(
    tx: Transaction, engine: Engine, call: _Call, receipt: Receipt, now: datetime
) -> tuple[Turn, Effect]:
    if receipt.stage is CallStage.OPERATOR_DONE:
        return _after_operator(tx, engine, call, receipt, now)
    if not receipt.key:
        heard = Effect.SIGN
        if receipt.outcome is not None:
            heard = _note(tx, engine, call, receipt, receipt.outcome, now)
        return farewell(call.message.script), heard
    return _after_key(tx, engine, call, receipt, now)


def _after_key(
    tx: Transaction, engine: Engine, call: _Call, receipt: Receipt, now: datetime
) -> tuple[Turn, Effect]:
    attempt, over = call.attempt, is_over(call.attempt)
    step = _answer(tx, engine, call, receipt, now)
    if not over or attempt.pressed is None:
        wanted = step.action is Action.OPERATOR and not step.final
        attempts.mark_pressed(
            tx,
            attempt.id,
            receipt.key,
            answer=step.answer or None,
            operator_at=(attempt.operator_at or now) if wanted else None,
        )
    # Nobody can be connected any more: the customer asked in vain.
    came_to = Outcome.NOBODY_FREE if over and step.turn.operator else step.sign
    effect = Effect.SIGN
    if step.final:
        finding = _finding(attempt, receipt, Outcome.KEY_PRESSED, now)
        effect = Effect.RECORDED if record(tx, engine, [finding], now) else Effect.STALE
    elif came_to is not None:
        effect = _note(tx, engine, call, receipt, came_to, now)
    if step.action is Action.STOP:
        _stop(tx, call, now)
    says_so = not over or attempt.pressed == receipt.key or step.action is Action.STOP
    if says_so and not (over and step.turn.operator):
        return step.turn, effect
    return farewell(call.message.script), effect


def _answer(tx: Transaction, engine: Engine, call: _Call, receipt: Receipt, now: datetime) -> Step:
    """What the key means. Who presses the operator's key although it was not offered (nobody was
    at work when the call began) is told when somebody is."""
    script, attempt = call.message.script, call.attempt
    key = script.key(receipt.key)
    if key is None or key.action is not Action.OPERATOR:
        said = script if attempt.offers_operator else script.without(Action.OPERATOR)
        return answer(said, receipt.key, receipt.round, Staffing())
    staffing = _staffing(tx, engine, call, now)
    if attempt.operator_at is not None:
        free = attempt.sign is not Outcome.NOBODY_FREE  # asked again: the same answer
    else:
        free = staffing.manned and (attempts.with_operator(tx, attempt.desk) < call.desk.operators)
    if free:
        operator = Operator(call.desk.operator, call.desk.wait_seconds)
        staffing = replace(staffing, operator=operator)
    elif attempt.operator_at is not None:
        staffing = replace(staffing, manned=True)
    return answer(script, receipt.key, receipt.round, staffing)


def _after_operator(
    tx: Transaction, engine: Engine, call: _Call, receipt: Receipt, now: datetime
) -> tuple[Turn, Effect]:
    """The talk is over, or the operator's telephone rang in vain."""
    if receipt.outcome is Outcome.CONNECTED:
        effect = _note(tx, engine, call, receipt, Outcome.CONNECTED, now)
        staffing = Staffing()
        return after_operator(call.message.script, connected=True, staffing=staffing), effect
    if receipt.outcome is Outcome.NOBODY_FREE:
        effect = _note(tx, engine, call, receipt, Outcome.NOBODY_FREE, now)
        staffing = replace(_staffing(tx, engine, call, now), manned=True)
        return after_operator(call.message.script, connected=False, staffing=staffing), effect
    # The customer rang off while it rang, or nobody can tell: the end of the call decides.
    return farewell(call.message.script), Effect.SIGN


def _note(
    tx: Transaction, engine: Engine, call: _Call, receipt: Receipt, sign: Outcome, now: datetime
) -> Effect:
    """What the call has shown; when it is over already, that is news like any other."""
    if is_over(call.attempt):
        findings = [_finding(call.attempt, receipt, sign, now)]
        return Effect.RECORDED if record(tx, engine, findings, now) else Effect.STALE
    attempts.mark_sign(tx, call.attempt.id, sign, receipt.reference)
    return Effect.SIGN


def _finding(attempt: Attempt, receipt: Receipt, outcome: Outcome, now: datetime) -> Finding:
    return Finding(
        attempt.id,
        outcome,
        ended_at(attempt, receipt, now),
        receipt.detail,
        reference=receipt.reference,
    )


def _staffing(tx: Transaction, engine: Engine, call: _Call, now: datetime) -> Staffing:
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


def _stop(tx: Transaction, call: _Call, now: datetime) -> None:
    """This number gets no more calls for this purpose; noted once, however often it is told."""
    subject = stop_subject(call.attempt.id)
    if any(act.action == STOPPED for act in trail.of(tx, subject)):
        return
    suppressions.add(
        tx,
        Suppression(
            reason=BY_KEY,
            contact_point=call.attempt.contact_point,
            channel=ChannelName.PHONE,
            purpose=call.scenario.purpose,
        ),
        CUSTOMER,
        now,
    )
    trail.note(tx, now, CUSTOMER, STOPPED, subject)
