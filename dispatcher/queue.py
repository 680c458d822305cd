"""The queue: a hint that there is work, never the truth about it.

dramatiq carries batches of delivery ids; a message that is lost, doubled or late does no harm,
because the ledger's rows say what is to be done. Broker retries are off: retry belongs to the
ledger. Over Redis beyond one machine, in the process itself on the embedded default; the same
actors for both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dramatiq
from dramatiq.brokers.stub import StubBroker
from redis.exceptions import RedisError

from campaigns.channel import ChannelName
from templates.i18n import _

URGENT = "urgent"
SEND_QUEUES = {channel: f"send-{channel}" for channel in ChannelName}
SETTLE = "settle"
ANSWER = "answer"
NAMESPACE = "dispatcher"
QUEUES = (URGENT, *SEND_QUEUES.values(), SETTLE, ANSWER)

SendBatch = Callable[[str, list[int], str], None]
SettleBatch = Callable[[str, list[int]], None]
AnswerBatch = Callable[[list[int]], None]


class QueueAway(Exception):
    """The broker did not take a batch; the deliveries are still in the ledger."""


def depths(redis_url: str) -> Mapping[str, int]:
    """How many batches lie in each queue and are in nobody's hands yet. Raises QueueAway."""
    from redis import Redis

    try:
        with Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=5) as redis:
            asked = redis.pipeline(transaction=False)
            for name in QUEUES:
                asked.llen(f"{NAMESPACE}:{name}")
            return dict(zip(QUEUES, asked.execute(), strict=True))
    except (RedisError, OSError, ValueError) as error:
        raise QueueAway(type(error).__name__) from error


class _ThreadEnds(dramatiq.Middleware):
    """Tells of the end of a worker's thread, in that thread."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told

    def before_worker_thread_shutdown(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002
        thread: object,  # noqa: ARG002
    ) -> None:
        self._told()


def make_broker(
    redis_url: str | None, thread_ends: Callable[[], None] = lambda: None
) -> dramatiq.Broker:
    """A broker without any retries of its own; `thread_ends` is called by each worker thread last.

    Over Redis, messages of a dead worker come back within seconds (`maintenance_chance`), and
    blocking reads have no time-out of their own.
    """
    middleware: list[dramatiq.Middleware] = [_ThreadEnds(thread_ends)]
    if redis_url is None:
        broker: dramatiq.Broker = StubBroker(middleware=middleware)
        broker.emit_after("process_boot")
    else:
        from dramatiq.brokers.redis import RedisBroker

        broker = RedisBroker(  # type: ignore[no-untyped-call]
            url=redis_url,
            middleware=middleware,
            namespace=NAMESPACE,
            maintenance_chance=1_000_000,
            heartbeat_timeout=30_000,
            socket_timeout=None,
        )
    return broker


def ping(redis_url: str) -> None:
    """Whether Redis answers. Raises QueueAway."""
    from redis import Redis

    try:
        Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=5).ping()
    except (RedisError, OSError, ValueError) as error:
        raise QueueAway(type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class Queue:
    """The loop's side: batches go out by channel; urgent ones, and answers to customers, by queues
    of their own."""

    broker: dramatiq.Broker
    senders: Mapping[str, "dramatiq.Actor[[str, list[int], str], None]"]
    settler: "dramatiq.Actor[[str, list[int]], None]"
    answerer: "dramatiq.Actor[[list[int]], None]"

    def send(
        self, channel: ChannelName, delivery_ids: Sequence[int], claim: str, *, urgent: bool
    ) -> None:
        """Ask for a batch to be sent. Raises QueueAway."""
        name = URGENT if urgent else SEND_QUEUES[channel]
        try:
            self.senders[name].send(channel.value, list(delivery_ids), claim)
        except (RedisError, OSError) as error:
            raise QueueAway(_("The queue does not answer.")) from error

    def settle(self, channel: ChannelName, delivery_ids: Sequence[int]) -> None:
        """Ask for providers to be asked what became of messages. Raises QueueAway."""
        try:
            self.settler.send(channel.value, list(delivery_ids))
        except (RedisError, OSError) as error:
            raise QueueAway(_("The queue does not answer.")) from error

    def answer(self, inquiry_ids: Sequence[int]) -> None:
        """Ask for answers to customers to be sent: behind no bulk, and before no emergency. Raises
        QueueAway."""
        try:
            self.answerer.send(list(inquiry_ids))
        except (RedisError, OSError) as error:
            raise QueueAway(_("The queue does not answer.")) from error


def declare(
    broker: dramatiq.Broker,
    send_batch: SendBatch,
    settle_batch: SettleBatch,
    answer_batch: AnswerBatch,
) -> Queue:
    """Make the actors. What they do is given, so that this module knows nothing of it."""
    senders = {
        name: dramatiq.actor(broker=broker, queue_name=name, actor_name=f"send_batch.{name}")(
            send_batch
        )
        for name in (URGENT, *SEND_QUEUES.values())
    }
    settler = dramatiq.actor(broker=broker, queue_name=SETTLE, actor_name="settle_batch")(
        settle_batch
    )
    answerer = dramatiq.actor(broker=broker, queue_name=ANSWER, actor_name="answer_batch")(
        answer_batch
    )
    return Queue(broker, senders, settler, answerer)
