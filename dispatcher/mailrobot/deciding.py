"""What is to be done with a letter: gathered from the ledger, judged, and not done yet.

Nothing is written here, so that a letter may be tried out (`dispatcher mailrobot test`) by the very
code that works.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.inquiry.absence import asks_for_something
from campaigns.inquiry.findings import find_account, find_readings
from campaigns.inquiry.judgement import judge
from campaigns.inquiry.letter import Flaw, Letter, Mailbox
from campaigns.inquiry.reply_to import reply_address
from campaigns.inquiry.report import MailReport
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.sorting import Known, Sorted
from campaigns.inquiry.status import InquiryChannel, Missing
from campaigns.inquiry.verdict import History, House, Judged, Reason
from campaigns.inquiry.vouching import is_vouched_for
from campaigns.stop_words import Wish, wish_of
from channels.mailbox.reading import ReadLetter
from dispatcher.engine import Engine
from dispatcher.inquiries.registering import sorted_for
from dispatcher.ledger import Transaction, customers, letters_before, outbox
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.letters_before import Before
from dispatcher.mailrobot.asking import asked_by
from dispatcher.mailrobot.belonging import Belonging, belonging_of
from dispatcher.mailrobot.campaign_mail import attempt_of
from dispatcher.mailrobot.identity import (
    Correspondents,
    correspondents_of,
    identity_of,
    occasion_of_answer,
    words_digest,
)
from dispatcher.mailrobot.unsubscribing import asks_to_unsubscribe
from templates.answers import AnswerKind, AnswerValues

# The period in which answers are counted, and letters that are passed on in silence.
PERIOD = timedelta(days=1)
# Of these there was enough: they are registered, and nobody's mailbox is filled with them.
BEYOND_MEASURE = frozenset({Reason.ANSWERED_BEFORE, Reason.REPEATED, Reason.TOO_MANY})
# Silent, and yet somebody may want something: a person looks at them.
REGISTERED_ANYHOW = BEYOND_MEASURE | {Reason.NO_SENDER}
# A program may have written or passed on these, and a person as well: a clerk of a firm whose mail
# system puts Precedence into everything, a customer who writes «в отпуске до 15 июля».
HEARD_WITH_REASON = frozenset(
    {
        Reason.MAILING_LIST,
        Reason.PRECEDENCE,
        Reason.AUTO_HEADER,
        Reason.SUPPRESS_HEADER,
        Reason.NO_REPLY,
        Reason.OUT_OF_OFFICE,
    }
)
# What a letter is about that nobody registers: it is not looked into, which is the dear part.
UNSORTED = Sorted(
    Topic.OTHER, 0.0, (), None, "", (), "", "", "", "", "", "", (), date.max, date.max
)


@dataclass(frozen=True, slots=True)
class Decided:
    """`inquiry` is the open one that the letter belongs to; `former` one that is over, which a new
    one follows. `customer` is the sender as our base knows them, and nobody else; None where the
    answer would go to somebody else, who would be told of them. `is_heard`: there is no answer, and
    yet it belongs to an inquiry or makes one. `at` is now, in the house's own zone."""

    letter: Letter
    report: MailReport | None
    judged: Judged
    identity: str
    words_digest: str
    occasion: str
    recipient: Mailbox | None
    who: Correspondents
    customer: Known | None
    at: datetime
    sorted: Sorted
    attempt: Attempt | None
    inquiry: Inquiry | None
    former: Inquiry | None
    is_repeated: bool
    is_unsubscribe: bool
    is_heard: bool
    is_passed_on: bool
    wish: Wish

    @property
    def is_registered(self) -> bool:
        return self.judged.is_answered or self.is_heard or self.judged.reason in REGISTERED_ANYHOW

    @property
    def kind(self) -> AnswerKind:
        """Which letter answers this one."""
        if self.wish is Wish.STOP:
            return AnswerKind.STOPPED
        return AnswerKind.ADDED if self.inquiry else AnswerKind.ACKNOWLEDGEMENT

    def values(self, number: str) -> AnswerValues:
        """What the answer and the letter to the specialist say."""
        known, found, old = self.customer, self.sorted, self.inquiry
        account = found.account_number or (old.account_number if old else None)
        # What an inquiry does not lack, no further letter about it is asked for.
        asks_account = account is None and (old is None or Missing.ACCOUNT in old.missing)
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
            missing=[one for one in found.missing if asks_account or one is not Missing.ACCOUNT],
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
    who = correspondents_of(letter, recipient)
    attempt = attempt_of(tx, engine, letter, read.report)
    is_report = read.report is not None
    about = Belonging() if is_report else belonging_of(tx, engine, letter, who, digest, now)
    before = _before(tx, who, about, digest, now)
    is_unsubscribe = not is_report and asks_to_unsubscribe(tx, engine, letter)
    answered = _answered(tx, recipient, before, now)
    history = History(
        was_answered=outbox.is_owed(tx, occasion),
        answers=answered,
        answers_about_inquiry=before.answers_about_inquiry,
        answers_to_domain=before.answers_to_domain,
        repeats=before.answers_to_words,
        answers_campaign=attempt is not None,
        follows_inquiry=about.is_open,
        is_unsubscribe=is_unsubscribe,
    )
    judged = judge(letter, house, history, is_report=is_report)
    sender = letter.sender.address if letter.sender else ""
    customer = _customer(tx, sender) if who.are_one else None
    meant = customer or (customers.of_attempt(tx, attempt.id) if attempt else None)
    decided = Decided(
        letter=letter,
        report=read.report,
        judged=judged,
        identity=identity,
        words_digest=digest,
        occasion=occasion,
        recipient=recipient,
        who=who,
        customer=customer,
        at=now.astimezone(ZoneInfo(engine.settings.zone)),
        sorted=UNSORTED,
        attempt=attempt,
        inquiry=about.inquiry if about.is_open else None,
        former=None if about.is_open else about.inquiry,
        is_repeated=about.is_repeated,
        is_unsubscribe=is_unsubscribe,
        is_heard=_is_heard(engine, letter, judged, about),
        is_passed_on=_is_passed_on(judged, before, house),
        wish=_wish(letter, engine, judged, attempt),
    )
    if not (decided.is_registered or sorts_all):
        return decided
    asked = asked_by(engine, letter, recipient, mailbox)
    return replace(decided, sorted=sorted_for(engine, tx, asked, meant, now))


