"""A customer is looked for by surname, over all lists."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# An index alone; while it is made, imports wait.
BESIDE_FORMER = True

_NAMED = sa.text("surname <> ''")


def upgrade() -> None:
    op.create_index(
        "ix_recipients_surname",
        "recipients",
        ["surname"],
        unique=False,
        sqlite_where=_NAMED,
        postgresql_where=_NAMED,
    )
