"""What is due, done piece by piece: each in a transaction of its own, of less than a second.

Whoever dies leaves nothing half done, and whoever comes next goes on where the rows say. Several
may work at once: they take different rows, or find that it was done.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from campaigns.channel import Purpose
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, archive, bad_rows, erasure, interrupted, scenarios, trail
from dispatcher.ledger.erasure import Used
from dispatcher.retention.books import close_books, forget_people
from dispatcher.retention.terms import Terms, is_over, months_before

ACTOR = "retention"
# No import takes so long: it was interrupted, and nobody has begun it again.
INTERRUPTED_AFTER = timedelta(days=1)


class Kind(StrEnum):
    BOOKS = "books"  # campaigns whose books were closed
    ARCHIVED = "archived"  # attempts that moved
    CUSTOMERS = "customers"  # erased with all that hung on them
    LISTS = "lists"  # in which nobody is left
    LETTERS = "letters"
    INQUIRIES = "inquiries"
    IMPORTS = "imports"  # that were interrupted, thrown away
    RECEIPTS = "receipts"  # of messages that are not ours


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of the work that was done."""

    kind: Kind
    count: int


@dataclass(frozen=True, slots=True)
class Due:
    """What would go now. `months`: (month of the closing, campaigns, attempts) to be archived."""

    months: Sequence[tuple[str, int, int]]
    lists: int
    customers: int
    inquiries: int
    letters: int
    imports: int

    @property
    def is_nothing(self) -> bool:
        return not (self.months or self.lists or self.inquiries or self.letters or self.imports)


def terms_of(tx: Transaction, engine: Engine) -> Terms:
    s = engine.settings
    every = (engine.scenario(tx, known).scenario for known in scenarios.all_ids(tx))
    quiet = (one.policy(channel).quiet_after_positive for one in every for channel in one.channels)
    return Terms(
        s.keep_months, s.keep_letters_months, s.archive_months, max(quiet, default=timedelta(0))
    )


def look(engine: Engine, now: datetime) -> Due:
    """What is due, counted; nothing is changed."""
    with engine.ledger.read() as tx:
        terms = terms_of(tx, engine)
        lists = due_lists(tx, engine, now)
        letters = months_before(now, terms.letters) if terms.letters else None
        return Due(
            months=(
                archive.waiting(tx, terms.closed_before(now, terms.archive))
                if terms.archive
                else ()
            ),
            lists=len(lists),
            customers=sum(used.recipients for used in lists),
            inquiries=erasure.count(tx, erasure.old_inquiries(letters)) if letters else 0,
            letters=erasure.count(tx, erasure.old_letters(letters)) if letters else 0,
            imports=erasure.count(tx, interrupted.imports(now - INTERRUPTED_AFTER)),
        )


def work(engine: Engine, now: datetime) -> Iterator[Piece]:
    """Do what is due; stopped between two pieces, it goes on with the next call."""
    with engine.ledger.read() as tx:
        terms = terms_of(tx, engine)
    if terms.archive:
        yield from _archive(engine, terms.closed_before(now, terms.archive), now)
    with engine.ledger.read() as tx:
        lists = due_lists(tx, engine, now)
    for used in lists:
        yield from _erase_list(engine, used, now)
    yield from _discard_imports(engine, now)
    while count := engine.ledger.insist(erasure.erase_left_letters):
        yield Piece(Kind.LETTERS, count)
    if terms.letters:
        yield from _erase_letters(engine, months_before(now, terms.letters), now)


def due_lists(tx: Transaction, engine: Engine, now: datetime) -> Sequence[Used]:
    """Lists from which nobody may be told any more."""
    every = erasure.used_lists(tx)
    scenario_ids = {scenario_id for used in every for _id, scenario_id, _at in used.campaigns}
    purposes: Mapping[int, Purpose] = {
        scenario_id: engine.scenario(tx, scenario_id).scenario.purpose
        for scenario_id in scenario_ids
    }
    terms = terms_of(tx, engine)
    return [used for used in every if is_over(used, purposes, terms, now)]


def _archive(engine: Engine, before: datetime, now: datetime) -> Iterator[Piece]:
    with engine.ledger.read() as tx:
        still_open = archive.closed_before(tx, before)
    for campaign_id in still_open:
        yield Piece(Kind.BOOKS, int(close_books(engine, campaign_id, now)))
    with engine.ledger.read() as tx:
        due = archive.due(tx, before)
    for campaign_id in due:
        move = partial(archive.move, campaign_id=campaign_id, now=now)
        while moved := engine.ledger.insist(move):
            yield Piece(Kind.ARCHIVED, moved)


def _erase_list(engine: Engine, used: Used, now: datetime) -> Iterator[Piece]:
    insist = engine.ledger.insist
    for campaign_id, _scenario, _closed_at in used.campaigns:
        yield Piece(Kind.BOOKS, int(close_books(engine, campaign_id, now)))
    last: int | None = 0
    while last is not None:
        done = insist(partial(_erase_next, used=used, after_id=last, now=now))
        if done is None:
            return
        last, count = done
        yield Piece(Kind.CUSTOMERS, count)
    last = 0
    while last is not None:
        last = insist(
            partial(
                bad_rows.erase_next,
                audience_id=used.audience_id,
                after_id=last,
                piece=erasure.PIECE,
            )
        )
        yield Piece(Kind.CUSTOMERS, 0)
    if insist(partial(_close_list, used=used, now=now)):
        yield Piece(Kind.LISTS, 1)


def _erase_next(
    tx: Transaction, used: Used, after_id: int, now: datetime
) -> tuple[int | None, int] | None:
    """None when somebody has begun to use the list again."""
    if erasure.is_used_again(tx, used):
        return None
    return erasure.erase_recipients(tx, used.audience_id, after_id, now)


def _close_list(tx: Transaction, used: Used, now: datetime) -> bool:
    if erasure.is_used_again(tx, used) or not erasure.close_list(tx, used.audience_id):
        return False
    ids = [campaign_id for campaign_id, _scenario, _closed_at in used.campaigns]
    for campaign_id in ids:
        forget_people(tx, campaign_id, None)
    trail.note(
        tx,
        now,
        ACTOR,
        "retention.erase",
        f"audience:{used.audience_id}",
        customers=used.recipients,
        campaigns=ids,
    )
    return True


def _discard_imports(engine: Engine, now: datetime) -> Iterator[Piece]:
    with engine.ledger.read() as tx:
        ids = tx.scalars(interrupted.imports(now - INTERRUPTED_AFTER)).all()
    for audience_id in ids:
        take = partial(interrupted.discard, audience_id=audience_id, piece=erasure.PIECE)
        while engine.ledger.insist(take):
            yield Piece(Kind.IMPORTS, 0)
        engine.ledger.insist(partial(_note_discarded, audience_id=audience_id, now=now))
        yield Piece(Kind.IMPORTS, 1)


def _note_discarded(tx: Transaction, audience_id: int, now: datetime) -> None:
    trail.note(tx, now, ACTOR, "retention.discard", f"audience:{audience_id}")


def _erase_letters(engine: Engine, before: datetime, now: datetime) -> Iterator[Piece]:
    insist = engine.ledger.insist
    for kind, erase in (
        (Kind.LETTERS, partial(erasure.erase_old_letters, before=before, now=now)),
        (Kind.INQUIRIES, partial(erasure.erase_old_inquiries, before=before, now=now)),
        (Kind.RECEIPTS, partial(erasure.erase_stray_receipts, before=before)),
    ):
        while count := insist(erase):
            yield Piece(kind, count)
