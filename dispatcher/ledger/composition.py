"""What an audience is made of: counted once, when its import is whole, and kept with it.

A page shows these figures of a list of a million as quickly as of a list of ten.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Text, cast, func, select, update

from campaigns.channel import ChannelName, ContactKind, fits
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.reports import RowErrorCount, by_row_error
from dispatcher.ledger.tables import audiences, contact_points, recipients, row_errors

# Branches, regions and zones that are named; what is beyond them is told together.
MOST_NAMED = 30


@dataclass(frozen=True, slots=True)
class Share:
    """So many recipients have this in common; an empty name: nothing is known."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Composition:
    """`reached`: on how many a channel can be used; `unreached`: who can be reached on none.

    `agreed`, `refused` and `silent` count recipients by what the file says of their consent: a
    refusal of anything counts before an agreement. `others` are the recipients beyond the branches,
    regions and zones that are named. `rows_refused` are the rows of which nothing was taken.
    """

    reached: Mapping[str, int]
    unreached: int
    segments: Sequence[Share]
    branches: Sequence[Share]
    regions: Sequence[Share]
    zones: Sequence[Share]
    others: Mapping[str, int]
    agreed: int
    refused: int
    silent: int
    rows_refused: int
    errors: Sequence[RowErrorCount]


def store(tx: Transaction, audience_id: int) -> None:
    """Count, and keep the figures with the audience."""
    counted = asdict(count(tx, audience_id))
    tx.execute(update(audiences).where(audiences.c.id == audience_id).values(figures=counted))


def of(tx: Transaction, audience_id: int) -> Composition | None:
    """The figures as they are kept; None for a list from before they were."""
    return read(
        tx.execute(select(audiences.c.figures).where(audiences.c.id == audience_id)).scalar()
    )


def read(kept: Mapping[str, Any] | None) -> Composition | None:
    if not kept:
        return None
    named = {
        name: [Share(**share) for share in kept[name]]
        for name in ("segments", "branches", "regions", "zones")
    }
    errors = [RowErrorCount(**error).reworded() for error in kept["errors"]]
    return Composition(**{**kept, **named, "errors": errors})


def count(tx: Transaction, audience_id: int) -> Composition:
    """Reads the whole list: about a second for each half a million recipients."""
    r, e = recipients.c, row_errors.c
    total = tx.execute(
        select(func.count()).where(r.audience_id == audience_id, r.erased_at.is_(None))
    ).scalar_one()
    reached = {
        channel.value: _with_a_point(
            tx, audience_id, [kind for kind in ContactKind if fits(kind, channel)]
        )
        for channel in ChannelName
    }
    usable = [kind for kind in ContactKind if any(fits(kind, c) for c in ChannelName)]
    named: dict[str, Sequence[Share]] = {}
    others: dict[str, int] = {}
    for name, column in (("branches", r.branch), ("regions", r.region), ("zones", r.zone)):
        shares = _shares(tx, audience_id, column)
        named[name] = shares[:MOST_NAMED]
        others[name] = sum(share.count for share in shares[MOST_NAMED:])
    agreed, refused = _consents(tx, audience_id)
    fatal = select(func.count(func.distinct(e.row))).where(e.audience_id == audience_id, e.fatal)
    return Composition(
        reached=reached,
        unreached=total - _with_a_point(tx, audience_id, usable),
        segments=_shares(tx, audience_id, r.segment),
        agreed=agreed,
        refused=refused,
        silent=total - agreed - refused,
        rows_refused=tx.execute(fatal).scalar_one(),
        errors=by_row_error(tx, audience_id),
        others=others,
        **named,
    )


def _with_a_point(tx: Transaction, audience_id: int, kinds: Sequence[ContactKind]) -> int:
    p = contact_points.c
    wanted = select(func.count(func.distinct(p.recipient_id))).where(
        p.audience_id == audience_id, p.kind.in_([kind.value for kind in kinds])
    )
    return tx.execute(wanted).scalar_one()


def _shares(tx: Transaction, audience_id: int, column: Column[Any]) -> Sequence[Share]:
    r = recipients.c
    number = func.count()
    rows = tx.execute(
        select(column, number)
        .where(r.audience_id == audience_id, r.erased_at.is_(None))
        .group_by(column)
        .order_by(number.desc(), column)
    )
    return [Share(name or "", number) for name, number in rows]


def _consents(tx: Transaction, audience_id: int) -> tuple[int, int]:
    """Who agreed and refused nothing; who refused something. Few spellings of consents are shared
    by many recipients."""
    r = recipients.c
    written: ColumnElement[str] = cast(r.consents, Text)
    rows = tx.execute(
        select(written, func.count())
        .where(r.audience_id == audience_id, r.erased_at.is_(None))
        .group_by(written)
    )
    agreed = refused = 0
    for text, number in rows:
        consents = json.loads(text)
        if any(not consent["granted"] for consent in consents):
            refused += number
        elif consents:
            agreed += number
    return agreed, refused
