"""What an audience is made of: counted when it becomes whole, so that no page has to."""

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Json

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A new column that may be empty.
BESIDE_FORMER = True


def upgrade() -> None:
    op.add_column("audiences", sa.Column("figures", Json))
