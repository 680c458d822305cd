"""The rules that staff edit: what a letter is about, who answers it, and by when.

Read from TOML by `rules_file`; what comes with the product is `inquiries.toml` beside this module.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.recipient import Segment


class Topic(StrEnum):
    COMPLAINT = "complaint"
    READING = "reading"
    BILLING = "billing"
    CONNECTION = "connection"
    OUTAGE = "outage"
    CONTRACT = "contract"
    THANKS = "thanks"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TopicRule:
    """What speaks for a topic. Words are compared by their dictionary form, so that «жалобу» and
    «жалоба» are one; a phrase is such words in this order, next to each other.

    A rule with `senders`, `mailboxes` or `accounts` holds only for letters from such an address
    (`*@example.com`), to such a mailbox, about such an account (its first digits); with none of
    `words` and `phrases` that alone decides.
    """

    topic: Topic
    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers: the first route that fits. Empty lists fit everything."""

    person: str  # e-mail of the specialist
    head: str = ""  # e-mail of whoever answers for the specialist's deadlines
    topics: tuple[Topic, ...] = ()
    branches: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """How customers of a branch reach people. Accounts may tell the branch by their first digits
    where the base does not know the customer."""

    name: str
    phone: str = ""  # E.164; empty: the company's
    hours: str = ""  # as customers are told it: «пн–пт 8:00–20:00»
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Periods:
    """Deadlines in days after the day of registration (`004` chapter 5 and 8, `003`)."""

    respond_days: int = 3  # an answer or an interim one
    respond_in_working_days: bool = False
    form_working_days: int = 3  # a form of the site: looked at within
    answer_days: int = 14  # in substance
    interim_days: int = 10  # an interim answer at the latest
    extension_days: int = 15  # by which an interim answer may extend
    remind_working_days: int = 1  # before a deadline


@dataclass(frozen=True, slots=True)
class InquiryRules:
    topics: tuple[TopicRule, ...] = ()
    routes: tuple[Route, ...] = ()
    branches: tuple[Branch, ...] = ()
    periods: Periods = field(default_factory=Periods)
    account_pattern: str = r"\d{8,12}"  # a whole account number
