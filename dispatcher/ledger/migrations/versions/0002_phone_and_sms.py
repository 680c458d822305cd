"""Phone and SMS in full: sounds, lines, operators, providers' health, inquiries and replies."""

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Instant, Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PENDING = sa.text("status = 'pending'")
_LAPSES = sa.text("status IN ('queued', 'sending', 'awaiting', 'uncertain')")
_OPEN = sa.text("ended_at IS NULL")
_FAREWELL = sa.text("outcome = 'key_pressed' AND seconds IS NULL")
_IN_DOUBT = sa.text("channel = 'phone' AND outcome = 'uncertain'")
_UNSENT = sa.text("status IN ('waiting', 'sending')")


def upgrade() -> None:
    op.add_column("scenarios", sa.Column("sounds", Json, nullable=False, server_default="{}"))
    op.create_table(
        "sounds",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sounds")),
    )
    op.add_column("campaigns", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("campaigns", sa.Column("judged_from", Instant()))
    op.add_column("deliveries", sa.Column("desk", sa.Text(), nullable=False, server_default=""))
    op.drop_index("ix_deliveries_due", "deliveries")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["campaign_id", "channel", "desk", "due_at", "id"],
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.drop_index("ix_deliveries_lapse", "deliveries")
    op.create_index(
        "ix_deliveries_lapse",
        "deliveries",
        ["status", "due_at"],
        sqlite_where=_LAPSES,
        postgresql_where=_LAPSES,
    )
    op.add_column("attempts", sa.Column("desk", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "attempts",
        sa.Column("offers_operator", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.add_column("attempts", sa.Column("operator_at", Instant()))
    op.add_column("attempts", sa.Column("pressed", sa.String(length=1)))
    op.add_column("attempts", sa.Column("answer", sa.Text()))
    op.create_index(
        "ix_attempts_open_desk",
        "attempts",
        ["channel", "provider", "desk"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_attempts_farewell",
        "attempts",
        ["ended_at"],
        sqlite_where=_FAREWELL,
        postgresql_where=_FAREWELL,
    )
    op.create_index(
        "ix_attempts_in_doubt",
        "attempts",
        ["ended_at"],
        sqlite_where=_IN_DOUBT,
        postgresql_where=_IN_DOUBT,
    )
    op.create_table(
        "circuits",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("retry_at", Instant(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("channel", "provider", name=op.f("pk_circuits")),
    )
    op.create_table(
        "inquiries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("contact_point", sa.Text(), nullable=False),
        sa.Column("account_number", sa.Text()),
        sa.Column("attempt_id", sa.Integer()),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("done_at", Instant()),
        sa.Column("done_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
        sa.UniqueConstraint(
            "channel",
            "provider",
            "reference",
            "contact_point",
            name=op.f("uq_inquiries_channel_provider_reference_contact_point"),
        ),
    )
    op.create_index(op.f("ix_inquiries_status_received_at"), "inquiries", ["status", "received_at"])
    op.create_index(op.f("ix_inquiries_contact_point"), "inquiries", ["contact_point"])
    op.create_table(
        "replies",
        sa.Column("inquiry_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("contact_point", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("due_at", Instant()),
        sa.Column("sent_at", Instant()),
        sa.Column("reference", sa.Text()),
        sa.Column("outcome", sa.String(length=16)),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["inquiry_id"], ["inquiries.id"], name=op.f("fk_replies_inquiry_id_inquiries")
        ),
        sa.PrimaryKeyConstraint("inquiry_id", name=op.f("pk_replies")),
    )
    op.create_index(
        op.f("ix_replies_due_at"),
        "replies",
        ["due_at"],
        sqlite_where=_UNSENT,
        postgresql_where=_UNSENT,
    )
