"""Two foreign keys fewer on PostgreSQL: they cost more than the rows they look after.

A letter's attempt and what it touches were held against their parents four times, and every check
locks the parent's row: all workers queued up for the one row of their campaign. Attempts keep the
key to their delivery, which leads to the campaign; what touches whom is written and taken back with
its attempt in one transaction, and the audit looks for what belongs to nothing. SQLite, where a
check costs next to nothing and a key cannot be dropped without copying the table, keeps them.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Nothing is refused that was allowed: programs of the former version may go on.
BESIDE_FORMER = True


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_touches_attempt_id_attempts", "touches", type_="foreignkey")
        op.drop_constraint("fk_attempts_campaign_id_campaigns", "attempts", type_="foreignkey")
