"""The word to stop, for all threads of a process."""

import threading
import time


class Stop(threading.Event):
    """Set: begin nothing new. Knows since when, so that everybody's time runs from the same instant
    and not from when each of them noticed."""

    def __init__(self) -> None:
        super().__init__()
        self._since = float("inf")

    def set(self) -> None:
        if not self.is_set():
            self._since = time.monotonic()
        super().set()

    def clear(self) -> None:
        super().clear()
        self._since = float("inf")

    def left_seconds(self, limit_seconds: float) -> float:
        """How much is left of a time that began with the word; endless while it is not said."""
        return self._since + limit_seconds - time.monotonic()
