"""How long reports take over a full ledger: of a campaign, over a period, and taken along as CSV.

    python benchmarks/reports.py --rows 1000000

In a PostgreSQL of its own: a campaign of that many SMS, two of three of them reached at the first
attempt and the rest at the second. What the job counts is counted as the job does it; the pages are
asked over HTTP before and after it, until the first byte; the list of all attempts is streamed to
its end, with the most memory the process has held by then.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from measuring import Stopwatch, peak_mib, scratch_postgres, show

RECIPIENTS = """
INSERT INTO recipients (audience_id, row, account_number, name, patronymic, surname, segment,
    branch, region, zone, zone_source, language, consents, fields)
SELECT %s, n, '7' || n, 'Анна', 'Сергеевна', 'Петрова',
    CASE n %% 5 WHEN 0 THEN 'business' ELSE 'private' END, 'Отделение ' || n %% 40, '70',
    'Asia/Tomsk', 'region', 'ru', '[]', jsonb_build_object('район', 'Район ' || n %% 12)
FROM generate_series(1, %s) n"""
DELIVERIES = """
INSERT INTO deliveries (campaign_id, recipient_id, channel, status, urgent, zone, points,
    dead_points, attempts, outcome)
SELECT %s, id, 'sms', 'positive', false, zone, '[]', '[]', 1 + (row %% 3 = 0)::int, 'delivered'
FROM recipients WHERE audience_id = %s AND account_number <> '1'"""
ATTEMPTS = """
INSERT INTO attempts (delivery_id, number, campaign_id, channel, contact_point, provider, zone,
    started_at, ended_at, outcome, positive, parts)
SELECT d.id, k, d.campaign_id, 'sms', '+79160000000', 'smsaero', d.zone, at.begun,
    at.begun + interval '1 minute',
    CASE WHEN k = d.attempts THEN 'delivered' ELSE 'undelivered' END, k = d.attempts, 2
FROM deliveries d, generate_series(1, d.attempts) k,
    LATERAL (SELECT timestamptz '2026-12-01 03:00Z' + k * interval '1 day'
        + d.id %% 36000 * interval '1 second') at(begun)
WHERE d.campaign_id = %s"""


def fill(engine: Any, rows: int) -> int:
    from dispatcher.ledger import tallies
    from tests.flow.builders import Books, mobile, recipient

    books = Books(engine.ledger, engine, engine.clock)
    campaign = books.launch([recipient("1", mobile("+79161111111"))])
    with engine.ledger.write() as tx:
        tx.exec_driver_sql("UPDATE deliveries SET status = 'skipped', reason = 'nothing_due'")
        tx.exec_driver_sql(RECIPIENTS, (campaign.audience_id, rows))
        tx.exec_driver_sql(DELIVERIES, (campaign.id, campaign.audience_id))
        tx.exec_driver_sql(ATTEMPTS, (campaign.id,))
        tx.exec_driver_sql("UPDATE audiences SET columns = '[\"район\"]', recipients = %s", (rows,))
    while tallies.fold_changes(engine.ledger):
        pass
    with engine.ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as bare:
        bare.exec_driver_sql("VACUUM ANALYZE")
    return campaign.id


def measure(folder: Path, url: str, rows: int) -> list[dict[str, object]]:
    from dispatcher.access.roles import Role
    from dispatcher.clock import SimulatedClock
    from dispatcher.reporting import stored
    from dispatcher.reporting.stored import OfCampaign
    from tests.flow.builders import START
    from tests.web.house import open_house

    found: list[dict[str, object]] = []
    with open_house(folder, url) as house:
        house.engine.clock = SimulatedClock(START)
        campaign_id = fill(house.engine, rows)
        guest = house.visit(Role.EDITOR)
        report = f"/reports/campaigns/{campaign_id}"
        period = "/reports/period?first=2026-12-01&last=2026-12-31"

        def tell(what: str, watch: Stopwatch, note: str = "") -> None:
            found.append({"what": what, "seconds": round(watch.seconds, 2), "note": note})

        def ask(what: str, path: str) -> None:
            with Stopwatch() as watch, guest.session.get(house.url + path, stream=True) as answer:
                next(answer.iter_content(1))
            tell(what, watch)

        ask("the list of campaigns", "/reports")
        ask("a campaign that nobody has counted", report)
        ask("a period that nobody has counted", period)
        dates = {"first": "2026-12-01", "last": "2026-12-31"}
        for what, path, fields in (
            ("the job of the campaign", f"{report}/count", {}),
            ("the job of the period", "/reports/period/count", dates),
        ):
            guest.post(path, fields)
            with Stopwatch() as watch:
                house.do_jobs()
            tell(what, watch)
        ask("the campaign, counted", report)
        ask("the period, counted", period)
        stored.ask(house.engine, OfCampaign(campaign_id, "район"), "benchmark")
        with Stopwatch() as watch:
            house.do_jobs()
        found.append(
            {"what": "a column of the file", "seconds": round(watch.seconds, 1), "note": ""}
        )
        before, size = peak_mib(), 0
        with (
            Stopwatch() as watch,
            guest.session.post(
                f"{house.url}{report}/attempts.csv", data={"csrf": guest.csrf}, stream=True
            ) as answer,
        ):
            for piece in answer.iter_content(1 << 16):
                size += len(piece)
        note = f"{size / 1e6:.0f} MB; memory {before:.0f} → {peak_mib():.0f} MiB"
        found.append(
            {"what": "all attempts, CSV", "seconds": round(watch.seconds, 1), "note": note}
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name, scratch_postgres(Path(name) / "pg") as server:
        from dispatcher.ledger import open_ledger
        from tests.conftest import create_database, drop_database

        url = create_database(server)
        open_ledger(url).close()
        try:
            show(f"Reports over {rows:,} SMS", measure(Path(name), url, rows))
        finally:
            drop_database(server, url)


if __name__ == "__main__":
    main()
