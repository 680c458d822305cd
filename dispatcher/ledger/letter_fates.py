"""What became of each letter that came in: the verdict, the inquiry, and the answer that went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.verdict import Reason, Verdict
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.outbox import MailKind
from dispatcher.ledger.tables import inquiries, letters, outbox


@dataclass(frozen=True, slots=True)
class LetterFate:
    """`number`, `topic` and `person` are those of the inquiry, None where nothing was registered;
    `answer_id` is the Message-ID of our answer, `sent_at` when a mail server took it."""

    letter_id: int
    subject: str
    verdict: Verdict
    reason: Reason
    number: str | None = None
    topic: Topic | None = None
    person: str | None = None
    answer_id: str | None = None
    sent_at: datetime | None = None


def of_mailbox(tx: Transaction, mailbox: str) -> Sequence[LetterFate]:
    """Every letter that came by this mailbox, the first one first."""
    o = outbox.c
    is_answer = and_(o.letter_id == letters.c.id, o.kind == MailKind.ACKNOWLEDGEMENT)
    rows = tx.execute(
        select(
            letters.c.id,
            letters.c.subject,
            letters.c.verdict,
            letters.c.reason,
            inquiries.c.number,
            inquiries.c.topic,
            inquiries.c.person,
            o.message_id,
            o.sent_at,
        )
        .select_from(letters)
        .outerjoin(inquiries, inquiries.c.id == letters.c.inquiry_id)
        .outerjoin(outbox, is_answer)
        .where(letters.c.mailbox == mailbox)
        .order_by(letters.c.id)
    )
    return [
        LetterFate(
            letter_id=row.id,
            subject=row.subject,
            verdict=Verdict(row.verdict),
            reason=Reason(row.reason),
            number=row.number,
            topic=Topic(row.topic) if row.topic else None,
            person=row.person,
            answer_id=row.message_id,
            sent_at=row.sent_at,
        )
        for row in rows
    ]
