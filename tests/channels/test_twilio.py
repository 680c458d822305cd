"""Twilio: what a call says, what errors and callbacks mean, and no faith in forged ones."""

import asyncio
import json
import ssl
from datetime import UTC, datetime
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from campaigns.menu import opening
from campaigns.outcome import Outcome
from channels.base import (
    CallMessage,
    CallStage,
    Cause,
    Forged,
    Handover,
    HandoverKind,
    Payload,
    Receipt,
)
from channels.phone.twilio import TwilioChannel
from channels.phone.twilio_codes import ENDED, UNDER_WAY
from channels.sandbox.twilio_rest import Account
from templates.call import CallScript, Say
from tests.channels.servers import (
    HANDSHAKE_BREAKS,
    HOLD,
    TLS_BREAKS,
    Broken,
    NoHandshake,
    RawHttp,
    http_answer,
)
from tests.channels.twins import TWILIO_SID, TWILIO_TOKEN, PhoneTwin, deliver

TWIN = PhoneTwin()
CHANNEL = TWIN.at(1)
MESSAGE = TWIN.message("+79161234567")
EXPECTS = f"expects={MESSAGE.expected_seconds:g}"
CALL = "CA" + "1" * 32
STATUS_URL = "https://receipts.example.com/twilio/status/1-1-abc?expects=20"
BEGIN_URL = "https://receipts.example.com/twilio/begin/1-1-abc?expects=20"
GATHER_URL = "https://receipts.example.com/twilio/gather/1-1-abc?expects=20"
DIAL_URL = "https://receipts.example.com/twilio/dial/1-1-abc?expects=20"
OPERATOR_URL = "https://receipts.example.com/twilio/operator/1-1-abc?expects=20"


def signed(url: str, form: dict[str, str]) -> Payload:
    signature = Account(TWILIO_SID, TWILIO_TOKEN).signature(url, form)
    return Payload(url, form, {"x-twilio-signature": signature})


def ended(status: str, url: str = STATUS_URL, **fields: str) -> Receipt:
    return CHANNEL.receipt(signed(url, {"CallSid": CALL, "CallStatus": status, **fields}))


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Handover:
    reply = http_answer(status, json.dumps(body).encode(), headers=headers)
    with RawHttp(reply) as server:
        [handover] = deliver(TWIN.at(server.port), MESSAGE)
        assert len(server.requests) == 1
    return handover


def asked() -> dict[str, list[str]]:
    with RawHttp(http_answer(201, json.dumps({"sid": CALL}).encode())) as server:
        [handover] = deliver(TWIN.at(server.port), MESSAGE)
        [request] = server.requests
    assert handover.reference == CALL
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(f"POST /2010-04-01/Accounts/{TWILIO_SID}/Calls.json".encode())
    return parse_qs(body.decode())


def test_a_call_rings_five_times_is_limited_and_asks_for_its_words_at_our_address() -> None:
    form = {name: values[0] for name, values in asked().items()}
    assert form == {
        "To": "+79161234567",
        "From": "+74951234567",
        "Timeout": "25",
        "TimeLimit": "120",
        "MachineDetection": "Enable",
        "Url": f"https://receipts.example.com/twilio/begin/1-1-abc?{EXPECTS}",
        "Method": "POST",
        "StatusCallback": f"https://receipts.example.com/twilio/status/1-1-abc?{EXPECTS}",
        "StatusCallbackEvent": "completed",
        "StatusCallbackMethod": "POST",
    }


def test_the_message_is_spoken_in_russian_inside_a_gather_that_reports_even_silence() -> None:
    root = ElementTree.fromstring(CHANNEL.words(MESSAGE, opening(MESSAGE.script)))
    [gather] = root
    assert gather.attrib == {
        "action": f"https://receipts.example.com/twilio/gather/1-1-abc?{EXPECTS}&round=1",
        "actionOnEmptyResult": "true",
        "finishOnKey": "",
        "input": "dtmf",
        "method": "POST",
        "numDigits": "1",
        "timeout": "3",
    }
    assert [child.tag for child in gather] == ["Say", "Pause", "Say"]
    assert gather[0].attrib == {"language": "ru-RU", "voice": "Polly.Tatyana"}
    assert gather[2].text == "Ваша задолженность сто рублей. Просим оплатить."


