"""How often a job was begun: one that kills whoever does it is given up."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A new column with a value of its own; former programs leave it as it is.
BESIDE_FORMER = True


def upgrade() -> None:
    op.add_column("jobs", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