def _before(
    tx: Transaction, who: Correspondents, about: Belonging, words_digest: str, now: datetime
) -> Before:
    return letters_before.before(
        tx,
        writer=who.writer,
        answered=who.recipient,
        answered_domain=who.domain,
        inquiry_id=about.inquiry.id if about.inquiry else None,
        words_digest=words_digest,
        since_at=now - PERIOD,
    )


def _answered(tx: Transaction, recipient: Mailbox | None, before: Before, now: datetime) -> int:
    """How many answers the sender had, or whom they want answered; thanks for the form of the site
    among them."""
    by_form = outbox.answers_since(tx, recipient.address, now - PERIOD) if recipient else 0
    return max(before.answers_to_writer, before.answers_to_recipient, by_form)


def _is_heard(engine: Engine, letter: Letter, judged: Judged, about: Belonging) -> bool:
    """Whether a letter without an answer belongs to an open inquiry, or asks for something where we
    have reason to think that a person does."""
    if judged.reason not in HEARD_WITH_REASON:
        return False
    if about.is_open:
        return True
    if about.inquiry is None and judged.reason is not Reason.OUT_OF_OFFICE:
        return False
    found = find_account(letter.words, engine.inquiry_rules.account_pattern).number
    tells_account = found is not None or bool(find_readings(letter.words))
    return asks_for_something(letter.words, tells_account=tells_account)


def _is_passed_on(judged: Judged, before: Before, house: House) -> bool:
    """Whether the specialist gets a copy. What is not answered has no cap of its own, and a program
    at each end could go on for ever."""
    if judged.is_answered:
        return True
    return (
        judged.reason not in BEYOND_MEASURE
        and max(before.from_writer, before.about_inquiry) < house.most_answers
    )


def _customer(tx: Transaction, sender: str) -> Known | None:
    """The one customer whose address this is; several people under one address are nobody."""
    found = customers.by_address(tx, sender) if sender else []
    names = {(one.name.casefold(), one.patronymic.casefold()) for one in found}
    return found[0] if len(names) == 1 else None


def _wish(letter: Letter, engine: Engine, judged: Judged, attempt: Attempt | None) -> Wish:
    """A stop that anybody may have forged is a question: staff see to it."""
    if Flaw.UNREADABLE in letter.flaws:
        return Wish.UNREADABLE
    if not judged.is_answered and judged.reason not in REGISTERED_ANYHOW:
        return Wish.QUESTION
    if attempt is None and not is_vouched_for(letter):
        return Wish.QUESTION
    # Who writes nothing but a subject means it.
    words = letter.words.strip() or letter.subject
    return Wish.STOP if wish_of(words, engine.settings.company) is Wish.STOP else Wish.QUESTION


def _called(letter: Letter, known: Known | None) -> str:
    """How staff are told who writes: as our base knows them, else as they call themselves."""
    if known is not None:
        return " ".join(filter(None, (known.surname, known.name, known.patronymic)))
    return letter.sender.name if letter.sender else ""