def test_a_phrase_with_markup_is_spoken_not_obeyed() -> None:
    script = CallScript((Say("</Say><Dial>+7900</Dial> & Ко"),))
    message = CallMessage("t", "+79161234567", "+7495", script, "https://r.example.com")
    root = ElementTree.fromstring(CHANNEL.words(message, opening(script)))
    assert [element.tag for element in root.iter()] == ["Response", "Gather", "Say"]


def test_not_a_word_of_the_message_leaves_before_it_is_known_who_answers() -> None:
    assert "задолженность" not in str(asked())
    assert "Twiml" not in asked()


@pytest.mark.parametrize(
    ("status", "code", "kind", "means"),
    [
        (400, 21211, "refused", Outcome.BAD_ADDRESS),
        (400, 21214, "refused", Outcome.BAD_ADDRESS),
        (400, 21217, "refused", Outcome.BAD_ADDRESS),
        (400, 13223, "refused", Outcome.BAD_ADDRESS),
        (400, 21610, "refused", Outcome.REJECTED),
        (400, 21205, "refused", Outcome.FAILED),
        (404, 20404, "refused", Outcome.FAILED),
        (401, 20003, "postponed", Cause.ACCOUNT),
        (403, 20005, "postponed", Cause.NO_MONEY),
        (400, 10001, "postponed", Cause.NO_MONEY),
        (401, None, "postponed", Cause.ACCOUNT),
        (403, 20403, "postponed", Cause.ACCOUNT),
        (403, None, "uncertain", None),
        (404, None, "uncertain", None),
        (408, None, "uncertain", None),
        (409, 20409, "uncertain", None),
        (400, 21606, "postponed", Cause.ACCOUNT),
        (400, 21212, "postponed", Cause.ACCOUNT),
        (400, 10004, "postponed", Cause.THROTTLED),
        (500, 20500, "uncertain", None),
        (503, None, "uncertain", None),
        (400, "nonsense", "uncertain", None),
        (409, 409, "uncertain", None),
    ],
)
def test_each_error_code_has_its_meaning(
    status: int, code: object, kind: str, means: Outcome | Cause | None
) -> None:
    handover = answer(status, {"code": code, "message": "to +79161234567", "status": status})
    assert (handover.kind.value, handover.outcome or handover.cause) == (kind, means)
    assert "+7916" not in handover.detail


def test_an_error_in_the_newer_form_of_rfc_9457_is_understood() -> None:
    problem = {"type": "x", "title": "Invalid", "status": 400, "code": 21211}
    assert answer(400, problem).outcome is Outcome.BAD_ADDRESS
    hostile = {"type": "x", "title": "Invalid", "status": "четыреста", "code": [1]}
    assert answer(400, hostile).kind is HandoverKind.UNCERTAIN


def test_the_retry_after_that_the_library_loses_is_kept() -> None:
    body = {"code": 20429, "message": "Too Many Requests", "status": 429}
    handover = answer(429, body, {"Retry-After": "7"})
    assert (handover.kind, handover.retry_after_seconds) == (HandoverKind.POSTPONED, 7.0)
    assert handover.cause is Cause.THROTTLED


def test_the_time_out_that_the_library_drops_is_kept() -> None:
    with RawHttp(HOLD) as server:
        [handover] = deliver(TWIN.at(server.port), MESSAGE)
        assert len(server.requests) == 1
    assert handover.kind is HandoverKind.UNCERTAIN


@pytest.mark.parametrize(
    "base_url", ["http://api.twilio.com", "http://10.0.0.1:80", "https://a:b@h", "api.twilio.com"]
)
def test_a_base_address_that_would_show_the_token_is_a_setting_error(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"провайдер|http") as refusal:
        TwilioChannel(TWILIO_SID, TWILIO_TOKEN, base_url=base_url)
    assert TWILIO_TOKEN not in str(refusal.value)


@pytest.mark.parametrize(("sid", "token"), [("", "x"), ("AC12", "x"), (TWILIO_SID, "")])
def test_credentials_that_cannot_be_right_are_a_setting_error(sid: str, token: str) -> None:
    with pytest.raises(ValueError, match="twilio_account_sid"):
        TwilioChannel(sid, token)


