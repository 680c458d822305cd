"""A campaign's deliveries by what is known of their recipients: branch, segment, a column.

Few values are told by themselves, the commonest; the others stand together, so that what is told
adds up and a column of a million different values costs no more memory than one of ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, String, case, cast, func, select

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import deliveries, recipients

# What every recipient has; `zone` is the one by whose clock a delivery goes.
KNOWN = ("branch", "segment", "region", "zone")
# So many values are told by themselves.
TOLD = 40
# A value of a column of the file's own that fewer customers share is told of nobody: it might be
# somebody's address.
SHARED_BY = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Deliveries whose recipients have the same value; None: any of those not told apart."""

    value: str | None
    channel: ChannelName
    status: Status
    deliveries: int
    attempts: int


def by_value(tx: Transaction, campaign_id: int, audience_id: int, column: str) -> Sequence[Group]:
    """Every delivery of the campaign once. `column`: one of KNOWN, or a field of the audience."""
    d = deliveries.c
    value = _value(column)
    common = _common(tx, campaign_id, audience_id, column)
    told = case((value.in_(common), value), else_=None).label("told")
    rows = tx.execute(
        select(d.channel, d.status, told, func.count(), func.sum(d.attempts))
        .join(recipients, recipients.c.id == d.recipient_id)
        .where(d.campaign_id == campaign_id)
        .group_by(d.channel, d.status, "told")
    )
    return [
        Group(value, ChannelName(channel), Status(status), count, attempts)
        for channel, status, value, count, attempts in rows
    ]


def _common(tx: Transaction, campaign_id: int, audience_id: int, column: str) -> Sequence[str]:
    """The values that are told by themselves, the commonest first."""
    value = _value(column)
    if column == "zone":
        counted = select(value).where(deliveries.c.campaign_id == campaign_id)
    else:
        counted = select(value).where(recipients.c.audience_id == audience_id)
    rows = tx.execute(
        counted.group_by(value)
        .having(func.count() >= (1 if column in KNOWN else SHARED_BY))
        .order_by(func.count().desc(), value)
        .limit(TOLD)
    )
    return rows.scalars().all()


def _value(column: str) -> ColumnElement[str]:
    if column == "zone":
        return deliveries.c.zone
    if column in KNOWN:
        return recipients.c[column]
    return func.coalesce(cast(recipients.c.fields[column].as_string(), String), "")
