"""What is to be done with a letter: gathered from the ledger, judged, and not done yet.

Nothing is written here, so that a letter may be tried out (`dispatcher mailrobot test`) by the very
code that works.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.inquiry.address import likeness, written
from campaigns.inquiry.findings import find_account
from campaigns.inquiry.judgement import judge
from campaigns.inquiry.letter import Flaw, Letter, Mailbox
from campaigns.inquiry.reply_to import reply_address
from campaigns.inquiry.report import MailReport
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.sorting import Asked, Known, Sorted
from campaigns.inquiry.status import OPEN, InquiryChannel, Missing
from campaigns.inquiry.verdict import History, House, Judged, Reason
from campaigns.permission import point_party
from campaigns.stop_words import Wish, wish_of
from channels.mailbox.reading import ReadLetter
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.inquiries.registering import sorted_for
from dispatcher.inquiries.writing import inquiry_of_message_id
from dispatcher.ledger import Transaction, customers, inquiries, letters, outbox
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.mailrobot.campaign_mail import attempt_of
from dispatcher.mailrobot.identity import identity_of, occasion_of_answer, words_digest
from dispatcher.mailrobot.unsubscribing import asks_to_unsubscribe
from templates.answers import AnswerKind, AnswerValues, number_in

# The period in which answers to one sender are counted.
PERIOD = timedelta(days=1)
# The same words of the same sender within this time are the same question.
SAME_QUESTION = timedelta(days=30)
# Silent, and yet somebody may want something: a person looks at them.
REGISTERED_ANYHOW = frozenset(
    {Reason.ANSWERED_BEFORE, Reason.REPEATED, Reason.TOO_MANY, Reason.NO_SENDER}
)
# What a letter is about that nobody registers: it is not looked into, which is the dear part.
UNSORTED = Sorted(
    Topic.OTHER, 0.0, (), None, "", (), "", "", "", "", "", "", (), date.max, date.max
)


@dataclass(frozen=True, slots=True)
class Decided:
    """`inquiry` is the open one that the letter belongs to; `former` one that is over, which a new
    one follows. `customer` is the sender as our base knows them, and nobody else. `at` is now, in
    the house's own zone."""

    letter: Letter
    report: MailReport | None
    judged: Judged
    identity: str
    words_digest: str
    occasion: str
    recipient: Mailbox | None
    customer: Known | None
    at: datetime
    sorted: Sorted
    attempt: Attempt | None
    inquiry: Inquiry | None
    former: Inquiry | None
    is_repeated: bool
    is_unsubscribe: bool
    wish: Wish

    @property
    def is_registered(self) -> bool:
        return self.judged.is_answered or self.judged.reason in REGISTERED_ANYHOW

    @property
    def kind(self) -> AnswerKind:
        """Which letter answers this one."""
        if self.wish is Wish.STOP:
            return AnswerKind.STOPPED
        return AnswerKind.ADDED if self.inquiry else AnswerKind.ACKNOWLEDGEMENT

    @property
    def greeted(self) -> Known | None:
        """Whom the answer may call by name: From is a stranger's word, and where the answer goes
        elsewhere it would tell whoever wrote it how somebody else is called."""
        sender, recipient = self.letter.sender, self.recipient
        if sender is None or recipient is None:
            return None
        is_same = likeness(sender.address) == likeness(recipient.address)
        return self.customer if is_same else None

    def values(self, number: str) -> AnswerValues:
        """What the answer and the letter to the specialist say."""
        known, found, old = self.greeted, self.sorted, self.inquiry
        account = found.account_number or (old.account_number if old else None)
        received_at = old.received_at if old else self.at
        return AnswerValues(
            language=self.letter.language,
            number=number,
            channel=InquiryChannel.EMAIL,
            received_on=received_at.astimezone(self.at.tzinfo).date(),
            subject=self.letter.subject,
            question=self.letter.words,
            topic=old.topic if old else found.topic,
            confidence=found.confidence,
            missing=[one for one in found.missing if account is None or one is not Missing.ACCOUNT],
            readings=[f"{one.zone} {one.value_text}".strip() for one in found.readings],
            respond_on=old.respond_on if old else found.respond_on,
            answer_on=old.answer_on if old else found.answer_on,
            is_repeated=self.is_repeated,
            name=known.name if known else "",
            patronymic=known.patronymic if known else "",
            customer=_called(self.letter, self.customer),
            contact_point=self.recipient.address if self.recipient else "",
            account_number=account or "",
            branch=found.branch,
            phone=found.branch_phone,
            hours=found.branch_hours,
        )