@pytest.mark.parametrize(
    ("status", "fields", "outcome"),
    [
        ("busy", {}, Outcome.BUSY),
        ("no-answer", {}, Outcome.NO_ANSWER),
        ("failed", {}, Outcome.FAILED),
        ("failed", {"SipResponseCode": "503"}, Outcome.FAILED),
        ("failed", {"SipResponseCode": "404"}, Outcome.BAD_ADDRESS),
        ("failed", {"SipResponseCode": "484"}, Outcome.BAD_ADDRESS),
        ("failed", {"SipResponseCode": "604"}, Outcome.BAD_ADDRESS),
        ("failed", {"SipResponseCode": "480"}, Outcome.NO_ANSWER),
        ("failed", {"SipResponseCode": "486"}, Outcome.BUSY),
        ("failed", {"SipResponseCode": "600"}, Outcome.BUSY),
        ("failed", {"SipResponseCode": "603"}, Outcome.DECLINED),
        ("busy", {"SipResponseCode": "603"}, Outcome.DECLINED),
        ("no-answer", {"SipResponseCode": "603"}, Outcome.DECLINED),
        ("failed", {"SipResponseCode": "607"}, Outcome.REJECTED),
        ("busy", {"SipResponseCode": "607"}, Outcome.REJECTED),
        ("busy", {"SipResponseCode": "404"}, Outcome.BUSY),
        ("no-answer", {"SipResponseCode": "487"}, Outcome.NO_ANSWER),
        ("in-progress", {"SipResponseCode": "603"}, None),
        ("completed", {"SipResponseCode": "603", "CallDuration": "20"}, Outcome.HEARD),
        ("canceled", {"SipResponseCode": "603"}, Outcome.FAILED),
        ("canceled", {}, Outcome.FAILED),
        ("completed", {"CallDuration": "20", "AnsweredBy": "human"}, Outcome.HEARD),
        ("completed", {"CallDuration": "16"}, Outcome.HEARD),
        ("completed", {"CallDuration": "15"}, Outcome.HUNG_UP),
        ("completed", {"CallDuration": "0"}, Outcome.HUNG_UP),
        ("completed", {"CallDuration": "20", "AnsweredBy": "unknown"}, Outcome.HEARD),
        ("completed", {"CallDuration": "20", "AnsweredBy": "machine_start"}, Outcome.MACHINE),
        ("completed", {"CallDuration": "20", "AnsweredBy": "machine_end_beep"}, Outcome.MACHINE),
        ("completed", {"CallDuration": "20", "AnsweredBy": "fax"}, Outcome.MACHINE),
        ("completed", {}, None),
        ("completed", {"CallDuration": "soon"}, None),
        ("queued", {}, None),
        ("initiated", {}, None),
        ("ringing", {}, None),
        ("in-progress", {}, None),
        ("", {}, None),
        ("teleported", {}, Outcome.UNCERTAIN),
    ],
)
def test_each_status_of_a_call_has_its_meaning(
    status: str, fields: dict[str, str], outcome: Outcome | None
) -> None:
    found = ended(status, **fields)
    assert (found.token, found.reference) == ("1-1-abc", CALL)
    assert (found.outcome, found.final) == (outcome, outcome is not None)


def test_the_table_of_statuses_is_complete() -> None:
    from twilio.rest.api.v2010.account.call import CallInstance

    documented = {
        value for name, value in vars(CallInstance.Status).items() if not name.startswith("_")
    }
    assert documented <= UNDER_WAY | set(ENDED) | {"completed"}


