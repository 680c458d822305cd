"""What the mail-robot does with a letter: it answers, or it is silent for a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    ANSWER = "answer"
    SILENT = "silent"


class Reason(StrEnum):
    """Why. The order of the rows that decide is that of `judgement.TABLE`."""

    # silent
    OWN_LETTER = "own_letter"  # our own Message-ID or loop mark: it came round to us
    OWN_ADDRESS = "own_address"  # from an address of ours
    REPORT = "report"  # a delivery or disposition report
    NULL_SENDER = "null_sender"  # Return-Path: <>
    MAIL_SYSTEM = "mail_system"  # MAILER-DAEMON, postmaster
    AUTO_SUBMITTED = "auto_submitted"
    PRECEDENCE = "precedence"
    MAILING_LIST = "mailing_list"
    SUPPRESS_HEADER = "suppress_header"  # X-Auto-Response-Suppress
    AUTO_HEADER = "auto_header"  # X-Autoreply, X-Autorespond, X-Loop, Feedback-ID …
    NO_REPLY = "no_reply"  # the sender's address says so
    SPAM = "spam"  # marked by the mail system in front of us
    OUT_OF_OFFICE = "out_of_office"  # by its subject alone
    UNSUBSCRIBE = "unsubscribe"  # done at once; a program sent it, as often as not
    NO_SENDER = "no_sender"  # nobody to answer
    ANSWERED_BEFORE = "answered_before"  # this Message-ID had its answer
    REPEATED = "repeated"  # the same words from the same sender, more often than we answer
    TOO_MANY = "too_many"  # as many answers as we give in the time went already
    # answer
    REPLY = "reply"  # to a message of a campaign
    FOLLOW_UP = "follow_up"  # to an inquiry that is open
    LETTER = "letter"  # everything else


@dataclass(frozen=True, slots=True)
class Judged:
    verdict: Verdict
    reason: Reason

    @property
    def is_answered(self) -> bool:
        return self.verdict is Verdict.ANSWER


@dataclass(frozen=True, slots=True)
class House:
    """What the judgement must know of us.

    `spam_headers` maps lower-case names of headers to what their value begins with (any letter
    case) where the letter is spam. `wrote` tells whether a Message-ID is one of ours.
    """

    addresses: frozenset[str]  # lower case: senders, mailboxes, specialists
    loop_mark: str  # what our own letters carry in X-Loop
    spam_headers: dict[str, str]
    wrote: Callable[[str], bool]
    most_answers: int = 10  # to one sender, and about one inquiry, in the period
    most_repeats: int = 2  # answers to the same words of one sender in the period

    @property
    def most_answers_to_domain(self) -> int:
        """In the period, where strangers do not share the domain: a program that answers under a
        new address each time has one all the same."""
        return 10 * self.most_answers


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows of the sender and of this Message-ID."""

    was_answered: bool = False  # this very Message-ID
    answers: int = 0  # to this sender or whom they want answered, in the period
    answers_about_inquiry: int = 0  # to whomever, in the period
    answers_to_domain: int = 0  # likewise; 0 where strangers share it
    repeats: int = 0  # answers to the same words of this sender, in the period
    answers_campaign: bool = False  # it replies to a message of a campaign
    follows_inquiry: bool = False  # it replies to us about an inquiry, or repeats it
    is_unsubscribe: bool = False  # by a link of ours, checked
