"""What is paid for: parts of SMS and seconds of calls, by provider."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Float, Integer, and_, case, cast, func, or_, select

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from dispatcher.ledger import bulk
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import archived_attempts, attempts

# What a provider never took it does not charge for.
FREE = (Outcome.NOT_TAKEN, Outcome.REJECTED)


@dataclass(frozen=True, slots=True)
class Carried:
    """What a provider carried on a channel. `charged` of the attempts it took, as far as we know.

    `parts` are those of charged SMS; of `uncounted` ones nobody counted them. `seconds` are those
    of calls, as the provider told them.
    """

    channel: ChannelName
    provider: str
    attempts: int
    positives: int
    charged: int
    parts: int
    uncounted: int
    seconds: float


def carried(
    tx: Transaction,
    campaign_ids: Collection[int],
    since_at: datetime | None = None,
    before_at: datetime | None = None,
) -> Sequence[Carried]:
    """Attempts of these campaigns, at work or archived, that began within a time, if one is told;
    walks along the index of campaigns and beginnings."""
    sums: dict[tuple[str, str], list[float]] = {}
    for table in (attempts, archived_attempts):
        a = table.c
        is_charged = or_(a.outcome.is_(None), a.outcome.not_in(FREE))
        is_unknown = and_(is_charged, a.channel == ChannelName.SMS, a.parts.is_(None))
        query = (
            select(
                a.channel,
                a.provider,
                func.count(),
                func.count(case((a.positive.is_(True), 1))),
                func.count(case((is_charged, 1))),
                cast(func.coalesce(func.sum(case((is_charged, a.parts), else_=0)), 0), Integer),
                func.count(case((is_unknown, 1))),
                cast(func.coalesce(func.sum(a.seconds), 0), Float),
            )
            .where(bulk.among(tx, a.campaign_id, campaign_ids))
            .group_by(a.channel, a.provider)
        )
        if since_at is not None:
            query = query.where(a.started_at >= since_at)
        if before_at is not None:
            query = query.where(a.started_at < before_at)
        for channel, provider, *counts in tx.execute(query):
            known = sums.setdefault((channel, provider), [0] * len(counts))
            known[:] = [one + other for one, other in zip(known, counts, strict=True)]
    found = []
    for (channel, provider), counts in sorted(sums.items()):
        made, positives, charged, parts, uncounted = (int(one) for one in counts[:5])
        way = ChannelName(channel), provider
        found.append(Carried(*way, made, positives, charged, parts, uncounted, counts[5]))
    return found
