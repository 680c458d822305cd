"""A customer looked for by whatever a clerk has: an account, a number, an address, a name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.contact import BadContact, classify_email, classify_phone
from dispatcher.ledger import Transaction, audiences, lookup
from dispatcher.ledger.lookup import Row

MOST_CUSTOMERS = 30
LONGEST_TEXT = 200
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who was found. `rows`: the lists that have the account, the newest first; `points`
    are those of the newest."""

    rows: Sequence[Row]
    points: Sequence[str]

    @property
    def row(self) -> Row:
        return self.rows[0]


@dataclass(frozen=True, slots=True)
class Found:
    """`is_cut`: there are more than are shown."""

    customers: Sequence[Customer]
    is_cut: bool


def search(tx: Transaction, text: str) -> Found:
    """Customers by an account number, a telephone number, an e-mail address or a name."""
    text = " ".join(text.split())[:LONGEST_TEXT]
    if not text:
        return Found((), is_cut=False)
    ids = [
        *_by_account(tx, text),
        *_by_contact(tx, text),
        *(lookup.by_name(tx, text.split()) if _is_name(text) else ()),
    ]
    accounts = list(dict.fromkeys(row.account_number for row in lookup.rows(tx, ids)))
    is_cut = len(accounts) > MOST_CUSTOMERS or len(ids) >= lookup.MOST_ROWS
    shown = [
        lookup.rows(tx, lookup.by_account(tx, account)) for account in accounts[:MOST_CUSTOMERS]
    ]
    newest = audiences.get_many(tx, [rows[0].recipient_id for rows in shown])
    return Found(
        [
            Customer(
                rows,
                [point.address for point in newest[rows[0].recipient_id].contact_points],
            )
            for rows in shown
        ],
        is_cut,
    )


def _by_account(tx: Transaction, text: str) -> Sequence[int]:
    """As it is written, or as it is shown: in groups of digits."""
    spellings = dict.fromkeys((text, re.sub(r"[\s-]", "", text)))
    return [found for spelling in spellings for found in lookup.by_account(tx, spelling)]


def _by_contact(tx: Transaction, text: str) -> Sequence[int]:
    if "@" in text:
        address = classify_email(text)
        return () if isinstance(address, BadContact) else lookup.by_address(tx, address.address)
    if _LETTERS.search(text):
        return ()
    number = classify_phone(text)
    return () if isinstance(number, BadContact) else lookup.by_number(tx, number.address)


def _is_name(text: str) -> bool:
    return "@" not in text and bool(_LETTERS.search(text))
