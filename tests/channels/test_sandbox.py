"""The sandbox: the same seed makes the same world, and time is the program's own."""

import asyncio
import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaigns.menu import Turn, opening
from campaigns.outcome import Outcome
from channels.base import CallStage, Channel, HandoverKind, Message, Payload, Receipt
from channels.sandbox import Sandbox
from tests.channels.servers import Receiver, closed_port
from tests.channels.twins import (
    NOON,
    SMS_KEY,
    TWILIO_SID,
    TWILIO_TOKEN,
    MailTwin,
    PhoneTwin,
    SmsTwin,
    deliver,
    deliver_together,
    letter,
)


@dataclass
class Rehearsal:
    """A sandbox under a clock we move, and our endpoint as the channels read it."""

    sandbox: Sandbox
    receiver: Receiver
    clock: list[datetime]
    receipts: list[Receipt] = field(default_factory=list)

    def call(self, ending: str) -> HandoverKind:
        return self._hand_over(PhoneTwin().beside(self.sandbox), PhoneTwin(), ending)

    def text(self, ending: str) -> HandoverKind:
        return self._hand_over(SmsTwin().beside(self.sandbox), SmsTwin(), ending)

    def _hand_over(self, channel: Channel, twin: PhoneTwin | SmsTwin, ending: str) -> HandoverKind:
        message: Message = twin.message(f"+7916123{ending}", self.receiver.url)
        [handover] = deliver(channel, message)
        return handover.kind

    def let_pass(self, limit: timedelta = timedelta(days=3)) -> None:
        """Move the clock from event to event, as a simulation does."""
        end = self.clock[0] + limit
        while (at := self.sandbox.next_event_at()) is not None and at <= end:
            self.clock[0] = max(at, self.clock[0])
            self.sandbox.run_due()

    @property
    def told(self) -> list[tuple[Outcome | None, bool]]:
        return [(receipt.outcome, receipt.final) for receipt in self.receipts]


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    phone, sms = PhoneTwin().at(1), SmsTwin().at(1)

    def answer(payload: Payload) -> tuple[int, str]:
        receipt = (phone if "/twilio/" in payload.url else sms).receipt(payload)
        if receipt.stage is CallStage.BEGUN:
            message = PhoneTwin().message("+79161230000", receiver.url)
            machine = receipt.outcome is Outcome.MACHINE
            return 200, phone.words(message, Turn(()) if machine else opening(message.script))
        made.receipts.append(receipt)
        return 200, receipt.reply

    clock = [NOON]
    with Receiver(answer) as receiver, simulated(lambda: clock[0]) as sandbox:
        made = Rehearsal(sandbox, receiver, clock)
        yield made


def simulated(now: object = lambda: NOON, **options: object) -> Sandbox:
    return Sandbox(
        now,  # type: ignore[arg-type]
        simulated=True,
        smsaero_email="energy@example.com",
        smsaero_api_key=SMS_KEY,
        twilio_account_sid=TWILIO_SID,
        twilio_auth_token=TWILIO_TOKEN,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ("0001", [(Outcome.BUSY, True)]),
        ("0002", [(Outcome.NO_ANSWER, True)]),
        ("0003", [(Outcome.MACHINE, True)]),
        ("0004", [(Outcome.HUNG_UP, True)]),
        ("0005", [(None, False), (Outcome.HEARD, True)]),
        ("0006", [(None, False), (Outcome.HEARD, True)]),
        ("0008", [(Outcome.HEARD, False), (Outcome.HEARD, True)]),
        ("0010", [(Outcome.HEARD, False), (Outcome.HEARD, True), (Outcome.HEARD, True)]),
        ("0015", [(Outcome.FAILED, True)]),
        ("0032", [(Outcome.DECLINED, True)]),
        ("0020", [(Outcome.HEARD, False), (Outcome.HEARD, True)]),
    ],
)
def test_a_call_goes_as_the_table_says_and_is_told_by_signed_callbacks(
    rehearsal: Rehearsal, ending: str, told: list[tuple[Outcome, bool]]
) -> None:
    rehearsal.call(ending)
    rehearsal.let_pass()
    # After a key the length of the call tells nothing: only that there was a key is compared.
    keys = ending in {"0005", "0006"}
    assert [r.outcome for r in rehearsal.receipts if r.stage] == [
        outcome for outcome, final in told if not final
    ]
    assert keys or rehearsal.told == told
    assert len(rehearsal.told) == len(told)
    assert {receipt.token for receipt in rehearsal.receipts} == {"1-1-abc"}
    assert {r.reference for r in rehearsal.receipts} == {rehearsal.sandbox.received[0].reference}


