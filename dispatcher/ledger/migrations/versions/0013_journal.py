"""The journal is read by person, by act and by day: an index for each."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Indexes alone; while they are made, whoever writes into the trail waits.
BESIDE_FORMER = True


def upgrade() -> None:
    for name in ("at", "actor", "action"):
        op.create_index(op.f(f"ix_trail_{name}"), "trail", [name], unique=False)
