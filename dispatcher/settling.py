"""Asking providers what became of messages: those whose receipt did not come, and those of which
nobody knows whether they were taken at all.

A message with a name of the provider's is asked for by it. One without is looked for in the
provider's list: found there, it gets its name and its outcome; not there on two looks, it was
certainly never sent, and the cadence goes on. Anything less clear stays as it is, and after a day
staff decide. Nothing is sent from here.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome, of_answered_call
from campaigns.scenario import SameContact
from channels.base import Channel, Receipt, SmsMessage, Sought
from channels.routing import Providers
from dispatcher.compose import compose
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Transaction,
    attempts,
    audiences,
    campaigns,
    deliveries,
    doubts,
    groups,
)
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.attempts import Attempt
from dispatcher.receipts import Effect, ended_at
from dispatcher.record import FIRST_QUESTION, Finding, hold_all, record
from templates.errors import RenderError

log = structlog.get_logger()

# How long a provider that took a message and tells nothing of it is asked, from its hand-over on.
ASK_FOR = {
    ChannelName.PHONE: timedelta(hours=3),
    ChannelName.SMS: timedelta(hours=26),
    ChannelName.EMAIL: timedelta(0),
}
# How long a provider is asked whether it took a message at all; from then on staff decide.
DOUBT_FOR = timedelta(hours=24)
LONGEST_PAUSE = timedelta(hours=4)
# A provider's list may be a little behind: what is missing on one look may be there on the next.
BETWEEN_LOOKS = timedelta(minutes=10)
NOT_SENT = "not in the provider's list"
NO_RECEIPT = "no receipt"


class Look(StrEnum):
    """What a look into a provider's list found, where it settled nothing."""

    ABSENT = "absent"
    UNCLEAR = "unclear"  # several that may be it, or one that may be another's


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered about one attempt.

    `receipt` by the message's name; else `listed`, what its list has, None when it could not tell.
    `surely` says that what was listed is known by more than the number alone.
    """

    receipt: Receipt | None = None
    listed: Sequence[Receipt] | None = None
    surely: bool = False


NOTHING = Answer()
# No campaign of ours: what a question's turn at a provider is counted under.
NO_CAMPAIGN = 0


def next_question(started_at: datetime, now: datetime) -> datetime | None:
    """When to ask again about an attempt in doubt: each pause as long as all of them before, at
    most four hours. None when a day is over."""
    until = started_at + DOUBT_FOR
    if now >= until:
        return None
    pause = min(max(now - started_at, FIRST_QUESTION), LONGEST_PAUSE)
    return min(now + pause, until)


def settle_batch(engine: Engine, channel: ChannelName, delivery_ids: Sequence[int]) -> int:
    """Ask about the last attempts of these deliveries; how many are settled now.

    Safe to call any number of times, by any number of workers. What a provider cannot tell about a
    message it took ends by the time-out's own outcome: an SMS without a receipt is negative, a call
    without an end is uncertain.
    """
    with engine.ledger.read() as tx:
        asked = [a for a in attempts.latest(tx, delivery_ids).values() if _is_unsettled(a)]
        texts = {a.id: _text(tx, engine, a) for a in asked if a.reference is None}
    now = engine.clock.now()
    providers = engine.channels.get(channel)
    answers = asyncio.run(_ask(engine, providers, asked, texts, now)) if providers and asked else {}

    def act(tx: Transaction) -> int:
        court = _Court(tx, engine, engine.clock.now())
        for attempt in hold_all(tx, engine, [a.id for a in asked]).values():
            answer = answers.get(attempt.id, NOTHING)
            # Whose turn did not come is asked about next time: that is not the provider's silence.
            if _is_unsettled(attempt) and answer is not None:
                court.judge(attempt, answer)
        return court.close()

    return engine.ledger.insist(act)


def _is_unsettled(attempt: Attempt) -> bool:
    return attempt.ended_at is None or (
        attempt.outcome is Outcome.UNCERTAIN and attempt.channel is not ChannelName.EMAIL
    )


class _Court:
    """One transaction's judgements: what the answers mean, written down together."""

    def __init__(self, tx: Transaction, engine: Engine, now: datetime) -> None:
        self._tx, self._engine, self._now = tx, engine, now
        self._findings: dict[int, Finding] = {}
        self._proofs: dict[int, tuple[Attempt, Receipt | None]] = {}

    def judge(self, attempt: Attempt, answer: Answer) -> None:
        if attempt.reference is not None or attempt.ended_at is None:
            self._by_name(attempt, answer.receipt)
        elif answer.listed is not None:
            self._by_list(attempt, answer.listed, surely=answer.surely)

    def _by_name(self, attempt: Attempt, receipt: Receipt | None) -> None:
        outcome = told(attempt, receipt) if receipt else None
        if receipt is not None and outcome is not None:
            self._find(attempt, receipt, outcome)
            return
        in_doubt = attempt.ended_at is not None
        if in_doubt and receipt is not None and attempt.reference is not None:
            # It is on its way: that alone says that it was taken.
            doubts.note_taken(self._tx, attempt.id, attempt.reference, attempt.started_at)
        taken_at = attempt.handed_at
        if taken_at is None and in_doubt:
            return  # the provider says nothing, and it may have nothing to say
        taken_at = taken_at or self._now
        if self._now < taken_at + self._patience(attempt, receipt):
            return  # the loop asks again
        if attempt.channel is ChannelName.SMS:
            self._findings[attempt.id] = Finding(
                attempt.id, Outcome.NO_RECEIPT, taken_at, NO_RECEIPT
            )
        elif not in_doubt:
            self._findings[attempt.id] = Finding(
                attempt.id, Outcome.UNCERTAIN, self._now, NO_RECEIPT
            )

    def _patience(self, attempt: Attempt, receipt: Receipt | None) -> timedelta:
        """How long to go on asking. An SMS that is on its way all day is sent again the next day,
        as the standard has it, and its receipt may still come; silence may end sooner than that.
        """
        longest = ASK_FOR[attempt.channel]
        if attempt.channel is not ChannelName.SMS:
            return longest
        if attempt.ended_at is not None:
            longest = min(longest, DOUBT_FOR)
        elif receipt is None:
            return longest
        campaign = campaigns.get(self._tx, attempt.campaign_id)
        scenario = self._engine.scenario(self._tx, campaign.scenario_id).scenario
        return min(scenario.policy(attempt.channel).retry, longest)

    def _by_list(self, attempt: Attempt, listed: Sequence[Receipt], *, surely: bool) -> None:
        by_name = {one.reference: one for one in listed if one.reference}
        ours = doubts.owned(self._tx, attempt.channel, attempt.provider, list(by_name))
        taken_now = {f.reference for f in self._findings.values()}
        left = [one for name, one in by_name.items() if name not in ours and name not in taken_now]
        if not left:
            self._absent(attempt)
            return
        in_time = [one for one in left if not one.out_of_time]
        if len(in_time) != 1 or not surely or doubts.has_rivals(self._tx, attempt):
            # One that is nobody's is no proof of absence, either, whenever it is said to be sent.
            self._keep(attempt, None, Look.UNCLEAR, None, f"{len(left)} in the list")
            return
        [receipt] = in_time
        outcome = told(attempt, receipt)
        if outcome is not None:
            self._find(attempt, receipt, outcome)
        elif receipt.reference is not None:
            doubts.note_taken(self._tx, attempt.id, receipt.reference, attempt.started_at)
            self._keep(attempt, receipt.reference, Effect.SIGN, None, receipt.detail)

    def _absent(self, attempt: Attempt) -> None:
        """Not there: certain when it was not there before either, some time ago, and nothing that
        the provider ever told says otherwise."""
        if doubts.was_heard_of(self._tx, attempt.id, list(Look)):
            self._keep(attempt, None, Look.UNCLEAR, None, "told of, yet not in the list")
            return
        since = doubts.absent_since(self._tx, attempt.id, Look.ABSENT, Look.UNCLEAR)
        if since is None or self._now < since + BETWEEN_LOOKS:
            self._keep(attempt, None, Look.ABSENT, None, "")
        elif doubts.still_nameless(self._tx, [attempt.id]):
            self._findings[attempt.id] = Finding(
                attempt.id, Outcome.NOT_TAKEN, attempt.started_at, NOT_SENT
            )
            self._proofs[attempt.id] = attempt, None

    def _find(self, attempt: Attempt, receipt: Receipt, outcome: Outcome) -> None:
        self._findings[attempt.id] = Finding(
            attempt.id,
            outcome,
            ended_at(attempt, receipt, self._now),
            receipt.detail,
            reference=receipt.reference,
            seconds=receipt.seconds,
        )
        self._proofs[attempt.id] = attempt, receipt

    def close(self) -> int:
        """Write everything; how many attempts are settled by it."""
        changed = record(self._tx, self._engine, list(self._findings.values()), self._now)
        for attempt, receipt in self._proofs.values():
            finding = self._findings[attempt.id]
            effect = Effect.RECORDED if attempt.id in changed else Effect.STALE
            reference = receipt.reference if receipt else attempt.reference
            self._keep(attempt, reference, effect, finding.outcome, finding.detail)
        return len(changed)

    def _keep(
        self,
        attempt: Attempt,
        reference: str | None,
        effect: str,
        outcome: Outcome | None,
        detail: str,
    ) -> None:
        kept.keep(
            self._tx,
            provider=attempt.provider,
            attempt_id=attempt.id,
            reference=reference or attempt.reference,
            outcome=outcome,
            effect=effect,
            payload={"kind": "asked", "detail": detail},
            now=self._now,
        )


