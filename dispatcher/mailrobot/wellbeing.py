"""Whether the minute is kept: how long ago each mailbox was looked into, what waits, and how long.

The alarm is raised before the minute is over, not after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, mailboxes, outbox
from dispatcher.ledger.mailboxes import MailboxState
from dispatcher.ledger.outbox import GivenUp
from dispatcher.report.span import span
from dispatcher.settings import Settings
from templates.i18n import _, ngettext

# The standard's minute, less the time that mending takes.
ALARM_AFTER = timedelta(seconds=40)
DAY = timedelta(days=1)
# What is handed over by LMTP stands beside the mailboxes under this name.
LMTP = "lmtp"


@dataclass(frozen=True, slots=True)
class MailboxWellbeing:
    """`seconds_since_look` None: nobody has ever looked into it."""

    name: str
    seconds_since_look: float | None
    waiting: int  # letters that are not in the ledger yet
    oldest_seconds: float | None
    trouble: str
    left_alone: int = 0  # letters that lay there long before the first look


@dataclass(frozen=True, slots=True)
class Wellbeing:
    """`unanswered` letters are in the ledger, and their answers on the way."""

    mailboxes: Sequence[MailboxWellbeing]
    unanswered: int
    oldest_unanswered_seconds: float | None
    alarms: Sequence[str]  # for staff, in the language of the screen
    given_up: int = 0  # letters of the last day that no mail server takes from us

    @property
    def is_well(self) -> bool:
        return not self.alarms


def wellbeing(engine: Engine) -> Wellbeing:
    """How the mail-robot stands now, whichever process it runs in."""
    with engine.ledger.read() as tx:
        return wellbeing_in(tx, engine.settings, engine.clock.now())


def wellbeing_in(
    tx: Transaction, settings: Settings, now: datetime, *, robot_works: bool = True
) -> Wellbeing:
    """Where no robot works at all, and that is told already, it is no news that nobody looks."""
    states = {state.name: state for state in mailboxes.everything(tx)}
    standing = outbox.standing(tx)
    given_up = outbox.given_up(tx, now - DAY)
    names = [box.name for box in settings.mailboxes]
    boxes = [_of_mailbox(states.get(name) or MailboxState(name, None), now) for name in names]
    alarms = list(_mailbox_alarms(boxes, robot_works=robot_works))
    if settings.lmtp_port and LMTP not in names:
        listening = _of_mailbox(states.get(LMTP) or MailboxState(LMTP, None), now)
        boxes.append(listening)
        if robot_works:
            alarms += _listener_alarms(listening)
    oldest = _seconds(standing.oldest_asked_at, now)
    alarms += _answer_alarms(oldest, standing.oldest_reason)
    alarms += _given_up_alarms(given_up)
    return Wellbeing(boxes, standing.waiting, oldest, tuple(alarms), given_up.count)


def _of_mailbox(state: MailboxState, now: datetime) -> MailboxWellbeing:
    return MailboxWellbeing(
        state.name,
        _seconds(state.looked_at, now),
        state.waiting,
        _seconds(state.oldest_at, now),
        state.trouble,
        state.left_alone,
    )


def _mailbox_alarms(boxes: Sequence[MailboxWellbeing], *, robot_works: bool) -> Sequence[str]:
    limit = ALARM_AFTER.total_seconds()
    alarms = []
    for box in boxes:
        if box.trouble:
            # At once: of the minute too little is left to wait and see.
            alarms.append(
                _("Mailbox {name}: {trouble}.").format(name=box.name, trouble=box.trouble)
            )
        if robot_works:
            alarms += _look_alarms(box)
        if box.oldest_seconds is not None and box.oldest_seconds > limit:
            alarms.append(
                _("Mailbox {name}: a letter has waited for {span} to be taken in.").format(
                    name=box.name, span=span(timedelta(seconds=box.oldest_seconds))
                )
            )
    return alarms


def _look_alarms(box: MailboxWellbeing) -> Sequence[str]:
    if box.seconds_since_look is None:
        if box.trouble:
            return ()
        return [_("Mailbox {name}: nobody has looked into it yet.").format(name=box.name)]
    if box.seconds_since_look <= ALARM_AFTER.total_seconds():
        return ()
    return [
        _("Mailbox {name}: nobody has looked into it for {span}.").format(
            name=box.name, span=span(timedelta(seconds=box.seconds_since_look))
        )
    ]


def _listener_alarms(box: MailboxWellbeing) -> Sequence[str]:
    if box.seconds_since_look is None:
        return [_("LMTP: no robot has listened yet.")]
    if box.seconds_since_look <= ALARM_AFTER.total_seconds():
        return ()
    return [
        _("LMTP: no robot has listened for {span}.").format(
            span=span(timedelta(seconds=box.seconds_since_look))
        )
    ]


def _answer_alarms(oldest: float | None, reason: str) -> Sequence[str]:
    if oldest is None or oldest <= ALARM_AFTER.total_seconds():
        return ()
    if not reason:
        return [
            _("An answer has waited for {span}; is the mail server there?").format(
                span=span(timedelta(seconds=oldest))
            )
        ]
    return [
        _("An answer has waited for {span}; what came of the last try: {reason}").format(
            span=span(timedelta(seconds=oldest)), reason=reason
        )
    ]


def _given_up_alarms(found: GivenUp) -> Sequence[str]:
    if not found.count:
        return ()
    return [
        ngettext(
            "{count} letter was given up in the last 24 hours; does the mail server let us send? "
            "The last try: {reason}",
            "{count} letters were given up in the last 24 hours; does the mail server let us send? "
            "The last try: {reason}",
            found.count,
        ).format(count=found.count, reason=found.reason)
    ]


def _seconds(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0.0)
