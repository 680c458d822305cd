"""What staff do with an inquiry: give it to somebody, answer it, close it, open it again.

Each act is one transaction that holds the inquiry, so that of two clerks at the same moment the
second is told what the first has done; the letter that follows from it is owed in the same one.
"""

import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from campaigns.channel import ChannelName
from campaigns.contact import BadContact, classify_email
from campaigns.inquiry.deadlines import interim_by, interim_until
from campaigns.inquiry.status import OPEN, CloseReason, InquiryChannel, InquiryStatus
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.inquiries import letters as inquiry_letters
from dispatcher.inquiries import words as inquiry_words
from dispatcher.inquiries.letters import Correspondent
from dispatcher.ledger import Transaction, inquiries, inquiry_lists, outbox, trail
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.outbox import MailKind
from dispatcher.logs import mask
from dispatcher.report.words import word
from templates.answers import AnswerKind, PassedOn
from templates.errors import RenderError
from templates.i18n import _

LONGEST_TEXT = 20_000
MOST_LINES = 1000
# By these a customer can be written to.
_BY_MAIL = (InquiryChannel.EMAIL, InquiryChannel.FORM)

Act = Callable[[Transaction, Inquiry, datetime], None]


def assign(engine: Engine, number: str, person: str, actor: str, head: str = "") -> Inquiry:
    """Give an inquiry to a specialist, who gets the letter whole; without `head` the head stays.

    Raises NotFound, NotPossible.
    """
    person, head = _staff(person), _staff(head) if head else ""

    def act(tx: Transaction, seen: Inquiry, now: datetime) -> None:
        _need_open(seen)
        is_interim = seen.status is InquiryStatus.INTERIM
        status = InquiryStatus.INTERIM if is_interim else InquiryStatus.ROUTED
        _move(tx, seen, status, person=person, head=head or seen.head)
        trail.note(tx, now, actor, "inquiry.assign", _subject(seen), person=mask(person))
        if engine.channels.get(ChannelName.EMAIL):
            routed, occasion = inquiries.get(tx, seen.id), _next(tx, seen, MailKind.ROUTE)
            case = PassedOn.HANDED_OVER if seen.person else PassedOn.NEW
            letter = inquiry_letters.to_specialist(engine, tx, routed, occasion, now, case)
            outbox.owe(tx, letter, now)

    return _do(engine, number, act)


def interim(engine: Engine, number: str, text: str, until: date, actor: str) -> Inquiry:
    """Tell the customer that the answer in substance comes later, and by when.

    Raises NotFound, NotPossible: it is too late for one, or the day is not within the rules.
    """
    text, to = checked(text), _correspondent(engine, number)

    def act(tx: Transaction, seen: Inquiry, now: datetime) -> None:
        _need_open(seen)
        _need_day(engine, seen, until, now)
        _move(tx, seen, InquiryStatus.INTERIM, answer_on=until)
        details = {"until": until.isoformat(), "was": _iso(seen.answer_on), "to": _told(to)}
        trail.note(tx, now, actor, "inquiry.interim", _subject(seen), **details)
        _owe(engine, tx, seen, AnswerKind.INTERIM, text, to, now)

    return _do(engine, number, act)


def answer(engine: Engine, number: str, text: str, actor: str) -> Inquiry:
    """Answer the customer in substance, by e-mail. Raises NotFound, NotPossible."""
    text, to = checked(text), _correspondent(engine, number)

    def act(tx: Transaction, seen: Inquiry, now: datetime) -> None:
        _need_open(seen)
        _move(tx, seen, InquiryStatus.ANSWERED, done_at=now, done_by=actor)
        trail.note(tx, now, actor, "inquiry.answer", _subject(seen), to=_told(to))
        _owe(engine, tx, seen, AnswerKind.ANSWER, text, to, now)

    return _do(engine, number, act)


def close(engine: Engine, number: str, reason: CloseReason, actor: str) -> Inquiry:
    """Put an inquiry away. One that was answered cannot be put away for another reason.

    Raises NotFound, NotPossible.
    """

    def act(tx: Transaction, seen: Inquiry, now: datetime) -> None:
        if seen.status is InquiryStatus.CLOSED:
            raise _over(seen)
        if seen.status is InquiryStatus.ANSWERED and reason is not CloseReason.ANSWERED:
            raise NotPossible(
                _("Inquiry {number} was answered: close it with --reason answered.").format(
                    number=seen.number
                )
            )
        inquiries.close(tx, seen.id, actor, now, reason)

    return _do(engine, number, act)


def reopen(engine: Engine, number: str, actor: str) -> Inquiry:
    """Open what was answered or closed by mistake. Its deadlines stay. Raises NotFound,
    NotPossible."""

    def act(tx: Transaction, seen: Inquiry, now: datetime) -> None:
        if seen.status in OPEN:
            raise NotPossible(_("Inquiry {number} is open.").format(number=seen.number))
        status = InquiryStatus.ROUTED if seen.person else InquiryStatus.REGISTERED
        _move(tx, seen, status, done_at=None, done_by=None, close_reason=None)
        trail.note(tx, now, actor, "inquiry.reopen", _subject(seen), was=seen.status)

    return _do(engine, number, act)


def goes_to(engine: Engine, seen: Inquiry) -> str:
    """The address that an answer would go to; empty where it cannot be answered by e-mail, or no
    more."""
    if seen.status not in OPEN or seen.channel not in _BY_MAIL or not seen.contact_point:
        return ""
    return inquiry_letters.correspondent(engine, seen).recipient.address


