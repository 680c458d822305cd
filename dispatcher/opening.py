"""Opening a batch: each claimed delivery is judged once more, and the attempts of those that may go
are written down before anybody is contacted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.cadence import GiveUpReason, next_due
from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.permission import Rulebook
from campaigns.recipient import Recipient
from campaigns.scenario import Policy, Scenario
from channels.base import CallMessage, MailMessage, Message, SmsMessage
from dispatcher.engine import Engine
from dispatcher.judging import NO_WORDS, Bench, Ready, judge, set_up
from dispatcher.ledger import (
    Transaction,
    attempts,
    campaign_limits,
    campaigns,
    deliveries,
    touches,
    webhooks,
)
from dispatcher.ledger.attempts import Opening
from dispatcher.ledger.campaigns import Campaign, Run
from dispatcher.ledger.circuits import Circuit
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.record import hand_on
from templates.sms import measure

# Ended before an attempt, for the sake of the one who was to be told: others who share the message
# are told still.
_LEAVES_HEIRS = (Status.WITHDRAWN, Status.GIVEN_UP, Status.SETTLED)


@dataclass(frozen=True, slots=True)
class Opened:
    """An attempt that stands in the ledger, and the message to hand over for it."""

    attempt_id: int
    number: int
    delivery: Delivery
    contact_point: str
    message: Message
    not_after: datetime  # the first instant at which it must not be sent any more
    lease_until: datetime  # when the loop will take the worker for lost
    settle_after: timedelta
    provider: str
    sends: int  # more than 1: a letter that goes once more
    scenario: Scenario
    accounts: tuple[Recipient, ...]  # of which the message speaks, the delivery's own first
    joined: frozenset[int]  # the recipients behind the others
    probe: Circuit | None = None  # this message tries whether the provider is back

    @property
    def is_resend(self) -> bool:
        return self.sends > 1

    def next_due(
        self, wanted_at: datetime, policy: Policy, rules: Rulebook, campaign: Campaign
    ) -> datetime | None:
        return next_due(
            policy,
            wanted_at,
            self.delivery.zone,
            rules.holidays,
            campaign_start_at=campaign.start_at,
            campaign_end_at=campaign.end_at,
        )


def open_batch(
    tx: Transaction,
    engine: Engine,
    channel: ChannelName,
    delivery_ids: Sequence[int],
    claim: str,
    now: datetime,
    lease_until: datetime,
) -> list[Opened]:
    """Judge a claimed batch and write down the attempts of those that may go."""
    locked = [
        delivery
        for delivery in deliveries.lock(tx, delivery_ids).values()
        if delivery.status is Status.QUEUED and delivery.claim == claim
    ]
    opened: list[Opened] = []
    for campaign_id in sorted({delivery.campaign_id for delivery in locked}):
        batch = [delivery for delivery in locked if delivery.campaign_id == campaign_id]
        bench = set_up(tx, engine, campaigns.get(tx, campaign_id), channel, batch, now)
        changes: list[Change] = []
        ready: list[Ready] = []
        ended: list[Delivery] = []
        for delivery in batch:
            verdict = judge(bench, delivery)
            if isinstance(verdict, Ready):
                ready.append(verdict)
                bench.note(verdict, channel)
                continue
            changes.append(verdict)
            if verdict.after in _LEAVES_HEIRS and verdict.reason != GiveUpReason.BAD_ADDRESS:
                ended.append(delivery)
        if bench.allowance is not None:
            campaign_limits.write_down(tx, bench.allowance)
        deliveries.change(tx, changes)
        for delivery in ended:
            hand_on(tx, delivery, now)
        webhooks.messages_ended(tx, [change.delivery_id for change in changes], now)
        wordless = sum(change.reason.startswith(f"{NO_WORDS}:") for change in changes)
        run = Run(campaign_id, bench.campaign.judged_from)
        engine.watch.note_words(run, len(ready), wordless, engine.settings.pause_last_attempts)
        opened += _write_open(tx, bench, channel, ready, lease_until)
    return opened


def _write_open(
    tx: Transaction,
    bench: Bench,
    channel: ChannelName,
    ready: Sequence[Ready],
    lease_until: datetime,
) -> list[Opened]:
    """From here on a crash leaves an open attempt behind, which is what it must leave."""
    fresh = [one for one in ready if one.earlier is None]
    ids = attempts.open_many(
        tx,
        [
            Opening(
                one.delivery.id,
                one.number,
                bench.campaign.id,
                channel,
                one.contact_point,
                one.provider,
                one.delivery.zone,
                one.message.expected_seconds if isinstance(one.message, CallMessage) else None,
                one.desk,
                one.offers_operator,
                # A letter has its name from us; other messages get theirs when they are taken.
                one.message.message_id if isinstance(one.message, MailMessage) else None,
                _parts(one.message),
            )
            for one in fresh
        ],
        bench.now,
    )
    touches.note(
        tx,
        [
            (ids[one.delivery.id], party, channel, bench.now)
            for one in fresh
            for party in dict.fromkeys(one.parties)
        ],
    )
    again = [one.earlier.id for one in ready if one.earlier is not None]
    if again:
        attempts.reopen(tx, again)
    deliveries.change(
        tx,
        [
            Change(
                one.delivery.id,
                Status.QUEUED,
                Status.SENDING,
                due_at=lease_until,
                attempts=one.number,
                postponed=one.delivery.postponed,
            )
            for one in ready
        ],
    )
    return [
        Opened(
            attempt_id=one.earlier.id if one.earlier else ids[one.delivery.id],
            number=one.number,
            delivery=one.delivery,
            contact_point=one.contact_point,
            message=one.message,
            not_after=one.not_after,
            lease_until=lease_until,
            settle_after=bench.policy.settle_after,
            provider=one.provider,
            sends=one.earlier.sends + 1 if one.earlier else 1,
            scenario=bench.stored.scenario,
            accounts=one.accounts,
            joined=one.joined,
            probe=one.probe,
        )
        for one in ready
    ]


def _parts(message: Message) -> int | None:
    """How many an SMS is sent in; later nobody could tell: its words are not kept."""
    return len(measure(message.text).parts) if isinstance(message, SmsMessage) else None
