"""The journal in words of a clerk: what was done, to what, with which figures.

An act of which nothing stands here is shown as the trail names it, and nothing is hidden: whoever
adds one finds a test that asks for its words.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from dispatcher.access.keys import Scope, scope_title
from dispatcher.access.roles import Role, role_title
from dispatcher.inquiries.words import close_reasons, statuses
from dispatcher.ledger.journal import Entry
from dispatcher.report import words
from dispatcher.stop_list import reason_title
from dispatcher.web import formats
from dispatcher.webhooks.keeping import event_title
from templates.i18n import _

_AMOUNTS = frozenset(
    {
        "accounts",
        "attempts",
        "customers",
        "deliveries",
        "found",
        "inquiries",
        "letters",
        "openings",
        "recipients",
        "rows",
        "sessions",
        "unfit_texts",
    }
)


def acts() -> Mapping[str, str]:
    """Every act by its name in the trail."""
    return {
        "audience.accept": _("File accepted for import"),
        "audience.delete": _("List deleted"),
        "audience.import": _("List imported"),
        "audience.upload": _("File uploaded"),
        "call.stop": _("The customer asked for no more calls"),
        "calendar.correct": _("Day of the calendar corrected"),
        "campaign.ask": _("Providers asked about attempts in doubt"),
        "campaign.cancelled": _("Campaign cancelled"),
        "campaign.completed": _("Campaign completed"),
        "campaign.discard": _("Draft of a campaign discarded"),
        "campaign.export": _("Attempts of a campaign exported"),
        "campaign.launch": _("Campaign made"),
        "campaign.paused": _("Campaign paused"),
        "campaign.resolve": _("Attempts in doubt decided"),
        "campaign.running": _("Campaign running"),
        "campaign.scheduled": _("Campaign scheduled"),
        "campaign.settle": _("Accounts that have paid taken out"),
        "export.attempts": _("Attempts exported"),
        "export.bad_rows": _("Rows with errors exported"),
        "export.journal": _("Journal exported"),
        "export.letter": _("Customer's letter exported"),
        "export.proof": _("Proof of notification printed"),
        "export.skips": _("Skipped recipients exported"),
        "export.stop_list": _("Stop-list exported"),
        "export.trial": _("Test message with a customer's data"),
        "export.unreached": _("Unreached recipients exported"),
        "export.workbook": _("Lists of a campaign exported"),
        "inquiry.answer": _("Inquiry answered"),
        "inquiry.assign": _("Inquiry given to a specialist"),
        "inquiry.close": _("Inquiry closed"),
        "inquiry.consent": _("Consent given with the form of the site"),
        "inquiry.interim": _("Interim answer given"),
        "inquiry.reopen": _("Inquiry opened again"),
        "key.make": _("Key for another system made"),
        "key.revoke": _("Key of another system revoked"),
        "launch.approved": _("Launch approved"),
        "launch.ask": _("Approval of a launch asked for"),
        "launch.refused": _("Launch refused"),
        "launch.withdrawn": _("Request for a launch withdrawn"),
        "ledger.backup": _("Copy of the ledger made"),
        "ledger.restore": _("Ledger restored from a copy"),
        "message.send": _("Single message asked for"),
        "provider.away": _("Provider out of order"),
        "provider.back": _("Provider in order again"),
        "provider.ask": _("Provider asked about our account"),
        "provider.retry": _("Provider used again by hand"),
        "recipients.search": _("Customer searched for"),
        "retention.discard": _("Old list discarded"),
        "retention.erase": _("Personal data erased by age"),
        "retention.erase_person": _("Customer erased at their request"),
        "scenario.add": _("Scenario saved"),
        "staff.accept": _("Password chosen by a link"),
        "staff.end_sessions": _("Sessions ended"),
        "staff.invite": _("Person invited"),
        "staff.invite_again": _("New link made for a person"),
        "staff.invite_first": _("Link for the first administrator made"),
        "staff.let_in": _("Person let in again"),
        "staff.log_in": _("Logged in"),
        "staff.log_out": _("Logged out"),
        "staff.password": _("Password changed"),
        "staff.rename": _("Name of a person changed"),
        "staff.role": _("Role of a person changed"),
        "staff.shut_out": _("Person shut out"),
        "stop_list.search": _("Stop-list searched"),
        "suppress.add": _("Put on the stop-list"),
        "suppress.remove": _("Taken off the stop-list"),
        "trial.send": _("Test message sent"),
        "webhook.add": _("Notification of another system set up"),
        "webhook.again": _("Notifications sent again"),
        "webhook.change": _("Notification of another system changed"),
        "webhook.end": _("Notification of another system ended"),
        "webhook.gone": _("Notification of another system ended: it is not there any more"),
        "webhook.rotate": _("Secret of a notification changed"),
        "webhook.test": _("Trial notification sent"),
    }


def kinds() -> Mapping[str, str]:
    """Kinds of acts, by the beginning of their names."""
    return {
        "campaign": _("campaigns"),
        "launch": _("launches that need approval"),
        "message": _("single messages"),
        "audience": _("lists"),
        "scenario": _("scenarios"),
        "inquiry": _("inquiries"),
        "suppress": _("the stop-list"),
        "trial": _("test messages"),
        "recipients": _("searches for customers"),
        "stop_list": _("searches in the stop-list"),
        "export": _("exports"),
        "staff": _("people and log-ins"),
        "calendar": _("the calendar"),
        "call": _("what customers asked for in calls"),
        "provider": _("providers"),
        "key": _("keys of other systems"),
        "webhook": _("notifications of other systems"),
        "retention": _("erasure of old data"),
        "ledger": _("copies of the ledger"),
    }


def acts_of(kind: str) -> Collection[str]:
    """The acts of a kind; of one that is none, none."""
    return [action for action in acts() if action.partition(".")[0] == kind]


def act_words(action: str) -> str:
    return acts().get(action, action)


def actors() -> Mapping[str, str]:
    """Parts of the program that act by themselves."""
    return {
        "loop": _("the program"),
        "worker": _("the program"),
        "health": _("the program"),
        "retention": _("the program"),
        "mailrobot": _("the mail-robot"),
        "form": _("the form of the site"),
        "console": _("the console"),
        "customer": _("a customer"),
        "demo": _("the demonstration"),
    }


def actor_words(actor: str) -> str:
    return actors().get(actor, actor)


def channel_or(text: str) -> str:
    """The title of a channel; what is none stays as it is."""
    return words.word(words.channels, text)


def details_words(entry: Entry, zone: str) -> str:
    """What is told of an act besides, in a line; instants by the clock of the zone."""
    known = labels()
    told = []
    for name, value in entry.details.items():
        if value is not None and value not in ("", []):
            told.append(f"{known.get(name, name)}: {_value(name, value, zone)}")
    return "; ".join(told)


def labels() -> Mapping[str, str]:
    return {
        "accounts": _("accounts"),
        "attempts": _("attempts"),
        "audience": _("list"),
        "bytes": _("size"),
        "campaign": _("campaign"),
        "campaigns": _("campaigns"),
        "channel": _("channel"),
        "contact_point": _("to"),
        "customers": _("customers"),
        "day": _("day"),
        "deliveries": _("deliveries"),
        "email_per_hour": _("letters an hour at most"),
        "events": _("told of"),
        "found": _("found"),
        "inquiries": _("inquiries"),
        "is_holiday": _("day off"),
        "job": _("task"),
        "kind": _("what it is about"),
        "letter": _("letter"),
        "letters": _("letters"),
        "name": _("name"),
        "note": _("note"),
        "ok": _("in order"),
        "openings": _("times in a row"),
        "paused": _("paused"),
        "person": _("specialist"),
        "phone_per_hour": _("calls an hour at most"),
        "policy": _("terms"),
        "post": _("notification"),
        "reached": _("reached"),
        "reason": _("reason"),
        "recipients": _("recipients"),
        "request": _("request"),
        "retry_at": _("tried again at"),
        "role": _("role"),
        "rows": _("rows"),
        "scenario": _("scenario"),
        "scopes": _("rights"),
        "sessions": _("sessions"),
        "size": _("size"),
        "sms_per_hour": _("SMS an hour at most"),
        "to": _("to"),
        "unfit_texts": _("texts that do not fit"),
        "until": _("until"),
        "values": _("values"),
        "version": _("version"),
        "waits": _("waits for approval"),
        "was": _("before"),
    }


def _value(name: str, value: Any, zone: str) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_value(name, one, zone) for one in value)
    if isinstance(value, int):
        if name == "bytes":
            return formats.size(value)
        is_amount = name in _AMOUNTS or name.endswith("_per_hour")
        return formats.number(value) if is_amount else str(value)
    text = str(value)
    match name:
        case "role":
            return role_title(Role(text)) if text in set(Role) else text
        case "was":
            return role_title(Role(text)) if text in set(Role) else statuses().get(text, _day(text))
        case "until" | "day":
            return _day(text)
        case "retry_at":
            return _moment(text, zone)
        case "channel":
            return words.word(words.channels, text)
        case "events":
            return event_title(text)
        case "scopes":
            return scope_title(Scope(text)) if text in set(Scope) else text
        case "kind":
            return kinds().get(text, text)
        case "reason":
            return _reason(text)
    return text


def _reason(text: str) -> str:
    """Why: the campaign stopped itself, the provider is left alone, the inquiry is closed, or
    somebody came onto the stop-list."""
    known = close_reasons().get(text) or words.troubles().get(text) or words.note(text)
    return str(known) if known != text else reason_title(text)


def _day(text: str) -> str:
    try:
        return formats.day(date.fromisoformat(text))
    except ValueError:
        return text


def _moment(text: str, zone: str) -> str:
    try:
        return formats.moment(datetime.fromisoformat(text), zone)
    except ValueError:
        return text
