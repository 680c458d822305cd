"""The words of a report: what each status, reason and outcome is called, and what a clerk can do.

Tables of functions rather than of texts, because the language is known only when a report is made.
A value that no table knows is shown as it is: a report never fails for want of a word.
"""

from collections.abc import Callable, Mapping
from datetime import time
from enum import StrEnum

from campaigns.scenario import Window
from dispatcher.ledger.campaigns import Stopped, Why
from dispatcher.ledger.holding_back import RESTORED
from templates.i18n import _

Words = Mapping[str, str]


def channels() -> Words:
    return {"phone": _("Phone"), "sms": _("SMS"), "email": _("E-mail")}


def campaign_statuses() -> Words:
    return {
        "draft": _("Draft, being planned"),
        "scheduled": _("Scheduled"),
        "running": _("Running"),
        "paused": _("Paused"),
        "completed": _("Completed"),
        "cancelled": _("Cancelled"),
    }


def statuses() -> Words:
    return {
        "positive": _("Positive"),
        "given_up": _("Given up"),
        "expired": _("Out of time"),
        "settled": _("Paid, says billing"),
        "superseded": _("Reached on another channel"),
        "withdrawn": _("Withdrawn after planning"),
        "cancelled": _("Cancelled with the campaign"),
        "uncertain": _("Uncertain"),
        "pending": _("Waiting for their time"),
        "queued": _("In the queue"),
        "sending": _("Being sent"),
        "awaiting": _("Waiting for a receipt"),
        "skipped": _("Skipped"),
    }


def outcomes() -> Words:
    return {
        "heard": _("Heard"),
        "key_pressed": _("Key pressed"),
        "connected": _("Talked to an operator"),
        "nobody_free": _("No operator was free"),
        "hung_up": _("Hung up early"),
        "machine": _("Answering machine"),
        "busy": _("Busy"),
        "no_answer": _("No answer"),
        "declined": _("Declined the call"),
        "delivered": _("Delivered"),
        "undelivered": _("Not delivered"),
        "no_receipt": _("No delivery receipt"),
        "accepted": _("Accepted by the mail server"),
        "read": _("Read"),
        "link_followed": _("Link followed"),
        "answered": _("Answered"),
        "bounced": _("Returned"),
        "deferred": _("Put off too long by the mail server"),
        "bad_address": _("No such number or address"),
        "rejected": _("Refused by the provider"),
        "failed": _("Failed"),
        "not_taken": _("Never reached the provider"),
        "uncertain": _("Unknown: it may have been sent"),
    }


def skip_reasons() -> Words:
    return {
        "no_contact_point": _("No number or address"),
        "bad_number_type": _("The number does not fit the channel"),
        "no_consent": _("No consent"),
        "suppressed": _("On the stop-list"),
        "duplicate": _("The same text goes to this contact once"),
        "merged": _("Told in another account's message"),
        "too_soon": _("Reached too recently"),
        "too_often": _("Contacted too often"),
        "missing_field": _("A value is missing"),
        "nothing_due": _("Nothing to pay"),
        "too_many_accounts": _("One contact under too many accounts"),
        "no_window": _("No allowed hour before the end"),
        "not_asked": _("Asked for on other channels"),
    }


def skip_advice() -> Words:
    """What a skip means, and what the clerk can do about it."""
    return {
        "no_contact_point": _(
            "The file has no number or address for this channel. Ask the customer for one and "
            "enter it in billing."
        ),
        "bad_number_type": _(
            "Only numbers that the channel cannot use: no SMS to landlines, no calls to toll-free "
            "numbers. Ask for a mobile number."
        ),
        "no_consent": _(
            "The customer refused, or never agreed to what needs consent. A new consent must be "
            "in the file before the next campaign."
        ),
        "suppressed": _(
            "The account or the contact is on the stop-list. Nothing to do, unless the entry is "
            "a mistake: then remove it from the list."
        ),
        "duplicate": _(
            "Several accounts share this contact and the text is the same for all, so it is sent "
            "once. Nothing to do."
        ),
        "merged": _(
            "Several accounts share this contact: one message tells of them all. Nothing to do."
        ),
        "too_soon": _(
            "The customer was reached on this channel so lately that the quiet time outlasts the "
            "campaign. Choose a later end, or leave it for the next campaign."
        ),
        "too_many_accounts": _(
            "This number or address stands under hundreds of accounts: somebody filled the column "
            "with one value. Mend it in billing."
        ),
        "too_often": _(
            "The cap of messages per day, week or month outlasts the campaign. Choose a later end, "
            "or leave it for the next campaign."
        ),
        "missing_field": _(
            "The text needs a value that the row does not have. Fill in the column and import the "
            "file again."
        ),
        "nothing_due": _("The amount is zero or less: there is nothing to remind of."),
        "no_window": _(
            "The campaign ends before an allowed hour comes in the customer's time zone. Choose a "
            "later end."
        ),
        "not_asked": _(
            "The system that asked for this message wanted it on other channels. Nothing to do."
        ),
    }


