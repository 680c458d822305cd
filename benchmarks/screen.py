"""How quick the staff's screen is over a million deliveries, and what watching a campaign costs.

    python benchmarks/screen.py [--rows 1000000] [--json]

A ledger on PostgreSQL is filled inside the database: a third of so many recipients, each on three
channels, most of them tried once or twice, some waiting, some in doubt. The role `web` is started
as staff would start it. Measured are: the time to the first byte of every screen, of 20 requests
each; what a live update asks of the database, and what 20 who watch ask of it; the report and the
export of all attempts; and the weight of pages, as a browser without a cache would load them.
"""

import argparse
import json
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from house import House, house
from measuring import Stopwatch, show
from processes import cpu_seconds_with_children, parent_of

TRIES = 20
WATCHERS, OF_SESSION = 20, 4
WATCH_SECONDS = 15.0
LOOKS = 30
PASSWORD = "correct horse battery"

SCREENS = (
    "/",
    "/campaigns",
    "/campaigns/{campaign}",
    "/campaigns/{campaign}/cancel",
    "/campaigns/{campaign}/uncertain",
    "/campaigns/{campaign}/settle",
    "/audiences",
    "/audiences/{audience}",
    "/scenarios",
    "/launch",
    "/recipients",
    "/recipients/{recipient}",
    "/inquiries",
    "/reports",
    "/reports/campaigns/{campaign}",
    "/stop-list",
    "/calendar",
    "/settings",
    "/people",
    "/journal",
)
WEIGHED = ("/", "/campaigns", "/campaigns/{campaign}", "/recipients/{recipient}")

RECIPIENTS = """
INSERT INTO recipients (audience_id, row, account_number, name, patronymic, surname, segment,
    branch, region, zone, zone_source, language, consents, fields)
SELECT {audience}, n, CAST(70000000000 + n AS TEXT), 'Анна', 'Сергеевна', 'Петрова', 'private',
    'Отделение ' || n % 40, 'Томская область',
    (ARRAY['Asia/Tomsk', 'Europe/Moscow', 'Asia/Vladivostok', 'Asia/Omsk'])[1 + n % 4],
    'region', 'ru', '[]', CAST('{{"debt_kopecks": ' || 1000 + n || '}}' AS JSONB)
FROM generate_series(2, {people} + 1) n
"""
POINTS = """
INSERT INTO contact_points (recipient_id, position, audience_id, address, kind)
SELECT id, 0, audience_id, '+79' || 160000000 + row, 'mobile' FROM recipients
    WHERE audience_id = {audience}
UNION ALL
SELECT id, 1, audience_id, 'client' || row || '@example.com', 'email' FROM recipients
    WHERE audience_id = {audience}
"""
# Of ten six were reached, one was given up, two wait (one of them for a repeated attempt), and of
# the tenth a few are in doubt.
DELIVERIES = """
INSERT INTO deliveries (campaign_id, recipient_id, channel, status, due_at, urgent, zone, points,
    dead_points, attempts, outcome)
SELECT {campaign}, r.id, c.channel, s.status,
    CASE WHEN s.status = 'pending' THEN now() + (r.row % 1440) * interval '1 minute' END,
    false, r.zone, jsonb_build_array(CASE c.channel WHEN 'email' THEN
    'client' || r.row || '@example.com' ELSE '+79' || 160000000 + r.row END), '[]', s.attempts,
    s.outcome
FROM recipients r
CROSS JOIN (VALUES ('phone', 'heard', 'busy'), ('sms', 'delivered', 'undelivered'),
    ('email', 'accepted', 'bounced')) c(channel, good, bad)
CROSS JOIN LATERAL (SELECT
    CASE WHEN r.row % 10 < 6 THEN 'positive' WHEN r.row % 10 = 6 THEN 'given_up'
        WHEN r.row % 1000 = 9 AND c.channel <> 'email' THEN 'uncertain' ELSE 'pending' END,
    CASE WHEN r.row % 10 IN (5, 6) THEN 2 WHEN r.row % 10 = 8 OR (r.row % 10 = 9
        AND r.row % 1000 <> 9) THEN 0 ELSE 1 END,
    CASE WHEN r.row % 10 < 6 THEN c.good WHEN r.row % 10 IN (6, 7) THEN c.bad
        WHEN r.row % 1000 = 9 THEN 'uncertain' END) s(status, attempts, outcome)
WHERE r.audience_id = {audience}
"""
ATTEMPTS = """
INSERT INTO attempts (delivery_id, number, campaign_id, channel, contact_point, provider, zone,
    started_at, handed_at, ended_at, outcome, positive)
SELECT d.id, n, d.campaign_id, d.channel, d.points ->> 0,
    (CASE d.channel WHEN 'phone' THEN 'twilio' WHEN 'sms' THEN 'smsaero' ELSE 'smtp' END), d.zone,
    now() - (d.id % 7200) * interval '1 second', now() - (d.id % 7200) * interval '1 second',
    now() - (d.id % 7200) * interval '1 second',
    CASE WHEN n = d.attempts THEN d.outcome WHEN d.channel = 'phone' THEN 'busy'
        WHEN d.channel = 'sms' THEN 'undelivered' ELSE 'bounced' END,
    d.status = 'positive' AND n = d.attempts
FROM deliveries d CROSS JOIN LATERAL generate_series(1, d.attempts) n
WHERE d.campaign_id = {campaign}
"""
TOUCHES = """
INSERT INTO touches (attempt_id, party, channel, at, positive_at)
SELECT a.id, 'account:' || r.account_number, a.channel, a.started_at,
    CASE WHEN a.positive THEN a.ended_at END
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN recipients r ON r.id = d.recipient_id
WHERE a.campaign_id = {campaign}
"""


