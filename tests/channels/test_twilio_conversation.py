"""Calls that go on: the menu, an operator, sound files; the channel beside its twin."""

import asyncio
import io
import json
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.rest import Client

from campaigns.menu import Operator, Turn, opening
from campaigns.outcome import Outcome
from channels.base import AccountState, CallMessage, CallStage, Payload, Receipt, Sought
from channels.sandbox import Sandbox, load_patterns
from channels.sandbox.operators import OperatorFate, OperatorRule, Operators
from channels.sandbox.sounds import wav_seconds
from templates.call import Action, CallScript, Key, Play, Say, SoundRef
from tests.channels.servers import RawHttp, Receiver, closed_port, http_answer
from tests.channels.test_twilio_rest import Local
from tests.channels.twins import NOON, TWILIO_SID, TWILIO_TOKEN, PhoneTwin, deliver

TWIN = PhoneTwin()
CHANNEL = TWIN.at(1)
GREETING = SoundRef("ab" * 32, 4.0)
SCRIPT = CallScript(
    message=(Play("greeting.wav", GREETING), Say("Ваш долг сто рублей.")),
    keys=(
        Key("0", Action.OPERATOR, (Say("Оператор — ноль."),)),
        Key("2", Action.REPEAT, (Say("Повторить — два."),)),
    ),
    farewell=(Say("Всего доброго."),),
)
OPERATOR = Operator("+74957654321", 20)


def message(url: str = "https://r.example.com", point: str = "+79161234567") -> CallMessage:
    return CallMessage("1-1-abc", point, "+74951234567", SCRIPT, url)


def tree(twiml: str) -> ElementTree.Element:
    return ElementTree.fromstring(twiml)


def test_the_menu_said_again_listens_as_another_round() -> None:
    turn = Turn((Say("Такой кнопки нет."), Say("Повторить — два.")), listens=True, round=3)
    [gather] = tree(CHANNEL.words(message(), turn))
    assert gather.tag == "Gather"
    assert gather.get("action", "").endswith("&round=3")
    assert gather.get("actionOnEmptyResult") == "true"
    assert [child.tag for child in gather] == ["Say", "Pause", "Say"]


def test_the_last_words_free_the_line() -> None:
    said = tree(CHANNEL.words(message(), Turn((Say("До свидания."),))))
    assert [verb.tag for verb in said] == ["Say", "Hangup"]


def test_an_operator_is_dialled_no_longer_than_the_desk_says_and_both_ends_report() -> None:
    say, dial = tree(CHANNEL.words(message(), Turn((Say("Соединяю."),), operator=OPERATOR)))
    assert say.text == "Соединяю."
    assert dial.attrib == {
        "action": f"https://r.example.com/twilio/dial/1-1-abc?expects={SCRIPT.message_seconds:g}",
        "answerOnBridge": "true",
        "callerId": "+74951234567",
        "method": "POST",
        "timeLimit": "1800",
        "timeout": "20",
    }
    [number] = dial
    assert (number.tag, number.text) == ("Number", "+74957654321")
    assert number.get("statusCallbackEvent") == "answered"
    assert "/twilio/operator/1-1-abc?" in number.get("statusCallback", "")


def test_an_operator_may_have_a_sip_address() -> None:
    operator = Operator("sip:desk@pbx.example.com;transport=tls&x=1", 20)
    [dial] = tree(CHANNEL.words(message(), Turn((), operator=operator)))
    [sip] = dial
    assert (sip.tag, sip.text) == ("Sip", operator.address)


@given(st.text(max_size=40), st.text(max_size=20), st.booleans())
def test_whatever_is_said_or_dialled_is_well_formed_and_never_obeyed(
    text: str, address: str, listens: bool
) -> None:
    operator = None if listens else Operator("sip:" + address, 20)
    twiml = CHANNEL.words(message(), Turn((Say(text),), listens, operator))
    tags = {element.tag for element in tree(twiml).iter()}
    assert tags <= {"Response", "Gather", "Say", "Dial", "Sip"}


