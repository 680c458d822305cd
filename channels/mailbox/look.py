"""What an intake tells and is told: letters for the ledger, and how a mailbox stands."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels.mailbox.arrived import Arrived


@dataclass(frozen=True, slots=True)
class Look:
    """How a mailbox stood when we looked into it. `looked_at` None: we could not."""

    mailbox: str
    looked_at: datetime | None
    waiting: int = 0  # letters that lie there, not taken in yet
    oldest_at: datetime | None = None  # when the oldest of them arrived
    left_alone: int = 0  # letters that lay there long before we first looked
    trouble: str = ""  # for staff: no address, no secret and no words of the server in it


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What lay in a folder when anybody first looked into it: uids up to `highest_uid`."""

    at: datetime
    uid_validity: int
    highest_uid: int


# Puts letters into the ledger and returns the uids of those that are safe there. May raise.
Take = Callable[[Sequence[Arrived]], Collection[int]]
# Which uids of a folder, under this UIDVALIDITY, were taken in before. May raise.
Seen = Callable[[int, Sequence[int]], Collection[int]]
Looked = Callable[[Look], object]
# Keeps the first look into a folder, and returns the one that was first. May raise.
First = Callable[[FirstLook], FirstLook]
