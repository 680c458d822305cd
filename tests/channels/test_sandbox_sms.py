"""SMS in the sandbox: the same fates at both gates, steps on the way, customers who write."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import requests

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import HandoverKind, Inbound, Payload, Receipt
from channels.sandbox import Sandbox
from channels.sandbox.patterns import BUILT_IN, Fate, load_patterns
from tests.channels.servers import Receiver
from tests.channels.twins import (
    NOON,
    SMS_KEY,
    TWILIO_SID,
    TWILIO_TOKEN,
    SmsTwin,
    TwilioSmsTwin,
    deliver,
)

SMS = ChannelName.SMS
GATES: list[SmsTwin | TwilioSmsTwin] = [SmsTwin(), TwilioSmsTwin()]
both_gates = pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)


@dataclass
class World:
    """A sandbox, and an endpoint that reads what is posted with our own channels."""

    clock: list[datetime]
    receipts: list[Receipt] = field(default_factory=list)
    letters: list[Inbound] = field(default_factory=list)

    def answer(self, payload: Payload) -> tuple[int, str]:
        channel = (TwilioSmsTwin() if "/twilio/" in payload.url else SmsTwin()).at(1)
        if "/inbound" in payload.url:
            self.letters += [one for one in channel.inbound(payload) if isinstance(one, Inbound)]
        else:
            self.receipts.append(channel.receipt(payload))
        return 200, ""

    def let_pass(self, sandbox: Sandbox) -> None:
        while (at := sandbox.next_event_at()) is not None:
            self.clock[0] = at
            sandbox.run_due()

    @property
    def outcomes(self) -> list[Outcome]:
        return [receipt.outcome for receipt in self.receipts if receipt.outcome is not None]


def test_no_list_of_customers_meets_an_empty_account_by_chance() -> None:
    """One answer of that kind stops the channel until somebody has paid."""
    table = load_patterns(BUILT_IN)
    rules = (table.rule_for(SMS, f"+7900555{ending:04}") for ending in range(10_000))
    assert Fate.NO_CREDITS not in {rule.outcome for rule in rules if rule}
    assert Fate.NO_CREDITS.value not in table.mix[SMS]


@pytest.fixture
def world() -> World:
    return World([NOON])


@pytest.fixture
def receiver(world: World) -> Iterator[Receiver]:
    with Receiver(world.answer) as running:
        yield running


@pytest.fixture
def sandbox(world: World, receiver: Receiver) -> Iterator[Sandbox]:
    with Sandbox(
        lambda: world.clock[0],
        simulated=True,
        smsaero_email="energy@example.com",
        smsaero_api_key=SMS_KEY,
        twilio_account_sid=TWILIO_SID,
        twilio_auth_token=TWILIO_TOKEN,
        inbound_urls={
            "smsaero": f"{receiver.url}/smsaero/inbound/token",
            "twilio": f"{receiver.url}/twilio/inbound",
        },
    ) as running:
        yield running


@pytest.mark.parametrize(
    ("ending", "kind", "outcomes", "after"),
    [
        ("0001", HandoverKind.ACCEPTED, [Outcome.DELIVERED], timedelta(seconds=8)),
        ("0007", HandoverKind.ACCEPTED, [Outcome.UNDELIVERED], timedelta(seconds=8)),
        ("0008", HandoverKind.UNCERTAIN, [Outcome.DELIVERED], timedelta(seconds=8)),
        ("0009", HandoverKind.ACCEPTED, [Outcome.DELIVERED], timedelta(hours=26)),
        ("0010", HandoverKind.ACCEPTED, [Outcome.DELIVERED] * 2, timedelta(seconds=9)),
        ("0011", HandoverKind.ACCEPTED, [], None),
        ("0012", HandoverKind.POSTPONED, [], None),
        ("0013", HandoverKind.UNCERTAIN, [Outcome.DELIVERED], timedelta(seconds=8)),
        ("0014", HandoverKind.UNCERTAIN, [], None),
        ("0015", HandoverKind.REFUSED, [], None),
        ("0016", HandoverKind.REFUSED, [], None),
        ("0017", HandoverKind.POSTPONED, [], None),
    ],
)
@both_gates
def test_an_sms_meets_the_same_fate_at_both_gates(
    gate: SmsTwin | TwilioSmsTwin,
    ending: str,
    kind: HandoverKind,
    outcomes: list[Outcome],
    after: timedelta | None,
    world: World,
    sandbox: Sandbox,
    receiver: Receiver,
) -> None:
    message = gate.message(f"+7916123{ending}", receiver.url)
    [handover] = deliver(gate.beside(sandbox), message)
    world.let_pass(sandbox)
    assert handover.kind is kind
    assert world.outcomes == outcomes
    if after is not None:
        assert world.clock[0] - NOON == after
        assert {receipt.token for receipt in world.receipts} == {"1-1-abc"}
        assert {receipt.reference for receipt in world.receipts} == {sandbox.received[0].reference}


def test_twilio_tells_each_step_of_a_message(
    world: World, sandbox: Sandbox, receiver: Receiver
) -> None:
    gate = TwilioSmsTwin()
    deliver(gate.beside(sandbox), gate.message("+79161230001", receiver.url))
    world.let_pass(sandbox)
    steps = [(receipt.detail, receipt.outcome) for receipt in world.receipts]
    assert steps == [("queued", None), ("sent", None), ("delivered", Outcome.DELIVERED)]


@pytest.mark.parametrize(("ending", "word"), [("0031", "СТОП"), ("0032", "оплатил")])
@both_gates
def test_a_customer_answers_a_minute_after_delivery(
    gate: SmsTwin | TwilioSmsTwin,
    ending: str,
    word: str,
    world: World,
    sandbox: Sandbox,
    receiver: Receiver,
) -> None:
    deliver(gate.beside(sandbox), gate.message(f"+7916123{ending}", receiver.url))
    world.let_pass(sandbox)
    assert world.outcomes == [Outcome.DELIVERED]
    [letter] = world.letters
    assert letter.contact_point == f"+7916123{ending}"
    assert word in letter.text
    assert world.clock[0] - NOON == timedelta(seconds=68)


@pytest.mark.parametrize("provider", ["smsaero", "twilio"])
def test_a_customer_may_write_at_any_time_and_be_posted_twice(
    provider: str, world: World, sandbox: Sandbox
) -> None:
    texts = ["Стоп", "стоп", "🙂 не понял\n&x=1"]
    for text in texts:
        assert sandbox.text_us("+79161234567", text, provider=provider) == 200
    assert [letter.text for letter in world.letters] == texts
    assert len({letter.reference for letter in world.letters}) == 3
    again = world.letters[0].reference
    assert sandbox.text_us("+79161234567", "Стоп", provider=provider, reference=again) == 200
    assert world.letters[3] == world.letters[0]


def test_who_was_told_no_address_posts_nothing(world: World, sandbox: Sandbox) -> None:
    sandbox.inbound_urls.clear()
    gate = SmsTwin()
    deliver(gate.beside(sandbox), gate.message("+79161230031"))
    world.let_pass(sandbox)
    assert world.letters == []
    with pytest.raises(KeyError):
        sandbox.text_us("+79161234567", "Стоп", provider="smsaero")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"To": ""}, 21604),
        ({"From": ""}, 21603),
        ({"From": "Энергосбыт"}, 21212),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"To": "12"}, 21211),
    ],
)
def test_twilios_gate_refuses_what_twilio_would(
    sandbox: Sandbox, changed: dict[str, str], code: int
) -> None:
    form = {"To": "+79161230001", "From": "+74951234567", "Body": "Долг", **changed}
    url = f"{sandbox.twilio_base_url}/2010-04-01/Accounts/{TWILIO_SID}/Messages.json"
    answer = requests.post(url, form, auth=(TWILIO_SID, TWILIO_TOKEN), timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert sandbox.received == []


def test_the_same_seed_writes_the_same_letters(world: World, receiver: Receiver) -> None:
    def references(seed: int) -> list[str]:
        world.letters.clear()
        urls = {"twilio": f"{receiver.url}/twilio/inbound"}
        with Sandbox(
            lambda: NOON,
            seed=seed,
            simulated=True,
            twilio_account_sid=TWILIO_SID,
            twilio_auth_token=TWILIO_TOKEN,
            inbound_urls=urls,
        ) as sandbox:
            for number in ("+79161234567", "+79161234568", "+79161234567"):
                sandbox.text_us(number, "Стоп", provider="twilio")
        return [letter.reference for letter in world.letters]

    assert references(1) == references(1)
    assert references(1) != references(2)
