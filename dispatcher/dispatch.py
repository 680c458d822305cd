"""The loop: it claims what is due, finds what is stuck, and closes what is finished.

Any number of loops may run; each claims different rows. A tick does a bounded piece of work and
can be interrupted anywhere: everything it does is a conditional update of the ledger.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, attempts, campaigns, claims, deliveries
from dispatcher.ledger.deliveries import Change
from dispatcher.queue import Queue, QueueAway
from dispatcher.record import Finding, record

log = structlog.get_logger()

# How long after asking a provider about a message the question is put again.
ASK_AGAIN = timedelta(minutes=10)
# How long after the closing of a campaign the loop looks for what still waits in it.
LEFT_OVER = timedelta(days=1)
WORKER_LOST = "worker lost"


@dataclass(frozen=True, slots=True)
class Tick:
    """What one turn of the loop found to do."""

    claimed: int = 0
    released: int = 0
    uncertain: int = 0
    settled: int = 0
    expired: int = 0
    closed: int = 0

    @property
    def is_idle(self) -> bool:
        return not any((self.claimed, self.released, self.uncertain, self.settled, self.closed))


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
        settled = self._settle(now)
        claimed = self._claim(now)
        closed = insist(lambda tx: campaigns.close_finished(tx, now))
        for campaign_id in closed:
            log.info("campaign.completed", campaign=campaign_id)
        return Tick(claimed, released, uncertain, settled, expired, len(closed))

    def _turn_campaigns(self, tx: Transaction, now: datetime) -> tuple[int, int]:
        """Start and end campaigns by the clock; how much expired, how many claims lapsed."""
        campaigns.start_due(tx, now)
        over = campaigns.past_end(tx, now)
        expired = deliveries.expire(tx, over) if over else 0
        expired += deliveries.end_left_over(tx, now - LEFT_OVER)
        return expired, claims.release_lapsed(tx, now)

    def next_wake(self) -> datetime | None:
        """The earliest instant at which there may be something to do."""
        with self._engine.ledger.read() as tx:
            turns = (
                claims.next_due(tx),
                campaigns.next_turn(tx, self._engine.clock.now()),
            )
        return min((turn for turn in turns if turn is not None), default=None)

    def _claim(self, now: datetime) -> int:
        """Claim due deliveries and enqueue them by channel, never more than may be in flight.

        Urgent ones have room of their own: an emergency does not wait behind a bulk campaign.
        """
        settings = self._engine.settings
        claim = self._name_claim()

        def act(tx: Transaction) -> list[tuple[int, int, ChannelName, bool]]:
            lease_until = now + timedelta(seconds=settings.lease_seconds)
            channels = tuple(self._engine.channels)
            found: list[tuple[int, int, ChannelName, bool]] = []
            for urgent in (True, False):
                room = settings.max_in_flight - claims.in_flight(tx, urgent=urgent)
                if room > 0:
                    found += claims.claim_due(
                        tx, now, lease_until, claim, room, channels, urgent=urgent
                    )
            return found

        claimed = self._engine.ledger.insist(act)
        batches: defaultdict[tuple[bool, ChannelName, int], list[int]] = defaultdict(list)
        for delivery_id, campaign_id, channel, urgent in claimed:
            batches[not urgent, channel, campaign_id].append(delivery_id)
        for (not_urgent, channel, _), ids in sorted(batches.items()):
            for start in range(0, len(ids), settings.batch_size):
                piece = ids[start : start + settings.batch_size]
                try:
                    self._queue.send(channel, piece, claim, urgent=not not_urgent)
                except QueueAway:
                    self._give_back(piece, claim, now)
                    log.warning("queue.away", deliveries=len(piece))
        return len(claimed)

    def _give_back(self, delivery_ids: list[int], claim: str, now: datetime) -> None:
        """The queue did not take them: they are due again a moment later."""

        def act(tx: Transaction) -> None:
            ours = [
                d
                for d in deliveries.lock(tx, delivery_ids).values()
                if d.status is Status.QUEUED and d.claim == claim
            ]
            due_at = now + timedelta(seconds=10)
            deliveries.change(
                tx,
                [
                    Change(d.id, Status.QUEUED, Status.PENDING, due_at=due_at, end_as=d.end_as)
                    for d in ours
                ],
            )

        self._engine.ledger.insist(act)

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
            for d in deliveries.lock(tx, delivery_ids).values()
            if d.status is Status.SENDING
            and (lapsed_at is None or (d.due_at is not None and d.due_at <= lapsed_at))
        }
        latest = attempts.latest(tx, stuck)
        findings = [
            Finding(latest[i].id, Outcome.UNCERTAIN, now, WORKER_LOST)
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
                for d in deliveries.lock(tx, claims.lapsed(tx, Status.AWAITING, now)).values()
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
        for channel, ids in sorted(ask.items()):
            try:
                self._queue.settle(channel, ids)
            except QueueAway:
                log.warning("queue.away", deliveries=len(ids))
        return looked_at
