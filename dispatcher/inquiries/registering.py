"""Registering an inquiry, by whichever channel it came: a number, a topic, somebody to answer it,
and the days by which.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from campaigns.inquiry.rules import InquiryRules, Topic
from campaigns.inquiry.sorting import Asked, Known, Sorted, sort_out
from campaigns.inquiry.status import InquiryStatus
from campaigns.inquiry.topics import Classifier
from campaigns.stop_words import Wish
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, customers, inquiries
from dispatcher.ledger.inquiries import NewInquiry


@dataclass(frozen=True, slots=True)
class Registered:
    """`new` is what was written down, with all that was found out; None where nothing was."""

    id: int
    number: str
    new: NewInquiry | None = None


def register(tx: Transaction, engine: Engine, new: NewInquiry, now: datetime) -> Registered:
    """Write down an inquiry under the next number of the year, by the house's own zone.

    A question that nobody has sorted yet is sorted; what its caller knows already stays.
    """
    if new.kind is Wish.QUESTION and new.answer_on is None:
        new = _filled(tx, engine, new, now)
    year = now.astimezone(ZoneInfo(engine.settings.zone)).year
    number = inquiries.next_number(tx, year)
    return Registered(inquiries.register(tx, new, number, now), number, new)


def sorted_for(
    engine: Engine, tx: Transaction, asked: Asked, known: Known | None, now: datetime
) -> Sorted:
    """What an inquiry is about, who answers it and by when, by the rules and the calendar as staff
    have them now. Writes nothing."""
    rules, settings = engine.inquiry_rules, engine.settings
    return sort_out(
        rules,
        classifier(rules),
        asked,
        known,
        engine.rules(tx).holidays,
        now.astimezone(ZoneInfo(settings.zone)).date(),
        default_person=settings.inquiries_to,
    )


@lru_cache(maxsize=4)
def classifier(rules: InquiryRules) -> Classifier:
    """The rules, ready for letters; made once for each set of them."""
    return Classifier(rules)


def _filled(tx: Transaction, engine: Engine, new: NewInquiry, now: datetime) -> NewInquiry:
    is_chosen = new.topic is not Topic.OTHER or new.confidence > 0
    asked = Asked(
        new.channel,
        subject=new.subject,
        words=new.text,
        sender=new.contact_point,
        topic=new.topic if is_chosen else None,
    )
    found = sorted_for(engine, tx, asked, _customer(tx, new), now)
    person = new.person or found.person
    return replace(
        new,
        status=InquiryStatus.ROUTED if person else new.status,
        account_number=new.account_number or found.account_number,
        topic=found.topic,
        confidence=new.confidence if is_chosen else found.confidence,
        branch=new.branch or found.branch,
        segment=new.segment or found.segment,
        person=person,
        head=new.head or (found.head if not new.person else ""),
        missing=new.missing or found.missing,
        readings=new.readings or tuple(str(one) for one in found.readings),
        respond_on=new.respond_on or found.respond_on,
        answer_on=found.answer_on,
    )


def _customer(tx: Transaction, new: NewInquiry) -> Known | None:
    if new.account_number is None:
        return None
    found = customers.by_account(tx, new.account_number)
    return found or Known(new.account_number, branch=new.branch, segment=new.segment)