def fill(engine: Any, people: int) -> dict[str, int]:
    """The ledger's ids by what they name."""
    from datetime import timedelta

    from campaigns.scenario_file import library_path, read_scenario
    from dispatcher.ledger import audiences, campaigns, composition, scenarios, tallies
    from dispatcher.ledger.campaigns import CampaignStatus

    now = engine.clock.now()
    with engine.ledger.write() as tx:
        scenario = scenarios.add(tx, read_scenario(library_path("debt-reminder")), "b", now)
        audience = audiences.begin(tx, "benchmark", "b.csv", (), "b", now)
        for statement in (RECIPIENTS, POINTS):
            _run(tx, statement, audience=audience, people=people)
        audiences.finish(tx, audience, people, ["debt_kopecks"], "b", now)
        composition.store(tx, audience)
        campaign = campaigns.create(
            tx,
            scenario_id=scenario.id,
            audience_id=audience,
            zone="Europe/Moscow",
            start_at=now,
            end_at=now + timedelta(days=14),
            actor="b",
            now=now,
        )
        ids = {"audience": audience, "campaign": campaign.id}
        for statement in (DELIVERIES, ATTEMPTS, TOUCHES):
            _run(tx, statement, **ids)
        for status in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING):
            campaign = campaigns.change(tx, campaign, status, "b", now)
        first = "SELECT min(id) FROM recipients WHERE audience_id = {audience}".format(**ids)
        ids["recipient"] = tx.exec_driver_sql(first).scalar_one()
    while tallies.fold_changes(engine.ledger):
        pass
    with engine.ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as it:
        it.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does within minutes
    return ids


def _run(tx: Any, statement: str, **ids: int) -> None:
    tx.exec_driver_sql(statement.format(**ids).replace("%", "%%"))


def visitors(engine: Any, url: str, count: int) -> list[requests.Session]:
    """Members of staff who have come in."""
    from dispatcher.access import entering
    from dispatcher.access.roles import Role

    found = []
    for number in range(count):
        role = Role.ADMINISTRATOR
        token = entering.invite(engine, f"b{number}", f"Benchmark {number}", role, "b")
        entered = entering.accept(engine, token, PASSWORD)
        session = requests.Session()
        session.cookies.set("session", entered.token)
        session.headers["X-CSRF-Token"] = entering.csrf_token(entered.token)
        session.headers["Origin"] = url
        found.append(session)
    return found


def first_bytes(session: requests.Session, url: str, path: str) -> dict[str, object]:
    times, status = list[float](), 0
    for _try in range(TRIES + 1):
        with Stopwatch() as watch, session.get(url + path, stream=True) as answer:
            next(answer.iter_content(1), b"")
        times.append(watch.seconds * 1000)
        status = answer.status_code
        if status >= 400:
            break
    times = times[1:] or times  # the first makes templates and connections
    return {
        "screen": path,
        "status": status,
        "median ms": round(statistics.median(times), 1),
        "p95 ms": round(sorted(times)[max(0, int(len(times) * 0.95) - 1)], 1),
    }


