"""What Twilio's error codes, call statuses and callbacks mean for an attempt.

Codes: https://www.twilio.com/docs/api/errors. Statuses: the call resource of API 2010-04-01.
"""

from dataclasses import dataclass

from campaigns.outcome import Outcome, of_answered_call
from channels.base import Handover, postponed, refused, uncertain

INVALID_NUMBER = frozenset({13223, 13224, 21211, 21214, 21217, 21401, 21421})
NOT_WANTED = frozenset({21216, 21610})  # blocked, or the customer has unsubscribed
OUR_CREDENTIALS = frozenset({20003, 20005, 20006, 20008})
OUR_SENDER = frozenset({21210, 21212, 21213})  # the caller id is not ours or not verified
THROTTLED = frozenset({10004, 20429})
# RFC 3261, section 21; RFC 3966: the number does not exist, is incomplete or gone.
DEAD_NUMBER_SIP = frozenset({404, 410, 484, 604})

UNDER_WAY = frozenset({"queued", "initiated", "ringing", "in-progress", "answered"})
COMPLETED = "completed"
ENDED: dict[str, Outcome] = {
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.FAILED,
}


def judge_error(status: int, code: int | None) -> Handover:
    """What an error answer to placing a call comes to; the code decides before the status."""
    detail = f"HTTP {status}, code {code}"
    if code in INVALID_NUMBER:
        return refused(Outcome.BAD_ADDRESS, detail)
    if code in NOT_WANTED:
        return refused(Outcome.REJECTED, detail)
    if code in THROTTLED:
        return postponed(f"throttled: {detail}")
    if code in OUR_CREDENTIALS or status in {401, 403}:
        return postponed(f"{detail}: Twilio refuses our account, check the SID and the token")
    if code in OUR_SENDER:
        return postponed(f"{detail}: Twilio does not accept our caller id")
    if 400 <= status < 500:
        return refused(Outcome.FAILED, detail)
    return uncertain(detail)


@dataclass(frozen=True, slots=True)
class CallEnd:
    """What is known of a call: its status and, as far as told, how it went."""

    status: str
    answered_by: str = ""
    seconds: float | None = None
    sip_code: int | None = None
    expected_seconds: float | None = None

    @property
    def by_machine(self) -> bool:
        return self.answered_by.startswith("machine") or self.answered_by == "fax"

    @property
    def outcome(self) -> Outcome | None:
        """None while it is under way, for an unknown status, and when the length says nothing."""
        if self.status != COMPLETED:
            if self.status == "failed" and self.sip_code in DEAD_NUMBER_SIP:
                return Outcome.BAD_ADDRESS
            return ENDED.get(self.status)
        if self.by_machine:
            return Outcome.MACHINE
        if self.seconds is None or self.expected_seconds is None:
            return None
        return of_answered_call(self.seconds, self.expected_seconds)
