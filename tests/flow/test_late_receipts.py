"""Receipts in any order, doubled, late, of nothing, while the provider is asked and the customer
answers: what is final stays, and who was reached gets nothing more."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import MEANING, Outcome
from campaigns.scenario_file import read_scenario
from channels.base import (
    AccountState,
    Forged,
    Handover,
    Inbound,
    Message,
    Payload,
    Receipt,
    Sought,
    accepted,
    uncertain,
)
from channels.routing import only
from dispatcher import campaigning, inbound, receipts, replies, settling, worker
from dispatcher.audit import examine
from dispatcher.clock import SimulatedClock
from dispatcher.dispatch import Loop
from dispatcher.engine import Engine
from dispatcher.ledger import (
    Ledger,
    Transaction,
    attempts,
    audiences,
    claims,
    deliveries,
    doubts,
    open_ledger,
    scenarios,
)
from dispatcher.ledger import replies as replies_of
from dispatcher.ledger.attempts import Attempt
from dispatcher.receipts import Effect
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.rehearsing import (
    DAY,
    HOUR,
    MONDAY,
    SMS,
    Rehearsal,
    Rehearsing,
    customer,
    open_rehearsal,
    patterns,
    scenario_text,
    settings_for,
)

NUMBER = "+79160000001"
ANNA = customer("1", NUMBER)
FINAL = (Outcome.DELIVERED, Outcome.UNDELIVERED, Outcome.REJECTED, Outcome.FAILED)


@pytest.fixture
def on_either(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    """Where receipts of this number do not come, on either database."""
    table = patterns(sms={NUMBER: "no_receipt"})
    one: Rehearsing = open_rehearsal(tmp_path, ledger_url, table=table)
    yield one.rehearsal
    one.close()


def tell(rehearsal: Rehearsal, outcome: Outcome, number: int = 1) -> Effect:
    key = attempt_key(rehearsal.row("1", SMS).id, number)
    name = sign(rehearsal.engine.secret, TokenFor.RECEIPT, key)
    receipt = Receipt(name, None, outcome)
    return receipts.take(rehearsal.engine, SMS, "smsaero", receipt, {})


def second_is_queued(rehearsal: Rehearsal) -> None:
    """The first SMS has got no receipt in time; the second lies in a worker's batch."""
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    rehearsal.clock.move_to(rehearsal.clock.now() + DAY + timedelta(minutes=1))
    rehearsal.rest()
    row = rehearsal.row("1", SMS)
    settling.settle_batch(rehearsal.engine, SMS, [row.id])  # in vain: due again at once
    rehearsal.works.loop.tick()
    assert rehearsal.status("1", SMS) is Status.QUEUED


def test_a_receipt_that_comes_when_the_next_sms_lies_in_a_batch_keeps_it_from_going(
    on_either: Rehearsal,
) -> None:
    second_is_queued(on_either)
    assert tell(on_either, Outcome.DELIVERED) is Effect.RECORDED
    assert on_either.status("1", SMS) is Status.POSITIVE
    on_either.wake()
    on_either.work()
    on_either.run(3 * DAY)
    assert len(on_either.taken()) == len(on_either.attempts()) == 1
    assert on_either.outcomes() == ["delivered"]
    assert on_either.attempts()[0].next_due_at is None


def test_a_receipt_and_a_worker_at_the_same_moment_send_it_or_not_and_lose_nothing(
    on_either: Rehearsal,
) -> None:
    second_is_queued(on_either)
    row, together = on_either.row("1", SMS), threading.Barrier(3)

    def send() -> int:
        together.wait(10)
        return worker.send_batch(on_either.engine, SMS, [row.id], row.claim or "")

    def receive() -> Effect:
        together.wait(10)
        return tell(on_either, Outcome.DELIVERED)

    with ThreadPoolExecutor(3) as hands:
        sent = [hands.submit(send), hands.submit(send)]
        received = hands.submit(receive)
        count = sum(one.result(30) for one in sent)
    assert received.result() is Effect.RECORDED
    assert len(on_either.taken()) == len(on_either.attempts()) == 1 + count
    on_either.wake()
    on_either.run(5 * DAY)
    assert on_either.status("1", SMS) is Status.POSITIVE
    assert len(on_either.taken()) == 1 + count


def test_many_workers_with_one_question_settle_it_once(on_either: Rehearsal) -> None:
    on_either.launch([ANNA], scenario_text("sms"))
    on_either.works.loop.tick()
    on_either.work()
    tell(on_either, Outcome.UNCERTAIN)
    row = on_either.row("1", SMS)
    assert row.status is Status.UNCERTAIN
    on_either.clock.move_to(on_either.clock.now() + DAY + HOUR)
    with ThreadPoolExecutor(4) as hands:
        questions = [
            hands.submit(settling.settle_batch, on_either.engine, SMS, [row.id]) for _ in range(4)
        ]
        assert sum(one.result(30) for one in questions) == 1
    assert on_either.outcomes() == ["no_receipt"]


