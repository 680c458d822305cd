"""What was decided about a letter, done: in one transaction, so that it is done whole or not done.

Deliveries are held first and inquiries after, as everywhere: nobody waits crosswise.
"""

from dataclasses import replace
from datetime import datetime

import structlog

from campaigns.inquiry.address import likeness
from campaigns.inquiry.letter import Mailbox
from campaigns.inquiry.status import OPEN, InquiryChannel, InquiryStatus, Missing
from campaigns.inquiry.vouching import is_vouched_for
from campaigns.stop_words import Wish
from channels.mailbox.arrived import Arrived
from dispatcher.engine import Engine
from dispatcher.inquiries.letters import LARGEST_PASSED_ON
from dispatcher.inquiries.registering import Registered, register
from dispatcher.inquiries.writing import write
from dispatcher.ledger import Transaction, inquiries, letters, outbox
from dispatcher.ledger.inquiries import Inquiry, NewInquiry
from dispatcher.ledger.letters import NewLetter
from dispatcher.mailrobot.bounces import take_report
from dispatcher.mailrobot.campaign_mail import reply_arrived
from dispatcher.mailrobot.deciding import Decided
from dispatcher.mailrobot.passing_on import account_told, told_to_specialist
from dispatcher.mailrobot.unsubscribing import stop_asked, unsubscribe_by_mail
from templates.answers import AnswerKind
from templates.errors import RenderError

log = structlog.get_logger()

LONGEST_TEXT = 20_000


def carry_out(
    tx: Transaction, engine: Engine, arrived: Arrived, decided: Decided, now: datetime
) -> int:
    """Keep the letter and do what follows from it; the letter's id."""
    _about_campaigns(tx, engine, decided, now)
    decided = _as_it_stands(tx, decided)
    registered = _register(tx, engine, arrived, decided, now) if decided.is_registered else None
    letter_id = _keep(tx, arrived, decided, registered, now)
    if decided.report is not None:
        take_report(tx, engine, decided.attempt, decided.report, letter_id, now)
    if registered is not None:
        if decided.judged.is_answered:
            _answer(tx, engine, arrived, decided, registered, letter_id, now)
        _pass_on(tx, engine, arrived, decided, registered, letter_id, now)
    return letter_id


def _about_campaigns(tx: Transaction, engine: Engine, decided: Decided, now: datetime) -> None:
    """A person's answer proves that a message was read; a "no" holds from now on, for the address
    that our letter went to, and for the sender's where the mail systems vouch for it."""
    letter = decided.letter
    if decided.is_unsubscribe:
        unsubscribe_by_mail(tx, engine, letter, now)
    if not decided.is_registered or decided.is_heard:
        return
    if decided.wish is Wish.STOP:
        words = letter.words.strip() or letter.subject
        sender = letter.sender.address if letter.sender and is_vouched_for(letter) else ""
        stop_asked(tx, engine, words, sender, now, attempt=decided.attempt)
    if decided.attempt is not None:
        reply_arrived(tx, engine, decided.attempt, now)


def _as_it_stands(tx: Transaction, decided: Decided) -> Decided:
    """Staff may have closed the inquiry since it was looked at: nobody would read what is added."""
    if decided.inquiry is None or not decided.is_registered:
        return decided
    held = inquiries.hold(tx, decided.inquiry.id)
    if held.status in OPEN:
        return replace(decided, inquiry=held)
    return replace(decided, inquiry=None, former=held)


def _register(
    tx: Transaction, engine: Engine, arrived: Arrived, decided: Decided, now: datetime
) -> Registered:
    """The open inquiry that the letter belongs to, or a new one."""
    if decided.inquiry is not None:
        _complete(tx, decided.inquiry, account_told(engine, decided, decided.inquiry))
        return Registered(decided.inquiry.id, decided.inquiry.number)
    found, letter, words = decided.sorted, decided.letter, decided.values("")
    sender = letter.sender.address if letter.sender else ""
    is_routed = bool(found.person) and decided.is_passed_on
    new = NewInquiry(
        InquiryChannel.EMAIL,
        arrived.mailbox,
        decided.identity,
        sender,
        decided.wish,
        letter.words[:LONGEST_TEXT],
        account_number=found.account_number,
        attempt_id=decided.attempt.id if decided.attempt else None,
        status=InquiryStatus.ROUTED if is_routed else InquiryStatus.REGISTERED,
        subject=letter.subject,
        customer=words.customer,
        topic=found.topic,
        confidence=found.confidence,
        branch=found.branch,
        segment=found.segment,
        language=letter.language,
        person=found.person,
        head=found.head,
        missing=found.missing,
        readings=tuple(words.readings),
        respond_on=found.respond_on,
        answer_on=found.answer_on,
        follows_id=decided.former.id if decided.former else None,
    )
    return register(tx, engine, new, now)


