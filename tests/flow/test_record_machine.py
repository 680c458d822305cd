"""Findings about attempts in any order, doubled and late: what must hold whatever comes.

One e-mail and one SMS delivery walk through claims, attempts, receipts, decisions and time.
"""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaigns.channel import ChannelName
from campaigns.delivery import LEGAL, Status
from campaigns.outcome import MEANING, Outcome
from campaigns.scenario_file import read_scenario
from channels.routing import only
from dispatcher import campaigning
from dispatcher.clock import SimulatedClock
from dispatcher.dispatch import Loop
from dispatcher.engine import Engine
from dispatcher.ledger import attempts, deliveries, open_ledger, scenarios
from dispatcher.ledger import audiences as stored
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.deliveries import Delivery
from dispatcher.opening import Opened, open_batch
from dispatcher.record import Finding, record
from tests.flow.rehearsing import (
    EMAIL,
    MONDAY,
    SMS,
    customer,
    scenario_text,
    settings_for,
)

CHANNELS = (SMS, EMAIL)
DECIDED = (Status.SETTLED, Status.CANCELLED, Status.SUPERSEDED, Status.WITHDRAWN)


class _Away:
    """A provider of whom only the name is needed: nothing is handed over here."""

    def __init__(self, channel: ChannelName) -> None:
        self.channel, self.provider, self.concurrency = channel, "none", 1


