"""The trail as a journal to be leafed through: newest first, by person, kind of act and day.

A page begins where the one before it ended, by the number of the entry: what is written meanwhile
shifts nothing, and the thousandth page costs what the first one does.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from dispatcher.ledger.connection import Ledger, Transaction
from dispatcher.ledger.staff_tables import staff
from dispatcher.ledger.tables import inquiries, trail

_PIECE = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `subject` is what it was done to, such as `campaign:7`."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for; nothing: everything. `by_program`: acts of nobody of the staff.
    `by_nobody`: of somebody whom we do not know, so that nothing is found."""

    actor: str = ""
    by_program: bool = False
    by_nobody: bool = False
    actions: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None


def entries(
    tx: Transaction, wanted: Wanted, count: int, before: int | None = None
) -> Sequence[Entry]:
    """The newest ones, or those before an entry."""
    if wanted.by_nobody:
        return []
    c = trail.c
    query = select(c.id, c.at, c.actor, c.action, c.subject, c.details)
    if wanted.actor:
        query = query.where(c.actor == wanted.actor)
    if wanted.by_program:
        query = query.where(c.actor.not_in(select(staff.c.login)))
    if wanted.actions:
        query = query.where(c.action.in_(list(wanted.actions)))
    if wanted.since is not None:
        query = query.where(c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(c.at < wanted.until)
    if before is not None:
        query = query.where(c.id < before)
    rows = tx.execute(query.order_by(c.id.desc()).limit(count))
    return [Entry(*row) for row in rows]


def every(ledger: Ledger, wanted: Wanted) -> Iterator[Entry]:
    """All of them, newest first, in pieces: no transaction stays open while they are sent."""
    before: int | None = None
    while True:
        with ledger.read() as tx:
            piece = entries(tx, wanted, _PIECE, before)
        yield from piece
        if len(piece) < _PIECE:
            return
        before = piece[-1].id


def inquiry_numbers(tx: Transaction, ids: Collection[int]) -> Mapping[int, str]:
    """By which numbers staff know inquiries."""
    if not ids:
        return {}
    query = select(inquiries.c.id, inquiries.c.number).where(inquiries.c.id.in_(list(ids)))
    return {row[0]: row[1] for row in tx.execute(query)}
