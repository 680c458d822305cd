"""The processes at work: which roles there are, where, and when each was last seen."""

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Instant, Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Nothing that was there is changed: programs of the former version may go on.
BESIDE_FORMER = True


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("queues", Json, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("beats", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
