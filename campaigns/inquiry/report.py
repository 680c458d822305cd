"""What a mail system says of a letter of ours: it came back, it waits, it was shown.

RFC 3464 (delivery status notifications), RFC 3798 and 8098 (disposition notifications), RFC 3463
(status codes).
"""

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    HARD = "hard"  # there is no such mailbox, and there will not be
    SOFT = "soft"  # not delivered this time: the server, the size, the content
    FULL = "full"  # the mailbox is full
    REJECTED = "rejected"  # refused by policy: we, or this letter, are not wanted there
    DELAYED = "delayed"  # the server still tries; nothing has come of it yet
    DELIVERED = "delivered"  # delivered or relayed, as far as that server knows
    READ = "read"  # shown to the recipient
    DELETED = "deleted"  # thrown away unread
    UNKNOWN = "unknown"  # a report of which nobody can tell what it says


@dataclass(frozen=True, slots=True)
class MailReport:
    """One recipient's fate as a report tells it.

    `message_ids` are all that the report quotes as the original letter's; `recipient` is the
    address it names, which proves nothing: who knows the Message-ID has seen our letter.
    """

    kind: ReportKind
    recipient: str = ""  # lower case, empty where it names none
    status: str = ""  # enhanced status code, 5.1.1
    message_ids: tuple[str, ...] = ()
    is_standard: bool = True  # False: found in free text
