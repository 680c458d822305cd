"""Inquiries as JSON, for programs."""

from collections.abc import Mapping

from dispatcher.cli.inquiry_screen import Shown
from dispatcher.inquiries.totals import Change, Totals
from dispatcher.inquiries.whole import Whole
from dispatcher.ledger import inquiry_lists
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.logs import mask_text

# Enough to know an inquiry again by; what people write holds numbers and addresses.
BEGINNING = 60


def listed_facts(one: Inquiry, told: Shown) -> dict[str, object]:
    """In a list only the beginning of the text, unless it is asked for in full."""
    whole = facts(one, told)
    return whole if told.full else whole | {"text": _beginning(one.text)}


def facts(one: Inquiry, told: Shown) -> dict[str, object]:
    return {
        "inquiry": one.id,
        "number": one.number,
        "channel": one.channel,
        "provider": one.provider,
        "contact_point": told.point(one.contact_point) if one.contact_point else "",
        "customer": one.customer if told.full else None,
        "account_number": one.account_number,
        "attempt": one.attempt_id,
        "kind": one.kind,
        "topic": one.topic,
        "confidence": one.confidence,
        "branch": one.branch,
        "segment": one.segment,
        "person": one.person,
        "head": one.head,
        "missing": one.missing,
        "readings": one.readings,
        "language": one.language,
        "subject": one.subject,
        "text": one.text,
        "received_at": one.received_at,
        "status": one.status,
        "respond_on": one.respond_on,
        "answer_on": one.answer_on,
        "owed_on": inquiry_lists.owed_on(one),
        "overdue": told.is_overdue(one),
        "done_at": one.done_at,
        "done_by": one.done_by,
        "close_reason": one.close_reason,
    }


def whole_facts(whole: Whole, told: Shown) -> dict[str, object]:
    return facts(whole.inquiry, told) | {
        "follows": whole.follows or None,
        "answer_to": told.point(whole.answer_to) if whole.answer_to else "",
        "reply": whole.reply,
        "reply_outcome": whole.reply_outcome,
        "letters": [
            {
                "letter": one.id,
                "mailbox": one.mailbox,
                "message_id": one.message_id,
                "sender": told.point(one.sender) if one.sender else "",
                "subject": one.subject,
                "arrived_at": one.arrived_at,
                "verdict": one.verdict,
                "reason": one.reason,
                "size_bytes": one.size_bytes,
                "flaws": one.flaws,
                "attachments": [
                    {"name": a.name, "media_type": a.media_type, "size_bytes": a.size_bytes}
                    for a in one.attachments
                ],
            }
            for one in whole.letters
        ],
        "written": [
            {
                "kind": one.kind,
                "recipient": told.point(one.recipient),
                "status": one.status,
                "sent_at": one.sent_at,
                "reason": one.reason,
            }
            for one in whole.written
        ],
        "acts": [
            {"at": act.at, "actor": act.actor, "action": act.action, "details": act.details}
            for act in whole.acts
        ],
    }


def totals_facts(found: Totals) -> dict[str, object]:
    return {
        "from": found.period.first,
        "to": found.period.last,
        "before_from": found.compared.first,
        "before_to": found.compared.last,
        "inquiries": _both(found.all),
        "stops": _both(found.stops),
        "topics": _each(found.by_topic),
        "channels": _each(found.by_channel),
        "segments": _each(found.by_segment),
        "complaints": [
            {"channel": channel, "segment": segment, **_both(change)}
            for (channel, segment), change in found.complaints.items()
        ],
    }


def _each(changes: Mapping[str, Change]) -> dict[str, object]:
    return {name: _both(change) for name, change in changes.items()}


def _both(change: Change) -> dict[str, int]:
    return {"now": change.now, "before": change.before}


def _beginning(text: str) -> str:
    line = mask_text(" ".join(text[: 10 * BEGINNING].split()))
    return line if len(line) <= BEGINNING else f"{line[: BEGINNING - 1]}…"