@pytest.mark.parametrize(
    ("keys", "seconds"), [((), 120), (SCRIPT.keys[1:], 240), (SCRIPT.keys, 2040)]
)
def test_a_call_may_last_as_long_as_its_keys_can_make_it(
    keys: tuple[Key, ...], seconds: int
) -> None:
    asked = replace(message(), script=replace(SCRIPT, keys=keys))
    with RawHttp(http_answer(201, b'{"sid": "CA"}')) as server:
        deliver(TWIN.at(server.port), asked)
        [request] = server.requests
    assert parse_qs(request.decode())["TimeLimit"] == [str(seconds)]


# --- beside the sandbox ------------------------------------------------------------------------


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x00" * int(8000 * seconds))
    return file.getvalue()


@dataclass
class Rehearsal:
    """Callers in the sandbox, and a small engine that answers what they press."""

    sandbox: Sandbox
    receiver: Receiver
    clock: list[datetime]
    receipts: list[Receipt] = field(default_factory=list)

    def call(self, ending: str) -> None:
        deliver(TWIN.beside(self.sandbox), message(self.receiver.url, f"+7916123{ending}"))
        while (at := self.sandbox.next_event_at()) is not None:
            self.clock[0] = max(at, self.clock[0])
            self.sandbox.run_due()

    def answer(self, payload: Payload) -> tuple[int, str]:
        receipt = CHANNEL.receipt(payload)
        self.receipts.append(receipt)
        turn = self.turn(receipt)
        return 200, CHANNEL.words(message(self.receiver.url), turn) if turn else ""

    def turn(self, receipt: Receipt) -> Turn | None:
        if receipt.stage is CallStage.BEGUN:
            return Turn(()) if receipt.outcome is Outcome.MACHINE else opening(SCRIPT)
        if receipt.stage is CallStage.KEYS and receipt.key == "0":
            return Turn((Say("Соединяю."),), operator=OPERATOR)
        if receipt.stage is CallStage.KEYS and receipt.key:
            return Turn(SCRIPT.spoken, listens=True, round=receipt.round + 1)
        if receipt.stage in {CallStage.KEYS, CallStage.OPERATOR_DONE}:
            return Turn(SCRIPT.farewell)
        return None

    @property
    def story(self) -> list[str]:
        """The stages after the first and the outcomes, as they were told."""
        return [
            f"{r.stage or 'end'} {r.outcome or r.key}".strip()
            for r in self.told
            if r.reference == self.sandbox.received[-1].reference
        ]

    @property
    def told(self) -> list[Receipt]:
        """What came after the first words."""
        return [r for r in self.receipts if r.stage is not CallStage.BEGUN]


def rehearse(operator: Operators, **options: Any) -> Iterator[Rehearsal]:
    clock = [NOON]
    patterns = load_patterns().model_copy(update={"operator": operator})
    with (
        Receiver(lambda payload: made.answer(payload)) as receiver,  # noqa: PLW0108 - made later
        Sandbox(
            lambda: clock[0],
            patterns=patterns,
            twilio_account_sid=TWILIO_SID,
            twilio_auth_token=TWILIO_TOKEN,
            simulated=True,
            **options,
        ) as sandbox,
    ):
        receiver.files[f"/sound/{GREETING.digest}.wav"] = wav(4.0)
        made = Rehearsal(sandbox, receiver, clock)
        yield made


@pytest.fixture(params=[OperatorFate.ANSWERS])
def rehearsal(request: pytest.FixtureRequest) -> Iterator[Rehearsal]:
    rule = OperatorRule(outcome=request.param, ends="4321")
    yield from rehearse(Operators(rules=(rule,)))


def operator_that(fate: OperatorFate) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rehearsal", [fate], indirect=True)


