"""Which inquiry a letter belongs to, if any, by what proves it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.inquiry.letter import Letter
from campaigns.inquiry.status import OPEN
from campaigns.permission import point_party
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.inquiries.writing import inquiry_of_message_id
from dispatcher.ledger import Transaction, inquiries, letters_before
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.mailrobot.identity import Correspondents, says_little
from templates.answers import number_in

# The same words of the same writer within this time are the same question.
SAME_QUESTION = timedelta(days=30)
# And within this time where they are few.
SAME_WORD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Belonging:
    """`is_repeated`: the letter merely says the same again."""

    inquiry: Inquiry | None = None
    is_repeated: bool = False

    @property
    def is_open(self) -> bool:
        return self.inquiry is not None and self.inquiry.status in OPEN


def belonging_of(
    tx: Transaction,
    engine: Engine,
    letter: Letter,
    who: Correspondents,
    words_digest: str,
    now: datetime,
) -> Belonging:
    """A Message-ID of ours proves that we wrote to them about it. A number in the subject, which
    anybody may write, and words that were said before hold for the one who asked only; and not
    where somebody else would be told so."""
    for message_id in (*letter.in_reply_to, *reversed(letter.references)):
        inquiry_id = inquiry_of_message_id(engine, message_id)
        if inquiry_id is not None and (found := _existing(tx, str(inquiry_id))) is not None:
            return Belonging(found)
    if not who.are_one:
        return Belonging()
    sender = letter.sender.address if letter.sender else ""
    number = number_in(letter.subject)
    found = _existing(tx, number) if number else None
    if found is not None and sender and point_party(found.contact_point) == point_party(sender):
        return Belonging(found)
    since = now - (SAME_WORD if says_little(letter) else SAME_QUESTION)
    same = letters_before.same_question(tx, who.writer, words_digest, since) if who.writer else None
    return Belonging(inquiries.get(tx, same), is_repeated=True) if same else Belonging()


def _existing(tx: Transaction, number: str) -> Inquiry | None:
    try:
        return inquiries.find(tx, number)
    except NotFound:
        return None