class Findings(RuleBasedStateMachine):
    folder: TemporaryDirectory[str]

    @initialize(stop_on=st.sampled_from(["any", "channel"]))
    def begin(self, stop_on: str) -> None:
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name)
        self.ledger = open_ledger(f"sqlite:///{path / 'ledger.sqlite3'}")
        self.clock = SimulatedClock(MONDAY)
        self.engine = Engine(
            settings=settings_for(
                path, str(self.ledger.engine.url), mail_from="a@example.com", sms_sign="x"
            ),
            ledger=self.ledger,
            clock=self.clock,
            channels={c: only(_Away(c)) for c in CHANNELS},  # type: ignore[arg-type]
            receipts_url="http://127.0.0.1:1",
            secret="secret",
        )
        self.loop = Loop(self.engine, _Silent())  # type: ignore[arg-type]
        text = scenario_text(
            "sms", "email", top=f'stop_on = "{stop_on}"', rules={"sms": "max_attempts = 3"}
        )
        (path / "trial.toml").write_text(text, "utf-8")
        with self.ledger.write() as tx:
            scenarios.add(tx, read_scenario(path / "trial.toml"), "test", MONDAY)
            audience = stored.begin(tx, "people", "people.csv", (), "test", MONDAY)
            points = ("+79160000001", "+79160000002", "anna@example.com", "b@example.com")
            stored.add_recipients(tx, audience, [customer("1", *points)])
            stored.finish(tx, audience, 1, ["debt_kopecks"], "test", MONDAY)
        self.campaign = campaigning.launch(self.engine, "trial", "people", "test")
        self.before: dict[int, Delivery] = self.rows()
        self.known: dict[int, Attempt] = {}
        self.decided: dict[int, Status] = {}
        for channel in CHANNELS:
            self.a_claimed_delivery_is_opened(channel)

    def rows(self) -> dict[int, Delivery]:
        with self.ledger.read() as tx:
            return dict(deliveries.load(tx, [1, 2]))

    def made(self) -> dict[int, Attempt]:
        with self.ledger.read() as tx:
            return {a.id: a for _account, a in attempts.of_campaign(tx, self.campaign.id)}

    @rule(hours=st.sampled_from([0, 1, 5, 24, 72]))
    def time_goes_on(self, hours: int) -> None:
        self.clock.move_to(self.clock.now() + timedelta(hours=hours))
        self.loop.tick()

    @rule(channel=st.sampled_from(CHANNELS))
    def a_claimed_delivery_is_opened(self, channel: ChannelName) -> None:
        self.loop.tick()
        now = self.clock.now()
        ids = [r.id for r in self.rows().values() if r.channel is channel]
        claim = next((r.claim for r in self.rows().values() if r.id in ids), None)
        with self.ledger.write() as tx:
            opened: list[Opened] = open_batch(
                tx, self.engine, channel, ids, claim or "", now, now + timedelta(minutes=5)
            )
        for one in opened:
            assert one.contact_point in one.delivery.points

    @precondition(lambda self: self.made())
    @rule(back=st.integers(0, 3), which=st.integers(0, 99), twice=st.booleans())
    def something_is_found_out(self, back: int, which: int, twice: bool) -> None:
        """Mostly about a late attempt, sometimes about an early one."""
        made = list(self.made().values())
        chosen = made[-1 - back % len(made)]
        possible = [o for o in Outcome if chosen.channel in MEANING[o].channels]
        outcome = possible[which % len(possible)]
        now = self.clock.now()
        for _ in range(1 + twice):
            before = self.made()[chosen.id]
            with self.ledger.write() as tx:
                changed = record(tx, self.engine, [Finding(chosen.id, outcome, now)], now)
            after = self.made()[chosen.id]
            assert bool(changed) is (before.outcome != after.outcome)
            if before.outcome is not None and after.outcome is not before.outcome:
                assert after.outcome is not None
                assert MEANING[after.outcome].strength > MEANING[before.outcome].strength

    @precondition(lambda self: any(a.ended_at is None for a in self.made().values()))
    @rule(paid=st.booleans())
    def a_worker_is_lost(self, paid: bool) -> None:
        """Every open attempt is in doubt from now on; perhaps billing hears of a payment first."""
        if paid:
            self.billing_says_they_have_paid()
        now = self.clock.now()
        lost = [a.id for a in self.made().values() if a.ended_at is None]
        with self.ledger.write() as tx:
            record(tx, self.engine, [Finding(i, Outcome.UNCERTAIN, now) for i in lost], now)

    @precondition(lambda self: len(self.made()) > 2)
    @rule()
    def billing_says_they_have_paid(self) -> None:
        campaigning.settle(self.engine, self.campaign.id, ["1"], "billing")
        for row in self.rows().values():
            if row.end_as is Status.SETTLED:
                self.decided[row.id] = Status.SETTLED

    @invariant()
    def only_legal_changes_were_made(self) -> None:
        if not hasattr(self, "before"):
            return
        now = self.rows()
        for number, row in now.items():
            assert row.status in _reachable(self.before[number].status)
        self.before = now

    @invariant()
    def at_most_one_attempt_is_open_and_the_numbers_are_whole(self) -> None:
        if not hasattr(self, "before"):
            return
        for row in self.rows().values():
            mine = [a for a in self.made().values() if a.delivery_id == row.id]
            assert [a.number for a in sorted(mine, key=lambda a: a.id)] == list(
                range(1, row.attempts + 1)
            )
            still_open = [a for a in mine if a.ended_at is None]
            assert len(still_open) <= 1
            in_flight = row.status in (Status.SENDING, Status.AWAITING)
            assert bool(still_open) is in_flight

    @invariant()
    def reached_means_positive_unless_it_was_decided_otherwise(self) -> None:
        if not hasattr(self, "before"):
            return
        for row in self.rows().values():
            mine = [a for a in self.made().values() if a.delivery_id == row.id]
            reached = any(a.positive for a in mine)
            if row.status is Status.POSITIVE:
                assert reached
            if reached and row.status not in (Status.SENDING, Status.AWAITING):
                assert row.status is Status.POSITIVE or row.status in DECIDED

    @invariant()
    def who_has_paid_is_not_tried_again(self) -> None:
        for number, _status in getattr(self, "decided", {}).items():
            assert self.rows()[number].status is not Status.PENDING

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()


class _Silent:
    """A queue that takes everything and does nothing: the machine itself is the worker."""

    def send(self, *_: object, **__: object) -> None: ...
    def settle(self, *_: object) -> None: ...


def _reachable(start: Status) -> set[Status]:
    """Wherever legal changes lead to; several may happen in one step."""
    seen, ahead = {start}, [start]
    while ahead:
        for then in LEGAL[ahead.pop()] - seen:
            seen.add(then)
            ahead.append(then)
    return seen


TestFindings = Findings.TestCase
TestFindings.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # each step writes a file: shrinking takes minutes
)
