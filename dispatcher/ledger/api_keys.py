"""Keys by which other systems come in. Of the secret only a digest is kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, insert, select, update

from dispatcher.errors import NotFound
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.staff_tables import api_keys
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class StoredKey:
    id: int
    name: str
    prefix: str
    digest: str
    scopes: tuple[str, ...]
    made_at: datetime
    made_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


def add(
    tx: Transaction,
    *,
    name: str,
    prefix: str,
    digest: str,
    scopes: Collection[str],
    expires_at: datetime | None,
    actor: str,
    now: datetime,
) -> int:
    row = insert(api_keys).values(
        name=name,
        prefix=prefix,
        digest=digest,
        scopes=sorted(scopes),
        made_at=now,
        made_by=actor,
        expires_at=expires_at,
    )
    return int(tx.execute(row.returning(api_keys.c.id)).scalar_one())


def find(tx: Transaction, prefix: str) -> StoredKey | None:
    row = tx.execute(select(api_keys).where(api_keys.c.prefix == prefix)).first()
    return _key(row) if row else None


def get(tx: Transaction, key_id: int) -> StoredKey:
    """Raises NotFound."""
    row = tx.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFound(_("API key"), str(key_id))
    return _key(row)


def everything(tx: Transaction) -> Sequence[StoredKey]:
    """Those that work first, the newest of them before the others."""
    order = (api_keys.c.revoked_at.is_not(None), api_keys.c.id.desc())
    return [_key(row) for row in tx.execute(select(api_keys).order_by(*order))]


def revoke(tx: Transaction, key_id: int, now: datetime) -> bool:
    """False where it was revoked before."""
    return bool(
        tx.execute(
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
        ).rowcount
    )


def touch(tx: Transaction, key_id: int, now: datetime) -> None:
    tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(used_at=now))


def _key(row: Row[tuple[object, ...]]) -> StoredKey:
    return StoredKey(
        row.id,
        row.name,
        row.prefix,
        row.digest,
        tuple(row.scopes),
        row.made_at,
        row.made_by,
        row.expires_at,
        row.revoked_at,
        row.used_at,
    )
