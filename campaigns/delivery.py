"""A delivery and its attempts: the statuses, and the only legal changes between them.

A delivery is one recipient on one channel of one campaign. Its life:

    pending --claimed--> queued --attempt opened--> sending --handed over--> awaiting
       ^                   |                          |                         |
       +---- lease lost ---+                          +--- outcome known -------+
       +---- negative: due again by the cadence, or postponed (no attempt) -----+

and it ends as positive, given_up, expired, settled, superseded, withdrawn or cancelled. A skip is a
delivery that never began. `uncertain` is settled by a receipt, by the provider's list or by staff;
only a letter leaves it by itself, to be re-sent with the same Message-ID.
"""

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    QUEUED = "queued"
    SENDING = "sending"
    AWAITING = "awaiting"
    UNCERTAIN = "uncertain"
    # ended
    POSITIVE = "positive"
    GIVEN_UP = "given_up"
    EXPIRED = "expired"
    SETTLED = "settled"  # paid, says billing
    SUPERSEDED = "superseded"  # reached on another channel
    WITHDRAWN = "withdrawn"  # consent or permission ended after planning
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # never began; the reason says why


ENDED = frozenset(
    {
        Status.POSITIVE,
        Status.GIVEN_UP,
        Status.EXPIRED,
        Status.SETTLED,
        Status.SUPERSEDED,
        Status.WITHDRAWN,
        Status.CANCELLED,
        Status.SKIPPED,
    }
)
OPEN = frozenset(Status) - ENDED

_ENDS = ENDED - {Status.SKIPPED}
# Ended by a decision, not by an outcome: these never need an attempt.
_DECIDED = frozenset(
    {Status.EXPIRED, Status.SETTLED, Status.SUPERSEDED, Status.WITHDRAWN, Status.CANCELLED}
)

LEGAL: dict[Status, frozenset[Status]] = {
    # Given up while a letter waits to be sent again: the first sending turned out to be refused.
    Status.PENDING: frozenset({Status.QUEUED, Status.POSITIVE, Status.GIVEN_UP}) | _DECIDED,
    # Given up before an attempt: the words cannot be made, or no living contact point is left.
    Status.QUEUED: frozenset({Status.PENDING, Status.SENDING, Status.POSITIVE, Status.GIVEN_UP})
    | _DECIDED,
    Status.SENDING: frozenset({Status.PENDING, Status.AWAITING, Status.UNCERTAIN}) | _ENDS,
    Status.AWAITING: frozenset({Status.PENDING, Status.UNCERTAIN}) | _ENDS,
    Status.UNCERTAIN: frozenset({Status.PENDING, Status.AWAITING}) | _ENDS,
    # A receipt that comes late may still turn a guess into a certainty.
    Status.GIVEN_UP: frozenset({Status.POSITIVE}),
    Status.EXPIRED: frozenset({Status.POSITIVE}),
    Status.POSITIVE: frozenset({Status.PENDING, Status.GIVEN_UP, Status.EXPIRED}),
    Status.SETTLED: frozenset(),
    Status.SUPERSEDED: frozenset(),
    Status.WITHDRAWN: frozenset(),
    Status.CANCELLED: frozenset(),
    # A joined recipient follows the message that speaks of it, or takes over from its lead.
    Status.SKIPPED: frozenset({Status.PENDING, Status.SETTLED, Status.WITHDRAWN}),
}


def may_become(now: Status, then: Status) -> bool:
    return then in LEGAL[now]


class SkipReason(StrEnum):
    """Why a recipient is not contacted on a channel."""

    NO_CONTACT_POINT = "no_contact_point"
    BAD_NUMBER_TYPE = "bad_number_type"
    NO_CONSENT = "no_consent"
    SUPPRESSED = "suppressed"
    DUPLICATE = "duplicate"  # the same text goes once to a shared contact point
    MERGED = "merged"  # spoken of in another recipient's message
    TOO_SOON = "too_soon"  # the 7 days after a positive call outlast the campaign
    TOO_OFTEN = "too_often"  # a cap per day, week or month outlasts the campaign
    MISSING_FIELD = "missing_field"  # the template needs what the row does not have
    NOTHING_DUE = "nothing_due"  # an amount of zero or less
    TOO_MANY_ACCOUNTS = "too_many_accounts"  # one number under more accounts than a message holds
    NO_WINDOW = "no_window"  # the campaign ends before the first allowed hour comes
    NOT_ASKED = "not_asked"  # another system wanted a single message on other channels
