"""Inquiries: what customers write to us. Registered, linked to their account, kept, answered."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, case, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from campaigns.channel import ChannelName
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import OPEN, CloseReason, InquiryChannel, InquiryStatus, Missing
from campaigns.stop_words import Wish
from dispatcher.errors import NotFound
from dispatcher.ledger import trail
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import inquiries, inquiry_numbers
from templates.i18n import _

# Names our locks among the advisory locks of a PostgreSQL database.
INQUIRY_LOCK = 72_115_200

# Values come beside it: made anew with each, it costs more than the database takes to carry it out.
_INSERTED = insert(inquiries).returning(inquiries.c.id)
_NEXT = {
    name: made.insert(inquiry_numbers)
    .on_conflict_do_update(
        index_elements=[inquiry_numbers.c.year], set_={"last": inquiry_numbers.c.last + 1}
    )
    .returning(inquiry_numbers.c.last)
    for name, made in (("postgresql", postgresql), ("sqlite", sqlite))
}


@dataclass(frozen=True, slots=True)
class NewInquiry:
    """What is registered. `person` and `head` are addresses of staff; deadlines are local days."""

    channel: InquiryChannel
    provider: str  # of the SMS; the mailbox; for a form its name
    reference: str  # unique for the channel, the provider and the contact point
    contact_point: str
    kind: Wish
    text: str
    account_number: str | None = None
    attempt_id: int | None = None
    status: InquiryStatus = InquiryStatus.REGISTERED
    subject: str = ""
    customer: str = ""
    topic: Topic = Topic.OTHER
    confidence: float = 0.0
    branch: str = ""
    segment: str = ""
    language: str = "ru"
    person: str = ""
    head: str = ""
    missing: tuple[Missing, ...] = ()
    readings: tuple[str, ...] = ()
    respond_on: date | None = None
    answer_on: date | None = None
    follows_id: int | None = None


@dataclass(frozen=True, slots=True)
class Inquiry:
    id: int
    number: str  # as customers are told it: 2026-000123
    channel: InquiryChannel
    provider: str
    contact_point: str
    account_number: str | None
    attempt_id: int | None
    kind: Wish
    text: str
    received_at: datetime
    status: InquiryStatus
    done_at: datetime | None
    done_by: str | None
    subject: str
    customer: str
    topic: Topic
    confidence: float
    branch: str
    segment: str
    language: str
    person: str
    head: str
    missing: tuple[Missing, ...]
    readings: tuple[str, ...]
    respond_on: date | None
    answer_on: date | None
    close_reason: CloseReason | None
    follows_id: int | None


def one_at_a_time(tx: Transaction, contact_point: str) -> None:
    """Until this transaction ends, nobody else takes in a message of this customer.

    Two at the same moment would each find the customer not stopped yet. SQLite has one writer at a
    time anyhow.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(INQUIRY_LOCK, func.hashtext(contact_point))))


def is_known(
    tx: Transaction, channel: ChannelName, provider: str, reference: str, contact_point: str
) -> bool:
    """Whether the provider told us of this message before."""
    same = select(inquiries.c.id).where(
        inquiries.c.channel == channel,
        inquiries.c.provider == provider,
        inquiries.c.reference == reference,
        inquiries.c.contact_point == contact_point,
    )
    return tx.execute(same).first() is not None


def next_number(tx: Transaction, year: int) -> str:
    """The next registration number of the year. Whoever registers at the same time waits until this
    transaction ends, so that there are no gaps."""
    last = tx.execute(_NEXT[tx.dialect.name], {"year": year, "last": 1}).scalar_one()
    return f"{year}-{last:06}"


def register(tx: Transaction, new: NewInquiry, number: str, now: datetime) -> int:
    """Write down what a customer asks. A stop needs nobody's answer, and is done at once."""
    is_done = new.kind is Wish.STOP
    values = {
        "number": number,
        "channel": new.channel,
        "provider": new.provider,
        "reference": new.reference,
        "contact_point": new.contact_point,
        "account_number": new.account_number,
        "attempt_id": new.attempt_id,
        "kind": new.kind,
        "text": new.text,
        "received_at": now,
        "status": InquiryStatus.CLOSED if is_done else new.status,
        "done_at": now if is_done else None,
        "done_by": "dispatcher" if is_done else None,
        "close_reason": CloseReason.DONE if is_done else None,
        "subject": new.subject,
        "customer": new.customer,
        "topic": new.topic,
        "confidence": new.confidence,
        "branch": new.branch,
        "segment": new.segment,
        "language": new.language,
        "person": new.person,
        "head": new.head,
        "missing": list(new.missing),
        "readings": list(new.readings),
        "respond_on": new.respond_on,
        "answer_on": new.answer_on,
        "follows_id": new.follows_id,
    }
    inquiry_id: int = tx.execute(_INSERTED, values).scalar_one()
    return inquiry_id


