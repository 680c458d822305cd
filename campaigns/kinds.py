"""Recipients of one kind are planned alike: one of them is judged, and stands for all the others.

`plan_recipient` stays the only judge. Of a recipient of whom the stop-list and the history of
contacts know nothing, and who shares no contact point with anybody, it looks at nothing but

* the zone,
* the consents,
* of each field that the scenario needs: what it lacks, if anything (`campaigns.plan.lack`),
* of each contact point, in the order of the file: its kind. The address is only passed on.

Together these are the recipient's kind; everything else belongs to the campaign and is the same for
all. A million recipients have some dozens of kinds. Where they have very many (each consent with
a date of its own), the oldest are forgotten, and judging anew is all that it costs.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from campaigns.channel import ChannelName, ContactKind
from campaigns.delivery import SkipReason
from campaigns.joining import Joined
from campaigns.permission import Facts, Rulebook, account_party, point_party
from campaigns.plan import Planned, Term, lack, plan_recipient
from campaigns.recipient import Consent, ContactPoint, Recipient
from campaigns.scenario import Scenario

REMEMBERED = 4096


class Glimpse(NamedTuple):
    """As much of a recipient as a plan may look at, in the words of the ledger.

    `values` are those of the scenario's fields, in its order. Of each contact point, in the order
    of the file: `addresses` and `point_kinds`.
    """

    recipient_id: int
    account_number: str
    branch: str
    zone: str | None
    consents: str  # as they are written; the same text means the same
    values: tuple[str | int | None, ...]
    addresses: tuple[str, ...]
    point_kinds: tuple[str, ...]

    @property
    def parties(self) -> list[str]:
        """Every party under which something may be known about the recipient."""
        return [account_party(self.account_number), *map(point_party, self.addresses)]


class _Pattern(NamedTuple):
    """One channel of a kind. `places` are those of the contact points that may be used."""

    channel: ChannelName
    zone: str
    places: tuple[int, ...]
    due_at: datetime | None
    skipped: SkipReason | None
    detail: str


_Kind = tuple[object, ...]


class Kinds:
    """Plans the recipients of one campaign; remembers the kinds that it has met so far."""

    def __init__(
        self,
        scenario: Scenario,
        term: Term,
        rules: Rulebook,
        read_consents: Callable[[str], tuple[Consent, ...]],
        *,
        remembered: int = REMEMBERED,
    ) -> None:
        """`read_consents` makes consents of what the ledger wrote."""
        self._scenario = scenario
        self._fields = scenario.fields
        self._term = term
        self._rules = rules
        self._read_consents = read_consents
        self._remembered = remembered
        self._patterns: dict[_Kind, tuple[_Pattern, ...]] = {}

    def plan(self, person: Glimpse) -> list[Planned]:
        """What `plan_recipient` says of somebody of whom nothing is known, and who shares nothing
        with anybody."""
        number, addresses = person.recipient_id, person.addresses
        return [
            Planned(
                number,
                channel,
                zone,
                tuple([addresses[place] for place in places]),
                due_at,
                skipped,
                detail,
            )
            for channel, zone, places, due_at, skipped, detail in self._pattern(person)
        ]

    def plan_alone(
        self,
        person: Glimpse,
        facts: Facts,
        joined: Mapping[ChannelName, Mapping[int, Joined]],
    ) -> list[Planned]:
        """What `plan_recipient` says of anybody."""
        recipient = self._seen(person, person.account_number, person.addresses)
        return plan_recipient(
            self._scenario, person.recipient_id, recipient, self._term, facts, self._rules, joined
        )

    def _pattern(self, person: Glimpse) -> tuple[_Pattern, ...]:
        lacks = tuple(map(lack, self._fields, person.values))
        kind = (person.zone, person.consents, lacks, person.point_kinds)
        known = self._patterns.get(kind)
        if known is None:
            if len(self._patterns) >= self._remembered:
                del self._patterns[next(iter(self._patterns))]
            known = self._patterns[kind] = self._judged(person)
        return known

    def _judged(self, person: Glimpse) -> tuple[_Pattern, ...]:
        """Judge one for all: somebody whose addresses are but the places where they stand."""
        places = [str(place) for place in range(len(person.addresses))]
        stand_in = self._seen(person, "", places)
        rows = plan_recipient(self._scenario, 0, stand_in, self._term, Facts(), self._rules, {})
        return tuple(
            _Pattern(
                row.channel,
                row.zone,
                tuple(map(int, row.points)),
                row.due_at,
                row.skipped,
                row.detail,
            )
            for row in rows
        )

    def _seen(self, person: Glimpse, account_number: str, addresses: Sequence[str]) -> Recipient:
        """The recipient, as far as a plan looks at it."""
        return Recipient(
            row=0,
            account_number=account_number,
            contact_points=tuple(
                ContactPoint(address, ContactKind(kind))
                for address, kind in zip(addresses, person.point_kinds, strict=True)
            ),
            zone=person.zone,
            consents=self._read_consents(person.consents),
            fields={
                name: value
                for name, value in zip(self._fields, person.values, strict=True)
                if value is not None
            },
        )


__all__ = ["Glimpse", "Kinds"]
