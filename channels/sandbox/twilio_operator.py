"""The operator's part of a call in the sandbox: a call of its own, placed by a Dial."""

from collections.abc import Mapping
from dataclasses import dataclass

from channels.sandbox.operators import OperatorFate
from channels.sandbox.patterns import Fate
from channels.sandbox.twiml import Dial
from channels.sandbox.world import Contact, World

_REFUSED_SECONDS = 1.0  # a busy tone, a line that does not work: known soon
_STATUS = {
    OperatorFate.ANSWERS: "completed",
    OperatorFate.BUSY: "busy",
    OperatorFate.NO_ANSWER: "no-answer",
    OperatorFate.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One try to reach an operator. `abandoned`: the customer hangs up while it rings."""

    dial: Dial
    sid: str
    fate: OperatorFate
    rings_seconds: float
    talk_seconds: float
    abandoned: bool

    @property
    def answers(self) -> bool:
        return self.fate is OperatorFate.ANSWERS and not self.abandoned

    def answered(self, customer: Mapping[str, str]) -> dict[str, str]:
        """What the Number's callback says when it is answered. `customer` is the other call's
        form, of which this one is the child."""
        caller = self.dial.caller_id or customer["From"]
        return {
            **customer,
            "CallSid": self.sid,
            "ParentCallSid": customer["CallSid"],
            "CallStatus": "in-progress",
            "Direction": "outbound-dial",
            "From": caller,
            "Caller": caller,
            "To": self.dial.address,
            "Called": self.dial.address,
            "CallbackSource": "call-progress-events",
            "SequenceNumber": "0",
        }

    def done(self) -> dict[str, str]:
        """What the Dial's action is told beside the form of the call itself."""
        # Twilio gives a call that its customer left the status of one that nobody answered.
        status = "no-answer" if self.abandoned else _STATUS[self.fate]
        told = {"DialCallSid": self.sid, "DialCallStatus": status}
        if self.answers:
            told["DialCallDuration"] = str(round(self.talk_seconds))
        return {**told, "DialBridged": "true" if self.answers else "false"}


def make_leg(world: World, contact: Contact, dial: Dial, number: int) -> Leg:
    """The leg that chance makes of a Dial, the `number`-th of its call."""
    dice, table = contact.dice, world.patterns.operator
    fate = table.fate(dial.address, dice.chance(f"operator {number}"))
    rings = dice.between(f"operator {number} rings", *table.rings_seconds)
    if fate is OperatorFate.ANSWERS and rings >= dial.timeout_seconds:
        fate = OperatorFate.NO_ANSWER
    if fate is OperatorFate.NO_ANSWER:
        rings = dial.timeout_seconds
    elif fate is not OperatorFate.ANSWERS:
        rings = _REFUSED_SECONDS
    abandoned = contact.fate is Fate.KEY_0_HANGS_UP
    if abandoned:
        rings *= contact.share(0.3, 0.9)
    talk = dice.between(f"operator {number} talks", *table.talk_seconds)
    return Leg(
        dial=dial,
        sid="CA" + dice.digest(f"operator {number} reference").hex()[:32],
        fate=fate,
        rings_seconds=rings,
        talk_seconds=min(talk, dial.limit_seconds),
        abandoned=abandoned,
    )
