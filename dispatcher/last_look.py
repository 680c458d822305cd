"""The last look: what was decided while a message that stands open waited for its turn.

A message is judged when its attempt is written down. From then on it may wait, for its turn at the
provider or behind slow answers, for half a minute and more. Meanwhile the customer says stop, pays,
or is reached on another channel; staff pause or cancel. Who waited is therefore looked at once more
when its turn has come, and held back if anything forbids it: the next judging says what becomes of
it. Only what can change within a minute is looked at, in one short read that locks nothing.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.permission import (
    Facts,
    Rulebook,
    account_party,
    may_be_told,
    may_be_used,
    point_party,
)
from channels.base import Handover, postponed
from dispatcher.engine import Engine
from dispatcher.ledger import LedgerFault, Transaction, campaigns, deliveries, groups, suppressions
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.deliveries import Progress
from dispatcher.opening import Opened
from dispatcher.own_reasons import OwnReason

log = structlog.get_logger()

# A judgement, or a look, is as good as new for so long. One look serves all that wait, so that a
# provider of a hundred messages a second costs the ledger one question a second.
GOOD_FOR = timedelta(seconds=1)
# The next look begins by then, while messages still go by the last one: at its end the first would
# be late by a question, and so leave closer to those behind it than the provider's pace allows.
RENEWED_AFTER = timedelta(seconds=0.5)
# What is held back is judged anew at once: it ends then, or waits for what it has to wait for.
DECIDED = postponed(OwnReason.DECIDED, retry_after_seconds=0)
# Nobody can say whether it may go: then it does not.
UNKNOWN = postponed(OwnReason.LEDGER_AWAY, retry_after_seconds=5)


class LastLook:
    """Over the messages of one slice that was judged just now. Belongs to one event loop.

    `judged_at` is `time.monotonic()` before the judging began: what was decided since may be
    unknown to it.
    """

    def __init__(self, engine: Engine, slice_: Sequence[Opened], judged_at: float) -> None:
        self._engine = engine
        self._waiting = {opened.attempt_id: opened for opened in slice_}
        self._looked_at = judged_at
        # The clock too: of a machine that slept the other one knows nothing.
        self._looked_on_clock_at = engine.clock.now()
        self._held_back: Mapping[int, Handover] = {}
        self._one_at_a_time = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def holds_back(self, opened: Opened) -> Handover | None:
        """Why this message must not go now; None when it may. Never raises."""
        age = self._age()
        if age >= GOOD_FOR:
            await self._look_unless(GOOD_FOR)
        elif age >= RENEWED_AFTER and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._look_unless(RENEWED_AFTER))
        return self._held_back.get(opened.attempt_id)

    def forget(self, opened: Opened) -> None:
        """It goes now: nobody will ask about it again."""
        self._waiting.pop(opened.attempt_id, None)

    def lets_go(self, opened: Opened) -> bool:
        """Whether it may go by a look that is good still."""
        return self._age() < GOOD_FOR and opened.attempt_id not in self._held_back

    def _age(self) -> timedelta:
        return max(
            timedelta(seconds=time.monotonic() - self._looked_at),
            self._engine.clock.now() - self._looked_on_clock_at,
        )

    async def _look_unless(self, younger_than: timedelta) -> None:
        """Look, unless somebody else just did."""
        async with self._one_at_a_time:
            if self._age() >= younger_than:
                await self._look()

    async def _look(self) -> None:
        begun_at, begun_on_clock_at = time.monotonic(), self._engine.clock.now()
        waiting = list(self._waiting.values())
        try:
            stopped = await asyncio.to_thread(stopped_meanwhile, self._engine, waiting)
            held_back = dict.fromkeys(stopped, DECIDED)
        except Exception as error:
            # Neither trouble nor a bug may send what may be forbidden, or take the slice along.
            if isinstance(error, LedgerFault):
                log.warning("ledger.away", messages=len(waiting))
            else:
                log.exception("last_look.broken", messages=len(waiting))
            held_back = {opened.attempt_id: UNKNOWN for opened in waiting}
            # To find out may have taken half a minute: the others need not wait for that as well.
            begun_at, begun_on_clock_at = time.monotonic(), self._engine.clock.now()
        # Only now: who asks meanwhile must not go by the look before.
        self._held_back = held_back
        self._looked_at, self._looked_on_clock_at = begun_at, begun_on_clock_at


def stopped_meanwhile(engine: Engine, waiting: Collection[Opened]) -> frozenset[int]:
    """The attempts, of those that stand open, which the ledger at this instant forbids.

    Those that are sent meanwhile are among the answer or not; nobody asks about them.
    """
    with engine.ledger.read() as tx:
        now = engine.clock.now()
        rows = deliveries.progress(tx, [opened.delivery.id for opened in waiting])
        running = campaigns.of_status(
            tx, {opened.delivery.campaign_id for opened in waiting}, CampaignStatus.RUNNING
        )
        parties = {party for opened in waiting for party in _parties(opened)}
        facts, rules = Facts(suppressions.of_parties(tx, parties, now)), engine.rules(tx)
        joined = _joined(tx, waiting)
    return frozenset(
        opened.attempt_id
        for opened in waiting
        if opened.delivery.campaign_id not in running
        or not _is_wanted(opened, rows.get(opened.delivery.id))
        or not opened.joined <= joined.get(opened.delivery.id, frozenset())
        or not _is_allowed(opened, facts, rules, now)
    )


def _parties(opened: Opened) -> list[str]:
    accounts = (account_party(account.account_number) for account in opened.accounts)
    return [*accounts, point_party(opened.contact_point)]


def _is_wanted(opened: Opened, row: Progress | None) -> bool:
    """Whether nothing has ended the delivery: it was settled, the customer reached otherwise, the
    campaign cancelled, the attempt given up for lost."""
    return (
        row is not None
        and row.status is Status.SENDING
        and row.attempts == opened.number
        and row.end_as is None
    )


def _is_allowed(opened: Opened, facts: Facts, rules: Rulebook, now: datetime) -> bool:
    """Whether neither the number nor any account of which the message speaks was stopped."""
    channel, scenario = opened.delivery.channel, opened.scenario
    return may_be_used(scenario, channel, opened.contact_point, facts, now) and all(
        may_be_told(scenario, channel, account, facts, rules, now) is None
        for account in opened.accounts
    )


def _joined(tx: Transaction, waiting: Collection[Opened]) -> Mapping[int, frozenset[int]]:
    """The recipients of whom each message may still speak beside its own, by delivery: who has paid
    is not reminded in another one's message either."""
    shared: defaultdict[tuple[int, ChannelName], dict[int, int]] = defaultdict(dict)
    for opened in waiting:
        if opened.joined:
            delivery = opened.delivery
            shared[delivery.campaign_id, delivery.channel][delivery.recipient_id] = delivery.id
    return {
        ids[lead]: frozenset(member.recipient_id for member in members)
        for (campaign_id, channel), ids in shared.items()
        for lead, members in groups.members(tx, campaign_id, channel, list(ids)).items()
    }
