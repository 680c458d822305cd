"""A call in progress: it was answered, a key was pressed, or the operator's telephone has rung.

The call waits for words, so what it means is decided and written down in one transaction, and only
then said: nobody is promised what does not stand in the ledger. The provider may ask twice, late,
or after the end of the call; the same question gets the same answer, and writes nothing new.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast

import structlog

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.menu import (
    Operator,
    Staffing,
    Step,
    Turn,
    after_operator,
    answer,
    excuse,
    farewell,
    opening,
)
from campaigns.outcome import Outcome
from campaigns.permission import Facts, account_party, may_be_told, may_be_used, point_party
from channels.base import CallMessage, CallStage, PhoneChannel, Receipt
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import (
    Transaction,
    attempts,
    doubts,
    lines,
    suppressions,
    trail,
)
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.suppressions import BY_KEY, STOPPED, stop_subject
from dispatcher.recalled_call import Call, recall, staffing_of
from dispatcher.receipts import Effect, ended_at, find_attempt
from dispatcher.record import Finding, hold, is_over, record
from templates.call import Action

log = structlog.get_logger()

# What waits for words.
STAGES = (CallStage.BEGUN, CallStage.KEYS, CallStage.OPERATOR_DONE)
# Who was dialled need not be told any more: has paid, may not be told, staff took it back. Who was
# meanwhile reached on another channel has picked up the telephone, and is told all the same.
_NEEDLESS = (Status.SETTLED, Status.WITHDRAWN, Status.CANCELLED)
_HELD_BACK = (CampaignStatus.PAUSED, CampaignStatus.CANCELLED)
CUSTOMER = "customer"
# How often a minute's patience with the ledger is renewed for what a customer said.
PATIENT_MINUTES = 60

_Said = tuple[CallMessage, Turn] | None


def _always() -> bool:
    return True


def converse(
    engine: Engine,
    provider: str,
    receipt: Receipt,
    payload: Mapping[str, str],
    in_time: Callable[[], bool] = _always,
) -> str:
    """What the call is told next, in the provider's markup, once it is written down.

    Waits for the ledger as long as it takes, up to an hour: a customer who said stop has said it,
    whether or not somebody still listens to the answer. For the first words it waits a minute, for
    nobody has said anything yet. Raises LedgerAway then. `in_time` tells whether the answer still
    reaches the call.
    """

    def act(tx: Transaction) -> _Said:
        now = engine.clock.now()
        found = find_attempt(tx, engine, ChannelName.PHONE, provider, receipt)
        held = hold(tx, engine, found.id) if found else None
        # With whom it was is not known any more once that has been erased: it is over for long.
        call = recall(tx, engine, held) if held and held.contact_point else None
        if call:
            # Whoever asks what to say in a call has placed it, and tells its name.
            doubts.note_taken(tx, call.attempt.id, receipt.reference, now)
        question = _question(receipt)
        turn, effect = None, Effect.UNKNOWN
        if call and kept.was_asked(tx, call.attempt.id, question):
            turn, effect = _once_more(tx, engine, call, receipt, now), Effect.STALE
        elif call and receipt.stage is CallStage.BEGUN:
            unheard = not in_time() and not receipt.late_reply
            turn, effect = _begin(tx, engine, call, receipt, now, unheard=unheard)
        elif call:
            turn, effect = _go_on(tx, engine, call, receipt, now)
        kept.keep(
            tx,
            provider=provider,
            attempt_id=held.id if held else None,
            reference=receipt.reference,
            outcome=receipt.outcome,
            effect=effect,
            payload={**payload, kept.QUESTION: question},
            now=now,
        )
        return (call.message, turn) if call and turn else None

    is_news = receipt.stage is not CallStage.BEGUN
    said = _insist(engine, act) if is_news else engine.ledger.insist(act)
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


def _question(receipt: Receipt) -> str:
    """What a call asks, in one word for the same question."""
    parts = (receipt.stage, receipt.round, receipt.key, receipt.outcome)
    return " ".join(str(part or "-") for part in parts)


def _once_more(
    tx: Transaction, engine: Engine, call: Call, receipt: Receipt, now: datetime
) -> Turn:
    """The answer to what was asked before: the provider may not have got it. Nothing is written."""
    attempt, script = call.attempt, call.message.script
    if receipt.stage is CallStage.BEGUN:
        if receipt.outcome is Outcome.MACHINE:
            return Turn(())
        told = not is_over(attempt) and attempt.sign is not Outcome.HUNG_UP
        return _opening(call) if told else excuse(script)
    if receipt.stage is CallStage.OPERATOR_DONE:
        return _operator_done(tx, engine, call, receipt, now)
    if not receipt.key:
        return farewell(script)
    return _reply(call, receipt, _answer(tx, engine, call, receipt, now))


def _begin(
    tx: Transaction,
    engine: Engine,
    call: Call,
    receipt: Receipt,
    now: datetime,
    *,
    unheard: bool,
) -> tuple[Turn, Effect]:
    """The first words. A machine gets none: anybody may listen to what it recorded.

    `unheard`: the call has been given up already, so whatever its length says, nothing was heard.
    """
    attempt, script = call.attempt, call.message.script
    if receipt.outcome is Outcome.MACHINE:
        return Turn(()), _note(tx, engine, call, receipt, Outcome.MACHINE, now)
    if is_over(attempt):
        return excuse(script), Effect.STALE
    # Asked twice, a call that was given nothing to say is given nothing again.
    if unheard or attempt.sign is Outcome.HUNG_UP or not _may_be_told(tx, engine, call, now):
        return excuse(script), _note(tx, engine, call, receipt, Outcome.HUNG_UP, now)
    return _opening(call), Effect.SIGN


def _opening(call: Call) -> Turn:
    script = call.message.script
    said = script if call.attempt.offers_operator else script.without(Action.OPERATOR)
    return opening(said)


def _may_be_told(tx: Transaction, engine: Engine, call: Call, now: datetime) -> bool:
    """Whether what was right when the number was dialled still is: since then the customer may have
    said stop or paid, and staff may have stopped the campaign."""
    if call.campaign.status in _HELD_BACK or call.delivery.end_as in _NEEDLESS:
        return False
    if not call.message.script.message:
        return False
    point = call.attempt.contact_point
    parties = [*(account_party(a.account_number) for a in call.accounts), point_party(point)]
    facts, rules = Facts(suppressions.of_parties(tx, parties, now)), engine.rules(tx)
    return may_be_used(call.scenario, ChannelName.PHONE, point, facts, now) and all(
        may_be_told(call.scenario, ChannelName.PHONE, account, facts, rules, now) is None
        for account in call.accounts
    )


def _go_on(
    tx: Transaction, engine: Engine, call: Call, receipt: Receipt, now: datetime
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
    tx: Transaction, engine: Engine, call: Call, receipt: Receipt, now: datetime
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
    if _ended_by_key(call) and came_to is Outcome.NOBODY_FREE:
        effect = Effect.STALE
    elif step.final:
        finding = _finding(attempt, receipt, Outcome.KEY_PRESSED, now)
        effect = Effect.RECORDED if record(tx, engine, [finding], now) else Effect.STALE
    elif came_to is not None:
        effect = _note(tx, engine, call, receipt, came_to, now)
    if step.action is Action.STOP:
        _stop(tx, call, now)
    return _reply(call, receipt, step), effect


def _reply(call: Call, receipt: Receipt, step: Step) -> Turn:
    """What is said to a key; a call that is over is told no more than what has decided it."""
    over = is_over(call.attempt)
    says_so = not over or call.attempt.pressed == receipt.key or step.action is Action.STOP
    if says_so and not (over and step.turn.operator):
        return step.turn
    return farewell(call.message.script)


def _ended_by_key(call: Call) -> bool:
    """Whether a key ended this conversation: who asks for an operator after that is no customer who
    waits for one, but a question on its way that was overtaken."""
    attempt = call.attempt
    if attempt.outcome is not Outcome.KEY_PRESSED or attempt.pressed is None:
        return False
    if attempt.operator_at is not None:
        return False
    # Without anybody at work, an operator's key ends the call too; with one it leaves operator_at.
    return answer(call.message.script, attempt.pressed, 1, Staffing()).final


def _answer(tx: Transaction, engine: Engine, call: Call, receipt: Receipt, now: datetime) -> Step:
    """What the key means. Who presses the operator's key although it was not offered (nobody was
    at work when the call began) is told when somebody is."""
    script, attempt = call.message.script, call.attempt
    key = script.key(receipt.key)
    if key is None or key.action is not Action.OPERATOR:
        said = script if attempt.offers_operator else script.without(Action.OPERATOR)
        return answer(said, receipt.key, receipt.round, Staffing())
    staffing = staffing_of(tx, engine, call, now)
    if attempt.operator_at is None and attempt.pressed == receipt.key:
        # Asked before, when nobody was at work, and told so; whoever has come since.
        return answer(script, receipt.key, receipt.round, replace(staffing, manned=False))
    if attempt.operator_at is not None:
        free = attempt.sign is not Outcome.NOBODY_FREE  # asked again: the same answer
    else:
        free = staffing.manned and (
            lines.with_operator(tx, attempt.desk, now) < call.desk.operators
        )
    if free:
        operator = Operator(call.desk.operator, call.desk.wait_seconds)
        staffing = replace(staffing, operator=operator)
    elif attempt.operator_at is not None:
        staffing = replace(staffing, manned=True)
    return answer(script, receipt.key, receipt.round, staffing)


def _after_operator(
    tx: Transaction, engine: Engine, call: Call, receipt: Receipt, now: datetime
) -> tuple[Turn, Effect]:
    """The talk is over, or the operator's telephone rang in vain."""
    effect = Effect.SIGN
    if receipt.outcome in (Outcome.CONNECTED, Outcome.NOBODY_FREE):
        effect = _note(tx, engine, call, receipt, receipt.outcome, now)
    return _operator_done(tx, engine, call, receipt, now), effect


def _operator_done(
    tx: Transaction, engine: Engine, call: Call, receipt: Receipt, now: datetime
) -> Turn:
    script = call.message.script
    if receipt.outcome is Outcome.CONNECTED:
        return after_operator(script, connected=True, staffing=Staffing())
    if receipt.outcome is Outcome.NOBODY_FREE:
        staffing = replace(staffing_of(tx, engine, call, now), manned=True)
        return after_operator(script, connected=False, staffing=staffing)
    # The customer rang off while it rang, or nobody can tell: the end of the call decides.
    return farewell(script)


def _note(
    tx: Transaction, engine: Engine, call: Call, receipt: Receipt, sign: Outcome, now: datetime
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


def _stop(tx: Transaction, call: Call, now: datetime) -> None:
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