@contextmanager
def counting(engine: Any) -> Iterator[list[float]]:
    """The seconds of every statement that this process asks."""
    from sqlalchemy import event

    began: list[float] = []
    took: list[float] = []

    def before(*_: object) -> None:
        began.append(time.perf_counter())

    def after(*_: object) -> None:
        took.append(time.perf_counter() - began.pop())

    on = engine.ledger.engine
    event.listen(on, "before_cursor_execute", before)
    event.listen(on, "after_cursor_execute", after)
    try:
        yield took
    finally:
        event.remove(on, "before_cursor_execute", before)
        event.remove(on, "after_cursor_execute", after)


def looks(engine: Any, campaign: int) -> list[dict[str, object]]:
    """What one update of each watched page asks of the database."""
    from dispatcher.watching.campaign import CampaignWatch
    from dispatcher.watching.today import DayWatch

    rows = []
    for name, watch in (
        ("a campaign", CampaignWatch(engine, campaign)),
        ("the day", DayWatch(engine)),
    ):
        with counting(engine) as took:
            watch.look()
            first = sum(took) * 1000
            began = len(took)
            times, spent = [], []
            for _look in range(LOOKS):
                before = len(took)
                with Stopwatch() as whole:
                    watch.look()
                times.append(whole.seconds * 1000)
                spent.append(sum(took[before:]) * 1000)
        rows.append(
            {
                "watched": name,
                "statements": round((len(took) - began) / LOOKS, 1),
                "database ms": round(statistics.median(spent), 2),
                "with Python ms": round(statistics.median(times), 2),
                "the first, database ms": round(first, 1),
            }
        )
    return rows


