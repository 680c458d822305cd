"""Which provider carries a message, where a channel has several."""

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from campaigns.channel import Purpose
from channels.base import Channel

Prefix = Annotated[str, StringConstraints(pattern=r"^\+[0-9]{1,15}$")]


class Route(BaseModel):
    """One rule: this provider carries messages to these numbers and for these purposes.

    `prefixes` are beginnings of numbers in E.164, `purposes` what a message may be for; empty
    means any. Of the routes that fit equally closely, more `weight` gets more of the messages;
    weight 0 is asked when all others could not take a message.
    """

    provider: str = Field(min_length=1)
    weight: int = Field(default=1, strict=True, ge=0, le=1000)
    prefixes: tuple[Prefix, ...] = ()
    purposes: frozenset[Purpose] = frozenset()

    model_config = ConfigDict(frozen=True, extra="forbid")

    def closeness(self, contact_point: str, purpose: Purpose) -> int | None:
        """How long a beginning of the number the rule names (0: it names none); None: no fit."""
        if self.purposes and purpose not in self.purposes:
            return None
        if not self.prefixes:
            return 0
        return max((len(p) for p in self.prefixes if contact_point.startswith(p)), default=None)


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

        1. Those of fitting routes, the longest fitting beginning of the number first.
        2. Those that no route names at all: nobody has limited them.
        3. Those of fitting routes of weight 0.

        A provider that routes name, none of them fitting, does not carry the message, unless it
        would be carried by nobody: a gap in the rules must not silence a customer, so then all
        providers are alike, as they are without any routes.

        Equals are ordered by rendezvous hashing with weights: the same `key` (an attempt's) always
        gives the same order, many keys share the providers out by their weights, and when one is
        left out the others keep their order.
        """
        named = {route.provider for route in self.routes}
        found: dict[str, tuple[int, int, float]] = {}
        for route in self.routes:
            close = route.closeness(contact_point, purpose)
            if close is None or route.provider not in self.by_name:
                continue
            place = 2 if route.weight == 0 else 0
            rank = (place, -close, _draw(key, route.provider, route.weight or 1))
            found[route.provider] = min(found.get(route.provider, rank), rank)
        for name in self.by_name:
            if name not in named:
                found[name] = (1, 0, _draw(key, name, 1))
        ways = found or {name: (0, 0, _draw(key, name, 1)) for name in self.by_name}
        return tuple(sorted(ways, key=lambda name: (ways[name], name)))

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
        if len(self.by_name) == 1:  # whatever the rules say: nobody is silenced by a gap in them
            return next((name for name in self.by_name if name not in closed), None)
        ranked = self.ranked(contact_point, purpose, key)
        start = turned_away % len(ranked) if ranked else 0
        in_turn = (*ranked[start:], *ranked[:start])
        return next((name for name in in_turn if name not in closed), None)

    def is_another(
        self,
        contact_point: str,
        purpose: Purpose,
        key: str,
        *,
        turned_away: int,
        closed: Collection[str] = (),
    ) -> bool:
        """Whether, turned away that often, a message still has a provider it has not asked."""
        ranked = self.ranked(contact_point, purpose, key)
        return any(name not in closed for name in ranked[turned_away:])


def only(channel: Channel) -> Providers:
    """One provider, no choice."""
    return Providers(MappingProxyType({channel.provider: channel}))


def _draw(key: str, name: str, weight: int) -> float:
    """The smaller, the better: an exponential of rate `weight`, the smallest of which is each
    one's with a probability in proportion to its weight."""
    return -math.log(share(key, name)) / weight


def share(key: str, name: str) -> float:
    """A number between 0 and 1 that depends on both alone: evenly spread over keys."""
    digest = hashlib.sha256(f"{key}\x00{name}".encode()).digest()
    return (int.from_bytes(digest[:8]) + 0.5) / 2**64


__all__: Sequence[str] = ["Providers", "Route", "only", "share"]