def test_an_unanswered_call_is_given_up_after_the_fifth_ring(rehearsal: Rehearsal) -> None:
    rehearsal.call("0002")
    rehearsal.let_pass()
    assert rehearsal.clock[0] == NOON + timedelta(seconds=25)
    assert rehearsal.receipts[0].at == NOON + timedelta(seconds=25)


def test_any_key_can_be_pressed(rehearsal: Rehearsal) -> None:
    for ending in ("0005", "0006", *(f"{n:04}" for n in range(22, 30))):
        rehearsal.call(ending)
    rehearsal.let_pass()
    keys = [r.key for r in rehearsal.receipts if r.stage is CallStage.KEYS]
    assert sorted(keys) == list("0123456789")


def test_the_callback_of_a_late_call_comes_hours_later_with_the_time_of_the_call(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.call("0009")
    rehearsal.let_pass()
    last = rehearsal.receipts[-1]
    assert last.outcome is Outcome.HEARD
    assert last.at is not None
    assert last.at < NOON + timedelta(minutes=2)
    assert rehearsal.clock[0] > NOON + timedelta(hours=26)


@pytest.mark.parametrize(
    ("ending", "outcomes", "after"),
    [
        ("0001", [Outcome.DELIVERED], timedelta(seconds=8)),
        ("0007", [Outcome.UNDELIVERED], timedelta(seconds=8)),
        ("0008", [Outcome.DELIVERED], timedelta(seconds=8)),
        ("0009", [Outcome.DELIVERED], timedelta(hours=26)),
        ("0010", [Outcome.DELIVERED, Outcome.DELIVERED], timedelta(seconds=9)),
        ("0011", [], timedelta(0)),
        ("0013", [Outcome.DELIVERED], timedelta(seconds=8)),
    ],
)
def test_an_sms_is_receipted_as_the_table_says(
    rehearsal: Rehearsal, ending: str, outcomes: list[Outcome], after: timedelta
) -> None:
    rehearsal.text(ending)
    rehearsal.let_pass()
    assert [receipt.outcome for receipt in rehearsal.receipts] == outcomes
    assert rehearsal.clock[0] - NOON == after


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("0014", HandoverKind.UNCERTAIN),
        ("0015", HandoverKind.REFUSED),
        ("0016", HandoverKind.REFUSED),
        ("0017", HandoverKind.POSTPONED),
    ],
)
def test_what_the_gate_does_not_take_is_neither_journalled_nor_receipted(
    rehearsal: Rehearsal, ending: str, kind: HandoverKind
) -> None:
    assert rehearsal.text(ending) is kind
    assert rehearsal.sandbox.received == []
    assert rehearsal.sandbox.next_event_at() is None
    assert rehearsal.sandbox.counts()["refused"] == 1


def test_nothing_happens_before_its_time(rehearsal: Rehearsal) -> None:
    rehearsal.text("0001")
    assert rehearsal.sandbox.next_event_at() == NOON + timedelta(seconds=8)
    assert rehearsal.sandbox.run_due() == 0
    rehearsal.clock[0] += timedelta(seconds=7, microseconds=999_999)
    assert rehearsal.sandbox.run_due() == 0
    rehearsal.clock[0] += timedelta(microseconds=1)
    assert rehearsal.sandbox.run_due() == 1
    assert rehearsal.sandbox.next_event_at() is None


