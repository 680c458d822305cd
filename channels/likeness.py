"""Whether an entry of a provider's list may be a message of ours, by the instant it is dated.

An instant that does not fit is weak evidence: clocks go wrong, and a list may be dated in another
zone or count from another epoch. So it never proves that an entry is not ours; it only makes it
unclear, and unclear is for staff.
"""

from datetime import datetime, timedelta
from enum import Enum

from channels.base import Sought

# Our clock and theirs may differ, and a time-out tells late of what was taken early.
BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=30)
# No zone is further away from another, and no clock that is merely wrong.
ANY_ZONE = timedelta(hours=26)


class Likeness(Enum):
    NONE = "none"
    OUT_OF_TIME = "out of time"  # it may be the sought one if a clock or a zone is wrong
    IN_TIME = "in time"


def likeness(at: datetime | None, sought: Sought, *, same_words: bool) -> Likeness:
    """How well an entry for the sought number fits that is dated `at` (None: it does not say).

    `same_words`: it has the very text that is sought; then no date whatever rules it out.
    """
    if at is None or sought.sent_at - BEFORE <= at <= sought.sent_at + AFTER:
        return Likeness.IN_TIME
    if same_words or abs(at - sought.sent_at) <= ANY_ZONE:
        return Likeness.OUT_OF_TIME
    return Likeness.NONE
