"""The database locked or gone in the middle of a campaign: nothing is lost, nothing is doubled."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from campaigns.channel import ChannelName
from campaigns.delivery import ENDED, Status
from campaigns.outcome import Outcome
from tests.trouble.house import House, customer, living, mail_channel, sms_channel
from tests.trouble.servers import HttpProvider, PostOffice, Rule, sms_taken

SMS, EMAIL = ChannelName.SMS, ChannelName.EMAIL
LOCKED_SECONDS = 10.0


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Another program holds the file's write lock for so long, beginning now."""
    holds, release = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        holds.set()
        release.wait(seconds)
        connection.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert holds.wait(5)
    try:
        yield
    finally:
        release.set()
        holder.join()


def run_through(house: House, length: timedelta) -> int:
    """Live on as the real loop does: a database that is away is waited for. How often it was."""
    until, away = house.clock.now() + length, 0
    while house.clock.now() < until:
        try:
            house.run(until - house.clock.now())
        except DBAPIError:
            away += 1
            house.clock.move_to(house.clock.now() + timedelta(seconds=1))
    return away


def test_a_ledger_locked_for_ten_seconds_holds_a_campaign_up_and_changes_nothing(
    tmp_path: Path,
) -> None:
    began = threading.Event()
    go_on = threading.Event()

    def slow(number: int, _request: bytes) -> bytes:
        began.set()
        go_on.wait(30)  # the answer comes while the ledger is locked: it must be written later
        return sms_taken(number)

    with (
        HttpProvider(slow) as provider,
        living(tmp_path, {SMS: sms_channel(provider.port, 60.0)}, batch_size=8) as house,
    ):
        house.import_rows([customer(number) for number in range(24)])
        campaign = house.launch(SMS, days=1)
        path = Path(make_url(house.engine.settings.ledger_url).database or "")
        campaign_runs = threading.Thread(target=house.turn)
        campaign_runs.start()
        assert began.wait(10)
        locked_at = time.monotonic()
        with locked(path, LOCKED_SECONDS):
            go_on.set()
            campaign_runs.join()
        assert time.monotonic() - locked_at >= LOCKED_SECONDS - 1
        assert {d.status for d in house.deliveries(campaign)} == {Status.AWAITING}
        assert len(provider.sends) == 24
        assert Counter(a.reference for a in house.attempts(campaign)).most_common(1)[0][1] == 1
        assert all(a.reference for a in house.attempts(campaign))
        assert house.audit_findings(campaign) == []


_CUTTING = threading.Lock()  # else two of us cut each other


def cut_every_connection(url: str) -> int:
    """As if the server had been restarted: every connection to this database but ours ends."""
    parsed = make_url(url).set(drivername="postgresql")
    with (
        _CUTTING,
        psycopg.connect(parsed.render_as_string(hide_password=False), autocommit=True) as ours,
    ):
        found = ours.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return found.rowcount


def test_connections_cut_while_answers_come_in_lose_and_double_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    cuts: list[int] = []

    def cutting(number: int, _request: bytes) -> bytes:
        if number in {3, 17, 40}:
            cuts.append(cut_every_connection(postgres_url))
        return sms_taken(number)

    with (
        HttpProvider(cutting) as provider,
        living(
            tmp_path,
            {SMS: sms_channel(provider.port, 10.0)},
            database_url=postgres_url,
            batch_size=20,
        ) as house,
    ):
        house.import_rows([customer(number) for number in range(60)])
        campaign = house.launch(SMS, days=3)
        run_through(house, timedelta(days=4))
        assert len(cuts) == 3
        sent = Counter(provider.recipients())
        made = Counter(attempt.contact_point for attempt in house.attempts(campaign))
        assert {"+" + number: count for number, count in sent.items()} == dict(made)
        assert len(sent) == 60
        assert all(d.status in ENDED for d in house.deliveries(campaign))
        assert house.audit_findings(campaign) == []


def test_connections_cut_while_the_loop_claims_lose_no_letter_and_double_none(
    tmp_path: Path, postgres_url: str
) -> None:
    def cut_now_and_then(address: str) -> str:
        if address in {"client5@example.com", "client30@example.com"}:
            cut_every_connection(postgres_url)
        return "250 taken"

    with (
        PostOffice(Rule(end=cut_now_and_then)) as office,
        living(
            tmp_path,
            {EMAIL: mail_channel(office.port)},
            database_url=postgres_url,
            batch_size=10,
        ) as house,
    ):
        house.import_rows([customer(number) for number in range(50)])
        campaign = house.launch(EMAIL, days=3)
        run_through(house, timedelta(days=4))
        letters = Counter((letter.recipient, letter.message_id) for letter in office.letters)
        assert len(letters) == 50
        assert set(letters.values()) == {1}
        assert {d.status for d in house.deliveries(campaign)} == {Status.POSITIVE}
        assert {a.outcome for a in house.attempts(campaign)} == {Outcome.ACCEPTED}
        assert house.audit_findings(campaign) == []
