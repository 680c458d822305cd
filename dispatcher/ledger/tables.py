"""The tables of the ledger: one schema for SQLite and PostgreSQL.

Instants are aware UTC datetimes in Python; PostgreSQL keeps them as `timestamptz`, SQLite as text
of fixed width, so that comparing text compares time.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = JSON().with_variant(JSONB(), "postgresql")


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime. A naive one is refused: nobody knows what it means."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _only_on_sqlite(
    column: str, parent: str, *, ondelete: str | None = None
) -> ForeignKeyConstraint:
    """A foreign key that costs PostgreSQL more than the row it looks after (migration 0006)."""
    return ForeignKeyConstraint([column], [parent], ondelete=ondelete).ddl_if(dialect="sqlite")


scenarios = Table(
    "scenarios",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(63), nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("templates", Json, nullable=False),
    Column("sounds", Json, nullable=False, server_default="{}"),  # name -> digest, seconds
    Column("added_at", Instant, nullable=False),
    Column("added_by", Text, nullable=False),
    UniqueConstraint("name", "version"),
    UniqueConstraint("name", "digest"),
)

# Sound files of scenarios, each content once.
sounds = Table(
    "sounds",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("seconds", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("added_at", Instant, nullable=False),
)

audiences = Table(
    "audiences",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("file_name", Text, nullable=False),
    Column("status", String(16), nullable=False),  # importing, ready, erased
    Column("columns", Json, nullable=False),  # names of the recipients' fields
    Column("header", Json, nullable=False),  # the file's own header, for the export of errors
    Column("rows", Integer, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("imported_at", Instant, nullable=False),
    Column("imported_by", Text, nullable=False),
    Column("figures", Json),  # what it is made of; null in a list from before they were kept
)

row_errors = Table(
    "row_errors",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("audience_id", ForeignKey("audiences.id", ondelete="CASCADE"), nullable=False),
    Column("row", Integer, nullable=False),
    Column("column", Text, nullable=False),
    Column("code", String(40), nullable=False),
    Column("value", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("fatal", Boolean, nullable=False),
    Column("cells", Json, nullable=False),
    Column("account_number", Text, nullable=False),
    Index(None, "audience_id", "row"),
)

recipients = Table(
    "recipients",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("audience_id", ForeignKey("audiences.id", ondelete="CASCADE"), nullable=False),
    Column("row", Integer, nullable=False),
    Column("account_number", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("patronymic", Text, nullable=False),
    Column("surname", Text, nullable=False),
    Column("segment", String(16), nullable=False),
    Column("branch", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("zone", String(40)),
    Column("zone_source", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("consents", Json, nullable=False),
    Column("fields", Json, nullable=False),
    Column("erased_at", Instant),  # nobody can be told from this row any more
    UniqueConstraint("audience_id", "account_number"),
    Index(  # whom staff look for, over all audiences
        "ix_recipients_surname",
        "surname",
        sqlite_where=text("surname <> ''"),
        postgresql_where=text("surname <> ''"),
    ),
)

contact_points = Table(
    "contact_points",
    metadata,
    Column("recipient_id", ForeignKey("recipients.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("audience_id", Integer, nullable=False),
    Column("address", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Index(None, "audience_id", "address"),
    Index(  # whose address a letter came from, over all audiences
        "ix_contact_points_email",
        text("lower(address)"),
        sqlite_where=text("kind = 'email'"),
        postgresql_where=text("kind = 'email'"),
    ),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scenario_id", ForeignKey("scenarios.id"), nullable=False),
    Column("audience_id", ForeignKey("audiences.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("zone", String(40), nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("closed_at", Instant),
    Column("note", Text, nullable=False, server_default=""),  # why it stands as it does
    # Failures before this do not count towards pausing it: staff have seen them.
    Column("judged_from", Instant),
    Column("on_trial", Boolean, nullable=False, server_default=false()),
    Index(None, "status"),
)

# What a campaign may do in an hour on a channel, where that is limited; see `campaigns.hourly`.
campaign_limits = Table(
    "campaign_limits",
    metadata,
    Column(
        "campaign_id",
        ForeignKey("campaigns.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("channel", String(8), primary_key=True),
    Column("per_hour", Integer, nullable=False),
    Column("next_at", Instant),  # from when on the next attempt may begin; null: none has begun
    Column("look_at", Instant),  # when it is worth looking for some
    Column("reach", Integer, nullable=False, server_default="1"),  # claimed at a time, at least
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("recipient_id", ForeignKey("recipients.id"), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("status", String(12), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    # pending: when to send; queued, sending: until when the claim holds; awaiting: until when the
    # provider's receipt is waited for; uncertain: when the provider is asked next, null for staff
    Column("due_at", Instant),
    Column("urgent", Boolean, nullable=False),
    Column("zone", String(40), nullable=False),
    Column("points", Json, nullable=False),  # contact points, tried in turn
    Column("dead_points", Json, nullable=False),  # those that turned out not to exist
    Column("lead_id", Integer),  # the recipient in whose message this one is spoken of
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("postponed", Integer, nullable=False, server_default="0"),  # in a row, by the provider
    Column("outcome", String(16)),  # of the last attempt
    Column("claim", String(36)),
    Column("end_as", String(12)),  # what an attempt in flight must not lead beyond
    # Whose lines a call takes, as planned; on the other channels empty.
    Column("desk", Text, nullable=False, server_default=""),
    UniqueConstraint("campaign_id", "recipient_id", "channel"),
    Index(
        "ix_deliveries_due",
        "campaign_id",  # campaigns take turns
        "channel",
        "desk",  # a full one must not be walked through to come to the others
        "due_at",
        "id",  # else PostgreSQL sorts all that are due at the same instant, for every claim
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index(
        "ix_deliveries_lapse",
        "status",
        "due_at",
        sqlite_where=text("status IN ('queued', 'sending', 'awaiting', 'uncertain')"),
        postgresql_where=text("status IN ('queued', 'sending', 'awaiting', 'uncertain')"),
    ),
    Index(
        "ix_deliveries_lead",
        "campaign_id",
        "lead_id",
        sqlite_where=text("lead_id IS NOT NULL"),
        postgresql_where=text("lead_id IS NOT NULL"),
    ),
    Index("ix_deliveries_status", "campaign_id", "status"),
    Index("ix_deliveries_recipient", "recipient_id"),
)

# On PostgreSQL half of each page is left free (migration 0018): that a letter was taken is written
# where its row stands, and no index hears of it.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("campaign_id", Integer, nullable=False),
    Column("channel", String(8), nullable=False),
    Column("contact_point", Text, nullable=False),
    Column("provider", String(16), nullable=False),
    Column("zone", String(40), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("handed_at", Instant),  # the provider took it
    Column("ended_at", Instant),  # null: open
    Column("sign", String(16)),  # an outcome that counts if the final receipt says nothing else
    Column("outcome", String(16)),
    Column("positive", Boolean),
    Column("reference", Text),
    Column("expected_seconds", Float),  # how long the message of a call lasts
    Column("seconds", Float),
    Column("parts", Integer),  # of an SMS; null: nobody counted them then
    Column("next_due_at", Instant),
    Column("reason", Text, nullable=False, server_default=""),
    Column("sends", Integer, nullable=False, server_default="1"),
    Column("desk", Text, nullable=False, server_default=""),  # whose lines a call takes
    # Whether the customer may ask for an operator in this call.
    Column("offers_operator", Boolean, nullable=False, server_default=text("false")),
    Column("operator_at", Instant),  # when the customer asked for an operator
    Column("pressed", String(1)),  # the key that decided
    Column("answer", Text),  # to a survey
    UniqueConstraint("delivery_id", "number"),
    _only_on_sqlite("campaign_id", "campaigns.id"),
    Index(
        "uq_attempts_one_open",
        "delivery_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(  # calls under way
        "ix_attempts_open_desk",
        "channel",
        "provider",
        "desk",
        sqlite_where=text("ended_at IS NULL AND channel = 'phone'"),
        postgresql_where=text("ended_at IS NULL AND channel = 'phone'"),
    ),
    Index(
        "ix_attempts_farewell",
        "ended_at",  # calls that a key has decided, of whose end nothing was told
        sqlite_where=text("outcome = 'key_pressed' AND seconds IS NULL"),
        postgresql_where=text("outcome = 'key_pressed' AND seconds IS NULL"),
    ),
    Index(
        "ix_attempts_in_doubt",
        "ended_at",
        sqlite_where=text("channel = 'phone' AND outcome = 'uncertain'"),
        postgresql_where=text("channel = 'phone' AND outcome = 'uncertain'"),
    ),
    Index("ix_attempts_reference", "reference"),
    Index(None, "campaign_id", "started_at"),
)

# How many deliveries of a campaign stand how, kept by triggers in the transaction of each change.
# `part` 0 is the counter; on PostgreSQL each change is a row of its own, until the loop adds it.
delivery_tallies = Table(
    "delivery_tallies",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("channel", String(8), primary_key=True),
    Column("status", String(12), primary_key=True),
    Column("reason", Text, primary_key=True),  # its kind, of what was skipped or given up
    Column("attempted", Boolean, primary_key=True),  # at least once
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("deliveries", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False),  # as the deliveries count them
    Index(None, "part", sqlite_where=text("part > 0"), postgresql_where=text("part > 0")),
    sqlite_with_rowid=False,
)

# The same of attempts: which provider carried them, and what came of them.
attempt_tallies = Table(
    "attempt_tallies",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("channel", String(8), primary_key=True),
    Column("provider", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(16), primary_key=True),  # empty while open
    Column("positive", Boolean, primary_key=True),
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("attempts", BigInteger, nullable=False),
    Index(None, "part", sqlite_where=text("part > 0"), postgresql_where=text("part > 0")),
    sqlite_with_rowid=False,
)

# Who was contacted when, by account and by contact point, over all campaigns: what the 7 days
# after a positive call and the caps are counted from.
touches = Table(
    "touches",
    metadata,
    Column("attempt_id", Integer, primary_key=True, autoincrement=False),
    Column("party", Text, primary_key=True),
    Column("channel", String(8), nullable=False),
    Column("at", Instant, nullable=False),
    Column("positive_at", Instant),
    Index(None, "party", "channel", "at"),
    _only_on_sqlite("attempt_id", "attempts.id", ondelete="CASCADE"),
)

# Attempts of campaigns that ended long ago, each in one row with all that hung on it; an attempt is
# either here or among the others.
archived_attempts = Table(
    "archived_attempts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # the one it had
    Column("delivery_id", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("campaign_id", Integer, nullable=False),
    Column("channel", String(8), nullable=False),
    Column("contact_point", Text, nullable=False),
    Column("provider", String(16), nullable=False),
    Column("zone", String(40), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("handed_at", Instant),
    Column("ended_at", Instant),
    Column("sign", String(16)),
    Column("outcome", String(16)),
    Column("positive", Boolean),
    Column("reference", Text),
    Column("expected_seconds", Float),
    Column("seconds", Float),
    Column("parts", Integer),
    Column("next_due_at", Instant),
    Column("reason", Text, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("desk", Text, nullable=False),
    Column("offers_operator", Boolean, nullable=False),
    Column("operator_at", Instant),
    Column("pressed", String(1)),
    Column("answer", Text),
    Column("told", Json, nullable=False),  # its touches
    Column("receipts", Json, nullable=False),
    UniqueConstraint("delivery_id", "number"),
    Index(None, "campaign_id", "started_at"),
)

# The report and the audit of a campaign that ended long ago, made before its attempts moved or its
# personal data were erased: what they said then, they say for ever.
closed_books = Table(
    "closed_books",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("made_at", Instant, nullable=False),
    Column("report", Json, nullable=False),
    Column("audit", Json, nullable=False),
    Column("archived_at", Instant),  # when the last of its attempts had moved
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("party", Text, nullable=False),  # a contact point, or an account as `account:…`
    Column("channel", String(8)),  # null: every channel
    Column("purpose", String(16)),  # null: every purpose
    Column("reason", Text, nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("until_at", Instant),
    Column("added_by", Text, nullable=False),
    Column("removed_at", Instant),
    Column("removed_by", Text),
    Index(None, "party"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider", String(16), nullable=False),
    Column("attempt_id", Integer),
    Column("reference", Text),
    Column("received_at", Instant, nullable=False),
    Column("outcome", String(16)),
    Column("effect", String(16), nullable=False),  # recorded, sign, stale, unknown
    Column("payload", Json, nullable=False),
    Index(None, "attempt_id"),
)

# Providers that are not used just now; no row means: alive and well.
circuits = Table(
    "circuits",
    metadata,
    Column("channel", String(8), primary_key=True),
    Column("provider", String(16), primary_key=True),
    Column("opened_at", Instant, nullable=False),
    Column("retry_at", Instant, nullable=False),  # when it is tried again
    Column("openings", Integer, nullable=False),  # in a row: the pauses grow
    Column("reason", String(40), nullable=False),
)

# What customers write to us; registered, answered, kept.
inquiries = Table(
    "inquiries",
    metadata,
    Column("id", Integer, primary_key=True),
    # 2026-000123, as customers are told it; see `inquiry_numbers`.
    Column("number", String(16), nullable=False, server_default=""),
    Column("channel", String(8), nullable=False),  # sms, email, form, phone
    # Of the SMS; the mailbox, whose name may be longer. SQLite keeps to no length anyhow.
    Column("provider", String(16).with_variant(Text(), "postgresql"), nullable=False),
    Column("reference", Text, nullable=False),  # the provider's own name for the message
    Column("contact_point", Text, nullable=False),
    Column("account_number", Text),  # whose, if that is known
    Column("attempt_id", Integer),  # the message it answers
    Column("kind", String(16), nullable=False),  # stop, question, unreadable
    Column("text", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("status", String(16), nullable=False),  # campaigns.inquiry.status
    Column("done_at", Instant),
    Column("done_by", Text),
    Column("subject", Text, nullable=False, server_default=""),
    Column("customer", Text, nullable=False, server_default=""),  # how the customer is called
    Column("topic", String(16), nullable=False, server_default="other"),
    Column("confidence", Float, nullable=False, server_default="0"),  # of the topic, 0 to 1
    Column("branch", Text, nullable=False, server_default=""),
    Column("segment", String(16), nullable=False, server_default=""),
    Column("language", String(8), nullable=False, server_default="ru"),
    Column("person", Text, nullable=False, server_default=""),  # e-mail of who has to answer
    Column("head", Text, nullable=False, server_default=""),
    Column("missing", Json, nullable=False, server_default="[]"),
    Column("readings", Json, nullable=False, server_default="[]"),  # of meters, as recognised
    Column("respond_on", Date),  # local day by which an answer or an interim one is owed
    Column("answer_on", Date),  # the same for the answer in substance
    Column("close_reason", String(16)),
    Column("follows_id", Integer),  # an earlier inquiry of the same customer, over by then
    Column("erased_at", Instant),
    # The name alone is not enough: a gate may count anew for each customer.
    UniqueConstraint("channel", "provider", "reference", "contact_point"),
    Index("uq_inquiries_number", "number", unique=True),
    Index(None, "status", "received_at"),
    Index(None, "received_at"),  # what came within a period
    Index(None, "contact_point"),
    Index(None, "account_number"),
)

# The last registration number given in each year.
inquiry_numbers = Table(
    "inquiry_numbers",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

# Every letter that came in, whatever became of it.
letters = Table(
    "letters",
    metadata,
    Column("id", Integer, primary_key=True),
    # What tells this letter from any other, however often and by whichever mailbox it comes.
    Column("identity", String(64), nullable=False, unique=True),
    Column("mailbox", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("sender", Text, nullable=False),  # lower case; empty where there is none
    Column("subject", Text, nullable=False),
    Column("words", Text, nullable=False),  # what the sender wrote, as far as readable
    Column("words_digest", String(64), nullable=False),
    Column("arrived_at", Instant, nullable=False),  # in the mailbox
    Column("taken_at", Instant, nullable=False),  # into the ledger
    Column("verdict", String(8), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("flaws", Json, nullable=False),
    Column("attachments", Json, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("inquiry_id", ForeignKey("inquiries.id")),
    Column("attempt_id", Integer),  # the message of ours that it answers or reports on
    # By these letters are counted: mailboxes without tags and letter case; empty: by nothing.
    Column("writer", Text, nullable=False, server_default=""),
    Column("answered", Text, nullable=False, server_default=""),  # to whom our answer went
    Column("answered_domain", Text, nullable=False, server_default=""),  # unless it is everybody's
    Column("erased_at", Instant),
    Index(None, "inquiry_id"),
    Index(None, "writer", "taken_at"),
    Index(
        None,
        "answered",
        "taken_at",
        sqlite_where=text("answered <> ''"),
        postgresql_where=text("answered <> ''"),
    ),
    Index(
        None,
        "answered_domain",
        "taken_at",
        sqlite_where=text("answered_domain <> ''"),
        postgresql_where=text("answered_domain <> ''"),
    ),
    Index(None, "message_id"),
)

# The letters as they came, compressed; the whole of them or as much as was fetched.
letter_sources = Table(
    "letter_sources",
    metadata,
    Column("letter_id", ForeignKey("letters.id", ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("is_whole", Boolean, nullable=False),
)

# Messages of IMAP folders that were taken in: a folder may let us neither mark nor move.
mailbox_messages = Table(
    "mailbox_messages",
    metadata,
    Column("mailbox", Text, primary_key=True),
    Column("uid_validity", BigInteger, primary_key=True),
    Column("uid", BigInteger, primary_key=True),
    Column("letter_id", Integer, nullable=False),
)

# How each mailbox stood when somebody last looked into it.
mailboxes = Table(
    "mailboxes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("looked_at", Instant),
    Column("waiting", Integer, nullable=False),  # letters not taken in yet
    Column("oldest_at", Instant),  # arrival of the oldest of them
    # When anybody first looked, and what lay there: what is much older is left alone.
    Column("first_looked_at", Instant),
    Column("first_uid_validity", BigInteger),
    Column("first_highest_uid", BigInteger),
    Column("left_alone", Integer, nullable=False),
    Column("trouble", Text, nullable=False),  # why it cannot be looked into; empty: all is well
)

# Mail-robots that are alive, by their heartbeat: what a dead one held is free again. Beats are
# counted and not dated: no two hosts agree on the time.
robots = Table(
    "robots",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("beats", Integer, nullable=False),
)

# The processes at work, by their signs of life. Instants are the database's own: hosts differ.
processes = Table(
    "processes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("role", String(16), nullable=False),  # up, loop, worker, receipts, mailrobot
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("queues", Json, nullable=False),  # that it serves
    Column("version", Text, nullable=False),  # of the program
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("beats", Integer, nullable=False),
)

# Letters that we owe: answers to customers, letters to specialists, reminders. Written in the
# transaction that makes them owed; `occasion` makes each of them single for ever.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("occasion", Text, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # acknowledgement, answer, interim, route, reminder
    Column("inquiry_id", ForeignKey("inquiries.id")),
    Column("letter_id", ForeignKey("letters.id")),  # which it answers, or takes along
    Column("sender", Text, nullable=False),  # of the envelope; empty: the null path
    Column("recipient", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),  # ready for DATA, but for what it takes along
    Column("asked_at", Instant, nullable=False),  # when what it answers arrived
    Column("owed_at", Instant, nullable=False),  # when it was put here
    Column("status", String(16), nullable=False),  # waiting, sending, sent, failed
    Column("due_at", Instant),
    Column("robot", String(36)),  # that is sending it
    Column("sends", Integer, nullable=False, server_default="0"),
    Column("doubts", Integer, nullable=False, server_default="0"),  # perhaps taken, nobody knows
    Column("sent_at", Instant),
    Column("given_up_at", Instant),  # failed, and not for the recipient's own mailbox
    Column("reason", Text, nullable=False, server_default=""),
    Index(
        None,
        "due_at",
        sqlite_where=text("status IN ('waiting', 'sending')"),
        postgresql_where=text("status IN ('waiting', 'sending')"),
    ),
    Index(
        None,
        "given_up_at",
        sqlite_where=text("given_up_at IS NOT NULL"),
        postgresql_where=text("given_up_at IS NOT NULL"),
    ),
    Index(None, "recipient", "asked_at"),
    Index(None, "inquiry_id"),
    Index(
        "ix_outbox_acknowledged",
        "asked_at",  # how soon letters of a period were answered
        sqlite_where=text("kind = 'acknowledgement'"),
        postgresql_where=text("kind = 'acknowledgement'"),
    ),
)

# What mail systems reported of letters of ours.
mail_reports = Table(
    "mail_reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("letter_id", ForeignKey("letters.id")),
    Column("attempt_id", Integer),
    Column("address", Text, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("status", String(12), nullable=False),
    Column("at", Instant, nullable=False),
    Column("effect", String(16), nullable=False),
    Index(None, "address", "at"),
)

# Short messages that answer an inquiry at once; each is sent once at most.
replies = Table(
    "replies",
    metadata,
    Column("inquiry_id", ForeignKey("inquiries.id"), primary_key=True),
    Column("channel", String(8), nullable=False),
    Column("provider", String(16), nullable=False),
    Column("contact_point", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("status", String(16), nullable=False),  # waiting, sending, sent, failed, uncertain
    Column("due_at", Instant),
    Column("sent_at", Instant),
    Column("reference", Text),
    Column("outcome", String(16)),  # by the provider's receipt
    Column("reason", Text, nullable=False, server_default=""),
    Index(
        None,
        "due_at",
        sqlite_where=text("status IN ('waiting', 'sending')"),
        postgresql_where=text("status IN ('waiting', 'sending')"),
    ),
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("is_holiday", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", Text, nullable=False),
)

trail = Table(
    "trail",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Json, nullable=False),
    Index(None, "subject"),
    Index(None, "at"),
    Index(None, "actor"),
    Index(None, "action"),
)

# What the triggers of PostgreSQL need goes with the tables.
for _gone in (
    "DROP FUNCTION IF EXISTS tally_deliveries, tally_attempts",
    "DROP SEQUENCE IF EXISTS tally_parts",
):
    _drop = DDL(_gone)  # type: ignore[no-untyped-call]
    event.listen(metadata, "after_drop", _drop.execute_if(dialect="postgresql"))
