"""Calls under way: how many each provider account and each desk bears just now.

Counted from the attempts and nothing else, so that the count is right after any crash, and
exact over all workers while `touches.one_at_a_time` is held.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select

from campaigns.channel import ChannelName
from campaigns.desk import Load
from campaigns.outcome import Outcome
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts

# A key that decides is recorded at once; the farewell is still spoken, and the line taken, for so
# long. By then nobody knows of the end: the provider's report of it changes nothing any more.
FAREWELL = timedelta(seconds=15)
# A call in doubt may be going on for as long as any call: 25 s of ringing, half a minute until it
# is known who answered, and the provider's limit of four minutes; counted from the doubt, for then
# it was placed at the latest.
CALL_AT_MOST = timedelta(seconds=300)
# … and once an operator is wanted, for as long as a talk at most.
TALK_AT_MOST = timedelta(seconds=1800 + 60)
# Names our locks among the advisory locks of a PostgreSQL database, one for each desk.
DESK_LOCK = 72_115_120

_a = attempts.c
# Written out instead of bound: only so does SQLite see that the partial indexes fit.
_IS_OPEN = and_(_a.channel == literal_column(f"'{ChannelName.PHONE}'"), _a.ended_at.is_(None))
_SAYS_FAREWELL = and_(
    _a.outcome == literal_column(f"'{Outcome.KEY_PRESSED}'"), _a.seconds.is_(None)
)
_IS_IN_DOUBT = and_(
    _a.channel == literal_column(f"'{ChannelName.PHONE}'"),
    _a.outcome == literal_column(f"'{Outcome.UNCERTAIN}'"),
)
_HAS_ASKED = _a.operator_at.is_not(None)
# Who asked for an operator and was told that nobody is free takes nobody's time.
_HAS_OPERATOR = and_(_HAS_ASKED, or_(_a.sign.is_(None), _a.sign != Outcome.NOBODY_FREE))


def _may_go_on(now: datetime) -> ColumnElement[bool]:
    """A call of which nobody knows whether it was placed, and which would not be over yet.

    The provider's answer was lost, or the worker: the customer may be on the line all the same.
    """
    return and_(
        _IS_IN_DOUBT,
        # Nobody asks later than in the last second of a call: this bounds the walk of the index.
        _a.ended_at > now - CALL_AT_MOST - TALK_AT_MOST,
        or_(
            _a.ended_at > now - CALL_AT_MOST,
            and_(_HAS_OPERATOR, _a.operator_at > now - TALK_AT_MOST),
        ),
    )


def under_way(tx: Transaction, now: datetime) -> tuple[Counter[str], Mapping[str, Load]]:
    """Calls by provider, and what goes on at each desk."""
    by_provider: Counter[str] = Counter()
    by_desk: dict[str, Load] = {}

    def add(provider: str, desk: str, load: Load) -> None:
        by_provider[provider] += load.calls
        by_desk[desk] = by_desk.get(desk, Load()).joined(load)

    may_ask = and_(_a.offers_operator, ~_HAS_ASKED)
    for are_going_on in (_IS_OPEN, _may_go_on(now)):
        for provider, desk, *counts in tx.execute(
            select(
                _a.provider,
                _a.desk,
                func.count(),
                func.count(case((may_ask, 1))),
                func.count(case((_HAS_OPERATOR, 1))),
            )
            .where(are_going_on)
            .group_by(_a.provider, _a.desk)
        ):
            add(provider, desk, Load(*counts))
    for provider, desk, calls in tx.execute(
        select(_a.provider, _a.desk, func.count())
        .where(_SAYS_FAREWELL, _a.ended_at > now - FAREWELL)
        .group_by(_a.provider, _a.desk)
    ):
        add(provider, desk, Load(calls))
    return by_provider, by_desk


def with_operator(tx: Transaction, desk: str, now: datetime) -> int:
    """How many calls of a desk have an operator, or ring for one; until the transaction ends nobody
    else counts, so that two customers are never given the last one.

    SQLite has one writer at a time anyhow.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(DESK_LOCK, func.hashtext(desk))))
    return sum(
        tx.execute(
            select(func.count()).where(are_going_on, _a.desk == desk, _HAS_OPERATOR)
        ).scalar_one()
        for are_going_on in (_IS_OPEN, _may_go_on(now))
    )


def calls_by_campaign(tx: Transaction, now: datetime) -> Counter[tuple[int, str]]:
    """How many calls each campaign has under way at each desk."""
    found: Counter[tuple[int, str]] = Counter()
    for are_going_on in (_IS_OPEN, _may_go_on(now)):
        rows = tx.execute(
            select(_a.campaign_id, _a.desk, func.count())
            .where(are_going_on)
            .group_by(_a.campaign_id, _a.desk)
        )
        for campaign_id, desk, calls in rows:
            found[campaign_id, desk] += calls
    return found
