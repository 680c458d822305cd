"""Inquiries as staff look through them: the most urgent first, with what was written about each."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import OPEN, InquiryChannel, InquiryStatus
from campaigns.stop_words import Wish
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.inquiries import Inquiry, read
from dispatcher.ledger.outbox import MailKind, MailStatus
from dispatcher.ledger.tables import inquiries, letters, outbox

CHUNK = 1000
# Nothing was answered yet, not even for the time being.
_UNANSWERED = (InquiryStatus.REGISTERED, InquiryStatus.ROUTED)
_BY_STAFF = (MailKind.ANSWER, MailKind.INTERIM)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which inquiries are looked for. What is left out does not matter."""

    statuses: frozenset[InquiryStatus] = OPEN
    topic: Topic | None = None
    channel: InquiryChannel | None = None
    person: str = ""  # the address or what stands before its @
    branch: str = ""
    segment: str = ""
    overdue_on: date | None = None  # only what is overdue on that day
    since_at: datetime | None = None
    before_at: datetime | None = None


ALL = frozenset(InquiryStatus)


def owed_on(inquiry: Inquiry) -> date | None:
    """The day by which the customer is owed the next word: any answer, then the one in substance.
    None where nothing is owed or nobody set a day."""
    if inquiry.status in _UNANSWERED and inquiry.respond_on is not None:
        return inquiry.respond_on
    return inquiry.answer_on if inquiry.status in OPEN else None


def _owed_on() -> ColumnElement[date | None]:
    """The same, asked of the database."""
    i = inquiries.c
    first = and_(i.status.in_(_UNANSWERED), i.respond_on.is_not(None))
    return case((first, i.respond_on), (i.status.in_(OPEN), i.answer_on), else_=None)


def found(tx: Transaction, wanted: Wanted, limit: int = CHUNK) -> Sequence[Inquiry]:
    """What is open first, the most urgent before the rest; then what is over, the newest first."""
    i, is_over = inquiries.c, inquiries.c.status.not_in(OPEN)
    owed = _owed_on()
    query = (
        select(inquiries)
        .where(*_fitting(wanted))
        .order_by(
            is_over, owed.is_(None), owed, case((is_over, None), else_=i.received_at), i.id.desc()
        )
        .limit(limit)
    )
    return [read(row) for row in tx.execute(query)]


def count(tx: Transaction, wanted: Wanted) -> int:
    return tx.execute(
        select(func.count()).select_from(inquiries).where(*_fitting(wanted))
    ).scalar_one()


def _fitting(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    i = inquiries.c
    if wanted.statuses != ALL:
        yield i.status.in_(wanted.statuses)
    for column, value in (
        (i.topic, wanted.topic),
        (i.channel, wanted.channel),
        (i.branch, wanted.branch),
        (i.segment, wanted.segment),
    ):
        if value:
            yield column == value
    if wanted.person:
        person, asked = func.lower(i.person), wanted.person.lower()
        yield or_(person == asked, person.startswith(f"{asked}@", autoescape=True))
    if wanted.overdue_on is not None:
        yield _owed_on() < wanted.overdue_on
    if wanted.since_at is not None:
        yield i.received_at >= wanted.since_at
    if wanted.before_at is not None:
        yield i.received_at < wanted.before_at


def in_order(tx: Transaction, wanted: Wanted) -> Iterator[tuple[Inquiry, datetime | None]]:
    """Every one in the order of registration, with when staff's first letter about it went.

    Read in chunks, so that a year of them needs no more memory than a day.
    """
    first = (
        select(outbox.c.inquiry_id, func.min(outbox.c.sent_at).label("sent_at"))
        .where(outbox.c.kind.in_(_BY_STAFF), outbox.c.status == MailStatus.SENT)
        .group_by(outbox.c.inquiry_id)
        .subquery()
    )
    rows = tx.execute(
        select(inquiries, first.c.sent_at.label("first_sent_at"))
        .outerjoin(first, first.c.inquiry_id == inquiries.c.id)
        .where(*_fitting(wanted))
        .order_by(inquiries.c.id)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield read(row), row.first_sent_at


@dataclass(frozen=True, slots=True)
class Tally:
    """So many inquiries of one kind. Obeyed stops are no question to anybody: counted apart."""

    topic: Topic
    channel: InquiryChannel
    segment: str  # empty: unknown
    is_stop: bool
    inquiries: int


def tallies(tx: Transaction, since_at: datetime, before_at: datetime) -> Sequence[Tally]:
    """What came within a time, counted by topic, channel and segment."""
    i = inquiries.c
    is_stop = case((i.kind == Wish.STOP, 1), else_=0)
    rows = tx.execute(
        select(i.topic, i.channel, i.segment, is_stop.label("stop"), func.count().label("many"))
        .where(i.received_at >= since_at, i.received_at < before_at)
        .group_by(i.topic, i.channel, i.segment, is_stop)
    )
    return [
        Tally(Topic(row.topic), InquiryChannel(row.channel), row.segment, bool(row.stop), row.many)
        for row in rows
    ]


def nearing(
    tx: Transaction, first: date, last: date, after_id: int, limit: int
) -> Sequence[Inquiry]:
    """Open inquiries with a deadline between these days, by id from `after_id` on."""
    i = inquiries.c
    rows = tx.execute(
        select(inquiries)
        .where(
            i.status.in_(OPEN),
            i.id > after_id,
            or_(
                and_(i.status.in_(_UNANSWERED), i.respond_on.between(first, last)),
                i.answer_on.between(first, last),
            ),
        )
        .order_by(i.id)
        .limit(limit)
    )
    return [read(row) for row in rows]


def letters_about(tx: Transaction, inquiry_id: int) -> int:
    """How many letters there are about an inquiry, whoever wrote them."""
    return tx.execute(select(func.count()).where(letters.c.inquiry_id == inquiry_id)).scalar_one()


@dataclass(frozen=True, slots=True)
class Written:
    """A letter of ours about an inquiry, as the outbox has it."""

    kind: MailKind
    recipient: str
    status: MailStatus
    sent_at: datetime | None
    reason: str
    occasion: str
    inquiry_id: int


def written(
    tx: Transaction, inquiry_ids: Collection[int], kind: MailKind | None = None
) -> Sequence[Written]:
    """What we wrote about these inquiries, in that order."""
    o = outbox.c
    columns = (o.kind, o.recipient, o.status, o.sent_at, o.reason, o.occasion, o.inquiry_id)
    query = select(*columns).where(o.inquiry_id.in_(list(inquiry_ids))).order_by(o.id)
    if kind is not None:
        query = query.where(o.kind == kind)
    return [
        Written(MailKind(row[0]), row[1], MailStatus(row[2]), *row[3:]) for row in tx.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class ComplaintTally:
    branch: str
    segment: str
    inquiries: int


def complaints(
    tx: Transaction, since_at: datetime, before_at: datetime
) -> Sequence[ComplaintTally]:
    """Complaints that came within a time, by branch and segment; empty where nobody knows them."""
    i = inquiries.c
    rows = tx.execute(
        select(i.branch, i.segment, func.count())
        .where(
            i.received_at >= since_at,
            i.received_at < before_at,
            i.topic == Topic.COMPLAINT,
            i.kind != Wish.STOP,
        )
        .group_by(i.branch, i.segment)
    )
    return [ComplaintTally(*row) for row in rows]
