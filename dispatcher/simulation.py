"""Weeks in seconds: the very same loop, workers and channels under a clock that jumps.

Nothing is sped up by leaving something out. The clock stands still while anybody works, and then
jumps to the next instant at which something is due: a delivery, a receipt, the end of a campaign.
The loop looks once a simulated minute at most, as a real one looks once a second.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from dramatiq.errors import QueueJoinTimeout

from channels.sandbox import Sandbox
from dispatcher.clock import SimulatedClock
from dispatcher.wiring import Crew, Works

LOOK_EVERY = timedelta(minutes=1)
TELL_EVERY_MILLISECONDS = 500


def simulate(
    works: Works,
    crew: Crew,
    sandbox: Sandbox,
    clock: SimulatedClock,
    until: datetime,
    told: Callable[[datetime], None] = lambda _now: None,
) -> None:
    """Run until nothing is left to do, or the clock would pass `until`.

    `told` hears the simulated time, often: whoever shows it chooses how often to look.
    """

    def drain() -> None:
        """Wait until every enqueued batch has been carried out."""
        for name in works.queue.broker.get_declared_queues():
            while True:
                try:
                    works.queue.broker.join(name, timeout=TELL_EVERY_MILLISECONDS)
                except QueueJoinTimeout:
                    told(clock.now())
                else:
                    break
        crew.join()

    while True:
        # Until it finds nothing, as a real loop does: what a worker settles at this instant may be
        # due at this instant, and whether the tick still saw it depends on who was quicker.
        while not works.loop.tick().is_idle:
            drain()
        drain()
        look_at = clock.now() + LOOK_EVERY
        while (event_at := sandbox.next_event_at()) is not None and event_at <= look_at:
            clock.move_to(event_at)
            sandbox.run_due()
            told(event_at)
        turns = [at for at in (works.loop.next_wake(), sandbox.next_event_at()) if at is not None]
        if not turns:
            # The last receipt may have left a campaign with nothing to do but to be closed.
            if works.loop.tick().is_idle:
                break
            continue
        next_at = max(look_at, min(turns))
        if next_at > until:
            break
        clock.move_to(next_at)
        told(next_at)
    sandbox.flush()
