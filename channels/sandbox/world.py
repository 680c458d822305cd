"""What the sandbox's servers share: the clock, the fates, the journal and what is to come."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from campaigns.channel import ChannelName
from channels.sandbox.dice import Dice
from channels.sandbox.journal import Journal, Taken
from channels.sandbox.patterns import Fate, Patterns, Rule
from channels.sandbox.postman import Postman
from channels.sandbox.sounds import SoundShelf
from channels.sandbox.timeline import Timeline

LATE_HOURS = 26.0
SLOW_SECONDS = 1.0
# Longer than any client waits; a client that hangs up ends the wait at once.
HOLD_SECONDS = 300.0
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Contact:
    """One try to reach a contact point, and what is to become of it."""

    dice: Dice
    fate: Fate
    rule: Rule | None

    @property
    def channel(self) -> ChannelName:
        return self.dice.channel

    @property
    def contact_point(self) -> str:
        return self.dice.contact_point

    def share(self, low: float, high: float) -> float:
        """How much of a message is heard: the table's word, else drawn."""
        if self.rule is not None and self.rule.share is not None:
            return self.rule.share
        return self.dice.between("share", low, high)

    @property
    def late_seconds(self) -> float:
        return 3600 * ((self.rule.hours if self.rule else None) or LATE_HOURS)

    @property
    def slow_seconds(self) -> float:
        return (self.rule.seconds if self.rule else None) or SLOW_SECONDS


@dataclass(slots=True)
class World:
    """Owned by the sandbox's thread: nothing here is locked."""

    clock: Callable[[], datetime]
    seed: int
    patterns: Patterns
    journal: Journal
    timeline: Timeline
    postman: Postman
    sounds: SoundShelf
    changed: asyncio.Event  # something was put on the timeline
    speed: float = 1.0  # how many seconds of this world pass in one of ours
    refused: int = 0
    _contacts: Counter[tuple[ChannelName, str]] = field(default_factory=Counter)
    _throttled: set[tuple[ChannelName, str]] = field(default_factory=set)

    def now(self) -> datetime:
        return self.clock().astimezone(UTC)

    def span(self, seconds: float) -> timedelta:
        """How long something takes by our clock that takes so many seconds in this world."""
        return timedelta(seconds=seconds / self.speed)

    def contact(self, channel: ChannelName, contact_point: str) -> Contact:
        """Count a try and tell its fate. A throttled one is not counted: it comes again."""
        key = (channel, contact_point)
        rule = self.patterns.rule_for(channel, contact_point)
        dice = Dice(self.seed, channel, contact_point, self._contacts[key])
        fate = rule.outcome if rule else self.patterns.drawn(channel, dice.chance("fate"))
        if fate is Fate.THROTTLED:
            if key not in self._throttled:
                self._throttled.add(key)
                return Contact(dice, fate, rule)
            self._throttled.discard(key)
            fate = Fate.HEARD if channel is ChannelName.PHONE else Fate.DELIVERED
        self._contacts[key] += 1
        return Contact(dice, fate, rule)

    def take(self, contact: Contact, reference: str) -> datetime:
        """Write the journal's line; the instant is the one the line tells."""
        now = self.now()
        self.journal.add(Taken(contact.channel, contact.contact_point, now, reference))
        return now