def watched(home: House, engine: Any, url: str, path: str) -> list[dict[str, object]]:
    """What the database and the role use in a second, with nobody, one and twenty who watch."""
    with engine.ledger.read() as tx:
        backend = tx.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    postgres = parent_of(int(backend), "postgres")
    people = watchers(engine)
    rows: list[dict[str, object]] = []
    for count in (0, 1, WATCHERS):
        over, got = threading.Event(), [0] * count
        threads = [
            threading.Thread(
                target=_listen, args=(people[n // OF_SESSION], url + path, over, got, n)
            )
            for n in range(count)
        ]
        for thread in threads:
            thread.start()
        time.sleep(3)
        cpu = cpu_seconds_with_children(postgres) if postgres else 0.0
        role, heard = home.cpu_seconds()["web"], sum(got)
        time.sleep(WATCH_SECONDS)
        cpu = (cpu_seconds_with_children(postgres) if postgres else 0.0) - cpu
        rows.append(
            {
                "watching": count,
                "PostgreSQL CPU ms a second": round(cpu * 1000 / WATCH_SECONDS, 1),
                "web CPU ms a second": round(
                    (home.cpu_seconds()["web"] - role) * 1000 / WATCH_SECONDS, 1
                ),
                "bytes a second to each": round(
                    (sum(got) - heard) / WATCH_SECONDS / count if count else 0
                ),
            }
        )
        over.set()
        for thread in threads:
            thread.join()
    return rows


def watchers(engine: Any) -> list[requests.Session]:
    """As many as may watch so often at once."""
    from dispatcher.access import entering
    from dispatcher.access.roles import Role

    found = []
    for number in range(-(-WATCHERS // OF_SESSION)):
        token = entering.invite(engine, f"w{number}", f"Watcher {number}", Role.READER, "b")
        session = requests.Session()
        session.cookies.set("session", entering.accept(engine, token, PASSWORD).token)
        found.append(session)
    return found


def _listen(
    session: requests.Session, url: str, over: threading.Event, got: list[int], place: int
) -> None:
    with session.get(url, stream=True, timeout=60) as answer:
        for line in answer.iter_lines():
            got[place] += len(line) + 1
            if over.is_set():
                return


@contextmanager
def moving(engine: Any, campaign: int) -> Iterator[None]:
    """Outcomes come in, fifty a second: a campaign that nothing happens to is no work to watch."""
    over = threading.Event()

    def move() -> None:
        from dispatcher.ledger import tallies

        while not over.wait(1.0):
            with engine.ledger.write() as tx:
                tx.exec_driver_sql(
                    "UPDATE deliveries SET status = 'positive', attempts = attempts + 1 WHERE id "
                    f"IN (SELECT id FROM deliveries WHERE status = 'pending' AND campaign_id = "
                    f"{campaign} AND channel = 'sms' LIMIT 50)"
                )
            tallies.fold_changes(engine.ledger)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def long_ones(session: requests.Session, url: str, campaign: int) -> list[dict[str, object]]:
    """The report, counted anew, and the export of every attempt."""
    rows: list[dict[str, object]] = []
    path = f"{url}/reports/campaigns/{campaign}"
    with Stopwatch() as watch:
        asked = session.post(f"{path}/count")
        while asked.ok and 'id="counting"' in session.get(path).text:
            time.sleep(0.2)
    rows.append(
        {
            "what": "report",
            "status": asked.status_code,
            "seconds": round(watch.seconds, 1),
            "MB": 0.0,
        }
    )
    with Stopwatch() as watch:
        size = 0
        with session.post(f"{path}/attempts.csv", stream=True) as answer:
            for piece in answer.iter_content(1 << 16):
                size += len(piece)
    rows.append(
        {
            "what": "export of all attempts",
            "status": answer.status_code,
            "seconds": round(watch.seconds, 1),
            "MB": round(size / 1e6, 1),
        }
    )
    return rows


def weight(session: requests.Session, url: str, path: str) -> dict[str, object]:
    """A page with all that it loads, once."""
    page = session.get(url + path)
    own = re.findall(
        r'<(?:script[^>]* src|link[^>]* rel="(?:stylesheet|icon)"[^>]* href)="([^"]+)', page.text
    )
    scripts = re.findall(r"<script[^>]*>", page.text)
    parts = [session.get(urljoin(url, one)) for one in dict.fromkeys(own)]
    wire = [int(one.headers.get("content-length", len(one.content))) for one in (page, *parts)]
    return {
        "page": path,
        "requests": 1 + len(parts),
        "page kB": round(wire[0] / 1000, 1),
        "all kB": round(sum(wire) / 1000, 1),
        "kB unpacked": round(sum(len(one.content) for one in (page, *parts)) / 1000, 1),
        "packed": page.headers.get("content-encoding", "no"),
        "scripts that block": sum("defer" not in one and "async" not in one for one in scripts),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="deliveries")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    people = -(-options.rows // 3)
    with (
        tempfile.TemporaryDirectory() as name,
        house(Path(name), {"DISPATCHER_WEB_PORT": "0", "DISPATCHER_LANGUAGE": "ru"}) as home,
    ):
        engine = home.engine()
        from dispatcher.ledger import open_ledger

        open_ledger(home.settings["DISPATCHER_DATABASE_URL"]).close()
        with Stopwatch() as filling:
            ids = fill(engine, people)
        home.start("web", "web")
        log = (home.folder / "web.log").read_text()
        found_url = re.search(r"http://127\.0\.0\.1:\d+", log)
        if found_url is None:
            raise SystemExit(f"web told no address:\n{log}")
        url = found_url[0]
        [session] = visitors(engine, url, 1)
        found = {
            "screens": [first_bytes(session, url, path.format(**ids)) for path in SCREENS],
            "updates": looks(engine, ids["campaign"]),
        }
        with moving(engine, ids["campaign"]):
            live = f"/campaigns/{ids['campaign']}/live"
            found["watching"] = watched(home, engine, url, live)
        found["long"] = long_ones(session, url, ids["campaign"])
        found["weight"] = [weight(session, url, path.format(**ids)) for path in WEIGHED]
        engine.ledger.close()
    if options.json:
        print(json.dumps({"deliveries": people * 3, **found}, ensure_ascii=False))
        return
    print(f"filled in {filling.seconds:.0f} s")
    show(f"Time to the first byte over {people * 3:,} deliveries", found["screens"])
    show("One live update", found["updates"])
    show("A campaign that moves, watched", found["watching"])
    show("What takes longer", found["long"])
    show("Weight of pages", found["weight"])


if __name__ == "__main__":
    main()
