"""What reports ask: parts of SMS, what came within a period, figures that were counted before."""

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Instant, Json

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# New columns that may be empty, a new table, new indexes.
BESIDE_FORMER = True


def upgrade() -> None:
    for table in ("attempts", "archived_attempts"):
        op.add_column(table, sa.Column("parts", sa.Integer()))
    op.create_table(
        "counted",
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("made_at", Instant()),
        sa.Column("figures", Json),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_counted")),
    )
    op.create_index(op.f("ix_counted_asked_at"), "counted", ["asked_at"])
    op.create_index(op.f("ix_inquiries_received_at"), "inquiries", ["received_at"])
    op.create_index(
        "ix_outbox_acknowledged",
        "outbox",
        ["asked_at"],
        sqlite_where=sa.text("kind = 'acknowledgement'"),
        postgresql_where=sa.text("kind = 'acknowledgement'"),
    )
