"""Recipients as far as a plan looks at them: a million of them, quickly.

They are not made into recipients: of most a plan wants to know no more than which kind they are of.
"""

import json
from collections.abc import Collection, Sequence
from functools import lru_cache

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal, select

from campaigns.kinds import Glimpse
from campaigns.recipient import Consent
from dispatcher.ledger import bulk
from dispatcher.ledger.audiences import read_consent
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import contact_points, recipients


def span(tx: Transaction, audience_id: int) -> range:
    """The ids among which the recipients of an audience are; those of others may be there, too."""
    r = recipients.c
    first, last = tx.execute(
        select(func.min(r.id), func.max(r.id)).where(r.audience_id == audience_id)
    ).one()
    return range(first, last + 1) if first is not None else range(0)


def first(
    tx: Transaction, audience_id: int, among: range, limit: int, fields: Sequence[str]
) -> Sequence[Glimpse]:
    """The first recipients with such ids as far as a plan looks at them, in the order of the file.

    All ids in `among` are walked through until there are enough: see `span`.
    """
    r = recipients.c
    # Never by the index of the audience: it knows no order, and would be read whole each time.
    of_audience = r.audience_id + 0 == audience_id
    wanted = and_(of_audience, r.id >= among.start, r.id < among.stop)
    piece = select(r.id).where(wanted).order_by(r.id).limit(limit).subquery()
    last = tx.execute(select(func.max(piece.c.id))).scalar()
    return _read(tx, and_(wanted, r.id <= last), fields) if last is not None else []


def of(tx: Transaction, ids: Collection[int], fields: Sequence[str]) -> Sequence[Glimpse]:
    """The same of these recipients."""
    return _read(tx, bulk.among(tx, recipients.c.id, ids), fields)


def _read(
    tx: Transaction, condition: ColumnElement[bool], fields: Sequence[str]
) -> Sequence[Glimpse]:
    r, p = recipients.c, contact_points.c
    rows = tx.execute(
        select(
            r.id,
            r.account_number,
            r.branch,
            r.zone,
            cast(r.consents, Text),
            p.address,
            p.kind,
            *(r.fields.op("->>", return_type=Text())(literal(name, Text())) for name in fields),
        )
        .select_from(recipients.outerjoin(contact_points, p.recipient_id == r.id))
        .where(condition)
        .order_by(r.id, p.position)
    ).all()
    found: list[Glimpse] = []
    last_id = None
    for number, account, branch, zone, consents, address, kind, *values in rows:
        if number != last_id:
            last_id = number
            point = ((), ()) if address is None else ((address,), (kind,))
            found.append(Glimpse(number, account, branch, zone, consents, tuple(values), *point))
        else:
            former = found[-1]
            addresses, kinds = (*former.addresses, address), (*former.point_kinds, kind)
            found[-1] = former._replace(addresses=addresses, point_kinds=kinds)
    return found


@lru_cache(maxsize=1024)
def read_consents(written: str) -> tuple[Consent, ...]:
    """The consents of a `Glimpse`."""
    return tuple(map(read_consent, json.loads(written)))


def sharing(tx: Transaction, audience_id: int) -> Sequence[int]:
    """The recipients that have a contact point in common with another one."""
    shared = (
        select(contact_points.c.address)
        .where(contact_points.c.audience_id == audience_id)
        .group_by(contact_points.c.address)
        .having(func.count() > 1)
    )
    rows = tx.execute(
        select(contact_points.c.recipient_id)
        .where(contact_points.c.audience_id == audience_id, contact_points.c.address.in_(shared))
        .distinct()
        .order_by(contact_points.c.recipient_id)
    )
    return list(rows.scalars())
