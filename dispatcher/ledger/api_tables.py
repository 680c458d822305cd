"""Tables of what other systems ask for, besides those in `staff_tables`."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from dispatcher.ledger.tables import Instant, metadata

# Campaigns that take in one recipient after another for a day; see docs/decisions/0011.
standing_campaigns = Table(
    "standing_campaigns",
    metadata,
    Column(
        "campaign_id",
        ForeignKey("campaigns.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("scenario_id", ForeignKey("scenarios.id"), nullable=False),
    Column("feeds_until", Instant, nullable=False),  # until then it stays open, however idle
    Column("part", Integer, nullable=False),  # an account stands once in each part of a day
    UniqueConstraint("scenario_id", "feeds_until", "part"),
)

# What a webhook signed with until its secret was changed, and for a while longer.
webhook_former_secrets = Table(
    "webhook_former_secrets",
    metadata,
    Column(
        "webhook_id",
        ForeignKey("webhooks.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("secret", Text, nullable=False),
    Column("until_at", Instant, nullable=False),
)
