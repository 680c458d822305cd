"""A message ends in many ways, two of them at once now and then: each end is told of."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher import campaigning
from dispatcher.access.keys import Scope
from dispatcher.api.customers import recipient_of
from dispatcher.api.payloads import CustomerIn
from dispatcher.feeding import feed, prepare
from dispatcher.ledger import campaigns, deliveries, scenarios, tables, webhook_posts, webhooks
from dispatcher.ledger.deliveries import Change
from dispatcher.ledger.webhooks import Event
from dispatcher.webhooks import keeping
from dispatcher.webhooks.postman import Postman
from tests.api.caller import PHONE_NUMBER, Town, customer, open_town
from tests.flow.rehearsing import DAY, HOUR, patterns, scenario_text

NOWHERE = "http://127.0.0.1:9/hooks"


@pytest.fixture
def town(tmp_path: Path, ledger_url: str) -> Iterator[Town]:
    with open_town(tmp_path, ledger_url, webhooks_to_this_machine=True) as town:
        yield town


@pytest.fixture
def postgres_town(tmp_path: Path, postgres_url: str) -> Iterator[Town]:
    with open_town(tmp_path, postgres_url, webhooks_to_this_machine=True) as town:
        yield town


def hook(town: Town) -> int:
    """A webhook that wants to hear of the ends of messages."""
    return keeping.add(town.rehearsal.engine, NOWHERE, [Event.MESSAGE_FINISHED], "tests")[0]


def told(town: Town, webhook_id: int) -> list[dict[str, Any]]:
    """What it is to hear, the oldest first."""
    with town.rehearsal.ledger.read() as tx:
        found = webhook_posts.latest(tx, webhook_id, 100)
    return [json.loads(one.body)["data"] for one in reversed(found)]


def rows_of(town: Town, campaign_id: int) -> list[int]:
    d = tables.deliveries.c
    with town.rehearsal.ledger.read() as tx:
        query = tables.deliveries.select().where(d.campaign_id == campaign_id).order_by(d.id)
        return [row.id for row in tx.execute(query)]


def stand_as(town: Town, delivery_id: int, status: Status) -> None:
    """Put a delivery where only a moment of its life would bring it."""
    d = tables.deliveries
    with town.rehearsal.ledger.write() as tx:
        tx.execute(update(d).where(d.c.id == delivery_id).values(status=status, due_at=None))


def test_two_channels_that_end_at_the_same_moment_are_one_message_told_once(
    postgres_town: Town,
) -> None:
    """Neither transaction sees what the other has not committed yet."""
    town, engine = postgres_town, postgres_town.rehearsal.engine
    town.store()
    webhook_id = hook(town)
    campaign_id = town.system(Scope.SEND).send().json()["campaign_id"]
    both_wrote, now = threading.Barrier(2), engine.clock.now()

    def end(delivery_id: int) -> None:
        with engine.ledger.write() as tx:
            deliveries.lock(tx, [delivery_id])
            deliveries.change(tx, [Change(delivery_id, Status.PENDING, Status.EXPIRED)])
            webhooks.messages_ended(tx, [delivery_id], now)
            both_wrote.wait(20)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(end, i) for i in rows_of(town, campaign_id)]:
            done.result()
    [event] = told(town, webhook_id)
    assert [one["status"] for one in event["channels"]] == ["expired", "expired"]


def test_who_cancels_while_a_message_is_taken_in_ends_it_with_the_others(
    postgres_town: Town,
) -> None:
    town, engine = postgres_town, postgres_town.rehearsal.engine
    town.store()
    webhook_id = hook(town)
    campaign_id = town.system(Scope.SEND).send().json()["campaign_id"]
    given = CustomerIn.model_validate(customer("70001850006"))
    recipient, errors = recipient_of(given, engine.settings, 1, ("customer",))
    assert recipient is not None, errors
    canceller = threading.Thread(target=campaigning.cancel, args=(engine, campaign_id, "chief"))
    with engine.ledger.write() as tx:
        ready = prepare(engine, scenarios.find(tx, "trial"), recipient, ())
        feed(tx, engine, ready, "api", engine.clock.now())
        canceller.start()
        while canceller.is_alive() and not waits_for_a_lock(town):
            canceller.join(0.02)
    canceller.join(20)
    assert len(rows_of(town, campaign_id)) == 4
    assert [event["state"] for event in told(town, webhook_id)] == ["not_reached"] * 2
    with engine.ledger.read() as tx:
        rows = deliveries.load(tx, rows_of(town, campaign_id)).values()
    assert {row.status for row in rows} == {Status.CANCELLED}


def waits_for_a_lock(town: Town) -> bool:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with town.rehearsal.ledger.read() as tx:
        return bool(tx.execute(text(waiting)).scalar())


def test_what_is_postponed_beyond_its_campaign_is_over_and_told(
    tmp_path: Path, ledger_url: str
) -> None:
    """The provider takes nothing at the moment, and there is no other moment any more."""
    table = patterns(sms={PHONE_NUMBER: "throttled"})
    with open_town(tmp_path, ledger_url, webhooks_to_this_machine=True, table=table) as town:
        town.store(scenario_text("sms"))
        webhook_id, engine = hook(town), town.rehearsal.engine
        campaign_id = town.system(Scope.SEND).send().json()["campaign_id"]
        town.rehearsal.overhear(
            ChannelName.SMS,
            before=lambda _message: campaigning.cancel(engine, campaign_id, "chief"),
        )
        town.rehearsal.run(HOUR)
        [event] = told(town, webhook_id)
        assert event["state"] == "not_reached"
        assert [one["status"] for one in event["channels"]] == ["cancelled"]


def test_what_was_left_over_in_a_closed_campaign_is_told_when_it_is_swept_up(town: Town) -> None:
    """An outcome that was being written in the moment of the cancelling made it wait again."""
    town.store(scenario_text("sms"))
    webhook_id, engine = hook(town), town.rehearsal.engine
    message = town.system(Scope.SEND).send().json()
    [delivery_id] = rows_of(town, message["campaign_id"])
    stand_as(town, delivery_id, Status.SENDING)
    campaigning.cancel(engine, message["campaign_id"], "chief")
    assert told(town, webhook_id) == []
    stand_as(town, delivery_id, Status.PENDING)
    town.rehearsal.run(HOUR)
    assert [event["message"] for event in told(town, webhook_id)] == [message["id"]]


def test_a_message_in_doubt_is_over_when_its_campaign_is(town: Town) -> None:
    """Of many an attempt nobody will ever know more; who asks is not left waiting for ever."""
    town.store(scenario_text("sms"))
    webhook_id, system = hook(town), town.system(Scope.SEND)
    message = system.send().json()
    [delivery_id] = rows_of(town, message["campaign_id"])
    stand_as(town, delivery_id, Status.UNCERTAIN)
    town.rehearsal.run(2 * DAY)
    assert system.get(f"/messages/{message['id']}").json()["state"] == "in_progress"
    assert told(town, webhook_id) == []
    town.rehearsal.run(14 * DAY)
    with town.rehearsal.ledger.read() as tx:
        assert campaigns.get(tx, message["campaign_id"]).closed_at is not None
    [event] = told(town, webhook_id)
    assert (event["state"], event["channels"][0]["status"]) == ("not_reached", "uncertain")
    assert system.get(f"/messages/{message['id']}").json()["state"] == "not_reached"


def test_what_was_written_for_a_webhook_while_it_ended_is_given_up(town: Town) -> None:
    webhook_id, engine = hook(town), town.rehearsal.engine
    keeping.end(engine, webhook_id, "tests")
    now = engine.clock.now()
    with engine.ledger.write() as tx:
        webhooks.tell_one(tx, webhook_id, Event.MESSAGE_FINISHED, {"message": "msg_1"}, now)
    with ThreadPoolExecutor(1) as pool:
        assert Postman(engine).turn(pool) == 0
    with engine.ledger.read() as tx:
        [post] = webhook_posts.latest(tx, webhook_id, 10)
    assert (post.due_at, post.heard_at, post.tries) == (None, None, 0)


def test_two_posts_that_hear_410_at_once_do_not_wait_crosswise(postgres_town: Town) -> None:
    """Each has its own post in hand, and ends all of them."""
    town, engine = postgres_town, postgres_town.rehearsal.engine
    webhook_id, now = hook(town), engine.clock.now()
    facts = [{"message": f"msg_{n}"} for n in range(8)]
    with engine.ledger.write() as tx:
        webhooks.tell(tx, Event.MESSAGE_FINISHED, facts, now)
        webhook = webhooks.get(tx, webhook_id, now)
        lease_until = now + timedelta(minutes=1)
        posts = webhook_posts.claim(tx, webhook_id, "tests", now, lease_until, len(facts))
    postman, together = Postman(engine), threading.Barrier(len(posts))

    def hear(post: webhook_posts.Post) -> None:
        together.wait(20)
        with engine.ledger.write() as tx:  # once: a deadlock would be an error here
            postman._finish(webhook, post, "tests", 410, "410", tx)

    with ThreadPoolExecutor(len(posts)) as pool:
        list(pool.map(hear, posts))
    with engine.ledger.read() as tx:
        assert webhooks.get(tx, webhook_id, now).ended_at is not None
