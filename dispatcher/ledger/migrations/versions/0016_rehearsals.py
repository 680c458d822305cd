"""A draft that is only looked at says so; webhooks are counted by indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# A column with a value of its own, and indexes.
BESIDE_FORMER = True

_OPEN = sa.text("due_at IS NOT NULL")
_HEARD = sa.text("heard_at IS NOT NULL")
_GIVEN_UP = sa.text("due_at IS NULL AND heard_at IS NULL")


def upgrade() -> None:
    op.add_column(
        "campaigns", sa.Column("on_trial", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.drop_index("ix_webhook_posts_due", "webhook_posts")
    for name, columns, where in (
        ("open", ["webhook_id", "due_at"], _OPEN),
        ("heard", ["webhook_id", "heard_at"], _HEARD),
        ("given_up", ["webhook_id"], _GIVEN_UP),
        ("latest", ["webhook_id", "id"], None),
    ):
        op.create_index(
            f"ix_webhook_posts_{name}",
            "webhook_posts",
            columns,
            unique=False,
            sqlite_where=where,
            postgresql_where=where,
        )
