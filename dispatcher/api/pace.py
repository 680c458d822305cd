"""How much one key may ask for: a bucket that fills steadily, in each process of the role."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

PER_SECOND = 50.0
AT_ONCE = 100.0


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Pace:
    """`per_second` requests steadily, `at_once` in a burst, for each key."""

    def __init__(
        self,
        per_second: float = PER_SECOND,
        at_once: float = AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second, self._at_once, self._clock = per_second, at_once, clock
        self._buckets: dict[int, _Bucket] = {}
        self._lock = threading.Lock()

    def wait_seconds(self, key_id: int) -> int:
        """Take one; 0 where there was one, else after how many whole seconds there will be."""
        now = self._clock()
        with self._lock:
            bucket = self._buckets.setdefault(key_id, _Bucket(self._at_once, now))
            bucket.left = min(self._at_once, bucket.left + (now - bucket.at) * self._per_second)
            bucket.at = now
            if bucket.left >= 1:
                bucket.left -= 1
                return 0
            return max(1, math.ceil((1 - bucket.left) / self._per_second))
