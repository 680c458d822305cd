"""Attempts are written twice: when they are opened, and when the provider took them.

The second writing found no room beside the first, so that the row moved and all its entries in
seven indexes were made anew. More than half of each page is now left to it (a row that was handed
over is longer by an instant): what is written twice takes its room twice either way, and the indexes
stay as they are. One of them nobody asked for; the one that counts lines holds calls alone, and no
more every letter whose bounce is waited for.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Programs of the former version find calls under way by another index; they are few.
BESIDE_FORMER = True

_IS_CALL = sa.text("ended_at IS NULL AND channel = 'phone'")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("ALTER TABLE attempts SET (fillfactor = 45)"))
    op.drop_index("ix_attempts_open_point", "attempts")
    op.drop_index("ix_attempts_open_desk", "attempts")
    op.create_index(
        "ix_attempts_open_desk",
        "attempts",
        ["channel", "provider", "desk"],
        unique=False,
        sqlite_where=_IS_CALL,
        postgresql_where=_IS_CALL,
    )
