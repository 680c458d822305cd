"""What Twilio's error codes, call statuses and callbacks mean for an attempt.

Codes: https://www.twilio.com/docs/api/errors. Statuses: the call resource of API 2010-04-01 and
the `action` of the verb Dial (https://www.twilio.com/docs/voice/twiml/dial).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.outcome import Outcome, of_answered_call
from channels.base import Cause, Handover, postponed, refused, uncertain

INVALID_NUMBER = frozenset({13223, 13224, 21211, 21214, 21217, 21401, 21421})
NOT_WANTED = frozenset({21216, 21610})  # blocked, or the customer has unsubscribed
OUR_CREDENTIALS = frozenset({10002, 20003, 20006, 20008})
# "Account is not active": says Twilio first of all when the balance has come to zero. A suspended
# account is told alike, and what staff have to do begins alike: look at the bill.
NO_MONEY = frozenset({10001, 20005})
OUR_SENDER = frozenset({21210, 21212, 21213, 21606})  # not ours, not verified, not fit for this
THROTTLED = frozenset({10004, 20429})
# RFC 3261, section 21; RFC 3966: the number does not exist, is incomplete or gone.
DEAD_NUMBER_SIP = frozenset({404, 410, 484, 604})

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


def judge_error(status: int, code: int | None) -> Handover:
    """What an error answer to placing a call comes to; the code decides before the status."""
    detail = f"HTTP {status}, code {code}"
    if code in INVALID_NUMBER:
        return refused(Outcome.BAD_ADDRESS, detail)
    if code in NOT_WANTED:
        return refused(Outcome.REJECTED, detail)
    if code in THROTTLED:
        return postponed(f"throttled: {detail}", cause=Cause.THROTTLED)
    if code in NO_MONEY:
        return postponed(
            f"{detail}: the Twilio account is not active, check its balance", cause=Cause.NO_MONEY
        )
    if code in OUR_CREDENTIALS or status in {401, 403}:
        return postponed(
            f"{detail}: Twilio refuses our account, check the SID and the token",
            cause=Cause.ACCOUNT,
        )
    if code in OUR_SENDER:
        return postponed(f"{detail}: Twilio does not accept our caller id", cause=Cause.ACCOUNT)
    if 400 <= status < 500:
        return refused(Outcome.FAILED, detail)
    return uncertain(detail)


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
            if self.status == "failed" and self.sip_code in DEAD_NUMBER_SIP:
                return Outcome.BAD_ADDRESS
            return ENDED.get(self.status)
        if self.by_machine:
            return Outcome.MACHINE
        if self.seconds is None or self.expected_seconds is None:
            return None
        return of_answered_call(self.seconds, self.expected_seconds)
