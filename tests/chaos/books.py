"""The two books of a storm: what the ledger says, and what the providers received."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from dispatcher.audit import examine
from dispatcher.engine import Engine
from dispatcher.ledger import doubts
from dispatcher.ledger import tables as t

Point = tuple[ChannelName, str]


@dataclass(frozen=True, slots=True)
class Received:
    """A line of received.jsonl: a call, an SMS or a letter that the sandbox took."""

    channel: ChannelName
    contact_point: str
    at: datetime
    reference: str

    @property
    def point(self) -> Point:
        return self.channel, self.contact_point


@dataclass(frozen=True, slots=True)
class Attempt:
    id: int
    delivery_id: int
    number: int
    channel: ChannelName
    contact_point: str
    started_at: datetime
    was_handed: bool
    outcome: str | None
    positive: bool | None
    reference: str | None
    reason: str

    @property
    def point(self) -> Point:
        return self.channel, self.contact_point

    @property
    def is_in_doubt(self) -> bool:
        return self.outcome == "uncertain"

    @property
    def was_in_doubt(self) -> bool:
        return "was uncertain" in self.reason


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    channel: ChannelName
    status: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reply:
    """Our one SMS to a customer who has stopped us."""

    channel: ChannelName
    contact_point: str
    may_have_gone: bool
    reference: str | None

    @property
    def point(self) -> Point:
        return self.channel, self.contact_point


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger says of one campaign. `listed` is what staff see as uncertain, `given_up` the
    deliveries whose worker was never heard of again."""

    deliveries: Sequence[Delivery]
    attempts: Sequence[Attempt]
    replies: Sequence[Reply]
    listed: frozenset[Point]
    broken_rules: Sequence[str]
    holidays: Holidays
    given_up: frozenset[int] = frozenset()


def read_received(path: Path) -> list[Received]:
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        Received(
            ChannelName(row["channel"]),
            row["contact_point"],
            datetime.fromisoformat(row["received_at"]).astimezone(UTC),
            row["reference"],
        )
        for row in rows
    ]


def read_given_up(logs: Iterable[Path]) -> frozenset[int]:
    """The deliveries whose worker was ever given up by the loops, of which these are the logs.

    They are the doubts that dead processes leave. Of a doubt that was settled the ledger does not
    say whence it came.
    """
    found = set()
    for log in logs:
        for line in log.read_text("utf-8", "replace").splitlines():
            if '"outcome": "uncertain"' in line:
                told = json.loads(line)
                if told["channel"] != ChannelName.EMAIL.value:
                    found.add(int(told["delivery"]))
    return frozenset(found)


def read_books(engine: Engine, campaign_id: int, given_up: frozenset[int]) -> Books:
    """Everything at one instant, and the audit of it."""
    a, d, r = t.attempts.c, t.deliveries.c, t.replies.c
    told = (a.id, a.delivery_id, a.number, a.channel, a.contact_point, a.started_at, a.handed_at)
    with engine.ledger.read() as tx:
        attempts = tx.execute(
            select(*told, a.outcome, a.positive, a.reference, a.reason).where(
                a.campaign_id == campaign_id
            )
        )
        deliveries = tx.execute(
            select(d.id, d.channel, d.status, d.due_at).where(d.campaign_id == campaign_id)
        )
        replies = tx.execute(select(r.channel, r.contact_point, r.status, r.reference))
        rules = engine.rules(tx)
        audit = examine(tx, campaign_id, rules, datetime.now(UTC))
        return Books(
            [Delivery(i, ChannelName(channel), *rest) for i, channel, *rest in deliveries],
            [
                Attempt(i, of, number, ChannelName(channel), point, at, handed is not None, *rest)
                for i, of, number, channel, point, at, handed, *rest in attempts
            ],
            [
                Reply(ChannelName(channel), point, status != "waiting", reference)
                for channel, point, status, reference in replies
            ],
            frozenset(
                (one.channel, one.contact_point) for one in doubts.of_campaign(tx, campaign_id)
            ),
            [
                f"{check.name}: {check.total}, such as {check.findings[0]}"
                for check in audit.checks
                if not check.passed
            ],
            rules.holidays,
            given_up,
        )
