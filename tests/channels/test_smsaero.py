"""SMS Aero: the traps of its library, its answers, and its receipts."""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dns.resolver
import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smsaero import SmsAero

from campaigns.outcome import Outcome
from channels.base import Forged, Handover, HandoverKind, Payload, Receipt, SaysNothing, SmsMessage
from channels.sandbox import Sandbox
from channels.sms.answers import EXTEND_STATUS, STATUS, judge, outcome_of
from channels.sms.gate import Exchange, read_gate
from channels.sms.smsaero import SmsAeroChannel
from tests.channels.conftest import PROXIED_HOST
from tests.channels.servers import (
    CLOSE,
    HANDSHAKE_BREAKS,
    HOLD,
    TLS_BREAKS,
    Broken,
    NoHandshake,
    RawHttp,
    closed_port,
    http_answer,
)
from tests.channels.twins import NOON, SMS_KEY, SmsTwin, deliver, deliver_together, rehearsal

BAD = Outcome.BAD_ADDRESS
TWIN = SmsTwin()
MESSAGE = TWIN.message("+79161234567")


def answer(body: object, status: int = 200) -> Handover:
    with RawHttp(http_answer(status, json.dumps(body).encode())) as server:
        [handover] = deliver(TWIN.at(server.port), MESSAGE)
    return handover


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(HOLD, id="read-time-out"),
        pytest.param(CLOSE, id="closed"),
        pytest.param(http_answer(502, b"<html>Bad Gateway</html>", "text/html"), id="502-page"),
        pytest.param(http_answer(200, b"OK", "text/plain"), id="not-json"),
    ],
)
def test_the_librarys_three_posts_are_one(trouble: bytes | object) -> None:
    with RawHttp(trouble) as server:
        [handover] = deliver(TWIN.at(server.port), MESSAGE)
        assert len(server.requests) == 1
    assert handover.kind is HandoverKind.UNCERTAIN


def test_the_library_alone_would_ask_dns_and_the_channel_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def refuse(*query: object, **_options: object) -> None:
        asked.append(query)
        raise dns.resolver.NXDOMAIN

    monkeypatch.setattr("dns.resolver.Resolver.resolve", refuse)
    with pytest.raises(ValueError, match=r"deliver|resolv|domain|DNS"):
        SmsAero("energy@example.org", SMS_KEY)
    assert asked
    asked.clear()
    before = email_validator.CHECK_DELIVERABILITY
    with RawHttp(http_answer(200, b'{"success": true, "data": {"id": 5}}')) as server:
        gate = f"@127.0.0.1:{server.port}/v2/"
        channel = SmsAeroChannel("energy@example.org", SMS_KEY, "Energo", url_gate=gate)
        [handover] = deliver(channel, MESSAGE)
    assert handover.kind is HandoverKind.ACCEPTED
    assert asked == []
    assert email_validator.CHECK_DELIVERABILITY is before


def test_the_key_the_number_and_the_text_stay_out_of_the_librarys_debug_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RawHttp(http_answer(200, b'{"success": true, "data": {"id": 5}}')) as server:
        channel = TWIN.at(server.port)
        with caplog.at_level(logging.DEBUG):
            for name in ("smsaero", "urllib3", "urllib3.connectionpool", "requests"):
                caplog.set_level(logging.DEBUG, logger=name)
            deliver(channel, MESSAGE)
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert SMS_KEY not in said
    assert "9161234567" not in said
    assert "Долг" not in said


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (None, "https@gate.smsaero.ru/v2/"),
        ("@gate.smsaero.org/v2/", "https@gate.smsaero.org/v2/"),
        ("https://gate.smsaero.ru", "https@gate.smsaero.ru/v2/"),
        ("@127.0.0.1:8080/v2/", "http@127.0.0.1:8080/v2/"),
        ("127.0.0.1:8080", "http@127.0.0.1:8080/v2/"),
        ("@localhost:8080/v2", "http@localhost:8080/v2/"),
        ("http://[::1]:8080/v2/", "http@[::1]:8080/v2/"),
    ],
)
def test_a_gate_is_read_as_people_write_it(text: str | None, url: str) -> None:
    gate = read_gate(text)
    assert f"{gate.scheme}{gate.rest}" == url


