"""What comes back: receipts of providers, in any order, twice, late, or forged.

Everything raw is kept. A receipt is believed if it names one of our attempts by its token (which
nobody can guess) or by the provider's reference; what it says goes through `record`, which knows
what replaces what.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import structlog

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import Receipt
from dispatcher import metrics, refusing
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, archive, attempts, doubts, replies
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.attempts import Attempt
from dispatcher.record import Finding, hold, note_sign, record
from dispatcher.tokens import NO_DELIVERY, TokenFor, read_key, verify

log = structlog.get_logger()


class Effect(StrEnum):
    """What a receipt did."""

    RECORDED = "recorded"
    SIGN = "sign"  # a stage on the way, or a hint for the final receipt
    STALE = "stale"  # known already, or weaker than what is known
    UNKNOWN = "unknown"  # no such attempt or reply
    UNREADABLE = "unreadable"  # at an address that only the provider was told, and says nothing


class Refused(StrEnum):
    """What came of a click that asks for no more letters."""

    HEARD = "heard"
    ERASED = "erased"  # nobody knows any more where that letter went
    FOREIGN = "foreign"  # no link of ours


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
        attempt = find_attempt(tx, engine, channel, provider, receipt)
        if attempt is not None:
            effect = _apply(tx, engine, attempt, receipt, now)
        else:
            effect = _apply_to_reply(tx, engine, channel, provider, receipt, now)
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

    with metrics.receipt(channel, provider) as taken:
        effect = taken.effect = engine.ledger.insist(act)
    if effect is Effect.UNKNOWN:
        log.warning("receipt.unknown", channel=channel.value)
    return effect


def keep_unreadable(
    engine: Engine, channel: ChannelName, provider: str, token: str, payload: Mapping[str, str]
) -> None:
    """Keep what came to an address of ours and says nothing; it changes nothing."""

    def act(tx: Transaction) -> None:
        attempt = find_attempt(tx, engine, channel, provider, Receipt(token, None, None))
        if attempt is not None:
            hold(tx, engine, attempt.id)  # who erases it meanwhile must not overlook this
        kept.keep(
            tx,
            provider=provider,
            attempt_id=attempt.id if attempt else None,
            reference=None,
            outcome=None,
            effect=Effect.UNREADABLE,
            payload=payload,
            now=engine.clock.now(),
        )

    engine.ledger.insist(act)
    log.warning("receipt.unreadable", channel=channel.value)


def find_attempt(
    tx: Transaction, engine: Engine, channel: ChannelName, provider: str, receipt: Receipt
) -> Attempt | None:
    """The attempt of ours that a receipt of this provider is about."""
    attempt = attempt_of(tx, engine, TokenFor.RECEIPT, receipt.token) if receipt.token else None
    if attempt is None and receipt.token is None and receipt.reference:
        attempt = attempts.by_reference(tx, channel, provider, receipt.reference)
    ours = attempt is not None and (attempt.channel, attempt.provider) == (channel, provider)
    return attempt if ours else None


def is_genuine(engine: Engine, token: str) -> bool:
    """Whether we made this token: asked first, for strangers must not keep the ledger busy."""
    return verify(engine.secret, TokenFor.RECEIPT, token) is not None


def attempt_of(tx: Transaction, engine: Engine, purpose: TokenFor, token: str) -> Attempt | None:
    """The attempt that a genuine token names; None for a forged one. Its contact point is empty
    where that has been erased."""
    key = verify(engine.secret, purpose, token)
    if key is None:
        return None
    found = attempts.by_number(tx, *read_key(key))
    if found is None and purpose is TokenFor.UNSUBSCRIBE:
        # A "no" is a "no", however old the letter that it answers.
        found = archive.by_number(tx, *read_key(key))
    return found


def _apply(
    tx: Transaction, engine: Engine, attempt: Attempt, receipt: Receipt, now: datetime
) -> Effect:
    if receipt.outcome is None:
        # It is on its way: that alone proves that the provider took it, and under which name.
        hold(tx, engine, attempt.id)
        doubts.note_taken(tx, attempt.id, receipt.reference, now)
        return Effect.SIGN
    finding = Finding(
        attempt.id,
        receipt.outcome,
        ended_at(attempt, receipt, now),
        receipt.detail,
        reference=receipt.reference,
        seconds=receipt.seconds,
    )
    if not receipt.final:
        return Effect.RECORDED if note_sign(tx, engine, finding, now) else Effect.SIGN
    return Effect.RECORDED if record(tx, engine, [finding], now) else Effect.STALE


def _apply_to_reply(
    tx: Transaction,
    engine: Engine,
    channel: ChannelName,
    provider: str,
    receipt: Receipt,
    now: datetime,
) -> Effect:
    """What a receipt says of an answer of ours to a customer; the first final word stands."""
    key = verify(engine.secret, TokenFor.RECEIPT, receipt.token) if receipt.token else None
    delivery_id, inquiry_id = read_key(key) if key else (None, 0)
    if delivery_id != NO_DELIVERY:
        return Effect.UNKNOWN
    known = replies.of_inquiry(tx, inquiry_id, channel, provider)
    if known is None:
        return Effect.UNKNOWN
    if isinstance(known, Outcome) and known is not Outcome.UNCERTAIN:
        return Effect.STALE
    outcome = receipt.outcome if receipt.final else None
    replies.note_receipt(tx, inquiry_id, receipt.reference, outcome, now)
    return Effect.SIGN if outcome is None else Effect.RECORDED


def ended_at(attempt: Attempt, receipt: Receipt, now: datetime) -> datetime:
    """The provider's own time of the event where it is plausible, else ours."""
    if receipt.at is not None and attempt.started_at <= receipt.at <= now:
        return receipt.at
    return now


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


def unsubscribe(engine: Engine, token: str) -> Refused:
    """One click in a letter: this address gets no more of that purpose, from now on (RFC 8058).

    Unless it is HEARD nobody was unsubscribed by it.
    """
    if verify(engine.secret, TokenFor.UNSUBSCRIBE, token) is None:
        return Refused.FOREIGN

    def act(tx: Transaction) -> Refused:
        attempt = attempt_of(tx, engine, TokenFor.UNSUBSCRIBE, token)
        if attempt is None:
            return Refused.FOREIGN
        heard = refusing.unsubscribe(tx, engine, attempt, engine.clock.now())
        return Refused.HEARD if heard else Refused.ERASED

    return engine.ledger.insist(act)
