"""What customers write to us by SMS: a stop is obeyed at once, anything else is an inquiry.

A message may come twice, late, or a thousand times in a minute from a robot that answers ours.
Each counts once by the provider's own name for it and the customer's number; one that bears neither
a name nor an instant is known for a few minutes only, and as a stop obeyed in any case: nobody can
tell a repetition of the provider's from a customer who says it again. There is one confirmation for
each time a customer stops us, and a flood ends up in one inquiry.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from campaigns.channel import ChannelName, Purpose
from campaigns.inquiry.status import InquiryChannel
from campaigns.outcome import Outcome
from campaigns.stop_words import Wish, means_calls, wish_of
from channels.base import Inbound
from dispatcher.engine import Engine
from dispatcher.inquiries.letters import pass_on
from dispatcher.inquiries.registering import register
from dispatcher.ledger import Transaction, inquiries, namesakes, replies
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.answered import Answered, answered_by
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.ledger.namesakes import Namesake, another
from dispatcher.ledger.receipts import storable
from dispatcher.logs import mask
from dispatcher.record import Finding, record
from dispatcher.refusing import BY_SMS, refusable, refuse
from dispatcher.tokens import TokenFor, sign, verify
from templates.i18n import _, speaking

log = structlog.get_logger()

LONGEST_TEXT = 2000
LONGEST_REFERENCE = 200
# A message to us within this time of ours is taken for its answer.
ANSWERS_FOR = timedelta(days=7)
# Within this time the same message is the provider's repetition; after it, another of that name.
REPEATED_FOR = timedelta(days=7)
NAMELESS_REPEATED_FOR = timedelta(minutes=10)
# So many inquiries of one customer in a day are kept apart; the rest goes into the last one.
MOST_A_DAY = 20
DAY = timedelta(days=1)
ONE_PART = 70  # characters of one SMS in Cyrillic letters
CUT = "…"  # stands for the oldest words where there is no more room
_E164 = re.compile(r"\+\d{7,15}")


class Taken(StrEnum):
    """What became of a message to us."""

    STOPPED = "stopped"
    STOPPED_BEFORE = "stopped_before"
    INQUIRY = "inquiry"
    MERGED = "merged"  # into an inquiry that is there
    KNOWN = "known"  # it came before


def inbound_token(secret: str, provider: str) -> str:
    """The last part of the address that a provider without signatures is given."""
    return sign(secret, TokenFor.INBOUND, provider)


def is_genuine(engine: Engine, provider: str, token: str) -> bool:
    return verify(engine.secret, TokenFor.INBOUND, token) == provider


def addresses(receipts_url: str, secret: str) -> dict[str, str]:
    """Where each provider of SMS is to post what customers write; staff tell them."""
    return {
        "smsaero": f"{receipts_url}/smsaero/inbound/{inbound_token(secret, 'smsaero')}",
        "twilio": f"{receipts_url}/twilio/inbound",
    }


def take_in(engine: Engine, provider: str, message: Inbound) -> Taken:
    """Register a customer's SMS and do what it asks for. Safe to call again with the same one.

    Raises ValueError for a sender that is no telephone number: nobody to answer, nothing to stop.
    """
    if not _E164.fullmatch(message.contact_point):
        raise ValueError("the sender is no number")

    def act(tx: Transaction) -> Taken:
        return _Desk(tx, engine, provider, message, engine.clock.now()).take()

    taken = engine.ledger.insist(act)
    log.info(
        "inbound",
        channel=ChannelName.SMS.value,
        provider=provider,
        contact_point=mask(message.contact_point),
        effect=taken.value,
    )
    return taken


class _Desk:
    """One transaction's work on one message."""

    def __init__(
        self, tx: Transaction, engine: Engine, provider: str, message: Inbound, now: datetime
    ) -> None:
        self._tx, self._engine, self._provider, self._now = tx, engine, provider, now
        self._point = message.contact_point
        self._text = storable(message.text)[:LONGEST_TEXT]
        self._is_named = bool(message.reference) or message.at is not None
        self._reference = _reference(message)
        self._wish = wish_of(message.text, engine.settings.company)

    def take(self) -> Taken:
        inquiries.one_at_a_time(self._tx, self._point)
        theirs = namesakes.of(
            self._tx, ChannelName.SMS, self._provider, self._reference, self._point
        )
        if self._is_repeated(theirs):
            return Taken.KNOWN
        if theirs:
            self._reference = another(self._reference, len(theirs) + 1)
        since = self._now - ANSWERS_FOR
        answered = answered_by(self._tx, ChannelName.SMS, self._point, since, self._provider)
        if answered is not None and answered.attempt_id is not None:
            self._arrived(answered.attempt_id)
        else:
            # Nothing that they could be answering there; whose number it is shows all the same.
            answered = answered_by(self._tx, ChannelName.SMS, self._point, since, in_doubt=True)
        return self._stop(answered) if self._wish is Wish.STOP else self._inquire(answered)

    def _is_repeated(self, theirs: Sequence[Namesake]) -> bool:
        """Whether the provider posts again what it has posted; in doubt, a stop is obeyed."""
        since = self._now - (REPEATED_FOR if self._is_named else NAMELESS_REPEATED_FOR)
        if not any(one.kind is self._wish and one.received_at > since for one in theirs):
            return False
        if self._is_named or self._wish is not Wish.STOP:
            return True
        return not any(self._missing(channel) for channel in self._stopped_channels())

    def _arrived(self, attempt_id: int) -> None:
        """Who answers has read it."""
        finding = Finding(attempt_id, Outcome.ANSWERED, self._now, "answered by SMS")
        changed = record(self._tx, self._engine, [finding], self._now)
        if changed:
            kept.keep(
                self._tx,
                provider=self._provider,
                attempt_id=attempt_id,
                reference=self._reference,
                outcome=Outcome.ANSWERED,
                effect="recorded",
                payload={"kind": "answer"},
                now=self._now,
            )

    def _stop(self, answered: Answered | None) -> Taken:
        """No more to this number; one confirmation for as long as that stands."""
        added = [self._suppress(channel) for channel in self._stopped_channels()]
        if not any(added):
            if not self._is_flooded():
                self._add(answered)
            return Taken.STOPPED_BEFORE
        number = self._add(answered)
        if added[0]:
            language = answered.language if answered else "ru"
            text = confirmation(
                self._engine.settings.company, self._engine.settings.company_phone, language
            )
            replies.add(
                self._tx, number, ChannelName.SMS, self._provider, self._point, text, self._now
            )
        return Taken.STOPPED

    def _stopped_channels(self) -> Sequence[ChannelName]:
        """What a stop is about; SMS comes first."""
        if means_calls(self._text, self._engine.settings.company):
            return ChannelName.SMS, ChannelName.PHONE
        return (ChannelName.SMS,)

    def _missing(self, channel: ChannelName) -> Sequence[Purpose]:
        return refusable(self._tx, self._engine, self._point, channel, self._now)

    def _suppress(self, channel: ChannelName) -> bool:
        return refuse(self._tx, self._engine, self._point, channel, BY_SMS, self._now)

    def _inquire(self, answered: Answered | None) -> Taken:
        if self._is_flooded():
            last = inquiries.latest_question(
                self._tx, ChannelName.SMS, self._point, self._now - DAY
            )
            if last is not None:
                inquiries.append(self._tx, last, joined(last.text, self._text))
                return Taken.MERGED
        self._add(answered)
        return Taken.INQUIRY

    def _is_flooded(self) -> bool:
        since = self._now - DAY
        count = inquiries.count_since(self._tx, ChannelName.SMS, self._point, since)
        return count >= MOST_A_DAY

    def _add(self, answered: Answered | None) -> int:
        new = NewInquiry(
            InquiryChannel.SMS,
            self._provider,
            self._reference,
            self._point,
            self._wish,
            self._text,
            account_number=answered.account_number if answered else None,
            attempt_id=answered.attempt_id if answered else None,
            language=answered.language if answered else "ru",
        )
        inquiry_id = register(self._tx, self._engine, new, self._now).id
        pass_on(self._engine, self._tx, inquiry_id, self._now)
        return inquiry_id