def test_a_clock_that_jumps_over_a_whole_call_still_tells_its_true_times(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.call("0020")
    rehearsal.clock[0] += timedelta(hours=5)
    rehearsal.sandbox.run_due()
    assert rehearsal.told == [(Outcome.HEARD, False), (Outcome.HEARD, True)]
    assert rehearsal.receipts[-1].at is not None
    assert rehearsal.receipts[-1].at < NOON + timedelta(minutes=1)


def test_a_receiver_that_fails_is_tried_three_times_and_never_harms_the_sandbox() -> None:
    clock = [NOON]
    with Receiver(lambda _: (500, "")) as receiver, simulated(lambda: clock[0]) as sandbox:
        message = SmsTwin().message("+79161230001", receiver.url)
        gone = SmsTwin().message("+79161230002", f"http://127.0.0.1:{closed_port()}")
        deliver(SmsTwin().beside(sandbox), message, gone)
        clock[0] += timedelta(minutes=1)
        assert sandbox.run_due() == 2
        assert len(receiver.payloads) == 3
        assert sandbox.counts()["callbacks_failed"] == 2
        [handover] = deliver(SmsTwin().beside(sandbox), message)
        assert handover.kind is HandoverKind.ACCEPTED


def test_in_real_time_receipts_come_by_themselves() -> None:
    """The clock stands in the future of every event, so that real waiting is not needed."""
    clock = [NOON]

    def now() -> datetime:
        return clock[0]

    with (
        Receiver() as receiver,
        Sandbox(now, smsaero_email="energy@example.com", smsaero_api_key=SMS_KEY) as sandbox,
    ):
        deliver(SmsTwin().beside(sandbox), SmsTwin().message("+79161230001", receiver.url))
        clock[0] += timedelta(seconds=10)
        assert receiver.arrived.acquire(timeout=5)
        assert receiver.payloads[0].form["status"] == "1"


def books(path: Path, seed: int, order: int) -> tuple[str, list[str]]:
    """One rehearsal of 240 messages handed over in some order, and what it left behind."""
    clock = [NOON]
    with (
        Receiver() as receiver,
        simulated(lambda: clock[0], seed=seed, journal_path=path) as sandbox,
    ):
        phone, sms, mail = PhoneTwin(), SmsTwin(), MailTwin()
        mailbox = sandbox.smtp_port
        for _day in range(2):
            numbers = list(range(2000, 2040))
            random.Random(order + _day).shuffle(numbers)
            calls = [phone.message(f"+7916555{n}", receiver.url) for n in numbers]
            texts = [sms.message(f"+7916555{n}", receiver.url) for n in numbers]
            letters = [letter(f"u{n}@example.com", name=f"{n}-{_day}") for n in numbers]
            deliver_together(phone.beside(sandbox), calls)
            deliver_together(sms.beside(sandbox), texts)
            deliver_together(mail.at(mailbox), letters)
            while (at := sandbox.next_event_at()) is not None:
                clock[0] = max(at, clock[0])
                sandbox.run_due()
            clock[0] += timedelta(days=1)
        told = [f"{p.url.removeprefix(receiver.url)} {p.form}" for p in receiver.payloads]
    return path.read_text(encoding="utf-8"), told


def test_the_same_seed_writes_the_same_books_whatever_the_order_of_arrival(tmp_path: Path) -> None:
    one, first_told = books(tmp_path / "one.jsonl", seed=7, order=1)
    two, second_told = books(tmp_path / "two.jsonl", seed=7, order=2)
    assert one == two
    assert first_told == second_told
    other, _ = books(tmp_path / "other.jsonl", seed=8, order=1)
    assert other != one


def test_the_journal_holds_what_was_taken_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "received.jsonl"
    with simulated(journal_path=path) as sandbox:
        deliver(MailTwin().at(sandbox.smtp_port), letter("good@example.com"))
        deliver(MailTwin().at(sandbox.smtp_port), letter("bounce@example.com"))
        deliver(MailTwin().at(sandbox.smtp_port), letter("drop@example.com", name="2"))
        sandbox.flush()
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {
            "channel": "email",
            "contact_point": point,
            "received_at": "2026-12-01T09:00:00+00:00",
            "reference": reference,
        }
        for point, reference in [
            ("drop@example.com", "<2@mail.example.com>"),
            ("good@example.com", "<1@mail.example.com>"),
        ]
    ]


def test_a_customer_who_was_busy_may_be_reached_on_a_later_try(rehearsal: Rehearsal) -> None:
    for _attempt in range(12):
        rehearsal.call("9876")
        rehearsal.let_pass()
    outcomes = {outcome for outcome, final in rehearsal.told if final}
    assert Outcome.HEARD in outcomes
    assert outcomes - {Outcome.HEARD}
    references = [taken.reference for taken in rehearsal.sandbox.received]
    assert len(set(references)) == len(references) >= 10


def test_a_port_that_is_taken_is_told_at_start() -> None:
    with simulated() as running, pytest.raises(OSError, match="use"):
        simulated(http_port=running.http_port).start()


def test_stopping_does_not_wait_for_clients_that_are_kept_waiting() -> None:
    sandbox = simulated().start()

    async def wait_in_vain() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
        body = json.dumps({"number": 79161230013, "text": "Hello", "sign": "E"}).encode()
        key = base64.b64encode(f"energy@example.com:{SMS_KEY}".encode()).decode()
        writer.write(
            b"POST /v2/sms/send HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
            + key.encode()
            + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        stopping = asyncio.create_task(asyncio.to_thread(sandbox.stop))
        try:
            return await asyncio.wait_for(reader.read(), 4)
        except ConnectionResetError:
            return b""
        finally:
            await stopping
            writer.close()

    assert asyncio.run(wait_in_vain()) == b""
