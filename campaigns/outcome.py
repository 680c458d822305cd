"""What can come of an attempt: a closed set, and one table of what each outcome means.

The standard (chapter 5, section 1, items 6 and 12) knows a positive outcome (the customer received
the message) and a negative one (it was sent and not received). Everything a provider answers is
turned into one of these values by its own module in `channels`; nothing else in the system reads a
provider's codes.
"""

from dataclasses import dataclass
from enum import StrEnum

from campaigns.channel import ChannelName


class Outcome(StrEnum):
    # phone
    HEARD = "heard"
    KEY_PRESSED = "key_pressed"
    CONNECTED = "connected"  # asked for an operator and talked to one
    NOBODY_FREE = "nobody_free"  # asked for an operator in vain
    HUNG_UP = "hung_up"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"  # the person saw the call and turned it away
    # SMS
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    NO_RECEIPT = "no_receipt"
    # e-mail
    ACCEPTED = "accepted"
    READ = "read"  # shown to its reader, says a disposition notification (RFC 8098)
    LINK_FOLLOWED = "link_followed"
    ANSWERED = "answered"
    BOUNCED = "bounced"
    DEFERRED = "deferred"
    # any channel
    BAD_ADDRESS = "bad_address"
    REJECTED = "rejected"
    FAILED = "failed"
    NOT_TAKEN = "not_taken"  # the provider's list does not know it: it was never sent
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from an outcome.

    `reached`: by default counts as positive (a scenario may ask for more). `address_is_dead`: the
    contact point does not work for us at all, the next one of the recipient is tried. `settled`:
    known for certain; the only unsettled outcome is never re-sent by itself on phone and SMS.
    `strength`: a later, stronger finding about the same attempt replaces a weaker one, never the
    other way round (a receipt after a time-out, a followed link after an accepted letter).
    """

    channels: frozenset[ChannelName]
    reached: bool = False
    address_is_dead: bool = False
    settled: bool = True
    strength: int = 2


_PHONE = frozenset({ChannelName.PHONE})
_SMS = frozenset({ChannelName.SMS})
_EMAIL = frozenset({ChannelName.EMAIL})
_ANY = frozenset(ChannelName)

MEANING: dict[Outcome, Meaning] = {
    Outcome.HEARD: Meaning(_PHONE, reached=True),
    Outcome.KEY_PRESSED: Meaning(_PHONE, reached=True, strength=3),
    Outcome.CONNECTED: Meaning(_PHONE, reached=True, strength=5),
    # Whoever asked is owed a call back, and soon, whatever other keys were pressed.
    Outcome.NOBODY_FREE: Meaning(_PHONE, strength=4),
    Outcome.HUNG_UP: Meaning(_PHONE),
    Outcome.MACHINE: Meaning(_PHONE),
    Outcome.BUSY: Meaning(_PHONE),
    Outcome.NO_ANSWER: Meaning(_PHONE),
    # Not now, says the person: the number works, and the cadence tries it again.
    Outcome.DECLINED: Meaning(_PHONE),
    Outcome.DELIVERED: Meaning(_SMS, reached=True),
    Outcome.UNDELIVERED: Meaning(_SMS),
    Outcome.NO_RECEIPT: Meaning(_SMS, strength=1),
    Outcome.ACCEPTED: Meaning(_EMAIL, reached=True, strength=1),
    Outcome.READ: Meaning(_EMAIL, reached=True, strength=3),
    # More than to have seen it: a scenario may ask for that, and gets it in whatever order.
    Outcome.LINK_FOLLOWED: Meaning(_EMAIL, reached=True, strength=4),
    Outcome.ANSWERED: Meaning(_EMAIL | _SMS, reached=True, strength=5),
    Outcome.BOUNCED: Meaning(_EMAIL),
    Outcome.DEFERRED: Meaning(_EMAIL),
    Outcome.BAD_ADDRESS: Meaning(_ANY, address_is_dead=True),
    # The provider will not carry anything there (blocked, opted out): asking again is no use.
    Outcome.REJECTED: Meaning(_ANY, address_is_dead=True),
    Outcome.FAILED: Meaning(_ANY),
    # What a list does not show is weaker than any receipt that comes after all.
    Outcome.NOT_TAKEN: Meaning(_PHONE | _SMS, strength=1),
    Outcome.UNCERTAIN: Meaning(_ANY, settled=False, strength=0),
}


# Why a request for an operator was in vain: the customer hung up while it rang.
ABANDONED = "abandoned"

# Who heard this share of a message was told it (the pauses at its end are silence).
HEARD_SHARE = 0.8


def of_answered_call(seconds: float, expected_seconds: float) -> Outcome:
    """What the length of a call that a person answered says about the message."""
    return Outcome.HEARD if seconds >= HEARD_SHARE * expected_seconds else Outcome.HUNG_UP


def of_call(final: Outcome, sign: Outcome | None, *, asked_operator: bool = False) -> Outcome:
    """What a call came to: its end as the provider tells it, and what it showed on the way.

    A key or a talk proves that a person was there, whatever the end says; that the menu was reached
    or a machine answered beats what the length alone says, and any sign beats knowing nothing. Who
    asked for an operator and was neither connected nor told anything hung up while it rang.
    """
    if sign is not None and (
        replaces(sign, final) or final in (Outcome.HEARD, Outcome.HUNG_UP, Outcome.UNCERTAIN)
    ):
        final = sign
    abandoned = asked_operator and MEANING[final].settled and replaces(Outcome.NOBODY_FREE, final)
    return Outcome.NOBODY_FREE if abandoned else final


def default_positive(channel: ChannelName) -> frozenset[Outcome]:
    """The outcomes that count as positive on the channel when a scenario says nothing."""
    return frozenset(o for o, m in MEANING.items() if m.reached and channel in m.channels)


def replaces(later: Outcome, earlier: Outcome) -> bool:
    """Whether a finding that came later may take the place of what was recorded before."""
    return MEANING[later].strength > MEANING[earlier].strength
