"""What went before a letter: answers that are counted, so that no loop goes round for long, and the
same question that was registered already.

Letters are counted by their writer's mailbox, by the mailbox and the domain that our answer went
to, and by the inquiry: a program that answers under a new address each time meets one of them.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    ScalarSelect,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)

from campaigns.inquiry.verdict import Verdict
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.receipts import storable
from dispatcher.ledger.tables import inquiries, letters

# Made once, as in `letters`. Written out instead of bound: only so does SQLite see that a partial
# index fits.
_NOTHING: ColumnClause[str] = literal_column("''")
_IS_RECENT = letters.c.taken_at > bindparam("since_at")
_IS_ANSWERED = letters.c.verdict == literal_column(f"'{Verdict.ANSWER.value}'")
_IS_WRITERS = and_(letters.c.writer == bindparam("writer"), letters.c.writer != _NOTHING)
_IS_OF_INQUIRY = letters.c.inquiry_id == bindparam("inquiry_id")


def _recent(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count(letters.c.id)).where(_IS_RECENT, *conditions).scalar_subquery()


_BEFORE = select(
    _recent(_IS_WRITERS, _IS_ANSWERED),
    _recent(letters.c.answered == bindparam("answered"), letters.c.answered != _NOTHING),
    _recent(
        letters.c.answered_domain == bindparam("answered_domain"),
        letters.c.answered_domain != _NOTHING,
    ),
    _recent(_IS_OF_INQUIRY, _IS_ANSWERED),
    _recent(_IS_WRITERS, _IS_ANSWERED, letters.c.words_digest == bindparam("words_digest")),
    _recent(_IS_WRITERS, letters.c.inquiry_id.is_not(None)),
    _recent(_IS_OF_INQUIRY),
)
_SAME_QUESTION = (
    select(letters.c.inquiry_id)
    .join(inquiries, inquiries.c.id == letters.c.inquiry_id)
    .where(
        _IS_WRITERS,
        _IS_RECENT,
        letters.c.words_digest == bindparam("words_digest"),
    )
    .order_by(letters.c.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Before:
    """How many letters went before one, within some time."""

    answers_to_writer: int
    answers_to_recipient: int  # of the answer to come, whoever wrote
    answers_to_domain: int
    answers_about_inquiry: int
    answers_to_words: int  # to the same words of the same writer
    from_writer: int  # registered, answered or not
    about_inquiry: int  # likewise


def before(
    tx: Transaction,
    *,
    writer: str,
    answered: str,
    answered_domain: str,
    inquiry_id: int | None,
    words_digest: str,
    since_at: datetime,
) -> Before:
    """What came since then from this writer, was answered to this mailbox and domain, and belongs
    to this inquiry. Nothing is counted by what is empty."""
    asked = {
        "writer": storable(writer),
        "answered": storable(answered),
        "answered_domain": storable(answered_domain),
        "inquiry_id": inquiry_id,
        "words_digest": words_digest,
        "since_at": since_at,
    }
    return Before(*tx.execute(_BEFORE, asked).one())


def same_question(
    tx: Transaction, writer: str, words_digest: str, since_at: datetime
) -> int | None:
    """The inquiry that the same words of the same writer were registered as, the latest."""
    asked = {"writer": storable(writer), "words_digest": words_digest, "since_at": since_at}
    return tx.execute(_SAME_QUESTION, asked).scalar()