def told(attempt: Attempt, receipt: Receipt) -> Outcome | None:
    """What a provider's answer means; of an answered call it may tell the length alone.

    None: it is still under way.
    """
    if receipt.outcome is not None:
        return receipt.outcome if receipt.final else None
    if receipt.seconds is not None and attempt.expected_seconds is not None:
        return of_answered_call(receipt.seconds, attempt.expected_seconds)
    return None


def _text(tx: Transaction, engine: Engine, attempt: Attempt) -> str:
    """The words of an SMS as they were made for it, to know it again; empty where they cannot be.

    They may have changed since (a joined account was settled): then nothing is found by them, and
    the number alone proves nothing.
    """
    if attempt.channel is not ChannelName.SMS:
        return ""
    delivery = deliveries.load(tx, [attempt.delivery_id])[attempt.delivery_id]
    campaign = campaigns.get(tx, attempt.campaign_id)
    stored = engine.scenario(tx, campaign.scenario_id)
    leads = [delivery.recipient_id]
    joined: list[int] = []
    if stored.scenario.joins is SameContact.MERGE:
        members = groups.members(tx, campaign.id, attempt.channel, leads)
        joined = [member.recipient_id for member in members.get(delivery.recipient_id, ())]
    people = audiences.get_many(tx, [*leads, *joined])
    try:
        message = compose(
            engine,
            stored,
            attempt.channel,
            [people[i] for i in (*leads, *joined)],
            contact_point=attempt.contact_point,
            delivery_id=delivery.id,
            number=attempt.number,
            now=attempt.started_at,
        )
    except (RenderError, ValueError):
        return ""
    return message.text if isinstance(message, SmsMessage) else ""


