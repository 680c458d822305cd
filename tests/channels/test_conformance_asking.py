"""What every provider is asked and tells: its list, our account, what became of a message."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from campaigns.outcome import Outcome
from channels.base import AccountState, HandoverKind, Payload, Receipt, SmsMessage
from channels.sandbox import Sandbox
from channels.sms.answers import EXTEND_STATUS, STATUS
from channels.sms.twilio_answers import STATUS as MESSAGE_STATUS
from tests.channels.servers import CLOSE, HOLD, RawHttp, closed_port, http_answer
from tests.channels.twins import (
    NOON,
    RECEIPTS_URL,
    SMS_KEY,
    TWILIO_SID,
    TWILIO_TOKEN,
    MailTwin,
    PhoneTwin,
    SmsTwin,
    TwilioSmsTwin,
    Twin,
    deliver,
    find,
    rehearsal,
    signed_by_twilio,
    sought,
    strangers,
)

LISTING: list[Twin] = [PhoneTwin(), SmsTwin(), TwilioSmsTwin()]
EVERY: list[Twin] = [*LISTING, MailTwin()]
listing_providers = pytest.mark.parametrize("twin", LISTING, ids=lambda twin: twin.name)
every_provider = pytest.mark.parametrize("twin", EVERY, ids=lambda twin: twin.name)
SPEC = Path(__file__).parents[3] / "shared/specs/twilio_calls_messages.openapi.json"

NONSENSE = [
    pytest.param(HOLD, id="silence"),
    pytest.param(CLOSE, id="closed"),
    pytest.param(http_answer(200, b"<html>hello</html>", "text/html"), id="html"),
    pytest.param(http_answer(502, b"<html>Bad Gateway</html>", "text/html"), id="502"),
    pytest.param(http_answer(200, b"[]"), id="json-list"),
    pytest.param(http_answer(200, b"{}"), id="json-empty"),
    pytest.param(http_answer(200, b'{"success": true, "data": null}'), id="nothing"),
    pytest.param(http_answer(200, b'{"success": true, "data": []}'), id="an-empty-array"),
    pytest.param(http_answer(200, b'{"messages": {}, "calls": {}}'), id="json-other"),
    pytest.param(http_answer(200, b'{"calls": [1, "2", null]}'), id="strange-calls"),
    pytest.param(http_answer(200, b'{"messages": [1, "2", null]}'), id="strange-messages"),
    pytest.param(http_answer(200, b"[" * 100_000), id="bottomless"),
    pytest.param(http_answer(401, b'{"code": 20003, "status": 401}'), id="401"),
    pytest.param(http_answer(429, b"", headers={"Retry-After": "5"}), id="429"),
    pytest.param(http_answer(200, b"{" + b" " * 10_000_000), id="ten-megabytes"),
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with rehearsal() as running:
        yield running


@listing_providers
def test_a_message_the_provider_never_took_is_certainly_not_in_its_list(
    twin: Twin, sandbox: Sandbox
) -> None:
    deliver(twin.beside(sandbox), twin.message("+79161230001"))  # somebody else's
    wanted = sought(twin.message(twin.points["good"]))
    found = find(twin.beside(sandbox), wanted)
    assert found is not None
    assert list(found) == []


@pytest.mark.parametrize("trouble", ["silent", "cut"])
@listing_providers
def test_a_message_whose_answer_was_lost_is_found_by_its_number_and_instant(
    twin: Twin, trouble: str, sandbox: Sandbox
) -> None:
    message = twin.message(twin.points[trouble])
    [handover] = deliver(twin.beside(sandbox), message)
    assert handover.kind is HandoverKind.UNCERTAIN
    found = find(twin.beside(sandbox), sought(message))
    assert found is not None
    [receipt] = found
    assert receipt.reference == sandbox.received[-1].reference
    assert (receipt.token, receipt.outcome, receipt.final) == (None, None, False)


@pytest.mark.parametrize("days", [-3, 3])
@listing_providers
def test_a_message_of_another_day_is_not_taken_for_the_sought_one(
    twin: Twin, days: int, sandbox: Sandbox
) -> None:
    message = twin.message(twin.points["good"])
    deliver(twin.beside(sandbox), message)
    found = find(twin.beside(sandbox), sought(message, NOON + timedelta(days=days)))
    assert found is not None
    # The very words of an SMS are not ruled out by a date, which may be wrong; a call has none.
    assert [one.out_of_time for one in found] == [True] * isinstance(message, SmsMessage)


@pytest.mark.parametrize("twin", [SmsTwin(), TwilioSmsTwin()], ids=lambda twin: twin.name)
def test_another_text_to_the_same_number_is_not_the_sought_one(
    twin: Twin, sandbox: Sandbox
) -> None:
    point = twin.points["good"]
    other = SmsMessage("2-1-abc", point, "Energo", "Отключение 5 декабря.", RECEIPTS_URL)
    first, second = deliver(twin.beside(sandbox), twin.message(point), other)
    found = find(twin.beside(sandbox), sought(other))
    assert [receipt.reference for receipt in found or ()] == [second.reference]
    assert first.reference != second.reference


@pytest.mark.parametrize("answer", NONSENSE)
@listing_providers
def test_a_list_that_is_no_list_proves_nothing(twin: Twin, answer: bytes | object) -> None:
    with RawHttp(answer) as server:
        assert find(twin.at(server.port), sought(twin.message(twin.points["good"]))) is None


@listing_providers
def test_a_provider_that_is_away_cannot_tell_what_it_has(twin: Twin) -> None:
    assert find(twin.at(closed_port()), sought(twin.message(twin.points["good"]))) is None


@listing_providers
def test_a_list_that_is_cut_off_proves_nothing(twin: Twin) -> None:
    more = {"next_page_uri": "/2010-04-01/Accounts/AC/Page2.json", "page": 0}
    body = {
        "twilio": {"calls": [], **more},
        "twilio-sms": {"messages": [], **more},
        "smsaero": {"success": True, "data": {"totalCount": "1"}},
    }[twin.name]
    with RawHttp(http_answer(200, json.dumps(body).encode())) as server:
        assert find(twin.at(server.port), sought(twin.message(twin.points["good"]))) is None


def test_a_letter_is_in_no_list(sandbox: Sandbox) -> None:
    assert find(MailTwin().beside(sandbox), sought(MailTwin().message("a@example.com"))) is None


async def account(twin: Twin, sandbox: Sandbox) -> AccountState:
    async with twin.beside(sandbox) as channel:
        return await channel.account()


@every_provider
def test_an_account_in_order_is_told_without_sending_anything(twin: Twin, sandbox: Sandbox) -> None:
    state = asyncio.run(account(twin, sandbox))
    assert state.ok
    assert state.note
    assert sandbox.received == []


@every_provider
def test_a_wrong_key_is_told_to_staff(twin: Twin) -> None:
    with strangers() as stranger:
        state = asyncio.run(account(twin, stranger))
    assert not state.ok
    assert twin.secret not in repr(state)


@every_provider
def test_the_account_of_a_provider_that_is_away_is_told_as_such(twin: Twin) -> None:
    async def ask() -> AccountState:
        async with twin.at(closed_port()) as channel:
            return await channel.account()

    state = asyncio.run(ask())
    assert (state.ok, state.balance) == (False, "")


@pytest.mark.parametrize("answer", NONSENSE)
@every_provider
def test_nonsense_about_our_account_is_never_an_exception(
    twin: Twin, answer: bytes | object
) -> None:
    async def ask() -> AccountState:
        async with twin.at(server.port) as channel:
            return await channel.account()

    with RawHttp(answer) as server:
        state = asyncio.run(ask())
    proved = twin.name == "smsaero" and isinstance(answer, bytes) and b"success" in answer
    assert state.ok is proved  # their "success" is all that the key can be proved by


@pytest.mark.parametrize("answer", NONSENSE)
@listing_providers
def test_a_look_up_that_is_answered_with_nonsense_tells_nothing(
    twin: Twin, answer: bytes | object
) -> None:
    reference = {"twilio": "CA" + "1" * 32, "twilio-sms": "SM" + "1" * 32, "smsaero": "12345"}

    async def ask() -> Receipt | None:
        async with twin.at(server.port) as channel:
            return await channel.look_up(reference[twin.name])

    with RawHttp(answer) as server:
        found = asyncio.run(ask())
    assert found is None or found.outcome in {None, Outcome.UNCERTAIN}


def documented(name: str) -> list[str]:
    if not SPEC.exists():
        pytest.skip("needs ../shared/specs beside the repository")
    schemas = json.loads(SPEC.read_text("utf-8"))["components"]["schemas"]
    return [str(status) for status in schemas[name]["enum"]]


def told(twin: Twin, status: str, at: datetime = NOON) -> Receipt:
    """The receipt of a callback with that status."""
    channel = twin.at(1)
    if twin.name == "smsaero":
        digits = status.isdigit()
        form = {"id": "77", "status" if digits else "extendStatus": status}
        form["dateAnswer"] = str(int(at.timestamp()))
        return channel.receipt(Payload(f"{RECEIPTS_URL}/smsaero/1-1-abc", form))
    kind, name = {"twilio": ("status", "CallStatus"), "twilio-sms": ("sms", "MessageStatus")}[
        twin.name
    ]
    sid = ("CA" if kind == "status" else "SM") + "1" * 32
    form = {"CallSid" if kind == "status" else "MessageSid": sid, name: status}
    return channel.receipt(signed_by_twilio(f"{RECEIPTS_URL}/twilio/{kind}/1-1-abc", form))


@pytest.mark.parametrize(
    ("twin", "schema"),
    [(PhoneTwin(), "call_enum_status"), (TwilioSmsTwin(), "message_enum_status")],
    ids=["calls", "messages"],
)
def test_each_status_of_twilios_own_description_has_a_meaning(twin: Twin, schema: str) -> None:
    for status in documented(schema):
        with capture_logs() as logs:
            found = told(twin, status)
        assert found.outcome is not Outcome.UNCERTAIN, status
        assert found.token == "1-1-abc"
        assert logs == []


@pytest.mark.parametrize(
    ("twin", "status"),
    [
        *((SmsTwin(), str(number)) for number in STATUS),
        *((SmsTwin(), name) for name in EXTEND_STATUS),
        *((TwilioSmsTwin(), name) for name in MESSAGE_STATUS),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_each_status_of_our_tables_is_an_outcome_or_a_stage(twin: Twin, status: str) -> None:
    with capture_logs() as logs:
        found = told(twin, status)
    assert found.final == (found.outcome is not None)
    assert found.outcome is not Outcome.UNCERTAIN
    assert logs == []


STRANGE = ["teleported", "99", "+79161234567", "x" * 5000, "\x00"]


@pytest.mark.parametrize(
    ("twin", "status"),
    [
        *((twin, status) for twin in LISTING for status in STRANGE),
        *((twin, "") for twin in (SmsTwin(), TwilioSmsTwin())),
    ],
    ids=lambda value: repr(value)[:12] if isinstance(value, str) else value.name,
)
def test_an_unknown_status_is_uncertain_with_one_warning_and_no_personal_data(
    twin: Twin, status: str
) -> None:
    with capture_logs() as logs:
        found = told(twin, status)
    assert (found.outcome, found.final) == (Outcome.UNCERTAIN, True)
    assert [entry["log_level"] for entry in logs] == ["warning"]
    said = f"{logs} {found.detail}"
    assert "+7916" not in said
    assert len(said) < 300


@pytest.mark.parametrize("twin", [PhoneTwin(), TwilioSmsTwin()], ids=lambda twin: twin.name)
def test_secrets_are_in_no_channels_own_words(twin: Twin) -> None:
    channel = twin.at(1)
    assert TWILIO_TOKEN not in f"{channel!r} {channel}"
    assert TWILIO_SID not in f"{channel!r} {channel}"
    assert SMS_KEY not in repr(SmsTwin().at(1))
