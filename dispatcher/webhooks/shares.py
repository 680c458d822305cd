"""How many posts each webhook may have under way, such that one that is silent holds up no other.

Each has one turn that nobody else can take. What goes beyond that comes from a few spare turns, and
is for those who hear: whoever has just heard gets one more at a time, whoever has not is tried one
at a time, as it is before anything is known of it.
"""

import threading
from collections import Counter

AT_ONCE = 4  # for one webhook that hears
SPARE = 12  # for all of them together, beyond the one of each


class Shares:
    """Counted by one postman; may be asked by any of its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[int] = Counter()
        self._trusted: dict[int, int] = {}  # how many at once; 1 of whom nothing is known

    def room(self, webhook_id: int) -> int:
        """How many more may be begun."""
        with self._lock:
            own = self._under_way[webhook_id]
            spare = SPARE - sum(max(count - 1, 0) for count in self._under_way.values())
            return max(min(self._trusted.get(webhook_id, 1) - own, spare + (own == 0)), 0)

    def begin(self, webhook_id: int) -> None:
        with self._lock:
            self._under_way[webhook_id] += 1

    def end(self, webhook_id: int, *, was_heard: bool | None) -> None:
        """One is over. `was_heard` None: it was not even sent, which tells nothing."""
        with self._lock:
            self._under_way[webhook_id] -= 1
            if not self._under_way[webhook_id]:
                del self._under_way[webhook_id]
            if was_heard is not None:
                trusted = self._trusted.get(webhook_id, 1) + 1 if was_heard else 1
                self._trusted[webhook_id] = min(trusted, AT_ONCE)