def test_a_hang_up_tells_after_how_many_seconds_and_when() -> None:
    found = ended("completed", CallDuration="4", Timestamp="Tue, 01 Dec 2026 09:00:30 +0000")
    assert (found.outcome, found.seconds) == (Outcome.HUNG_UP, 4.0)
    assert found.at == datetime(2026, 12, 1, 9, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("timestamp", ["", "yesterday", "2026-12-01", "Tue, 99 Dec 2026 09:00:30"])
def test_a_strange_timestamp_is_ignored(timestamp: str) -> None:
    assert ended("busy", Timestamp=timestamp).at is None


@pytest.mark.parametrize("answered_by", ["human", "unknown", ""])
def test_a_person_who_answers_waits_for_words_and_is_asked_to_wait_a_moment_if_they_are_late(
    answered_by: str,
) -> None:
    found = ended("in-progress", BEGIN_URL, AnsweredBy=answered_by)
    assert (found.stage, found.outcome, found.final) == (CallStage.BEGUN, None, False)
    assert (found.token, found.reference) == ("1-1-abc", CALL)
    assert [verb.tag for verb in ElementTree.fromstring(found.reply)] == ["Hangup"]
    pause, redirect = ElementTree.fromstring(found.late_reply)
    assert (pause.tag, pause.get("length")) == ("Pause", "1")
    assert (redirect.tag, redirect.get("method")) == ("Redirect", "POST")
    assert redirect.text == f"{BEGIN_URL}&try=2"


@pytest.mark.parametrize(
    "answered_by", ["machine_start", "machine_end_beep", "machine_end_silence", "fax"]
)
def test_a_machine_is_hung_up_on_whether_or_not_anybody_decides_in_time(answered_by: str) -> None:
    found = ended("in-progress", BEGIN_URL, AnsweredBy=answered_by)
    assert (found.stage, found.outcome, found.final) == (CallStage.BEGUN, Outcome.MACHINE, False)
    assert [verb.tag for verb in ElementTree.fromstring(found.reply)] == ["Hangup"]
    assert found.late_reply == ""


def test_a_call_without_words_asks_three_times_and_then_ends() -> None:
    url, asked_at = BEGIN_URL, []
    while url:
        asked_at.append(url)
        reply = ended("in-progress", url).late_reply
        url = (ElementTree.fromstring(reply)[1].text or "") if reply else ""
    assert asked_at == [BEGIN_URL, f"{BEGIN_URL}&try=2", f"{BEGIN_URL}&try=3"]


def test_a_line_that_is_dead_already_is_not_asked_to_wait() -> None:
    assert ended("completed", BEGIN_URL).late_reply == ""


@given(st.text(alphabet="0123456789-+ ٣&=a%", max_size=8))
def test_a_call_that_says_a_strange_number_of_tries_ends_all_the_same(tries: str) -> None:
    url = f"{BEGIN_URL}&try={tries}"
    for _time in range(4):
        reply = ended("in-progress", url).late_reply
        if not reply:
            return
        url = ElementTree.fromstring(reply)[1].text or ""
    pytest.fail("it asks for ever")


def test_a_key_is_told_with_its_round_and_left_to_the_engine_to_understand() -> None:
    found = ended("in-progress", f"{GATHER_URL}&round=2", Digits="1", AnsweredBy="human")
    assert (found.stage, found.key, found.round) == (CallStage.KEYS, "1", 2)
    assert (found.outcome, found.final) == (None, False)
    root = ElementTree.fromstring(found.reply)  # where nobody decides anything
    assert [verb.tag for verb in root] == ["Say", "Hangup"]
    assert root[0].text == "Спасибо. До свидания."


def test_a_call_that_was_placed_before_rounds_were_counted_is_in_its_first() -> None:
    found = ended("in-progress", GATHER_URL, Digits="0")
    assert (found.stage, found.key, found.round) == (CallStage.KEYS, "0", 1)


@pytest.mark.parametrize("digits", ["hangup", "٣", " 1", "\x00", "q" * 9999])
def test_an_input_that_is_no_key_is_neither_a_key_nor_a_sign_of_listening(digits: str) -> None:
    found = ended("in-progress", GATHER_URL, Digits=digits)
    assert (found.stage, found.key, found.outcome) == (CallStage.KEYS, "", None)


def test_the_end_of_the_menu_on_a_dead_line_is_no_sign_of_listening() -> None:
    found = ended("completed", GATHER_URL, Digits="")
    assert (found.stage, found.key, found.outcome) == (CallStage.KEYS, "", None)


def test_silence_to_the_end_is_a_sign_that_the_message_was_heard() -> None:
    found = ended("in-progress", GATHER_URL, Digits="", AnsweredBy="human")
    assert (found.outcome, found.final) == (Outcome.HEARD, False)
    assert (found.stage, found.key, found.round) == (CallStage.KEYS, "", 1)
    assert "<Hangup" in found.reply


def test_silence_of_a_machine_is_not_taken_for_listening() -> None:
    found = ended("in-progress", GATHER_URL, AnsweredBy="machine_end_other")
    assert (found.outcome, found.final) == (Outcome.MACHINE, False)


@pytest.mark.parametrize(
    ("status", "outcome", "final"),
    [
        ("completed", Outcome.CONNECTED, False),
        ("answered", Outcome.CONNECTED, False),
        ("busy", Outcome.NOBODY_FREE, False),
        ("no-answer", Outcome.NOBODY_FREE, False),
        ("failed", Outcome.NOBODY_FREE, False),
        ("canceled", Outcome.NOBODY_FREE, False),
        ("beamed-up", Outcome.UNCERTAIN, True),
        ("", None, False),
    ],
)
def test_each_status_of_the_operators_part_has_its_meaning(
    status: str, outcome: Outcome | None, final: bool
) -> None:
    found = ended("in-progress", DIAL_URL, DialCallStatus=status, DialCallDuration="42")
    assert found.stage is CallStage.OPERATOR_DONE
    assert (found.reference, found.outcome, found.final) == (CALL, outcome, final)
    assert ("talked 42 s" in found.detail) is (outcome is Outcome.CONNECTED)
    assert found.seconds is None  # the talk is not the call
    assert "<Hangup" in found.reply


def test_a_customer_who_rings_off_while_the_operator_is_rung_is_told_by_the_end() -> None:
    found = ended("completed", DIAL_URL, DialCallStatus="no-answer")
    assert (found.stage, found.outcome) == (CallStage.OPERATOR_DONE, None)


def test_an_operator_who_answers_is_a_sign_for_the_customers_call_not_for_his_own() -> None:
    form = {
        "CallSid": "CA" + "2" * 32,
        "ParentCallSid": CALL,
        "CallStatus": "in-progress",
        "Timestamp": "Tue, 01 Dec 2026 09:00:30 +0000",
    }
    found = CHANNEL.receipt(signed(OPERATOR_URL, form))
    assert (found.stage, found.reference) == (CallStage.OPERATOR_ANSWERED, CALL)
    assert (found.outcome, found.final) == (Outcome.CONNECTED, False)
    assert found.at == datetime(2026, 12, 1, 9, 0, 30, tzinfo=UTC)
    unanswered = CHANNEL.receipt(signed(OPERATOR_URL, {**form, "CallStatus": "no-answer"}))
    assert (unanswered.stage, unanswered.outcome) == (None, None)


def test_a_status_nobody_knows_is_told_once_and_without_what_may_be_personal() -> None:
    with capture_logs() as logged:
        found = ended("+79161234567 is away", Called="+79161234567")
    assert (found.outcome, found.final) == (Outcome.UNCERTAIN, True)
    told = str(logged)
    assert told.count("strange_status") == 1
    assert "7916" not in told + found.detail


def test_a_callback_without_a_signature_is_forged() -> None:
    with pytest.raises(Forged):
        CHANNEL.receipt(Payload(STATUS_URL, {"CallStatus": "completed"}))


@pytest.mark.parametrize(
    "url",
    [
        STATUS_URL.replace("1-1-abc", "2-1-abc"),
        STATUS_URL.replace("expects=20", "expects=1"),
        STATUS_URL.replace("status", "gather"),
        STATUS_URL.replace("status", "begin"),
        STATUS_URL.replace("receipts.", "evil."),
    ],
)
def test_a_callback_moved_to_another_address_is_forged(url: str) -> None:
    genuine = signed(STATUS_URL, {"CallSid": CALL, "CallStatus": "completed"})
    with pytest.raises(Forged):
        CHANNEL.receipt(Payload(url, genuine.form, genuine.headers))


def test_a_callback_with_a_changed_field_is_forged() -> None:
    genuine = signed(STATUS_URL, {"CallSid": CALL, "CallStatus": "busy"})
    with pytest.raises(Forged):
        CHANNEL.receipt(
            Payload(STATUS_URL, {**genuine.form, "CallStatus": "completed"}, genuine.headers)
        )


def test_a_signed_callback_to_an_address_we_never_gave_is_forged() -> None:
    with pytest.raises(Forged):
        CHANNEL.receipt(signed("https://receipts.example.com/twilio/other/1", {}))


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_hostile_callbacks_are_forged_and_nothing_else(
    path: str, signature: str, form: dict[str, str]
) -> None:
    payload = Payload(f"https://r.example.com/{path}", form, {"x-twilio-signature": signature})
    with pytest.raises(Forged):
        CHANNEL.receipt(payload)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("CallSid", "CallStatus", "CallDuration", "SipResponseCode", "AnsweredBy"),
                *("Digits", "Timestamp", "ParentCallSid", "DialCallStatus", "DialCallDuration"),
            ]
        ),
        st.text(max_size=12) | st.sampled_from(["completed", "0" * 5000, "٣", "-1", "1e9"]),
    ),
    st.sampled_from(
        [
            *(STATUS_URL, GATHER_URL, DIAL_URL, OPERATOR_URL, STATUS_URL.replace("20", "nan")),
            *(BEGIN_URL, BEGIN_URL + "&try=3", BEGIN_URL + "&try=٣", BEGIN_URL[:-11]),
            *(STATUS_URL[:-11], GATHER_URL + "&round=-1", GATHER_URL + "&round=٣&round=1"),
        ]
    ),
)
def test_no_signed_callback_whatever_makes_the_channel_raise(
    form: dict[str, str], url: str
) -> None:
    found = CHANNEL.receipt(signed(url, form))
    assert found.token == "1-1-abc"
    assert found.reference is None
    assert len(found.detail) < 60
    assert found.detail.isprintable()
    assert 1 <= found.round <= 99