def test_who_asks_for_an_operator_talks_to_one_and_each_step_is_told(rehearsal: Rehearsal) -> None:
    rehearsal.call("0006")
    assert rehearsal.story == [
        "keys 0",
        "operator_answered connected",
        "operator_done connected",
        "end heard",
    ]
    answered, done, end = rehearsal.told[1:]
    assert (answered.final, done.final) == (False, False)
    assert answered.at is not None
    assert done.detail.startswith("completed, talked ")
    talked = float(done.detail.split()[2])
    assert 30 <= talked <= 180
    assert end.seconds is not None
    assert end.seconds > talked  # the talk is a part of the call


@pytest.mark.parametrize(
    ("rehearsal", "status"),
    [
        (OperatorFate.BUSY, "busy"),
        (OperatorFate.NO_ANSWER, "no-answer"),
        (OperatorFate.FAILED, "failed"),
    ],
    indirect=["rehearsal"],
)
def test_who_asks_for_an_operator_in_vain_still_hears_our_last_words(
    rehearsal: Rehearsal, status: str
) -> None:
    rehearsal.call("0006")
    assert rehearsal.story == ["keys 0", "operator_done nobody_free", "end heard"]
    assert rehearsal.told[1].detail == status
    assert not rehearsal.told[1].final


def test_who_does_not_wait_for_the_operator_is_told_from_who_waited_in_vain(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.call("0021")
    assert rehearsal.story[:2] == ["keys 0", "operator_done"]
    assert (rehearsal.told[1].outcome, rehearsal.told[1].final) == (None, False)
    assert len(rehearsal.told) == 3


def test_who_wants_it_again_hears_it_again_and_is_listened_to_again(rehearsal: Rehearsal) -> None:
    rehearsal.call("0022")
    assert rehearsal.story == ["keys 2", "keys heard", "end heard"]
    assert [r.round for r in rehearsal.told[:2]] == [1, 2]


def test_a_sound_file_is_fetched_once_and_lasts_as_long_as_it_does(rehearsal: Rehearsal) -> None:
    rehearsal.call("0020")
    short = rehearsal.told[-1].seconds
    digest = f"/sound/{GREETING.digest}.wav"
    assert rehearsal.sandbox.counts()["sounds"] == 1
    rehearsal.call("0019")
    assert rehearsal.sandbox.counts()["sounds"] == 1
    assert rehearsal.sandbox.counts()["sounds_missing"] == 0
    rehearsal.receiver.files[digest] = wav(24.0)
    with Sandbox(
        lambda: rehearsal.clock[0],
        simulated=True,
        twilio_account_sid=TWILIO_SID,
        twilio_auth_token=TWILIO_TOKEN,
    ) as another:
        rehearsal.sandbox = another
        rehearsal.call("0020")
    long = rehearsal.told[-1].seconds
    assert short is not None
    assert long is not None
    assert long - short == pytest.approx(20, abs=1)


def test_a_sound_file_that_is_missing_breaks_the_call_off_with_an_apology(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.receiver.files.clear()
    rehearsal.call("0020")
    [end] = rehearsal.told
    assert (end.stage, end.seconds) == (None, 6.0)  # detection, and the apology
    assert rehearsal.sandbox.counts()["sounds_missing"] == 1


def test_a_call_before_its_end_is_looked_up_and_found_under_way(rehearsal: Rehearsal) -> None:
    channel = TWIN.beside(rehearsal.sandbox)
    [handover] = deliver(channel, message(rehearsal.receiver.url, "+79161230020"))

    async def look() -> Receipt | None:
        async with channel:
            return await channel.look_up(handover.reference or "")

    found = asyncio.run(look())
    assert found is not None
    assert (found.outcome, found.final, found.seconds) == (None, False, None)


def stories(seed: int, clock_step: timedelta) -> list[str]:
    """What came of the same calls, whether the clock goes from event to event or leaps."""
    told = []
    for made in rehearse(Operators(answers=0.5, busy=0.25), seed=seed):
        for number in range(3000, 3012):
            point = f"+7916555{number}"
            deliver(TWIN.beside(made.sandbox), message(made.receiver.url, point))
        while made.sandbox.next_event_at() is not None:
            made.clock[0] += clock_step
            made.sandbox.run_due()
        told = sorted(
            f"{r.reference} {r.stage} {r.outcome} {r.key} {r.detail} {r.at}" for r in made.receipts
        )
    return told


def test_the_same_seed_makes_the_same_calls_however_time_passes() -> None:
    one = stories(7, timedelta(seconds=1))
    assert one == stories(7, timedelta(minutes=7))
    assert one != stories(8, timedelta(seconds=1))


def test_a_call_that_is_ended_while_the_client_thinks_ends_once() -> None:
    """Whoever ends it by the API in the middle of a callback gets one last callback, not two."""

    def answer(payload: Payload) -> tuple[int, str]:
        if "/gather/" in payload.url:
            calls = Client(TWILIO_SID, TWILIO_TOKEN, http_client=http).calls
            calls(payload.form["CallSid"]).update(status="completed")
        return made.answer(payload)

    for made in rehearse(Operators()):
        http = Local(made.sandbox.twilio_base_url)
        with Receiver(answer) as receiver:
            receiver.files.update(made.receiver.files)
            made.receiver = receiver
            made.call("0020")
        http.session.close()
        assert [r.stage for r in made.receipts].count(None) == 1


# --- a doubt settled by Twilio's list ---------------------------------------------------------


def find(made: Rehearsal, sent_at: datetime, point: str = "+79161230008") -> Any:
    channel = TWIN.beside(made.sandbox)

    async def look() -> Any:
        async with channel:
            return await channel.find(Sought(point, sent_at))

    return asyncio.run(look())


def test_a_call_whose_answer_was_lost_is_found_in_the_list(rehearsal: Rehearsal) -> None:
    deliver(TWIN.beside(rehearsal.sandbox), message(rehearsal.receiver.url, "+79161230008"))
    taken = rehearsal.sandbox.received[-1]
    [found] = find(rehearsal, NOON)
    assert (found.token, found.reference, found.outcome) == (None, taken.reference, None)
    assert not found.final
    rehearsal.clock[0] += timedelta(minutes=5)
    rehearsal.sandbox.run_due()
    [ended] = find(rehearsal, NOON)
    assert (ended.reference, ended.outcome) == (taken.reference, None)
    assert ended.seconds > 4  # of an answered call the length is told, for the engine to compare


@pytest.mark.parametrize(
    ("sent_at", "out_of_time"),
    [
        (NOON + timedelta(minutes=1), [False]),
        (NOON + timedelta(minutes=3), [True]),
        (NOON + timedelta(hours=27), []),
        (NOON - timedelta(minutes=29), [False]),
        (NOON - timedelta(minutes=31), [True]),
        (NOON - timedelta(hours=27), []),
    ],
)
def test_a_call_of_another_time_is_the_one_sought_only_if_a_clock_is_wrong(
    rehearsal: Rehearsal, sent_at: datetime, out_of_time: list[bool]
) -> None:
    deliver(TWIN.beside(rehearsal.sandbox), message(rehearsal.receiver.url, "+79161230008"))
    assert [one.out_of_time for one in find(rehearsal, sent_at)] == out_of_time


def test_a_list_with_no_such_call_says_that_there_certainly_is_none(rehearsal: Rehearsal) -> None:
    deliver(TWIN.beside(rehearsal.sandbox), message(rehearsal.receiver.url, "+79161230001"))
    assert find(rehearsal, NOON) == []


def listed(count: int, *, created: str, more: bool, **changes: object) -> bytes:
    call = {
        "sid": "CA" + "1" * 32,
        "to": "+79161230008",
        "status": "busy",
        "direction": "outbound-api",
        "date_created": created,
        **changes,
    }
    uri = "/2010-04-01/Accounts/AC/Calls.json?Page=1" if more else None
    return json.dumps({"calls": [call] * count, "page": 0, "next_page_uri": uri}).encode()


NOW, EARLIER = "Tue, 01 Dec 2026 09:00:00 +0000", "Mon, 30 Nov 2026 06:59:59 +0000"


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [
        pytest.param(200, listed(2, created=NOW, more=False), 2, id="two"),
        pytest.param(200, listed(1, created=EARLIER, more=True), 0, id="older-and-more"),
        pytest.param(200, listed(0, created=NOW, more=False), 0, id="none"),
        pytest.param(
            200, listed(1, created=NOW, more=False, direction="outbound-dial"), 0, id="a-leg"
        ),
        pytest.param(200, listed(1, created=NOW, more=True), None, id="cut-off"),
        pytest.param(200, listed(0, created=NOW, more=True), None, id="cut-off-at-once"),
        pytest.param(200, listed(1, created="yesterday", more=False), None, id="no-instant"),
        pytest.param(200, listed(1, created=NOW, more=False, sid=None), None, id="no-name"),
        pytest.param(200, b'{"calls": null, "page": 0}', None, id="no-list"),
        pytest.param(200, b"[]", None, id="an-array"),
        pytest.param(200, b"<html>", None, id="html"),
        pytest.param(401, b'{"code": 20003, "status": 401}', None, id="refused"),
        pytest.param(429, b"{}", None, id="throttled"),
        pytest.param(502, b"<html>", None, id="bad-gateway"),
    ],
)
def test_a_list_that_cannot_be_relied_on_proves_nothing(
    status: int, body: bytes, count: int | None
) -> None:
    async def look() -> Any:
        async with TWIN.at(server.port) as channel:
            return await channel.find(Sought("+79161230008", NOON))

    with RawHttp(http_answer(status, body)) as server:
        found = asyncio.run(look())
        assert len(server.requests) == 1
    assert (found if found is None else len(found)) == count


# --- our account -------------------------------------------------------------------------------


def ask(channel: Any) -> AccountState:
    async def asked() -> AccountState:
        async with channel:
            state: AccountState = await channel.account()
            return state

    return asyncio.run(asked())


def test_the_account_and_its_balance_are_told_without_placing_a_call(rehearsal: Rehearsal) -> None:
    state = ask(TWIN.beside(rehearsal.sandbox))
    assert (state.ok, state.balance) == (True, "1\u00a0000,00 USD")
    assert rehearsal.sandbox.received == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"status": "suspended"}'),
        (200, b'{"status": "closed"}'),
        (200, b'{"status": "enchanted"}'),
        (200, b"[]"),
        (200, b"<html>"),
        (401, b'{"code": 20003, "message": "Authenticate", "status": 401}'),
        (403, b'{"code": 20005, "message": "Account not active", "status": 403}'),
        (401, b'{"type": "x", "title": "No", "status": [401], "code": [20003]}'),
        (429, b"{}"),
        (502, b"<html>"),
    ],
)
def test_an_account_that_cannot_be_used_is_told_to_staff_and_nothing_is_raised(
    status: int, body: bytes
) -> None:
    with RawHttp(http_answer(status, body)) as server:
        state = ask(TWIN.at(server.port))
    assert not state.ok
    assert state.note
    assert TWILIO_TOKEN not in state.note


def test_twilio_out_of_reach_is_told_to_staff() -> None:
    assert not ask(TWIN.at(closed_port())).ok


# --- sound files -------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.5, 4.0, 61.0])
def test_the_length_of_a_wav_is_read_from_its_data(seconds: float) -> None:
    assert wav_seconds(wav(seconds)) == pytest.approx(seconds)


@given(st.binary(max_size=80))
def test_a_file_that_is_no_wav_has_no_length_and_does_no_harm(content: bytes) -> None:
    for hostile in (content, b"RIFF\xff\xff\xff\xffWAVE" + content):
        assert (wav_seconds(hostile) or 0.0) >= 0.0
