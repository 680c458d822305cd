"""The audit: the books of a campaign, proved from their rows.

Nothing here asks the engine what it did or decides as it decides. Each rule is computed anew from
what stands in the ledger, so that a fault of the engine, a restored backup or a hand in the
database shows. Attempts are read once, as a stream; memory does not grow with their number.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from campaigns.channel import ChannelName
from campaigns.permission import Rulebook
from dispatcher.audit import attempt_rules, customer_rules, delivery_rules
from dispatcher.audit.attempt_rules import AttemptRule, Standard
from dispatcher.audit.findings import AuditResult, Check, Finding, Rule
from dispatcher.ledger import Transaction, books, campaigns, scenarios
from dispatcher.ledger.books import Entry
from templates.i18n import _

__all__ = ["AuditResult", "Check", "Finding", "count_anew", "examine"]


def examine(tx: Transaction, campaign_id: int, rules: Rulebook, now: datetime) -> AuditResult:
    """Hold every row of a campaign against every rule. Raises NotFound.

    Holidays and consents are those of `rules`, as they stand now: a day declared a holiday
    afterwards makes findings of the attempts made on it.
    """
    standard = _standard(tx, campaign_id, rules)
    policies = standard.policies
    lost = Rule("nobody_lost", _("Every recipient stands on every channel exactly once"))
    counts = Rule("counts_agree", _("Attempts are numbered without gaps, at most one is open"))
    statuses = Rule("statuses_agree", _("Statuses agree with the attempts"))
    left = Rule("nothing_left_open", _("An ended campaign leaves nothing open"))
    tallied = Rule("tallies_agree", _("The counters are those of the rows"))
    delivery_rules.nobody_lost(tx, standard, lost)
    delivery_rules.counts_agree(tx, standard, counts)
    delivery_rules.statuses_agree(tx, standard, statuses)
    delivery_rules.nothing_left_open(tx, standard, left)
    delivery_rules.tallies_agree(tx, standard, tallied)

    by_attempt: list[tuple[Rule, AttemptRule]] = [
        (
            Rule("inside_window", _("Inside the allowed hours of local time, not on a holiday")),
            attempt_rules.inside_window,
        ),
        (Rule("inside_term", _("Between the campaign's start and end")), attempt_rules.inside_term),
        (Rule("keeps_cadence", _("No sooner than the rule repeats")), attempt_rules.keeps_cadence),
        (
            Rule("one_at_a_time", _("Attempts of one delivery do not overlap")),
            attempt_rules.one_at_a_time,
        ),
        (
            Rule("has_outcome", _("Sum of outcomes = sum of closed attempts")),
            attempt_rules.has_outcome,
        ),
        (
            Rule("within_maximum", _("No more attempts than allowed")),
            attempt_rules.within_maximum,
        ),
        (Rule("has_consent", _("Nobody contacted without consent")), attempt_rules.has_consent),
    ]
    stopped = Rule("after_suppression", _("Nobody contacted after a stop"))
    kept = Rule("stops_are_kept", _("Every stop by key stands on the stop-list, once"))
    quiet = Rule("keeps_quiet", _("Quiet time after a positive contact, over all campaigns"))
    former: Entry | None = None
    for chunk in _chunks(books.entries(tx, campaign_id)):
        customer_rules.after_suppression(tx, standard, chunk, stopped)
        for entry in chunk:
            if former is not None and former.delivery_id != entry.delivery_id:
                former = None
            for rule, breaks in by_attempt:
                rule.against(entry, breaks(standard, entry, former))
            quiet.examined += bool(
                entry.channel in policies and policies[entry.channel].quiet_after_positive
            )
            former = entry
    customer_rules.keeps_quiet(tx, standard, quiet)
    if ChannelName.PHONE in policies:
        customer_rules.stops_are_kept(tx, standard, kept)
    made = [
        lost,
        counts,
        *(rule for rule, _breaks in by_attempt),
        stopped,
        kept,
        quiet,
        statuses,
        left,
        tallied,
    ]
    return AuditResult(campaign_id, now, tuple(rule.check() for rule in made))


def count_anew(tx: Transaction, campaign_id: int, rules: Rulebook) -> tuple[Check, ...]:
    """The checks that need neither an attempt at work nor personal data. Raises NotFound."""
    standard = _standard(tx, campaign_id, rules)
    lost = Rule("nobody_lost", _("Every recipient stands on every channel exactly once"))
    left = Rule("nothing_left_open", _("An ended campaign leaves nothing open"))
    tallied = Rule("tallies_agree", _("The counters are those of the rows"))
    delivery_rules.nobody_lost(tx, standard, lost)
    delivery_rules.nothing_left_open(tx, standard, left)
    delivery_rules.tallies_agree(tx, standard, tallied)
    return tuple(rule.check() for rule in (lost, left, tallied))


def _standard(tx: Transaction, campaign_id: int, rules: Rulebook) -> Standard:
    campaign = campaigns.get(tx, campaign_id)
    scenario = scenarios.get(tx, campaign.scenario_id).scenario
    policies = {channel: scenario.policy(channel) for channel in scenario.sequence()}
    return Standard(campaign, scenario, rules, policies)


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    stream = iter(entries)
    while chunk := list(islice(stream, books.CHUNK)):
        yield chunk
