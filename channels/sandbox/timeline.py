"""What is still to happen in the sandbox: rings, ends of calls, receipts, in order of time."""

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.channel import ChannelName

Happening = Callable[[datetime], Awaitable[None]]


@dataclass(order=True, frozen=True, slots=True)
class Event:
    """Something at an instant. Events of one instant follow the names of what they belong to, not
    the order in which requests happened to arrive; `serial` only tells twins apart."""

    at: datetime
    channel: ChannelName
    contact_point: str
    reference: str
    step: int
    serial: int
    happen: Happening = field(compare=False)


class Timeline:
    """Events to come. Changed by the sandbox's own thread only; `next_at` may be read by any."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._events: list[Event] = []
        self._serial = 0
        self._on_change = on_change

    def put(
        self,
        at: datetime,
        channel: ChannelName,
        contact_point: str,
        reference: str,
        step: int,
        happen: Happening,
    ) -> None:
        self._serial += 1
        event = Event(at, channel, contact_point, reference, step, self._serial, happen)
        heapq.heappush(self._events, event)
        self._on_change()

    @property
    def next_at(self) -> datetime | None:
        try:
            return self._events[0].at
        except IndexError:
            return None

    def pop_due(self, now: datetime) -> Event | None:
        """Take the earliest event at or before now."""
        if self._events and self._events[0].at <= now:
            return heapq.heappop(self._events)
        return None
