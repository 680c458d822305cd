"""Finding a customer by what a clerk has before them: an account, a number, an address, a name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select

from campaigns.channel import ContactKind
from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import audiences, contact_points, recipients

# Rows that are looked at for one search: who finds more has to say more.
MOST_ROWS = 400
_ACCEPTED = ("ready", "erased")  # lists whose import is whole


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list."""

    recipient_id: int
    account_number: str
    surname: str
    name: str
    patronymic: str
    audience_id: int
    audience_name: str
    imported_at: datetime
    erased_at: datetime | None

    @property
    def full_name(self) -> str:
        return " ".join(filter(None, (self.surname, self.name, self.patronymic)))


def by_account(tx: Transaction, account_number: str) -> Sequence[int]:
    """The recipients with this account number, as the lists spell it."""
    r = recipients.c
    return _ids(tx, and_(_in_lists(r.audience_id), r.account_number == account_number))


def by_number(tx: Transaction, number: str) -> Sequence[int]:
    """The recipients with this telephone number (E.164)."""
    p = contact_points.c
    having = select(p.recipient_id).where(_in_lists(p.audience_id), p.address == number)
    return _ids(tx, recipients.c.id.in_(having.limit(MOST_ROWS)))


def by_address(tx: Transaction, address: str) -> Sequence[int]:
    """The recipients with this e-mail address; capitals make no other mailbox."""
    p = contact_points.c
    having = select(p.recipient_id).where(
        # Written out: only so does SQLite see that the partial index fits.
        p.kind == literal_column(f"'{ContactKind.EMAIL.value}'"),
        func.lower(p.address) == address.lower(),
    )
    return _ids(tx, recipients.c.id.in_(having.limit(MOST_ROWS)))


def by_name(tx: Transaction, words: Sequence[str]) -> Sequence[int]:
    """The recipients of this surname whose name and patronymic begin as told; the surname stands
    first, or last («Мария Ивановна Петрова»).

    Capitals do not matter as long as the whole surname is in one of the usual spellings: neither
    database folds Russian letters by an index.
    """
    orders = [(words[0], words[1:3])]
    if len(words) > 1:
        orders.append((words[-1], words[: min(len(words) - 1, 2)]))
    r = recipients.c
    found = [
        and_(
            r.surname.in_(sorted(_spellings(surname))),
            r.surname != literal_column("''"),
            *(
                or_(*(column.startswith(one, autoescape=True) for one in _spellings(given)))
                for column, given in zip((r.name, r.patronymic), rest, strict=False)
            ),
        )
        for surname, rest in orders
    ]
    return _ids(tx, and_(or_(*found), _in_lists(r.audience_id)))


def _spellings(word: str) -> set[str]:
    word = word.rstrip(".")
    titled = "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))
    return {word, titled, word.upper(), word.lower()}


def _in_lists(column: ColumnElement[int]) -> ColumnElement[bool]:
    """List by list: each has an index."""
    return column.in_(select(audiences.c.id).where(audiences.c.status.in_(_ACCEPTED)))


def _ids(tx: Transaction, condition: ColumnElement[bool]) -> Sequence[int]:
    r = recipients.c
    found = select(r.id).where(condition).order_by(r.id.desc()).limit(MOST_ROWS)
    return tx.execute(found).scalars().all()


def rows(tx: Transaction, recipient_ids: Collection[int]) -> Sequence[Row]:
    """Where these recipients stand, the newest list first."""
    r, a = recipients.c, audiences.c
    found = tx.execute(
        select(
            r.id,
            r.account_number,
            r.surname,
            r.name,
            r.patronymic,
            a.id,
            a.name,
            a.imported_at,
            r.erased_at,
        )
        .join(audiences, a.id == r.audience_id)
        .where(bulk.among(tx, r.id, recipient_ids))
        .order_by(r.id.desc())
    )
    return [Row(*row) for row in found]


def row(tx: Transaction, recipient_id: int) -> Row | None:
    """Where one recipient stands; None when there is no such one."""
    return next(iter(rows(tx, [recipient_id])), None)
