"""Rules that look beyond the campaign: the stop-list, and the quiet time after a positive."""

from collections.abc import Sequence

from campaigns.channel import ChannelName
from campaigns.permission import account_party, point_party
from dispatcher.audit.attempt_rules import Standard
from dispatcher.audit.findings import Finding, Rule
from dispatcher.ledger import Transaction, books, calls
from dispatcher.ledger.books import Entry, Repeat, Stop
from dispatcher.logs import mask
from templates.i18n import _


def after_suppression(
    tx: Transaction, standard: Standard, chunk: Sequence[Entry], rule: Rule
) -> None:
    """No attempt while the account, the contact point or an account it spoke of was stopped."""
    told = books.parties_told(tx, [entry.attempt_id for entry in chunk])
    parties = {
        entry.attempt_id: told.get(entry.attempt_id, frozenset())
        | {account_party(entry.account_number), point_party(entry.contact_point)}
        for entry in chunk
    }
    stops = books.stops(tx, frozenset().union(*parties.values()))
    for entry in chunk:
        own = (stop for party in parties[entry.attempt_id] for stop in stops.get(party, ()))
        broken = next((stop for stop in own if _forbids(stop, standard, entry)), None)
        rule.against(entry, _stopped(broken) if broken else None)


def _stopped(stop: Stop) -> str:
    since = f"{stop.since_at:%d.%m.%Y %H:%M:%S} UTC"
    return _("On the stop-list since {since}.").format(since=since)


def _forbids(stop: Stop, standard: Standard, entry: Entry) -> bool:
    return (
        stop.channel in (None, entry.channel)
        and stop.purpose in (None, standard.scenario.purpose)
        and stop.since_at <= entry.started_at
        and (stop.ended_at is None or entry.started_at < stop.ended_at)
    )


def stops_are_kept(tx: Transaction, standard: Standard, rule: Rule) -> None:
    """Who pressed the key that stops calls stands on the stop-list from that instant, and once."""
    for told in calls.stops_told(tx, standard.campaign.id, standard.scenario.purpose):
        rule.examined += 1
        text = None
        if not told.in_force:
            text = _("Asked by key not to be called any more, but is not on the stop-list.")
        elif told.by_key > 1:
            text = _("One stop by key stands on the stop-list {number} times.").format(
                number=told.by_key
            )
        if text is not None:
            point = mask(told.contact_point)
            phone = ChannelName.PHONE.value
            rule.find(Finding(told.account_number, phone, point, told.number, told.at, text))


def keeps_quiet(tx: Transaction, standard: Standard, rule: Rule) -> None:
    """After a positive contact the customer, and the number, are left alone, by all campaigns.

    What was learned of the earlier contact only after the later one began binds nobody.
    """
    for channel, policy in standard.policies.items():
        quiet = policy.quiet_after_positive
        if not quiet:
            continue
        judged: set[tuple[str, int]] = set()
        for repeat in books.repeats(tx, standard.campaign, channel, quiet):
            too_soon = repeat.started_at < repeat.reached_at + quiet
            if too_soon and not _unknown_then(repeat):
                key = (repeat.account_number, repeat.number)
                if key not in judged:
                    judged.add(key)
                    rule.find(_repeated(channel.value, repeat))


def _unknown_then(repeat: Repeat) -> bool:
    return repeat.learned_at is not None and repeat.learned_at > repeat.started_at


def _repeated(channel: str, repeat: Repeat) -> Finding:
    return Finding(
        repeat.account_number,
        channel,
        mask(repeat.contact_point),
        repeat.number,
        repeat.started_at,
        _("Contacted again although reached at {reached}.").format(
            reached=f"{repeat.reached_at:%d.%m.%Y %H:%M:%S} UTC"
        ),
    )