def _reference(message: Inbound) -> str:
    """The provider's name for it; of one without a name, what tells it from others."""
    if message.reference:
        return storable(message.reference)[:LONGEST_REFERENCE]
    at = message.at.isoformat() if message.at else ""
    told = "\x00".join((message.contact_point, at, message.text))
    return "sha256:" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def joined(before: str, newest: str) -> str:
    """What a customer wrote and the newest words to it, these whole; the oldest give way."""
    if f"\n{newest}\n" in f"\n{before}\n":  # a robot says the same again and again
        return before
    whole = f"{before}\n{newest}"
    if len(whole) <= LONGEST_TEXT:
        return whole
    room = max(LONGEST_TEXT - len(CUT), len(newest))
    return CUT + whole[-room:]


def confirmation(company: str, phone: str, language: str) -> str:
    """What a customer who stopped us is told, in one part of an SMS where that can be."""
    with speaking(language):
        forms = (
            _("You are unsubscribed from messages of {company}. Questions: tel. {phone}"),
            _("You are unsubscribed: {company}. Tel. {phone}"),
            _("You are unsubscribed. Tel. {phone}"),
        )
        texts = [form.format(company=company, phone=phone) for form in forms]
    return next((text for text in texts if len(text) <= ONE_PART), texts[-1])
