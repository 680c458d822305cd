"""Whether the minute is kept: how long ago each mailbox was looked into, what waits, and how long.

The alarm is raised before the minute is over, not after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.engine import Engine
from dispatcher.ledger import mailboxes, outbox
from dispatcher.ledger.mailboxes import MailboxState
from templates.i18n import _

# The standard's minute, less the time that mending takes.
ALARM_AFTER = timedelta(seconds=40)


@dataclass(frozen=True, slots=True)
class MailboxWellbeing:
    """`seconds_since_look` None: nobody has ever looked into it."""

    name: str
    seconds_since_look: float | None
    waiting: int  # letters that are not in the ledger yet
    oldest_seconds: float | None
    trouble: str


@dataclass(frozen=True, slots=True)
class Wellbeing:
    """`unanswered` letters are in the ledger, and their answers on the way."""

    mailboxes: Sequence[MailboxWellbeing]
    unanswered: int
    oldest_unanswered_seconds: float | None
    alarms: Sequence[str]  # for staff, in the language of the screen

    @property
    def is_well(self) -> bool:
        return not self.alarms


def wellbeing(engine: Engine) -> Wellbeing:
    """How the mail-robot stands now, whichever process it runs in."""
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        states = {state.name: state for state in mailboxes.everything(tx)}
        standing = outbox.standing(tx)
    boxes = [
        _of_mailbox(states.get(box.name) or MailboxState(box.name, None), now)
        for box in engine.settings.mailboxes
    ]
    oldest = _seconds(standing.oldest_asked_at, now)
    return Wellbeing(boxes, standing.waiting, oldest, tuple(_alarms(boxes, oldest)))


def _of_mailbox(state: MailboxState, now: datetime) -> MailboxWellbeing:
    return MailboxWellbeing(
        state.name,
        _seconds(state.looked_at, now),
        state.waiting,
        _seconds(state.oldest_at, now),
        state.trouble,
    )


def _alarms(boxes: Sequence[MailboxWellbeing], oldest: float | None) -> Sequence[str]:
    limit = ALARM_AFTER.total_seconds()
    alarms = []
    for box in boxes:
        if box.trouble:
            # At once: of the minute too little is left to wait and see.
            alarms.append(
                _("Mailbox {name}: {trouble}.").format(name=box.name, trouble=box.trouble)
            )
        if box.seconds_since_look is None and not box.trouble:
            alarms.append(_("Mailbox {name}: nobody has looked into it yet.").format(name=box.name))
        elif box.seconds_since_look is not None and box.seconds_since_look > limit:
            alarms.append(
                _("Mailbox {name}: nobody has looked into it for {seconds} s.").format(
                    name=box.name, seconds=int(box.seconds_since_look)
                )
            )
        if box.oldest_seconds is not None and box.oldest_seconds > limit:
            alarms.append(
                _("Mailbox {name}: a letter has waited for {seconds} s to be taken in.").format(
                    name=box.name, seconds=int(box.oldest_seconds)
                )
            )
    if oldest is not None and oldest > limit:
        alarms.append(
            _("An answer has waited for {seconds} s; is the mail server there?").format(
                seconds=int(oldest)
            )
        )
    return alarms


def _seconds(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0.0)
