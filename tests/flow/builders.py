"""Small campaigns in a real ledger, built attempt by attempt, for tests of what is made of them.

Planning, recording and closing are the engine's own; only the provider is left out: a test says
when an attempt was made and what came of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select, text

from campaigns.audience import RowError
from campaigns.channel import ChannelName, ContactKind
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from campaigns.permission import account_party, point_party
from campaigns.recipient import Consent, ContactPoint, Recipient, ZoneSource
from campaigns.scenario_file import library_path, read_scenario
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Ledger,
    attempts,
    audiences,
    campaigns,
    deliveries,
    open_ledger,
    scenarios,
    touches,
)
from dispatcher.ledger.attempts import Opening
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.ledger.tables import deliveries as delivery_rows
from dispatcher.ledger.tables import recipients as recipient_rows
from dispatcher.planner import plan
from dispatcher.record import Finding, record
from dispatcher.settings import Settings

PHONE, SMS, EMAIL = ChannelName.PHONE, ChannelName.SMS, ChannelName.EMAIL
START = datetime(2026, 12, 1, 3, tzinfo=UTC)  # 10:00 in Novosibirsk
END = datetime(2026, 12, 15, 18, tzinfo=UTC)
NOVOSIBIRSK = "Asia/Novosibirsk"


def mobile(number: str) -> ContactPoint:
    return ContactPoint(number, ContactKind.MOBILE)


def address(mail: str) -> ContactPoint:
    return ContactPoint(mail, ContactKind.EMAIL)


def recipient(
    account: str,
    *points: ContactPoint,
    row: int = 2,
    zone: str | None = NOVOSIBIRSK,
    consents: tuple[Consent, ...] = (),
    debt_kopecks: int = 123456,
) -> Recipient:
    return Recipient(
        row=row,
        account_number=account,
        contact_points=points,
        name="Иван",
        patronymic="Иванович",
        zone=zone,
        zone_source=ZoneSource.REGION if zone else ZoneSource.DEFAULT,
        consents=consents,
        fields={"debt_kopecks": debt_kopecks},
    )


@dataclass
class Books:
    """One ledger with campaigns in it. `campaign` is the one that was planned last."""

    ledger: Ledger
    engine: Engine
    clock: SimulatedClock
    campaign: Campaign = field(init=False)

    def launch(
        self,
        people: Sequence[Recipient],
        *,
        errors: Sequence[RowError] = (),
        scenario: str = "debt-reminder",
        start_at: datetime = START,
        end_at: datetime = END,
        zone: str = "Europe/Moscow",
    ) -> Campaign:
        """Import an audience, plan a campaign on it, and start it."""
        now = self.clock.now()
        with self.ledger.write() as tx:
            stored = scenarios.add(tx, read_scenario(library_path(scenario)), "test", now)
            name = f"audience {len(audiences.all_ready(tx)) + 1}"
            audience_id = audiences.begin(tx, name, "billing.csv", ["ЛС"], "test", now)
            audiences.add_recipients(tx, audience_id, people)
            audiences.add_errors(tx, audience_id, errors)
            audiences.finish(tx, audience_id, len(people), ["debt_kopecks"], "test", now)
            draft = campaigns.create(
                tx,
                scenario_id=stored.id,
                audience_id=audience_id,
                zone=zone,
                start_at=start_at,
                end_at=end_at,
                actor="test",
                now=now,
            )
        self.campaign = plan(self.engine, draft)
        self.clock.move_to(start_at)
        with self.ledger.write() as tx:
            campaigns.start_due(tx, self.clock.now())
            self.campaign = campaigns.get(tx, draft.id)
        return self.campaign

    def delivery(self, account: str, channel: ChannelName) -> Delivery:
        with self.ledger.read() as tx:
            delivery_id = tx.execute(
                select(delivery_rows.c.id)
                .join(recipient_rows, recipient_rows.c.id == delivery_rows.c.recipient_id)
                .where(
                    delivery_rows.c.campaign_id == self.campaign.id,
                    delivery_rows.c.channel == channel,
                    recipient_rows.c.account_number == account,
                )
            ).scalar_one()
            return deliveries.load(tx, [delivery_id])[delivery_id]

    def attempt(
        self,
        account: str,
        channel: ChannelName,
        at: datetime,
        outcome: Outcome | None,
        lasting: timedelta = timedelta(minutes=1),
    ) -> int:
        """An attempt to the first contact point, and what came of it (None: it stays open)."""
        self.clock.move_to(at)
        delivery = self.delivery(account, channel)
        number, point = delivery.attempts + 1, delivery.points[0]
        with self.ledger.write() as tx:
            steps = [
                Change(delivery.id, Status.PENDING, Status.QUEUED),
                Change(delivery.id, Status.QUEUED, Status.SENDING, attempts=number),
            ]
            for step in steps:
                deliveries.change(tx, [step])
            opening = Opening(
                delivery.id, number, self.campaign.id, channel, point, "sandbox", delivery.zone
            )
            attempt_id = attempts.open_many(tx, [opening], at)[delivery.id]
            parties = (account_party(account), point_party(point))
            touches.note(tx, [(attempt_id, party, channel, at) for party in parties])
        if outcome is not None:
            self.find(attempt_id, outcome, at + lasting)
        return attempt_id

    def find(self, attempt_id: int, outcome: Outcome, ended_at: datetime) -> None:
        """What became known of an attempt, at the instant it ended."""
        self.clock.move_to(ended_at)
        with self.ledger.write() as tx:
            finding = Finding(attempt_id, outcome, ended_at, reference=f"ref-{attempt_id}")
            record(tx, self.engine, [finding], self.clock.now())

    def close(self) -> Campaign:
        """Let the campaign's time run out."""
        self.clock.move_to(self.campaign.end_at)
        with self.ledger.write() as tx:
            deliveries.expire(tx, [self.campaign.id])
            campaigns.close_finished(tx, self.clock.now())
            self.campaign = campaigns.get(tx, self.campaign.id)
        return self.campaign

    def tamper(self, statement: str, **values: Any) -> None:
        """Change rows behind the engine's back; exactly one row, or the test is wrong."""
        with self.ledger.write() as tx:
            changed = tx.execute(text(statement), values).rowcount
        assert changed == 1, f"{changed} rows changed"


@cache
def _empty_ledger() -> bytes:
    """The file of a ledger with its schema, made once: migrating for each test would be slow."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite3"
        open_ledger(f"sqlite:///{path}").close()
        return path.read_bytes()


def open_books(folder: Path) -> Books:
    """An empty ledger in a file of its own, a month before the campaign."""
    path = folder / "ledger.sqlite3"
    path.write_bytes(_empty_ledger())
    ledger = Ledger(f"sqlite:///{path}")
    clock = SimulatedClock(START - timedelta(days=30))
    engine = Engine(
        settings=Settings(_env_file=None, data_dir=folder),
        ledger=ledger,
        clock=clock,
        channels={},
        receipts_url="http://127.0.0.1:1",
        secret="for tests only",
    )
    return Books(ledger, engine, clock)
