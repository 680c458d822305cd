"""The mail-robot: letters in, letters out, and inquiries with a number, a topic and deadlines."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from dispatcher.ledger.tables import Instant, Json

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNSENT = sa.text("status IN ('waiting', 'sending')")
_EMAIL = sa.text("kind = 'email'")


def upgrade() -> None:
    _extend_inquiries()
    op.create_index(
        "ix_contact_points_email",
        "contact_points",
        [sa.text("lower(address)")],
        sqlite_where=_EMAIL,
        postgresql_where=_EMAIL,
    )
    _create_letters()
    _create_mailboxes()
    _create_outbox()


def _extend_inquiries() -> None:
    for column in _new_columns():
        op.add_column("inquiries", column)
    if op.get_bind().dialect.name == "postgresql":
        # The name of a mailbox may be longer than a provider's; SQLite keeps to no length.
        op.alter_column("inquiries", "provider", type_=sa.Text())
    inquiries, numbers = _number_what_is_there()
    op.create_index("uq_inquiries_number", "inquiries", ["number"], unique=True)
    op.create_index(op.f("ix_inquiries_account_number"), "inquiries", ["account_number"])
    op.create_table(
        "inquiry_numbers",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_inquiry_numbers")),
    )
    connection = op.get_bind()
    for year, last in numbers.items():
        connection.execute(
            sa.text("INSERT INTO inquiry_numbers (year, last) VALUES (:year, :last)"),
            {"year": year, "last": last},
        )
    connection.execute(
        inquiries.update().where(inquiries.c.status == "new").values(status="registered")
    )
    connection.execute(
        inquiries.update()
        .where(inquiries.c.status == "done")
        .values(status="closed", close_reason="done")
    )


def _new_columns() -> Iterable[sa.Column[object]]:
    def words(name: str, default: str = "") -> sa.Column[object]:
        return sa.Column(name, sa.Text(), nullable=False, server_default=default)

    return (
        sa.Column("number", sa.String(length=16), nullable=False, server_default=""),
        words("subject"),
        words("customer"),
        sa.Column("topic", sa.String(length=16), nullable=False, server_default="other"),
        sa.Column("confidence", sa.Float(), nullable=False, server_default="0"),
        words("branch"),
        sa.Column("segment", sa.String(length=16), nullable=False, server_default=""),
        sa.Column("language", sa.String(length=8), nullable=False, server_default="ru"),
        words("person"),
        words("head"),
        sa.Column("missing", Json, nullable=False, server_default="[]"),
        sa.Column("readings", Json, nullable=False, server_default="[]"),
        sa.Column("respond_on", sa.Date()),
        sa.Column("answer_on", sa.Date()),
        sa.Column("close_reason", sa.String(length=16)),
        sa.Column("follows_id", sa.Integer()),
    )


def _number_what_is_there() -> tuple[sa.TableClause, dict[int, int]]:
    """Every inquiry gets a number of the year in which it came, by the order in which they came."""
    inquiries = sa.table(
        "inquiries",
        sa.column("id", sa.Integer()),
        sa.column("number", sa.String()),
        sa.column("received_at", Instant()),
        sa.column("status", sa.String()),
        sa.column("close_reason", sa.String()),
    )
    connection = op.get_bind()
    numbers: dict[int, int] = {}
    rows = connection.execute(
        sa.select(inquiries.c.id, inquiries.c.received_at).order_by(inquiries.c.id)
    ).all()
    for inquiry_id, received_at in rows:
        number = numbers[received_at.year] = numbers.get(received_at.year, 0) + 1
        connection.execute(
            inquiries.update()
            .where(inquiries.c.id == inquiry_id)
            .values(number=f"{received_at.year}-{number:06}")
        )
    return inquiries, numbers


def _create_letters() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("words_digest", sa.String(length=64), nullable=False),
        sa.Column("arrived_at", Instant(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("flaws", Json, nullable=False),
        sa.Column("attachments", Json, nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("inquiry_id", sa.Integer()),
        sa.Column("attempt_id", sa.Integer()),
        sa.Column("writer", sa.Text(), nullable=False, server_default=""),
        sa.Column("answered", sa.Text(), nullable=False, server_default=""),
        sa.Column("answered_domain", sa.Text(), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["inquiry_id"], ["inquiries.id"], name=op.f("fk_letters_inquiry_id_inquiries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("identity", name=op.f("uq_letters_identity")),
    )
    op.create_index(op.f("ix_letters_inquiry_id"), "letters", ["inquiry_id"])
    op.create_index(op.f("ix_letters_writer_taken_at"), "letters", ["writer", "taken_at"])
    for name in ("answered", "answered_domain"):
        is_there = sa.text(f"{name} <> ''")
        op.create_index(
            op.f(f"ix_letters_{name}_taken_at"),
            "letters",
            [name, "taken_at"],
            sqlite_where=is_there,
            postgresql_where=is_there,
        )
    op.create_index(op.f("ix_letters_message_id"), "letters", ["message_id"])
    op.create_table(
        "letter_sources",
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["letter_id"],
            ["letters.id"],
            name=op.f("fk_letter_sources_letter_id_letters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_letter_sources")),
    )
    op.create_table(
        "mail_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("letter_id", sa.Integer()),
        sa.Column("attempt_id", sa.Integer()),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("effect", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["letters.id"], name=op.f("fk_mail_reports_letter_id_letters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_reports")),
    )
    op.create_index(op.f("ix_mail_reports_address_at"), "mail_reports", ["address", "at"])


def _create_mailboxes() -> None:
    op.create_table(
        "mailbox_messages",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "uid_validity", "uid", name=op.f("pk_mailbox_messages")),
    )
    op.create_table(
        "mailboxes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("looked_at", Instant()),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("oldest_at", Instant()),
        sa.Column("first_looked_at", Instant()),
        sa.Column("first_uid_validity", sa.BigInteger()),
        sa.Column("first_highest_uid", sa.BigInteger()),
        sa.Column("left_alone", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mailboxes")),
    )
    op.create_table(
        "robots",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("beats", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_robots")),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("inquiry_id", sa.Integer()),
        sa.Column("letter_id", sa.Integer()),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("owed_at", Instant(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("due_at", Instant()),
        sa.Column("robot", sa.String(length=36)),
        sa.Column("sends", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("doubts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("sent_at", Instant()),
        sa.Column("given_up_at", Instant()),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["inquiry_id"], ["inquiries.id"], name=op.f("fk_outbox_inquiry_id_inquiries")
        ),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["letters.id"], name=op.f("fk_outbox_letter_id_letters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("occasion", name=op.f("uq_outbox_occasion")),
    )
    op.create_index(
        op.f("ix_outbox_due_at"),
        "outbox",
        ["due_at"],
        sqlite_where=_UNSENT,
        postgresql_where=_UNSENT,
    )
    op.create_index(
        op.f("ix_outbox_given_up_at"),
        "outbox",
        ["given_up_at"],
        sqlite_where=sa.text("given_up_at IS NOT NULL"),
        postgresql_where=sa.text("given_up_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_outbox_recipient_asked_at"), "outbox", ["recipient", "asked_at"])
    op.create_index(op.f("ix_outbox_inquiry_id"), "outbox", ["inquiry_id"])