@pytest.mark.parametrize(
    "text",
    [
        "http://gate.smsaero.ru/v2/",
        "http://192.168.1.10/v2/",
        "http://127.0.0.1.example.com/v2/",
        "http://localhost.example.com",
        "@127.0.0.1:80@evil.example.com/v2/",
        "https://user:password@gate.smsaero.ru/v2/",
        "ftp://gate.smsaero.ru",
        "https://",
    ],
)
def test_a_gate_that_would_show_the_key_is_a_setting_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"smsaero|http|https|провайдер|адрес") as refusal:
        SmsAeroChannel("energy@example.com", SMS_KEY, "Energo", url_gate=text)
    assert SMS_KEY not in str(refusal.value)
    assert "password" not in str(refusal.value)


@pytest.mark.parametrize(
    ("email", "key", "sign"),
    [
        ("not an address", SMS_KEY, "Energo"),
        ("energy@example.com", "short", "Energo"),
        ("energy@example.com", "key-with-an@evil.example.com/", "Energo"),
        ("energy@example.com", SMS_KEY, "E"),
    ],
)
def test_credentials_that_cannot_be_right_are_refused_without_quoting_the_key(
    email: str, key: str, sign: str
) -> None:
    with pytest.raises(ValueError, match=r"smsaero|SMS") as refusal:
        SmsAeroChannel(email, key, sign)
    assert key not in str(refusal.value)


def test_the_request_is_what_the_gate_expects() -> None:
    with RawHttp(http_answer(200, b'{"success": true, "data": {"id": 5}}')) as server:
        deliver(TWIN.at(server.port), MESSAGE)
        [request] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v2/sms/send HTTP/1.1")
    assert SMS_KEY.encode() not in head.split(b"\r\n")[0]
    asked = json.loads(body)
    assert asked == {
        "number": 79161234567,
        "text": "Долг 100 руб.",
        "sign": "Energo",
        "callbackUrl": "https://receipts.example.com/smsaero/1-1-abc",
    }


@pytest.mark.parametrize(
    ("body", "status", "kind", "outcome"),
    [
        ({"success": True, "data": {"id": 12345}}, 200, "accepted", None),
        ({"success": True, "data": {"id": "12345"}}, 200, "accepted", None),
        ({"success": True, "data": {}}, 200, "uncertain", None),
        ({"success": True, "data": None}, 200, "uncertain", None),
        ({"success": True, "data": {"id": True}}, 200, "uncertain", None),
        ({"result": "reject"}, 200, "refused", Outcome.REJECTED),
        ({"result": "reject", "reason": "stop-list"}, 200, "refused", Outcome.REJECTED),
        ({"result": "no credits"}, 200, "postponed", None),
        ({"success": False, "message": "Not enough money."}, 200, "postponed", None),
        (
            {"success": False, "data": {"number": ["Bad."]}, "message": "Validation error."},
            400,
            "refused",
            Outcome.BAD_ADDRESS,
        ),
        ({"success": False, "message": "Incorrect number"}, 200, "refused", Outcome.BAD_ADDRESS),
        ({"success": False, "message": "Invalid credentials."}, 200, "postponed", None),
        ({"success": False, "data": {"sign": ["?"]}, "message": "No."}, 400, "postponed", None),
        ({"success": False, "message": "Something else"}, 200, "refused", Outcome.FAILED),
        ({"success": False}, 200, "refused", Outcome.FAILED),
        ({"success": False, "message": None, "data": [1]}, 200, "refused", Outcome.FAILED),
        ({"success": False, "message": "x"}, 401, "postponed", None),
        ({"success": False, "message": "Invalid phone number."}, 200, "refused", BAD),
        ({"success": False, "message": "Неверный номер телефона"}, 400, "refused", BAD),
        # Numbers of another kind are no reason to write a customer off.
        (
            {"success": False, "message": "Exceeded the number of messages per minute"},
            400,
            "postponed",
            None,
        ),
        (
            {"success": False, "data": {"number": ["Too many messages to it."]}, "message": "No."},
            400,
            "postponed",
            None,
        ),
        (
            {"success": False, "message": "Invalid number of fields"},
            400,
            "refused",
            Outcome.FAILED,
        ),
        ({"success": False, "message": "Неверный номер подписи"}, 400, "postponed", None),
        ({"success": False, "message": "Unknown order number"}, 400, "refused", Outcome.FAILED),
        ({"success": False, "message": "x"}, 409, "uncertain", None),
        ({"success": False, "message": "x"}, 499, "uncertain", None),
        ({"success": False, "message": "Incorrect number"}, 409, "refused", BAD),
        ({"success": False}, 402, "postponed", None),
        ({"success": False}, 403, "postponed", None),
        ({"success": False, "message": "x"}, 503, "uncertain", None),
        ({"hello": "world"}, 200, "uncertain", None),
        ({"hello": "world"}, 404, "uncertain", None),
    ],
)
def test_each_answer_of_the_gate_has_its_meaning(
    body: object, status: int, kind: str, outcome: Outcome | None
) -> None:
    handover = answer(body, status)
    assert (handover.kind.value, handover.outcome) == (kind, outcome)


