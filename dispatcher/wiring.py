"""Putting the parts together: which database, which broker, which providers, which clock."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import structlog
from dramatiq import Worker

from campaigns.channel import ChannelName
from campaigns.desk import Desks
from campaigns.desk_file import read_desks
from campaigns.inquiry.rules import InquiryRules
from campaigns.inquiry.rules_file import read_rules
from dispatcher import replies, settling, worker
from dispatcher.clock import Clock, SharedClock, SystemClock
from dispatcher.dispatch import Loop
from dispatcher.endpoint import Endpoint
from dispatcher.engine import Engine
from dispatcher.errors import BadSetting
from dispatcher.event_loops import EventLoops
from dispatcher.ledger import Ledger, open_ledger
from dispatcher.ledger.server_clock import ask_time
from dispatcher.pacing import LocalGate, Pacer, rate_below
from dispatcher.providers import make_channels
from dispatcher.queue import ANSWER, QUEUES, URGENT, Queue, declare, make_broker
from dispatcher.settings import PREFIX, Settings
from dispatcher.shared_pace import SharedGate, connect
from dispatcher.stop import Stop
from dispatcher.turns import Turns
from templates.i18n import _

log = structlog.get_logger()


def make_engine(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ledger: Ledger | None = None,
    receipts_url: str | None = None,
) -> Engine:
    """Everything that a process needs, but the queue.

    Raises BadSetting, and Refused for a file of desks or of rules that cannot be used.
    """
    channels = make_channels(settings)
    desks, pacers = make_desks(settings), make_pacers(settings)
    ledger = ledger or open_ledger(settings.ledger_url)
    return Engine(
        settings=settings,
        ledger=ledger,
        clock=clock or make_clock(ledger),
        channels=channels,
        receipts_url=receipts_url or receipts_url_of(settings),
        secret=settings.signing_secret(),
        desks=desks,
        inquiry_rules=make_inquiry_rules(settings),
        pacers=pacers,
    )


def make_clock(ledger: Ledger) -> Clock:
    """The machine's own where the ledger lives on it, else that of the ledger's server."""
    if ledger.is_sqlite:
        return SystemClock()
    return SharedClock(lambda: ask_time(ledger))


def make_desks(settings: Settings) -> Desks:
    """The branches' lines and operators. Raises Refused with everything that is wrong."""
    return read_desks(settings.desks_file) if settings.desks_file else Desks()


def make_inquiry_rules(settings: Settings) -> InquiryRules:
    """What inquiries are about, who answers them and by when. Raises Refused with everything that
    is wrong in the staff's file."""
    return read_rules(settings.inquiries_file)


def make_pacers(settings: Settings) -> Mapping[tuple[ChannelName, str], Pacer]:
    """Who keeps the pace toward each provider account with a limit.

    Raises BadSetting for a limit that nothing would obey; the names are checked with the providers.
    """
    redis = connect(settings.redis_url.get_secret_value()) if settings.redis_url else None
    pacers: dict[tuple[ChannelName, str], Pacer] = {}
    for account, limit in settings.limits.items():
        word, _dot, provider = account.partition(".")
        channel = ChannelName(word)
        if limit.at_once is not None and channel is not ChannelName.PHONE:
            raise BadSetting(
                f"{PREFIX}LIMITS",
                _("{account}: at_once counts calls; here only per_second has a meaning.").format(
                    account=account[:80]
                ),
            )
        if limit.per_second is not None:
            rate = rate_below(limit.per_second)
            gate = SharedGate(redis, account, rate) if redis is not None else LocalGate(rate)
            pacers[channel, provider] = Turns(gate, rate, account)
    return pacers


def receipts_url_of(settings: Settings) -> str:
    """The address that providers are told to report to."""
    own = f"http://{settings.receipts_host}:{settings.receipts_port}"
    return (settings.receipts_url or own).rstrip("/")


@dataclass(frozen=True, slots=True)
class Works:
    """The moving parts of one process."""

    engine: Engine
    queue: Queue
    loop: Loop

    def crew(self, queues: Sequence[str] = QUEUES) -> "Crew":
        """Workers for these queues in this process; not started yet.

        Urgent messages have a thread of their own, which nothing else can hold, and so have
        answers to customers: neither stands behind bulk, nor the one behind the other.
        """
        # dramatiq warns of the second worker on one broker; it is meant so.
        self.queue.broker.logger.addFilter(_is_no_surprise)
        threads = self.engine.settings.worker_threads
        kinds = (
            *(({own} & {*queues}, 1) for own in (URGENT, ANSWER)),
            ({*queues} - {URGENT, ANSWER}, threads),
        )
        return Crew(
            [
                Worker(self.queue.broker, queues=names, worker_threads=count, worker_timeout=100)
                for names, count in kinds
                if names
            ],
            self.engine.stopping,
        )


def _is_no_surprise(record: logging.LogRecord) -> bool:
    return "same type twice" not in str(record.msg)


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of one process, as one. `stopping` tells their batches to end."""

    workers: Sequence[Worker]
    stopping: Stop = field(default_factory=Stop)

    def start(self) -> None:
        for one in self.workers:
            one.start()

    @property
    def is_at_work(self) -> bool:
        """Whether every thread of them lives."""
        return all(thread.is_alive() for one in self.workers for thread in one.workers)

    def join(self) -> None:
        """Wait until nobody has anything to do."""
        for one in self.workers:
            one.join()

    def stop(self) -> None:
        """All at once: what is under way ends, the rest of each batch is given back."""
        self.stopping.set()
        with ThreadPoolExecutor(max(len(self.workers), 1)) as hands:
            for done in [hands.submit(one.stop) for one in self.workers]:
                done.result()
        self.stopping.clear()


def make_works(engine: Engine) -> Works:
    """Broker, actors and loop over an engine."""
    redis_url = engine.settings.redis_url
    letters = engine.channels.get(ChannelName.EMAIL)
    loops = EventLoops(letters.by_name.values() if letters else ())
    broker = make_broker(redis_url.get_secret_value() if redis_url else None, loops.close)

    def send_batch(channel: str, delivery_ids: list[int], claim: str) -> None:
        worker.send_batch(engine, ChannelName(channel), delivery_ids, claim, loops.run)

    def settle_batch(channel: str, delivery_ids: list[int]) -> None:
        settling.settle_batch(engine, ChannelName(channel), delivery_ids)

    def answer_batch(inquiry_ids: list[int]) -> None:
        replies.send_batch(engine, inquiry_ids)

    queue = declare(broker, send_batch, settle_batch, answer_batch)
    return Works(engine, queue, Loop(engine, queue))


@contextmanager
def serving(engine: Engine, endpoint: Endpoint) -> Iterator[None]:
    """Answer providers' callbacks for the length of a `with` block."""
    with ExitStack() as stack:
        stack.enter_context(endpoint)
        endpoint.start(engine)
        yield