def count_since(
    tx: Transaction, channel: ChannelName, contact_point: str, since_at: datetime
) -> int:
    """How much this customer has written since then."""
    return tx.execute(
        select(func.count()).where(
            inquiries.c.contact_point == contact_point,
            inquiries.c.channel == channel,
            inquiries.c.received_at > since_at,
        )
    ).scalar_one()


def latest_question(
    tx: Transaction, channel: ChannelName, contact_point: str, since_at: datetime
) -> Inquiry | None:
    row = tx.execute(
        select(inquiries)
        .where(
            inquiries.c.contact_point == contact_point,
            inquiries.c.channel == channel,
            inquiries.c.received_at > since_at,
            inquiries.c.kind == Wish.QUESTION,
        )
        .order_by(inquiries.c.id.desc())
        .limit(1)
    ).first()
    return read(row) if row else None


def append(tx: Transaction, inquiry: Inquiry, text: str) -> None:
    """More of the same customer into one inquiry. One that was over wants to be looked at again, by
    whoever had it."""
    i = inquiries.c
    opened = case((i.person == "", InquiryStatus.REGISTERED), else_=InquiryStatus.ROUTED)
    tx.execute(
        update(inquiries)
        .where(i.id == inquiry.id)
        .values(
            text=text,
            status=case((i.status.in_(OPEN), i.status), else_=opened),
            done_at=None,
            done_by=None,
            close_reason=None,
        )
    )


def get(tx: Transaction, inquiry_id: int) -> Inquiry:
    """Raises NotFound."""
    row = tx.execute(select(inquiries).where(inquiries.c.id == inquiry_id)).first()
    if row is None:
        raise NotFound(_("inquiry"), str(inquiry_id))
    return read(row)


def find(tx: Transaction, number: str) -> Inquiry:
    """By its registration number, 2026-000123, or by our own id. Raises NotFound."""
    is_number = inquiries.c.number == number
    if number.isdecimal() and len(number) < 10:
        is_number = or_(is_number, inquiries.c.id == int(number))
    row = tx.execute(select(inquiries).where(is_number)).first()
    if row is None:
        raise NotFound(_("inquiry"), number[:40])
    return read(row)


def hold(tx: Transaction, inquiry_id: int) -> Inquiry:
    """The same, and nobody else changes it until this transaction ends. Raises NotFound."""
    query = select(inquiries).where(inquiries.c.id == inquiry_id).with_for_update()
    row = tx.execute(query).first()
    if row is None:
        raise NotFound(_("inquiry"), str(inquiry_id))
    return read(row)


def change(tx: Transaction, seen: Inquiry, status: InquiryStatus, **values: object) -> bool:
    """Move an inquiry on from the status it was seen in; False where somebody was quicker."""
    still = (inquiries.c.id == seen.id) & (inquiries.c.status == seen.status)
    return bool(tx.execute(update(inquiries).where(still).values(status=status, **values)).rowcount)


def close(tx: Transaction, inquiry_id: int, actor: str, now: datetime, reason: CloseReason) -> bool:
    """A member of staff has dealt with it; False when somebody had already. Raises NotFound.

    One that was answered stays done when it was answered, and by whom.
    """
    seen = hold(tx, inquiry_id)
    if seen.status is InquiryStatus.CLOSED:
        return False
    done_at, done_by = now, actor
    if seen.status is InquiryStatus.ANSWERED and seen.done_at and seen.done_by:
        done_at, done_by = seen.done_at, seen.done_by
    values = {"done_at": done_at, "done_by": done_by, "close_reason": reason}
    changed = change(tx, seen, InquiryStatus.CLOSED, **values)
    if changed:
        trail.note(tx, now, actor, "inquiry.close", f"inquiry:{inquiry_id}", reason=reason)
    return changed


def read(row: Row[tuple[object, ...]]) -> Inquiry:
    """A row of the table, whoever asked for it."""
    return Inquiry(
        id=row.id,
        number=row.number,
        channel=InquiryChannel(row.channel),
        provider=row.provider,
        contact_point=row.contact_point,
        account_number=row.account_number,
        attempt_id=row.attempt_id,
        kind=Wish(row.kind),
        text=row.text,
        received_at=row.received_at,
        status=InquiryStatus(row.status),
        done_at=row.done_at,
        done_by=row.done_by,
        subject=row.subject,
        customer=row.customer,
        topic=Topic(row.topic),
        confidence=row.confidence,
        branch=row.branch,
        segment=row.segment,
        language=row.language,
        person=row.person,
        head=row.head,
        missing=tuple(Missing(one) for one in row.missing),
        readings=tuple(row.readings),
        respond_on=row.respond_on,
        answer_on=row.answer_on,
        close_reason=CloseReason(row.close_reason) if row.close_reason else None,
        follows_id=row.follows_id,
    )