def test_doubt_and_answers_leave_books_that_hold_on_either_database(
    tmp_path: Path, ledger_url: str
) -> None:
    lost, never, talks = NUMBER, "+79160000002", "+79160000003"
    fates = {lost: "drop_after_accept", never: "html_502", talks: "no_receipt"}
    rehearsing = open_rehearsal(tmp_path, ledger_url, table=patterns(sms=fates))
    rehearsal = rehearsing.rehearsal
    rehearsal.endpoint.stop()  # no receipt comes
    people = [customer(str(n), number, row=n + 1) for n, number in enumerate(fates, 1)]
    rehearsal.launch(people, scenario_text("sms", rules={"sms": "max_attempts = 3"}))
    rehearsal.run(2 * HOUR)
    inbound.take_in(rehearsal.engine, "smsaero", Inbound("1", talks, "кто это?"))
    rehearsal.run(10 * DAY)
    outcomes = {
        row.points[0]: [a.outcome for a in rehearsal.attempts() if a.delivery_id == row.id]
        for row in rehearsal.rows().values()
    }
    with rehearsal.ledger.read() as tx:
        result = examine(tx, 1, rehearsal.engine.rules(tx), rehearsal.clock.now())
    rehearsing.close()
    assert outcomes == {
        lost: [Outcome.DELIVERED],
        # By the next day the list has nothing newer to prove itself by: that is staff's.
        never: [Outcome.NOT_TAKEN, Outcome.UNCERTAIN],
        talks: [Outcome.ANSWERED],
    }
    assert len(rehearsal.taken()) == 2
    assert [check.name for check in result.checks if check.total] == []


@pytest.mark.parametrize(
    ("look", "table"),
    [
        (lambda tx: claims.lapsed(tx, Status.UNCERTAIN, MONDAY), "deliveries"),
        (doubts.undecided, "deliveries"),
        (lambda tx: replies_of.turn(tx, MONDAY), "replies"),
        (replies_of.next_due, "replies"),
    ],
)
def test_what_the_loop_looks_for_at_every_turn_has_an_index(
    sqlite_url: str, look: Callable[[Transaction], object], table: str
) -> None:
    """However many have ended: no walk through the whole table."""
    ledger = Ledger(sqlite_url)
    asked: list[tuple[str, object]] = []

    def note(*call: object) -> None:
        asked.append((str(call[2]), call[3]))

    with ledger.write() as tx:
        event.listen(ledger.engine, "before_cursor_execute", note)
        look(tx)
        event.remove(ledger.engine, "before_cursor_execute", note)
        for statement, values in asked:
            plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
            steps = [str(row[-1]) for row in plan]
            assert not [step for step in steps if step == f"SCAN {table}"], steps
    ledger.close()
    assert asked


# Any order --------------------------------------------------------------------------------------


class Gate:
    """A provider that takes everything, or loses its answer, and says what the machine wants."""

    channel, provider, concurrency = SMS, "smsaero", 4

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.loses_answers = False
        self.state: Receipt | None = None
        self.found: Sequence[Receipt] | None = None

    async def __aenter__(self) -> "Gate":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def deliver(self, message: Message) -> Handover:
        self.sent.append(message.token)
        return uncertain("lost") if self.loses_answers else accepted(f"ref-{len(self.sent)}")

    async def look_up(self, reference: str) -> Receipt | None:
        return self.state

    async def find(self, sought: Sought) -> Sequence[Receipt] | None:
        return self.found

    async def account(self) -> AccountState:
        return AccountState(True, "")

    def receipt(self, payload: Payload) -> Receipt:
        raise Forged