async def _ask(
    engine: Engine,
    providers: Providers,
    asked: Sequence[Attempt],
    texts: Mapping[int, str],
    now: datetime,
) -> Mapping[int, Answer | None]:
    """Put every question, as many at a time as each provider bears. None: its turn did not come."""
    limits = {name: asyncio.Semaphore(one.concurrency) for name, one in providers.by_name.items()}
    answers: dict[int, Answer | None] = {}

    async def ask(attempt: Attempt) -> None:
        if attempt.provider not in providers:
            return
        async with limits[attempt.provider]:
            try:
                answers[attempt.id] = await _question(
                    _Paced(engine, providers[attempt.provider]),
                    attempt,
                    texts.get(attempt.id, ""),
                    now,
                )
            except _NotNow:
                answers[attempt.id] = None
            except Exception:
                # A bug about one message must not keep all the others in doubt.
                log.exception("channel.broken", provider=attempt.provider, attempt=attempt.id)

    async with contextlib.AsyncExitStack() as stack:
        for one in providers.by_name.values():
            await stack.enter_async_context(one)
        await asyncio.gather(*(ask(attempt) for attempt in asked))
    return answers


class _NotNow(Exception):
    """Our own limit at the provider leaves no room for a question soon."""


@dataclass(frozen=True, slots=True)
class _Paced:
    """A provider whose questions take turns with the messages, which go first where urgent: what
    an account bears, it bears of both together. Raises _NotNow."""

    engine: Engine
    channel: Channel

    async def look_up(self, reference: str) -> Receipt | None:
        await self._turn()
        return await self.channel.look_up(reference)

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        await self._turn()
        return await self.channel.find(sought)

    async def _turn(self) -> None:
        pacer = self.engine.pacer(self.channel.channel, self.channel.provider)
        if await pacer.turn(NO_CAMPAIGN, urgent=False) is not None:
            raise _NotNow


async def _question(channel: _Paced, attempt: Attempt, text: str, now: datetime) -> Answer:
    if attempt.reference is not None:
        return Answer(receipt=await channel.look_up(attempt.reference))
    if attempt.ended_at is None or now < attempt.started_at + FIRST_QUESTION:
        return NOTHING
    sought = Sought(attempt.contact_point, attempt.started_at, text)
    if not text:
        listed = await channel.find(sought)
        return Answer(listed=listed, surely=attempt.channel is ChannelName.PHONE)
    listed = await channel.find(sought)
    if listed is None or any(not one.out_of_time for one in listed):
        return Answer(listed=listed, surely=True)
    # Nothing with these words at that time; but the words may have been others.
    bare = await channel.find(Sought(attempt.contact_point, attempt.started_at))
    return Answer(listed=None if bare is None else [*listed, *bare])
