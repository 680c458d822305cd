"""Over a real Redis or Valkey: flushed, doubled, gone for a while."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from dramatiq import Worker
from pydantic import SecretStr
from structlog.testing import capture_logs

from campaigns.delivery import Status
from dispatcher import worker as carrying_out
from dispatcher.queue import SEND_QUEUES
from dispatcher.wiring import Crew, make_works
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import DAY, HOUR, PHONE, SMS, Rehearsal, customer, scenario_text
from tests.ledger.servers import ValkeyByPip

PEOPLE = [customer(str(n), f"+7916000000{n}") for n in range(6)]


@pytest.fixture
def over_redis(rehearse: Rehearse, redis_server: str) -> Iterator[Rehearsal]:
    redis.Redis.from_url(redis_server).flushall()
    rehearsal = rehearse(redis_url=SecretStr(redis_server), batch_size=3)
    rehearsal.launch(PEOPLE, scenario_text("sms"))
    yield rehearsal
    redis.Redis.from_url(redis_server).flushall()


def test_batches_that_went_through_redis_are_sent_once_each(over_redis: Rehearsal) -> None:
    over_redis.run(HOUR)
    assert {row.status for row in over_redis.rows().values()} == {Status.POSITIVE}
    assert len(over_redis.taken()) == len(PEOPLE)


def test_flushing_redis_between_claim_and_work_loses_nothing(
    over_redis: Rehearsal, redis_server: str
) -> None:
    over_redis.rest()
    assert over_redis.works.loop.tick().claimed == len(PEOPLE)
    redis.Redis.from_url(redis_server).flushall()
    over_redis.wake()
    over_redis.work()
    assert not over_redis.taken()
    assert {row.status for row in over_redis.rows().values()} == {Status.QUEUED}
    over_redis.run(HOUR)  # the lease lapses, and they are claimed again
    assert {row.status for row in over_redis.rows().values()} == {Status.POSITIVE}
    assert len(over_redis.taken()) == len(PEOPLE)


def test_the_same_message_delivered_twice_sends_once(over_redis: Rehearsal) -> None:
    broker = over_redis.works.queue.broker
    over_redis.rest()
    over_redis.works.loop.tick()
    sender = over_redis.works.queue.senders[SEND_QUEUES[SMS]]
    rows = over_redis.rows()
    claim = next(iter(rows.values())).claim or ""
    sender.send("sms", [row.id for row in rows.values()], claim)  # all of them once more
    over_redis.worker = Crew([Worker(broker, worker_threads=4, worker_timeout=50)])
    over_redis.worker.start()
    over_redis.work()
    assert len(over_redis.taken()) == len(PEOPLE)
    assert len(over_redis.attempts()) == len(PEOPLE)


def test_an_old_message_under_a_lapsed_claim_sends_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.launch(PEOPLE, scenario_text("sms"))
    ids = [row.id for row in rehearsal.rows().values()]
    assert carrying_out.send_batch(rehearsal.engine, SMS, ids, "an old claim") == 0
    rehearsal.run(HOUR)
    assert carrying_out.send_batch(rehearsal.engine, SMS, ids, "an old claim") == 0
    assert len(rehearsal.taken()) == len(PEOPLE)


def test_a_campaign_goes_on_when_redis_is_back(tmp_path: Path, rehearse: Rehearse) -> None:
    server = ValkeyByPip()
    server.start()
    rehearsal = rehearse(redis_url=SecretStr(server.url), batch_size=3)
    rehearsal.launch(PEOPLE, scenario_text("sms"))
    rehearsal.worker.stop()
    server.stop()
    with capture_logs() as logs:
        rehearsal.works.loop.tick()
    away = [line for line in logs if line["event"] == "queue.away"]
    assert sum(line["deliveries"] for line in away) == len(PEOPLE)
    assert {row.status for row in rehearsal.rows().values()} == {Status.PENDING}
    server.start()
    try:
        rehearsal.works = make_works(rehearsal.engine)
        rehearsal.worker = rehearsal.works.crew()
        rehearsal.worker.start()
        rehearsal.run(DAY)
        assert {row.status for row in rehearsal.rows().values()} == {Status.POSITIVE}
        assert len(rehearsal.taken()) == len(PEOPLE)
        rehearsal.worker.stop()
    finally:
        rehearsal.works.queue.broker.close()
        server.stop()


def test_no_more_is_claimed_than_may_be_in_flight(rehearse: Rehearse) -> None:
    rehearsal = rehearse(max_in_flight=4)
    rehearsal.launch(PEOPLE, scenario_text("phone"))
    rehearsal.rest()
    assert rehearsal.works.loop.tick().claimed == 4
    assert rehearsal.works.loop.tick().claimed == 0
    rehearsal.wake()
    rehearsal.run(HOUR)
    assert len(rehearsal.taken(PHONE)) == len(PEOPLE)
