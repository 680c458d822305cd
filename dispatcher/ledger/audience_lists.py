"""Audiences as staff look through them: the lists, who is in one, and what was wrong with its file.

Every question costs about the same however long a list is: its figures are kept, people are leafed
through along an index, and a search by name looks at so many people at most before it answers.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from campaigns.audience import RowError
from campaigns.contact import read_emails, read_phones
from campaigns.recipient import Recipient
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import audiences as stored
from dispatcher.ledger import composition, glimpses, trail
from dispatcher.ledger.api_tables import standing_campaigns
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.composition import Composition
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.erasure import ERASED
from dispatcher.ledger.staff_tables import launch_requests
from dispatcher.ledger.tables import (
    audiences,
    campaigns,
    contact_points,
    recipients,
    row_errors,
    scenarios,
)
from templates.i18n import _

# A search by name looks at so many people, and says so if there are more.
LOOKED_AT = 200_000
MOST_WORDS = 6
# A list that is not whole: one that is being imported, or taken away.
UNFINISHED = "importing"
# People of a list that goes, in one transaction.
PIECE = 2_000


@dataclass(frozen=True, slots=True)
class Listed:
    """An audience in the list of them; `figures` are None in one from before they were kept."""

    id: int
    name: str
    file_name: str
    recipients: int
    rows: int
    imported_at: datetime
    imported_by: str
    is_erased: bool
    figures: Composition | None
    campaigns: int


@dataclass(frozen=True, slots=True)
class Use:
    """A campaign that was planned from an audience."""

    campaign_id: int
    title: str
    status: str
    start_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to. `go_on_after` is the id after which it can go on, None at its end;
    `looked_to_the_end` is False when it stopped because it had looked at enough people."""

    people: Mapping[int, Recipient]
    go_on_after: int | None
    looked_to_the_end: bool


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom somebody looks for: an account, contact points in the spelling of the ledger, or words
    of a name."""

    accounts: Sequence[str] = ()
    addresses: Sequence[str] = ()
    words: Sequence[str] = ()


def whom(text: str) -> Sought:
    """What somebody has typed: an address, an account, a number, or a name."""
    if "@" in text:
        points = [point.address for point in read_emails(text)[0]]
        return Sought(addresses=[*dict.fromkeys((*points, *(point.lower() for point in points)))])
    if any(map(str.isdigit, text)):
        plain = text.lstrip("№#'").strip()
        points = [point.address for point in read_phones(text)[0]]
        accounts = [*dict.fromkeys((plain, "".join(plain.split())))]
        return Sought(accounts=accounts, addresses=points)
    return Sought(words=text.split()[:MOST_WORDS])


def _is_made_by_hand() -> ColumnElement[bool]:
    """Not one that a standing campaign fills: of those there is one a day for each scenario."""
    standing = select(campaigns.c.audience_id).join(standing_campaigns)
    return audiences.c.id.not_in(standing)


def launchable(tx: Transaction, limit: int | None = None) -> Sequence[StoredAudience]:
    """The lists that a campaign may be made of, the newest first. One that a standing campaign
    fills grows while somebody looks at it, and its people have been told already."""
    a = audiences.c
    ready = select(audiences).where(a.status == "ready", _is_made_by_hand())
    rows = tx.execute(ready.order_by(a.id.desc()).limit(limit))
    return [stored.read_audience(row) for row in rows]


def find_launchable(tx: Transaction, audience_id: int) -> StoredAudience | None:
    """A list, if a campaign may be made of it."""
    a = audiences.c
    ready = select(audiences).where(a.id == audience_id, a.status == "ready", _is_made_by_hand())
    row = tx.execute(ready).first()
    return stored.read_audience(row) if row is not None else None


def lists(tx: Transaction, before_id: int | None, limit: int) -> Sequence[Listed]:
    """The newest first; whole ones alone, and none that a standing campaign fills."""
    a, c = audiences.c, campaigns.c
    whole = and_(a.status != UNFINISHED, _is_made_by_hand())
    rows = tx.execute(
        select(audiences)
        .where(whole if before_id is None else and_(whole, a.id < before_id))
        .order_by(a.id.desc())
        .limit(limit)
    ).all()
    made = tx.execute(
        select(c.audience_id, func.count())
        .where(c.audience_id.in_([row.id for row in rows]))
        .group_by(c.audience_id)
    )
    uses: dict[int, int] = dict(made.all())
    return [
        Listed(
            id=row.id,
            name=row.name,
            file_name=row.file_name,
            recipients=row.recipients,
            rows=row.rows,
            imported_at=row.imported_at,
            imported_by=row.imported_by,
            is_erased=row.status == ERASED,
            figures=composition.read(row.figures),
            campaigns=uses.get(row.id, 0),
        )
        for row in rows
    ]


def get(tx: Transaction, audience_id: int) -> StoredAudience:
    """Raises NotFound; a list that is not whole is not there."""
    a = audiences.c
    whole = select(a.id).where(a.id == audience_id, a.status != UNFINISHED)
    if tx.execute(whole).first() is None:
        raise NotFound(_("audience"), str(audience_id))
    return stored.get(tx, audience_id)


def is_taken(tx: Transaction, name: str) -> bool:
    """Whether a whole list has that name."""
    a = audiences.c
    named = select(a.id).where(a.name == name, a.status != UNFINISHED)
    return tx.execute(named).first() is not None


def uses(tx: Transaction, audience_id: int, limit: int = 50) -> Sequence[Use]:
    """The campaigns of an audience, the newest first."""
    c = campaigns.c
    rows = tx.execute(
        select(c.id, scenarios.c.title, c.status, c.start_at)
        .join(scenarios, scenarios.c.id == c.scenario_id)
        .where(c.audience_id == audience_id, ~c.on_trial)
        .order_by(c.id.desc())
        .limit(limit)
    )
    return [Use(*row) for row in rows]


def is_used(tx: Transaction, audience_id: int) -> bool:
    """Whether a campaign was made of it, or asked for."""
    return any(
        tx.execute(select(table.c.id).where(table.c.audience_id == audience_id).limit(1)).first()
        for table in (campaigns, launch_requests)
    )


# People.


def people(
    tx: Transaction, audience_id: int, after_id: int | None, limit: int
) -> Mapping[int, Recipient]:
    """The next ones after somebody, in the order of their accounts, along its index."""
    r = recipients.c
    mine = select(r.id).where(r.audience_id == audience_id, r.erased_at.is_(None))
    if after_id is not None:
        last = select(r.account_number).where(r.id == after_id, r.audience_id == audience_id)
        mine = mine.where(r.account_number > last.scalar_subquery())
    ids = tx.execute(mine.order_by(r.account_number).limit(limit)).scalars().all()
    return _in_order(tx, ids)


def person(tx: Transaction, audience_id: int, recipient_id: int) -> Recipient:
    """Raises NotFound for somebody who is not in this list, or was erased."""
    r = recipients.c
    mine = select(r.id).where(
        r.id == recipient_id, r.audience_id == audience_id, r.erased_at.is_(None)
    )
    if tx.execute(mine).first() is None:
        raise NotFound(_("recipient"), str(recipient_id))
    return stored.get_many(tx, [recipient_id])[recipient_id]


def search(
    tx: Transaction,
    audience_id: int,
    sought: Sought,
    after_id: int,
    limit: int,
    looked_at: int = LOOKED_AT,
) -> Found:
    """Those after that id who fit, in the order of the file. An account and an address are found by
    an index; for a name, people are looked at one after another, `looked_at` at most."""
    if sought.words:
        return _by_name(tx, audience_id, sought.words, after_id, limit, looked_at)
    r, p = recipients.c, contact_points.c
    ids: set[int] = set()
    if sought.accounts:
        by_account = select(r.id).where(
            r.audience_id == audience_id, r.account_number.in_(sought.accounts)
        )
        ids |= set(tx.execute(by_account).scalars())
    if sought.addresses:
        by_address = select(p.recipient_id).where(
            p.audience_id == audience_id, p.address.in_(sought.addresses), p.recipient_id > after_id
        )
        first = by_address.distinct().order_by(p.recipient_id).limit(limit + 1)
        ids |= set(tx.execute(first).scalars())
    return _found(tx, sorted(found for found in ids if found > after_id), limit)


def _by_name(
    tx: Transaction,
    audience_id: int,
    words: Sequence[str],
    after_id: int,
    limit: int,
    looked_at: int,
) -> Found:
    r = recipients.c
    span = glimpses.span(tx, audience_id)
    first = max(span.start, after_id + 1)
    last = min(span.stop, first + looked_at)
    of_audience = r.audience_id + 0 == audience_id  # never by the index of accounts: see `glimpses`
    ids = (
        tx.execute(
            select(r.id)
            .where(
                of_audience,
                r.id >= first,
                r.id < last,
                r.erased_at.is_(None),
                *(_has_word(word) for word in words),
            )
            .order_by(r.id)
            .limit(limit + 1)
        )
        .scalars()
        .all()
    )
    found = _found(tx, ids, limit)
    if found.go_on_after is None and last < span.stop:
        return Found(found.people, last - 1, looked_to_the_end=False)
    return found


def _has_word(word: str) -> ColumnElement[bool]:
    """In the name, however it is capitalised. SQLite knows capitals of Latin letters alone."""
    r = recipients.c
    spellings = dict.fromkeys((word, word.lower(), word.capitalize(), word.upper()))
    return or_(
        *(
            column.contains(spelling, autoescape=True)
            for column in (r.surname, r.name, r.patronymic)
            for spelling in spellings
        )
    )


def _found(tx: Transaction, ids: Sequence[int], limit: int) -> Found:
    shown = ids[:limit]
    return Found(
        _in_order(tx, shown), shown[-1] if len(ids) > limit else None, looked_to_the_end=True
    )


def _in_order(tx: Transaction, ids: Collection[int]) -> Mapping[int, Recipient]:
    known = stored.get_many(tx, list(ids))
    return {recipient_id: known[recipient_id] for recipient_id in ids if recipient_id in known}


# Bad rows.


def bad_rows(
    tx: Transaction, audience_id: int, after: tuple[int, int], code: str, limit: int
) -> Sequence[tuple[int, RowError]]:
    """The findings after a row and an id, in the order of the file, each with its id; of one code,
    if one is named."""
    e = row_errors.c
    last_row, last_id = after
    wanted = [e.audience_id == audience_id, e.row >= last_row]
    beyond = or_(e.row > last_row, e.id > last_id)
    if code:
        wanted.append(e.code == code)
    rows = tx.execute(
        select(row_errors).where(*wanted, beyond).order_by(e.row, e.id).limit(limit)
    ).all()
    return [(row.id, stored.read_error(row)) for row in rows]


# A list that was never used goes.


def withdraw(tx: Transaction, audience_id: int, actor: str, now: datetime) -> str:
    """Nobody can use this list from now on; its rows go afterwards (`clear`). Its name.

    Raises NotFound, and NotPossible when a campaign was made of it or asked for.
    """
    a = audiences.c
    tx.execute(select(a.id).where(a.id == audience_id).with_for_update())
    audience = get(tx, audience_id)
    if is_used(tx, audience_id):
        raise NotPossible(
            _(
                "The list “{name}” was used in a campaign, which has to be provable: it stays."
            ).format(name=audience.name)
        )
    tx.execute(update(audiences).where(a.id == audience_id).values(status=UNFINISHED))
    trail.note(tx, now, actor, "audience.delete", f"audience:{audience_id}")
    return audience.name


def begin_clearing(tx: Transaction, audience_id: int) -> bool:
    """Whether a list that was withdrawn may be cleared. A campaign that was being made of it at the
    same moment brings it back."""
    a = audiences.c
    # Whoever makes a campaign of it holds this row until that is committed.
    withdrawn = select(a.id).where(a.id == audience_id, a.status == UNFINISHED).with_for_update()
    if tx.execute(withdrawn).first() is None:
        return False
    if is_used(tx, audience_id):
        tx.execute(update(audiences).where(a.id == audience_id).values(status="ready"))
        return False
    return True


def clear_next(tx: Transaction, audience_id: int, piece: int = PIECE) -> int:
    """Take the next people and bad rows of a withdrawn list away, at last the list itself; how many
    people and rows went. Zero: nothing is left."""
    gone = 0
    for table in (recipients, row_errors):
        ids = tx.execute(
            select(table.c.id).where(table.c.audience_id == audience_id).limit(piece)
        ).scalars()
        number = [*ids]
        if number:
            tx.execute(delete(table).where(table.c.id.in_(number)))
        gone += len(number)
    if not gone:
        a = audiences.c
        tx.execute(delete(audiences).where(a.id == audience_id, a.status == UNFINISHED))
    return gone
