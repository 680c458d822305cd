"""All that is known of one inquiry, as staff look at it on whichever screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.channel import ChannelName
from campaigns.inquiry.status import InquiryChannel
from campaigns.outcome import Outcome
from dispatcher.inquiries import words as inquiry_words
from dispatcher.inquiries.letters import shown
from dispatcher.ledger import Transaction, inquiries, inquiry_lists, letters, replies, trail
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiry_lists import Written
from dispatcher.ledger.letters import StoredLetter
from dispatcher.ledger.replies import ReplyStatus
from dispatcher.ledger.trail import Act
from dispatcher.report.words import outcomes, word
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is known of one inquiry."""

    inquiry: Inquiry
    follows: str  # the number of the one before it
    letters: Sequence[StoredLetter]
    written: Sequence[Written]
    acts: Sequence[Act]
    reply: ReplyStatus | None
    reply_outcome: Outcome | None
    answer_to: str = ""  # the address that an answer would go to; empty: none can go by e-mail

    @property
    def confirmation(self) -> str:
        """What came of the SMS by which we confirmed it; empty where there was none."""
        if self.reply is None:
            return ""
        return word(outcomes, self.reply_outcome).lower() or _said(self.reply)


def look_up(tx: Transaction, number: str) -> Whole:
    """Raises NotFound."""
    one = inquiries.find(tx, number)
    known = None
    if one.channel is InquiryChannel.SMS:
        known = replies.of_inquiry(tx, one.id, ChannelName.SMS, one.provider)
    return Whole(
        inquiry=one,
        follows=inquiries.get(tx, one.follows_id).number if one.follows_id else "",
        letters=letters.of_inquiry(tx, one.id),
        written=inquiry_lists.written(tx, [one.id]),
        acts=trail.of(tx, f"inquiry:{one.id}"),
        reply=replies.statuses(tx, [one.id]).get(one.id),
        reply_outcome=known if isinstance(known, Outcome) else None,
    )


def is_overdue(inquiry: Inquiry, today: date) -> bool:
    owed_on = inquiry_lists.owed_on(inquiry)
    return owed_on is not None and owed_on < today


def about(inquiry: Inquiry) -> str:
    """What it is about; of words that are no question, what they are."""
    if inquiry.kind != "question":
        return word(inquiry_words.kinds, inquiry.kind)
    return word(inquiry_words.topics, inquiry.topic)


def act_words(act: Act) -> str:
    """What was done, with what was said of it."""
    what = word(inquiry_words.acts, act.action)
    details = dict(act.details)
    if "reason" in details:
        details["reason"] = word(inquiry_words.close_reasons, details["reason"])
    if "until" in details:
        details["until"] = shown(date.fromisoformat(details["until"]))
    details.pop("was", None)
    told = ", ".join(str(value) for value in details.values() if value)
    return f"{what}: {told}" if told else what


def _said(status: ReplyStatus) -> str:
    return {
        ReplyStatus.WAITING: _("waits to be sent"),
        ReplyStatus.SENDING: _("being sent"),
        ReplyStatus.SENT: _("sent"),
        ReplyStatus.FAILED: _("could not be sent"),
        ReplyStatus.UNCERTAIN: _("unknown whether it was sent"),
    }[status]
