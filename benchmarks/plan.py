"""How fast a campaign is planned, beside the fastest way a database can store the same rows.

    python benchmarks/plan.py --rows 1000000 [--database sqlite|postgresql]

An audience of that many recipients is made inside the database, with all that a plan must heed:
refusals, debts that are paid, landlords, a stop-list, and calls of a former campaign. The debt
reminder is planned for it on three channels (a delivery or a skip for each), the plan is checked
against what the rules say, and then the very same rows are stored once more by one bare `INSERT …
SELECT` into the same table with the same indexes. Each database in a process of its own. At the
end: how long turns of the loop take over so full a ledger, one that claims 2,000 deliveries and one
that finds nothing to do.
"""

import argparse
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Stopwatch, apart, peak_mib, scratch_postgres, show

if TYPE_CHECKING:
    from dispatcher.ledger import Transaction
    from dispatcher.planner import HeldBack

START_AT = datetime(2026, 12, 1, 6, tzinfo=UTC)
LATELY = "2026-11-28 09:00:00.000000"

# Rows of the file, as (remainder, divisor); no row is of two sorts, so that each can be counted.
SUPPRESSED_ACCOUNT = (13, 200)
SUPPRESSED_NUMBER = (113, 200)
REFUSED = (21, 40)
REFUSED_SMS = (31, 40)
NOTHING_DUE = (17, 60)
CALLED_LATELY = (5, 20)
SECOND_FLAT = (0, 50)  # shares the number of the row before
HAS_ADDRESS = (0, 4)


def of(sort: tuple[int, int]) -> str:
    return f"row % {sort[1]} = {sort[0]}"


NUMBER = f"'+79' || CAST(160000000 + CASE WHEN {of(SECOND_FLAT)} THEN row - 1 ELSE row END AS TEXT)"


def consent(*, granted: bool, channel: str | None = None, since_on: str | None = None) -> str:
    told = {"granted": granted, "purpose": None, "channel": channel}
    return json.dumps([told | {"basis": "", "since_on": since_on}])


RECIPIENTS = f"""
INSERT INTO recipients (audience_id, row, account_number, name, patronymic, surname, segment,
    branch, region, zone, zone_source, language, consents, fields)
WITH RECURSIVE n(row) AS (SELECT 2 UNION ALL SELECT row + 1 FROM n WHERE row <= {{rows}})
SELECT {{audience}}, row, CAST(70000000000 + row AS TEXT), 'Анна', 'Сергеевна', 'Петрова',
    'private', 'Отделение ' || row % 40, 'Томская область',
    CASE row % 3 WHEN 0 THEN 'Asia/Tomsk' WHEN 1 THEN 'Europe/Moscow' ELSE 'Asia/Vladivostok' END,
    'region', 'ru',
    CAST(CASE WHEN {of(REFUSED)} THEN '{consent(granted=False)}'
        WHEN {of(REFUSED_SMS)} THEN '{consent(granted=False, channel="sms")}'
        WHEN row % 7 = 0 THEN '{consent(granted=True, since_on="2026-01-15")}'
        WHEN row % 11 = 0 THEN '{consent(granted=True, since_on="2026-03-20")}'
        ELSE '[]' END AS {{json}}),
    CAST('{{"debt_kopecks": ' || CASE WHEN {of(NOTHING_DUE)} THEN 0 ELSE 1000 + row END
        || ', "due_on": "2026-12-10"}}' AS {{json}})
FROM n
"""
PHONES = f"""
INSERT INTO contact_points (recipient_id, position, audience_id, address, kind)
SELECT id, 0, audience_id, {NUMBER}, 'mobile' FROM recipients WHERE audience_id = {{audience}}
"""
ADDRESSES = f"""
INSERT INTO contact_points (recipient_id, position, audience_id, address, kind)
SELECT id, 1, audience_id, 'client' || row || '@example.com', 'email'
FROM recipients WHERE audience_id = {{audience}} AND {of(HAS_ADDRESS)}
"""
SUPPRESSIONS = f"""
INSERT INTO suppressions (party, reason, since_at, added_by)
SELECT CASE WHEN {of(SUPPRESSED_NUMBER)} THEN {NUMBER} ELSE 'account:' || account_number END,
    'asked', CAST('{{lately}}' AS {{instant}}), 'b'
FROM recipients WHERE audience_id = {{audience}}
    AND ({of(SUPPRESSED_ACCOUNT)} OR {of(SUPPRESSED_NUMBER)})
"""
FORMER_DELIVERIES = f"""
INSERT INTO deliveries (campaign_id, recipient_id, channel, status, urgent, zone, points,
    dead_points, attempts, outcome)
SELECT {{former}}, id, 'phone', 'positive', {{no}}, zone, '[]', '[]', 1, 'answered'
FROM recipients WHERE audience_id = {{audience}} AND {of(CALLED_LATELY)} ORDER BY id
"""
FORMER_ATTEMPTS = f"""
INSERT INTO attempts (delivery_id, number, campaign_id, channel, contact_point, provider, zone,
    started_at, ended_at, outcome, positive)
SELECT deliveries.id, 1, campaign_id, channel, {NUMBER}, 'b', deliveries.zone,
    CAST('{{lately}}' AS {{instant}}), CAST('{{lately}}' AS {{instant}}), outcome, {{yes}}
FROM deliveries JOIN recipients ON recipients.id = recipient_id
WHERE campaign_id = {{former}} ORDER BY deliveries.id
"""
TOUCHES = """
INSERT INTO touches (attempt_id, party, channel, at, positive_at)
SELECT attempts.id, {party}, attempts.channel, started_at, ended_at
FROM attempts JOIN deliveries ON deliveries.id = delivery_id
JOIN recipients ON recipients.id = recipient_id WHERE attempts.campaign_id = {former}
"""
SAME_AGAIN = """
INSERT INTO deliveries (campaign_id, recipient_id, channel, status, reason, due_at, urgent, zone,
    points, dead_points, lead_id, desk)
SELECT {copy}, recipient_id, channel, status, reason, due_at, urgent, zone, points, dead_points,
    lead_id, desk
FROM deliveries WHERE campaign_id = {campaign} ORDER BY id
"""


