"""One event loop for each worker thread, kept as long as the thread lives.

A loop for each batch would open every connection anew. Channels that bear it are entered once for
each loop, so that their connections outlive the batches; the others are entered by each batch, for
a provider's web server closes what stands idle, and a message that met such an end would be in
doubt.
"""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Future
from contextlib import AsyncExitStack
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


class _Kept:
    """A loop that turns in a thread of its own, also while its owner has nothing to do: only so are
    connections that nobody needs said goodbye to.

    Raises what entering a channel raises; nothing is left of it then.
    """

    def __init__(self, outliving: Collection[Channel]) -> None:
        self._begun: Future[asyncio.AbstractEventLoop] = Future()
        self._over = asyncio.Event()
        owner = threading.current_thread().name
        # Whoever must end at once does not wait for it.
        self._thread = threading.Thread(
            target=self._live, args=(outliving,), name=f"{owner}-loop", daemon=True
        )
        self._thread.start()
        self.loop = self._begun.result()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _live(self, outliving: Collection[Channel]) -> None:
        try:
            with asyncio.Runner(loop_factory=_new_loop()) as runner:
                runner.run(self._stay(outliving))
        except BaseException as error:
            if self._begun.done():
                log.exception("event_loop.unclosed")
            else:
                self._begun.set_exception(error)

    async def _stay(self, outliving: Collection[Channel]) -> None:
        async with AsyncExitStack() as stack:
            for channel in outliving:
                await stack.enter_async_context(channel)
            self._begun.set_result(asyncio.get_running_loop())
            await self._over.wait()


async def _by_itself(errand: Coroutine[Any, Any, Result]) -> Result:
    """What would end the whole loop is an error of this errand alone."""
    try:
        return await errand
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError("an errand must not end its loop") from error


class EventLoops:
    """The loops of the threads that use it; each thread closes its own."""

    def __init__(self, outliving: Collection[Channel]) -> None:
        """`outliving`: the channels whose connections may stand idle between batches."""
        self._outliving = tuple(outliving)
        self._mine = threading.local()

    def run(self, errand: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end in this thread's loop, like `asyncio.run`, and in the caller's
        context: what is traced belongs to its own batch."""
        kept: _Kept | None = getattr(self._mine, "kept", None)
        if kept is None:
            try:
                kept = self._mine.kept = _Kept(self._outliving)
            except BaseException:
                errand.close()
                raise
        return asyncio.run_coroutine_threadsafe(_by_itself(errand), kept.loop).result()

    def close(self) -> None:
        """This thread is about to end: say goodbye and close its loop. Never raises."""
        kept: _Kept | None = getattr(self._mine, "kept", None)
        if kept is not None:
            self._mine.kept = None
            kept.close()
