"""The stop-list: people and addresses that must not be contacted, by channel and by purpose."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, insert, or_, select, update

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import Suppression
from campaigns.permission import ACCOUNT, account_party, point_party
from dispatcher.errors import NotFound
from dispatcher.ledger import bulk, trail, webhooks
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import suppressions
from templates.i18n import _

# Why a number is on the list whose customer pressed the key that stops calls, and how the trail
# tells which call that was.
BY_KEY = "key"
STOPPED = "call.stop"
OF_ATTEMPT = "attempt:"


def stop_subject(attempt_id: int) -> str:
    return f"{OF_ATTEMPT}{attempt_id}"


def subject_of(entry_id: int) -> str:
    return f"suppression:{entry_id}"


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
    removed_at: datetime | None = None
    removed_by: str | None = None

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return subject_of(self.id)

    def stands_at(self, at: datetime) -> bool:
        """Whether it forbids anything at this instant."""
        until_at = self.suppression.until_at
        return self.removed_at is None and (until_at is None or at < until_at)


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
    trail.note(tx, now, actor, "suppress.add", subject_of(added), reason=suppression.reason)
    webhooks.tell(tx, webhooks.Event.RECIPIENT_STOPPED, [_fact(added, suppression)], now)
    return True


def add_many(
    tx: Transaction, wanted: Sequence[Suppression], actor: str, now: datetime
) -> tuple[int, int]:
    """Put many parties on the list; how many came onto it, and how many stood there already, or
    twice among these. All of them for the same channel, purpose and time."""
    if not wanted:
        return 0, 0
    first = wanted[0]
    same = (first.channel, first.purpose, first.until_at)
    if any((one.channel, one.purpose, one.until_at) != same for one in wanted):
        raise ValueError("all of them for the same channel, purpose and time")
    parties = list(dict.fromkeys(map(party_of, wanted)))
    s = suppressions.c
    known = set(
        tx.execute(
            select(s.party).where(
                bulk.among(tx, s.party, parties),
                _equal(s.channel, first.channel),
                _equal(s.purpose, first.purpose),
                s.removed_at.is_(None),
                or_(s.until_at.is_(None), s.until_at == first.until_at),
            )
        ).scalars()
    )
    fresh = [party for party in parties if party not in known]
    row = {
        "channel": first.channel,
        "purpose": first.purpose,
        "reason": first.reason,
        "since_at": now,
        "until_at": first.until_at,
        "added_by": actor,
    }
    rows = [{"party": party, **row} for party in fresh]
    added = [entry_id for (entry_id,) in bulk.insert_told(tx, suppressions, rows, ["id"])]
    trail.note_many(tx, now, actor, "suppress.add", map(subject_of, added), reason=first.reason)
    facts = [_fact(entry_id, first) for entry_id in added]
    webhooks.tell(tx, webhooks.Event.RECIPIENT_STOPPED, facts, now)
    return len(fresh), len(wanted) - len(fresh)


def _fact(entry_id: int, suppression: Suppression) -> Mapping[str, object]:
    """What other systems are told of an entry: who it is about, they ask for by its id."""
    return {
        "stop": entry_id,
        "channel": suppression.channel,
        "purpose": suppression.purpose,
        "reason": suppression.reason,
    }


def get(tx: Transaction, entry_id: int) -> StoredSuppression:
    """An entry, whether it stands or not. Raises NotFound."""
    row = tx.execute(select(suppressions).where(suppressions.c.id == entry_id)).first()
    if row is None:
        raise NotFound(_("entry of the stop-list"), str(entry_id))
    return _stored(row)


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
        trail.note(tx, now, actor, "suppress.remove", subject_of(entry))
    return len(removed)


def lift(tx: Transaction, entry_id: int, reason: str, actor: str, now: datetime) -> bool:
    """End one entry; False when it stood no more."""
    s = suppressions.c
    ended = tx.execute(
        update(suppressions)
        .where(s.id == entry_id, s.removed_at.is_(None))
        .values(removed_at=now, removed_by=actor)
        .returning(s.id)
    ).first()
    if ended is None:
        return False
    trail.note(tx, now, actor, "suppress.remove", subject_of(entry_id), reason=reason)
    return True


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
    return [_stored(row) for row in rows]


def page(
    tx: Transaction,
    now: datetime,
    *,
    before_id: int | None = None,
    after_id: int | None = None,
    limit: int = 50,
) -> Sequence[StoredSuppression]:
    """So many of those that stand, the newest first: next after an entry (`before_id`: ids fall),
    or next before one."""
    s = suppressions.c
    query = select(suppressions).where(
        s.removed_at.is_(None), or_(s.until_at.is_(None), s.until_at > now)
    )
    if after_id is not None:
        newer = tx.execute(query.where(s.id > after_id).order_by(s.id).limit(limit))
        return [_stored(row) for row in newer][::-1]
    if before_id is not None:
        query = query.where(s.id < before_id)
    return [_stored(row) for row in tx.execute(query.order_by(s.id.desc()).limit(limit))]


def all_of(tx: Transaction, parties: Collection[str]) -> Sequence[StoredSuppression]:
    """Every entry that ever stood for these accounts and contact points, the newest first."""
    s = suppressions.c
    rows = tx.execute(
        select(suppressions).where(bulk.among(tx, s.party, parties)).order_by(s.id.desc())
    )
    return [_stored(row) for row in rows]


def _stored(row: Row[tuple[object, ...]]) -> StoredSuppression:
    return StoredSuppression(
        row.id, _read(row), row.since_at, row.added_by, row.removed_at, row.removed_by
    )


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
