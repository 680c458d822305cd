"""The mail-robot in the demonstration: letters of all kinds, dropped one after the other into a
mailbox on this machine, and what became of each.

Everything is real but the people: an IMAP server, the robot that looks after it, the mail server
that takes its answers, and the seconds from a letter's arrival to its answer. Only the day is that
on which the campaign ended. Neither of the campaign's books is touched: what the mail server took
is written into one of its own.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from campaigns.channel import ChannelName
from campaigns.demo.letter_files import DemoLetter, Ours, demo_letters
from campaigns.inquiry.verdict import Verdict
from campaigns.outcome import Outcome
from channels.sandbox import Patterns, Sandbox
from channels.sandbox.mailbox_server import MailboxServer
from dispatcher.clock import Clock
from dispatcher.demo import ANSWERS
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, attempts, letter_fates, letters, mailboxes, outbox
from dispatcher.ledger.letter_fates import LetterFate
from dispatcher.ledger.outbox import MailKind
from dispatcher.mailrobot.robot import Robot
from dispatcher.rehearsal import SANDBOX_MAILBOX, toward, with_mailbox
from dispatcher.settings import Settings
from dispatcher.tokens import TokenFor, attempt_key, sign
from dispatcher.wiring import make_engine
from templates.i18n import _

SPECIALIST = "specialist@example.com"
MOST_SPOKEN_OF = 4  # letters of the campaign that others answer or report on
LOOK_SECONDS = 0.02
READY_SECONDS = 10.0
# A letter that is not taken in by then is not waited for; the next ones go on.
TAKEN_SECONDS = 5.0
SENT_SECONDS = 15.0
# Nobody is away and no mailbox full: what is shown here is the robot.
EVERYBODY_IS_THERE = Patterns.model_validate(
    {"mix": {"phone": {"heard": 1}, "sms": {"delivered": 1}, "email": {"accepted": 1}}}
)


class RunningOn:
    """A clock that goes on in real time from where a simulated one stands."""

    def __init__(self, start_at: datetime) -> None:
        self._start_at, self._began = start_at, time.monotonic()

    def now(self) -> datetime:
        return self._start_at + timedelta(seconds=time.monotonic() - self._began)


@dataclass(frozen=True, slots=True)
class Followed:
    """One letter and what followed. `fate` None: it is not in the ledger, and so is lost; `answers`
    is how often the mail server took its answer, which `seconds` after its arrival was there."""

    name: str
    fate: LetterFate | None
    seconds: float | None
    answers: int

    @property
    def is_answered(self) -> bool:
        return self.answers == 1

    @property
    def is_silent(self) -> bool:
        return self.fate is not None and self.fate.verdict is Verdict.SILENT and not self.answers

    @property
    def is_well(self) -> bool:
        """It has the one answer that it should have, or the silence."""
        if self.fate is not None and self.fate.verdict is Verdict.ANSWER:
            return self.answers == 1 and self.seconds is not None
        return self.is_silent


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything that was dropped, in its order."""

    rows: Sequence[Followed]

    @property
    def answered(self) -> int:
        return sum(row.is_answered for row in self.rows)

    @property
    def silent(self) -> int:
        return sum(row.is_silent for row in self.rows)

    @property
    def lost(self) -> int:
        return sum(row.fate is None for row in self.rows)

    @property
    def failed(self) -> int:
        """Lost, not answered in time, or answered more than once."""
        return sum(not row.is_well for row in self.rows)

    @property
    def slowest_seconds(self) -> float | None:
        return max((row.seconds for row in self.rows if row.seconds is not None), default=None)


