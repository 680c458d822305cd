"""Inquiries in a ledger, registered as the mail-robot leaves them, for tests of what staff do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path

from sqlalchemy import select

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import InquiryChannel, InquiryStatus
from campaigns.inquiry.verdict import Reason, Verdict
from campaigns.stop_words import Wish
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.inquiries import desk
from dispatcher.ledger import Ledger, inquiries, letters, trail
from dispatcher.ledger import tables as t
from dispatcher.ledger.inquiries import Inquiry, NewInquiry
from dispatcher.ledger.letters import NewLetter
from dispatcher.ledger.trail import Act
from dispatcher.wiring import make_engine
from tests.flow.rehearsing import settings_for

NOON = datetime(2026, 9, 7, 9, 0, tzinfo=UTC)  # a Monday, 12:00 in Moscow
TODAY = date(2026, 9, 7)
ANNA = "anna@example.com"
OLGA, PAVEL, HEAD = "olga@energo.example.com", "pavel@energo.example.com", "head@energo.example.com"
DAY = timedelta(days=1)
BY_RULES = date.min
_COUNT = count(1)


@dataclass
class Office:
    engine: Engine
    clock: SimulatedClock

    def asked(
        self,
        *,
        channel: InquiryChannel = InquiryChannel.EMAIL,
        contact_point: str = ANNA,
        text: str = "Второй день нет света.",
        kind: Wish = Wish.QUESTION,
        person: str = OLGA,
        head: str = "",
        topic: Topic = Topic.OUTAGE,
        segment: str = "",
        branch: str = "",
        language: str = "ru",
        customer: str = "",
        respond_on: date | None = BY_RULES,
        answer_on: date | None = BY_RULES,
    ) -> Inquiry:
        """Without days of its own, an inquiry is owed an answer in 3 and 14 days."""
        new = NewInquiry(
            channel,
            "info",
            f"in-{next(_COUNT)}",
            contact_point,
            kind,
            text,
            status=InquiryStatus.ROUTED if person else InquiryStatus.REGISTERED,
            subject="Нет света",
            customer=customer,
            topic=topic,
            branch=branch,
            segment=segment,
            language=language,
            person=person,
            head=head,
            respond_on=self.today + 3 * DAY if respond_on is BY_RULES else respond_on,
            answer_on=self.today + 14 * DAY if answer_on is BY_RULES else answer_on,
        )
        now = self.clock.now()
        with self.engine.ledger.write() as tx:
            number = inquiries.next_number(tx, now.year)
            return inquiries.get(tx, inquiries.register(tx, new, number, now))

    def wrote(
        self, inquiry: Inquiry, *headers: str, sender: str = ANNA, is_whole: bool = True
    ) -> bytes:
        """A letter of the customer about an inquiry, as it came."""
        number = next(_COUNT)
        lines = [f"From: {sender}", f"Message-ID: <m{number}@example.com>", *headers]
        words = f"Письмо {number}: где же свет?"
        raw = ("\r\n".join(lines) + f"\r\n\r\n{words}\r\n").encode()
        letter = NewLetter(
            identity=f"letter-{number}",
            mailbox="info",
            message_id=f"<m{number}@example.com>",
            sender=sender,
            subject="Нет света",
            words=words,
            words_digest="",
            arrived_at=self.clock.now(),
            verdict=Verdict.ANSWER,
            reason=Reason.LETTER,
            size_bytes=len(raw),
            inquiry_id=inquiry.id,
        )
        with self.engine.ledger.write() as tx:
            letters.add(tx, letter, raw, is_whole=is_whole, now=self.clock.now())
        return raw

    @property
    def today(self) -> date:
        return desk.today(self.engine, self.clock.now())

    def see(self, inquiry: Inquiry) -> Inquiry:
        with self.engine.ledger.read() as tx:
            return inquiries.get(tx, inquiry.id)

    def acts(self, inquiry: Inquiry) -> Sequence[Act]:
        with self.engine.ledger.read() as tx:
            return trail.of(tx, f"inquiry:{inquiry.id}")

    def owed(self, recipient: str) -> Sequence[EmailMessage]:
        """The letters in the outbox for this address, the first one first."""
        o = t.outbox.c
        query = select(o.content).where(o.recipient == recipient).order_by(o.id)
        with self.engine.ledger.read() as tx:
            contents = tx.execute(query).scalars()
            return [
                message_from_bytes(one, EmailMessage, policy=policy.default) for one in contents
            ]


def open_office(
    ledger: Ledger, folder: Path, *, start_at: datetime = NOON, **settings: object
) -> Office:
    clock = SimulatedClock(start_at)
    values = {
        "smtp_host": "127.0.0.1",
        "smtp_tls": "none",
        "mail_from": "info@energo.example.com",
        "company": "Энергосбыт",
        **settings,
    }
    found = settings_for(folder, str(ledger.engine.url), **values)
    return Office(make_engine(found, clock=clock, ledger=ledger), clock)


def said(letter: EmailMessage) -> str:
    """The words of a letter, as text."""
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
