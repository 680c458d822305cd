"""The stop-list: people and addresses that must not be contacted, by channel and by purpose."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, insert, or_, select, update

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import Suppression
from campaigns.permission import ACCOUNT, account_party, point_party
from dispatcher.ledger import bulk, trail
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import suppressions

# Why a number is on the list whose customer pressed the key that stops calls, and how the trail
# tells which call that was.
BY_KEY = "key"
STOPPED = "call.stop"
OF_ATTEMPT = "attempt:"


def stop_subject(attempt_id: int) -> str:
    return f"{OF_ATTEMPT}{attempt_id}"


def party_of(suppression: Suppression) -> str:
    if suppression.account_number:
        return account_party(suppression.account_number)
    return point_party(suppression.contact_point or "")


@dataclass(frozen=True, slots=True)
class StoredSuppression:
    id: int
    suppression: Suppression
    since_at: datetime
    added_by: str


def add(tx: Transaction, suppression: Suppression, actor: str, now: datetime) -> bool:
    """Put a party on the list; False when the very same entry stands there already."""
    same = tx.execute(
        select(suppressions.c.id).where(
            suppressions.c.party == party_of(suppression),
            _equal(suppressions.c.channel, suppression.channel),
            _equal(suppressions.c.purpose, suppression.purpose),
            suppressions.c.removed_at.is_(None),
            or_(suppressions.c.until_at.is_(None), suppressions.c.until_at == suppression.until_at),
        )
    ).first()
    if same is not None:
        return False
    added = tx.execute(
        insert(suppressions)
        .values(
            party=party_of(suppression),
            channel=suppression.channel,
            purpose=suppression.purpose,
            reason=suppression.reason,
            since_at=now,
            until_at=suppression.until_at,
            added_by=actor,
        )
        .returning(suppressions.c.id)
    ).scalar_one()
    trail.note(tx, now, actor, "suppress.add", f"suppression:{added}", reason=suppression.reason)
    return True


def remove(
    tx: Transaction, party: str, channel: ChannelName | None, actor: str, now: datetime
) -> int:
    """Take a party off the list (of one channel, or of all); how many entries ended."""
    query = (
        update(suppressions)
        .where(suppressions.c.party == party, suppressions.c.removed_at.is_(None))
        .values(removed_at=now, removed_by=actor)
        .returning(suppressions.c.id)
    )
    if channel is not None:
        query = query.where(suppressions.c.channel == channel)
    removed = tx.execute(query).scalars().all()
    for entry in removed:
        trail.note(tx, now, actor, "suppress.remove", f"suppression:{entry}")
    return len(removed)


def of_parties(
    tx: Transaction, parties: Collection[str], now: datetime
) -> Mapping[str, Sequence[Suppression]]:
    """What stands on the list now for any of these accounts and contact points.

    Keyed by the party in lower case, as `party_of` gives it.
    """
    found: dict[str, list[Suppression]] = defaultdict(list)
    rows = tx.execute(
        select(suppressions).where(
            bulk.among(tx, suppressions.c.party, parties),
            suppressions.c.removed_at.is_(None),
            or_(suppressions.c.until_at.is_(None), suppressions.c.until_at > now),
        )
    )
    for row in rows:
        found[row.party].append(_read(row))
    return found


def standing(tx: Transaction, now: datetime) -> Sequence[StoredSuppression]:
    """The whole list as it stands, newest first."""
    rows = tx.execute(
        select(suppressions)
        .where(
            suppressions.c.removed_at.is_(None),
            or_(suppressions.c.until_at.is_(None), suppressions.c.until_at > now),
        )
        .order_by(suppressions.c.id.desc())
    )
    return [StoredSuppression(row.id, _read(row), row.since_at, row.added_by) for row in rows]


def _equal(column: ColumnElement[str], value: str | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def _read(row: Row[tuple[object, ...]]) -> Suppression:
    is_account = row.party.startswith(ACCOUNT)
    return Suppression(
        account_number=row.party.removeprefix(ACCOUNT) if is_account else None,
        contact_point=None if is_account else row.party,
        channel=ChannelName(row.channel) if row.channel else None,
        purpose=Purpose(row.purpose) if row.purpose else None,
        reason=row.reason,
        until_at=row.until_at,
    )