def fill_ledger(tx: "Transaction", rows: int, audience: int, former: int) -> None:
    """Recipients, the stop-list and a former campaign, made inside the database."""
    from sqlalchemy import text

    is_sqlite = tx.dialect.name == "sqlite"
    words = {
        "rows": rows,
        "audience": audience,
        "former": former,
        "json": "TEXT" if is_sqlite else "JSONB",
        "instant": "TEXT" if is_sqlite else "TIMESTAMPTZ",
        "lately": LATELY if is_sqlite else f"{LATELY}+00",
        "yes": "1" if is_sqlite else "true",
        "no": "0" if is_sqlite else "false",
    }
    for template in (
        *(RECIPIENTS, PHONES, ADDRESSES),
        *(SUPPRESSIONS, FORMER_DELIVERIES, FORMER_ATTEMPTS),
        TOUCHES.replace("{party}", "'account:' || account_number"),
        TOUCHES.replace("{party}", "contact_point"),
    ):
        statement = template
        for name, word in words.items():
            statement = statement.replace(f"{{{name}}}", str(word))
        tx.execute(text(statement.replace(":", "\\:")))


def check(tx: "Transaction", campaign: int, rows: int, held_back: "HeldBack") -> None:
    """Whether the plan is what the rules say; raises AssertionError."""
    from sqlalchemy import text

    def count(sort: tuple[int, int]) -> int:
        remainder, divisor = sort
        return sum(1 for _ in range(2 + (remainder - 2) % divisor, rows + 2, divisor))

    alone = count(SUPPRESSED_ACCOUNT) + count(REFUSED) + count(NOTHING_DUE)
    said = {
        "suppressed": 3 * count(SUPPRESSED_ACCOUNT) + 2 * count(SUPPRESSED_NUMBER),
        "no_consent": 3 * count(REFUSED) + count(REFUSED_SMS),
        "nothing_due": 3 * count(NOTHING_DUE),
        "merged": 2 * count(SECOND_FLAT),
        "no_contact_point": rows - count(HAS_ADDRESS) - alone,
    }
    said[""] = 3 * rows - sum(said.values())
    query = "SELECT reason, count(*) FROM deliveries WHERE campaign_id = {} GROUP BY reason"
    found = dict(map(tuple, tx.execute(text(query.format(campaign)))))
    if found != said or dict(held_back) != {"phone": count(CALLED_LATELY)}:
        raise AssertionError(f"planned {found}, {dict(held_back)} later; the rules say {said}")


def measured(url: str, rows: int) -> dict[str, float]:
    """Plan for `rows` recipients in this process. Times in seconds, memory in MiB."""
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
        former, campaign, copy = (
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
            for _ in range(3)
        )
        fill_ledger(tx, rows, audience, former.id)
        audiences.finish(tx, audience, rows, ["debt_kopecks", "due_on"], "b", START_AT)
    if not ledger.is_sqlite:
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")  # as autovacuum does after an import
    with Stopwatch() as planning:
        held_back = planner.fill(engine, campaign)
        planner.schedule(engine, campaign)
    peak = peak_mib()
    with ledger.read() as tx:
        check(tx, campaign.id, rows, held_back)
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
