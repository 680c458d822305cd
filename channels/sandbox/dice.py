"""Chance that can be repeated: every draw follows from the seed and from what is drawn for.

Requests arrive in any order, so nothing may be drawn from a running generator: the n-th contact of
a contact point gets the same fate and the same reference whoever came before it.
"""

import hashlib
from dataclasses import dataclass

from campaigns.channel import ChannelName


@dataclass(frozen=True, slots=True)
class Dice:
    """The draws of one contact: the n-th (from 0) of a contact point on a channel."""

    seed: int
    channel: ChannelName
    contact_point: str
    number: int

    def digest(self, what: str) -> bytes:
        named = f"{self.seed}|{self.channel}|{self.contact_point}|{self.number}|{what}"
        return hashlib.sha256(named.encode()).digest()

    def chance(self, what: str) -> float:
        """A number from 0 up to 1, 1 excluded."""
        return int.from_bytes(self.digest(what)[:6], "big") / 2**48

    def between(self, what: str, low: float, high: float) -> float:
        return low + (high - low) * self.chance(what)

    def sid(self, prefix: str) -> str:
        """A reference as Twilio forms them: two letters and 32 hexadecimal digits."""
        return prefix + self.digest("reference").hex()[:32]

    def serial(self) -> int:
        """A reference as SMS Aero forms them: a number; 15 digits keep collisions unlikely."""
        return 10**14 + int.from_bytes(self.digest("reference")[:8], "big") % (9 * 10**14)
