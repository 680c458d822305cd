"""A child process that opens an attempt and dies at a chosen line, leaving the ledger as it is.

Only the death itself is put in from outside.
"""

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

# Heavy, and else imported late: read once for all children.
import channels.email.smtp
import channels.phone.twilio
import channels.sms.smsaero  # noqa: F401
from dispatcher import handing_over, opening, worker
from dispatcher.clock import SimulatedClock
from dispatcher.ledger import attempts, deliveries
from dispatcher.settings import Settings
from dispatcher.wiring import make_engine, make_works

POINTS = (
    "before the attempt is committed",
    "after the attempt is committed",
    "just before it is handed over",
    "just after it is handed over",
    "before the answer is written",
    "in the middle of writing the answer",
    "after the answer is written",
)
DIED = 77


def die(*_: object, **__: object) -> Any:
    os._exit(DIED)


def after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Do it, then die, if there was anything to do."""

    def wrapped(first: Any, rows: Any, *args: Any) -> Any:
        act(first, rows, *args)
        return die() if rows else None

    return wrapped


def prepare(point: str, engine_channels: list[Any]) -> None:
    """Let this process die when it comes to the point."""
    match POINTS.index(point):
        case 0:
            opening.deliveries.change = _when_sending(deliveries.change)  # type: ignore[attr-defined]
        case 1:
            handing_over.Slice.hand_over = die  # type: ignore[method-assign]
        case 2:
            handing_over.deliver = die
        case 3:
            for channel in engine_channels:
                type(channel).deliver = _async_after(type(channel).deliver)
        case 4:
            worker.keep = die  # type: ignore[attr-defined]
        case 5:
            # An answer is written in several statements: after the first of them.
            attempts.mark_handed = after(attempts.mark_handed)
            attempts.end = after(attempts.end)
        case 6:
            worker.keep = after(worker.keep)  # type: ignore[attr-defined]


def _when_sending(change: Callable[..., None]) -> Callable[..., None]:
    def wrapped(tx: Any, changes: Any) -> None:
        change(tx, changes)
        if any(one.after == "sending" for one in changes):
            die()

    return wrapped


def _async_after(deliver: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapped(*args: Any) -> Any:
        await deliver(*args)
        die()

    return wrapped


def live_until(point: str, settings: Settings, now: datetime, receipts_url: str) -> None:
    """One turn of the loop and the work it asks for, up to the point."""
    engine = make_engine(settings, clock=SimulatedClock(now), receipts_url=receipts_url)
    prepare(point, [one for ways in engine.channels.values() for one in ways.by_name.values()])
    works = make_works(engine)
    batches: list[tuple[Any, list[int], str]] = []
    works.loop._queue = _Direct(batches)  # type: ignore[assignment]
    works.loop.tick()
    for channel, ids, claim in batches:
        worker.send_batch(engine, channel, ids, claim)


class _Direct:
    """A queue that keeps the batches for the one who asked."""

    def __init__(self, batches: list[tuple[Any, list[int], str]]) -> None:
        self.batches = batches

    def send(self, channel: Any, ids: Any, claim: str, *, urgent: bool) -> None:
        self.batches.append((channel, list(ids), claim))

    def settle(self, channel: Any, ids: Any) -> None:
        raise AssertionError("nothing is to be settled yet")
