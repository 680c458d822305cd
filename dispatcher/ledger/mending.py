"""Rows that come back: what was found wrong with them gives way to what is wrong with them now.

A row from a file of errors is known by the number that it had (its account number may be the very
thing that was mended), any other row by its account number. When in doubt a finding stays: a
mistake told twice is a nuisance, a row that is lost without a word is a customer without a message.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, or_, select, update

from campaigns.audience import RowError, join_rows
from campaigns.audience.headers import normalised
from campaigns.audience.joining import DUPLICATE_ACCOUNT
from campaigns.recipient import Recipient
from dispatcher.errors import NotPossible
from dispatcher.ledger import audiences
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import audiences as audiences_table
from dispatcher.ledger.tables import campaigns, recipients, row_errors
from templates.i18n import _

Row = Recipient | RowError


@dataclass(frozen=True, slots=True)
class Reopened:
    """An audience that takes rows again. Findings up to `last_error_id` were there before."""

    audience_id: int
    last_error_id: int
    header: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a piece of returning rows came to.

    `errors` are the findings to store, `undecided` the rows of which an older finding still holds,
    `fresh_rows` counts those that nobody had seen before.
    """

    errors: Sequence[RowError]
    undecided: Set[int]
    fresh_rows: int


def reopen(tx: Transaction, name: str, header: Sequence[str]) -> Reopened:
    """Let an audience take further rows; columns that it did not have are added to its header.

    Raises NotFound, and NotPossible once a campaign was planned from it: who came later would
    never be planned.
    """
    audience = audiences.find(tx, name)
    campaign = tx.execute(
        select(campaigns.c.id).where(campaigns.c.audience_id == audience.id).limit(1)
    ).scalar()
    if campaign is not None:
        raise NotPossible(
            _(
                "Campaign {id} was planned from the list “{name}”: rows added now would never be "
                "contacted. Import them under a new name (--name, without --into) and launch a "
                "campaign for that list."
            ).format(id=campaign, name=name)
        )
    known = {normalised(text) for text in audience.header}
    joined = (*audience.header, *(text for text in header if normalised(text) not in known))
    tx.execute(
        update(audiences_table)
        .where(audiences_table.c.id == audience.id)
        .values(header=list(joined))
    )
    last = tx.execute(
        select(func.max(row_errors.c.id)).where(row_errors.c.audience_id == audience.id)
    ).scalar()
    return Reopened(audience.id, last or 0, joined)


def settle(
    tx: Transaction,
    into: Reopened,
    people: Sequence[Recipient],
    errors: Sequence[RowError],
    returned: Set[int],
    fields: Mapping[str, str],
) -> Settled:
    """Take a piece of rows into the audience, and drop the findings they answer.

    `returned` are the rows that carry the number they had; `fields` says which field each header
    of the file fills.
    """
    items: list[Row] = [*people, *errors]
    accounts = {item.account_number for item in items if item.account_number}
    rows = {item.row for item in items}
    stored = _stored_errors(tx, into, accounts, rows)
    first_rows = _first_rows(tx, into.audience_id, accounts)
    disputed: dict[tuple[str, int], set[str]] = defaultdict(set)
    for error in stored.values():
        if error.code == DUPLICATE_ACCOUNT and error.row in returned:
            disputed[error.account_number, error.row].add(fields.get(error.column, error.column))
    undecided = {
        person.row
        for person in people
        if disputed[person.account_number, person.row] - person.fields.keys()
    }
    taken = [person for person in people if person.row not in undecided]
    kept = [error for error in errors if error.row not in undecided]

    items = [*taken, *kept]
    answered = _answered(stored, items, returned)
    if answered:
        tx.execute(delete(row_errors).where(row_errors.c.id.in_(sorted(answered))))
    seen = first_rows.keys() | {error.account_number for error in stored.values()}
    doubled = {stored[id_].cells for id_ in answered if not stored[id_].account_number}
    fresh = {
        (item.row, item.account_number)
        for item in items
        if item.row not in returned
        and (
            item.account_number not in seen
            if item.account_number
            else isinstance(item, RowError) and item.cells not in doubled
        )
    }
    plain: list[Recipient] = []
    for person in taken:
        named = disputed[person.account_number, person.row]
        if person.row in returned and (
            named or first_rows.get(person.account_number) == person.row
        ):
            kept += _correct(tx, into.audience_id, person, named)
        else:
            plain.append(person)
    kept += audiences.add_recipients(tx, into.audience_id, plain)
    kept = _without_the_reached(tx, into.audience_id, kept)
    return Settled(kept, undecided, len(fresh))


