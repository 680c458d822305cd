"""The tables of the staff's screen and of the API: who may do what, what they asked for, and whom
we tell of what happened.

No secret stands in any of them but those of webhooks, which have to be shown again: of passwords
there is an argon2 hash, of links, sessions and keys a SHA-256 of something that cannot be guessed.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from dispatcher.ledger.tables import Instant, Json, metadata

staff = Table(
    "staff",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("login", String(120), nullable=False, unique=True),  # in small letters
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("password", Text),  # argon2; null until the invitation was accepted
    Column("language", String(2), nullable=False, server_default="ru"),
    Column("added_at", Instant, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("disabled_at", Instant),
)

# Links by which somebody chooses a password: the first one, or a new one.
invitations = Table(
    "invitations",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index(None, "staff_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(None, "staff_id"),
)

# Failed log-ins, by a digest of the name or of the address that tried.
knocks = Table(
    "knocks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("whom", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "whom", "at"),
)

# What somebody asked for that takes longer than a page may: any process of the role does it.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("asked", Json, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("status", String(8), nullable=False),  # waiting, running, done, failed
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer),
    Column("told", Json, nullable=False, server_default="{}"),  # what came of it
    Column("claim", String(36)),
    Column("beat_at", Instant),  # when whoever does it was last alive
    Column("ended_at", Instant),
    Column("tries", Integer, nullable=False, server_default="0"),  # how often it was begun
    Index(
        "ix_jobs_open",
        "id",
        sqlite_where=text("status IN ('waiting', 'running')"),
        postgresql_where=text("status IN ('waiting', 'running')"),
    ),
)

# Files as they were sent, in pieces; whole once `size` is known.
uploads = Table(
    "uploads",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("size", Integer),  # bytes; null while it comes
    Column("sent_at", Instant, nullable=False),
    Column("sent_by", Text, nullable=False),
)

upload_pieces = Table(
    "upload_pieces",
    metadata,
    Column("upload_id", ForeignKey("uploads.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("upload_id", "number"),
)

# Launches that a second person has to approve, and those that somebody did.
launch_requests = Table(
    "launch_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scenario_id", ForeignKey("scenarios.id"), nullable=False),
    Column("audience_id", ForeignKey("audiences.id"), nullable=False),
    Column("audience_rows", Integer, nullable=False, server_default="0"),
    Column("recipients", Integer, nullable=False),
    Column("start_at", Instant),  # null: at once
    Column("end_at", Instant),
    Column("leave_out_unfit", Boolean, nullable=False),
    Column("limits", Json, nullable=False, server_default="{}"),  # attempts an hour, by channel
    Column("asked_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("status", String(10), nullable=False),  # waiting, approved, refused, withdrawn
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("remark", Text, nullable=False, server_default=""),
    Column("campaign_id", Integer),  # written down with the draft itself
    Column("rehearsal_id", Integer),  # the job it was asked from: one launch of each
    Column("seen_id", Integer),  # the last rehearsal of it
    Column("job_id", Integer),  # that launches it
    Index(None, "status"),
    Index("uq_launch_requests_rehearsal", "rehearsal_id", unique=True),
)

# Other systems of the company.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", String(12), nullable=False, unique=True),  # tells keys apart on the screen
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("used_at", Instant),  # to the minute
)

# What was answered to a request that may come again.
idempotency = Table(
    "idempotency",
    metadata,
    Column("api_key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("key", String(200), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("status", Integer),  # written with the answer, in the transaction of the act
    Column("answer", Json),
    PrimaryKeyConstraint("api_key_id", "key"),
    Index(None, "at"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),  # signs what is sent
    Column("events", Json, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("ended_at", Instant),
)

# What is to be told, until it was heard or given up.
webhook_posts = Table(
    "webhook_posts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("webhook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", String(36), nullable=False),  # the same whenever it is told again
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("due_at", Instant),  # null: over
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("claim", String(36)),
    Column("heard_at", Instant),
    Column("answer", Text, nullable=False, server_default=""),
    UniqueConstraint("webhook_id", "event_id"),
    Index(
        "ix_webhook_posts_open",
        "webhook_id",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_webhook_posts_heard",
        "webhook_id",
        "heard_at",
        sqlite_where=text("heard_at IS NOT NULL"),
        postgresql_where=text("heard_at IS NOT NULL"),
    ),
    Index(
        "ix_webhook_posts_given_up",
        "webhook_id",
        sqlite_where=text("due_at IS NULL AND heard_at IS NULL"),
        postgresql_where=text("due_at IS NULL AND heard_at IS NULL"),
    ),
    Index("ix_webhook_posts_latest", "webhook_id", "id"),
)

# Figures that take long to count, as they were when they were counted last. No personal data.
counted = Table(
    "counted",
    metadata,
    Column("subject", String(200), primary_key=True),  # of what: campaign:7, period:…
    Column("asked_at", Instant, nullable=False),
    Column("job_id", Integer, nullable=False),  # that counts, or has counted
    Column("made_at", Instant),
    Column("figures", Json),
    Index(None, "asked_at"),
)