@pytest.mark.parametrize(
    ("status", "retry_after", "kind", "seconds"),
    [
        (429, "30", HandoverKind.POSTPONED, 30.0),
        (429, None, HandoverKind.POSTPONED, None),
        (429, "Wed, 01 Jan 2031 00:00:00 GMT", HandoverKind.POSTPONED, None),
        (429, "99999999999999999999", HandoverKind.POSTPONED, 21_600.0),
        (429, "-5", HandoverKind.POSTPONED, None),
        (503, "10", HandoverKind.UNCERTAIN, None),
        (503, None, HandoverKind.UNCERTAIN, None),
        (502, "10", HandoverKind.UNCERTAIN, None),
        (401, None, HandoverKind.POSTPONED, None),
        (402, None, HandoverKind.UNCERTAIN, None),
        (403, None, HandoverKind.UNCERTAIN, None),
        (404, None, HandoverKind.UNCERTAIN, None),
        (408, None, HandoverKind.UNCERTAIN, None),
        (409, "1", HandoverKind.UNCERTAIN, None),
        (413, None, HandoverKind.UNCERTAIN, None),
        (499, None, HandoverKind.UNCERTAIN, None),
        (200, None, HandoverKind.UNCERTAIN, None),
    ],
)
def test_a_page_instead_of_an_answer_is_judged_by_its_status_alone(
    status: int, retry_after: str | None, kind: HandoverKind, seconds: float | None
) -> None:
    handover = judge(Exchange(sent=True, status=status, retry_after=retry_after))
    assert (handover.kind, handover.retry_after_seconds) == (kind, seconds)


@given(st.integers(100, 599), st.none() | st.text(max_size=20), st.none() | st.text(max_size=20))
def test_no_answer_whatever_makes_the_judge_raise(
    status: int, retry_after: str | None, message: str | None
) -> None:
    for body in (None, {"success": False, "message": message}, {"success": True, "data": message}):
        handover = judge(Exchange(sent=True, status=status, retry_after=retry_after, body=body))
        assert (handover.outcome is not None) == (handover.kind is HandoverKind.REFUSED)


@pytest.mark.parametrize("point", ["+7916", "", "anna@example.com", "+7916123456x", "+٧٩١٦١٢٣٤٥٦٧"])
def test_a_number_that_is_none_is_refused_without_a_request(point: str) -> None:
    with RawHttp(HOLD) as server:
        [handover] = deliver(TWIN.at(server.port), TWIN.message(point))
        assert server.requests == []
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, Outcome.BAD_ADDRESS)


@pytest.mark.parametrize("length", [0, 1, 641])
def test_a_text_the_gate_would_not_take_is_refused_without_a_request(length: int) -> None:
    message = SmsMessage("t", "+79161234567", "Energo", "x" * length, "https://r.example.com")
    [handover] = deliver(TWIN.at(1), message)
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, Outcome.FAILED)


def test_threads_do_not_mix_up_each_others_answers() -> None:
    points = [f"+7916555{number}" for number in range(3000, 3080)]
    with rehearsal() as sandbox:
        handovers = deliver_together(TWIN.beside(sandbox), [TWIN.message(p) for p in points])
        known = {taken.reference: taken.contact_point for taken in sandbox.received}
    pairs = [(known[h.reference], p) for h, p in zip(handovers, points, strict=True) if h.reference]
    assert len(pairs) > 60
    assert all(theirs == ours for theirs, ours in pairs)


def receipt(form: dict[str, str], path: str = "/smsaero/1-1-abc") -> Receipt:
    return TWIN.at(1).receipt(Payload(f"https://receipts.example.com{path}", form))


@pytest.mark.parametrize(("status", "outcome"), sorted(STATUS.items()))
def test_every_documented_status_maps(status: int, outcome: Outcome | None) -> None:
    found = receipt({"id": "77", "status": str(status), "extendStatus": "whatever"})
    assert (found.token, found.reference) == ("1-1-abc", "77")
    assert (found.outcome, found.final) == (outcome, outcome is not None)


