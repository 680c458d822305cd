"""What the postman has claimed, until what came of each letter stands in the ledger."""

import itertools
from collections.abc import Sequence

import structlog

from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, outbox
from dispatcher.ledger.outbox import MEGABYTE, Claimed, MailEnding

log = structlog.get_logger()

MOST_LETTERS = 50
MOST_BYTES = 8 * MEGABYTE
# There is always room for so much: large letters on the way do not hold up the answers.
SMALL_BYTES = MEGABYTE


class Hands:
    """Used by one thread at a time but for `came`, which may overtake the others."""

    def __init__(self, engine: Engine, robot: str) -> None:
        self._engine, self._robot = engine, robot
        self._on_the_way: dict[int, Claimed] = {}
        self._endings: list[MailEnding] = []  # known to nobody but us until they are written down
        self._may_have_lost = False  # claims of which we were not told, or that were not begun

    @property
    def room(self) -> int:
        """How many letters more may be on the way."""
        return MOST_LETTERS - len(self._on_the_way)

    @property
    def are_empty(self) -> bool:
        return not self._on_the_way and not self._endings

    def claim(self, limit: int) -> Sequence[Claimed]:
        """Take what is due: letters that are on the way from now on."""
        tries = itertools.count()
        held = self._held()
        on_the_way = sum(len(one.content) for one in list(self._on_the_way.values()))

        def act(tx: Transaction) -> Sequence[Claimed]:
            if next(tries):  # the try before may have been committed without our being told
                outbox.release(tx, self._robot, held)
            return outbox.claim(
                tx,
                self._robot,
                self._engine.clock.now(),
                limit,
                most_bytes=max(MOST_BYTES - on_the_way, SMALL_BYTES),
                at_least_one=not held,
            )

        ledger, now = self._engine.ledger, self._engine.clock.now()
        with ledger.read() as tx:
            due_at = outbox.next_due(tx)
        if due_at is None or due_at > now:  # looking costs no writer's turn; claiming does
            return ()
        self._may_have_lost = True  # until we are told
        claimed = ledger.insist(act)
        self._on_the_way.update((one.id, one) for one in claimed)
        self._may_have_lost = False
        return claimed

    def came(self, one: Claimed, ending: MailEnding | None) -> None:
        """A letter is back from the mail server, or (None) was never tried."""
        if ending is None:
            self._may_have_lost = True
        else:
            self._endings.append(ending)
        self._on_the_way.pop(one.id, None)

    def write_down(self) -> None:
        """What came of letters; raises LedgerAway when it cannot be, and then it is kept."""
        endings = self._endings.copy()  # while it is written down more may come
        if not endings:
            return
        self._engine.ledger.insist(lambda tx: outbox.finish(tx, endings, self._robot))
        del self._endings[: len(endings)]

    def take_back(self) -> None:
        """What is claimed and not in our hands waits again. While this robot lives nobody else
        frees it."""
        if not self._may_have_lost:
            return
        held = self._held()
        self._may_have_lost = False
        try:
            lost = self._engine.ledger.insist(lambda tx: outbox.release(tx, self._robot, held))
        except BaseException:
            self._may_have_lost = True
            raise
        if lost:
            log.warning("outbox.released", letters=lost)

    def _held(self) -> Sequence[int]:
        # In this order: what comes back meanwhile is found among the endings.
        return [*list(self._on_the_way), *(ending.id for ending in list(self._endings))]
