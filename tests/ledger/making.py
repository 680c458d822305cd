"""Rows to begin a ledger test with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from campaigns.channel import ChannelName, ContactKind
from campaigns.plan import Planned
from campaigns.recipient import ContactPoint, Recipient
from campaigns.scenario_file import ScenarioFile, library_path, read_scenario
from dispatcher.ledger import Ledger, Transaction, audiences, campaigns, deliveries, scenarios
from dispatcher.ledger import tables as t
from dispatcher.ledger.campaigns import Campaign, CampaignStatus

PHONE, SMS, EMAIL = ChannelName.PHONE, ChannelName.SMS, ChannelName.EMAIL
NOW = datetime(2026, 9, 7, 7, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ACTOR = "test"


def scenario_file(name: str = "debt-reminder") -> ScenarioFile:
    return read_scenario(library_path(name))


def person(account: str, *points: str, row: int = 2, debt: int = 100) -> Recipient:
    kinds = tuple(
        ContactPoint(p, ContactKind.EMAIL if "@" in p else ContactKind.MOBILE) for p in points
    )
    return Recipient(
        row=row, account_number=account, contact_points=kinds, fields={"debt_kopecks": debt}
    )


def campaign_of(
    tx: Transaction, people: Sequence[Recipient], *, name: str = "list", running: bool = True
) -> Campaign:
    """A campaign over an audience of these people; nothing is planned yet."""
    stored = scenarios.add(tx, scenario_file(), ACTOR, NOW)
    audience_id = audiences.begin(tx, name, "list.csv", (), ACTOR, NOW)
    audiences.add_recipients(tx, audience_id, people)
    audiences.finish(tx, audience_id, len(people), ["debt_kopecks"], ACTOR, NOW)
    campaign = campaigns.create(
        tx,
        scenario_id=stored.id,
        audience_id=audience_id,
        zone="Europe/Moscow",
        start_at=NOW - timedelta(hours=1),
        end_at=NOW + timedelta(days=14),
        actor=ACTOR,
        now=NOW,
    )
    if running:
        campaign = campaigns.change(tx, campaign, CampaignStatus.SCHEDULED, ACTOR, NOW)
        campaign = campaigns.change(tx, campaign, CampaignStatus.RUNNING, ACTOR, NOW)
    return campaign


def due_rows(
    ledger: Ledger,
    count: int,
    *,
    name: str = "list",
    urgent: bool = False,
    due_at: datetime = NOW,
) -> Campaign:
    """A running campaign with this many calls that are due."""
    with ledger.write() as tx:
        people = [person(f"{name}-{n}", f"+7916{n:07}", row=n) for n in range(1, count + 1)]
        campaign = campaign_of(tx, people, name=name)
        ids = list(audiences.after(tx, campaign.audience_id, 0, count))
        planned = [
            Planned(i, PHONE, "Europe/Moscow", (f"+7916{i:07}",), due_at=due_at) for i in ids
        ]
        deliveries.insert_planned(tx, campaign.id, planned, urgent=urgent)
    return campaign


def force(tx: Transaction, delivery_id: int, **values: object) -> None:
    """Put a delivery into a state without walking there."""
    tx.execute(t.deliveries.update().where(t.deliveries.c.id == delivery_id).values(**values))


__all__ = ["ACTOR", "LATER", "NOW", "campaign_of", "due_rows", "force", "person"]
