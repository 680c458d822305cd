"""Who was contacted when, over all campaigns, by account and by contact point."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, delete, or_, select

from campaigns.channel import ChannelName
from campaigns.permission import History
from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, touches

# Names our locks among the advisory locks of a PostgreSQL database, one for each channel.
HISTORY_LOCK = 72_115_110


def history(
    tx: Transaction, channel: ChannelName, parties: Collection[str], since_at: datetime
) -> Mapping[str, History]:
    """What each party went through since then; who was not contacted is not in the answer."""
    return histories(tx, {channel: since_at}, parties)[channel]


def histories(
    tx: Transaction, since_at: Mapping[ChannelName, datetime], parties: Collection[str]
) -> Mapping[ChannelName, Mapping[str, History]]:
    """The same on several channels, each since its own instant."""
    positive: dict[ChannelName, dict[str, datetime]] = {channel: {} for channel in since_at}
    recent: dict[ChannelName, dict[str, list[datetime]]] = {channel: {} for channel in since_at}
    t = touches.c
    rows = tx.execute(
        select(t.party, t.channel, t.at, t.positive_at).where(
            bulk.among(tx, t.party, parties),
            or_(*(and_(t.channel == channel, t.at > at) for channel, at in since_at.items())),
        )
    )
    for party, name, at, positive_at in rows:
        channel = ChannelName(name)
        recent[channel].setdefault(party, []).append(at)
        if positive_at is not None:
            known = positive[channel]
            known[party] = max(positive_at, known.get(party, positive_at))
    return {
        channel: {
            party: History(positive[channel].get(party), tuple(times))
            for party, times in found.items()
        }
        for channel, found in recent.items()
    }


def note(tx: Transaction, rows: Sequence[tuple[int, str, ChannelName, datetime]]) -> None:
    """Attempts began: (attempt, party, channel, at)."""
    bulk.insert(
        tx,
        touches,
        [
            {"attempt_id": attempt_id, "party": party, "channel": channel.value, "at": at}
            for attempt_id, party, channel, at in rows
        ],
    )


def parties_of(tx: Transaction, attempt_id: int) -> frozenset[str]:
    """Whom an attempt told: the accounts it speaks of, and its contact point."""
    rows = tx.execute(select(touches.c.party).where(touches.c.attempt_id == attempt_id))
    return frozenset(rows.scalars())


def mark_positive(tx: Transaction, reached: Mapping[int, datetime | None]) -> None:
    """These attempts reached the customer, at these instants; None: they did not after all."""
    bulk.update(
        tx,
        touches,
        [{"attempt_id": attempt_id, "positive_at": at} for attempt_id, at in reached.items()],
        where={"attempt_id": "attempt_id"},
    )


def forget(tx: Transaction, attempt_ids: Collection[int]) -> None:
    """Nothing was sent after all."""
    tx.execute(delete(touches).where(bulk.among(tx, touches.c.attempt_id, attempt_ids)))


def busy_parties(tx: Transaction, parties: Collection[str]) -> frozenset[str]:
    """The numbers and accounts that are being called just now, by any campaign."""
    rows = tx.execute(
        select(touches.c.party)
        .join(attempts, attempts.c.id == touches.c.attempt_id)
        .where(
            bulk.among(tx, touches.c.party, parties),
            touches.c.channel == ChannelName.PHONE,
            attempts.c.ended_at.is_(None),
        )
        .distinct()
    )
    return frozenset(rows.scalars())


def one_at_a_time(tx: Transaction, channel: ChannelName) -> None:
    """Until this transaction ends, nobody else judges by the history of this channel.

    Two campaigns that open a call to one customer at the same moment would each find that nobody
    is calling. SQLite has one writer at a time anyhow.
    """
    if tx.dialect.name == "postgresql":
        number = HISTORY_LOCK + list(ChannelName).index(channel)
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({number})")