def _complete(tx: Transaction, inquiry: Inquiry, account_number: str | None) -> None:
    """The account that we asked for, told in a further letter."""
    if account_number is None or inquiry.account_number is not None:
        return
    missing = [one for one in inquiry.missing if one is not Missing.ACCOUNT]
    inquiries.change(tx, inquiry, inquiry.status, account_number=account_number, missing=missing)


def _keep(
    tx: Transaction,
    arrived: Arrived,
    decided: Decided,
    registered: Registered | None,
    now: datetime,
) -> int:
    letter = decided.letter
    return letters.add(
        tx,
        NewLetter(
            identity=decided.identity,
            mailbox=arrived.mailbox,
            message_id=letter.message_id,
            sender=letter.sender.address if letter.sender else "",
            subject=letter.subject,
            words=letter.words[:LONGEST_TEXT],
            words_digest=decided.words_digest,
            arrived_at=arrived.arrived_at,
            verdict=decided.judged.verdict,
            reason=decided.judged.reason,
            size_bytes=arrived.size_bytes or len(arrived.raw),
            flaws=letter.flaws,
            attachments=letter.attachments,
            inquiry_id=registered.id if registered else None,
            attempt_id=decided.attempt.id if decided.attempt else None,
            writer=decided.who.writer,
            answered=decided.who.recipient if decided.judged.is_answered else "",
            answered_domain=decided.who.domain if decided.judged.is_answered else "",
        ),
        arrived.raw,
        is_whole=arrived.is_whole,
        now=now,
    )


def _answer(
    tx: Transaction,
    engine: Engine,
    arrived: Arrived,
    decided: Decided,
    registered: Registered,
    letter_id: int,
    now: datetime,
) -> None:
    if decided.recipient is None:
        return
    try:
        owed = write(
            engine,
            decided.kind,
            occasion=decided.occasion,
            recipient=decided.recipient,
            words=decided.values(registered.number),
            inquiry_id=registered.id,
            letter=decided.letter,
            now=now,
            letter_id=letter_id,
            asked_at=arrived.arrived_at,
        )
    except RenderError as error:
        # An address that no header can carry: registered all the same, and staff may call.
        log.error("answer.not_written", letter=letter_id, kind=type(error).__name__)
        return
    outbox.owe(tx, owed, now)


def _pass_on(
    tx: Transaction,
    engine: Engine,
    arrived: Arrived,
    decided: Decided,
    registered: Registered,
    letter_id: int,
    now: datetime,
) -> None:
    """The specialist gets the letter whole. A stop that was obeyed needs nobody, nor does a letter
    of the specialist's own."""
    person = decided.inquiry.person if decided.inquiry else decided.sorted.person
    if not person or not decided.is_passed_on or decided.wish is Wish.STOP:
        return
    if likeness(person) == decided.who.writer:
        return
    whole = arrived.is_whole and len(arrived.raw) <= LARGEST_PASSED_ON
    try:
        owed = write(
            engine,
            AnswerKind.ROUTE,
            occasion=f"route:{registered.id}:{letter_id}",
            recipient=Mailbox(person),
            words=told_to_specialist(tx, engine, decided, registered.number),
            inquiry_id=registered.id,
            letter=None,
            now=now,
            attachment=(f"{registered.number}.eml", arrived.raw) if whole else None,
            letter_id=letter_id,
            asked_at=arrived.arrived_at,
        )
    except RenderError as error:
        # Staff find it in the list of inquiries; the customer is answered all the same.
        log.error("letter.not_passed_on", letter=letter_id, kind=type(error).__name__)
        return
    outbox.owe(tx, owed, now)
