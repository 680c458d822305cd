"""Messages that do not go, are in doubt, or wait for a decision; letters that are not answered."""

from collections.abc import Iterator
from datetime import timedelta

from campaigns.channel import ChannelName
from channels.health import Trouble
from dispatcher.doctor.at_work import is_served
from dispatcher.doctor.facts import Facts, LedgerFacts, Waiting
from dispatcher.doctor.finding import Finding, Severity, numbers, span
from dispatcher.ledger.circuits import Circuit
from dispatcher.queue import SEND_QUEUES
from dispatcher.report import words
from templates.i18n import _

# Such a one does not mend itself: somebody has to pay, or to set a password right.
FOR_STAFF = frozenset({Trouble.NO_MONEY, Trouble.ACCOUNT})
# Confirmations to who wrote an SMS are owed at once.
REPLIES_ARE_LATE = timedelta(minutes=5)
# With all lines taken, calls of a minute each leave room for the next one long before.
LINES_ARE_STUCK = timedelta(minutes=2)


def of_messages(facts: Facts, ledger: LedgerFacts) -> Iterator[Finding]:
    for circuit in ledger.circuits:
        yield _circuit(circuit, facts)
    yield from _calls(facts, ledger)
    for channel, waiting in ledger.waiting.items():
        yield from _waiting(channel, waiting, facts, ledger)
    for campaign in ledger.stopped:
        yield Finding(
            "campaign_stopped",
            Severity.SERIOUS,
            _("Campaign {id} “{title}”: {why}.").format(
                id=campaign.id, title=campaign.title, why=words.note(campaign.note)
            ),
            _("Mend it, then: dispatcher campaign resume {id}").format(id=campaign.id),
        )
    if ledger.restored:
        yield Finding(
            "campaign_restored",
            Severity.SERIOUS,
            _("Paused by a restore, and nobody has resumed them: campaigns {campaigns}.").format(
                campaigns=numbers(ledger.restored)
            ),
            _("Who was reached since? campaign settle N FILE, then campaign resume N; or cancel N"),
        )
    for campaign_id, count in ledger.undecided.items():
        yield Finding(
            "undecided",
            Severity.WARNING,
            _("Campaign {id}: of {count} messages nobody knows whether they arrived.").format(
                id=campaign_id, count=count
            ),
            _("Decide about them: dispatcher campaign uncertain {id}").format(id=campaign_id),
        )
    yield from _left(facts, ledger)
    for alarm in ledger.alarms:
        yield Finding("mailrobot", Severity.SERIOUS, alarm, _("See: dispatcher mailrobot status"))
    if ledger.reply_due_at is not None and facts.now - ledger.reply_due_at > REPLIES_ARE_LATE:
        yield Finding(
            "replies_late",
            Severity.WARNING,
            _("An SMS that confirms a customer's stop has waited for {span}.").format(
                span=span(facts.now - ledger.reply_due_at)
            ),
            _("Is a worker there for it (queue “answer”), and is its provider well?"),
        )


def _circuit(circuit: Circuit, facts: Facts) -> Finding:
    what = _("{channel}, {provider} is left alone for {span} now: {why}.").format(
        channel=words.word(words.channels, circuit.channel),
        provider=circuit.provider,
        span=span(facts.now - circuit.opened_at),
        why=words.word(words.troubles, circuit.reason),
    )
    if circuit.reason in FOR_STAFF:
        advice = _("Mend the account, then: dispatcher provider retry {channel} {provider}").format(
            channel=circuit.channel.value, provider=circuit.provider
        )
        on_screen = _("Mend the account, then press “Use it again” in the settings.")
        return Finding("circuit", Severity.SERIOUS, what, advice, on_screen, circuit.key)
    advice = _("It is tried again by itself. To ask it now: dispatcher check --live")
    on_screen = _("It is tried again by itself. You can ask it now in the settings.")
    is_only_way = len(facts.channels.get(circuit.channel, ())) <= 1
    severity = Severity.SERIOUS if is_only_way else Severity.WARNING
    return Finding("circuit", severity, what, advice, on_screen, circuit.key)


