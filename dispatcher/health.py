"""What answers of providers lead to: a circuit opens, is tried, closes again, for every process.

Each process sees its own answers (`Watch`); what follows from them stands in the ledger, where
judging reads it once per batch. Whoever is left alone is told staff by the log, the trail,
`dispatcher provider list` and the campaigns that wait for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from channels import health
from channels.base import Handover
from channels.health import Trouble, pause_after
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, circuits, trail
from dispatcher.ledger.circuits import Circuit, Key
from dispatcher.settings import Settings

log = structlog.get_logger()

ACTOR = "health"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be written down about a provider. `probe`: it came of a trial of this circuit.
    `trouble` None: the trial succeeded."""

    key: Key
    trouble: Trouble | None
    at: datetime
    probe: Circuit | None = None


def probe_time(settings: Settings) -> timedelta:
    """How long the answer to a trial is waited for before another message may try."""
    return timedelta(seconds=2 * settings.provider_timeout_seconds)


def note(
    engine: Engine,
    key: Key,
    handover: Handover,
    at: datetime,
    seconds: float,
    probe: Circuit | None,
) -> Event | None:
    """Take one answer in; the event that has to be written down, if any. Quick, without I/O."""
    answer = health.answer_of(handover, at, seconds)
    slow_seconds = health.SLOW_SHARE * engine.settings.provider_timeout_seconds
    if probe is None:
        trouble = engine.watch.note(key, answer, slow_seconds)
        return Event(key, trouble, at) if trouble is not None else None
    if not health.is_proof(answer):
        return None  # the trial ends by its time, and another message tries
    trouble = health.trouble_of_probe(answer, slow_seconds)
    if trouble is None:
        engine.watch.forget(key)
    return Event(key, trouble, at, probe)


def write(tx: Transaction, event: Event) -> Circuit | None:
    """Write an event down; the circuit as it stands then, None when nothing changed by it."""
    if event.probe is not None:
        return _after_probe(tx, event, event.probe)
    if event.trouble is None:
        return None
    retry_at = event.at + pause_after(event.trouble, 1)
    if not circuits.open_(tx, event.key, event.trouble, event.at, retry_at):
        return None
    opened = Circuit(*event.key, event.at, retry_at, 1, event.trouble)
    _leave_trail(tx, opened, event.at)
    return opened


def _after_probe(tx: Transaction, event: Event, probe: Circuit) -> Circuit | None:
    if event.trouble is None:
        if not circuits.close(tx, probe.key, probe.retry_at):
            return None
        trail.note(tx, event.at, ACTOR, "provider.back", probe.subject)
        return probe
    openings = probe.openings + 1
    retry_at = event.at + pause_after(event.trouble, openings)
    if not circuits.reopen(tx, probe, event.trouble, retry_at):
        return None
    again = Circuit(*probe.key, probe.opened_at, retry_at, openings, event.trouble)
    _leave_trail(tx, again, event.at)
    return again


def _leave_trail(tx: Transaction, circuit: Circuit, now: datetime) -> None:
    trail.note(
        tx,
        now,
        ACTOR,
        "provider.away",
        circuit.subject,
        reason=circuit.reason,
        retry_at=circuit.retry_at.isoformat(),
        openings=circuit.openings,
    )


def tell(engine: Engine, event: Event) -> None:
    """Write an event down for every process, and tell staff by the log."""
    changed = engine.ledger.insist(lambda tx: write(tx, event))
    if changed is None:
        return
    if event.trouble is None:
        log.info("provider.back", channel=changed.channel.value, provider=changed.provider)
        return
    log.warning(
        "provider.away",
        channel=changed.channel.value,
        provider=changed.provider,
        reason=changed.reason,
        retry_at=changed.retry_at.isoformat(),
        openings=changed.openings,
    )


def close_by_hand(tx: Transaction, key: Key, actor: str, now: datetime) -> bool:
    """Staff say that a provider is to be used again at once; False when it was."""
    closed = circuits.close(tx, key)
    if closed:
        trail.note(tx, now, actor, "provider.retry", circuits.subject_of(key))
    return closed
