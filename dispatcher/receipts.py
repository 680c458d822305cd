"""What comes back: receipts of providers, in any order, twice, late, or forged.

Everything raw is kept. A receipt is believed if it names one of our attempts by its token (which
nobody can guess) or by the provider's reference; what it says goes through `record`, which knows
what replaces what.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.outcome import Outcome, of_answered_call
from channels.base import Receipt
from channels.routing import Providers
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, attempts, campaigns, suppressions
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.attempts import Attempt
from dispatcher.record import Finding, record
from dispatcher.tokens import TokenFor, read_key, verify

log = structlog.get_logger()


# How long a provider that does not answer is asked about a message, from its hand-over on.
ASK_FOR = timedelta(hours=26)


class Effect(StrEnum):
    """What a receipt did."""

    RECORDED = "recorded"
    SIGN = "sign"  # a stage on the way, or a hint for the final receipt
    STALE = "stale"  # known already, or weaker than what is known
    UNKNOWN = "unknown"  # no such attempt


def take(
    engine: Engine,
    channel: ChannelName,
    provider: str,
    receipt: Receipt,
    payload: Mapping[str, str],
) -> Effect:
    """Apply one receipt and keep it. Safe to call any number of times with the same one."""

    def act(tx: Transaction) -> Effect:
        now = engine.clock.now()
        attempt = _find(tx, engine, channel, provider, receipt)
        effect = _apply(tx, engine, attempt, receipt, now) if attempt else Effect.UNKNOWN
        kept.keep(
            tx,
            provider=provider,
            attempt_id=attempt.id if attempt else None,
            reference=receipt.reference,
            outcome=receipt.outcome,
            effect=effect,
            payload=payload,
            now=now,
        )
        return effect

    effect = engine.ledger.insist(act)
    if effect is Effect.UNKNOWN:
        log.warning("receipt.unknown", channel=channel.value)
    return effect


def _find(
    tx: Transaction, engine: Engine, channel: ChannelName, provider: str, receipt: Receipt
) -> Attempt | None:
    attempt = attempt_of(tx, engine, TokenFor.RECEIPT, receipt.token) if receipt.token else None
    if attempt is None and receipt.token is None and receipt.reference:
        attempt = attempts.by_reference(tx, channel, provider, receipt.reference)
    ours = attempt is not None and (attempt.channel, attempt.provider) == (channel, provider)
    return attempt if ours else None


def is_genuine(engine: Engine, token: str) -> bool:
    """Whether we made this token: asked first, for strangers must not keep the ledger busy."""
    return verify(engine.secret, TokenFor.RECEIPT, token) is not None


def attempt_of(tx: Transaction, engine: Engine, purpose: TokenFor, token: str) -> Attempt | None:
    """The attempt that a genuine token names; None for a forged one."""
    key = verify(engine.secret, purpose, token)
    return attempts.by_number(tx, *read_key(key)) if key else None


def _apply(
    tx: Transaction, engine: Engine, attempt: Attempt, receipt: Receipt, now: datetime
) -> Effect:
    if receipt.outcome is None or not receipt.final:
        if receipt.outcome is not None and attempt.ended_at is None:
            attempts.mark_sign(tx, attempt.id, receipt.outcome, receipt.reference)
        return Effect.SIGN
    finding = Finding(
        attempt.id,
        receipt.outcome,
        _ended_at(attempt, receipt, now),
        receipt.detail,
        reference=receipt.reference,
        seconds=receipt.seconds,
    )
    return Effect.RECORDED if record(tx, engine, [finding], now) else Effect.STALE


def _ended_at(attempt: Attempt, receipt: Receipt, now: datetime) -> datetime:
    """The provider's own time of the event where it is plausible, else ours."""
    if receipt.at is not None and attempt.started_at <= receipt.at <= now:
        return receipt.at
    return now


