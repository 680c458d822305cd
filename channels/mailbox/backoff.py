"""How long to leave a server alone that is in trouble."""

import random


class Backoff:
    """1 s, 2 s, 4 s … up to `slowest_seconds`, each shortened by up to half by chance, so that
    many who lost the same server do not come back to it together."""

    def __init__(
        self,
        slowest_seconds: float,
        first_seconds: float = 1.0,
        dice: random.Random | None = None,
    ) -> None:
        self._first_seconds, self._slowest_seconds = first_seconds, slowest_seconds
        self._dice = dice or random.Random()  # noqa: S311 - nothing secret depends on it
        self._next_seconds = first_seconds

    def next_seconds(self) -> float:
        """How long to wait this time; the next time it is longer."""
        seconds = min(self._next_seconds, self._slowest_seconds)
        self._next_seconds = min(self._next_seconds * 2, self._slowest_seconds)
        return seconds * self._dice.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._next_seconds = self._first_seconds
