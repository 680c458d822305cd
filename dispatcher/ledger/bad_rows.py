"""Bad rows of imported files: what stood in them goes, that there were some stays.

Their cells are as the file had them, so a number may be spelt in any way, and an account that could
not be read stands in a cell alone.
"""

from collections.abc import Collection, Iterable
from itertools import chain

from sqlalchemy import select, update

from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import row_errors

CHUNK = 2000
# Of a number as we spell it, what stands in each of its spellings: +7 916 … and 8 (916) … alike.
NATIONAL_DIGITS = 10


def erase_next(tx: Transaction, audience_id: int, after_id: int, piece: int) -> int | None:
    """Erase the next bad rows of a list: the last one's id, None when none is left."""
    e = row_errors.c
    later = select(e.id).where(e.audience_id == audience_id, e.id > after_id)
    ids = tx.execute(later.order_by(e.id).limit(piece)).scalars().all()
    _erase(tx, ids)
    return ids[-1] if ids else None


def forget(tx: Transaction, account: str | None, points: Collection[str]) -> None:
    """Erase, in every list, the rows of an account, and those of nobody's account that name it or
    one of the contact points; without an account: all rows that name one of these.

    Reads all bad rows there are. A row too many loses its cells; none too few.
    """
    e = row_errors.c
    rows = tx.execute(
        select(e.id, e.account_number, e.value, e.cells).execution_options(yield_per=CHUNK)
    )
    wanted = frozenset({_bare(account)} if account is not None else ())
    ids = [
        row.id
        for row in rows
        if (account is not None and row.account_number == account)
        or (
            (account is None or not row.account_number)
            and _is_named(chain((row.value,), row.cells), wanted, points)
        )
    ]
    _erase(tx, ids)


def _is_named(cells: Iterable[str], bare: frozenset[str], points: Collection[str]) -> bool:
    for cell in filter(None, map(str, cells)):
        if bare and _bare(cell) in bare:
            return True
        if any(_holds(cell, point) for point in points):
            return True
    return False


def _holds(cell: str, point: str) -> bool:
    if "@" in point:
        return point.casefold() in cell.casefold()
    return _digits(point)[-NATIONAL_DIGITS:] in _digits(cell)


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _erase(tx: Transaction, ids: Collection[int]) -> None:
    if ids:
        gone = update(row_errors).where(bulk.among(tx, row_errors.c.id, ids))
        tx.execute(gone.values(value="", cells=[], account_number=""))
