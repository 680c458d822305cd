"""Taking letters in: read, judged, registered, answered and passed on in one transaction.

Letters that come together share a transaction, for the sake of bursts, as long as it is short and
nobody waits crosswise. What breaks one is found by taking its letters one by one; a letter that
breaks even alone is kept as it is, for a person to look at.
"""

import time
import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

import dispatcher
from campaigns.inquiry.letter import Flaw, Letter
from campaigns.inquiry.verdict import House
from campaigns.stop_words import Wish
from channels.mailbox.arrived import Arrived
from channels.mailbox.reading import ReadLetter, read_letter
from dispatcher import metrics, tracing
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.inquiries.house import house_of
from dispatcher.ledger import Transaction, letters
from dispatcher.logs import mask
from dispatcher.mailrobot.carrying_out import carry_out
from dispatcher.mailrobot.deciding import Decided, decide
from dispatcher.mailrobot.identity import identity_of

log = structlog.get_logger()

_CODE = Path(dispatcher.__file__).parent.parent
_OURS = tuple(f"{_CODE / name}/" for name in ("dispatcher", "channels", "campaigns", "templates"))

# Of a letter that nothing can be made of.
_NOTHING = ReadLetter(Letter(flaws=frozenset({Flaw.UNREADABLE, Flaw.NO_SENDER})), None)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the log says of a letter, once it is committed."""

    arrived: Arrived
    letter_id: int
    decided: Decided | None  # None: it was taken in before


class TakingIn:
    """Takes letters into the ledger; the same letter any number of times, but once.

    A transaction takes no further letter after `longest_seconds`: whoever sends letters that cost
    much holds up no answer but his own.
    """

    def __init__(self, engine: Engine, *, longest_seconds: float = 1.0) -> None:
        self._engine = engine
        self._house: House = house_of(engine)
        self._longest_seconds = longest_seconds

    def take(self, batch: Sequence[Arrived]) -> Collection[int]:
        """The uids of those that are safe in the ledger. Raises LedgerAway; what was committed
        before it is known when it comes again."""
        read = [(one, read_letter(one.raw, is_whole=one.is_whole)) for one in batch]
        taken: list[int] = []
        try:
            self._take_all(read, taken)
        except LedgerAway:
            raise
        except Exception as error:
            left = [one for one, _letter in read[len(taken) :]]
            if len(left) == 1:
                return [*taken, left[0].uid] if self._take_anyhow(left[0], error) else taken
            log.warning("letters.one_by_one", letters=len(left), kind=type(error).__name__)
            return [*taken, *(uid for one in left for uid in self.take([one]))]
        return taken

    def take_one(self, arrived: Arrived) -> bool:
        """Whether it is safe in the ledger. Raises LedgerAway."""
        return bool(self.take([arrived]))

    def _take_all(self, read: Sequence[tuple[Arrived, ReadLetter]], taken: list[int]) -> None:
        """In as many transactions as it needs; `taken` grows by the uids of each."""
        while read:
            with tracing.span("letters", letters=len(read)):
                told = self._engine.ledger.insist(partial(self._take_some, read=read))
            taken += [one.arrived.uid for one in told]
            for one in told:
                _tell(one)
            read = read[len(told) :]

    def _take_some(
        self, tx: Transaction, read: Sequence[tuple[Arrived, ReadLetter]]
    ) -> Sequence[_Told]:
        """As many as one transaction may take: the first, and those behind it in their order."""
        letters.one_robot_at_a_time(tx)
        ends_at = time.monotonic() + self._longest_seconds
        told: list[_Told] = []
        for arrived, one in read:
            if told and time.monotonic() >= ends_at:
                break
            next_told = self._take_in(tx, arrived, one, is_first=not told)
            if next_told is None:
                break
            told.append(next_told)
        self._note_uids(tx, told)
        return told

    def _take_anyhow(self, arrived: Arrived, error: Exception) -> bool:
        """What our own code breaks on is a bug of ours, and no reason to lose a letter."""
        log.error("letter.broken", mailbox=arrived.mailbox, **_known_of(error))
        try:
            self._take_all([(arrived, _NOTHING)], [])
        except LedgerAway:
            raise
        except Exception as worse:
            log.error("letter.not_taken", mailbox=arrived.mailbox, **_known_of(worse))
            return False
        return True

    def _take_in(
        self, tx: Transaction, arrived: Arrived, read: ReadLetter, *, is_first: bool
    ) -> _Told | None:
        """None: the letter has to begin a transaction of its own."""
        known = letters.known(tx, identity_of(read.letter, arrived.raw))
        if known is not None:
            return _Told(arrived, known, None)
        now = self._engine.clock.now()
        decided = decide(
            tx, self._engine, self._house, read, arrived.raw, now, mailbox=arrived.mailbox
        )
        if not is_first and _is_about_campaigns(decided):
            return None
        return _Told(arrived, carry_out(tx, self._engine, arrived, decided, now), decided)

    def _note_uids(self, tx: Transaction, told: Sequence[_Told]) -> None:
        folders = {(one.arrived.mailbox, one.arrived.uid_validity) for one in told}
        for mailbox, uid_validity in folders:
            letters.note_uids(
                tx,
                mailbox,
                uid_validity,
                [
                    (one.arrived.uid, one.letter_id)
                    for one in told
                    if (one.arrived.mailbox, one.arrived.uid_validity) == (mailbox, uid_validity)
                    and one.arrived.uid
                ],
            )


def _is_about_campaigns(decided: Decided) -> bool:
    """Whether it holds contact points or deliveries. Everybody takes hold of these before a number
    for an inquiry; who has a number already would wait crosswise with an SMS or a worker."""
    return (
        decided.attempt is not None
        or decided.report is not None
        or decided.is_unsubscribe
        or decided.wish is Wish.STOP
    )


def _known_of(error: Exception) -> dict[str, str]:
    """The kind of an error and where in our code it came up. Not its words: a database quotes the
    row that it refuses, which is the letter."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if one.filename.startswith(_OURS)]
    place = ours[-1] if ours else None
    where = f"{Path(place.filename).relative_to(_CODE)}:{place.lineno}" if place else ""
    return {"kind": type(error).__name__, "where": where}


def _tell(told: _Told) -> None:
    """The canonical line: one for each letter that came in."""
    decided = told.decided
    if decided is None:
        log.info("letter.known", mailbox=told.arrived.mailbox, letter=told.letter_id)
        return
    sender = decided.letter.sender
    metrics.letter_came(decided.judged.verdict, decided.judged.reason)
    log.info(
        "letter.in",
        mailbox=told.arrived.mailbox,
        letter=told.letter_id,
        sender=mask(sender.address) if sender else "",
        verdict=decided.judged.verdict.value,
        reason=decided.judged.reason.value,
        topic=decided.sorted.topic.value if decided.is_registered else None,
        flaws=sorted(flaw.value for flaw in decided.letter.flaws),
        size_bytes=told.arrived.size_bytes,
    )
