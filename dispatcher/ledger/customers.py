"""Who writes to us: a customer of the base, by the address a letter came from or by an account."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, literal_column, select

from campaigns.channel import ContactKind
from campaigns.inquiry.sorting import Known
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import (
    attempts,
    audiences,
    contact_points,
    deliveries,
    recipients,
)

# Who has more accounts than this under one address is no single customer.
MOST_ACCOUNTS = 50
# An account is looked for in so many of the newest lists.
NEWEST_LISTS = 50

_CUSTOMERS = (
    select(
        recipients.c.account_number,
        recipients.c.name,
        recipients.c.patronymic,
        recipients.c.surname,
        recipients.c.branch,
        recipients.c.segment,
        recipients.c.language,
    )
    .order_by(recipients.c.id.desc())
    .limit(10 * MOST_ACCOUNTS)
)
# Each letter that comes in asks these two: made once, as in `letters`.
_BY_ADDRESS = _CUSTOMERS.where(
    recipients.c.id.in_(
        select(contact_points.c.recipient_id)
        .where(
            # Written out: only so does SQLite see that the partial index fits.
            contact_points.c.kind == literal_column(f"'{ContactKind.EMAIL.value}'"),
            func.lower(contact_points.c.address) == bindparam("address"),
        )
        .order_by(contact_points.c.recipient_id.desc())
        .limit(10 * MOST_ACCOUNTS)
    )
)
_BY_ACCOUNT = _CUSTOMERS.where(
    recipients.c.account_number == bindparam("account_number"),
    recipients.c.audience_id.in_(
        select(audiences.c.id)
        .where(audiences.c.status == "ready")
        .order_by(audiences.c.id.desc())
        .limit(NEWEST_LISTS)
    ),
)


def by_address(tx: Transaction, address: str) -> Sequence[Known]:
    """The accounts of an e-mail address, each as the newest list knows it, the newest first.

    Lists keep addresses as people spell them; capitals make no other mailbox.
    """
    return _newest_of_each(tx, _BY_ADDRESS, {"address": address.lower()})


def by_account(tx: Transaction, account_number: str) -> Known | None:
    """The customer of an account, as the newest list that has it knows them."""
    found = _newest_of_each(tx, _BY_ACCOUNT, {"account_number": account_number})
    return found[0] if found else None


def _newest_of_each(
    tx: Transaction, wanted: Select[Any], asked: Mapping[str, str]
) -> Sequence[Known]:
    rows = tx.execute(wanted, dict(asked))
    found: dict[str, Known] = {}
    for row in rows:
        found.setdefault(
            row.account_number,
            Known(
                account_number=row.account_number,
                name=row.name,
                patronymic=row.patronymic,
                surname=row.surname,
                branch=row.branch,
                segment=row.segment,
                language=row.language,
            ),
        )
    return list(found.values())


def of_attempt(tx: Transaction, attempt_id: int) -> Known | None:
    """The customer whom a message of a campaign was meant for."""
    is_theirs = recipients.c.id.in_(
        select(deliveries.c.recipient_id)
        .join(attempts, attempts.c.delivery_id == deliveries.c.id)
        .where(attempts.c.id == attempt_id)
    )
    found = _newest_of_each(tx, _CUSTOMERS.where(is_theirs), {})
    return found[0] if found else None
