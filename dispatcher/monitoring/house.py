"""The figures of the whole house, for Prometheus: read from the ledger when somebody asks, and not
oftener than it bears.

Every process that tells them tells the same; ask for `max()`, never for `sum()`.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.engine import Engine
from dispatcher.ledger import LedgerFault, gauges
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.gauges import Gauges
from dispatcher.queue import QueueAway, depths

log = structlog.get_logger()

GOOD_FOR_SECONDS = 10.0
# At most one part in fifty of the database's time goes into figures; unless they take long.
PAUSE_RATIO = 50
LONGEST_PAUSE_SECONDS = 90.0
# So long a look of Prometheus waits for them; it has ten seconds by default.
WAIT_SECONDS = 4.0
# Older figures are none: better a gap in the picture than a line that stands still.
TOO_OLD_SECONDS = 120.0
ROLES = ("up", "loop", "worker", "receipts", "mailrobot", "web")

_IN_FLIGHT = (Status.QUEUED, Status.SENDING, Status.AWAITING)


@dataclass(frozen=True, slots=True)
class _Read:
    gauges: Gauges
    depths: Mapping[str, int] | None  # None: Redis does not answer
    at: float
    seconds: float


class HouseFigures(Collector):
    """One reader at a time, in a thread of its own: a ledger that hangs holds up no look."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self._next_at = 0.0
        self._last: _Read | None = None

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # not asked of the ledger only to learn the names

    def collect(self) -> Iterator[GaugeMetricFamily]:
        read = self._fresh()
        yield _gauge("ledger_up", "Whether the ledger told its figures.", read is not None)
        if read is None:
            return
        yield _gauge("ledger_read_seconds", "How long the ledger took for them.", read.seconds)
        age = time.monotonic() - read.at
        yield _gauge("ledger_figures_age_seconds", "How old the figures are.", age)
        yield from self._deliveries(read.gauges)
        yield from self._providers(read.gauges)
        yield from _campaigns(read.gauges)
        yield from self._letters(read.gauges)
        yield from self._asked_for(read.gauges)
        yield from _processes(read.gauges)
        if self._engine.settings.redis_url is not None:
            yield _gauge("redis_up", "Whether Redis answers.", read.depths is not None)
        if read.depths is not None:
            family = _family("queue_batches", "Batches that wait in a queue.", "queue")
            for queue, depth in read.depths.items():
                family.add_metric([queue], depth)
            yield family

    def _fresh(self) -> _Read | None:
        with self._lock:
            if self._reading is None and time.monotonic() >= self._next_at:
                self._reading = threading.Thread(target=self._read, name="figures", daemon=True)
                self._reading.start()
            reading = self._reading
        if reading is not None:
            reading.join(WAIT_SECONDS)
        with self._lock:
            last = self._last
        return last if last and time.monotonic() - last.at < TOO_OLD_SECONDS else None

    def _read(self) -> None:
        began = time.monotonic()
        read = None
        try:
            with self._engine.ledger.read() as tx:
                found = gauges.read(tx, self._engine.clock.now())
            seconds = time.monotonic() - began
            read = _Read(found, self._depths(), began, seconds)
        except LedgerFault as error:
            log.error("ledger.away", kind=type(error).__name__)
        except Exception:
            log.exception("figures.broken")
        finally:
            took = time.monotonic() - began
            with self._lock:
                self._last = read
                pause = min(max(GOOD_FOR_SECONDS, PAUSE_RATIO * took), LONGEST_PAUSE_SECONDS)
                self._next_at = began + pause
                self._reading = None

    def _depths(self) -> Mapping[str, int] | None:
        url = self._engine.settings.redis_url
        try:
            return depths(url.get_secret_value()) if url is not None else None
        except QueueAway:
            return None

    def _deliveries(self, found: Gauges) -> Iterator[GaugeMetricFamily]:
        now = self._engine.clock.now()
        due = _family("due_deliveries", "Deliveries that could go out now.", "channel")
        oldest = _family("due_oldest_seconds", "For how long the first of them could.", "channel")
        flying = _family("deliveries_in_flight", "Deliveries at work.", "channel", "status")
        doubt = _family("uncertain_deliveries", "Nobody knows if they went.", "channel", "left_to")
        for channel in ChannelName:
            one = found.due.get(channel)
            due.add_metric([channel], one.count if one else 0)
            age = max((now - one.oldest_at).total_seconds(), 0) if one else 0
            oldest.add_metric([channel], age)
            for status in _IN_FLIGHT:
                flying.add_metric([channel, status], found.in_flight.get((channel, status), 0))
            for left_to, is_left in (("provider", False), ("staff", True)):
                doubt.add_metric([channel, left_to], found.uncertain.get((channel, is_left), 0))
        yield from (due, oldest, flying, doubt)

    def _providers(self, found: Gauges) -> Iterator[GaugeMetricFamily]:
        open_ = _family("circuit_open", "1: the provider is left alone.", "channel", "provider")
        away = {circuit.key for circuit in found.circuits}
        known = {
            (channel, name)
            for channel, ways in self._engine.channels.items()
            for name in ways.names
        }
        for channel, provider in sorted(known | away):
            open_.add_metric([channel, provider], (channel, provider) in away)
        yield open_

    def _letters(self, found: Gauges) -> Iterator[GaugeMetricFamily]:
        now = self._engine.clock.now()

        def age(at: object) -> float:
            return max((now - at).total_seconds(), 0) if at is not None else 0  # type: ignore[operator]

        boxes = [box for box in found.mailboxes if box.looked_at is not None or box.trouble]
        troubled = sum(bool(box.trouble) for box in boxes)
        looks = max((age(box.looked_at) for box in boxes), default=0)
        oldest = max((age(box.oldest_at) for box in boxes), default=0)
        waiting = sum(box.waiting for box in boxes)
        yield _gauge("mailboxes_in_trouble", "Mailboxes that let nobody in.", troubled)
        yield _gauge("mailbox_look_seconds", "Since the mailbox least looked into.", looks)
        yield _gauge("mailbox_letters_waiting", "Letters not in the ledger yet.", waiting)
        yield _gauge("mailbox_oldest_letter_seconds", "Age of the oldest of them.", oldest)
        yield _gauge("answers_owed", "Answers to letters not sent yet.", found.answers.waiting)
        owed = age(found.answers.oldest_asked_at)
        yield _gauge("answer_owed_oldest_seconds", "Since the oldest letter came.", owed)
        yield _gauge("letters_given_up", "In a day, no mail server took them.", found.given_up)

    def _asked_for(self, found: Gauges) -> Iterator[GaugeMetricFamily]:
        """What the web role is for, besides its pages."""
        oldest_at, told = found.jobs.oldest_at, found.webhooks
        age = (self._engine.clock.now() - oldest_at).total_seconds() if oldest_at else 0
        failing = sum(bool(one.failing) for one in told)
        yield _gauge("jobs_waiting", "Asked for by staff, begun by nobody.", found.jobs.count)
        yield _gauge("job_oldest_seconds", "Since the first of them was asked for.", max(age, 0))
        waiting = sum(one.waiting for one in told)
        yield _gauge("events_waiting", "Not heard yet by the systems that are told.", waiting)
        yield _gauge("webhooks_failing", "Webhooks that did not hear an event.", failing)