def _are_stuck(facts: Facts, ledger: LedgerFacts) -> bool:
    """Whether no call can be placed because those under way do not end. Where most of them are
    talks with operators, that is how it should be."""
    calls = ledger.calls
    return (
        calls is not None
        and ledger.lines_are_full
        and 2 * calls.silent >= calls.count
        and calls.newest_at is not None
        and facts.now - calls.newest_at > LINES_ARE_STUCK
    )


def _calls(facts: Facts, ledger: LedgerFacts) -> Iterator[Finding]:
    """Calls of whose end nobody told us: they keep their lines until the provider is asked."""
    calls = ledger.calls
    if calls is None or calls.oldest_at is None:
        return
    since = span(facts.now - calls.oldest_at)
    if _are_stuck(facts, ledger):
        severity = Severity.SERIOUS
        told = _("All lines are taken by calls ({count}) whose end nobody has reported for {span}.")
        what = told.format(count=calls.silent, span=since)
    elif calls.overlong:
        severity = Severity.WARNING
        told = _("Calls that should be over ({count}): nobody has reported their end for {span}.")
        what = told.format(count=calls.overlong, span=since)
    else:
        return
    if calls.asked_at is None or calls.asked_at <= facts.now:
        advice = _("The provider is being asked about them. Does it reach receipts? See its log.")
    else:
        told = _("The provider is asked about them in {span}. Does it reach receipts? See its log.")
        advice = told.format(span=span(calls.asked_at - facts.now))
    yield Finding("calls_unreported", severity, what, advice)


def _waiting(
    channel: ChannelName, waiting: Waiting, facts: Facts, ledger: LedgerFacts
) -> Iterator[Finding]:
    name = words.word(words.channels, channel)
    if not facts.channels_trouble and channel not in facts.channels:
        yield Finding(
            "channel_off",
            Severity.SERIOUS,
            _("{channel}: {count} deliveries wait, and no provider is set up.").format(
                channel=name, count=waiting.count
            ),
            _("Fill in the settings of the channel, or cancel the campaigns that need it."),
        )
        return
    alive = [one for one in ledger.processes if one.is_alive]
    away = {circuit.provider for circuit in ledger.circuits if circuit.channel is channel}
    is_explained = (
        not is_served(SEND_QUEUES[channel], alive)
        or away >= {*facts.channels.get(channel, ())}
        or (channel is ChannelName.PHONE and _are_stuck(facts, ledger))
    )
    if waiting.late_since is None or is_explained:
        return
    late = span(facts.now - waiting.late_since)
    if waiting.is_moving:
        yield Finding(
            "overdue",
            Severity.NOTICE,
            _("{channel}: {count} deliveries wait, the first for {span}; others go out.").format(
                channel=name, count=waiting.count, span=late
            ),
            _("The pace is bounded by DISPATCHER_LIMITS, lines, or the number of workers."),
        )
        return
    yield Finding(
        "overdue",
        Severity.SERIOUS,
        _("{channel}: {count} deliveries wait, the first for {span}, and none goes out.").format(
            channel=name, count=waiting.count, span=late
        ),
        _("Look at the logs of loop and workers: “postponed”, “ledger.away”, “loop.broken”."),
    )


def _left(facts: Facts, ledger: LedgerFacts) -> Iterator[Finding]:
    for one in ledger.drafts:
        if one.on_trial:
            yield Finding(
                "rehearsal_left",
                Severity.NOTICE,
                _("A rehearsal was begun {span} ago and left its plan behind.").format(
                    span=span(facts.now - one.at)
                ),
                _("It harms nobody. To be rid of it: dispatcher campaign cancel {id}").format(
                    id=one.name
                ),
            )
            continue
        yield Finding(
            "draft",
            Severity.WARNING,
            _("Campaign {id}: its plan was begun {span} ago and never finished.").format(
                id=one.name, span=span(facts.now - one.at)
            ),
            _("Go on: dispatcher campaign resume {id}. Or: dispatcher campaign cancel {id}").format(
                id=one.name
            ),
        )
    for one in ledger.imports:
        yield Finding(
            "import",
            Severity.NOTICE,
            _("Audience “{name}”: its import was begun {span} ago and never finished.").format(
                name=one.name, span=span(facts.now - one.at)
            ),
            _("Import the file again: it begins anew."),
        )
