"""Which roles are at work, and which are missed."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.doctor.facts import Facts, LedgerFacts
from dispatcher.doctor.finding import Finding, Severity, numbers, span
from dispatcher.ledger.processes import Seen
from dispatcher.queue import SEND_QUEUES, URGENT
from dispatcher.report import words
from templates.i18n import _

ALL_IN_ONE = "up"
# More than these only fill the screen.
MOST_MISSED = 5

_WAIT_FOR_RECEIPTS = tuple(
    (channel, status)
    for channel in (ChannelName.PHONE, ChannelName.SMS)
    for status in (Status.SENDING, Status.AWAITING)
)


def is_served(queue: str, alive: Sequence[Seen]) -> bool:
    return any(queue in one.process.queues for one in alive)


def of_roles(facts: Facts, ledger: LedgerFacts) -> Iterator[Finding]:
    """Work for which nobody is there."""
    alive = [one for one in ledger.processes if one.is_alive]
    roles = {one.process.role for one in alive}
    if ledger.under_way and not roles & {ALL_IN_ONE, "loop", "worker"}:
        yield Finding(
            "nobody_works",
            Severity.SERIOUS,
            _("Campaigns are running ({campaigns}), and nobody works on them.").format(
                campaigns=numbers(ledger.under_way)
            ),
            _("Start dispatcher up; or, on several machines, dispatcher loop and worker."),
        )
    else:
        if ledger.under_way and not roles & {ALL_IN_ONE, "loop"}:
            yield Finding(
                "no_loop",
                Severity.SERIOUS,
                _("Campaigns are running ({campaigns}), and no loop hands out what is due.").format(
                    campaigns=numbers(ledger.under_way)
                ),
                _("Start one: dispatcher loop"),
            )
        yield from _workers(facts, ledger, alive)
    yield from _receipts(ledger, roles)
    if facts.takes_letters and not roles & {ALL_IN_ONE, "mailrobot"}:
        yield Finding(
            "no_mailrobot",
            Severity.SERIOUS,
            _("Mailboxes are set up, and no mail-robot looks into them."),
            _("Start one: dispatcher mailrobot. Letters stay in the mailbox until then."),
        )


def _workers(facts: Facts, ledger: LedgerFacts, alive: Sequence[Seen]) -> Iterator[Finding]:
    told: set[str] = set()
    for channel in ChannelName:
        waiting = ledger.waiting.get(channel)
        count = (waiting.count if waiting else 0) + ledger.in_flight.get(
            (channel, Status.QUEUED), 0
        )
        queue = SEND_QUEUES[channel]
        if not count or is_served(queue, alive):
            continue
        told.add(queue)
        yield Finding(
            "no_worker",
            Severity.SERIOUS,
            _("{channel}: {count} deliveries wait, and no worker serves them.").format(
                channel=words.word(words.channels, channel), count=count
            ),
            _("Start one: dispatcher worker --queue {queue}").format(queue=queue),
        )
    for queue, depth in (facts.depths or {}).items():
        if depth and queue not in told and not is_served(queue, alive):
            yield Finding(
                "queue_unserved",
                Severity.SERIOUS,
                _("Queue {queue}: {depth} batches lie there, and nobody takes them.").format(
                    queue=queue, depth=depth
                ),
                _("Start one: dispatcher worker --queue {queue}").format(queue=queue),
            )
    has_workers = any(one.process.queues for one in alive)
    if ledger.under_way and has_workers and not is_served(URGENT, alive):
        yield Finding(
            "urgent_unserved",
            Severity.WARNING,
            _("No worker serves the queue of emergencies."),
            _("Start one: dispatcher worker --queue {queue}").format(queue=URGENT),
        )


def _receipts(ledger: LedgerFacts, roles: set[str]) -> Iterator[Finding]:
    count = sum(ledger.in_flight.get(one, 0) for one in _WAIT_FOR_RECEIPTS)
    if not count or roles & {ALL_IN_ONE, "receipts"}:
        return
    yield Finding(
        "no_receipts",
        Severity.SERIOUS,
        _("{count} calls and SMS are under way, and nobody takes what providers report.").format(
            count=count
        ),
        _("Start it: dispatcher receipts. A call that is answered now hears nothing."),
    )


def of_processes(facts: Facts, ledger: LedgerFacts) -> Iterator[Finding]:
    """Those that ended without a word, and those of another version."""
    missed = sorted(
        (one for one in ledger.processes if not one.is_alive), key=lambda one: one.silent_for
    )
    for one in missed[:MOST_MISSED]:
        yield _missed(one, facts, ledger)
    if len(missed) > MOST_MISSED:
        yield Finding(
            "process_missed",
            Severity.WARNING,
            _("… and {count} more processes ended without a word within the hour.").format(
                count=len(missed) - MOST_MISSED
            ),
            _("Does something kill them? Look for lack of memory: journalctl -k"),
        )
    versions = sorted({one.process.version for one in ledger.processes if one.is_alive})
    if len(versions) > 1:
        yield Finding(
            "versions",
            Severity.WARNING,
            _("Processes of several versions work side by side: {versions}.").format(
                versions=", ".join(versions)
            ),
            _("Good for the minutes of an upgrade. Restart the old ones."),
        )


def _missed(one: Seen, facts: Facts, ledger: LedgerFacts) -> Finding:
    process = one.process
    died_at = facts.now - one.silent_for
    has_heir = any(
        other.is_alive
        and (other.process.role, other.process.host) == (process.role, process.host)
        and other.started_at >= died_at - timedelta(seconds=1)
        for other in ledger.processes
    )
    what = _("{role} on {host} (process {pid}) was last seen {span} ago and did not say goodbye.")
    if has_heir:
        advice = _("Another one was started in its place. Its log says why it ended.")
    else:
        advice = _("Was it killed, or is it cut off? Look at its log, and start it anew.")
    return Finding(
        "process_missed",
        Severity.NOTICE if has_heir else Severity.WARNING,
        what.format(
            role=process.role, host=process.host, pid=process.pid, span=span(one.silent_for)
        ),
        advice,
    )
