"""The figures of the whole house, from a real ledger on either database."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import event

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from channels.routing import only
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Ledger,
    campaigns,
    circuits,
    claims,
    gauges,
    jobs,
    mailboxes,
    outbox,
    processes,
    webhook_posts,
    webhooks,
)
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.gauges import Due, Gauges
from dispatcher.ledger.holding_back import RESTORED
from dispatcher.ledger.mailboxes import MailboxState
from dispatcher.ledger.outbox import MailKind, Owed
from dispatcher.ledger.processes import Process
from dispatcher.ledger.tables import campaigns as rows
from dispatcher.monitoring import house as house_module
from dispatcher.monitoring.house import HouseFigures
from dispatcher.settings import Settings
from dispatcher.wiring import Works, make_works
from tests.channels.servers import closed_port
from tests.ledger.making import LATER, NOW, PHONE, SMS, due_rows, force
from tests.trouble.house import sms_channel

ANNA = "anna@example.com"
LEASE = NOW + timedelta(hours=1)


def read(ledger: Ledger, at_minutes: float = 0) -> Gauges:
    with ledger.read() as tx:
        return gauges.read(tx, NOW + timedelta(minutes=at_minutes))


def engine_on(ledger: Ledger, redis_url: str | None = None) -> Engine:
    return Engine(
        settings=Settings(_env_file=None, redis_url=SecretStr(redis_url) if redis_url else None),
        ledger=ledger,
        clock=SimulatedClock(NOW + timedelta(minutes=20)),
        channels={SMS: only(sms_channel(closed_port()))},
        receipts_url="",
        secret="secret",
    )


@pytest.fixture
def engine(ledger: Ledger) -> Engine:
    return engine_on(ledger)


def told(engine: Engine) -> dict[tuple[str, ...], float]:
    """Every sample: its name without ours before it, and the values of its labels."""
    registry = CollectorRegistry()
    registry.register(HouseFigures(engine))
    return {
        (sample.name.removeprefix("dispatcher_"), *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_an_empty_ledger_tells_of_nothing(ledger: Ledger) -> None:
    found = read(ledger)
    assert (found.due, found.in_flight, found.uncertain, found.circuits) == ({}, {}, {}, [])
    assert abs(found.clock_ahead_seconds) < 1


def test_what_is_due_is_counted_from_the_instant_at_which_it_is(ledger: Ledger) -> None:
    due_rows(ledger, 3, name="now")
    due_rows(ledger, 2, name="later", due_at=LATER)
    assert read(ledger).due == {PHONE: Due(3, NOW)}
    assert read(ledger, at_minutes=6).due == {PHONE: Due(5, NOW)}
    assert read(ledger, at_minutes=-1).due == {}


def test_each_state_of_deliveries_is_counted_where_it_belongs(ledger: Ledger) -> None:
    due_rows(ledger, 8)
    with ledger.write() as tx:
        ids = [row[0] for row in claims.claim_due(tx, NOW, LEASE, "claim", 6)]
        force(tx, ids[0], status=Status.SENDING)
        force(tx, ids[1], status=Status.AWAITING)
        force(tx, ids[2], status=Status.UNCERTAIN, due_at=LATER)
        force(tx, ids[3], status=Status.UNCERTAIN, due_at=None)
        force(tx, ids[4], status=Status.POSITIVE, due_at=None)
    found = read(ledger)
    assert found.due == {PHONE: Due(2, NOW)}
    assert found.in_flight == {
        (PHONE, Status.QUEUED): 1,
        (PHONE, Status.SENDING): 1,
        (PHONE, Status.AWAITING): 1,
    }
    assert found.uncertain == {(PHONE, False): 1, (PHONE, True): 1}
    assert found.campaigns == {CampaignStatus.RUNNING: 1}


def test_a_paused_campaign_has_nothing_due(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 3)
    with ledger.write() as tx:
        changed = {"status": CampaignStatus.PAUSED, "note": "failures:57/100"}
        tx.execute(rows.update().where(rows.c.id == campaign.id).values(changed))
    found = read(ledger)
    assert (found.due, found.paused_by_themselves) == ({}, 1)


def test_campaigns_that_wait_since_a_restore_are_told_apart(engine: Engine, ledger: Ledger) -> None:
    """Nobody is served, and nothing failed: else nobody would know."""
    restored, own = due_rows(ledger, 1, name="restored"), due_rows(ledger, 1, name="own")
    with ledger.write() as tx:
        campaigns.change(tx, own, CampaignStatus.PAUSED, "test", NOW)
        changed = {"status": CampaignStatus.PAUSED, "note": RESTORED}
        tx.execute(rows.update().where(rows.c.id == restored.id).values(changed))
    found = told(engine)
    assert found["campaigns_paused_by_restore",] == 1
    assert found["campaigns_paused_by_themselves",] == 0
    assert found["campaigns", "paused"] == 2


def test_prometheus_is_told_all_of_it_with_words_for_labels(engine: Engine, ledger: Ledger) -> None:
    due_rows(ledger, 3)
    owed = Owed(
        "a", MailKind.ACKNOWLEDGEMENT, "", "anna@example.com", "<a@b>", b"\r\n", asked_at=NOW
    )
    with ledger.write() as tx:
        circuits.open_(tx, (SMS, "smsaero"), "unreachable", NOW, LEASE)
        mailboxes.note(tx, MailboxState("info", NOW, waiting=4, oldest_at=NOW))
        mailboxes.note(tx, MailboxState("spare", None, trouble="no login"))
        outbox.owe(tx, owed, NOW)
        processes.beat(tx, Process("id", "loop", "secret-host", 7, (), "1.0"))
    found = told(engine)
    assert found["ledger_up",] == 1
    assert found["due_deliveries", "phone"] == 3
    assert found["due_oldest_seconds", "phone"] == 20 * 60
    assert found["due_oldest_seconds", "sms"] == 0
    assert found["circuit_open", "sms", "smsaero"] == 1
    assert found["campaigns", "running"] == 1
    assert (found["mailbox_letters_waiting",], found["mailboxes_in_trouble",]) == (4, 1)
    assert found["mailbox_oldest_letter_seconds",] == found["mailbox_look_seconds",] == 20 * 60
    assert (found["answers_owed",], found["answer_owed_oldest_seconds",]) == (1, 20 * 60)
    assert (found["processes", "loop"], found["processes", "worker"]) == (1, 0)
    assert found["role_seen_seconds", "loop"] < 5
    labels = {label for _name, *labels in found for label in labels}
    assert not labels & {"secret-host", "info", "spare", ANNA}


def test_what_the_pages_are_for_is_told(engine: Engine, ledger: Ledger) -> None:
    with ledger.write() as tx:
        jobs.ask(tx, "report", {}, "a", NOW)
        assert jobs.take(tx, ["report"], "mine", NOW, NOW)
        jobs.ask(tx, "import", {}, "a", NOW)
        jobs.ask(tx, "import", {}, "a", LATER)
        for name in ("a", "b"):
            webhook_id = webhooks.add(tx, f"https://{name}.example.com/", "s", [], "a", NOW)
            webhooks.tell_one(tx, webhook_id, webhooks.TEST, {}, NOW)
            webhooks.tell_one(tx, webhook_id, webhooks.TEST, {}, NOW)
        [post, _other] = webhook_posts.claim(tx, webhook_id, "mine", NOW, LEASE, 2)
        webhook_posts.finish(tx, post.id, "mine", heard_at=None, due_at=LATER, answer="500")
        processes.beat(tx, Process("id", "web", "secret-host", 7, (), "1.0"))
    found = told(engine)
    assert (found["jobs_waiting",], found["job_oldest_seconds",]) == (2, 20 * 60)
    assert (found["events_waiting",], found["webhooks_failing",]) == (4, 1)
    assert found["processes", "web"] == 1


def test_a_provider_in_order_is_told_as_such(engine: Engine) -> None:
    assert told(engine)["circuit_open", "sms", "smsaero"] == 0


def test_the_ledger_is_asked_once_in_ten_seconds_however_many_look(
    engine: Engine, ledger: Ledger
) -> None:
    figures = HouseFigures(engine)
    list(figures.collect())
    due_rows(ledger, 3)
    again = {family.name: family for family in figures.collect()}
    [phone] = [
        sample.value
        for sample in again["dispatcher_due_deliveries"].samples
        if sample.labels["channel"] == "phone"
    ]
    assert phone == 0


def test_a_ledger_that_does_not_answer_is_told_and_nothing_else() -> None:
    ledger = Ledger(f"postgresql://nobody@127.0.0.1:{closed_port()}/none")
    assert told(engine_on(ledger)) == {("ledger_up",): 0}
    ledger.close()


def test_a_ledger_that_hangs_holds_up_nobody_who_looks(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody holds a lock on what is to be read: the look is over in time, and the next one does
    not ask a second time."""
    monkeypatch.setattr(house_module, "WAIT_SECONDS", 0.2)
    ledger = Ledger(postgres_url)
    figures = HouseFigures(engine_on(ledger))
    with ledger.write() as tx:
        tx.exec_driver_sql("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
        first = {family.name: family.samples[0].value for family in figures.collect()}
        reading = [one for one in threading.enumerate() if one.name == "figures"]
        list(figures.collect())
        assert [one for one in threading.enumerate() if one.name == "figures"] == reading
    assert first == {"dispatcher_ledger_up": 0}
    reading[0].join(20)
    assert next(iter(figures.collect())).samples[0].value == 1
    ledger.close()


def test_no_question_walks_through_deliveries_that_have_ended(sqlite_url: str) -> None:
    """Each is answered by an index that holds only what is at work, or from the counters."""
    ledger = Ledger(sqlite_url)
    due_rows(ledger, 3)
    asked: list[tuple[str, object]] = []

    def hear(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(ledger.engine, "before_cursor_execute", hear)
    read(ledger)
    event.remove(ledger.engine, "before_cursor_execute", hear)
    with ledger.read() as tx:
        plans = [
            row.detail
            for statement, parameters in asked
            if "deliveries" in statement
            for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
        ]
    ledger.close()
    touched = [plan for plan in plans if re.search(r"\bdeliveries\b", plan)]
    assert touched
    assert all(
        re.match(r"SEARCH .* INDEX ix_deliveries_(due|lapse)\b", plan) for plan in touched
    ), touched


@pytest.fixture
def with_redis(sqlite_url: str, redis_server: str) -> Iterator[Works]:
    works = make_works(engine_on(Ledger(sqlite_url), redis_server))
    works.queue.broker.flush_all()
    yield works
    works.queue.broker.flush_all()
    works.queue.broker.close()
    works.engine.ledger.close()


def test_batches_that_wait_in_redis_are_counted_by_queue(with_redis: Works) -> None:
    with_redis.queue.send(ChannelName.SMS, [1, 2], "claim", urgent=False)
    with_redis.queue.send(ChannelName.SMS, [3], "claim", urgent=False)
    with_redis.queue.send(ChannelName.PHONE, [4], "claim", urgent=True)
    found = told(with_redis.engine)
    assert found["redis_up",] == 1
    assert (found["queue_batches", "send-sms"], found["queue_batches", "urgent"]) == (2, 1)
    assert found["queue_batches", "send-email"] == 0


def test_a_redis_that_is_away_is_told_and_the_ledgers_figures_all_the_same(
    sqlite_url: str,
) -> None:
    ledger = Ledger(sqlite_url)
    found = told(engine_on(ledger, f"redis://127.0.0.1:{closed_port()}/0"))
    ledger.close()
    assert (found["ledger_up",], found["redis_up",]) == (1, 0)
    assert not any(name == "queue_batches" for name, *_labels in found)
