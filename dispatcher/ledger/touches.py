"""Who was contacted when, over all campaigns, by account and by contact point."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from campaigns.channel import ChannelName
from campaigns.permission import History
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, touches


def history(
    tx: Transaction, channel: ChannelName, parties: Collection[str], since_at: datetime
) -> Mapping[str, History]:
    """What each party went through since then; who was not contacted is not in the answer."""
    positive: dict[str, datetime] = {}
    recent: dict[str, list[datetime]] = defaultdict(list)
    rows = tx.execute(
        select(touches.c.party, touches.c.at, touches.c.positive_at).where(
            touches.c.party.in_(list(parties)),
            touches.c.channel == channel,
            touches.c.at > since_at,
        )
    )
    for party, at, positive_at in rows:
        recent[party].append(at)
        if positive_at is not None:
            positive[party] = max(positive_at, positive.get(party, positive_at))
    return {party: History(positive.get(party), tuple(times)) for party, times in recent.items()}


def note(tx: Transaction, rows: Sequence[tuple[int, str, ChannelName, datetime]]) -> None:
    """Attempts began: (attempt, party, channel, at)."""
    if rows:
        tx.execute(
            insert(touches),
            [
                {"attempt_id": attempt_id, "party": party, "channel": channel, "at": at}
                for attempt_id, party, channel, at in rows
            ],
        )


def mark_positive(tx: Transaction, reached: Mapping[int, datetime]) -> None:
    """These attempts reached the customer, at these instants."""
    for attempt_id, at in reached.items():
        tx.execute(update(touches).where(touches.c.attempt_id == attempt_id).values(positive_at=at))


def forget(tx: Transaction, attempt_ids: Collection[int]) -> None:
    """Nothing was sent after all."""
    tx.execute(delete(touches).where(touches.c.attempt_id.in_(list(attempt_ids))))


def busy_points(tx: Transaction, points: Collection[str]) -> frozenset[str]:
    """The numbers that are being called just now, by any campaign."""
    rows = tx.execute(
        select(attempts.c.contact_point)
        .where(
            attempts.c.contact_point.in_(list(points)),
            attempts.c.ended_at.is_(None),
            attempts.c.channel == ChannelName.PHONE,
        )
        .group_by(attempts.c.contact_point)
        .having(func.count() > 0)
    )
    return frozenset(rows.scalars())