def _stored_errors(
    tx: Transaction, into: Reopened, accounts: Set[str], rows: Set[int]
) -> Mapping[int, RowError]:
    e = row_errors.c
    found = tx.execute(
        select(row_errors).where(
            e.audience_id == into.audience_id,
            e.id <= into.last_error_id,
            or_(e.account_number.in_(sorted(accounts)), e.row.in_(sorted(rows))),
        )
    )
    return {row.id: audiences.read_error(row) for row in found}


def _first_rows(tx: Transaction, audience_id: int, accounts: Set[str]) -> Mapping[str, int]:
    """The accounts that are in the audience already, and the row each came from."""
    found = tx.execute(
        select(recipients.c.account_number, recipients.c.row).where(
            recipients.c.audience_id == audience_id,
            recipients.c.account_number.in_(sorted(accounts)),
        )
    )
    return {row.account_number: row.row for row in found}


def _answered(stored: Mapping[int, RowError], items: Sequence[Row], returned: Set[int]) -> Set[int]:
    """The older findings (by id) that these rows replace."""
    at_row: dict[int, set[str]] = defaultdict(set)
    by_account: set[str] = set()
    nameless: set[tuple[str, ...]] = set()
    for item in items:
        if item.row in returned:
            at_row[item.row].add(item.account_number)
        elif item.account_number:
            by_account.add(item.account_number)
        elif isinstance(item, RowError):
            nameless.add(item.cells)
    sharing: dict[int, set[object]] = defaultdict(set)
    for error in stored.values():
        sharing[error.row].add(error.account_number or error.cells)

    def is_answered(error: RowError) -> bool:
        account = error.account_number
        if error.row in at_row and (account in at_row[error.row] or len(sharing[error.row]) == 1):
            return True
        return account in by_account if account else error.cells in nameless

    return {id_ for id_, error in stored.items() if is_answered(error)}


def _correct(
    tx: Transaction, audience_id: int, person: Recipient, disputed: Set[str]
) -> Sequence[RowError]:
    """Let a mended row overrule what is stored: its own former state, or the disputed amounts."""
    stored = audiences.by_account(tx, audience_id, person.account_number)
    if stored is None:
        return audiences.add_recipients(tx, audience_id, [person])
    stored_id, before = stored
    if not disputed:
        joined, _error = join_rows(person, before)
        joined = replace(
            joined,
            contact_points=tuple(dict.fromkeys((*before.contact_points, *person.contact_points))),
        )
        audiences.rewrite(tx, audience_id, stored_id, before, joined)
        return ()
    decided = {name: person.fields[name] for name in disputed}
    base = replace(before, fields={**before.fields, **decided})
    joined, error = join_rows(base, person)
    audiences.rewrite(tx, audience_id, stored_id, before, joined)
    return () if error is None else (error,)


def _without_the_reached(
    tx: Transaction, audience_id: int, errors: Sequence[RowError]
) -> list[RowError]:
    """A row without numbers and addresses of its own lacks nothing if its customer has some."""
    lonely = {e.account_number for e in errors if e.code == "no_contact_point" and e.account_number}
    reached = audiences.reachable(tx, audience_id, lonely)
    return [e for e in errors if e.code != "no_contact_point" or e.account_number not in reached]
