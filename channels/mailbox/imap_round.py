"""One round through a mailbox: what waits is fetched in batches, taken in, marked and moved."""

import contextlib
import imaplib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels.mailbox.arrived import Arrived
from channels.mailbox.imap_answers import Measure
from channels.mailbox.imap_memory import FolderMemory
from channels.mailbox.imap_reach import Reach
from channels.mailbox.imap_session import ImapSession
from channels.mailbox.imap_troubles import NotTaken, OwnFault, Refused
from channels.mailbox.look import First, FirstLook, Seen, Take

logger = logging.getLogger(__name__)

# The first letters of a burst come in a small batch, so that their answers flow at once.
FIRST_BATCH, BATCH = 10, 50
BATCH_BYTES = 8 * 1024 * 1024
BEGINNING_BYTES = 256 * 1024  # of a letter that is too large
CHUNK = 500  # messages that are asked about at once
SETTLE_AT = 200  # letters that are marked and moved at once, at most


@dataclass(frozen=True, slots=True)
class Terms:
    """What stays the same from round to round."""

    mailbox: str
    take: Take
    seen: Seen
    now: Callable[[], datetime]
    letter_max_bytes: int
    first: First | None = None  # None: however old they are, letters are taken in
    first_days: int = 0
    away: tuple[type[Exception], ...] = (OSError,)


