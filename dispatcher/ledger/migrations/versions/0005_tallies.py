"""Counters of a campaign, kept by the database itself in the transaction of what they count.

PostgreSQL: a trigger for each statement appends what it changed, one row for each kind, and nobody
waits for anybody; the loop adds those rows up. SQLite, which has one writer anyhow: a trigger for
each row adds to the counter at once.
"""

# ruff: noqa: S608

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The triggers count what programs of the former version write as well.
BESIDE_FORMER = True

_REASONED = "status IN ('skipped', 'given_up', 'withdrawn')"

_COUNT_DELIVERIES = f"""
INSERT INTO delivery_tallies (campaign_id, channel, status, reason, attempted, part,
    deliveries, attempts)
SELECT campaign_id, channel, status,
    CASE WHEN {_REASONED} THEN {{kind}} ELSE '' END, attempts > 0, 0, count(*), sum(attempts)
FROM deliveries GROUP BY 1, 2, 3, 4, 5
"""
_COUNT_ATTEMPTS = """
INSERT INTO attempt_tallies (campaign_id, channel, provider, number, outcome, positive, part,
    attempts)
SELECT campaign_id, channel, provider, number, coalesce(outcome, ''),
    coalesce(positive, false), 0, count(*)
FROM attempts GROUP BY 1, 2, 3, 4, 5, 6
"""


def upgrade() -> None:
    _create_tables()
    # The triggers first: on PostgreSQL they lock out who writes until the end of the transaction.
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite_triggers() if is_sqlite else _postgres_triggers():
        op.execute(sa.text(statement.replace(":", r"\:")))
    kind = "substr(reason, 1, instr(reason || ':', ':') - 1)"
    kind = kind if is_sqlite else "split_part(reason, ':', 1)"
    op.execute(sa.text(_COUNT_DELIVERIES.format(kind=kind).replace(":", r"\:")))
    op.execute(sa.text(_COUNT_ATTEMPTS))


def _create_tables() -> None:
    op.create_table(
        "delivery_tallies",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempted", sa.Boolean(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign_id",
            "channel",
            "status",
            "reason",
            "attempted",
            "part",
            name=op.f("pk_delivery_tallies"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempt_tallies",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("positive", sa.Boolean(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign_id",
            "channel",
            "provider",
            "number",
            "outcome",
            "positive",
            "part",
            name=op.f("pk_attempt_tallies"),
        ),
        sqlite_with_rowid=False,
    )
    for name in ("delivery_tallies", "attempt_tallies"):
        op.create_index(
            op.f(f"ix_{name}_part"),
            name,
            ["part"],
            sqlite_where=sa.text("part > 0"),
            postgresql_where=sa.text("part > 0"),
        )


def _postgres_triggers() -> list[str]:
    """One function for each table; statements that leave every count as it was add no row."""
    delivery = "campaign_id, channel, status, reason, attempted"
    attempt = "campaign_id, channel, provider, number, outcome, positive"
    return [
        "CREATE SEQUENCE tally_parts",
        _postgres_function(
            "tally_deliveries",
            f"INSERT INTO delivery_tallies ({delivery}, part, deliveries, attempts) "
            f"SELECT {delivery}, nextval('tally_parts'), sum(n), sum(n * attempts) FROM (",
            f"SELECT campaign_id, channel, status, CASE WHEN {_REASONED} "
            "THEN split_part(reason, ':', 1) ELSE '' END AS reason, attempts > 0 AS attempted, "
            "attempts, {n} AS n FROM {rows}",
            f") AS changed GROUP BY {delivery} HAVING sum(n) <> 0 OR sum(n * attempts) <> 0",
        ),
        *_on_statements("tally_deliveries", "deliveries"),
        _postgres_function(
            "tally_attempts",
            f"INSERT INTO attempt_tallies ({attempt}, part, attempts) "
            f"SELECT {attempt}, nextval('tally_parts'), sum(n) FROM (",
            "SELECT campaign_id, channel, provider, number, coalesce(outcome, '') AS outcome, "
            "coalesce(positive, false) AS positive, {n} AS n FROM {rows}",
            f") AS changed GROUP BY {attempt} HAVING sum(n) <> 0",
        ),
        *_on_statements("tally_attempts", "attempts"),
    ]


