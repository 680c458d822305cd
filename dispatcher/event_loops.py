"""One event loop for each worker thread, kept as long as the thread lives.

A loop for each batch would open every connection anew. Channels that bear it are entered once for
each loop, so that their connections outlive the batches; the others are entered by each batch, for
a provider's web server closes what stands idle, and a message that met such an end would be in
doubt.
"""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from channels.base import Channel

log = structlog.get_logger()

Result = TypeVar("Result")


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # not on this platform
        return asyncio.new_event_loop
    return uvloop.new_event_loop


@dataclass(frozen=True, slots=True)
class _Kept:
    runner: asyncio.Runner
    stack: AsyncExitStack


class EventLoops:
    """The loops of the threads that use it; each thread closes its own."""

    def __init__(self, outliving: Collection[Channel]) -> None:
        """`outliving`: the channels whose connections may stand idle between batches."""
        self._outliving = tuple(outliving)
        self._mine = threading.local()

    def run(self, errand: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end in this thread's loop, like `asyncio.run`."""
        kept: _Kept | None = getattr(self._mine, "kept", None)
        if kept is None:
            kept = _Kept(asyncio.Runner(loop_factory=_new_loop()), AsyncExitStack())
            kept.runner.run(self._enter(kept.stack))
            self._mine.kept = kept
        # In the caller's context, not in that of the first who came: what is traced belongs to its
        # own batch.
        return kept.runner.run(errand, context=copy_context())

    async def _enter(self, stack: AsyncExitStack) -> None:
        for channel in self._outliving:
            await stack.enter_async_context(channel)

    def close(self) -> None:
        """This thread is about to end: say goodbye and close its loop. Never raises."""
        kept: _Kept | None = getattr(self._mine, "kept", None)
        if kept is None:
            return
        self._mine.kept = None
        try:
            with kept.runner:
                kept.runner.run(kept.stack.aclose())
        except Exception:
            log.exception("event_loop.unclosed")
