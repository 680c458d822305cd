"""How far back a folder is looked into. A robot that is given a mailbox in use would answer, mark
and move years of letters; those that lay there long before it first looked are left alone.

What came after that first look is taken in however late anybody looks again, and whatever date the
server gives it: a letter's uid tells that it is new.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from channels.mailbox.imap_answers import search_day
from channels.mailbox.look import FirstLook

# Servers compare days by clocks and zones of their own (RFC 3501, section 6.4.4).
SLACK = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Reach:
    """`first` None: everything is taken in."""

    first: FirstLook | None
    days: int

    def keys(self, uid_validity: int) -> str:
        """What SEARCH is asked for, rather too much than too little; empty: everything."""
        if self.first is None:
            return ""
        since = f"SINCE {search_day(self._begins_at(self.first) - SLACK)}"
        if self.first.uid_validity != uid_validity:
            return since
        return f"OR {since} UID {self.first.highest_uid + 1}:*"

    def leaves(self, uid_validity: int, uid: int, arrived_at: datetime | None) -> bool:
        """Whether a letter lay there too long before we first looked. In doubt it did not."""
        if self.first is None or arrived_at is None:
            return False
        if self.first.uid_validity == uid_validity and uid > self.first.highest_uid:
            return False
        return arrived_at < self._begins_at(self.first)

    def _begins_at(self, first: FirstLook) -> datetime:
        return first.at - timedelta(days=self.days)
