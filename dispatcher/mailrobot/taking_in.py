"""Taking letters in: read, judged, registered, answered and passed on in one transaction.

A batch is one transaction, for the sake of bursts. What breaks it is found by taking its letters
one by one; a letter that breaks even alone is kept as it is, for a person to look at.
"""

import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

import dispatcher
from campaigns.inquiry.letter import Flaw, Letter
from campaigns.inquiry.verdict import House
from channels.mailbox.arrived import Arrived
from channels.mailbox.reading import ReadLetter, read_letter
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.inquiries.house import house_of
from dispatcher.ledger import Transaction, letters
from dispatcher.logs import mask
from dispatcher.mailrobot.carrying_out import carry_out
from dispatcher.mailrobot.deciding import Decided, decide

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
    """Takes letters into the ledger; the same letter any number of times, but once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._house: House = house_of(engine)

    def take(self, batch: Sequence[Arrived]) -> Collection[int]:
        """The uids of those that are safe in the ledger. Raises LedgerAway."""
        read = [(one, read_letter(one.raw, is_whole=one.is_whole)) for one in batch]
        try:
            self._take_all(read)
        except LedgerAway:
            raise
        except Exception as error:
            if len(read) == 1:
                return [read[0][0].uid] if self._take_anyhow(read[0][0], error) else []
            log.warning("letters.one_by_one", letters=len(read), kind=type(error).__name__)
            return [uid for one in batch for uid in self.take([one])]
        return [one.uid for one in batch]

    def take_one(self, arrived: Arrived) -> bool:
        """Whether it is safe in the ledger. Raises LedgerAway."""
        return bool(self.take([arrived]))

    def _take_all(self, read: Sequence[tuple[Arrived, ReadLetter]]) -> None:
        def act(tx: Transaction) -> Sequence[_Told]:
            letters.one_robot_at_a_time(tx)
            told = [self._take_in(tx, arrived, one) for arrived, one in read]
            self._note_uids(tx, told)
            return told

        for told in self._engine.ledger.insist(act):
            _tell(told)

    def _take_anyhow(self, arrived: Arrived, error: Exception) -> bool:
        """What our own code breaks on is a bug of ours, and no reason to lose a letter."""
        log.error("letter.broken", mailbox=arrived.mailbox, **_known_of(error))
        try:
            self._take_all([(arrived, _NOTHING)])
        except LedgerAway:
            raise
        except Exception as worse:
            log.error("letter.not_taken", mailbox=arrived.mailbox, **_known_of(worse))
            return False
        return True

    def _take_in(self, tx: Transaction, arrived: Arrived, read: ReadLetter) -> _Told:
        now = self._engine.clock.now()
        decided = decide(
            tx, self._engine, self._house, read, arrived.raw, now, mailbox=arrived.mailbox
        )
        known = letters.known(tx, decided.identity)
        if known is not None:
            return _Told(arrived, known, None)
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