def settle_batch(engine: Engine, channel: ChannelName, delivery_ids: Sequence[int]) -> int:
    """Ask the provider about messages whose receipt did not come; how many are settled now.

    What the provider cannot tell either ends by the time-out's own outcome: an SMS without a
    receipt is negative, a call without an end is uncertain.
    """
    with engine.ledger.read() as tx:
        latest = attempts.latest(tx, delivery_ids)
    open_attempts = [a for a in latest.values() if a.ended_at is None]
    answers = asyncio.run(_ask(engine.channels[channel], open_attempts))

    def act(tx: Transaction) -> int:
        now = engine.clock.now()
        findings = []
        for attempt in open_attempts:
            receipt = answers.get(attempt.id)
            outcome = _told(attempt, receipt) if receipt else None
            if receipt is not None and outcome is not None:
                kept.keep(
                    tx,
                    provider=attempt.provider,
                    attempt_id=attempt.id,
                    reference=attempt.reference,
                    outcome=outcome,
                    effect=Effect.RECORDED,
                    payload={"kind": "asked", "detail": receipt.detail},
                    now=now,
                )
                ended_at = _ended_at(attempt, receipt, now)
                findings.append(
                    Finding(attempt.id, outcome, ended_at, receipt.detail, seconds=receipt.seconds)
                )
            elif receipt is None and now < (attempt.handed_at or now) + ASK_FOR:
                continue  # the provider did not answer: the loop asks again
            elif channel is ChannelName.SMS:
                ended_at = attempt.handed_at or now
                findings.append(Finding(attempt.id, Outcome.NO_RECEIPT, ended_at, "no receipt"))
            else:
                findings.append(Finding(attempt.id, Outcome.UNCERTAIN, now, "no receipt"))
        return len(record(tx, engine, findings, now))

    return engine.ledger.insist(act)


def _told(attempt: Attempt, receipt: Receipt) -> Outcome | None:
    """What a provider's answer means; of an answered call it may tell the length alone."""
    if receipt.outcome is not None:
        return receipt.outcome if receipt.final else None
    if receipt.seconds is not None and attempt.expected_seconds is not None:
        return of_answered_call(receipt.seconds, attempt.expected_seconds)
    return None


async def _ask(providers: Providers, open_attempts: Sequence[Attempt]) -> Mapping[int, Receipt]:
    limit = asyncio.Semaphore(max(one.concurrency for one in providers.by_name.values()))
    answers: dict[int, Receipt] = {}

    async def ask(attempt: Attempt) -> None:
        if attempt.reference is None or attempt.provider not in providers:
            return
        async with limit:
            receipt = await providers[attempt.provider].look_up(attempt.reference)
        if receipt is not None:
            answers[attempt.id] = receipt

    async with contextlib.AsyncExitStack() as stack:
        for one in providers.by_name.values():
            await stack.enter_async_context(one)
        await asyncio.gather(*(ask(attempt) for attempt in open_attempts))
    return answers


def follow_link(engine: Engine, token: str) -> bool:
    """The reader of a letter followed its link; False for a link that is not ours."""
    if verify(engine.secret, TokenFor.LINK, token) is None:
        return False

    def act(tx: Transaction) -> bool:
        now = engine.clock.now()
        attempt = attempt_of(tx, engine, TokenFor.LINK, token)
        if attempt is None:
            return False
        if attempt.channel is ChannelName.EMAIL:
            record(tx, engine, [Finding(attempt.id, Outcome.LINK_FOLLOWED, now)], now)
        return True

    return engine.ledger.insist(act)


def unsubscribe(engine: Engine, token: str) -> bool:
    """One click in a letter: this address gets no more of that purpose, from now on (RFC 8058).

    False for a link that is not ours: nobody was unsubscribed by it.
    """
    if verify(engine.secret, TokenFor.UNSUBSCRIBE, token) is None:
        return False

    def act(tx: Transaction) -> bool:
        now = engine.clock.now()
        attempt = attempt_of(tx, engine, TokenFor.UNSUBSCRIBE, token)
        if attempt is None:
            return False
        campaign = campaigns.get(tx, attempt.campaign_id)
        purpose = engine.scenario(tx, campaign.scenario_id).scenario.purpose
        suppressions.add(
            tx,
            Suppression(
                reason="unsubscribed",
                contact_point=attempt.contact_point,
                channel=ChannelName.EMAIL,
                purpose=purpose,
            ),
            "customer",
            now,
        )
        return True

    return engine.ledger.insist(act)
