"""The letters that staff's acts and deadlines bring about: to the customer, the specialist, the
head.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import structlog
from babel.dates import format_date

from campaigns.channel import ChannelName
from campaigns.inquiry.deadlines import Deadline, Reminder, When
from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.status import InquiryChannel, InquiryStatus
from channels.mailbox.reading import read_letter
from dispatcher.engine import Engine
from dispatcher.inquiries.house import house_of
from dispatcher.inquiries.writing import inquiry_of_message_id, values_of, write
from dispatcher.ledger import Transaction, customers, inquiries, letters, outbox
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.letters import StoredLetter
from dispatcher.ledger.outbox import Owed
from templates.answers import AnswerKind, PassedOn
from templates.errors import RenderError
from templates.i18n import current_language

log = structlog.get_logger()

# Larger letters are not passed on whole: mail servers would refuse them (Postfix takes 10 MB unless
# it is told otherwise, and base64 adds a third). Staff save them instead.
LARGEST_PASSED_ON = 7 * 1024 * 1024
# Of a customer's letters the last so many are looked into for where the answer is wished.
MOST_READ = 5


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Whom an answer goes to, how to greet them, and the letter that it answers."""

    recipient: Mailbox
    name: str = ""
    patronymic: str = ""
    letter: Letter | None = None
    letter_id: int | None = None


def correspondent(engine: Engine, inquiry: Inquiry) -> Correspondent:
    """The customer, and the last letter of theirs. Reading it may take seconds: nothing is held.

    The answer goes to the inquiry's own contact point. Another address that the customer wishes it
    at (Reply-To) is believed of the letter that opened the inquiry, and of one that answers a
    letter of ours about it; a number in the subject under a forged From leads nobody's answer
    elsewhere.
    """
    address = inquiry.contact_point
    with engine.ledger.read() as tx:
        name, patronymic = _name(tx, inquiry)
        every = letters.of_inquiry(tx, inquiry.id)
    theirs = [one.id for one in every if one.sender == address]
    opening = every[0].id if every and inquiry.channel is InquiryChannel.EMAIL else None
    recent = theirs[: -MOST_READ - 1 : -1]
    last, elsewhere = None, None
    for letter_id in (*recent, *(one for one in theirs[:-MOST_READ] if one == opening)):
        letter = _read(engine, letter_id)
        last = last or letter
        if letter_id == opening or _answers_us(engine, inquiry, letter):
            elsewhere = wished(engine, letter)
            break
    newest = recent[0] if recent else None
    return Correspondent(elsewhere or Mailbox(address), name, patronymic, last, newest)


def _read(engine: Engine, letter_id: int) -> Letter:
    with engine.ledger.read() as tx:
        source = letters.original(tx, letter_id)
    return read_letter(source.content, is_whole=source.is_whole).letter


def _answers_us(engine: Engine, inquiry: Inquiry, letter: Letter) -> bool:
    """Whether it bears a Message-ID that only those know who got a letter about the inquiry."""
    named = (*letter.in_reply_to, *letter.references)
    return any(inquiry_of_message_id(engine, one) == inquiry.id for one in named)


def wished(engine: Engine, letter: Letter) -> Mailbox | None:
    """The one address that a letter asks to be answered at; never one of ours."""
    if len(letter.reply_to) != 1:
        return None
    address = letter.reply_to[0].address
    return None if address.lower() in house_of(engine).addresses else Mailbox(address)


def to_customer(
    engine: Engine,
    inquiry: Inquiry,
    kind: AnswerKind,
    text: str,
    to: Correspondent,
    occasion: str,
    now: datetime,
) -> Owed:
    """Staff's own words, in the thread of the customer's last letter."""
    values = values_of(engine, inquiry, name=to.name, patronymic=to.patronymic)
    return write(
        engine,
        kind,
        occasion=occasion,
        recipient=to.recipient,
        words=replace(values, text=text),
        inquiry_id=inquiry.id,
        letter=to.letter,
        now=now,
        letter_id=to.letter_id,
        asked_at=inquiry.received_at,
    )


def to_specialist(
    engine: Engine,
    tx: Transaction,
    inquiry: Inquiry,
    occasion: str,
    now: datetime,
    passed_on: PassedOn = PassedOn.NEW,
) -> Owed:
    """Everything that was written about it so far, with the first letter as it came."""
    theirs = letters.of_inquiry(tx, inquiry.id)
    values = replace(values_of(engine, inquiry), passed_on=passed_on, letters=len(theirs))
    if inquiry.status is InquiryStatus.INTERIM:
        values = replace(values, respond_on=None)  # was given
    if theirs:
        words = "\n\n".join(one.words for one in theirs if one.words.strip())
        values = replace(values, question=words)
    return write(
        engine,
        AnswerKind.ROUTE,
        occasion=occasion,
        recipient=Mailbox(inquiry.person),
        words=values,
        inquiry_id=inquiry.id,
        letter=None,
        now=now,
        attachment=_whole(tx, inquiry, theirs[0]) if theirs else None,
        letter_id=theirs[0].id if theirs else None,
        asked_at=inquiry.received_at,
    )


def pass_on(engine: Engine, tx: Transaction, inquiry_id: int, now: datetime) -> bool:
    """Tell the specialist of an inquiry that came without a letter; False where nobody is told:
    then it waits in the list of inquiries."""
    inquiry = inquiries.get(tx, inquiry_id)
    if inquiry.status is not InquiryStatus.ROUTED or not engine.channels.get(ChannelName.EMAIL):
        return False
    try:
        owed = to_specialist(engine, tx, inquiry, f"route:{inquiry.id}", now)
    except RenderError as error:
        log.error("inquiry.not_passed_on", inquiry=inquiry.id, kind=type(error).__name__)
        return False
    return outbox.owe(tx, owed, now) is not None


def to_remind(
    engine: Engine,
    inquiry: Inquiry,
    due: Sequence[Reminder],
    to: str,
    occasion: str,
    now: datetime,
) -> Owed:
    """To the specialist or the head: a deadline is near or missed, or two are, in their order."""
    first, last = due[0], due[-1]
    values = replace(
        values_of(engine, inquiry),
        due_on=first.on,
        is_overdue=first.when is When.AFTER,
        is_answer_due=first.deadline is Deadline.ANSWER,
        also_due_on=last.on if len(due) > 1 else None,
        is_also_overdue=last.when is When.AFTER,
    )
    return write(
        engine,
        AnswerKind.REMINDER,
        occasion=occasion,
        recipient=Mailbox(to),
        words=values,
        inquiry_id=inquiry.id,
        letter=None,
        now=now,
    )


def shown(day: date) -> str:
    """A day as the reader's calendar has it: 5 декабря 2026 г."""
    return str(format_date(day, "long", locale=current_language()))


def _whole(tx: Transaction, inquiry: Inquiry, letter: StoredLetter) -> tuple[str, bytes] | None:
    """The letter as an attachment, where it is here whole and mail servers would take it."""
    if letter.size_bytes > LARGEST_PASSED_ON:
        return None
    source = letters.original(tx, letter.id)
    return (f"{inquiry.number}.eml", source.content) if source.is_whole else None


def _name(tx: Transaction, inquiry: Inquiry) -> tuple[str, str]:
    """As our base knows whoever has this address, several people under one being nobody; who filled
    in a form told us how to call them."""
    known = customers.by_address(tx, inquiry.contact_point) if inquiry.contact_point else ()
    names = {(one.name, one.patronymic) for one in known}
    if len(names) == 1:
        return names.pop()
    return (inquiry.customer, "") if inquiry.channel is InquiryChannel.FORM else ("", "")
