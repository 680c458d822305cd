"""What this process counts of its own work, for Prometheus; docs/monitoring.md tells what each
figure means.

Labels are words of closed sets: channels, providers, outcomes, reasons. Never a contact point, a
name, a text of somebody else, or a number that grows. What is counted takes time as well, and is
traced where tracing is on.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from channels.base import Handover
from dispatcher import tracing
from dispatcher.own_process import OwnProcess
from dispatcher.own_reasons import OwnReason

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry(auto_describe=True)
REGISTRY.register(OwnProcess())

# Providers answer within a second or are given up after DISPATCHER_PROVIDER_TIMEOUT_SECONDS.
_ANSWER_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120)
# The standard allows a minute: how many were within it must be told exactly.
_MINUTE_BUCKETS = (1, 2.5, 5, 10, 20, 30, 40, 50, 60, 90, 120, 300, 600, 3600)
_WORK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

_ROLE = Gauge(
    "dispatcher_role_info",
    "What this process is; always 1.",
    ("role", "version"),
    registry=REGISTRY,
)
_ATTEMPTS = Counter(
    "dispatcher_attempts_ended",
    "Outcomes of attempts that this process wrote down; one corrected by a later receipt counts "
    "once more.",
    ("channel", "provider", "outcome", "positive"),
    registry=REGISTRY,
)
_HANDOVER_SECONDS = Histogram(
    "dispatcher_handover_seconds",
    "How long a provider took to say what it does with one message.",
    ("channel", "provider", "kind"),
    buckets=_ANSWER_BUCKETS,
    registry=REGISTRY,
)
_POSTPONED = Counter(
    "dispatcher_postponed",
    "Messages of which certainly nothing was sent and which are due again later, by reason.",
    ("channel", "provider", "reason"),
    registry=REGISTRY,
)
_BATCH_SECONDS = Histogram(
    "dispatcher_batch_seconds",
    "How long a worker was busy with one batch.",
    ("channel",),
    buckets=_WORK_BUCKETS,
    registry=REGISTRY,
)
_RECEIPTS = Counter(
    "dispatcher_receipts",
    "Receipts of providers that this process took, by what they did.",
    ("channel", "provider", "effect"),
    registry=REGISTRY,
)
_LETTERS = Counter(
    "dispatcher_letters",
    "Letters that came in, by what was decided.",
    ("verdict", "reason"),
    registry=REGISTRY,
)
_ANSWER_SECONDS = Histogram(
    "dispatcher_letter_answer_seconds",
    "From the arrival of a letter until its answer was taken by the mail server.",
    buckets=_MINUTE_BUCKETS,
    registry=REGISTRY,
)
_TICK_SECONDS = Histogram(
    "dispatcher_loop_tick_seconds",
    "How long one turn of the loop took.",
    buckets=_WORK_BUCKETS,
    registry=REGISTRY,
)
_CLAIMED = Counter(
    "dispatcher_claimed", "Deliveries that this loop claimed and enqueued.", registry=REGISTRY
)
_BROKEN_TICKS = Counter(
    "dispatcher_loop_ticks_broken",
    "Turns of the loop that ended early: the ledger was away, or a bug.",
    ("why",),
    registry=REGISTRY,
)
_LEDGER_RETRIES = Counter(
    "dispatcher_ledger_retries",
    "Transactions that were tried again because the ledger was away or locked.",
    registry=REGISTRY,
)
_UNBEATEN = Counter(
    "dispatcher_beats_unwritten",
    "Signs of life that could not be written into the ledger.",
    registry=REGISTRY,
)

_PAGE_SECONDS = Histogram(
    "dispatcher_page_seconds",
    "Until an answer began: to staff, and to other systems.",
    ("door", "status"),
    buckets=_WORK_BUCKETS,
    registry=REGISTRY,
)
_WEBHOOK_TRIES = Counter(
    "dispatcher_webhook_tries",
    "Events told to other systems, by what they said.",
    ("answer",),
    registry=REGISTRY,
)

_OWN_REASONS: Mapping[str, str] = {one.value: one.name.lower() for one in OwnReason}


def role_is(role: str, version: str) -> None:
    """What this process is."""
    _ROLE.clear()
    _ROLE.labels(role, version).set(1)


def attempts_ended(lines: Iterable[Mapping[str, object]]) -> None:
    """Outcomes that were written down, each as its canonical line has it."""
    for line in lines:
        positive = "true" if line["positive"] else "false"
        _ATTEMPTS.labels(line["channel"], line["provider"], line["outcome"], positive).inc()


def handed_over(channel: str, provider: str, handover: Handover, seconds: float) -> None:
    """A provider has said what it does with a message, after so long."""
    _HANDOVER_SECONDS.labels(channel, provider, handover.kind.value).observe(seconds)
    tracing.note("hand-over", seconds, channel=channel, provider=provider, kind=handover.kind.value)


def postponed(channel: str, provider: str, handover: Handover, *, asked: bool) -> None:
    """Nothing was sent. `asked` is false where we held the message back ourselves."""
    _POSTPONED.labels(channel, provider, postponed_for(handover, asked=asked)).inc()


def postponed_for(handover: Handover, *, asked: bool) -> str:
    """The class of reasons that a postponement belongs to: its own words are anybody's."""
    if not asked:
        return _OWN_REASONS.get(handover.detail, "other")
    if handover.about_recipient:
        return "recipient"
    return handover.cause.value if handover.cause is not None else "other"


@contextmanager
def batch(channel: str, deliveries: int) -> Iterator[None]:
    """A worker is busy with one batch."""
    with (
        _BATCH_SECONDS.labels(channel).time(),
        tracing.span("batch", channel=channel, deliveries=deliveries),
    ):
        yield


@dataclass(slots=True)
class Taken:
    """What a receipt did; empty as long as it did nothing."""

    effect: str = ""


@contextmanager
def receipt(channel: str, provider: str) -> Iterator[Taken]:
    """A receipt is being taken; one that could not be is not counted, and comes again."""
    taken = Taken()
    with tracing.span("receipt", channel=channel, provider=provider):
        yield taken
    _RECEIPTS.labels(channel, provider, taken.effect).inc()


def letter_came(verdict: str, reason: str) -> None:
    _LETTERS.labels(verdict, reason).inc()


def letter_answered(seconds: float) -> None:
    """The answer to a customer has left, so long after the letter had arrived."""
    _ANSWER_SECONDS.observe(max(seconds, 0.0))


@dataclass(slots=True)
class Turned:
    """What a turn of the loop did."""

    claimed: int = 0


@contextmanager
def tick() -> Iterator[Turned]:
    """The loop turns once."""
    turned = Turned()
    with _TICK_SECONDS.time(), tracing.span("tick"):
        yield turned
    _CLAIMED.inc(turned.claimed)


def page_answered(door: str, status: int, seconds: float) -> None:
    """An answer to `staff` or to another system (`api`) has begun, so long after it was asked."""
    _PAGE_SECONDS.labels(door, f"{status // 100}xx").observe(seconds)


def webhook_told(status: int) -> None:
    """Another system was told of an event. `status`: what it answered, 0 for nothing."""
    answer = "heard" if 200 <= status < 300 else "refused" if status else "none"
    _WEBHOOK_TRIES.labels(answer).inc()


def tick_broken(why: str) -> None:
    """The loop could not finish a turn: `ledger_away` or `bug`."""
    _BROKEN_TICKS.labels(why).inc()


def ledger_retried() -> None:
    _LEDGER_RETRIES.inc()


def beat_unwritten() -> None:
    _UNBEATEN.inc()
