"""Taking a form of the site in: registered, answered and passed on in one transaction.

Whoever fills it in may give somebody else's address and account. So the letter that goes there says
nothing but what anybody may know, and there are few of them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from campaigns.channel import ChannelName
from campaigns.inquiry.deadlines import due
from campaigns.inquiry.letter import Mailbox
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.sorting import Asked, Known, Sorted
from campaigns.inquiry.status import InquiryChannel, InquiryStatus
from campaigns.stop_words import Wish, wish_of
from dispatcher.engine import Engine
from dispatcher.form.fields import Form
from dispatcher.form.page import Thanks
from dispatcher.inquiries.registering import register, sorted_for
from dispatcher.inquiries.writing import write
from dispatcher.ledger import Transaction, customers, forms, inquiries, outbox, trail
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.logs import mask
from templates.answers import AnswerKind, AnswerValues
from templates.errors import RenderError
from templates.i18n import _, speaking

log = structlog.get_logger()

DAY = timedelta(days=1)
# A double click, a page that is loaded again.
SAME_FORM = timedelta(minutes=10)
# Where the inquiries of other channels name a provider or a mailbox.
PROVIDER = "form"


def take_in(engine: Engine, form: Form, language: str, *, may_write: bool = True) -> Thanks:
    """Register a form and owe its letters; the same form again within some minutes gets the same
    answer. Without `may_write` the visitor gets no letter. Raises LedgerAway."""

    def act(tx: Transaction) -> _Told:
        return _Desk(tx, engine, form, language, engine.clock.now()).take(may_write)

    told = engine.ledger.insist(act)
    log.info(
        "form.in",
        contact_point=mask(form.email),
        inquiry=told.inquiry_id,
        effect=told.effect,
        answered=told.is_answered,
    )
    return told.thanks


def pretend(engine: Engine, _form: Form, language: str) -> Thanks:  # noqa: ARG001
    """What a robot that fills in every field is told: the same as everybody. No inquiry has this
    number, so that a person who was taken for a robot is found out by it."""
    with engine.ledger.read() as tx:
        holidays = engine.rules(tx).holidays
    today = _today(engine, engine.clock.now())
    owed = due(InquiryChannel.FORM, today, engine.inquiry_rules.periods, holidays)
    log.info("form.in", effect="trap")
    return Thanks(f"{today.year}-000000", owed.respond_on)


def _today(engine: Engine, now: datetime) -> date:
    return now.astimezone(ZoneInfo(engine.settings.zone)).date()


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of a form, for its sender and for the log."""

    thanks: Thanks
    inquiry_id: int
    effect: str
    is_answered: bool = False


