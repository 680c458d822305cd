"""What one process has seen lately: of providers, and of campaigns. Forgotten when it ends.

Safe for several threads. Nothing here is the truth: what follows from it is written to the ledger.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from campaigns.channel import ChannelName
from channels.health import Answer, Trouble, Window
from dispatcher.ledger.campaigns import Run
from dispatcher.ledger.circuits import Key

# Campaigns whose last words are remembered: the latest ones.
MOST_CAMPAIGNS = 100


@dataclass(slots=True)
class Watch:
    _windows: dict[Key, Window] = field(default_factory=dict)
    _trips: dict[Key, int] = field(default_factory=dict)
    _words: dict[Run, deque[bool]] = field(default_factory=dict)
    _looked_at: datetime | None = None
    _rates: dict[ChannelName, float] = field(default_factory=dict)  # messages a second, a thread
    _lock: Lock = field(default_factory=Lock)

    def note(self, key: Key, answer: Answer, slow_seconds: float) -> Trouble | None:
        """Take a provider's answer in; the trouble, when there is enough of it now."""
        with self._lock:
            window = self._windows.get(key)
            if window is None:
                window = self._windows[key] = Window(slow_seconds)
            trouble = window.note(answer)
            if trouble is not None:
                self._trips[key] = self._trips.get(key, 0) + 1
            return trouble

    def forget(self, key: Key) -> None:
        """The provider is back: what it answered before says nothing any more."""
        with self._lock:
            if key in self._windows:
                self._windows[key].clear()

    def trips(self, key: Key) -> int:
        """How often this process found the provider in trouble: whoever remembers the number can
        tell whether it has happened since."""
        with self._lock:
            return self._trips.get(key, 0)

    def note_words(self, run: Run, made: int, failed: int, last: int) -> None:
        """Messages of a campaign that could be made, and could not; the `last` are remembered."""
        if not made and not failed:
            return
        with self._lock:
            seen = self._words.pop(run, None)
            if seen is None or seen.maxlen != last:
                seen = deque(maxlen=last)
            self._words[run] = seen
            while len(self._words) > MOST_CAMPAIGNS:
                del self._words[next(iter(self._words))]
            seen.extend([True] * min(made, last))
            seen.extend([False] * min(failed, last))

    def wordless(self) -> Mapping[Run, tuple[int, int]]:
        """The campaigns with messages that could not be made: how many, of how many lately."""
        with self._lock:
            return {
                run: (seen.count(False), len(seen))
                for run, seen in self._words.items()
                if False in seen
            }

    def note_slice(self, channel: ChannelName, count: int, seconds: float) -> None:
        """So many messages were handed over in so long, by one thread."""
        with self._lock:
            self._rates[channel] = count / max(seconds, 0.001)

    def slice_size(self, channel: ChannelName, least: int, most: int) -> int:
        """How many messages to open at a time: as many as went in a second lately. Whoever dies
        leaves in doubt what is opened, so where little goes, little is."""
        with self._lock:
            return max(least, min(int(self._rates.get(channel, 0.0)), most))

    def is_time(self, now: datetime, every: timedelta) -> bool:
        """Whether something that is done every so often is due again; then it counts as done."""
        with self._lock:
            # A clock that was set back must not stop it for long.
            ago = abs(now - self._looked_at) if self._looked_at is not None else every
            if ago < every:
                return False
            self._looked_at = now
            return True
