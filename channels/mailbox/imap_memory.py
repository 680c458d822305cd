"""What an intake remembers of a folder's messages between looks, and from one connection to the
next. All of it may be lost: the ledger knows what was taken in."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels.mailbox.imap_reach import Reach

# A letter that cannot be had is tried again after so many seconds; the last holds for ever.
RETRY_SECONDS = (0.0, 5.0, 15.0, 60.0, 300.0, 1800.0)


@dataclass(slots=True)
class Later:
    failures: int
    again_at: float  # on the monotonic clock


class FolderMemory:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._uid_validity = 0
        self._over: set[int] = set()
        self._later: dict[int, Later] = {}
        self._arrivals: dict[int, datetime] = {}
        self._older: set[int] = set()
        self.reach: Reach | None = None  # None: nobody has asked when the first look was
        self.beyond_reach: frozenset[int] | None = None  # nobody asks for them; None: to be found

    def turn_to(self, uid_validity: int) -> None:
        """Under another UIDVALIDITY the same numbers are other messages."""
        if uid_validity != self._uid_validity:
            self._uid_validity = uid_validity
            self._over.clear()
            self._older.clear()
            self.beyond_reach = None
            self._later.clear()
            self._arrivals.clear()

    def unknown(self, found: Collection[int]) -> Sequence[int]:
        """Those to look at now, the oldest first. What is no longer found is forgotten."""
        present = set(found)
        self._over &= present
        self._older &= present
        self._later = {uid: later for uid, later in self._later.items() if uid in present}
        self._arrivals = {uid: at for uid, at in self._arrivals.items() if uid in present}
        now = self._monotonic()
        return [
            uid
            for uid in sorted(present - self._over - self._older)
            if uid not in self._later or self._later[uid].again_at <= now
        ]

    def is_over(self, uids: Iterable[int]) -> None:
        """They are in the ledger, and marked or moved as far as that is possible."""
        for uid in uids:
            self._over.add(uid)
            self._later.pop(uid, None)
            self._arrivals.pop(uid, None)

    def leave_alone(self, uid: int) -> None:
        """It lay there long before we first looked."""
        self._older.add(uid)
        self._later.pop(uid, None)

    @property
    def left_alone(self) -> int:
        # `UID 7:*` finds the last letter of a folder, whatever its uid.
        return len(self._older | (self.beyond_reach or frozenset()))

    def arrived(self, uid: int, at: datetime) -> None:
        self._arrivals.setdefault(uid, at)

    def taken(self, uids: Iterable[int]) -> None:
        for uid in uids:
            self._arrivals.pop(uid, None)
            self._later.pop(uid, None)

    def put_off(self, uid: int) -> None:
        """It could not be had, or not be written down. The first failure may be another's fault."""
        failures = self._later[uid].failures + 1 if uid in self._later else 0
        wait_seconds = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
        self._later[uid] = Later(failures, self._monotonic() + wait_seconds)

    def is_suspect(self, uid: int) -> bool:
        """Whether it failed before: it is fetched alone, after all others."""
        return uid in self._later

    @property
    def put_off_count(self) -> int:
        return len(self._later)

    @property
    def stuck(self) -> int:
        """How many failed alone."""
        return sum(later.failures > 0 for later in self._later.values())

    @property
    def oldest_at(self) -> datetime | None:
        """Arrival of the oldest that is not taken in."""
        return min(self._arrivals.values(), default=None)

    def seconds_until_due(self) -> float:
        """When to look again at what was put off."""
        due = min((later.again_at for later in self._later.values()), default=float("inf"))
        return max(due - self._monotonic(), 0.0)