def _postgres_function(name: str, head: str, change: str, tail: str) -> str:
    gone, come = change.format(n=-1, rows="old_rows"), change.format(n=1, rows="new_rows")
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {head} {come} {tail};
    ELSIF TG_OP = 'DELETE' THEN
        {head} {gone} {tail};
    ELSE
        {head} {gone} UNION ALL {come} {tail};
    END IF;
    RETURN NULL;
END $$
"""


def _on_statements(function: str, table: str) -> list[str]:
    seen = {
        "insert": "NEW TABLE AS new_rows",
        "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "delete": "OLD TABLE AS old_rows",
    }
    return [
        f"CREATE TRIGGER {function}_{act} AFTER {act.upper()} ON {table} "
        f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        for act, rows in seen.items()
    ]


def _sqlite_triggers() -> list[str]:
    """For each row; changes that leave every count as it was are told apart beforehand."""
    delivery = (
        "{row}.campaign_id, {row}.channel, {row}.status, CASE WHEN {row}." + _REASONED + " "
        "THEN substr({row}.reason, 1, instr({row}.reason || ':', ':') - 1) ELSE '' END, "
        "{row}.attempts > 0"
    )
    attempt = (
        "{row}.campaign_id, {row}.channel, {row}.provider, {row}.number, "
        "coalesce({row}.outcome, ''), coalesce({row}.positive, 0)"
    )

    def add_delivery(row: str, n: int) -> str:
        return (
            "INSERT INTO delivery_tallies (campaign_id, channel, status, reason, attempted, part, "
            f"deliveries, attempts) VALUES ({delivery.format(row=row)}, 0, {n}, "
            f"{n} * {row}.attempts) ON CONFLICT DO UPDATE SET "
            "deliveries = deliveries + excluded.deliveries, "
            "attempts = attempts + excluded.attempts;"
        )

    def add_attempt(row: str, n: int) -> str:
        return (
            "INSERT INTO attempt_tallies (campaign_id, channel, provider, number, outcome, "
            f"positive, part, attempts) VALUES ({attempt.format(row=row)}, 0, {n}) "
            "ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts;"
        )

    triggers = []
    for table, key, add, columns in (
        ("deliveries", delivery, add_delivery, "campaign_id, channel, status, reason, attempts"),
        (
            "attempts",
            attempt,
            add_attempt,
            "campaign_id, channel, provider, number, outcome, positive",
        ),
    ):
        count = ", NEW.attempts" if table == "deliveries" else ""
        new = f"({key.format(row='NEW')}{count})"
        old = f"({key.format(row='OLD')}{count.replace('NEW', 'OLD')})"
        triggers += [
            f"CREATE TRIGGER tally_{table}_insert AFTER INSERT ON {table} "
            f"BEGIN {add('NEW', 1)} END",
            f"CREATE TRIGGER tally_{table}_update AFTER UPDATE OF {columns} ON {table} "
            f"WHEN {new} IS NOT {old} BEGIN {add('OLD', -1)} {add('NEW', 1)} END",
            f"CREATE TRIGGER tally_{table}_delete AFTER DELETE ON {table} "
            f"BEGIN {add('OLD', -1)} END",
        ]
    triggers.append(
        "CREATE TRIGGER tally_campaigns_delete AFTER DELETE ON campaigns BEGIN "
        "DELETE FROM delivery_tallies WHERE campaign_id = OLD.id; "
        "DELETE FROM attempt_tallies WHERE campaign_id = OLD.id; END"
    )
    return triggers
