"""Which roles are at work, and which are missed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.doctor.facts import Facts, LedgerFacts
from dispatcher.doctor.finding import Finding, Severity, numbers, span
from dispatcher.ledger.processes import Seen
from dispatcher.ledger.symptoms import Left
from dispatcher.queue import SEND_QUEUES, URGENT
from dispatcher.report import words
from templates.i18n import _

ALL_IN_ONE = "up"
# One may be killed by hand; several in an hour are killed by something.
MANY_MISSED = 3
# More of them only fill the screen.
MOST_PLACES = 3

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
    if (ledger.jobs_waiting or ledger.events_waiting) and not roles & {ALL_IN_ONE, "web"}:
        yield Finding(
            "no_web",
            Severity.SERIOUS,
            _(
                "{jobs} jobs of staff and {events} events for other systems wait, and nobody "
                "serves the pages."
            ).format(jobs=ledger.jobs_waiting, events=ledger.events_waiting),
            _("Start it: dispatcher web. Nobody can look, launch or ask for anything until then."),
        )
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
    """Those that ended without a word, by role; what they were at; those of another version."""
    missed: dict[tuple[bool, str], list[Seen]] = {}
    for one in sorted(ledger.processes, key=lambda one: one.silent_for):
        if not one.is_alive:
            missed.setdefault((_has_heir(one, facts, ledger), one.process.role), []).append(one)
    for (has_heir, role), ones in missed.items():
        yield _missed(role, ones, has_heir=has_heir)
    if ledger.left is not None:
        yield _left(ledger.left, facts)
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


def _has_heir(one: Seen, facts: Facts, ledger: LedgerFacts) -> bool:
    """Whether another one was started in its place, which does the same there."""
    process = one.process
    died_at = facts.now - one.silent_for
    return any(
        other.is_alive
        and (other.process.role, other.process.host) == (process.role, process.host)
        and set(other.process.queues) >= set(process.queues)
        and other.started_at >= died_at - timedelta(seconds=1)
        for other in ledger.processes
    )


def _missed(role: str, ones: Sequence[Seen], *, has_heir: bool) -> Finding:
    """`ones`: the one that was seen last stands first."""
    silent = span(ones[0].silent_for)
    if len(ones) == 1:
        process = ones[0].process
        told = _(
            "{role} on {host} (process {pid}) was last seen {span} ago and did not say goodbye."
        )
        what = told.format(role=role, host=process.host, pid=process.pid, span=silent)
    else:
        told = _("{role}: {count} were last seen {span} ago or earlier, without goodbye: {places}.")
        what = told.format(role=role, count=len(ones), span=silent, places=_places(ones))
    if has_heir:
        advice = _("Another one was started in its place. Its log says why it ended.")
    elif len(ones) < MANY_MISSED:
        advice = _("Was it killed, or is it cut off? Look at its log, and start it anew.")
    else:
        advice = _("Does something kill them? Look for lack of memory: journalctl -k")
    return Finding(
        "process_missed", Severity.NOTICE if has_heir else Severity.WARNING, what, advice
    )


def _places(ones: Sequence[Seen]) -> str:
    by_host = Counter(one.process.host for one in ones)
    shown = [f"{host} ({count})" for host, count in by_host.most_common(MOST_PLACES)]
    return ", ".join(shown) + (", …" if len(by_host) > MOST_PLACES else "")


def _left(left: Left, facts: Facts) -> Finding:
    """What a dead process was at is in doubt when its lease is over, and not before."""
    return Finding(
        "left_behind",
        Severity.WARNING,
        _("{count} messages were being sent by a process that is gone. Did they arrive?").format(
            count=left.count
        ),
        _(
            "Nothing to do yet: in {span} providers are asked, and what they deny goes again."
        ).format(span=span(left.until - facts.now)),
    )
