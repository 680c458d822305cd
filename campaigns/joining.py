"""One number or address under several accounts: who is told by whose delivery.

A landlord with five flats gets one message, not five. Only the recipients of an audience that
share a contact point on a channel need to come here; all others lead themselves.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.scenario import SameContact


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipient with the points usable on the channel, in the order of the file."""

    recipient_id: int
    account_number: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """One delivery: the recipient whose it is, where it may go, and all it speaks of.

    `members` are recipient ids in ascending order and include the lead.
    """

    lead: int
    points: tuple[str, ...]
    members: tuple[int, ...]


def join_shared(candidates: Iterable[Candidate], how: SameContact) -> dict[int, Joined]:
    """Every delivery by its lead. Each candidate is a member of exactly one.

    Candidates with the same first point are joined, the one that stands first in the file leads.
    No point belongs to two deliveries, so that no telephone rings twice, and a point is used only
    if every member gave it: a debt is never told at a number that its account did not name.
    With `SEPARATE` nobody is joined, and everyone keeps all of their own points. A candidate
    without points leads itself to nowhere.

    The order of the candidates does not matter. Raises ValueError for a recipient given twice.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.recipient_id)
    if len({candidate.recipient_id for candidate in ordered}) < len(ordered):
        raise ValueError("a recipient stands twice among the candidates")
    if how is SameContact.SEPARATE:
        return {c.recipient_id: _alone(c) for c in ordered}

    joined = {c.recipient_id: _alone(c) for c in ordered if not c.points}
    groups: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in ordered:
        if candidate.points:
            groups[candidate.points[0]].append(candidate)
    owned = set(groups)  # first points are taken before anybody's second ones
    for first, members in groups.items():
        lead = members[0]
        shared = set(lead.points).intersection(*(member.points for member in members))
        further = [p for p in dict.fromkeys(lead.points) if p in shared and p not in owned]
        owned.update(further)
        joined[lead.recipient_id] = Joined(
            lead=lead.recipient_id,
            points=(first, *further),
            members=tuple(member.recipient_id for member in members),
        )
    return joined


def _alone(candidate: Candidate) -> Joined:
    return Joined(
        lead=candidate.recipient_id,
        points=tuple(dict.fromkeys(candidate.points)),
        members=(candidate.recipient_id,),
    )
