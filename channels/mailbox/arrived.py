"""A letter as it arrived, before anybody has read it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """`raw` holds only the beginning of a letter that is too large (`is_whole` False). `uid` is 0
    where the letter did not come from an IMAP folder."""

    mailbox: str
    raw: bytes = field(repr=False)
    arrived_at: datetime  # aware: when the mail system took it
    uid_validity: int = 0
    uid: int = 0
    size_bytes: int = 0  # of the whole letter
    is_whole: bool = True