def test_an_unknown_call_is_not_looked_up() -> None:
    async def look() -> list[Receipt | None]:
        async with CHANNEL as channel:
            return [await channel.look_up("not a sid"), await channel.look_up(CALL)]

    assert asyncio.run(look()) == [None, None]  # the second: nobody listens there


def by_tls(
    port: int,
    context: ssl.SSLContext | None,
    host: str = "127.0.0.1",
    timeout_seconds: float = 2.0,
) -> TwilioChannel:
    """A channel over https; without a context it trusts the public authorities."""
    return TwilioChannel(
        TWILIO_SID,
        TWILIO_TOKEN,
        base_url=f"https://{host}:{port}",
        timeout_seconds=timeout_seconds,
        tls_context=context,
    )


TAKEN = http_answer(201, json.dumps({"sid": CALL}).encode())


def test_a_call_is_placed_over_tls_with_a_known_certificate(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with RawHttp(TAKEN, server_tls) as server:
        [handover] = deliver(by_tls(server.port, client_tls), MESSAGE)
    assert (handover.kind, handover.reference) == (HandoverKind.ACCEPTED, CALL)


@pytest.mark.parametrize("broken", TLS_BREAKS.values(), ids=TLS_BREAKS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_that_breaks_after_twilio_took_the_post_is_uncertain(
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    version: ssl.TLSVersion,
    broken: Broken,
) -> None:
    server_tls.maximum_version = version
    with RawHttp(broken, server_tls) as server:
        [handover] = deliver(by_tls(server.port, client_tls), MESSAGE)
        assert len(server.requests) == 1
    assert handover.kind is HandoverKind.UNCERTAIN


def test_a_kept_connection_to_twilio_that_breaks_in_the_second_call_is_not_used_a_third_time(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    body = json.dumps({"sid": CALL}).encode()
    kept = f"HTTP/1.1 201 Created\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with RawHttp([kept, Broken(reset=True)], server_tls) as server:
        first, second = deliver(by_tls(server.port, client_tls), MESSAGE, MESSAGE)
        assert len(server.requests) == 2
    assert (first.kind, second.kind) == (HandoverKind.ACCEPTED, HandoverKind.UNCERTAIN)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_that_proves_nothing_is_postponed_and_no_call_is_asked_for(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, host: str
) -> None:
    """Unknown to the public authorities, or known and made out to another host."""
    context = client_tls if host == "localhost" else None
    with RawHttp(TAKEN, server_tls) as server:
        [handover] = deliver(by_tls(server.port, context, host), MESSAGE)
        assert server.requests == []
    assert handover.kind is HandoverKind.POSTPONED


@pytest.mark.parametrize("greeting", HANDSHAKE_BREAKS.values(), ids=HANDSHAKE_BREAKS)
def test_a_handshake_that_fails_is_postponed(client_tls: ssl.SSLContext, greeting: object) -> None:
    with NoHandshake(greeting) as server:
        channel = by_tls(server.port, client_tls, timeout_seconds=0.5)
        [handover] = deliver(channel, MESSAGE)
        assert server.connections == 1
    assert handover.kind is HandoverKind.POSTPONED
