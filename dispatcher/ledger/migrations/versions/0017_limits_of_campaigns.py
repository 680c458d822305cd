"""A campaign may be launched with limits of its own: so many attempts an hour on a channel."""

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Instant, Json

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# A former program knows of no limits, and would go beyond them.
BESIDE_FORMER = False


def upgrade() -> None:
    op.create_table(
        "campaign_limits",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("per_hour", sa.Integer(), nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("look_at", Instant(), nullable=True),
        sa.Column("reach", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name="fk_campaign_limits_campaign_id_campaigns",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "channel", name="pk_campaign_limits"),
    )
    op.add_column("launch_requests", sa.Column("limits", Json, server_default="{}", nullable=False))
