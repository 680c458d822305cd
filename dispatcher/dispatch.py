"""The loop: it claims what is due, finds what is stuck, and closes what is finished.

Any number of loops may run; each claims different rows. A tick does a bounded piece of work and
can be interrupted anywhere: everything it does is a conditional update of the ledger.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Transaction,
    attempts,
    campaigns,
    claims,
    deliveries,
    doubts,
    replies,
    tallies,
    webhooks,
)
from dispatcher.ledger.claims import Claimed
from dispatcher.ledger.deliveries import Change
from dispatcher.lines import batch_size, desk_rooms, rooms
from dispatcher.queue import Queue, QueueAway
from dispatcher.record import Finding, record
from dispatcher.settling import next_question
from dispatcher.stopping import pause_failing

log = structlog.get_logger()

# How long after asking a provider about a message the question is put again.
ASK_AGAIN = timedelta(minutes=10)
# How long after the closing of a campaign the loop looks for what still waits in it.
LEFT_OVER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tick:
    """What one turn of the loop found to do."""

    claimed: int = 0
    released: int = 0
    uncertain: int = 0
    settled: int = 0
    expired: int = 0
    closed: int = 0
    answered: int = 0
    is_full: bool = False  # as much is in flight as may be: there may be more to claim in a moment

    @property
    def is_idle(self) -> bool:
        worked = (self.claimed, self.released, self.uncertain, self.settled, self.closed)
        return not any(worked) and not self.answered


class Loop:
    """One loop over one ledger. `name_claim` makes the name of a claim; it must never repeat."""

    def __init__(
        self, engine: Engine, queue: Queue, name_claim: Callable[[], str] | None = None
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._name_claim = name_claim or (lambda: uuid.uuid4().hex)

    def recover(self) -> int:
        """At the start of the only process: whatever was in flight died with the last one.

        Claims are due again; open attempts of which nothing more will be heard from a worker are
        uncertain at once. How many attempts that were.
        """
        now = self._engine.clock.now()
        self._engine.ledger.insist(lambda tx: claims.release_all(tx, now))
        self._engine.ledger.insist(replies.doubt_all)
        found = 0
        while changed := self._engine.ledger.insist(
            lambda tx: self._call_uncertain(tx, claims.lapsed(tx, Status.SENDING, None), now)
        ):
            found += changed
        return found

    def tick(self) -> Tick:
        """One turn: start and end campaigns, rescue the stuck, claim and enqueue what is due."""
        now = self._engine.clock.now()
        insist = self._engine.ledger.insist
        expired, released = insist(lambda tx: self._turn_campaigns(tx, now))
        uncertain = insist(
            lambda tx: self._call_uncertain(tx, claims.lapsed(tx, Status.SENDING, now), now, now)
        )
        settled = self._settle(now) + self._settle_doubts(now)
        answered = self._answer(now)
        pause_failing(self._engine, now)
        claimed, is_full = self._claim(now)
        closed = insist(lambda tx: campaigns.close_finished(tx, now))
        tallies.fold_changes(self._engine.ledger)
        for campaign_id in closed:
            log.info("campaign.completed", campaign=campaign_id)
        return Tick(claimed, released, uncertain, settled, expired, len(closed), answered, is_full)

    def _turn_campaigns(self, tx: Transaction, now: datetime) -> tuple[int, int]:
        """Start and end campaigns by the clock; how much expired, how many claims lapsed."""
        campaigns.start_due(tx, now)
        over = campaigns.past_end(tx, now)
        waiting = webhooks.open_messages(tx, over, (Status.PENDING, Status.QUEUED))
        expired = deliveries.expire(tx, over) if over else 0
        left_over = deliveries.end_left_over(tx, now - LEFT_OVER)
        webhooks.messages_ended(tx, [*waiting, *left_over], now)
        return expired + len(left_over), claims.release_lapsed(tx, now)

    def next_wake(self) -> datetime | None:
        """The earliest instant at which there may be something to do."""
        with self._engine.ledger.read() as tx:
            turns = (
                claims.next_due(tx),
                replies.next_due(tx),
                campaigns.next_turn(tx, self._engine.clock.now()),
            )
        return min((turn for turn in turns if turn is not None), default=None)

    def idle_seconds(self, longest_seconds: float) -> float:
        """How long a loop with nothing to do may sleep: a window that opens at nine is not noticed
        at nine and a second. What is due already and does not go waits for something else."""
        wake_at = self.next_wake()
        if wake_at is None:
            return longest_seconds
        seconds = (wake_at - self._engine.clock.now()).total_seconds()
        return min(seconds, longest_seconds) if seconds > 0 else longest_seconds

    def _claim(self, now: datetime) -> tuple[int, bool]:
        """Claim due deliveries and enqueue them by channel, never more than may be in flight.

        Urgent ones have room of their own: an emergency does not wait behind a bulk campaign. Where
        a provider or the lines bear little, little is claimed; of a desk that is full, nothing. How
        many were claimed, and whether no more may be in flight.
        """
        settings = self._engine.settings
        claim = self._name_claim()

        def act(tx: Transaction) -> tuple[list[Claimed], bool]:
            is_full = False
            lease_until = now + timedelta(seconds=settings.lease_seconds)
            channels = tuple(self._engine.channels)
            found: list[Claimed] = []
            desks = desk_rooms(tx, self._engine, now)
            for urgent in (True, False):
                held = claims.in_flight_by_channel(tx, urgent=urgent)
                room = settings.max_in_flight - sum(held.values())
                is_full = is_full or room <= 0
                if room > 0:
                    found += claims.claim_due(
                        tx,
                        now,
                        lease_until,
                        claim,
                        room,
                        channels,
                        urgent=urgent,
                        rooms=rooms(tx, self._engine, held),
                        desks=desks,
                    )
            return found, is_full

        claimed, is_full = self._engine.ledger.insist(act)
        for channel, urgent, piece in in_turn(claimed, self._batch_size):
            try:
                self._queue.send(channel, piece, claim, urgent=urgent)
            except QueueAway:
                self._give_back(piece, claim, now)
                log.warning("queue.away", deliveries=len(piece))
        return len(claimed), is_full

    def _batch_size(self, channel: ChannelName) -> int:
        return batch_size(self._engine, channel)

    def _give_back(self, delivery_ids: list[int], claim: str, now: datetime) -> None:
        """The queue did not take them: they are due again a moment later."""

        due_at = now + timedelta(seconds=10)
        self._engine.ledger.insist(lambda tx: claims.give_back(tx, delivery_ids, claim, due_at))

    def _call_uncertain(
        self,
        tx: Transaction,
        delivery_ids: Sequence[int],
        now: datetime,
        lapsed_at: datetime | None = None,
    ) -> int:
        """Attempts whose worker was never heard of again: they may have been made, or not.

        Looked at once more under the lock, because the worker may have answered just now.
        """
        stuck = {
            d.id
            for d in deliveries.lock(tx, delivery_ids, with_siblings=True).values()
            if d.status is Status.SENDING
            and (lapsed_at is None or (d.due_at is not None and d.due_at <= lapsed_at))
        }
        latest = attempts.latest(tx, stuck)
        findings = [
            Finding(latest[i].id, Outcome.UNCERTAIN, now, attempts.WORKER_LOST)
            for i in sorted(stuck)
            if i in latest and latest[i].ended_at is None
        ]
        return len(record(tx, self._engine, findings, now))

    def _settle(self, now: datetime) -> int:
        """The time for receipts is over: a letter without a bounce arrived, others are asked."""

        def act(tx: Transaction) -> tuple[int, Mapping[ChannelName, list[int]]]:
            ask: defaultdict[ChannelName, list[int]] = defaultdict(list)
            locked = {
                d.id: d
                for d in deliveries.lock(
                    tx, claims.lapsed(tx, Status.AWAITING, now), with_siblings=True
                ).values()
                if d.status is Status.AWAITING and d.due_at is not None and d.due_at <= now
            }
            latest = attempts.latest(tx, list(locked))
            findings = []
            for delivery in locked.values():
                attempt = latest.get(delivery.id)
                if delivery.channel is ChannelName.EMAIL and attempt is not None:
                    ended_at = attempt.handed_at or now
                    findings.append(Finding(attempt.id, Outcome.ACCEPTED, ended_at))
                else:
                    ask[delivery.channel].append(delivery.id)
            record(tx, self._engine, findings, now)
            deliveries.change(
                tx,
                [
                    Change(
                        d.id,
                        Status.AWAITING,
                        Status.AWAITING,
                        due_at=now + ASK_AGAIN,
                        end_as=d.end_as,
                    )
                    for d in locked.values()
                    if d.channel is not ChannelName.EMAIL
                ],
            )
            return len(locked), ask

        looked_at, ask = self._engine.ledger.insist(act)
        self._ask(ask)
        return looked_at

    def _settle_doubts(self, now: datetime) -> int:
        """Calls and SMS of which nobody knows whether they went: the providers are asked, at
        growing intervals for a day, and then staff decide. The next question is written down first:
        whoever dies over this one leaves the next.
        """

        def act(tx: Transaction) -> tuple[int, Mapping[ChannelName, list[int]]]:
            due = {
                d.id: d
                for d in deliveries.lock(tx, claims.lapsed(tx, Status.UNCERTAIN, now)).values()
                if d.status is Status.UNCERTAIN and d.due_at is not None and d.due_at <= now
            }
            latest = attempts.latest(tx, list(due))
            doubts.ask_next(
                tx,
                {i: next_question(latest[i].started_at, now) if i in latest else None for i in due},
            )
            ask: defaultdict[ChannelName, list[int]] = defaultdict(list)
            for delivery in due.values():
                ask[delivery.channel].append(delivery.id)
            return len(due), ask

        looked_at, ask = self._engine.ledger.insist(act)
        self._ask(ask)
        return looked_at

    def _ask(self, ask: Mapping[ChannelName, list[int]]) -> None:
        for channel, ids in sorted(ask.items()):
            size = self._batch_size(channel)
            for start in range(0, len(ids), size):
                piece = ids[start : start + size]
                try:
                    self._queue.settle(channel, piece)
                except QueueAway:
                    log.warning("queue.away", deliveries=len(piece))

    def _answer(self, now: datetime) -> int:
        """Answers to customers that wait: a worker is told to send them."""
        lapsed, due = self._engine.ledger.insist(lambda tx: replies.turn(tx, now))
        if lapsed:
            log.warning("replies.uncertain", replies=lapsed)
        if due:
            try:
                self._queue.answer(due)
            except QueueAway:
                log.warning("queue.away", replies=len(due))
        return len(due)


def in_turn(
    claimed: Sequence[Claimed], size_of: Callable[[ChannelName], int]
) -> Iterator[tuple[ChannelName, bool, list[int]]]:
    """Claimed deliveries in batches (channel, urgent, ids): urgent ones first, then one batch of
    each campaign in turn, so that none stands behind all batches of another."""
    by_campaign: defaultdict[tuple[bool, ChannelName, int], list[int]] = defaultdict(list)
    for delivery_id, campaign_id, channel, urgent in claimed:
        by_campaign[not urgent, channel, campaign_id].append(delivery_id)
    pieces = [
        (not_urgent, start // size, channel, campaign_id, ids[start : start + size])
        for (not_urgent, channel, campaign_id), ids in by_campaign.items()
        for size in (size_of(channel),)
        for start in range(0, len(ids), size)
    ]
    for not_urgent, _round, channel, _campaign, ids in sorted(pieces):
        yield channel, not not_urgent, ids