def exchange(
    engine: Engine,
    campaign_id: int,
    out: Path,
    told: Callable[[int, int], object] = lambda _done, _of: None,
) -> Exchange:
    """Drop the letters and wait until each has what it should have, or patience ends.

    The campaign is one that ran on this engine, and `out` its folder. `told` hears which of how
    many letters is dropped. Raises NotPossible when the robot does not get to its mailbox, and
    OSError.
    """
    clock = RunningOn(engine.clock.now())
    with engine.ledger.read() as tx:
        dropping = demo_letters(_ours(tx, engine, campaign_id))
    with (
        Sandbox(clock.now, patterns=EVERYBODY_IS_THERE, journal_path=out / ANSWERS) as sandbox,
        MailboxServer() as mailbox,
    ):
        settings = with_mailbox(mailbox, toward(sandbox, _alone(engine.settings)))
        with_robot = make_engine(
            settings, clock=clock, ledger=engine.ledger, receipts_url=engine.receipts_url
        )
        with Robot(with_robot):
            if not _until(lambda: _is_looked_into(engine), READY_SECONDS):
                raise NotPossible(_("The mail-robot does not get to its mailbox."))
            dropped_at = _drop(engine, mailbox, clock, dropping, told)
            _until(lambda: _is_all_sent(engine), SENT_SECONDS)
        taken = [one.reference for one in sandbox.received]
    with engine.ledger.read() as tx:
        fates = _fates(tx)
    return Exchange(
        [
            _followed(one, fates.get(one.raw), at, taken)
            for one, at in zip(dropping, dropped_at, strict=True)
        ]
    )


def _alone(settings: Settings) -> Settings:
    """Nothing of the house's own takes part: its other ways in, its marks of spam, its staff."""
    return settings.model_copy(
        update={
            "lmtp_port": 0,
            "spam_headers": {},
            "inquiries_to": settings.inquiries_to or SPECIALIST,
        }
    )


def _ours(tx: Transaction, engine: Engine, campaign_id: int) -> Sequence[Ours]:
    """Letters of the campaign that arrived, for others to speak of."""
    arrived = [
        one
        for _account, one in attempts.of_campaign(tx, campaign_id)
        if one.channel is ChannelName.EMAIL and one.outcome is Outcome.ACCEPTED and one.reference
    ]
    return [
        Ours(
            address=one.contact_point,
            message_id=one.reference or "",
            token=sign(
                engine.secret, TokenFor.UNSUBSCRIBE, attempt_key(one.delivery_id, one.number)
            ),
        )
        for one in arrived[:MOST_SPOKEN_OF]
    ]


def _drop(
    engine: Engine,
    mailbox: MailboxServer,
    clock: Clock,
    dropping: Sequence[DemoLetter],
    told: Callable[[int, int], object],
) -> Sequence[datetime]:
    """Each as soon as the one before is in the ledger, so that whatever refers to an earlier letter
    finds it there; when each arrived."""
    dropped_at = []
    for count, one in enumerate(dropping, start=1):
        told(count, len(dropping))
        dropped_at.append(clock.now())
        mailbox.drop(one.raw, dropped_at[-1])
        _until(partial(_are_taken, engine, count), TAKEN_SECONDS)
    return dropped_at


def _until(is_so: Callable[[], bool], patience_seconds: float) -> bool:
    """Wait for something; False when it did not come in time."""
    give_up_at = time.monotonic() + patience_seconds
    while not is_so():
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _is_looked_into(engine: Engine) -> bool:
    with engine.ledger.read() as tx:
        return any(
            one.name == SANDBOX_MAILBOX and one.looked_at for one in mailboxes.everything(tx)
        )


def _are_taken(engine: Engine, count: int) -> bool:
    with engine.ledger.read() as tx:
        return len(letter_fates.of_mailbox(tx, SANDBOX_MAILBOX)) >= count


def _is_all_sent(engine: Engine) -> bool:
    with engine.ledger.read() as tx:
        return not any(
            outbox.standing(tx, kind).waiting for kind in (MailKind.ACKNOWLEDGEMENT, MailKind.ROUTE)
        )


def _fates(tx: Transaction) -> dict[bytes, LetterFate]:
    """By the letter as it came: nothing else tells one of them from another for certain."""
    return {
        letters.original(tx, fate.letter_id).content: fate
        for fate in letter_fates.of_mailbox(tx, SANDBOX_MAILBOX)
    }


def _followed(
    one: DemoLetter, fate: LetterFate | None, dropped_at: datetime, taken: Sequence[str]
) -> Followed:
    if fate is None or fate.answer_id is None:
        return Followed(one.name, fate, None, 0)
    seconds = (fate.sent_at - dropped_at).total_seconds() if fate.sent_at else None
    return Followed(one.name, fate, seconds, taken.count(fate.answer_id))
