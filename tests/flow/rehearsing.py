"""A whole engine in a test: the ledger, the loop, a worker, the endpoint and the sandbox."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from pydantic import SecretStr
from sqlalchemy import select

from campaigns.channel import ChannelName, ContactKind
from campaigns.delivery import Status
from campaigns.menu import Turn
from campaigns.recipient import ContactPoint, Recipient, ZoneSource
from campaigns.scenario_file import read_scenario
from channels.base import (
    AccountState,
    CallMessage,
    Channel,
    Handover,
    MailMessage,
    Message,
    Payload,
    PhoneChannel,
    Receipt,
    Sought,
)
from channels.routing import only
from channels.sandbox import Sandbox
from channels.sandbox.journal import Taken
from channels.sandbox.patterns import Patterns
from dispatcher import campaigning
from dispatcher.clock import SimulatedClock
from dispatcher.endpoint import Endpoint
from dispatcher.engine import Engine
from dispatcher.ledger import Ledger, attempts, audiences, deliveries, scenarios
from dispatcher.ledger import tables as t
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.deliveries import Delivery
from dispatcher.rehearsal import toward
from dispatcher.settings import Settings
from dispatcher.simulation import simulate
from dispatcher.wiring import Crew, Works, make_engine, make_works

PHONE, SMS, EMAIL = ChannelName.PHONE, ChannelName.SMS, ChannelName.EMAIL
MONDAY = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)  # 10:00 in Moscow, an ordinary Monday
ACTOR = "test"
ALL = ("phone", "sms", "email")

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
SECRET = "a secret of the tests, long enough"


def patterns(
    phone: Mapping[str, str] | None = None,
    sms: Mapping[str, str] | None = None,
    email: Mapping[str, str] | None = None,
    **options: float,
) -> Patterns:
    """The sandbox's table: fates by contact point; everybody else is reached at once."""
    rules: list[dict[str, object]] = []
    for channel, fates in (("phone", phone), ("sms", sms), ("email", email)):
        for point, fate in (fates or {}).items():
            place = {"address": point} if channel == "email" else {"ends": point.lstrip("+")}
            extra = {"hours": options["hours"]} if fate == "late_receipt" and options else {}
            rules.append({"channel": channel, "outcome": fate, **place, **extra})
    mix = {"phone": {"heard": 1}, "sms": {"delivered": 1}, "email": {"accepted": 1}}
    return Patterns.model_validate({"rules": rules, "mix": mix})


def customer(
    account: str, *points: str, debt: int = 12_345, zone: str = "Europe/Moscow", row: int = 2
) -> Recipient:
    """A private customer who owes money; points with @ are addresses, others mobile numbers."""
    kinds = tuple(
        ContactPoint(p, ContactKind.EMAIL if "@" in p else ContactKind.MOBILE) for p in points
    )
    return Recipient(
        row=row,
        account_number=account,
        contact_points=kinds,
        name="Анна",
        patronymic="Петровна",
        zone=zone,
        zone_source=ZoneSource.COLUMN,
        fields={"debt_kopecks": debt},
    )


def scenario_text(
    *names: str,
    template: str = "debt-reminder",
    purpose: str = "service",
    fields: str = '["debt_kopecks"]',
    top: str = "",
    order: str = "",
    rules: Mapping[str, str] | None = None,
) -> str:
    """A scenario's TOML over texts of the product's own library."""
    parts = [
        'name = "trial"\ntitle = "Trial"',
        f'purpose = "{purpose}"\nfields = {fields}',
        top,
    ]
    if order:
        parts.append(f"[order]\n{order}")
    parts += [
        f'[channels.{name}]\ntemplate = "{template}"\n{(rules or {}).get(name, "")}'
        for name in names or ALL
    ]
    return "\n".join(parts) + "\n"


def settings_for(folder: Path, ledger_url: str, **changes: object) -> Settings:
    values: dict[str, object] = {
        "data_dir": folder,
        "database_url": SecretStr(ledger_url),
        "secret": SecretStr(SECRET),
        "provider_timeout_seconds": 3.0,
        "worker_threads": 2,
        **changes,
    }
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


# Who carries what in a rehearsal.
PROVIDER = {PHONE: "twilio", SMS: "smsaero", EMAIL: "smtp"}


class Overheard:
    """A channel beside which something of the outside world happens."""

    def __init__(
        self,
        inner: Channel,
        before: Callable[[Message], object],
        after: Callable[[Message], object],
    ) -> None:
        self.inner, self.before, self.after = inner, before, after
        self.channel, self.provider = inner.channel, inner.provider
        self.concurrency = inner.concurrency

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.inner.__aexit__(kind, error, trace)

    async def deliver(self, message: Message) -> Handover:
        self.before(message)
        handover = await self.inner.deliver(message)
        self.after(message)
        return handover

    async def look_up(self, reference: str) -> Receipt | None:
        return await self.inner.look_up(reference)

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        return await self.inner.find(sought)

    async def account(self) -> AccountState:
        return await self.inner.account()

    def receipt(self, payload: Payload) -> Receipt:
        return self.inner.receipt(payload)

    def words(self, message: CallMessage, turn: Turn) -> str:
        return cast(PhoneChannel, self.inner).words(message, turn)