def end_reasons() -> Words:
    """Why a delivery was given up, withdrawn or ran out of time."""
    return {
        "max_attempts": _("All attempts were used"),
        "bad_address": _("No working number or address is left"),
        "words": _("The message could not be written"),
        "campaign_end": _("The campaign ended"),
        "no_consent": _("Consent was withdrawn"),
        "suppressed": _("Put on the stop-list"),
        "quiet": _("The quiet time lasts beyond the end"),
        "window": _("No allowed hour was left"),
        "line_busy": _("Another campaign was calling the number"),
        "abandoned": _("Hung up while the operator was being called"),
        "provider_away": _("The provider was out of order"),
        "no_line": _("No line or operator was free for the call"),
        "own_limit": _("The limit of messages per second was used up"),
        "campaign_limit": _("The campaign's own limit an hour was used up"),
        "": _("Other"),
    }


def troubles() -> Words:
    """Why a provider is left alone."""
    return {
        "failures": _("too many of its answers are failures"),
        "slow": _("it answers too slowly"),
        "unreachable": _("no connection"),
        "no_money": _("the balance is spent"),
        "account": _("it refuses our account or our sender"),
    }


def note(text: str) -> str:
    """Why a campaign stands as it does; empty when there is nothing to say."""
    if text == RESTORED:
        return _("paused by a restore: what was sent since the copy is not in the ledger")
    stopped = Stopped.read(text)
    if stopped is None:
        return text
    if stopped.why is Why.FAILURES:
        told = _("stopped itself: {failed} of the last {of} attempts failed technically")
    else:
        told = _("stopped itself: {failed} of the last {of} messages could not be written")
    return told.format(failed=stopped.failed, of=stopped.of)


def actions() -> Words:
    """What a key of a call does."""
    return {
        "repeat": _("Heard the message again"),
        "operator": _("Asked for an operator"),
        "heard": _("Confirmed that the message was heard"),
        "stop": _("Asked not to be called any more"),
        "answer": _("Answered the survey"),
        "": _("A key that the menu does not have"),
    }


def operators() -> Words:
    """What came of asking for an operator."""
    return {
        "connected": _("Talked to an operator"),
        "nobody_free": _("No operator was free"),
        "abandoned": _("Hung up while the operator was being called"),
        "asked": _("Not over yet"),
    }


def balances() -> Words:
    return {
        "recipients_by_channels": _("Recipients × channels = all deliveries and skips"),
        "attempts_of_deliveries": _("Attempts counted by deliveries = attempts written down"),
        "recipients": _("Recipients = deliveries and skips of the channel"),
        "attempts": _("Attempts counted by deliveries = attempts of the channel"),
        "outcomes": _("Sum of outcomes and open attempts = attempts"),
        "hours": _("Sum over the hours of the day = attempts"),
    }


def zone_sources() -> Words:
    return {
        "column": _("from the file"),
        "region": _("by region"),
        "branch": _("by branch"),
        "default": _("unknown: the campaign's zone is used"),
    }


def word(table: Callable[[], Words], key: str | StrEnum | None) -> str:
    """The word for a value; the value itself where the table has none."""
    text = str(key or "")
    return table().get(text, text)


def ending(reason: str) -> str:
    """Why a delivery ended. What follows a colon names a place in a template and is kept."""
    kind, colon, rest = reason.partition(":")
    return word(end_reasons, kind) + (f": {rest.strip()}" if colon else "")


def key_name(action: str | None, answer: str) -> str:
    """What pressing a key meant; of a survey's key its answer."""
    name = word(actions, action or "")
    return f"{name}: {answer}" if answer else name


def clock(at: time) -> str:
    """A local time of day, as exact as it matters: 20:59:58."""
    return f"{at:%H:%M:%S}"


def hours_of(window: Window) -> str:
    """When a channel may be used, in words."""
    if window.opens_at == window.closes_at:
        return _("at any hour")
    closes = "24:00" if window.closes_at == time() else f"{window.closes_at:%H:%M}"
    return _("from {opens} to {closes}").format(opens=f"{window.opens_at:%H:%M}", closes=closes)
