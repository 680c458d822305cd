"""What is old: attempts in an archive, books that are closed, rows without personal data."""

# ruff: noqa: S608

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Instant, Json

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Nothing is moved or erased by the migration itself. A program of the former version would not find
# in the archive what this one puts there; that is a year old.
BESIDE_FORMER = True


def upgrade() -> None:
    op.create_table(
        "archived_attempts",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("contact_point", sa.Text(), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("handed_at", Instant()),
        sa.Column("ended_at", Instant()),
        sa.Column("sign", sa.String(length=16)),
        sa.Column("outcome", sa.String(length=16)),
        sa.Column("positive", sa.Boolean()),
        sa.Column("reference", sa.Text()),
        sa.Column("expected_seconds", sa.Float()),
        sa.Column("seconds", sa.Float()),
        sa.Column("next_due_at", Instant()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("offers_operator", sa.Boolean(), nullable=False),
        sa.Column("operator_at", Instant()),
        sa.Column("pressed", sa.String(length=1)),
        sa.Column("answer", sa.Text()),
        sa.Column("told", Json, nullable=False),
        sa.Column("receipts", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archived_attempts")),
        sa.UniqueConstraint(
            "delivery_id", "number", name=op.f("uq_archived_attempts_delivery_id_number")
        ),
    )
    op.create_index(
        op.f("ix_archived_attempts_campaign_id_started_at"),
        "archived_attempts",
        ["campaign_id", "started_at"],
    )
    op.create_table(
        "closed_books",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("report", Json, nullable=False),
        sa.Column("audit", Json, nullable=False),
        sa.Column("archived_at", Instant()),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_closed_books")),
    )
    for table in ("recipients", "inquiries", "letters"):
        op.add_column(table, sa.Column("erased_at", Instant()))
    if op.get_bind().dialect.name == "postgresql":
        for statement in _on_statements():
            op.execute(sa.text(statement))
    else:
        for statement in _on_rows():
            op.execute(sa.text(statement))


def _on_statements() -> list[str]:
    """An attempt that moves is counted off where it leaves and on where it arrives."""
    seen = {"insert": "NEW TABLE AS new_rows", "delete": "OLD TABLE AS old_rows"}
    return [
        f"CREATE TRIGGER tally_archive_{act} AFTER {act.upper()} ON archived_attempts "
        f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION tally_attempts()"
        for act, rows in seen.items()
    ]


def _on_rows() -> list[str]:
    def add(row: str, n: int) -> str:
        return (
            "INSERT INTO attempt_tallies (campaign_id, channel, provider, number, outcome, "
            f"positive, part, attempts) VALUES ({row}.campaign_id, {row}.channel, {row}.provider, "
            f"{row}.number, coalesce({row}.outcome, ''), coalesce({row}.positive, 0), 0, {n}) "
            "ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts;"
        )

    return [
        "CREATE TRIGGER tally_archive_insert AFTER INSERT ON archived_attempts "
        f"BEGIN {add('NEW', 1)} END",
        "CREATE TRIGGER tally_archive_delete AFTER DELETE ON archived_attempts "
        f"BEGIN {add('OLD', -1)} END",
    ]
