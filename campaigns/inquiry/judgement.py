"""May a program answer this letter? One table, read from the top: the first row that fits decides.

docs/mailrobot.md shows it to people; a test keeps the two equal. Two mistakes are possible. To
answer a program may begin a loop, or fill the mailbox of somebody whose address was forged; to be
silent leaves a customer without the answer of the first minute. So whatever says for certain that
a program wrote is believed, whatever only hints at it is not, and caps end what is missed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from campaigns.inquiry.address import is_mail_system, is_no_reply, likeness, written
from campaigns.inquiry.auto_headers import (
    is_auto_submitted,
    is_automatic,
    is_bulk,
    is_by_hand,
    is_from_list,
    suppresses_answers,
)
from campaigns.inquiry.auto_subjects import is_automatic_subject
from campaigns.inquiry.letter import Letter
from campaigns.inquiry.reply_to import bare_path, likenesses, reply_address
from campaigns.inquiry.verdict import History, House, Judged, Reason, Verdict

# What spam filters in front of a mailbox write; the settings may name others instead.
DEFAULT_SPAM_HEADERS: Mapping[str, str] = MappingProxyType(
    {"x-spam-flag": "yes", "x-spam-status": "yes", "x-spam": "yes"}
)
ANSWERED = frozenset({Reason.REPLY, Reason.FOLLOW_UP, Reason.LETTER})


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a letter is judged by. `is_report`: somebody read reports out of it."""

    letter: Letter
    house: House
    history: History
    is_report: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """`says` completes "the letter …", as the documentation has it."""

    reason: Reason
    says: str
    fits: Callable[[Case], bool]

    @property
    def verdict(self) -> Verdict:
        return Verdict.ANSWER if self.reason in ANSWERED else Verdict.SILENT


def judge(letter: Letter, house: House, history: History, *, is_report: bool) -> Judged:
    """What is to be done with a letter, and by which row of the table."""
    case = Case(letter, house, history, is_report)
    row = next(row for row in TABLE if row.fits(case))
    return Judged(row.verdict, row.reason)


def _is_report(case: Case) -> bool:
    """Also one out of which nothing could be read (RFC 6522)."""
    return case.is_report or case.letter.media_type in (
        "multipart/report",
        "message/delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
    )


def _is_own_letter(case: Case) -> bool:
    mark, letter = case.house.loop_mark.casefold(), case.letter
    if mark and any(mark in value.casefold() for value in letter.values("x-loop")):
        return True
    return bool(letter.message_id) and case.house.wrote(letter.message_id)


def _is_spam(case: Case) -> bool:
    marks = case.house.spam_headers or DEFAULT_SPAM_HEADERS
    return any(
        value.strip().casefold().startswith(beginning.strip().casefold())
        for name, beginning in marks.items()
        for value in case.letter.values(name)
    )


def _is_from_us(case: Case) -> bool:
    """By what the settings know. A Delivered-To may be that of a server on the customer's side, who
    passes on what lies in their own mailbox."""
    senders = {likeness(sender.address) for sender in case.letter.senders}
    return not senders.isdisjoint(likenesses(case.house.addresses))


def _is_from_mail_system(case: Case) -> bool:
    letter = case.letter
    addresses = [
        *(sender.address for sender in letter.senders),
        *(written(value).address for value in letter.values("sender")),
        bare_path(letter) or "",
    ]
    return any(map(is_mail_system, addresses))


def _has_null_path(case: Case) -> bool:
    return bare_path(case.letter) == ""


def _is_from_no_reply(case: Case) -> bool:
    return any(is_no_reply(sender.address) for sender in case.letter.senders)


def _is_out_of_office(case: Case) -> bool:
    """A guess, which the letter's own word outweighs."""
    return is_automatic_subject(case.letter.subject) and not is_by_hand(case.letter)


def _has_nobody_to_answer(case: Case) -> bool:
    return reply_address(case.letter, case.house.addresses) is None


def _is_one_too_many(case: Case) -> bool:
    house, history = case.house, case.history
    return (
        max(history.answers, history.answers_about_inquiry) >= house.most_answers
        or history.answers_to_domain >= house.most_answers_to_domain
    )


TABLE: tuple[Row, ...] = (
    Row(
        Reason.REPORT,
        "is a report of a mail system: delivery, disposition, complaint",
        _is_report,
    ),
    Row(
        Reason.OWN_LETTER,
        "is one of ours that came round: our Message-ID, or our mark in X-Loop",
        _is_own_letter,
    ),
    Row(
        Reason.UNSUBSCRIBE,
        "unsubscribes by a link of ours",
        lambda case: case.history.is_unsubscribe,
    ),
    Row(
        Reason.SPAM,
        "is marked as spam by the mail system in front of us",
        _is_spam,
    ),
    Row(
        Reason.OWN_ADDRESS,
        "comes from an address of ours",
        _is_from_us,
    ),
    Row(
        Reason.MAIL_SYSTEM,
        "comes from MAILER-DAEMON or postmaster",
        _is_from_mail_system,
    ),
    Row(
        Reason.AUTO_SUBMITTED,
        "has Auto-Submitted with any value but no",
        lambda case: is_auto_submitted(case.letter),
    ),
    Row(
        Reason.MAILING_LIST,
        "comes by a mailing list: List-Id, List-Unsubscribe, List-Post and the like",
        lambda case: is_from_list(case.letter),
    ),
    Row(
        Reason.PRECEDENCE,
        "has Precedence bulk, list, junk or auto_reply",
        lambda case: is_bulk(case.letter),
    ),
    Row(
        Reason.AUTO_HEADER,
        "has X-Autoreply, X-Autorespond, X-Loop and the like, or Feedback-ID of bulk mail",
        lambda case: is_automatic(case.letter),
    ),
    Row(
        Reason.SUPPRESS_HEADER,
        "has X-Auto-Response-Suppress with All, OOF or AutoReply",
        lambda case: suppresses_answers(case.letter),
    ),
    Row(
        Reason.NULL_SENDER,
        "came with the null path as its Return-Path",
        _has_null_path,
    ),
    Row(
        Reason.NO_REPLY,
        "comes from an address that takes no answers: noreply, do-not-reply, bounces",
        _is_from_no_reply,
    ),
    Row(
        Reason.OUT_OF_OFFICE,
        "has the subject of an out-of-office answer, and no header that says a person wrote it",
        _is_out_of_office,
    ),
    Row(
        Reason.NO_SENDER,
        "names nobody who could be answered",
        _has_nobody_to_answer,
    ),
    Row(
        Reason.ANSWERED_BEFORE,
        "was answered before: the same Message-ID",
        lambda case: case.history.was_answered,
    ),
    Row(
        Reason.REPEATED,
        "says the same as letters of this sender that had their answers",
        lambda case: case.history.repeats >= case.house.most_repeats,
    ),
    Row(
        Reason.TOO_MANY,
        "would have one answer too many in a day: its sender, its inquiry or its sender's domain",
        _is_one_too_many,
    ),
    Row(
        Reason.REPLY,
        "replies to a message of a campaign",
        lambda case: case.history.answers_campaign,
    ),
    Row(
        Reason.FOLLOW_UP,
        "goes on with an inquiry that is registered",
        lambda case: case.history.follows_inquiry,
    ),
    Row(
        Reason.LETTER,
        "is any other: a person wrote to us",
        lambda _case: True,
    ),
)