@pytest.mark.parametrize(("name", "outcome"), sorted(EXTEND_STATUS.items()))
def test_every_documented_name_maps_when_the_number_is_unknown(
    name: str, outcome: Outcome | None
) -> None:
    assert outcome_of(None, name.upper().replace(" ", "_")) is outcome
    assert outcome_of("99", name) is outcome


@given(st.dictionaries(st.sampled_from(["id", "status", "extendStatus", "dateAnswer"]), st.text()))
def test_no_receipt_with_a_status_whatever_raises(form: dict[str, str]) -> None:
    if not {"status", "extendStatus"} & form.keys():
        with pytest.raises(SaysNothing) as raised:
            receipt(form)
        assert raised.value.token == "1-1-abc"
        return
    found = receipt(form)
    assert found.token == "1-1-abc"
    assert found.final == (found.outcome is not None)


def test_a_receipt_tells_when_the_customers_phone_took_it() -> None:
    at = receipt({"id": "1", "status": "1", "dateAnswer": "1796115600"}).at
    assert at is not None
    assert at.isoformat() == "2026-12-01T09:00:00+00:00"


@pytest.mark.parametrize("path", ["/smsaero/", "/smsaero", "/", "/twilio/status/1-1-abc"])
def test_a_receipt_without_our_token_is_forged(path: str) -> None:
    with pytest.raises(Forged):
        receipt({"id": "1", "status": "1"}, path)


def test_what_became_of_a_message_can_be_asked_for() -> None:
    async def ask() -> list[Receipt | None]:
        channel = TWIN.beside(sandbox)
        async with channel:
            sent = [
                await channel.deliver(TWIN.message(point))
                for point in ("+79161230020", "+79161230011")
            ]
            sandbox_time[0] = later
            sandbox.run_due()
            known = [await channel.look_up(handover.reference or "") for handover in sent]
            return [*known, await channel.look_up("123"), await channel.look_up("no number")]

    sandbox_time, later = [NOON], NOON + timedelta(hours=1)
    with Sandbox(
        lambda: sandbox_time[0],
        simulated=True,
        smsaero_email="energy@example.com",
        smsaero_api_key=SMS_KEY,
    ) as sandbox:
        delivered, silent, unknown, nonsense = asyncio.run(ask())
    assert delivered is not None
    assert silent is not None
    assert (delivered.outcome, silent.outcome) == (Outcome.DELIVERED, None)
    assert (unknown, nonsense) == (None, None)


def by_tls(
    port: int, certificate: Path | None, host: str = "127.0.0.1", timeout_seconds: float = 2.0
) -> SmsAeroChannel:
    """A channel to an https gate; without a certificate it trusts the public authorities."""
    return SmsAeroChannel(
        "energy@example.com",
        SMS_KEY,
        "Energo",
        url_gate=f"https://{host}:{port}/v2",
        timeout_seconds=timeout_seconds,
        ca_file=str(certificate) if certificate else None,
    )


TAKEN = http_answer(200, b'{"success": true, "data": {"id": 5}}')


def test_a_gate_with_a_known_certificate_takes_the_message(
    certificate: Path, server_tls: ssl.SSLContext
) -> None:
    with RawHttp(TAKEN, server_tls) as server:
        [handover] = deliver(by_tls(server.port, certificate), MESSAGE)
        [request] = server.requests
    assert (handover.kind, handover.reference) == (HandoverKind.ACCEPTED, "5")
    assert b"content-length:" in request.lower()
    assert b"chunked" not in request


