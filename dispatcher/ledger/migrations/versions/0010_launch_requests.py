"""Launches: which rehearsal one was asked from, the list as it was then, and the job that does it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# New columns that may be empty, of a table that nothing wrote to so far, and an index.
BESIDE_FORMER = True


def upgrade() -> None:
    op.add_column(
        "launch_requests",
        sa.Column("audience_rows", sa.Integer(), server_default="0", nullable=False),
    )
    for name in ("rehearsal_id", "seen_id", "job_id"):
        op.add_column("launch_requests", sa.Column(name, sa.Integer()))
    op.create_index(
        "uq_launch_requests_rehearsal", "launch_requests", ["rehearsal_id"], unique=True
    )
