"""A house in which something was sent: campaigns of many attempts, letters, inquiries."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import insert, update

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import InquiryChannel, InquiryStatus
from campaigns.outcome import Outcome
from campaigns.recipient import Recipient, Segment
from campaigns.stop_words import Wish
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, inquiries
from dispatcher.ledger import tables as t
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.ledger.outbox import MailKind, MailStatus
from tests.flow.builders import EMAIL, PHONE, SMS, START, Books, address, mobile, recipient
from tests.web.house import House, open_house

BRANCHES = ("Курск", "Тверь", "Смоленск")
PRICE_KOPECKS = 350
_COUNT = count(1)
_WAYS = {
    PHONE: ((Outcome.BUSY, Outcome.NO_ANSWER, Outcome.MACHINE), Outcome.HEARD),
    SMS: ((Outcome.UNDELIVERED, Outcome.NO_RECEIPT), Outcome.DELIVERED),
    EMAIL: ((Outcome.BOUNCED,), Outcome.ACCEPTED),
}


@contextmanager
def busy_house(folder: Path, url: str | None = None) -> Iterator[tuple[House, Books]]:
    """A house on a simulated clock, and the way to make campaigns in it."""
    prices = {"smsaero": PRICE_KOPECKS}
    with open_house(folder, url, sms_price_kopecks=prices, zone="Asia/Novosibirsk") as house:
        clock = SimulatedClock(START - timedelta(days=30))
        house.engine.clock = clock
        yield house, Books(house.engine.ledger, house.engine, clock)


def customers(many: int) -> Sequence[Recipient]:
    """Of several branches, segments and districts; some without a telephone, some without mail."""
    people = []
    for n in range(many):
        points = [mobile(f"+7916{n:07}")] if n % 10 else []
        points += [address(f"customer{n}@example.com")] if n % 3 else []
        one = recipient(f"4-{n:05}", *points, row=n + 2)
        people.append(
            replace(
                one,
                branch=BRANCHES[n % 3] if n % 7 else "",
                segment=Segment.BUSINESS if n % 5 == 0 else Segment.PRIVATE,
                region="46",
                fields={**one.fields, "район": "Южный" if n % 2 else f"Дом {n}"},
            )
        )
    return people


def run(books: Books, many: int = 60, seed: int = 1) -> None:
    """Plan a campaign over customers, and try each up to three times, over some days."""
    books.launch(customers(many))
    with books.ledger.write() as tx:
        tx.execute(update(t.audiences).values(columns=["debt_kopecks", "район"]))
    chance = random.Random(seed)
    for table_row in _planned(books):
        _try_until_reached(books, chance, *table_row)


def _planned(books: Books) -> Sequence[tuple[int, ChannelName, str, str]]:
    d = t.deliveries.c
    with books.ledger.read() as tx:
        rows = tx.execute(
            t.deliveries.select().where(
                d.campaign_id == books.campaign.id, d.status == Status.PENDING
            )
        )
        return [(row.id, ChannelName(row.channel), row.points[0], row.zone) for row in rows]


def _try_until_reached(
    books: Books,
    chance: random.Random,
    delivery_id: int,
    channel: ChannelName,
    point: str,
    zone: str,
) -> None:
    """Rows as the engine leaves them, without its walking there one by one."""
    bad, good = _WAYS[channel]
    made: list[dict[str, object]] = []
    for number in range(1, 4):
        at = START + timedelta(days=number - 1, minutes=chance.randrange(600))
        outcome = good if chance.random() < 0.6 else chance.choice(bad)
        made.append(
            {
                "delivery_id": delivery_id,
                "number": number,
                "campaign_id": books.campaign.id,
                "channel": channel,
                "contact_point": point,
                "provider": {PHONE: "twilio", SMS: "smsaero", EMAIL: "smtp"}[channel],
                "zone": zone,
                "started_at": at,
                "ended_at": at + timedelta(minutes=1),
                "outcome": outcome,
                "positive": outcome is good,
                "seconds": 30.0 if channel is PHONE else None,
                "parts": 2 if channel is SMS else None,
            }
        )
        if outcome is good:
            break
    reached = bool(made[-1]["positive"])
    with books.ledger.write() as tx:
        tx.execute(insert(t.attempts), made)
        tx.execute(
            update(t.deliveries)
            .where(t.deliveries.c.id == delivery_id)
            .values(
                attempts=len(made),
                status=Status.POSITIVE if reached else Status.GIVEN_UP,
                reason="" if reached else "max_attempts",
            )
        )


def asked(
    engine: Engine,
    at: datetime,
    topic: Topic = Topic.COMPLAINT,
    segment: str = "private",
    branch: str = "Курск",
    channel: InquiryChannel = InquiryChannel.EMAIL,
    kind: Wish = Wish.QUESTION,
    done_after: timedelta | None = None,
) -> int:
    """An inquiry that is owed an answer in 3 and 14 days; its number in the ledger."""
    day = at.date()

    def act(tx: Transaction) -> int:
        number = inquiries.next_number(tx, at.year)
        new = NewInquiry(
            channel,
            "info",
            number,
            "anna@example.com",
            kind,
            "Нет света.",
            status=InquiryStatus.ROUTED,
            topic=topic,
            segment=segment,
            branch=branch,
            respond_on=day + timedelta(days=3),
            answer_on=day + timedelta(days=14),
        )
        inquiry_id = inquiries.register(tx, new, number, at)
        if done_after is not None:
            over = {"status": InquiryStatus.ANSWERED, "done_at": at + done_after}
            tx.execute(update(t.inquiries).where(t.inquiries.c.id == inquiry_id).values(**over))
        return inquiry_id

    return engine.ledger.insist(act)


def answered(engine: Engine, at: datetime, seconds: float | None) -> None:
    """A letter that came then, and the robot's answer to it; None: it has not gone yet."""
    row = {
        "occasion": f"answer {next(_COUNT)}",
        "kind": MailKind.ACKNOWLEDGEMENT,
        "sender": "",
        "recipient": "anna@example.com",
        "message_id": "<m@example.com>",
        "content": b"",
        "asked_at": at,
        "owed_at": at,
        "status": MailStatus.WAITING if seconds is None else MailStatus.SENT,
        "sent_at": None if seconds is None else at + timedelta(seconds=seconds),
    }
    with engine.ledger.write() as tx:
        tx.execute(insert(t.outbox).values(row))
