"""A small supplier for tests of trouble: the real engine, one or more channels, a clock that jumps.

Everything goes the way it goes in production: a file is imported, a scenario launched, the loop
claims, workers send through the real channels to a server on a real socket.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dramatiq.brokers.stub import StubBroker
from pydantic import SecretStr
from sqlalchemy import Row, select

from campaigns.channel import ChannelName
from campaigns.scenario_file import read_scenario
from channels.base import Channel
from channels.email.smtp import SmtpChannel
from channels.phone.twilio import TwilioChannel
from channels.routing import only
from channels.sms.smsaero import SmsAeroChannel
from dispatcher import campaigning
from dispatcher.audit import examine
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.importing import Imported, import_audience
from dispatcher.ledger import open_ledger, scenarios
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.attempts import of_campaign as attempts_of
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.deliveries import Delivery, load
from dispatcher.ledger.tables import deliveries as delivery_rows
from dispatcher.settings import Settings
from dispatcher.wiring import Crew, Works, make_works

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # in Moscow, a Tuesday
HEADER = ("Лицевой счёт", "Имя", "Телефон", "E-mail", "Заметка")
SMS_KEY = "secret-key-of-the-gate-0123"
TWILIO_SID = "AC" + "0f" * 16
TWILIO_TOKEN = "secret-token-of-twilio"

WORDS = {
    "call.txt": "{{ greeting }}\nСообщение по счёту {{ account_number }}.\nСпасибо!\n",
    "sms.txt": "Сообщение по счёту {{ account_number }}. {{ company }}",
    "subject.txt": "Сообщение по счёту {{ account_number }}",
    "body.txt": "{{ greeting }}\n\nЭто сообщение.\n",
    "body.html": "<p>{{ greeting }}</p><p>Это сообщение.</p>",
}


def mail_channel(port: int, timeout_seconds: float = 2.0, concurrency: int = 4) -> SmtpChannel:
    return SmtpChannel(
        "127.0.0.1", port, tls="none", timeout_seconds=timeout_seconds, concurrency=concurrency
    )


def sms_channel(port: int, timeout_seconds: float = 2.0) -> SmsAeroChannel:
    return SmsAeroChannel(
        "account@example.com",
        SMS_KEY,
        "Energosbyt",
        url_gate=f"@127.0.0.1:{port}/v2/",
        timeout_seconds=timeout_seconds,
    )


def phone_channel(port: int, timeout_seconds: float = 2.0) -> TwilioChannel:
    return TwilioChannel(
        TWILIO_SID,
        TWILIO_TOKEN,
        base_url=f"http://127.0.0.1:{port}",
        timeout_seconds=timeout_seconds,
    )


def channel_at(name: ChannelName, port: int, timeout_seconds: float = 2.0) -> Channel:
    if name is ChannelName.EMAIL:
        return mail_channel(port, timeout_seconds)
    make = sms_channel if name is ChannelName.SMS else phone_channel
    return make(port, timeout_seconds)


def customer(number: int, **cells: str) -> dict[str, str]:
    """A row of an export with everything in it."""
    return {
        "Лицевой счёт": f"{7000000 + number}",
        "Имя": "Анна Сергеевна",
        "Телефон": f"+7916{2000000 + number}",
        "E-mail": f"client{number}@example.com",
        "Заметка": "",
    } | cells


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return path


@dataclass
class House:
    folder: Path
    engine: Engine
    clock: SimulatedClock
    works: Works
    worker: Crew

    def import_rows(self, rows: Sequence[Mapping[str, str]]) -> Imported:
        path = write_rows(self.folder / "people.csv", rows)
        return import_audience(self.engine, path, "people", "test", mapping={})

    def launch(
        self,
        *channels: ChannelName,
        days: int = 14,
        words: Mapping[str, str] | None = None,
        fields: Sequence[str] = (),
    ) -> Campaign:
        """A campaign of a scenario that says something harmless on these channels."""
        texts = self.folder / "templates" / "note"
        texts.mkdir(parents=True, exist_ok=True)
        for file, text in (WORDS | dict(words or {})).items():
            (texts / file).write_text(text, "utf-8")
        scenario = self.folder / "note.toml"
        scenario.write_text(
            'name = "note"\ntitle = "Сообщение"\npurpose = "service"\nsame_contact = "separate"\n'
            + f"fields = {json.dumps(fields, ensure_ascii=False)}\n"
            + "".join(f'[channels.{channel}]\ntemplate = "note"\n' for channel in channels),
            "utf-8",
        )
        with self.engine.ledger.write() as tx:
            scenarios.add(tx, read_scenario(scenario), "test", self.clock.now())
        return campaigning.launch(
            self.engine,
            "note",
            "people",
            "test",
            end_at=self.clock.now() + timedelta(days=days),
            leave_out_unfit=True,
            again=True,
        )

    def turn(self) -> None:
        """Everything that is due at this instant, and nothing else."""
        while self.works.loop.tick().claimed:
            self.drain()
        self.drain()

    def run(self, length: timedelta) -> None:
        """Live through a stretch of time; the clock stops at everything that is due."""
        until = self.clock.now() + length
        while True:
            self.turn()
            wake_at = self.works.loop.next_wake()
            if wake_at is None or wake_at > until:
                self.clock.move_to(until)
                return
            self.clock.move_to(max(wake_at, self.clock.now() + timedelta(seconds=1)))

    def drain(self) -> None:
        """Wait until the workers have done what was enqueued, or failed at it."""
        broker = self.works.queue.broker
        assert isinstance(broker, StubBroker)
        for name in broker.get_declared_queues():
            broker.join(name, fail_fast=False)
        self.worker.join()

    def deliveries(self, campaign: Campaign) -> list[Delivery]:
        with self.engine.ledger.read() as tx:
            query = select(delivery_rows.c.id).where(delivery_rows.c.campaign_id == campaign.id)
            return list(load(tx, tx.execute(query).scalars().all()).values())

    def attempts(self, campaign: Campaign) -> list[Attempt]:
        with self.engine.ledger.read() as tx:
            return [attempt for _account, attempt in attempts_of(tx, campaign.id)]

    def rows(self, query: str) -> Sequence[Row[tuple[object, ...]]]:
        with self.engine.ledger.read() as tx:
            return tx.exec_driver_sql(query).all()

    def audit_findings(self, campaign: Campaign) -> list[str]:
        """What breaks the books, by rule; nothing may."""
        with self.engine.ledger.read() as tx:
            result = examine(tx, campaign.id, self.engine.rules(tx), self.clock.now())
        return [check.name for check in result.checks if not check.passed]


@contextmanager
def living(
    folder: Path,
    channels: Mapping[ChannelName, Channel],
    *,
    database_url: str | None = None,
    batch_size: int = 100,
    at: datetime = NOON,
) -> Iterator[House]:
    """A house with its workers running, for the length of a `with` block."""
    settings = Settings(
        _env_file=None,
        data_dir=folder / "var",
        database_url=SecretStr(database_url) if database_url else None,
        secret=SecretStr("the-secret-that-signs-tokens-of-the-tests"),
        mail_from="info@supplier.example",
        sms_sign="Energosbyt",
        caller_id="+74951000000",
        batch_size=batch_size,
    )
    clock = SimulatedClock(at)
    engine = Engine(
        settings=settings,
        ledger=open_ledger(settings.ledger_url),
        clock=clock,
        channels={name: only(channel) for name, channel in channels.items()},
        receipts_url="https://receipts.example.com",
        secret=settings.signing_secret(),
    )
    works = make_works(engine)
    worker = works.crew()
    worker.start()
    try:
        yield House(folder, engine, clock, works, worker)
    finally:
        worker.stop()
        works.queue.broker.close()
        engine.ledger.close()
