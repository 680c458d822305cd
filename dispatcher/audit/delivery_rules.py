"""Rules about deliveries: nobody is lost, counts agree, statuses agree with attempts."""

from collections.abc import Iterable, Iterator

from campaigns.delivery import Status
from dispatcher.audit.attempt_rules import Standard
from dispatcher.audit.findings import Finding, Rule
from dispatcher.ledger import Transaction, books, tallies
from dispatcher.ledger.books import Counted, Oddity
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.report.words import statuses, word
from templates.i18n import _

# Decided by something else before a late receipt made the attempt positive, or still in flight.
_MAY_HAVE_POSITIVE = (
    Status.POSITIVE,
    Status.SETTLED,
    Status.SUPERSEDED,
    Status.WITHDRAWN,
    Status.CANCELLED,
    Status.SENDING,
    Status.AWAITING,
    Status.UNCERTAIN,
)


def nobody_lost(tx: Transaction, standard: Standard, rule: Rule) -> None:
    """Every recipient stands on every channel exactly once.

    The ledger allows no second row of the same recipient and channel; so if none is missing and
    none is foreign, each is there once. The total is compared all the same.
    """
    campaign, channels = standard.campaign, tuple(standard.policies)
    recipients, deliveries = books.planned(tx, campaign)
    rule.examined = recipients * len(channels)
    before = rule.total
    for channel in channels:
        rule.extend(
            _told(books.missing(tx, campaign, channel), _("Neither a delivery nor a skip."))
        )
    rule.extend(
        _told(
            books.strangers(tx, campaign, channels), _("Not of this audience or of this scenario.")
        )
    )
    if deliveries != rule.examined and rule.total == before:
        text = _("{expected} deliveries and skips are expected, {found} are there.").format(
            expected=rule.examined, found=deliveries
        )
        rule.find(Finding("", "", "", None, None, text))


def counts_agree(tx: Transaction, standard: Standard, rule: Rule) -> None:
    """Attempts are numbered 1 to n, n is what the delivery says, at most one is open."""
    rule.examined = books.planned(tx, standard.campaign)[1]
    rule.extend(_miscounted(row) for row in books.miscounted(tx, standard.campaign.id))


def _miscounted(row: Counted) -> Finding:
    if row.open > 1:
        text = _("{number} attempts are open at once.").format(number=row.open)
    elif row.found != row.counted:
        text = _("The delivery counts {counted} attempts, {found} are there.").format(
            counted=row.counted, found=row.found
        )
    elif row.found and (row.first != 1 or row.last != row.found):
        text = _(
            "The numbers of the attempts have gaps: {first} to {last}, {found} in all."
        ).format(first=row.first, last=row.last, found=row.found)
    else:
        text = _("Status “{status}” with {number} open attempts.").format(
            status=word(statuses, row.status), number=row.open
        )
    return Finding(row.account_number, row.channel, "", None, None, text)


def statuses_agree(tx: Transaction, standard: Standard, rule: Rule) -> None:
    """Positive means a positive attempt and the other way round; skipped means none at all."""
    campaign = standard.campaign
    rule.examined = books.planned(tx, campaign)[1]
    rule.extend(
        _told(
            books.positive_without_attempt(tx, campaign.id),
            _("Positive without a positive attempt."),
        )
    )
    rule.extend(
        _told(
            books.attempt_without_positive(tx, campaign.id, _MAY_HAVE_POSITIVE),
            _("A positive attempt, but status “{status}”."),
        )
    )
    rule.extend(_told(books.skipped_with_attempts(tx, campaign.id), _("Skipped, but attempted.")))
    rule.extend(
        _told(
            books.led_nowhere(tx, campaign.id),
            _("Said to be told in another account's message, but there is no such message."),
        )
    )


def nothing_left_open(tx: Transaction, standard: Standard, rule: Rule) -> None:
    """A campaign that has ended leaves nothing waiting.

    What is uncertain stays so until a receipt or staff settle it. Of a cancelled campaign the
    attempts in flight may still be ending, as cancelled.
    """
    campaign = standard.campaign
    if campaign.status not in (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED):
        return
    rule.examined = books.planned(tx, campaign)[1]
    allowed = [Status.UNCERTAIN]
    if campaign.status is CampaignStatus.CANCELLED:
        allowed += [Status.SENDING, Status.AWAITING]
    rule.extend(
        _told(
            books.left_open(tx, campaign.id, allowed),
            _("The campaign has ended, but the status is “{status}”."),
        )
    )


def tallies_agree(tx: Transaction, standard: Standard, rule: Rule) -> None:
    """What the counters tell is what the rows are: they are what people watch a campaign by."""
    rule.examined = books.planned(tx, standard.campaign)[1]
    for one in tallies.drift(tx, standard.campaign.id):
        text = _("The counter of “{kind}” is wrong by {number}.").format(
            kind=one.kind, number=f"{one.surplus:+}"
        )
        rule.find(Finding("", one.channel, "", None, None, text))


def _told(oddities: Iterable[Oddity], text: str) -> Iterator[Finding]:
    for one in oddities:
        told = text.format(status=word(statuses, one.status))
        yield Finding(one.account_number, one.channel, "", None, None, told)
