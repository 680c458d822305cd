"""Sorting an inquiry, by whichever channel it came: its topic, what was found in it, whose it is,
what it lacks, and by when it must be answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from campaigns.holidays import Holidays
from campaigns.inquiry.deadlines import due
from campaigns.inquiry.findings import (
    AccountFound,
    Reading,
    find_account,
    find_phones,
    find_reading_alone,
    find_readings,
)
from campaigns.inquiry.routing import branch_of, branch_of_account, route
from campaigns.inquiry.rules import Branch, InquiryRules, Topic
from campaigns.inquiry.status import InquiryChannel, Missing
from campaigns.inquiry.topics import About, Classifier
from templates.answers import number_in

# Who asks for power for a new house has no account yet, and who thanks us needs none.
_NEEDS_NO_ACCOUNT = frozenset({Topic.THANKS, Topic.CONNECTION})


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks. `has_contact`: there is a way to answer them; `topic` is the one that
    they chose themselves."""

    channel: InquiryChannel
    subject: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    sender: str = field(default="", repr=False)
    mailbox: str = ""  # the address they wrote to
    has_contact: bool = True
    is_readable: bool = True
    account_number: str = ""  # told in a field of its own
    topic: Topic | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The customer as our base knows them."""

    account_number: str
    name: str = field(default="", repr=False)
    patronymic: str = field(default="", repr=False)
    surname: str = field(default="", repr=False)  # for staff; nobody is greeted by it
    branch: str = ""
    segment: str = ""
    language: str = "ru"


@dataclass(frozen=True, slots=True)
class Sorted:
    """`because` are the words that spoke for the topic; `wrong_account` is what the customer called
    an account number and what cannot be one."""

    topic: Topic
    confidence: float
    because: tuple[str, ...]
    account_number: str | None
    wrong_account: str
    readings: tuple[Reading, ...]
    branch: str
    branch_phone: str  # empty: the company's
    branch_hours: str
    segment: str
    person: str  # empty: nobody; the letter waits for staff to look
    head: str
    missing: tuple[Missing, ...]
    respond_on: date
    answer_on: date


def sort_out(
    rules: InquiryRules,
    classifier: Classifier,
    asked: Asked,
    customer: Known | None,
    holidays: Holidays,
    today: date,
    *,
    default_person: str = "",
) -> Sorted:
    """`today` is the day of registration in the house's own zone; `default_person` gets what no
    route gives to anybody else."""
    text = f"{asked.subject}\n{asked.words}"
    found = find_account(text, rules.account_pattern, asked.account_number)
    account = _account(found, customer)
    readings = find_readings(text, account)
    if not readings and found.number is None:
        readings = find_reading_alone(asked.subject, asked.words)
    about = _about(classifier, asked, account, readings)
    branch = _branch(rules, account, customer)
    segment = customer.segment if customer else ""
    to = route(rules, about.topic, branch.name, segment, default_person)
    owed = due(asked.channel, today, rules.periods, holidays)
    return Sorted(
        topic=about.topic,
        confidence=about.confidence,
        because=about.because,
        account_number=account,
        wrong_account=found.wrong if account is None else "",
        readings=readings,
        branch=branch.name,
        branch_phone=branch.phone,
        branch_hours=branch.hours,
        segment=segment,
        person=to.person,
        head=to.head,
        missing=_missing(asked, about.topic, account),
        respond_on=owed.respond_on,
        answer_on=owed.answer_on,
    )


def _account(found: AccountFound, customer: Known | None) -> str | None:
    """One that is called so in the letter; else the sender's; else one that looks like it."""
    if found.number and found.is_labelled:
        return found.number
    return customer.account_number if customer else found.number


def _about(
    classifier: Classifier, asked: Asked, account: str | None, readings: Sequence[Reading]
) -> About:
    """Who tells readings and asks nothing else has told readings, thanks or no thanks."""
    if asked.topic is not None:
        return About(asked.topic, 1.0, ())
    about = _classified(classifier, asked, account or "")
    is_by_rule = about.confidence == 1
    if readings and about.topic in (Topic.THANKS, Topic.OTHER) and not is_by_rule:
        return About(Topic.READING, 0.5, tuple(str(one) for one in readings))
    return about


def _classified(classifier: Classifier, asked: Asked, account: str) -> About:
    """In an answer to a letter of ours the subject is the one we answered by: what is asked now
    the words say, and the subject only where they say nothing."""
    subjects = ("", asked.subject) if number_in(asked.subject) else (asked.subject,)
    for subject in subjects:
        about = classifier.classify(
            subject, asked.words, sender=asked.sender, mailbox=asked.mailbox, account=account
        )
        if about.topic is not Topic.OTHER:
            break
    return about


def _branch(rules: InquiryRules, account: str | None, customer: Known | None) -> Branch:
    """The customer's own; about somebody else's account, that of the account where it is told."""
    if customer is None:
        return branch_of(rules, "", account)
    if account != customer.account_number:
        other = branch_of_account(rules, account)
        if other is not None:
            return other
    return branch_of(rules, customer.branch, account)


def _missing(asked: Asked, topic: Topic, account: str | None) -> tuple[Missing, ...]:
    """In the order in which they are asked for."""
    has_words = asked.is_readable and bool(asked.subject.strip() or asked.words.strip())
    lacks = {
        Missing.ACCOUNT: account is None and topic not in _NEEDS_NO_ACCOUNT,
        Missing.CONTACT: not asked.has_contact and not find_phones(asked.words),
        Missing.TEXT: not has_words,
    }
    return tuple(one for one, is_missing in lacks.items() if is_missing)