def decide(
    tx: Transaction,
    engine: Engine,
    house: House,
    read: ReadLetter,
    raw: bytes,
    now: datetime,
    *,
    mailbox: str = "",
    sorts_all: bool = False,
) -> Decided:
    """Judge a letter by what the ledger knows at this moment. What is not registered is sorted only
    if `sorts_all`."""
    letter = read.letter
    identity = identity_of(letter, raw)
    digest = words_digest(letter, identity)
    occasion = occasion_of_answer(letter, identity)
    recipient = reply_address(letter, house.addresses)
    attempt = attempt_of(tx, engine, letter, read.report)
    is_report = read.report is not None
    sender = letter.sender.address if letter.sender else ""
    about, is_repeated = (None, False) if is_report else _about(tx, engine, letter, digest, now)
    is_open = about is not None and about.status in OPEN
    is_unsubscribe = not is_report and asks_to_unsubscribe(engine, letter)
    since = now - PERIOD
    history = History(
        was_answered=outbox.is_owed(tx, occasion),
        answers=max(
            letters.answers_since(tx, sender, since),
            outbox.answers_since(tx, recipient.address, since) if recipient else 0,
        ),
        repeats=letters.repeats_since(tx, sender, digest, since),
        answers_campaign=attempt is not None,
        follows_inquiry=is_open,
        is_unsubscribe=is_unsubscribe,
    )
    judged = judge(letter, house, history, is_report=is_report)
    customer = _customer(tx, sender)
    meant = customer or (customers.of_attempt(tx, attempt.id) if attempt else None)
    decided = Decided(
        letter=letter,
        report=read.report,
        judged=judged,
        identity=identity,
        words_digest=digest,
        occasion=occasion,
        recipient=recipient,
        customer=customer,
        at=now.astimezone(ZoneInfo(engine.settings.zone)),
        sorted=UNSORTED,
        attempt=attempt,
        inquiry=about if is_open else None,
        former=None if is_open else about,
        is_repeated=is_repeated,
        is_unsubscribe=is_unsubscribe,
        wish=_wish(letter, engine, judged),
    )
    if not (decided.is_registered or sorts_all):
        return decided
    asked = _asked(engine, letter, recipient, mailbox)
    return replace(decided, sorted=sorted_for(engine, tx, asked, meant, now))


def _about(
    tx: Transaction, engine: Engine, letter: Letter, digest: str, now: datetime
) -> tuple[Inquiry | None, bool]:
    """The inquiry that a letter belongs to, and whether it merely says the same again.

    A Message-ID of ours proves that we wrote to them about it; a number in the subject, which
    anybody may write, holds for the one who asked only.
    """
    sender = letter.sender.address if letter.sender else ""
    for message_id in (*letter.in_reply_to, *reversed(letter.references)):
        inquiry_id = inquiry_of_message_id(engine, message_id)
        if inquiry_id is not None and (found := _existing(tx, str(inquiry_id))) is not None:
            return found, False
    number = number_in(letter.subject)
    found = _existing(tx, number) if number else None
    if found is not None and sender and point_party(found.contact_point) == point_party(sender):
        return found, False
    if sender:
        same = letters.same_question(tx, sender, digest, now - SAME_QUESTION)
        if same is not None:
            return inquiries.get(tx, same), True
    return None, False


def _existing(tx: Transaction, number: str) -> Inquiry | None:
    try:
        return inquiries.find(tx, number)
    except NotFound:
        return None


def _customer(tx: Transaction, sender: str) -> Known | None:
    """The one customer whose address this is; several people under one address are nobody."""
    found = customers.by_address(tx, sender) if sender else []
    names = {(one.name.casefold(), one.patronymic.casefold()) for one in found}
    return found[0] if len(names) == 1 else None


def _asked(engine: Engine, letter: Letter, recipient: Mailbox | None, mailbox: str) -> Asked:
    return Asked(
        InquiryChannel.EMAIL,
        subject=letter.subject,
        words=letter.words,
        sender=letter.sender.address if letter.sender else "",
        mailbox=_written_to(engine, letter, mailbox),
        has_contact=recipient is not None,
        is_readable=Flaw.UNREADABLE not in letter.flaws,
        account_number=_signed_with(engine, letter),
    )


def _signed_with(engine: Engine, letter: Letter) -> str:
    """The account that a signature names, or a quoted letter, where the words name none."""
    pattern = engine.inquiry_rules.account_pattern
    if find_account(f"{letter.subject}\n{letter.words}", pattern).number:
        return ""
    found = find_account(letter.text, pattern)
    return found.number or "" if found.is_labelled else ""


def _written_to(engine: Engine, letter: Letter, mailbox: str) -> str:
    """The address of the mailbox that a letter came by; where only the mail server knows it, as
    that server wrote it down."""
    for box in engine.settings.mailboxes:
        if box.name == mailbox:
            return box.address or box.username
    delivered = (written(value).address for value in letter.values("delivered-to")[:1])
    return next(delivered, "")


def _wish(letter: Letter, engine: Engine, judged: Judged) -> Wish:
    if Flaw.UNREADABLE in letter.flaws:
        return Wish.UNREADABLE
    if not judged.is_answered and judged.reason not in REGISTERED_ANYHOW:
        return Wish.QUESTION
    # Who writes nothing but a subject means it.
    words = letter.words.strip() or letter.subject
    return Wish.STOP if wish_of(words, engine.settings.company) is Wish.STOP else Wish.QUESTION


def _called(letter: Letter, known: Known | None) -> str:
    """How staff are told who writes: as our base knows them, else as they call themselves."""
    if known is not None:
        return " ".join(filter(None, (known.surname, known.name, known.patronymic)))
    return letter.sender.name if letter.sender else ""