@dataclass(slots=True)
class Rehearsal:
    """Everything that runs, and short questions about what came of it."""

    folder: Path
    engine: Engine
    works: Works
    sandbox: Sandbox
    clock: SimulatedClock
    worker: Crew
    endpoint: Endpoint
    campaigns: list[Campaign] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)

    def keep_letters(self) -> None:
        """Note the content of every letter on its way to the sandbox."""

        def note(message: Message) -> None:
            if isinstance(message, MailMessage):
                self.letters.append(message.content)

        self.overhear(EMAIL, before=note)

    def overhear(
        self,
        channel: ChannelName,
        *,
        before: Callable[[Message], object] = lambda _message: None,
        after: Callable[[Message], object] = lambda _message: None,
    ) -> None:
        """Let something happen just before or just after a message is handed over."""
        overheard = Overheard(self.engine.channels[channel].first, before, after)
        self.engine.channels = {**self.engine.channels, channel: only(overheard)}

    @property
    def ledger(self) -> Ledger:
        return self.engine.ledger

    def launch(
        self,
        people: Sequence[Recipient],
        scenario: str = "",
        *,
        start_at: datetime | None = None,
        days: float = 14,
        limits: Mapping[ChannelName, int] | None = None,
    ) -> Campaign:
        """Store the scenario and an audience of these people, and start a campaign now."""
        name = self.store(people, scenario or scenario_text())
        begin = start_at or self.clock.now()
        campaign = campaigning.launch(
            self.engine,
            "trial",
            name,
            ACTOR,
            start_at=begin,
            end_at=begin + timedelta(days=days),
            limits=limits or {},
        )
        self.campaigns.append(campaign)
        return campaign

    def store(self, people: Sequence[Recipient], scenario: str) -> str:
        """Put a scenario and an audience into the ledger; the audience's name."""
        path = self.folder / "trial.toml"
        path.write_text(scenario, "utf-8")
        name = f"audience-{uuid.uuid4().hex[:6]}"
        now = self.clock.now()
        with self.ledger.write() as tx:
            scenarios.add(tx, read_scenario(path), ACTOR, now)
            audience_id = audiences.begin(tx, name, "people.csv", (), ACTOR, now)
            audiences.add_recipients(tx, audience_id, people)
            columns = sorted({"debt_kopecks"}.union(*(person.fields for person in people)))
            audiences.finish(tx, audience_id, len(people), columns, ACTOR, now)
        return name

    def run(self, until: datetime | timedelta) -> None:
        """Live on until then, or for that long."""
        end = self.clock.now() + until if isinstance(until, timedelta) else until
        simulate(self.works, self.worker, self.sandbox, self.clock, end)
        self.clock.move_to(end)

    def rest(self) -> None:
        """From now on nobody works: what is enqueued waits in the queue."""
        self.worker.stop()

    def wake(self) -> None:
        """Somebody works again."""
        self.worker = self.works.crew()
        self.worker.start()

    def work(self) -> None:
        """Carry out what is enqueued, without a turn of the loop."""
        for name in self.works.queue.broker.get_declared_queues():
            self.works.queue.broker.join(name)
        self.worker.join()

    def rows(self, campaign: Campaign | None = None) -> dict[tuple[str, ChannelName], Delivery]:
        """Every delivery by account and channel (of one campaign; the first without one)."""
        chosen = campaign or self.campaigns[0]
        with self.ledger.read() as tx:
            found = tx.execute(
                select(t.deliveries.c.id, t.recipients.c.account_number)
                .join(t.recipients, t.recipients.c.id == t.deliveries.c.recipient_id)
                .where(t.deliveries.c.campaign_id == chosen.id)
            ).all()
            loaded = deliveries.load(tx, [row.id for row in found])
        return {(row.account_number, loaded[row.id].channel): loaded[row.id] for row in found}

    def row(
        self, account: str, channel: ChannelName = PHONE, campaign: Campaign | None = None
    ) -> Delivery:
        return self.rows(campaign)[account, channel]

    def status(
        self, account: str, channel: ChannelName = PHONE, campaign: Campaign | None = None
    ) -> Status:
        return self.row(account, channel, campaign).status

    def attempts(self, campaign: Campaign | None = None) -> list[Attempt]:
        chosen = campaign or self.campaigns[0]
        with self.ledger.read() as tx:
            return [attempt for _account, attempt in attempts.of_campaign(tx, chosen.id)]

    def outcomes(self, campaign: Campaign | None = None) -> list[str | None]:
        return [a.outcome.value if a.outcome else None for a in self.attempts(campaign)]

    def taken(self, channel: ChannelName | None = None) -> list[Taken]:
        """What the sandbox received."""
        return [one for one in self.sandbox.received if channel in (None, one.channel)]

    def count(self, table: str) -> int:
        with self.ledger.read() as tx:
            return len(tx.execute(select(t.metadata.tables[table])).all())


def open_rehearsal(
    folder: Path,
    ledger_url: str,
    *,
    start_at: datetime = MONDAY,
    table: Patterns | None = None,
    **changes: object,
) -> "Rehearsing":
    return Rehearsing(folder, ledger_url, start_at, table or patterns(), changes)


class Rehearsing:
    """Starts everything, and stops it."""

    def __init__(
        self,
        folder: Path,
        ledger_url: str,
        start_at: datetime,
        table: Patterns,
        changes: Mapping[str, object],
    ) -> None:
        clock = SimulatedClock(start_at)
        self.sandbox = Sandbox(clock.now, patterns=table, simulated=True).start()
        endpoint = Endpoint("127.0.0.1", 0, patience_seconds=30)
        settings = toward(self.sandbox, settings_for(folder, ledger_url, **changes))
        engine = make_engine(
            settings, clock=clock, receipts_url=f"http://127.0.0.1:{endpoint.port}"
        )
        works = make_works(engine)
        worker = works.crew()
        worker.start()
        endpoint.start(engine)
        self.rehearsal = Rehearsal(folder, engine, works, self.sandbox, clock, worker, endpoint)

    def close(self) -> None:
        running = self.rehearsal
        running.worker.stop()
        running.endpoint.stop()
        self.sandbox.stop()
        running.works.queue.broker.close()
        running.ledger.close()
