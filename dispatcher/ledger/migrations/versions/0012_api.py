"""What other systems ask for: campaigns that stand open for a day; secrets that are changed."""

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# A loop of the former version would close a standing campaign that is idle, and the next message
# would begin another part of the day: nothing is lost by it. New tables only.
BESIDE_FORMER = True


def upgrade() -> None:
    op.create_table(
        "standing_campaigns",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scenario_id", sa.Integer(), nullable=False),
        sa.Column("feeds_until", Instant(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_standing_campaigns_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["scenario_id"],
            ["scenarios.id"],
            name=op.f("fk_standing_campaigns_scenario_id_scenarios"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_standing_campaigns")),
        sa.UniqueConstraint(
            "scenario_id",
            "feeds_until",
            "part",
            name=op.f("uq_standing_campaigns_scenario_id_feeds_until_part"),
        ),
    )
    op.create_table(
        "webhook_former_secrets",
        sa.Column("webhook_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("until_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_former_secrets_webhook_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhook_former_secrets")),
    )
