"""Stored audiences: the recipients of a run, their contact points, and the rows that failed.

What a plan looks at of each of them, and no more: `glimpses`.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from campaigns.audience import RowError, join_rows
from campaigns.audience.findings import finding_words
from campaigns.channel import ChannelName, ContactKind, Purpose
from campaigns.recipient import Consent, ContactPoint, Recipient, Segment, ZoneSource
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import bulk, composition, trail
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.pouring import pour
from dispatcher.ledger.tables import audiences, contact_points, recipients, row_errors
from templates.i18n import _

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class StoredAudience:
    id: int
    name: str
    file_name: str
    status: str
    columns: tuple[str, ...]
    header: tuple[str, ...]
    rows: int
    recipients: int
    imported_at: datetime
    imported_by: str


def begin(
    tx: Transaction, name: str, file_name: str, header: Sequence[str], actor: str, now: datetime
) -> int:
    """Start an import. What an interrupted import of that name left behind is thrown away."""
    present = tx.execute(
        select(audiences.c.id, audiences.c.status).where(audiences.c.name == name)
    ).first()
    if present is not None:
        if present.status != "importing":
            raise NotPossible(
                _("There is already an audience “{name}”. Choose another name.").format(name=name)
            )
        tx.execute(delete(audiences).where(audiences.c.id == present.id))
    audience_id: int = tx.execute(
        insert(audiences)
        .values(
            **_unused_id(tx),
            name=name,
            file_name=file_name,
            status="importing",
            columns=[],
            header=list(header),
            rows=0,
            recipients=0,
            imported_at=now,
            imported_by=actor,
        )
        .returning(audiences.c.id)
    ).scalar_one()
    return audience_id


def _unused_id(tx: Transaction) -> Mapping[str, int]:
    """SQLite gives the id of a list that was deleted to the next one, and with it what the trail
    tells of the former: there the trail is asked. PostgreSQL never does."""
    if tx.dialect.name != "sqlite":
        return {}
    used = (
        tx.execute(select(func.max(audiences.c.id))).scalar(),
        trail.last_number(tx, "audience"),
    )
    return {"id": max(number or 0 for number in used) + 1}


def add_recipients(
    tx: Transaction, audience_id: int, batch: Sequence[Recipient]
) -> Sequence[RowError]:
    """Store a batch. The same account again is joined with its first row; differences are told."""
    merged: dict[str, Recipient] = {}
    errors: list[RowError] = []
    for recipient in batch:
        first = merged.get(recipient.account_number)
        if first is None:
            merged[recipient.account_number] = recipient
            continue
        merged[recipient.account_number], error = join_rows(first, recipient)
        if error is not None:
            errors.append(error)
    present = _present(tx, audience_id, list(merged))
    known = get_many(tx, list(present.values()))
    for account, stored_id in present.items():
        stored = known[stored_id]
        joined, error = join_rows(stored, merged.pop(account))
        if error is not None:
            errors.append(error)
        # A refusal that only the later row tells counts as much as one in the first.
        rewrite(tx, audience_id, stored_id, stored, joined)
    if merged:
        _insert(tx, audience_id, list(merged.values()))
    return errors


def rewrite(
    tx: Transaction, audience_id: int, stored_id: int, before: Recipient, after: Recipient
) -> None:
    """Store what a recipient has become; contact points are only ever added at the end."""
    if after == before:
        return
    values = _values(after) | {"row": before.row}
    tx.execute(update(recipients).where(recipients.c.id == stored_id).values(values))
    fresh = after.contact_points[len(before.contact_points) :]
    if fresh:
        _insert_points(tx, audience_id, stored_id, fresh, _next_position(tx, stored_id))


def _next_position(tx: Transaction, recipient_id: int) -> int:
    """Behind the last contact point: one before it may have been erased, and left a gap."""
    p = contact_points.c
    last = tx.execute(select(func.max(p.position)).where(p.recipient_id == recipient_id)).scalar()
    return 0 if last is None else last + 1


def by_account(
    tx: Transaction, audience_id: int, account_number: str
) -> tuple[int, Recipient] | None:
    """A recipient of an audience, and its id."""
    present = _present(tx, audience_id, [account_number])
    return next(iter(get_many(tx, list(present.values())).items()), None)


def reachable(tx: Transaction, audience_id: int, accounts: Collection[str]) -> set[str]:
    """Those of the accounts that have a number or an address."""
    if not accounts:
        return set()
    rows = tx.execute(
        select(recipients.c.account_number)
        .join(contact_points, contact_points.c.recipient_id == recipients.c.id)
        .where(
            recipients.c.audience_id == audience_id,
            recipients.c.account_number.in_(sorted(accounts)),
        )
    )
    return set(rows.scalars())


def _present(tx: Transaction, audience_id: int, accounts: Sequence[str]) -> dict[str, int]:
    rows = tx.execute(
        select(recipients.c.account_number, recipients.c.id).where(
            recipients.c.audience_id == audience_id,
            bulk.among(tx, recipients.c.account_number, accounts),
        )
    )
    return {row.account_number: row.id for row in rows}


_RECIPIENT = (
    "id",
    "audience_id",
    "row",
    "account_number",
    "name",
    "patronymic",
    "surname",
    "segment",
    "branch",
    "region",
    "zone",
    "zone_source",
    "language",
    "consents",
    "fields",
)
_POINT = ("recipient_id", "position", "audience_id", "address", "kind")


def _insert(tx: Transaction, audience_id: int, batch: Sequence[Recipient]) -> None:
    """Store recipients; their ids rise with the rows of the file, for the first of those who share
    a contact point leads them."""
    ids = _fresh_ids(tx, len(batch))
    pour(
        tx,
        recipients,
        _RECIPIENT,
        (
            (
                recipient_id,
                audience_id,
                r.row,
                r.account_number,
                r.name,
                r.patronymic,
                r.surname,
                _word(r.segment),
                r.branch,
                r.region,
                r.zone,
                _word(r.zone_source),
                r.language,
                _written_consents(r.consents) if r.consents else "[]",
                _json(r.fields) if r.fields else "{}",
            )
            for recipient_id, r in zip(ids, batch, strict=True)
        ),
    )
    pour(
        tx,
        contact_points,
        _POINT,
        (
            (recipient_id, position, audience_id, point.address, _word(point.kind))
            for recipient_id, recipient in zip(ids, batch, strict=True)
            for position, point in enumerate(recipient.contact_points)
        ),
    )


def _fresh_ids(tx: Transaction, count: int) -> Sequence[int]:
    """Ids of nobody yet, rising. SQLite has one writer, who may count on from the last one."""
    if tx.dialect.name == "sqlite":
        last = tx.execute(select(func.max(recipients.c.id))).scalar() or 0
        return range(last + 1, last + 1 + count)
    drawn = func.nextval(func.pg_get_serial_sequence(recipients.name, recipients.c.id.name))
    return sorted(tx.execute(select(drawn).select_from(func.generate_series(1, count))).scalars())


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=1024)
def _written_consents(consents: tuple[Consent, ...]) -> str:
    return _json([_write_consent(consent) for consent in consents])


@cache
def _word(member: StrEnum) -> str:
    """As the drivers take it soonest."""
    return str(member.value)


def _values(recipient: Recipient) -> dict[str, object]:
    return {
        "row": recipient.row,
        "account_number": recipient.account_number,
        "name": recipient.name,
        "patronymic": recipient.patronymic,
        "surname": recipient.surname,
        "segment": recipient.segment.value,
        "branch": recipient.branch,
        "region": recipient.region,
        "zone": recipient.zone,
        "zone_source": recipient.zone_source.value,
        "language": recipient.language,
        "consents": [_write_consent(consent) for consent in recipient.consents],
        "fields": dict(recipient.fields),
    }


def _insert_points(
    tx: Transaction, audience_id: int, recipient_id: int, points: Sequence[ContactPoint], first: int
) -> None:
    tx.execute(
        insert(contact_points),
        [
            {
                "recipient_id": recipient_id,
                "position": first + index,
                "audience_id": audience_id,
                "address": point.address,
                "kind": point.kind.value,
            }
            for index, point in enumerate(points)
        ],
    )


_ERROR = (
    "audience_id",
    "row",
    "column",
    "code",
    "value",
    "message",
    "advice",
    "fatal",
    "cells",
    "account_number",
)


def add_errors(tx: Transaction, audience_id: int, errors: Sequence[RowError]) -> None:
    pour(
        tx,
        row_errors,
        _ERROR,
        (
            (
                audience_id,
                e.row,
                e.column,
                e.code,
                e.value,
                e.message,
                e.advice,
                e.fatal,
                _json(e.cells),
                e.account_number,
            )
            for e in errors
        ),
    )


def finish(
    tx: Transaction, audience_id: int, rows: int, columns: Sequence[str], actor: str, now: datetime
) -> StoredAudience:
    """The import is whole: the audience may be used from now on. `rows` adds to those before."""
    count = tx.execute(
        select(func.count()).where(recipients.c.audience_id == audience_id)
    ).scalar_one()
    tx.execute(
        update(audiences)
        .where(audiences.c.id == audience_id)
        .values(
            status="ready",
            rows=audiences.c.rows + rows,
            recipients=count,
            columns=sorted({*get(tx, audience_id).columns, *columns}),
        )
    )
    composition.store(tx, audience_id)
    trail.note(
        tx, now, actor, "audience.import", f"audience:{audience_id}", rows=rows, recipients=count
    )
    return get(tx, audience_id)


def discard(tx: Transaction, audience_id: int) -> None:
    """Take back an import from which nothing can be used."""
    tx.execute(
        delete(audiences).where(audiences.c.id == audience_id, audiences.c.status == "importing")
    )


def hold(tx: Transaction, audience_id: int) -> None:
    """Nobody else decides about launches over this list until this transaction ends."""
    mine = audiences.c.id == audience_id
    tx.execute(select(audiences.c.id).where(mine).with_for_update(key_share=True)).close()


def get(tx: Transaction, audience_id: int) -> StoredAudience:
    return read_audience(tx.execute(select(audiences).where(audiences.c.id == audience_id)).one())


def find(tx: Transaction, name: str) -> StoredAudience:
    """Raises NotFound; an audience whose import was interrupted is not there."""
    row = tx.execute(
        select(audiences).where(audiences.c.name == name, audiences.c.status == "ready")
    ).first()
    if row is None:
        known = tx.execute(select(audiences.c.name).where(audiences.c.status == "ready"))
        raise NotFound(_("audience"), name, tuple(known.scalars()))
    return read_audience(row)


def all_ready(tx: Transaction) -> Sequence[StoredAudience]:
    rows = tx.execute(
        select(audiences).where(audiences.c.status == "ready").order_by(audiences.c.id)
    )
    return [read_audience(row) for row in rows]


def errors_of(tx: Transaction, audience_id: int) -> Iterator[RowError]:
    """Every bad row, in the order of the file; the findings of a row one after another."""
    e = row_errors.c
    rows = tx.execute(
        select(row_errors)
        .where(e.audience_id == audience_id)
        .order_by(e.row, e.account_number, e.id)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield read_error(row)


def read_error(row: Row[tuple[object, ...]]) -> RowError:
    return RowError(
        row=row.row,
        column=row.column,
        code=row.code,
        value=row.value,
        message=finding_words(row.message),
        advice=finding_words(row.advice),
        cells=tuple(row.cells),
        fatal=row.fatal,
        account_number=row.account_number,
    )


def get_many(tx: Transaction, ids: Sequence[int]) -> Mapping[int, Recipient]:
    """Recipients by id, with their contact points."""
    rows = tx.execute(select(recipients).where(bulk.among(tx, recipients.c.id, ids))).all()
    return _with_points(tx, rows)


def after(
    tx: Transaction, audience_id: int, last_id: int, limit: int = CHUNK
) -> Mapping[int, Recipient]:
    """The next recipients in the order of the file: how a large audience is read piece by piece."""
    rows = tx.execute(
        select(recipients)
        .where(recipients.c.audience_id == audience_id, recipients.c.id > last_id)
        .order_by(recipients.c.id)
        .limit(limit)
    ).all()
    return _with_points(tx, rows)


def _with_points(tx: Transaction, rows: Sequence[Row[*tuple[Any, ...]]]) -> Mapping[int, Recipient]:
    if not rows:
        return {}
    points: dict[int, list[ContactPoint]] = {row[0]: [] for row in rows}
    found = tx.execute(
        select(contact_points.c.recipient_id, contact_points.c.address, contact_points.c.kind)
        .where(bulk.among(tx, contact_points.c.recipient_id, points))
        .order_by(contact_points.c.recipient_id, contact_points.c.position)
    ).all()
    for recipient_id, address, kind in found:
        points[recipient_id].append(ContactPoint(address, _KINDS[kind]))
    return {row[0]: _read_recipient(row, tuple(points[row[0]])) for row in rows}


# Each is read when it is told something: columns by their places, words by a table, in a third of
# the time.
_KINDS = {one.value: one for one in ContactKind}
_SEGMENTS = {one.value: one for one in Segment}
_ZONE_SOURCES = {one.value: one for one in ZoneSource}


def _read_recipient(row: Row[*tuple[Any, ...]], points: tuple[ContactPoint, ...]) -> Recipient:
    """A row of `select(recipients)`: of all its columns, in their order."""
    (
        _id,
        _audience_id,
        number,
        account_number,
        name,
        patronymic,
        surname,
        segment,
        branch,
        region,
        zone,
        zone_source,
        language,
        consents,
        fields,
        _erased_at,
    ) = row
    return Recipient(
        row=number,
        account_number=account_number,
        contact_points=points,
        name=name,
        patronymic=patronymic,
        surname=surname,
        segment=_SEGMENTS[segment],
        branch=branch,
        region=region,
        zone=zone,
        zone_source=_ZONE_SOURCES[zone_source],
        language=language,
        consents=tuple(map(read_consent, consents)),
        fields=fields,
    )


def read_audience(row: Row[tuple[object, ...]]) -> StoredAudience:
    return StoredAudience(
        id=row.id,
        name=row.name,
        file_name=row.file_name,
        status=row.status,
        columns=tuple(row.columns),
        header=tuple(row.header),
        rows=row.rows,
        recipients=row.recipients,
        imported_at=row.imported_at,
        imported_by=row.imported_by,
    )


def _write_consent(consent: Consent) -> dict[str, object]:
    return {
        "granted": consent.granted,
        "purpose": consent.purpose,
        "channel": consent.channel,
        "basis": consent.basis,
        "since_on": consent.since_on.isoformat() if consent.since_on else None,
    }


def read_consent(stored: Mapping[str, Any]) -> Consent:
    purpose, channel, since_on = stored["purpose"], stored["channel"], stored["since_on"]
    return Consent(
        granted=bool(stored["granted"]),
        purpose=Purpose(purpose) if purpose else None,
        channel=ChannelName(channel) if channel else None,
        basis=str(stored["basis"] or ""),
        since_on=date.fromisoformat(str(since_on)) if since_on else None,
    )