class AtOnce:
    """A queue whose worker does everything at once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def send(self, channel: ChannelName, ids: Sequence[int], claim: str, *, urgent: bool) -> None:
        worker.send_batch(self.engine, channel, ids, claim)

    def settle(self, channel: ChannelName, ids: Sequence[int]) -> None:
        settling.settle_batch(self.engine, channel, ids)

    def answer(self, ids: Sequence[int]) -> None:
        replies.send_batch(self.engine, ids)


class Receipts(RuleBasedStateMachine):
    folder: TemporaryDirectory[str]

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name)
        self.ledger = open_ledger(f"sqlite:///{path / 'ledger.sqlite3'}")
        self.clock, self.gate = SimulatedClock(MONDAY), Gate()
        self.engine = Engine(
            settings=settings_for(path, str(self.ledger.engine.url), sms_sign="x"),
            ledger=self.ledger,
            clock=self.clock,
            channels={SMS: only(self.gate)},
            receipts_url="http://127.0.0.1:1",
            secret="secret",
        )
        self.loop = Loop(self.engine, AtOnce(self.engine))  # type: ignore[arg-type]
        (path / "trial.toml").write_text(scenario_text("sms"), "utf-8")
        with self.ledger.write() as tx:
            scenarios.add(tx, read_scenario(path / "trial.toml"), "test", MONDAY)
            audience = audiences.begin(tx, "people", "people.csv", (), "test", MONDAY)
            audiences.add_recipients(tx, audience, [ANNA])
            audiences.finish(tx, audience, 1, ["debt_kopecks"], "test", MONDAY)
        campaigning.launch(self.engine, "trial", "people", "test")
        self.sent_when_reached: int | None = None
        self.final: dict[int, Outcome] = {}
        self.count = 0
        self.loop.tick()

    def made(self) -> list[Attempt]:
        with self.ledger.read() as tx:
            return [a for _account, a in attempts.of_campaign(tx, 1)]

    def status(self) -> Status:
        with self.ledger.read() as tx:
            return deliveries.load(tx, [1])[1].status

    @rule(hours=st.sampled_from([0, 1, 24, 26]), loses=st.booleans())
    def time_goes_on(self, hours: int, loses: bool) -> None:
        self.gate.loses_answers = loses
        self.clock.move_to(self.clock.now() + timedelta(hours=hours))
        self.loop.tick()
        self.loop.tick()

    @rule(
        state=st.sampled_from([None, "under way", *FINAL]),
        found=st.sampled_from(["cannot tell", "none", "one", "two"]),
    )
    def the_provider_would_say(self, state: str | Outcome | None, found: str) -> None:
        outcome = state if isinstance(state, Outcome) else None
        self.gate.state = (
            None if state is None else Receipt(None, "x", outcome, final=outcome is not None)
        )
        self.count += 1
        names = [f"found-{self.count}-{n}" for n in range({"one": 1, "two": 2}.get(found, 0))]
        self.gate.found = (
            None
            if found == "cannot tell"
            else [Receipt(None, name, outcome, final=outcome is not None) for name in names]
        )

    @precondition(lambda self: self.made())
    @rule(
        which=st.integers(0, 9),
        outcome=st.sampled_from([None, Outcome.UNCERTAIN, *FINAL]),
        by_name=st.booleans(),
        times=st.integers(1, 3),
    )
    def a_receipt_comes(
        self, which: int, outcome: Outcome | None, by_name: bool, times: int
    ) -> None:
        made = self.made()
        chosen = made[which % len(made)]
        if by_name and chosen.reference is None:
            return
        name = sign("secret", TokenFor.RECEIPT, attempt_key(1, chosen.number))
        receipt = Receipt(
            None if by_name else name,
            chosen.reference if by_name else None,
            outcome,
            final=outcome is not None,
        )
        effects = [receipts.take(self.engine, SMS, "smsaero", receipt, {}) for _ in range(times)]
        assert Effect.RECORDED not in effects[1:]

    @rule(name=st.sampled_from(["1-9-" + "0" * 20, "x", "", "1-1-"]))
    def a_receipt_of_nothing_comes(self, name: str) -> None:
        before = self.made()
        receipt = Receipt(name or None, None if name else "nobody's", Outcome.DELIVERED)
        effect = receipts.take(self.engine, SMS, "smsaero", receipt, {})
        assert effect is Effect.UNKNOWN
        assert self.made() == before

    @rule(words=st.sampled_from(["кто это?", "стоп"]))
    def the_customer_answers(self, words: str) -> None:
        self.count += 1
        inbound.take_in(self.engine, "smsaero", Inbound(f"in-{self.count}", NUMBER, words))
        self.loop.tick()

    @invariant()
    def what_is_final_stays(self) -> None:
        if not hasattr(self, "final"):
            return
        for attempt in self.made():
            known = self.final.get(attempt.id)
            if known is not None and attempt.outcome is not known:
                assert attempt.outcome is Outcome.ANSWERED
            if attempt.outcome is not None and MEANING[attempt.outcome].strength > 1:
                self.final[attempt.id] = attempt.outcome

    @invariant()
    def who_was_reached_gets_nothing_more_and_stays_reached(self) -> None:
        if not hasattr(self, "final"):
            return
        made = self.made()
        sent = sum(1 for token in self.gate.sent if not token.startswith("0-"))
        assert sent == len(made)
        if any(a.positive for a in made) and self.sent_when_reached is None:
            self.sent_when_reached = sent
        if self.sent_when_reached is not None:
            assert sent == self.sent_when_reached

    @invariant()
    def the_status_says_what_the_attempts_say(self) -> None:
        if not hasattr(self, "final"):
            return
        made, status = self.made(), self.status()
        if status is Status.POSITIVE:
            assert any(a.positive for a in made)
        if status is Status.UNCERTAIN:
            assert made[-1].outcome is Outcome.UNCERTAIN
        if any(a.positive for a in made):
            assert status not in (Status.PENDING, Status.QUEUED, Status.GIVEN_UP, Status.EXPIRED)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()


TestReceipts = Receipts.TestCase
TestReceipts.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # each step writes a file: shrinking takes minutes
)
