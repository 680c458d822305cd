"""What follows from a mail server's answer to a letter of the outbox: it is sent, it has failed, or
it is tried again later.

A customer waits for it, so only what cannot change ends it: no such mailbox, a letter too large, a
second doubt. A refusal of us (our host, our sender, policy) is for staff to mend, and the letter
waits for that.
"""

from datetime import datetime, timedelta

from campaigns.outcome import Outcome
from channels.base import Cause, Fault, Handover, HandoverKind
from dispatcher.ledger.outbox import Claimed, MailEnding, MailStatus

# How long one letter is tried, from when it was owed; the minute is long over then.
KEEP_TRYING = timedelta(days=5)
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_PAUSE_REFUSED = timedelta(hours=1)
# A letter of which nobody knows whether it was taken is sent once more, and not at once.
DOUBT_PAUSE = timedelta(seconds=60)
MOST_DOUBTS = 2


def ending_of(one: Claimed, handover: Handover, now: datetime, own_sender: str) -> MailEnding:
    """`own_sender` is named instead of the null path (RFC 3834, section 3.3) once that is refused:
    an answer with it is better than none."""
    if handover.kind is HandoverKind.ACCEPTED:
        return MailEnding(one.id, MailStatus.SENT, sent_at=now)
    in_doubt = handover.kind is HandoverKind.UNCERTAIN
    if is_final(handover) or (in_doubt and one.doubts + 1 >= MOST_DOUBTS):
        return _failed(one, handover, now)
    if handover.fault is Fault.SENDER and not one.sender and own_sender:
        return MailEnding(
            one.id, MailStatus.WAITING, handover.detail, due_at=now, sender=own_sender
        )
    if now - one.owed_at >= KEEP_TRYING:
        return _failed(one, handover, now)
    return MailEnding(
        one.id,
        MailStatus.WAITING,
        handover.detail,
        due_at=now + pause_after(one, handover),
        was_sent=handover.cause is not Cause.UNREACHABLE,
        in_doubt=in_doubt,
    )


def is_final(handover: Handover) -> bool:
    """Whether the server's refusal cannot be mended by anybody here."""
    is_clear = handover.fault in (Fault.RECIPIENT, Fault.LETTER)
    return handover.kind is HandoverKind.REFUSED and (
        is_clear or handover.outcome is Outcome.BAD_ADDRESS
    )


def _failed(one: Claimed, handover: Handover, now: datetime) -> MailEnding:
    """A mailbox that is not there or stays full is nothing that staff could mend."""
    is_recipients = handover.about_recipient or (
        is_final(handover) and handover.fault is not Fault.LETTER
    )
    return MailEnding(
        one.id,
        MailStatus.FAILED,
        handover.detail,
        in_doubt=handover.kind is HandoverKind.UNCERTAIN,
        given_up_at=None if is_recipients else now,
    )


def pause_after(one: Claimed, handover: Handover) -> timedelta:
    """How long a letter that was not taken waits. The server's own absence is waited for by the
    postman, not by each letter."""
    if handover.cause is Cause.UNREACHABLE:
        return timedelta()
    if handover.kind is HandoverKind.UNCERTAIN:
        return DOUBT_PAUSE
    refused = handover.kind is HandoverKind.REFUSED
    longest = LONGEST_PAUSE_REFUSED if refused else LONGEST_PAUSE
    pause = min(FIRST_PAUSE * (1 << min(one.sends - 1, 12)), longest)
    if handover.retry_after_seconds is not None:
        pause = max(pause, min(timedelta(seconds=handover.retry_after_seconds), longest))
    return pause
