"""Connections that belong to one event loop, for a channel that several worker threads share.

Each of a worker's threads has a loop of its own, and two threads may enter the same channel at the
same time. What a batch opens must therefore never be seen from another loop.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Entry(Generic[T]):
    opened: T
    entries: int = 1


@dataclass(slots=True)
class LoopLocal(Generic[T]):
    """One value per running loop, kept until the last batch of that loop has left."""

    what: str
    _entries: dict[asyncio.AbstractEventLoop, _Entry[T]] = field(default_factory=dict)

    def current(self) -> T:
        """The value of this loop; raises RuntimeError outside `async with`: a mistake of ours."""
        entry = self._entries.get(asyncio.get_running_loop())
        if entry is None:
            raise RuntimeError(f"{self.what} is used inside 'async with' only")
        return entry.opened

    def join(self) -> bool:
        """Enter again what this loop already has; False when it has nothing yet."""
        entry = self._entries.get(asyncio.get_running_loop())
        if entry is None:
            return False
        entry.entries += 1
        return True

    def open(self, value: T) -> None:
        self._entries[asyncio.get_running_loop()] = _Entry(value)

    def leave(self) -> T | None:
        """The value to close when this was the last one out, else None."""
        loop = asyncio.get_running_loop()
        entry = self._entries[loop]
        entry.entries -= 1
        if entry.entries:
            return None
        del self._entries[loop]
        return entry.opened