def _campaigns(found: Gauges) -> Iterator[GaugeMetricFamily]:
    family = _family("campaigns", "Campaigns by status.", "status")
    for status in CampaignStatus:
        family.add_metric([status], found.campaigns.get(status, 0))
    yield family
    stopped = found.paused_by_themselves
    yield _gauge("campaigns_paused_by_themselves", "Too much failed in them.", stopped)
    held = found.paused_by_restore
    yield _gauge("campaigns_paused_by_restore", "They wait until somebody resumes them.", held)


def _processes(found: Gauges) -> Iterator[GaugeMetricFamily]:
    alive = _family("processes", "Processes that give signs of life.", "role")
    missing = _family("processes_missing", "Those that ended without a word.", "role")
    seen = _family("role_seen_seconds", "Since the last sign of life of any of them.", "role")
    for role in ROLES:
        here = [one for one in found.processes if one.process.role == role]
        alive.add_metric([role], sum(one.is_alive for one in here))
        missing.add_metric([role], sum(not one.is_alive for one in here))
        if here:
            seen.add_metric([role], min(one.silent_for.total_seconds() for one in here))
    yield from (alive, missing, seen)
    yield _gauge(
        "clock_ahead_seconds", "This host's clock before the database's.", found.clock_ahead_seconds
    )


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dispatcher_{name}", told, value=float(value))


def _family(name: str, told: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dispatcher_{name}", told, labels=labels)
