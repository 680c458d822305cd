"""The worker: a claimed batch of deliveries becomes attempts, messages, and recorded outcomes.

Three steps, with no transaction open while a provider is called:

1. judge each delivery of a slice and write its attempt down (one transaction);
2. hand the messages to the channel, as many at a time as it bears, each at most once; who had to
   wait for that is looked at once more first, and held back if it must not go any more;
3. write down what came of each.

Whoever dies between 1 and 3 leaves attempts that are open; the loop finds them and calls them
uncertain. Nobody is contacted twice by it. Who is told to stop gives back what was not begun.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

import structlog

from campaigns.channel import ChannelName
from dispatcher import metrics
from dispatcher.answers import Answered, keep
from dispatcher.engine import Engine
from dispatcher.handing_over import Slice, Way
from dispatcher.last_look import LastLook
from dispatcher.ledger import Transaction, claims
from dispatcher.opening import Opened, open_batch
from dispatcher.stopping import pause_wordless

log = structlog.get_logger()

# Outcomes are written down in pieces, so that one slow answer does not hold back the others.
FLUSH_AFTER_SECONDS = 0.5
# How many rounds of the channel's concurrency are opened at a time: few where a crash leaves doubt
# that staff must settle; more where a letter may simply go again, as long as they go in a second.
SLICE_ROUNDS = {ChannelName.PHONE: 2, ChannelName.SMS: 2, ChannelName.EMAIL: 2}
MOST_ROUNDS = {ChannelName.PHONE: 2, ChannelName.SMS: 2, ChannelName.EMAIL: 50}

# Runs a coroutine to its end, as `asyncio.run` does.
Run = Callable[[Coroutine[Any, Any, int]], int]


def send_batch(
    engine: Engine,
    channel: ChannelName,
    delivery_ids: Sequence[int],
    claim: str,
    run: Run = asyncio.run,
) -> int:
    """Carry out a claimed batch; how many messages were handed over.

    Rows that are no longer queued under this claim (a message that came twice, a lapsed lease) are
    left alone. What is left when this process is told to stop is due again at once.
    """
    with metrics.batch(channel, len(delivery_ids)):
        return run(_send(engine, channel, delivery_ids, claim))


async def _send(
    engine: Engine, channel: ChannelName, delivery_ids: Sequence[int], claim: str
) -> int:
    """Slice by slice: what is opened at a time is what a crash leaves in doubt. Outcomes of one
    slice are written while the next is under way.
    """
    answers: asyncio.Queue[Answered | None] = asyncio.Queue()
    providers = engine.channels[channel]
    at_once = sum(one.concurrency for one in providers.by_name.values())
    least, most = SLICE_ROUNDS[channel] * at_once, MOST_ROUNDS[channel] * at_once
    count = start = 0
    async with contextlib.AsyncExitStack() as stack:
        channels = {
            name: await stack.enter_async_context(one) for name, one in providers.by_name.items()
        }
        writer = asyncio.create_task(_write(engine, answers, most))
        try:
            while start < len(delivery_ids):
                if engine.stopping.is_set():
                    left = delivery_ids[start:]
                    await asyncio.to_thread(_give_back, engine, left, claim)
                    break
                size = engine.watch.slice_size(channel, least, most)
                ids = delivery_ids[start : start + size]
                start += size
                ways = {
                    name: Way.over(one, engine.watch.trips((channel, name)))
                    for name, one in channels.items()
                }
                judged_at = time.monotonic()
                opened = await asyncio.to_thread(_open, engine, channel, ids, claim)
                look = LastLook(engine, opened, judged_at)
                began = time.monotonic()
                await Slice(engine, ways, look, answers.put_nowait).hand_over(opened)
                engine.watch.note_slice(channel, len(opened), time.monotonic() - began)
                count += len(opened)
        finally:
            answers.put_nowait(None)
            await writer
    return count


def _open(
    engine: Engine, channel: ChannelName, delivery_ids: Sequence[int], claim: str
) -> list[Opened]:
    lease = timedelta(seconds=engine.settings.lease_seconds)

    def act(tx: Transaction) -> list[Opened]:
        # The time is asked for here: the database may have let us wait past the window's end.
        now = engine.clock.now()
        return open_batch(tx, engine, channel, delivery_ids, claim, now, now + lease)

    opened = engine.ledger.insist(act)
    pause_wordless(engine, engine.clock.now())
    return opened


def _give_back(engine: Engine, delivery_ids: Sequence[int], claim: str) -> None:
    now = engine.clock.now()
    given = engine.ledger.insist(lambda tx: claims.give_back(tx, delivery_ids, claim, now))
    log.info("batch.given_back", deliveries=given)


async def _write(engine: Engine, answers: "asyncio.Queue[Answered | None]", size: int) -> None:
    """Write outcomes down as they come, until the None that ends them."""
    finished = False
    while not finished:
        pieces = [await answers.get()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_AFTER_SECONDS):
                while pieces[-1] is not None and len(pieces) < size:
                    pieces.append(await answers.get())
        finished = pieces[-1] is None
        known = [piece for piece in pieces if piece is not None]
        if known:
            await asyncio.to_thread(keep, engine, known)
