"""What Twilio's error codes, call statuses and callbacks mean for an attempt.

Codes: https://www.twilio.com/docs/api/errors. Statuses: the call resource of API 2010-04-01 and
the `action` of the verb Dial (https://www.twilio.com/docs/voice/twiml/dial).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.outcome import Outcome, of_answered_call
from channels.twilio.errors import (
    INVALID_NUMBER,
    NOT_OUR_SENDER,
    OUR_CREDENTIALS,
    UNSUBSCRIBED,
    Codes,
)

CALL_CODES = Codes(
    invalid_number=INVALID_NUMBER | {13223, 13224},
    not_wanted=UNSUBSCRIBED | {21216},  # blocked, or the customer has unsubscribed
    our_credentials=OUR_CREDENTIALS | {10002},
    our_sender=NOT_OUR_SENDER | {21210},
    sender_words="our caller id",
)
# RFC 3261, section 21; RFC 3966: the number does not exist, is incomplete or gone.
DEAD_NUMBER_SIP = frozenset({404, 410, 484, 604})
# What the called side itself said, whatever Twilio makes of it: 603 is a person who turned the call
# away for now (RFC 3261, section 21.6.2), 607 one who wants none from us at all (RFC 8197).
TURNED_AWAY_SIP: Mapping[int, Outcome] = {603: Outcome.DECLINED, 607: Outcome.REJECTED}
# Where Twilio tells of no more than a failure: 486 and 600 are busy, here or everywhere (21.4.22,
# 21.6.1), 480 is a telephone that is switched off or out of reach (21.4.18).
FAILED_SIP: Mapping[int, Outcome] = {
    **dict.fromkeys(DEAD_NUMBER_SIP, Outcome.BAD_ADDRESS),
    480: Outcome.NO_ANSWER,
    486: Outcome.BUSY,
    600: Outcome.BUSY,
}

UNDER_WAY = frozenset({"queued", "initiated", "ringing", "in-progress", "answered"})
COMPLETED = "completed"
ENDED: Mapping[str, Outcome] = {
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.FAILED,
}
# What became of the operator's part of a call.
DIALLED: Mapping[str, Outcome] = {
    "completed": Outcome.CONNECTED,
    "answered": Outcome.CONNECTED,
    "busy": Outcome.NOBODY_FREE,
    "no-answer": Outcome.NOBODY_FREE,
    "failed": Outcome.NOBODY_FREE,
    "canceled": Outcome.NOBODY_FREE,
}


@dataclass(frozen=True, slots=True)
class CallEnd:
    """What is known of a call: its status and, as far as told, how it went.

    `seconds` are those of the whole call, a talk with an operator included.
    """

    status: str
    answered_by: str = ""
    seconds: float | None = None
    sip_code: int | None = None
    expected_seconds: float | None = None

    @property
    def by_machine(self) -> bool:
        return self.answered_by.startswith("machine") or self.answered_by == "fax"

    @property
    def is_known(self) -> bool:
        """Whether the status is one that is documented; none at all is no status to wonder at."""
        return self.status in {"", COMPLETED} or self.status in UNDER_WAY or self.status in ENDED

    @property
    def outcome(self) -> Outcome | None:
        """None while it is under way and when the length says nothing; uncertain for a status that
        nobody knows."""
        if not self.is_known:
            return Outcome.UNCERTAIN
        if self.status != COMPLETED:
            return self._of_a_call_that_was_not_taken()
        if self.by_machine:
            return Outcome.MACHINE
        if self.seconds is None or self.expected_seconds is None:
            return None
        return of_answered_call(self.seconds, self.expected_seconds)

    def _of_a_call_that_was_not_taken(self) -> Outcome | None:
        if self.status not in ENDED or self.status == "canceled" or self.sip_code is None:
            return ENDED.get(self.status)
        said = TURNED_AWAY_SIP.get(self.sip_code)
        if said is None and self.status == "failed":
            said = FAILED_SIP.get(self.sip_code)
        return said or ENDED[self.status]
