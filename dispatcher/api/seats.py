"""How many requests of the API are worked on at once in a process.

The staff's pages share its threads and its connections to the database: other systems, however many
they are and however long they wait for one another, never take them all. Whoever finds no seat
waits without either, and is told to come again when that takes too long.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dispatcher.api.problems import Problem

# Less than half of the connections of a process, a fifth of its threads.
SEATS = 8
WAIT_SECONDS = 5.0
# More than a key may ask for at once.
MOST_WAITING = 200


class Seats:
    """Those of one process."""

    def __init__(self, count: int = SEATS) -> None:
        self._free = asyncio.Semaphore(count)
        self._waiting = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A seat for the length of a block. Raises Problem when there is none for too long."""
        if self._waiting >= MOST_WAITING:
            raise _busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


def _busy() -> Problem:
    return Problem("busy", headers={"Retry-After": "2"})