class _Desk:
    """One transaction's work on one form."""

    def __init__(
        self, tx: Transaction, engine: Engine, form: Form, language: str, now: datetime
    ) -> None:
        self._tx, self._engine, self._form = tx, engine, form
        self._language, self._now = language, now
        told = form.model_dump_json().encode("utf-8", "replace")
        self._digest = hashlib.sha256(told).hexdigest()
        # A form does not prove whose the address is: only a letter from there is obeyed.
        self._is_stop = wish_of(form.text, engine.settings.company) is Wish.STOP
        self._text = form.text
        if form.phone:
            with speaking(engine.settings.language):
                line = _("Telephone: {number}").format(number=form.phone)
            self._text = f"{form.text}\n\n{line}"

    def take(self, may_write: bool) -> _Told:
        inquiries.one_at_a_time(self._tx, self._form.email)
        since = self._now - SAME_FORM
        same = forms.filed_since(self._tx, self._form.email, self._digest, since)
        if same is not None:
            return _Told(Thanks(same.number, same.respond_on), same.inquiry_id, "repeated")
        greeted = _of_account(customers.by_address(self._tx, self._form.email), self._form.account)
        found = self._sorted(greeted)
        inquiry_id, number = self._register(found)
        words = self._values(found, greeted, number)
        is_answered = may_write and self._answer(words, inquiry_id)
        self._pass_on(found, words, inquiry_id)
        thanks = Thanks(number, found.respond_on)
        return _Told(thanks, inquiry_id, "registered", is_answered)

    def _sorted(self, greeted: Known | None) -> Sorted:
        """Whose branch and segment it is, the account tells better than the address."""
        form = self._form
        owner = customers.by_account(self._tx, form.account) if form.account else greeted
        asked = Asked(
            InquiryChannel.FORM,
            words=form.text,
            sender=form.email,
            account_number=form.account,
            topic=Topic.OTHER if self._is_stop else form.topic,
        )
        return sorted_for(self._engine, self._tx, asked, owner, self._now)

    def _register(self, found: Sorted) -> tuple[int, str]:
        new = NewInquiry(
            InquiryChannel.FORM,
            PROVIDER,
            f"{self._digest}:{self._now.isoformat()}",
            self._form.email,
            Wish.QUESTION,
            self._text,
            account_number=found.account_number,
            status=InquiryStatus.ROUTED if found.person else InquiryStatus.REGISTERED,
            customer=self._form.name,
            topic=found.topic,
            confidence=found.confidence,
            branch=found.branch,
            segment=found.segment,
            language=self._language,
            person=found.person,
            head=found.head,
            missing=found.missing,
            readings=tuple(str(one) for one in found.readings),
            respond_on=found.respond_on,
            answer_on=found.answer_on,
        )
        registered = register(self._tx, self._engine, new, self._now)
        policy = self._engine.settings.form_policy_url
        if policy and self._form.consent:
            subject = f"inquiry:{registered.id}"
            trail.note(self._tx, self._now, PROVIDER, "inquiry.consent", subject, policy=policy)
        return registered.id, registered.number

    def _values(self, found: Sorted, greeted: Known | None, number: str) -> AnswerValues:
        form = self._form
        return AnswerValues(
            language=self._language,
            number=number,
            channel=InquiryChannel.FORM,
            received_on=_today(self._engine, self._now),
            question=form.text,
            topic=found.topic,
            confidence=found.confidence,
            missing=found.missing,
            readings=[str(one) for one in found.readings],
            respond_on=found.respond_on,
            answer_on=found.answer_on,
            working_days=self._engine.inquiry_rules.periods.form_working_days,
            name=greeted.name if greeted else form.name,
            patronymic=greeted.patronymic if greeted else "",
            customer=form.name,
            contact_point=form.email,
            account_number=found.account_number or "",
            branch=found.branch,
            phone=found.branch_phone,
            hours=found.branch_hours,
            how_to_stop=self._is_stop,
        )

    def _answer(self, words: AnswerValues, inquiry_id: int) -> bool:
        """The thanks, unless that address had its share of answers."""
        email = self._form.email
        had = outbox.answers_since(self._tx, email, self._now - DAY)
        if had >= self._engine.settings.robot_answers_per_day:
            return False
        return self._owe(AnswerKind.FORM, email, words, inquiry_id)

    def _pass_on(self, found: Sorted, words: AnswerValues, inquiry_id: int) -> None:
        if found.person:
            whole = replace(words, question=self._text)
            self._owe(AnswerKind.ROUTE, found.person, whole, inquiry_id)

    def _owe(self, kind: AnswerKind, to: str, words: AnswerValues, inquiry_id: int) -> bool:
        """Whether the letter will go. That it cannot be written is no reason to lose an inquiry."""
        if not self._engine.channels.get(ChannelName.EMAIL):
            return False
        try:
            owed = write(
                self._engine,
                kind,
                occasion=f"{kind}:{inquiry_id}",
                recipient=Mailbox(to),
                words=words,
                inquiry_id=inquiry_id,
                letter=None,
                now=self._now,
            )
        except RenderError as error:
            log.error("form.unwritten", inquiry=inquiry_id, kind=type(error).__name__)
            return False
        return outbox.owe(self._tx, owed, self._now) is not None


def _of_account(theirs: Sequence[Known], account: str) -> Known | None:
    """The one customer of an address, and of the account where one is told. Several people under
    one address are nobody."""
    fitting = [one for one in theirs if account in ("", one.account_number)]
    names = {(one.name.casefold(), one.patronymic.casefold()) for one in fitting}
    return fitting[0] if len(names) == 1 else None
