"""Calls under way: how many each provider account and each desk bears just now.

Counted from the attempts and nothing else, so that the count is right after any crash, and
exact over all workers while `touches.one_at_a_time` is held.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, literal_column, or_, select

from campaigns.channel import ChannelName
from campaigns.desk import Load
from campaigns.outcome import Outcome
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts

# A key that decides is recorded at once; the farewell is still spoken, and the line taken, for so
# long. By then nobody knows of the end: the provider's report of it changes nothing any more.
FAREWELL = timedelta(seconds=15)
# Written out instead of bound: only so does SQLite see that the partial index fits.
_SAYS_FAREWELL = and_(
    attempts.c.outcome == literal_column(f"'{Outcome.KEY_PRESSED}'"), attempts.c.seconds.is_(None)
)


def under_way(tx: Transaction, now: datetime) -> tuple[Counter[str], Mapping[str, Load]]:
    """Calls by provider, and what goes on at each desk.

    Who asked for an operator and was told that nobody is free takes nobody's time.
    """
    asked = attempts.c.operator_at.is_not(None)
    refused = attempts.c.sign == Outcome.NOBODY_FREE
    has_operator = and_(asked, or_(attempts.c.sign.is_(None), ~refused))
    may_ask = and_(attempts.c.offers_operator, ~asked)
    rows = tx.execute(
        select(
            attempts.c.provider,
            attempts.c.desk,
            func.count(),
            func.count(case((may_ask, 1))),
            func.count(case((has_operator, 1))),
        )
        .where(attempts.c.channel == ChannelName.PHONE, attempts.c.ended_at.is_(None))
        .group_by(attempts.c.provider, attempts.c.desk)
    )
    by_provider: Counter[str] = Counter()
    by_desk: dict[str, Load] = {}
    for provider, desk, calls, asking, with_operator in rows:
        by_provider[provider] += calls
        load = by_desk.get(desk, Load())
        by_desk[desk] = Load(
            load.calls + calls, load.may_ask + asking, load.with_operator + with_operator
        )
    for provider, desk, calls in tx.execute(
        select(attempts.c.provider, attempts.c.desk, func.count())
        .where(_SAYS_FAREWELL, attempts.c.ended_at > now - FAREWELL)
        .group_by(attempts.c.provider, attempts.c.desk)
    ):
        by_provider[provider] += calls
        by_desk[desk] = by_desk.get(desk, Load()).joined(Load(calls))
    return by_provider, by_desk


def calls_by_campaign(tx: Transaction) -> Counter[tuple[int, str]]:
    """How many calls each campaign has under way at each desk."""
    rows = tx.execute(
        select(attempts.c.campaign_id, attempts.c.desk, func.count().label("calls"))
        .where(attempts.c.channel == ChannelName.PHONE, attempts.c.ended_at.is_(None))
        .group_by(attempts.c.campaign_id, attempts.c.desk)
    )
    return Counter({(row.campaign_id, row.desk): row.calls for row in rows})
