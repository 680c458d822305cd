"""One customer, or one contact point, in every row: to tell what is kept, and to take it out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, and_, delete, func, or_, select, update

from campaigns.delivery import OPEN, Status
from campaigns.inquiry.status import OVER
from campaigns.permission import account_party, point_party
from dispatcher.ledger import bad_rows, bulk, erasure, groups
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiries import read as read_inquiry
from dispatcher.ledger.tables import (
    archived_attempts,
    attempts,
    audiences,
    campaigns,
    contact_points,
    deliveries,
    inquiries,
    letters,
    mail_reports,
    recipients,
    suppressions,
    touches,
)

_FLYING = (Status.SENDING, Status.AWAITING)


@dataclass(frozen=True, slots=True)
class Person:
    """Where somebody stands: an account with its contact points, or one contact point alone.

    `recipient_ids`: rows of lists; for a contact point those of whoever has it.
    """

    account: str | None
    points: tuple[str, ...]  # lower case
    recipient_ids: tuple[int, ...]
    accounts: tuple[str, ...]
    campaign_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Traces:
    """What is kept of somebody. `stops`: lines of the stop-list, which stay."""

    rows: int
    accounts: int
    waiting: int  # messages that are planned
    flying: int  # messages on their way
    attempts: int
    inquiries: int
    open_inquiries: int
    letters: int
    owed: int  # inquiries and letters about which something of ours is still to be sent
    stops: int

    @property
    def is_nothing(self) -> bool:
        return not any(
            (self.rows, self.attempts, self.inquiries, self.open_inquiries, self.letters)
        )


def of_account(tx: Transaction, account: str) -> Person:
    """A customer by the account number as the lists spell it."""
    r, p = recipients.c, contact_points.c
    ids = (
        tx.execute(
            select(r.id).where(
                r.audience_id.in_(select(audiences.c.id)),  # list by list: each has an index
                r.account_number == account,
            )
        )
        .scalars()
        .all()
    )
    points = tx.execute(
        select(_lower(p.address)).where(bulk.among(tx, p.recipient_id, ids)).distinct()
    ).scalars()
    return Person(account, tuple(sorted(points)), tuple(ids), (account,), _campaigns_of(tx, ids))


def of_point(tx: Transaction, point: str) -> Person:
    """Everybody under whose account a number or an address stands."""
    p, r = contact_points.c, recipients.c
    spelt = (p.address == point) if "@" not in point else (_lower(p.address) == point.lower())
    rows = tx.execute(
        select(r.id, r.account_number)
        .join(contact_points, p.recipient_id == r.id)
        .where(p.audience_id.in_(select(audiences.c.id)), spelt)
        .distinct()
    ).all()
    ids = tuple(row.id for row in rows)
    accounts = tuple(sorted({row.account_number for row in rows}))
    return Person(None, (point_party(point),), ids, accounts, _campaigns_of(tx, ids))


def _campaigns_of(tx: Transaction, recipient_ids: Collection[int]) -> tuple[int, ...]:
    d = deliveries.c
    of_them = bulk.among(tx, d.recipient_id, recipient_ids)
    return tuple(
        tx.execute(
            select(d.campaign_id).where(of_them).distinct().order_by(d.campaign_id)
        ).scalars()
    )


def traces(tx: Transaction, person: Person) -> Traces:
    """What is kept of somebody, counted."""
    d, i = deliveries.c, inquiries.c
    of_them = _deliveries_of(tx, person)
    waiting = and_(of_them, d.status.in_(sorted(OPEN)), d.status.not_in(_FLYING))
    is_over = i.status.in_(sorted(OVER))
    theirs = and_(_inquiries_of(tx, person), i.erased_at.is_(None))
    return Traces(
        rows=len(person.recipient_ids),
        accounts=len(person.accounts),
        waiting=_count(tx, deliveries, waiting),
        flying=flying(tx, person),
        attempts=sum(
            _count(tx, table, _attempts_of(tx, person, table))
            for table in (attempts, archived_attempts)
        ),
        inquiries=_count(tx, inquiries, and_(theirs, is_over)),
        open_inquiries=_count(tx, inquiries, and_(theirs, ~is_over)),
        letters=_count(tx, letters, and_(_letters_of(tx, person), letters.c.erased_at.is_(None))),
        owed=owed(tx, person),
        stops=_count(tx, suppressions, bulk.among(tx, suppressions.c.party, _parties(person))),
    )


def open_deliveries(tx: Transaction, person: Person) -> Sequence[int]:
    """What is still to be said to a customer; to a contact point: what nobody else would hear."""
    d = deliveries.c
    joined = and_(d.status == Status.SKIPPED, d.reason.in_(groups.JOINED))
    rows = tx.execute(
        select(d.id, d.points)
        .join(campaigns, campaigns.c.id == d.campaign_id)
        .where(
            bulk.among(tx, d.recipient_id, person.recipient_ids),
            or_(d.status.in_(sorted(OPEN)), joined),
            campaigns.c.closed_at.is_(None),
        )
        .order_by(d.id)
    ).all()
    if person.account is not None:
        return [row.id for row in rows]
    return [row.id for row in rows if {point_party(p) for p in row.points} == {*person.points}]


def live_deliveries(tx: Transaction, person: Person) -> Sequence[int]:
    """Whatever may be sent to them, or is on its way."""
    where = and_(_deliveries_of(tx, person), deliveries.c.status.in_(sorted(OPEN)))
    return tx.execute(select(deliveries.c.id).where(where)).scalars().all()


def flying(tx: Transaction, person: Person) -> int:
    """Messages to them that are on their way: of none of them the outcome is known."""
    return _count(
        tx, attempts, and_(_attempts_of(tx, person, attempts), attempts.c.ended_at.is_(None))
    )


def owed(tx: Transaction, person: Person) -> int:
    """Answers to them that are still to be sent, about inquiries that are over."""
    i = inquiries.c
    over = and_(_inquiries_of(tx, person), i.status.in_(sorted(OVER)))
    of_inquiries = (
        _count(tx, inquiries, and_(over, about.exists())) for about in erasure.owed_about(i.id)
    )
    # Who has an inquiry was counted by it.
    alone = and_(_letters_of(tx, person), letters.c.inquiry_id.is_(None))
    of_letters = _count(tx, letters, and_(alone, erasure.owed_with(letters.c.id).exists()))
    return sum(of_inquiries) + of_letters


def inquiries_of(tx: Transaction, person: Person, limit: int = 200) -> Sequence[Inquiry]:
    """What they wrote to us, the newest first."""
    i = inquiries.c
    theirs = and_(_inquiries_of(tx, person), i.erased_at.is_(None))
    rows = tx.execute(select(inquiries).where(theirs).order_by(i.id.desc()).limit(limit))
    return [read_inquiry(row) for row in rows]


def erase(tx: Transaction, person: Person, now: datetime) -> None:
    """Take somebody out of everything that is kept, in one transaction. The stop-list stays."""
    if person.account is not None:
        erasure.erase_people(tx, person.recipient_ids, now)
    else:
        _forget_points(tx, person)
        for table in (attempts, archived_attempts):
            ids = select(table.c.id).where(_attempts_of(tx, person, table))
            erasure.erase_attempts(tx, table, tx.execute(ids).scalars().all())
    _forget_told(tx, person)
    bad_rows.forget(tx, person.account, person.points)
    tx.execute(delete(touches).where(bulk.among(tx, touches.c.party, _forgotten(person))))
    of_points = _lower(mail_reports.c.address)
    tx.execute(
        update(mail_reports).where(bulk.among(tx, of_points, person.points)).values(address="")
    )
    letter_ids = tx.execute(select(letters.c.id).where(_letters_of(tx, person))).scalars().all()
    over = and_(_inquiries_of(tx, person), inquiries.c.status.in_(sorted(OVER)))
    inquiry_ids = tx.execute(select(inquiries.c.id).where(over)).scalars().all()
    erasure.erase_letters(tx, letter_ids, now)
    erasure.erase_inquiries(tx, inquiry_ids, now)


def _forget_points(tx: Transaction, person: Person) -> None:
    """One contact point goes; the customers whose it was stay."""
    p, d = contact_points.c, deliveries.c
    mine = and_(
        bulk.among(tx, p.recipient_id, person.recipient_ids),
        bulk.among(tx, _lower(p.address), person.points),
    )
    tx.execute(delete(contact_points).where(mine))
    rows = tx.execute(
        select(d.id, d.points, d.dead_points)
        .where(bulk.among(tx, d.recipient_id, person.recipient_ids))
        .order_by(d.id)
        .with_for_update()
    ).all()

    def without(points: Sequence[str]) -> list[str]:
        return [point for point in points if point_party(point) not in person.points]

    changed = [
        {"id": row.id, "points": without(row.points), "dead_points": without(row.dead_points)}
        for row in rows
        if len(without((*row.points, *row.dead_points))) < len(row.points) + len(row.dead_points)
    ]
    bulk.update(tx, deliveries, changed, where={"id": "id"})


def _forget_told(tx: Transaction, person: Person) -> None:
    """Archived messages tell in whose name they spoke: of their own account, and of those that
    were told in it."""
    d, a = deliveries.c, archived_attempts.c
    lead = deliveries.alias("lead").c
    of_them = bulk.among(tx, d.recipient_id, person.recipient_ids)
    leads = (
        select(lead.id)
        .join(
            deliveries,
            and_(
                lead.campaign_id == d.campaign_id,
                lead.recipient_id == d.lead_id,
                lead.channel == d.channel,
            ),
        )
        .where(of_them)
    )
    rows = tx.execute(
        select(a.id, a.told).where(
            or_(a.delivery_id.in_(leads), a.delivery_id.in_(select(d.id).where(of_them)))
        )
    ).all()
    gone = _forgotten(person)
    bulk.update(
        tx,
        archived_attempts,
        [
            {"id": row.id, "told": [one for one in row.told if one["party"] not in gone]}
            for row in rows
        ],
        where={"id": "id"},
    )


def _parties(person: Person) -> frozenset[str]:
    own = {account_party(person.account)} if person.account is not None else set()
    return frozenset({*person.points} | own)


def _forgotten(person: Person) -> frozenset[str]:
    """Under which names touches know them. The contact points of a customer may be another's, too:
    they must be left alone for as long as they were promised."""
    return (
        _parties(person) if person.account is None else frozenset({account_party(person.account)})
    )


def _deliveries_of(tx: Transaction, person: Person) -> ColumnElement[bool]:
    return bulk.among(tx, deliveries.c.recipient_id, person.recipient_ids)  # type: ignore[no-any-return]


def _attempts_of(tx: Transaction, person: Person, table: Table) -> ColumnElement[bool]:
    a = table.c
    theirs = a.delivery_id.in_(select(deliveries.c.id).where(_deliveries_of(tx, person)))
    if person.account is not None:
        return theirs
    return and_(theirs, bulk.among(tx, _lower(a.contact_point), person.points))


def _inquiries_of(tx: Transaction, person: Person) -> ColumnElement[bool]:
    i = inquiries.c
    by_point = bulk.among(tx, _lower(i.contact_point), person.points)
    if person.account is None:
        return by_point  # type: ignore[no-any-return]
    nobodys = or_(i.account_number.is_(None), i.account_number == person.account)
    return or_(i.account_number == person.account, and_(by_point, nobodys))


def _letters_of(tx: Transaction, person: Person) -> ColumnElement[bool]:
    """Letters of inquiries that are over, and letters that made none."""
    over = select(inquiries.c.id).where(
        _inquiries_of(tx, person), inquiries.c.status.in_(sorted(OVER))
    )
    by_sender = and_(
        bulk.among(tx, _lower(letters.c.sender), person.points),
        letters.c.inquiry_id.is_(None),
    )
    return or_(letters.c.inquiry_id.in_(over), by_sender)


def _lower(column: ColumnElement[str]) -> ColumnElement[str]:
    return func.lower(column, type_=Text())


def _count(tx: Transaction, table: Table, where: ColumnElement[bool]) -> int:
    found: Any = tx.execute(select(func.count()).select_from(table).where(where)).scalar_one()
    return int(found)
