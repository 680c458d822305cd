"""The mail-robot in a test: letters are put into its hands, and a real server takes what it sends.

Time is the test's own; nothing happens but what a test asks for.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Row, select

from campaigns.channel import ContactKind
from campaigns.recipient import ContactPoint, Recipient
from channels.mailbox.account import MailboxAccount
from channels.mailbox.arrived import Arrived
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.ledger import Ledger, audiences, inquiries
from dispatcher.ledger import tables as t
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.mailrobot.postman import Postman
from dispatcher.mailrobot.taking_in import TakingIn
from dispatcher.wiring import make_engine
from tests.flow.letters_by_hand import ANNA, INFO
from tests.flow.mail_sink import MailSink, Received
from tests.flow.rehearsing import ACTOR, MONDAY, settings_for

DESK = "desk@example.com"
BOX = MailboxAccount(
    name="info", host="127.0.0.1", port=1, username=INFO, password=SecretStr("x"), tls="none"
)
ROBOT = "robot-of-the-tests"

Rows = Sequence[Row[tuple[object, ...]]]


def robot_settings(port: int, **changes: object) -> dict[str, object]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_tls": "none",
        "mail_from": INFO,
        "company": "Энергосбыт",
        "inquiries_to": DESK,
        "mailboxes": (BOX,),
        **changes,
    }


@dataclass(slots=True)
class Post:
    engine: Engine
    clock: SimulatedClock
    sink: MailSink
    taking_in: TakingIn
    postman: Postman

    @property
    def ledger(self) -> Ledger:
        return self.engine.ledger

    def arrived(self, raw: bytes, uid: int = 0, mailbox: str = "info") -> Arrived:
        return Arrived(mailbox, raw, self.clock.now(), uid_validity=1, uid=uid, size_bytes=len(raw))

    def arrive(self, *letters: bytes, mailbox: str = "info") -> Collection[int]:
        """Letters come in one batch."""
        return self.taking_in.take([self.arrived(raw, 0, mailbox) for raw in letters])

    def send(self) -> None:
        self.postman.send_due()

    def answers(self, address: str = ANNA) -> Sequence[Received]:
        """What a customer has received, all that is due being sent."""
        self.send()
        return self.sink.to(address)

    def wait(self, *times: timedelta) -> None:
        self.clock.move_to(self.clock.now() + sum(times, timedelta()))

    def rows(self, table: str) -> Rows:
        columns = t.metadata.tables[table]
        with self.ledger.read() as tx:
            return tx.execute(select(columns).order_by(*columns.primary_key)).all()

    def reasons(self) -> list[str]:
        """Of every letter's verdict, in the order in which they were taken in."""
        return [row.reason for row in self.rows("letters")]

    def inquiries(self) -> list[Inquiry]:
        return [inquiries.read(row) for row in self.rows("inquiries")]

    def owed(self, kind: str = "acknowledgement") -> Rows:
        return [row for row in self.rows("outbox") if row.kind == kind]

    def known(self, account: str, name: str, *addresses: str) -> None:
        """A customer of the base."""
        person = Recipient(
            row=2,
            account_number=account,
            contact_points=tuple(ContactPoint(one, ContactKind.EMAIL) for one in addresses),
            name=name,
            patronymic="Петровна",
        )
        now = self.clock.now()
        with self.ledger.write() as tx:
            audience = audiences.begin(
                tx, f"list {len(self.rows('audiences'))}", "a.csv", (), ACTOR, now
            )
            audiences.add_recipients(tx, audience, [person])
            audiences.finish(tx, audience, 1, (), ACTOR, now)


def open_post(
    folder: Path, ledger: Ledger, sink: MailSink, start_at: datetime = MONDAY, **changes: object
) -> Post:
    """A robot over a ledger, its letters going to the sink."""
    clock = SimulatedClock(start_at)
    settings = settings_for(
        folder,
        ledger.engine.url.render_as_string(hide_password=False),
        **robot_settings(sink.port, **changes),
    )
    engine = make_engine(settings, clock=clock, ledger=ledger)
    return Post(engine, clock, sink, TakingIn(engine), Postman(engine, ROBOT))


@contextmanager
def opened_post(folder: Path, ledger: Ledger, **changes: object) -> Iterator[Post]:
    with MailSink() as sink:
        yield open_post(folder, ledger, sink, **changes)  # type: ignore[arg-type]