class Round:
    """`report(waiting)` is called now and then while it lasts. Raises NotTaken or OwnFault, and
    what a connection may raise."""

    def __init__(
        self,
        session: ImapSession,
        memory: FolderMemory,
        terms: Terms,
        report: Callable[[int], None],
    ) -> None:
        self._session, self._memory, self._terms = session, memory, terms
        self._report = report
        self._waiting = 0
        self._batch_size = FIRST_BATCH
        self._unsettled: list[int] = []
        self._too_large: list[int] = []
        self.taken = 0
        self.moves_fail: bool | None = None  # None: there was nothing to move

    def go(self) -> None:
        memory, session = self._memory, self._session
        memory.turn_to(session.uid_validity)
        unknown = memory.unknown(self._found())
        healthy = [uid for uid in unknown if not memory.is_suspect(uid)]
        suspects = [uid for uid in unknown if memory.is_suspect(uid)]
        self._waiting = len(unknown)
        for start in range(0, len(healthy), CHUNK):
            self._take_in(healthy[start : start + CHUNK])
        for suspect in suspects:
            self._take_in([suspect])
        self._settle()

    def tidy(self) -> None:
        """Move what was marked and not moved when a connection was lost, and count anew what is
        left alone."""
        self._memory.beyond_reach = None
        left = self._session.left_behind()
        for start in range(0, len(left), SETTLE_AT):
            self._move(left[start : start + SETTLE_AT])

    def _found(self) -> Sequence[int]:
        """What is not marked, as far back as we look."""
        memory, session = self._memory, self._session
        if memory.reach is None:
            memory.reach = Reach(self._first_look(), self._terms.first_days)
        keys = memory.reach.keys(session.uid_validity)
        is_counted = memory.beyond_reach is not None
        everything = () if is_counted or not keys else session.waiting()
        found = session.waiting(keys)
        if not is_counted:
            memory.beyond_reach = frozenset(everything) - set(found)
        return found

    def _first_look(self) -> FirstLook | None:
        if self._terms.first is None:
            return None
        highest = max(self._session.waiting(), default=0)
        with self._ours():
            return self._terms.first(
                FirstLook(self._terms.now(), self._session.uid_validity, highest)
            )

    def _take_in(self, uids: Sequence[int]) -> None:
        """A chunk of what waits."""
        before = self._taken_before(uids)
        fresh = self._fresh([uid for uid in uids if uid not in before])
        self._settle_before(before)
        for uid, measure in fresh.items():
            self._memory.arrived(uid, self._arrival(measure))
        self._waiting -= len(uids) - len(fresh)
        if len(fresh) > FIRST_BATCH:
            self._report(self._waiting)
        for batch in self._batches(fresh):
            self._hand_over(batch)
            if len(self._unsettled) >= SETTLE_AT:
                self._settle()
            if self._waiting:
                self._report(self._waiting)
        if len(self._unsettled) >= SETTLE_AT:
            self._settle()

    def _fresh(self, uids: Sequence[int]) -> Mapping[int, Measure]:
        """What is not in the ledger yet, measured. What has no measure has vanished, or the server
        stumbles over it: then its text is asked for all the same, alone."""
        measured = self._measured(uids) if uids else {}
        reach, validity, fresh = self._memory.reach, self._session.uid_validity, {}
        for uid in uids:
            if uid in measured:
                if reach is not None and reach.leaves(validity, uid, measured[uid].arrived_at):
                    self._memory.leave_alone(uid)
                else:
                    fresh[uid] = measured[uid]
            elif self._memory.is_suspect(uid):
                fresh[uid] = Measure(0, None)
            else:
                self._memory.put_off(uid)
        return fresh

    def _settle_before(self, before: Collection[int]) -> None:
        """What was taken in before, but neither marked nor moved."""
        session = self._session
        measured = self._measured(list(before)) if before and session.can_move else {}
        for uid in before:
            if session.keeps_marks or session.can_move:
                known = measured.get(uid)
                self._note_taken(uid, too_large=known is not None and self._is_too_large(known))
            else:
                self._memory.is_over([uid])

    def _taken_before(self, uids: Sequence[int]) -> Collection[int]:
        with self._ours():
            return set(self._terms.seen(self._session.uid_validity, uids)) & set(uids)

    def _measured(self, uids: Sequence[int]) -> Mapping[int, Measure]:
        """Where the server stumbles over one message, the others are asked about one by one."""
        try:
            with self._suspecting(uids):
                return self._session.measures(uids)
        except Refused:
            if len(uids) == 1:
                return {}
        found: dict[int, Measure] = {}
        for uid in uids:
            found.update(self._measured([uid]))
        return found

    def _batches(self, measured: Mapping[int, Measure]) -> Iterator[Mapping[int, Measure]]:
        """The oldest first; a letter that is too large comes alone."""
        batch: dict[int, Measure] = {}
        size_bytes = 0
        for uid, measure in measured.items():
            too_large = self._is_too_large(measure)
            full = len(batch) >= self._batch_size or size_bytes + measure.size_bytes > BATCH_BYTES
            if batch and (full or too_large):
                yield batch
                batch, size_bytes, self._batch_size = {}, 0, BATCH
            batch[uid] = measure
            size_bytes += measure.size_bytes
            if too_large:
                yield batch
                batch, size_bytes = {}, 0
        if batch:
            yield batch

    def _hand_over(self, batch: Mapping[int, Measure]) -> None:
        arrived = self._fetch(batch)
        if not arrived:
            return
        with self._ours():
            taken = set(self._terms.take(arrived))
        for letter in arrived:
            if letter.uid in taken:
                self.taken += 1
                self._waiting -= 1
                self._note_taken(letter.uid, too_large=not letter.is_whole)
            else:
                self._memory.put_off(letter.uid)

    def _fetch(self, batch: Mapping[int, Measure]) -> Sequence[Arrived]:
        """The letters of a batch, without those that cannot be had."""
        uids = list(batch)
        try:
            with self._suspecting(uids):
                found = self._bodies(batch)
        except Refused:
            if len(uids) == 1:
                self._memory.put_off(uids[0])
                return []
            return [one for uid in uids for one in self._fetch({uid: batch[uid]})]
        for uid in uids:
            if uid not in found:  # it has vanished, or the server cannot give it
                self._memory.put_off(uid)
        return [self._arrived(uid, batch[uid], raw) for uid, raw in found.items() if uid in batch]

    def _bodies(self, batch: Mapping[int, Measure]) -> Mapping[int, bytes]:
        [first, *others] = batch
        limit = self._terms.letter_max_bytes
        if not others and self._is_too_large(batch[first]):
            beginning = self._session.beginning(first, BEGINNING_BYTES)
            return {} if beginning is None else {first: beginning}
        if not others and self._memory.is_suspect(first):  # its size may be a lie
            whole = self._session.beginning(first, limit + 1)
            return {} if whole is None else {first: whole}
        return self._session.bodies(
            list(batch), sum(measure.size_bytes for measure in batch.values())
        )

    def _arrived(self, uid: int, measure: Measure, raw: bytes) -> Arrived:
        limit = self._terms.letter_max_bytes
        is_whole = not self._is_too_large(measure) and len(raw) <= limit
        return Arrived(
            mailbox=self._terms.mailbox,
            raw=raw if is_whole else raw[:BEGINNING_BYTES],
            arrived_at=self._arrival(measure),
            uid_validity=self._session.uid_validity,
            uid=uid,
            size_bytes=len(raw) if is_whole else max(measure.size_bytes, len(raw)),
            is_whole=is_whole,
        )

    def _arrival(self, measure: Measure) -> datetime:
        """Never in the future, whatever the server's clock says."""
        now = self._terms.now()
        return min(measure.arrived_at or now, now)

    def _is_too_large(self, measure: Measure) -> bool:
        return measure.size_bytes > self._terms.letter_max_bytes

    def _note_taken(self, uid: int, *, too_large: bool) -> None:
        self._memory.taken([uid])
        (self._too_large if too_large else self._unsettled).append(uid)

    def _settle(self) -> None:
        """Mark and move what is in the ledger. What cannot be is not tried again by this process:
        the ledger knows it."""
        done, too_large = self._unsettled, self._too_large
        self._unsettled, self._too_large = [], []
        try:
            self._session.mark(done)
            self._session.mark(too_large, for_a_person=True)
        except Refused:
            logger.warning("%s: the server does not mark letters", self._terms.mailbox)
        self._move(done)
        self._memory.is_over([*done, *too_large])

    def _move(self, uids: Sequence[int]) -> None:
        if not uids:
            return
        try:
            self._session.move(uids)
            self.moves_fail = False
        except Refused:
            self.moves_fail = True

    @contextlib.contextmanager
    def _ours(self) -> Iterator[None]:
        """Whatever fails here is no fault of the mail server's."""
        try:
            yield
        except self._terms.away as error:
            raise NotTaken from error
        except Exception as error:
            raise OwnFault from error

    @contextlib.contextmanager
    def _suspecting(self, uids: Sequence[int]) -> Iterator[None]:
        """Where the connection is lost over some messages, one of them may be the reason: from then
        on each is asked for alone, after all others."""
        try:
            yield
        except (OSError, imaplib.IMAP4.abort, ValueError):
            for uid in uids:
                self._memory.put_off(uid)
            raise