@pytest.mark.parametrize("broken", TLS_BREAKS.values(), ids=TLS_BREAKS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_that_breaks_after_the_gate_took_the_post_is_uncertain(
    certificate: Path, server_tls: ssl.SSLContext, version: ssl.TLSVersion, broken: Broken
) -> None:
    server_tls.maximum_version = version
    with RawHttp(broken, server_tls) as server:
        [handover] = deliver(by_tls(server.port, certificate), MESSAGE)
        assert len(server.requests) == 1
    assert handover.kind is HandoverKind.UNCERTAIN


def test_an_answer_that_stops_in_the_middle_of_its_body_is_uncertain() -> None:
    half = b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"success": '
    chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    for answer_ in (half, chunk):
        with RawHttp(answer_) as server:
            [handover] = deliver(TWIN.at(server.port), MESSAGE)
            assert len(server.requests) == 1
        assert handover.kind is HandoverKind.UNCERTAIN


def test_a_kept_connection_that_breaks_in_the_second_message_is_uncertain_for_that_one(
    certificate: Path, server_tls: ssl.SSLContext
) -> None:
    body = b'{"success": true, "data": {"id": 5}}'
    kept = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with RawHttp([kept, Broken(reset=True)], server_tls) as server:
        channel = by_tls(server.port, certificate)
        channel.concurrency = 1
        first, second = deliver(channel, MESSAGE, MESSAGE)
        assert len(server.requests) == 2
    assert (first.kind, second.kind) == (HandoverKind.ACCEPTED, HandoverKind.UNCERTAIN)


def test_a_certificate_nobody_vouches_for_is_postponed_and_nothing_is_posted(
    server_tls: ssl.SSLContext,
) -> None:
    with RawHttp(TAKEN, server_tls) as server:
        [handover] = deliver(by_tls(server.port, None), MESSAGE)
        assert server.requests == []
    assert handover.kind is HandoverKind.POSTPONED


def test_a_certificate_of_another_host_is_postponed_and_nothing_is_posted(
    certificate: Path, server_tls: ssl.SSLContext
) -> None:
    with RawHttp(TAKEN, server_tls) as server:
        [handover] = deliver(by_tls(server.port, certificate, host="localhost"), MESSAGE)
        assert server.requests == []
    assert handover.kind is HandoverKind.POSTPONED


@pytest.mark.parametrize("greeting", HANDSHAKE_BREAKS.values(), ids=HANDSHAKE_BREAKS)
def test_a_handshake_that_fails_is_postponed(certificate: Path, greeting: object) -> None:
    with NoHandshake(greeting) as server:
        [handover] = deliver(by_tls(server.port, certificate, timeout_seconds=0.4), MESSAGE)
        assert server.connections == 1
    assert handover.kind is HandoverKind.POSTPONED


@pytest.fixture
def proxy_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes a port of this machine the corporate proxy for https."""

    def point(port: int) -> None:
        for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")

    return point


def test_a_proxy_that_is_away_is_postponed(
    certificate: Path, proxy_at: Callable[[int], None]
) -> None:
    proxy_at(closed_port())
    [handover] = deliver(by_tls(443, certificate, PROXIED_HOST), MESSAGE)
    assert handover.kind is HandoverKind.POSTPONED


@pytest.mark.parametrize(
    "answer_",
    [
        pytest.param(http_answer(407, b"who are you?", "text/plain"), id="407"),
        pytest.param(http_answer(502, b"no way", "text/plain"), id="502"),
        pytest.param(http_answer(200, b"no tunnel", "text/plain"), id="no-tunnel"),
        pytest.param(b"nonsense", id="nonsense"),
        pytest.param(CLOSE, id="closed"),
        pytest.param(HOLD, id="silent"),
    ],
)
def test_a_proxy_that_opens_no_way_to_the_gate_is_postponed(
    certificate: Path, proxy_at: Callable[[int], None], answer_: object
) -> None:
    with RawHttp(answer_) as proxy:
        proxy_at(proxy.port)
        channel = by_tls(443, certificate, PROXIED_HOST, timeout_seconds=0.4)
        [handover] = deliver(channel, MESSAGE)
        [request] = proxy.requests
    assert request.startswith(b"CONNECT ")
    assert handover.kind is HandoverKind.POSTPONED


@pytest.mark.parametrize("broken", TLS_BREAKS.values(), ids=TLS_BREAKS)
def test_tls_that_breaks_behind_a_proxy_after_the_post_is_uncertain(
    certificate: Path,
    server_tls: ssl.SSLContext,
    proxy_at: Callable[[int], None],
    broken: Broken,
) -> None:
    with RawHttp(broken, server_tls, tunnel=True) as proxy:
        proxy_at(proxy.port)
        [handover] = deliver(by_tls(443, certificate, PROXIED_HOST), MESSAGE)
        assert len(proxy.requests) == 1
    assert handover.kind is HandoverKind.UNCERTAIN


def test_a_gate_that_is_no_host_name_does_not_condemn_the_customers_number() -> None:
    channel = SmsAeroChannel("energy@example.com", SMS_KEY, "Energo", url_gate="https://*bad/v2")
    [handover] = deliver(channel, MESSAGE)
    assert handover.kind is HandoverKind.POSTPONED
