"""Standing campaigns: they take in one recipient after another, for a day.

Each has an audience of its own, in which an account stands once, as in any other. A customer who is
told something twice on one day stands in the second part of that day.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from dispatcher.ledger import audiences as lists
from dispatcher.ledger import campaigns as runs
from dispatcher.ledger.api_tables import standing_campaigns
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, audiences, campaigns, deliveries
from templates.i18n import _

# Any number: it names our lock among the advisory locks of a PostgreSQL database.
STANDING_LOCK = 72_115_141


@dataclass(frozen=True, slots=True)
class Sent:
    """How a message stands on one channel. `attempted_at`: when the last attempt began;
    `is_closed`: its campaign is over."""

    campaign_id: int
    is_closed: bool
    channel: ChannelName
    status: Status
    reason: str
    outcome: Outcome | None
    attempts: int
    due_at: datetime | None
    attempted_at: datetime | None


def one_at_a_time(tx: Transaction, scenario_id: int) -> None:
    """Until this transaction ends, nobody else feeds campaigns of this scenario: two would each
    begin the day's first. SQLite has one writer at a time anyhow."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(STANDING_LOCK, scenario_id)))


def parts(tx: Transaction, scenario_id: int, feeds_until: datetime) -> Sequence[Campaign]:
    """The campaigns of a day so far, in their order."""
    s = standing_campaigns.c
    ids = tx.scalars(
        select(s.campaign_id)
        .where(s.scenario_id == scenario_id, s.feeds_until == feeds_until)
        .order_by(s.part)
    )
    return [runs.get(tx, campaign_id) for campaign_id in ids.all()]


def begin(
    tx: Transaction,
    *,
    scenario_id: int,
    feeds_until: datetime,
    part: int,
    list_name: str,
    zone: str,
    end_at: datetime,
    actor: str,
    now: datetime,
) -> Campaign:
    """The next part of a day, running, over a list of which nobody is in yet."""
    audience_id = lists.begin(tx, list_name, "API", [_("Account number")], actor, now)
    tx.execute(update(audiences).where(audiences.c.id == audience_id).values(status="ready"))
    campaign = runs.create(
        tx,
        scenario_id=scenario_id,
        audience_id=audience_id,
        zone=zone,
        start_at=now,
        end_at=end_at,
        actor=actor,
        now=now,
    )
    tx.execute(
        insert(standing_campaigns).values(
            campaign_id=campaign.id, scenario_id=scenario_id, feeds_until=feeds_until, part=part
        )
    )
    for status in (runs.CampaignStatus.SCHEDULED, runs.CampaignStatus.RUNNING):
        campaign = runs.change(tx, campaign, status, actor, now)
    return campaign


def count_in(tx: Transaction, audience_id: int, fields: Collection[str]) -> None:
    """One more recipient is in the list, with these fields."""
    known = set(lists.get(tx, audience_id).columns)
    values: dict[str, object] = {
        "rows": audiences.c.rows + 1,
        "recipients": audiences.c.recipients + 1,
    }
    if not known.issuperset(fields):
        values["columns"] = sorted(known.union(fields))
    tx.execute(update(audiences).where(audiences.c.id == audience_id).values(**values))


def message(tx: Transaction, recipient_id: int) -> Sequence[Sent]:
    """How what one recipient was to be told stands, channel by channel; empty for whoever was not
    taken in by a standing campaign."""
    d, a = deliveries.c, attempts.c
    last = (
        select(func.max(a.started_at)).where(a.delivery_id == d.id).correlate(deliveries)
    ).scalar_subquery()
    rows = tx.execute(
        select(
            d.campaign_id,
            campaigns.c.closed_at,
            d.channel,
            d.status,
            d.reason,
            d.outcome,
            d.attempts,
            d.due_at,
            last,
        )
        .join(standing_campaigns, standing_campaigns.c.campaign_id == d.campaign_id)
        .join(campaigns, campaigns.c.id == d.campaign_id)
        .where(d.recipient_id == recipient_id)
        .order_by(d.id)
    )
    return [
        Sent(
            campaign_id,
            closed_at is not None,
            ChannelName(channel),
            Status(status),
            reason,
            Outcome(outcome) if outcome else None,
            count,
            due_at,
            attempted_at,
        )
        for (
            campaign_id,
            closed_at,
            channel,
            status,
            reason,
            outcome,
            count,
            due_at,
            attempted_at,
        ) in rows
    ]