def today(engine: Engine, now: datetime) -> date:
    """The day it is in the house's own zone: by it deadlines are counted."""
    return now.astimezone(ZoneInfo(engine.settings.zone)).date()


def checked(text: str) -> str:
    """A text of staff as it may go out. Raises NotPossible for one that says nothing, is too long,
    or holds what no letter should."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    if not text.strip():
        raise NotPossible(_("The text is empty."))
    if len(text) > LONGEST_TEXT:
        raise NotPossible(
            _("The text has {count} characters; {most} are allowed.").format(
                count=len(text), most=LONGEST_TEXT
            )
        )
    if text.count("\n") >= MOST_LINES:
        raise NotPossible(_("The text has more than {most} lines.").format(most=MOST_LINES))
    for place, line in enumerate(text.split("\n"), 1):
        if any(_is_unfit(character) for character in line):
            raise NotPossible(
                _("Line {line} holds a character that cannot be shown.").format(line=place)
            )
    return text


def _is_unfit(character: str) -> bool:
    if character == "\t":
        return False
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn")


def _do(engine: Engine, number: str, act: Act) -> Inquiry:
    """The inquiry as it stands after the act."""
    with engine.ledger.write() as tx:
        seen = inquiries.hold(tx, inquiries.find(tx, number).id)
        try:
            act(tx, seen, engine.clock.now())
        except RenderError as error:
            raise NotPossible(
                _("The letter cannot be written: {why}.").format(why=error)
            ) from error
        return inquiries.get(tx, seen.id)


def _move(tx: Transaction, seen: Inquiry, status: InquiryStatus, **values: object) -> None:
    if not inquiries.change(tx, seen, status, **values):
        raise _over(seen)


def _need_open(seen: Inquiry) -> None:
    if seen.status not in OPEN:
        raise _over(seen)


def _over(seen: Inquiry) -> NotPossible:
    return NotPossible(
        _(
            "Inquiry {number} is over: {status} ({actor}). To open it again: "
            "dispatcher inquiries reopen {number}"
        ).format(
            number=seen.number,
            status=word(inquiry_words.statuses, seen.status),
            actor=seen.done_by or "—",
        )
    )


def _correspondent(engine: Engine, number: str) -> Correspondent:
    """Whom an answer goes to. Raises NotFound, NotPossible."""
    with engine.ledger.read() as tx:
        seen = inquiries.find(tx, number)
    _need_open(seen)
    _need_mail(seen)
    if not engine.channels.get(ChannelName.EMAIL):
        raise NotPossible(
            _("E-mail is not set up: “dispatcher check” tells which settings are missing.")
        )
    return inquiry_letters.correspondent(engine, seen)


def _owe(
    engine: Engine,
    tx: Transaction,
    seen: Inquiry,
    kind: AnswerKind,
    text: str,
    to: Correspondent,
    now: datetime,
) -> None:
    """The customer's letter, which says what the inquiry has become."""
    changed, occasion = inquiries.get(tx, seen.id), _next(tx, seen, MailKind(kind))
    letter = inquiry_letters.to_customer(engine, changed, kind, text, to, occasion, now)
    outbox.owe(tx, letter, now)


def _told(to: Correspondent) -> str:
    """Whom a letter goes to, as the trail keeps it."""
    return mask(to.recipient.address)


def _need_mail(seen: Inquiry) -> None:
    if seen.channel not in _BY_MAIL:
        raise NotPossible(
            _(
                "Inquiry {number} did not come by e-mail. Answer by telephone or SMS, then: "
                "dispatcher inquiries close {number} --reason answered"
            ).format(number=seen.number)
        )
    if not seen.contact_point:
        raise NotPossible(
            _(
                "Inquiry {number} tells no address to answer to: "
                "dispatcher inquiries close {number} --reason no_contact"
            ).format(number=seen.number)
        )


def _need_day(engine: Engine, seen: Inquiry, until: date, now: datetime) -> None:
    """An interim answer comes in time, and promises a day within the rules."""
    periods, registered_on = engine.inquiry_rules.periods, today(engine, seen.received_at)
    last = interim_by(registered_on, periods)
    if today(engine, now) > last:
        raise NotPossible(
            _("An interim answer was possible until {day}: answer in substance.").format(
                day=inquiry_letters.shown(last)
            )
        )
    latest = interim_until(seen.answer_on or registered_on, registered_on, periods)
    if not today(engine, now) <= until <= latest:
        raise NotPossible(
            _("{day} is not possible: an interim answer may promise a day until {latest}.").format(
                day=inquiry_letters.shown(until), latest=inquiry_letters.shown(latest)
            )
        )


def _staff(address: str) -> str:
    """An address of staff, as it is kept. Raises NotPossible."""
    point = classify_email(address)
    if isinstance(point, BadContact):
        raise NotPossible(
            _("“{address}”: {why} Write one address such as olga@example.com.").format(
                address=address[:80], why=point.message
            )
        )
    return point.address


def _next(tx: Transaction, inquiry: Inquiry, kind: MailKind) -> str:
    """Names the letter of this kind that comes next. The inquiry is held: nobody else counts."""
    before = len(inquiry_lists.written(tx, [inquiry.id], kind))
    return f"{kind}:{inquiry.id}:{before + 1}"


def _subject(inquiry: Inquiry) -> str:
    return f"inquiry:{inquiry.id}"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
