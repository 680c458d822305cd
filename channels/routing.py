"""Which provider carries a message, where a channel has several."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from campaigns.channel import Purpose
from channels.base import Channel


class Route(BaseModel):
    """One rule: this provider may carry messages to these numbers and for these purposes.

    `prefixes` are beginnings of numbers in E.164, `purposes` what a message may be for; empty
    means any. Of the routes that fit, more `weight` gets more of the messages.
    """

    provider: str = Field(min_length=1)
    weight: int = Field(default=1, ge=0, le=1000)
    prefixes: tuple[str, ...] = ()
    purposes: frozenset[Purpose] = frozenset()

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers of one channel, and the rules by which one is chosen."""

    by_name: Mapping[str, Channel]
    routes: tuple[Route, ...] = ()

    def __getitem__(self, name: str) -> Channel:
        return self.by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.by_name)

    @property
    def first(self) -> Channel:
        """The only one, or the first in the settings' order."""
        return next(iter(self.by_name.values()))

    def ranked(self, contact_point: str, purpose: Purpose, key: str) -> tuple[str, ...]:
        """The providers that may carry this message, the preferred one first.

        Rendezvous hashing by weight: the same `key` (an attempt's) always gives the same order,
        and many keys share the providers out by their weights.
        """
        del contact_point, purpose, key
        return self.names

    def choose(
        self,
        contact_point: str,
        purpose: Purpose,
        key: str,
        *,
        turned_away: int = 0,
        closed: Collection[str] = (),
    ) -> str | None:
        """The provider for an attempt; None when every one that fits is closed just now.

        `turned_away` counts how often in a row a provider has certainly not taken this message:
        each time the next one is asked.
        """
        able = [name for name in self.ranked(contact_point, purpose, key) if name not in closed]
        return able[turned_away % len(able)] if able else None


def only(channel: Channel) -> Providers:
    """One provider, no choice."""
    return Providers(MappingProxyType({channel.provider: channel}))


def share(key: str, name: str) -> float:
    """A number between 0 and 1 that depends on both alone: evenly spread over keys."""
    digest = hashlib.sha256(f"{key}\x00{name}".encode()).digest()
    return (int.from_bytes(digest[:8]) + 0.5) / 2**64


__all__: Sequence[str] = ["Providers", "Route", "only", "share"]
