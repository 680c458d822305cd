"""How fast a campaign is planned, beside the fastest way a database can store the same rows.

    python benchmarks/plan.py --rows 1000000 [--database sqlite|postgresql]

An audience of that many recipients is made inside the database; the debt reminder is planned for it
on three channels (a delivery or a skip for each), and then the very same rows are stored once more
by one bare `INSERT … SELECT` into the same table with the same indexes. Each database in a process
of its own. At the end: how long turns of the loop take over so full
a ledger, one that claims 2,000 deliveries and one that finds nothing to do.
"""

import argparse
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measuring import Stopwatch, apart, peak_mib, scratch_postgres, show

START_AT = datetime(2026, 12, 1, 6, tzinfo=UTC)

# One in four has an address; one in fifty shares a number with another account (a landlord).
RECIPIENTS = """
INSERT INTO recipients (audience_id, row, account_number, name, patronymic, surname, segment,
    branch, region, zone, zone_source, language, consents, fields)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
SELECT {audience}, i + 1, CAST(70000000000 + i AS TEXT), 'Анна', 'Сергеевна', 'Петрова', 'private',
    'Отделение ' || i % 40, 'Томская область',
    CASE i % 3 WHEN 0 THEN 'Asia/Tomsk' WHEN 1 THEN 'Europe/Moscow' ELSE 'Asia/Vladivostok' END,
    'region', 'ru', '[]', '{{"debt_kopecks": 123456, "due_on": "2026-12-10"}}'
FROM n
"""
PHONES = """
INSERT INTO contact_points (recipient_id, position, audience_id, address, kind)
SELECT id, 0, audience_id,
    '+79' || CAST(160000000 + CASE WHEN row % 50 = 0 THEN row - 1 ELSE row END AS TEXT), 'mobile'
FROM recipients WHERE audience_id = {audience}
"""
ADDRESSES = """
INSERT INTO contact_points (recipient_id, position, audience_id, address, kind)
SELECT id, 1, audience_id, 'client' || row || '@example.com', 'email'
FROM recipients WHERE audience_id = {audience} AND row % 4 = 0
"""
SAME_AGAIN = """
INSERT INTO deliveries (campaign_id, recipient_id, channel, status, reason, due_at, urgent, zone,
    points, dead_points, lead_id)
SELECT {copy}, recipient_id, channel, status, reason, due_at, urgent, zone, points, dead_points,
    lead_id
FROM deliveries WHERE campaign_id = {campaign} ORDER BY id
"""


def measured(url: str, rows: int) -> dict[str, float]:
    """Plan for `rows` recipients in this process. Times in seconds, memory in MiB."""
    from sqlalchemy import text

    from campaigns.channel import ChannelName
    from campaigns.scenario_file import library_path, read_scenario
    from dispatcher import planner
    from dispatcher.clock import SimulatedClock
    from dispatcher.dispatch import Loop
    from dispatcher.engine import Engine
    from dispatcher.ledger import audiences, campaigns, open_ledger, scenarios
    from dispatcher.queue import declare, make_broker
    from dispatcher.settings import Settings

    ledger = open_ledger(url)
    clock = SimulatedClock(START_AT)
    nobody_sends = dict.fromkeys(ChannelName)
    engine = Engine(Settings(_env_file=None), ledger, clock, nobody_sends, "", "benchmark")
    with ledger.write() as tx:
        scenario = scenarios.add(tx, read_scenario(library_path("debt-reminder")), "b", START_AT)
        audience = audiences.begin(tx, f"b{rows}", "b.csv", (), "b", START_AT)
        for statement in (RECIPIENTS, PHONES, ADDRESSES):
            tx.execute(text(statement.format(rows=rows, audience=audience)))
        audiences.finish(tx, audience, rows, ["debt_kopecks", "due_on"], "b", START_AT)
        campaign, copy = (
            campaigns.create(
                tx,
                scenario_id=scenario.id,
                audience_id=audience,
                zone="Europe/Moscow",
                start_at=START_AT,
                end_at=START_AT + timedelta(days=14),
                actor="b",
                now=START_AT,
            )
            for _ in range(2)
        )
    if not ledger.is_sqlite:
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")  # as autovacuum does after an import
    with Stopwatch() as planning:
        planner.plan(engine, campaign)
    peak = peak_mib()
    with Stopwatch() as bare, ledger.write() as tx:
        made = tx.exec_driver_sql(SAME_AGAIN.format(copy=copy.id, campaign=campaign.id)).rowcount
    loop = Loop(engine, declare(make_broker(None), *[lambda *_: None] * 3))
    with Stopwatch() as claiming:
        loop.tick()  # starts the campaign and claims as many as may be in flight
    with Stopwatch() as idle:
        loop.tick()
        loop.next_wake()
    ledger.close()
    return {
        "deliveries": made,
        "seconds": round(planning.seconds, 1),
        "deliveries/s": round(made / planning.seconds),
        "bare/s": round(made / bare.seconds),
        "ratio": round(bare.seconds / planning.seconds, 3),
        "peak MiB": round(peak),
        "claim ms": round(claiming.seconds * 1000, 1),
        "idle ms": round(idle.seconds * 1000, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    parser.add_argument("--job", help=argparse.SUPPRESS)  # a ledger's URL
    options = parser.parse_args()
    if options.job:
        print(json.dumps(measured(options.job, options.rows)))
        return
    job, rows = (__file__, "--rows", str(options.rows), "--job"), []
    with tempfile.TemporaryDirectory() as name:
        if options.database != "postgresql":
            url = f"sqlite:///{Path(name) / 'ledger.sqlite3'}"
            rows.append({"ledger": "SQLite"} | apart(*job, url))
        if options.database != "sqlite":
            with scratch_postgres(Path(name) / "postgres") as url:
                rows.append({"ledger": "PostgreSQL"} | apart(*job, url))
    show(f"Planning for {options.rows:,} recipients on three channels", rows)


if __name__ == "__main__":
    main()
