"""How each mailbox stood when a robot last looked into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from channels.mailbox.look import FirstLook
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import mailboxes


@dataclass(frozen=True, slots=True)
class MailboxState:
    """`looked_at` None: nobody ever could. `waiting` letters lay there then, not taken in yet."""

    name: str
    looked_at: datetime | None
    waiting: int = 0
    oldest_at: datetime | None = None  # arrival of the oldest of them
    left_alone: int = 0  # letters that lay there long before anybody first looked
    trouble: str = ""  # why it cannot be looked into; no address and no secret in it


def note(tx: Transaction, state: MailboxState) -> None:
    """Write down a look, or the trouble that kept us from it: then the last look stays."""
    made = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(mailboxes)
    values = {
        "looked_at": state.looked_at,
        "waiting": state.waiting,
        "oldest_at": state.oldest_at,
        "left_alone": state.left_alone,
        "trouble": state.trouble[:200],
    }
    changed = {"trouble": values["trouble"]} if state.looked_at is None else values
    tx.execute(
        made.values(name=state.name, **values).on_conflict_do_update(
            index_elements=[mailboxes.c.name], set_=changed
        )
    )


def first_look(tx: Transaction, name: str, look: FirstLook) -> FirstLook:
    """Write down that somebody looks into a mailbox, where nobody has yet; the first look."""
    made = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(mailboxes)
    values = {
        "first_looked_at": look.at,
        "first_uid_validity": look.uid_validity,
        "first_highest_uid": look.highest_uid,
    }
    tx.execute(
        made.values(name=name, waiting=0, left_alone=0, trouble="", **values).on_conflict_do_update(
            index_elements=[mailboxes.c.name],
            set_=values,
            where=mailboxes.c.first_looked_at.is_(None),
        )
    )
    row = tx.execute(select(mailboxes).where(mailboxes.c.name == name)).one()
    return FirstLook(row.first_looked_at, row.first_uid_validity, row.first_highest_uid)


def everything(tx: Transaction) -> Sequence[MailboxState]:
    rows = tx.execute(select(mailboxes).order_by(mailboxes.c.name))
    return [
        MailboxState(
            row.name, row.looked_at, row.waiting, row.oldest_at, row.left_alone, row.trouble
        )
        for row in rows
    ]
