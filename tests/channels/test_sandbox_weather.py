"""A world that lives faster, and providers that tell things out of order, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from campaigns.menu import opening
from campaigns.outcome import Outcome
from channels.base import CallStage, Payload
from channels.sandbox.patterns import Patterns
from tests.channels.servers import Receiver
from tests.channels.test_sandbox import Rehearsal, simulated
from tests.channels.twins import NOON, PhoneTwin, SmsTwin, TwilioSmsTwin, deliver


@contextmanager
def living(fate: str, speed: float = 1.0) -> Iterator[Rehearsal]:
    """A sandbox in which everybody meets the same fate."""
    phone, sms = PhoneTwin().at(1), SmsTwin().at(1)
    table = {"phone": {fate: 1}, "sms": {fate: 1}, "email": {"accepted": 1}}

    def answer(payload: Payload) -> tuple[int, str]:
        if "/twilio/sms" in payload.url:
            made.receipts.append(TwilioSmsTwin().at(1).receipt(payload))
            return 200, ""
        receipt = (phone if "/twilio/" in payload.url else sms).receipt(payload)
        made.receipts.append(receipt)
        if receipt.stage is CallStage.BEGUN:
            message = PhoneTwin().message("+79161230000", receiver.url)
            return 200, phone.words(message, opening(message.script))
        return 200, receipt.reply

    clock = [NOON]
    patterns = Patterns.model_validate({"mix": table})
    with (
        Receiver(answer) as receiver,
        simulated(lambda: clock[0], patterns=patterns, speed=speed) as sandbox,
    ):
        made = Rehearsal(sandbox, receiver, clock)
        yield made


def a_call(speed: float) -> tuple[float, float | None]:
    """How long a call took by our clock, and how long it says it was."""
    with living("duplicate_receipt", speed) as rehearsal:
        rehearsal.call("4444")
        rehearsal.let_pass()
        ended = [one for one in rehearsal.receipts if one.final]
        assert [one.outcome for one in ended] == [Outcome.HEARD, Outcome.HEARD]
        return (rehearsal.clock[0] - NOON).total_seconds(), ended[0].seconds


def test_in_a_world_twenty_times_faster_a_call_takes_a_twentieth_and_is_told_whole() -> None:
    (slow, told), (fast, told_fast) = a_call(1), a_call(20)
    assert fast == pytest.approx(slow / 20, rel=0.01)
    assert told is not None
    assert told_fast == pytest.approx(told, abs=1.0)


def test_a_call_whose_end_is_never_told_can_be_asked_for() -> None:
    with living("no_receipt") as rehearsal:
        rehearsal.call("4444")
        rehearsal.let_pass()
        assert not any(receipt.final for receipt in rehearsal.receipts)


def test_of_a_call_that_is_over_words_may_be_asked_for_once_more() -> None:
    with living("reordered_receipts") as rehearsal:
        rehearsal.call("4444")
        rehearsal.let_pass()
        told = [(receipt.stage, receipt.final) for receipt in rehearsal.receipts]
        assert told[0] == told[-1] == (CallStage.BEGUN, False)
        assert (None, True) in told[:-1]


@pytest.mark.parametrize("gate", [SmsTwin(), TwilioSmsTwin()], ids=lambda gate: gate.name)
def test_what_was_before_the_end_of_an_sms_may_be_told_after_it(
    gate: SmsTwin | TwilioSmsTwin,
) -> None:
    with living("reordered_receipts") as rehearsal:
        message = gate.message("+79161234444", rehearsal.receiver.url)
        deliver(gate.beside(rehearsal.sandbox), message)
        rehearsal.let_pass()
        outcomes = [receipt.outcome for receipt in rehearsal.receipts]
    assert outcomes[0] is Outcome.DELIVERED
    assert len(outcomes) > 1
    assert set(outcomes[1:]) == {None}
