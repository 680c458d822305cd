"""The sandbox's Twilio beside Twilio's own SDK and its published interface description."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import jsonschema  # type: ignore[import-untyped]
import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from channels.base import Payload
from channels.sandbox import Sandbox
from tests.channels.servers import Receiver
from tests.channels.twins import NOON, TWILIO_SID, TWILIO_TOKEN

SPEC = Path(__file__).parents[3] / "shared/specs/twilio_calls_messages.openapi.json"
SAY = "<Response><Say>Hello there, this is a test.</Say></Response>"


class Local(TwilioHttpClient):  # type: ignore[misc]  # the library is untyped
    """The SDK's synchronous client, sent to the sandbox."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=5)
        self._base_url = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        local = url.replace("https://api.twilio.com", self._base_url)
        return super().request(method, local, *args, **kwargs)


class World:
    """A sandbox, the SDK's client for it, and a clock we move."""

    def __init__(self, sandbox: Sandbox, clock: list[datetime], http: Local) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.client = Client(TWILIO_SID, TWILIO_TOKEN, http_client=http)

    def call(self, ending: str = "0020", **options: object) -> Any:
        options = options if "url" in options else {"twiml": SAY, **options}
        return self.client.calls.create(to=f"+7916123{ending}", from_="+74951234567", **options)

    def wait(self, seconds: float) -> None:
        end = self.clock[0] + timedelta(seconds=seconds)
        while (at := self.sandbox.next_event_at()) is not None and at <= end:
            self.clock[0] = at
            self.sandbox.run_due()
        self.clock[0] = end


@pytest.fixture
def world() -> Iterator[World]:
    clock = [NOON]
    sandbox = Sandbox(
        lambda: clock[0],
        simulated=True,
        twilio_account_sid=TWILIO_SID,
        twilio_auth_token=TWILIO_TOKEN,
    )
    with sandbox:
        http = Local(sandbox.twilio_base_url)
        yield World(sandbox, clock, http)
        http.session.close()


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    if not SPEC.exists():
        if os.environ.get("CI"):
            pytest.fail("the interface description is missing beside the repository")
        pytest.skip("needs ../shared/specs beside the repository")
    found: dict[str, Any] = json.loads(SPEC.read_text(encoding="utf-8"))
    return found


def check(spec: dict[str, Any], name: str, resource: dict[str, Any]) -> None:
    """Hold one JSON object against a schema of the description: every field known and sound."""
    schema = _plain(spec["components"]["schemas"][name], spec)
    jsonschema.validate(resource, schema)
    assert set(resource) <= set(schema["properties"]), "a field Twilio does not have"
    assert set(schema["properties"]) <= set(resource), "a field of Twilio's is missing"


def _plain(schema: Any, spec: dict[str, Any]) -> Any:
    """OpenAPI's `$ref` and `nullable` as plain JSON schema."""
    if isinstance(schema, list):
        return [_plain(one, spec) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]], spec)
    plain = {name: _plain(value, spec) for name, value in schema.items() if name != "nullable"}
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        plain["type"] = [schema["type"], "null"]
    return plain


def fetched(world: World, path: str) -> dict[str, Any]:
    answer = requests.get(
        f"{world.sandbox.twilio_base_url}/2010-04-01/Accounts/{TWILIO_SID}{path}",
        auth=(TWILIO_SID, TWILIO_TOKEN),
        timeout=5,
    )
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("ending", ["0001", "0002", "0003", "0020", "0015"])
def test_a_call_is_shown_as_the_description_says_at_every_stage(
    world: World, spec: dict[str, Any], ending: str
) -> None:
    call = world.call(ending, machine_detection="Enable")
    for _stage in range(5):
        check(spec, "api.v2010.account.call", fetched(world, f"/Calls/{call.sid}.json"))
        world.wait(8)


def test_a_message_is_shown_as_the_description_says(world: World, spec: dict[str, Any]) -> None:
    for ending in ("0001", "0007"):
        message = world.client.messages.create(
            to=f"+7916123{ending}", from_="+74951234567", body="Hello"
        )
        check(spec, "api.v2010.account.message", fetched(world, f"/Messages/{message.sid}.json"))
        world.wait(10)
        check(spec, "api.v2010.account.message", fetched(world, f"/Messages/{message.sid}.json"))


def test_lists_have_the_fields_of_the_description(world: World, spec: dict[str, Any]) -> None:
    world.call()
    world.client.messages.create(to="+79161230001", from_="+74951234567", body="Hello")
    for path, name in (("Calls", "calls"), ("Messages", "messages")):
        described = spec["paths"][f"/2010-04-01/Accounts/{{AccountSid}}/{path}.json"]["get"]
        content = described["responses"]["200"]["content"]["application/json"]["schema"]
        listed = fetched(world, f"/{path}.json")
        jsonschema.validate(listed, _plain(content, spec))
        assert set(listed) == set(content["properties"])
        assert len(listed[name]) == 1


def test_the_sdk_sees_a_call_through_its_whole_life(world: World) -> None:
    call = world.call(machine_detection="Enable")
    assert call.status == "queued"
    world.wait(20)
    assert call.fetch().status in {"ringing", "in-progress", "completed"}
    world.wait(60)
    over = call.fetch()
    assert (over.status, over.answered_by) == ("completed", "human")
    assert int(over.duration) == round((over.end_time - over.start_time).total_seconds())


