"""How negative results turn into positive ones, attempt by attempt."""

from collections.abc import Sequence
from dataclasses import dataclass

from dispatcher.report.standing import TryFigure


@dataclass(frozen=True, slots=True)
class Conversion:
    """Of those whom the first attempt did not reach (`missed`), so many were reached later."""

    missed: int
    reached_later: int


@dataclass(frozen=True, slots=True)
class Step:
    """The n-th attempts, and who had been reached by then."""

    number: int
    attempts: int
    positives: int
    reached_so_far: int


def steps(tries: Sequence[TryFigure]) -> Sequence[Step]:
    """What each further attempt adds, in their order."""
    found, reached = [], 0
    for one in sorted(tries, key=lambda each: each.number):
        reached += one.positives
        found.append(Step(one.number, one.attempts, one.positives, reached))
    return found


def conversion(tries: Sequence[TryFigure]) -> Conversion:
    """Of one campaign, in which a delivery has one first attempt and is reached once at most."""
    first = [one for one in tries if one.number == 1]
    return Conversion(
        missed=sum(one.attempts - one.positives for one in first),
        reached_later=sum(one.positives for one in tries if one.number > 1),
    )
