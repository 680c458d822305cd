"""What went wrong with messages of a campaign, by kind, and what somebody can do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from dispatcher.report.standing import ChannelStanding
from templates.i18n import _

# What customers do (busy, no answer) is no error: the cadence tries again.
ERRORS = (
    Outcome.FAILED,
    Outcome.NOT_TAKEN,
    Outcome.REJECTED,
    Outcome.BAD_ADDRESS,
    Outcome.BOUNCED,
    Outcome.DEFERRED,
    Outcome.UNDELIVERED,
    Outcome.NO_RECEIPT,
    Outcome.NOBODY_FREE,
)
# Endings that say that something of ours is to be mended.
ENDINGS = ("words", "provider_away", "no_line", "own_limit", "campaign_limit", "window")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Messages that failed alike. `kind`: an outcome, or the reason of an ending."""

    channel: ChannelName
    kind: str
    count: int

    @property
    def is_outcome(self) -> bool:
        return self.kind in set(Outcome)


def troubles_of(channels: Sequence[ChannelStanding]) -> Sequence[Trouble]:
    """The commonest first."""
    found = [
        Trouble(one.channel, outcome.outcome.value, outcome.attempts)
        for one in channels
        for outcome in one.outcomes
        if outcome.outcome in ERRORS and not outcome.positive
    ]
    found += [
        Trouble(one.channel, reason, count)
        for one in channels
        for reason, count in one.given_up.items()
        if reason in ENDINGS
    ]
    return sorted(found, key=lambda one: -one.count)


def advice() -> Mapping[str, str]:
    """What each kind asks for."""
    tried_again = _("Tried again by itself. If there are many, ask the provider.")
    return {
        "failed": tried_again,
        "not_taken": tried_again,
        "rejected": _(
            "The provider does not take this message: ask it why. Is the sender's name agreed with "
            "it, and is there money on the account?"
        ),
        "bad_address": _(
            "Not tried again at this contact. Ask the customer for a new number or address, and "
            "enter it in billing."
        ),
        "bounced": _("The mailbox sent it back. Ask the customer for another address."),
        "deferred": _("The customer's mail server put it off for too long. It is tried again."),
        "undelivered": _("The phone was off or out of reach. It is tried again by itself."),
        "no_receipt": _("The provider told nothing within a day. It is tried again by itself."),
        "nobody_free": _(
            "Customers asked for an operator and none was free: more operators, or fewer calls at "
            "a time."
        ),
        "words": _(
            "The text could not be made for these customers: a value is missing or too long. Mend "
            "the scenario or the list, and launch it for them anew."
        ),
        "provider_away": _("The provider was out of order until the end of the campaign."),
        "no_line": _("There were too few lines for so many calls: a later end, or more lines."),
        "own_limit": _("Our own limit of messages a second is too low for so short a campaign."),
        "campaign_limit": _(
            "So few an hour were allowed at the launch: a higher limit or a later end."
        ),
        "window": _("The campaign ended before an allowed hour came: choose a later end."),
    }