def test_the_sdk_pages_through_lists_and_filters_them(world: World) -> None:
    for ending in ("0020", "0019", "0018"):
        world.call(ending)
        world.wait(1)
    listed = world.client.calls.list(page_size=2)
    assert [call.to[-4:] for call in listed] == ["0018", "0019", "0020"]
    assert [call.to for call in world.client.calls.list(to="+79161230019")] == ["+79161230019"]
    assert world.client.calls.list(status="busy") == []
    tomorrow = datetime(2026, 12, 2, tzinfo=UTC)
    assert world.client.calls.list(start_time_after=tomorrow) == []
    second = NOON + timedelta(seconds=1)
    since = world.client.calls.list(start_time_after=second)
    assert [call.to[-4:] for call in since] == ["0018", "0019"]
    until = world.client.calls.list(start_time_before=second)
    assert [call.to[-4:] for call in until] == ["0019", "0020"]


def test_a_call_in_progress_can_be_stopped_and_one_that_is_over_cannot(world: World) -> None:
    call = world.call(twiml="<Response><Pause length='100'/></Response>")
    world.wait(30)
    assert call.update(status="completed").status == "completed"
    with pytest.raises(TwilioRestException) as refusal:
        call.update(status="completed")
    assert refusal.value.code == 21220
    world.wait(300)
    assert call.fetch().status == "completed"


def test_a_ringing_call_can_be_cancelled(world: World) -> None:
    call = world.call("0002")
    assert call.update(status="canceled").status == "canceled"
    world.wait(60)
    assert call.fetch().status == "canceled"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"to": "12345", "twiml": SAY}, 21211),
        ({"to": "+79161230007", "twiml": SAY}, 21211),
        ({"to": "+79161230020"}, 21205),
        ({"to": "+79161230020", "twiml": "x" * 4001}, 21262),
    ],
)
def test_a_bad_request_is_answered_with_twilios_code(
    world: World, options: dict[str, str], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        world.client.calls.create(from_="+74951234567", **options)
    assert (refusal.value.status, refusal.value.code) == (400, code)


def test_strangers_and_unknown_calls_are_turned_away(world: World) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        world.client.calls("CA" + "0" * 32).fetch()
    assert refusal.value.code == 20404
    world.client.auth = (TWILIO_SID, "wrong")
    with pytest.raises(TwilioRestException) as refusal:
        world.call()
    assert (refusal.value.status, refusal.value.code) == (401, 20003)


def test_callbacks_bear_a_signature_the_sdk_believes(world: World) -> None:
    with Receiver() as receiver:
        url = f"{receiver.url}/status?expects=20&name=%D0%90"
        events = ["initiated", "ringing", "answered", "completed"]
        world.call(status_callback=url, status_callback_event=events)
        world.wait(120)
    statuses = [payload.form["CallStatus"] for payload in receiver.payloads]
    assert statuses == ["queued", "ringing", "in-progress", "completed"]
    for payload in receiver.payloads:
        signature = payload.headers["x-twilio-signature"]
        assert RequestValidator(TWILIO_TOKEN).validate(url, dict(payload.form), signature)
        assert parsedate_to_datetime(payload.form["Timestamp"]).tzinfo is not None


def test_twiml_is_fetched_and_followed_through_gather_and_redirect(world: World) -> None:
    documents = {
        "/first": "<Response><Redirect>/second</Redirect></Response>",
        "/second": "<Response><Gather numDigits='1' action='third'><Say>Press</Say></Gather>"
        "</Response>",
        "/third": "<Response><Say>Thanks</Say><Hangup/></Response>",
    }

    def answer(payload: Payload) -> tuple[int, str]:
        return 200, documents.get(payload.url.removeprefix(receiver.url), "")

    with Receiver(answer) as receiver:
        world.call("0005", url=f"{receiver.url}/first")
        world.wait(120)
    paths = [payload.url.removeprefix(receiver.url) for payload in receiver.payloads]
    assert paths == ["/first", "/second", "/third"]
    assert receiver.payloads[2].form["Digits"] == "1"


@pytest.mark.parametrize(
    "twiml",
    [
        "<Response><Redirect>/again</Redirect></Response>",
        "<Response><Explode/></Response>",
        "<Response",
        "<Answer/>",
        '<!DOCTYPE x [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>',
        "<Response><Say loop='many'>x</Say></Response>",
    ],
)
def test_twiml_that_cannot_be_followed_ends_the_call_and_not_the_sandbox(
    world: World, twiml: str
) -> None:
    with Receiver(lambda _: (200, twiml)) as receiver:
        call = world.call(url=f"{receiver.url}/again")
        world.wait(600)
    assert call.fetch().status == "completed"
    assert world.sandbox.next_event_at() is None or world.call().sid


def test_a_call_that_talks_for_ever_ends_at_its_limit(world: World) -> None:
    text = escape("Слово за словом. " * 100)
    call = world.call(twiml=f"<Response><Say loop='50'>{text}</Say></Response>", time_limit=120)
    world.wait(600)
    assert call.fetch().duration == "120"


def test_the_account_can_be_asked_for(world: World) -> None:
    assert world.client.api.accounts(TWILIO_SID).fetch().status == "active"
    balance = world.client.api.account.balance.fetch()
    assert (balance.balance, balance.currency) == ("1000.00", "USD")
