"""SMS by Twilio: what is asked of it, what its answers mean, its receipts, what customers write."""

import asyncio
import json
import ssl
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.outcome import MEANING, Outcome
from channels.base import (
    Cause,
    Forged,
    Handover,
    HandoverKind,
    Inbound,
    Payload,
    Receipt,
    SmsMessage,
    Unread,
)
from channels.sms.twilio_answers import ERROR_CODE, SEND_CODES, STATUS, outcome_of
from channels.sms.twilio_messages import TwilioMessagesChannel
from channels.twilio.errors import judge
from tests.channels.servers import (
    TLS_BREAKS,
    Broken,
    RawHttp,
    http_answer,
)
from tests.channels.twins import (
    NOON,
    RECEIPTS_URL,
    TWILIO_SID,
    TWILIO_TOKEN,
    TwilioSmsTwin,
    deliver,
    find,
    rehearsal,
    signed_by_twilio,
    sought,
)

TWIN = TwilioSmsTwin()
MESSAGE = TWIN.message("+79161234567")
SID = "SM" + "1" * 32
TAKEN = http_answer(201, json.dumps({"sid": SID, "status": "queued"}).encode())


def answer(body: object, status: int) -> Handover:
    with RawHttp(http_answer(status, json.dumps(body).encode())) as server:
        [handover] = deliver(TWIN.at(server.port), MESSAGE)
        assert len(server.requests) == 1
    return handover


def test_the_request_is_what_twilio_expects_and_the_sender_is_our_own() -> None:
    with RawHttp(TAKEN) as server:
        [handover] = deliver(TWIN.at(server.port), MESSAGE)
        [request] = server.requests
    assert (handover.kind, handover.reference) == (HandoverKind.ACCEPTED, SID)
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(f"POST /2010-04-01/Accounts/{TWILIO_SID}/Messages.json ".encode())
    assert parse_qs(body.decode()) == {
        "To": ["+79161234567"],
        "From": ["+74951234567"],  # the message's sign belongs to another provider
        "Body": ["Долг 100 руб."],
        "StatusCallback": [f"{RECEIPTS_URL}/twilio/sms/1-1-abc"],
        "ValidityPeriod": ["600"],  # not into the night
        "SmartEncoded": ["false"],  # what was measured is sent
    }


@pytest.mark.parametrize("token", ["a/b", "a?b=c", "../status/x", "a b", "а"])
def test_a_token_cannot_change_the_callbacks_address(token: str) -> None:
    message = SmsMessage(token, "+79161234567", "Energo", "Долг 100 руб.", RECEIPTS_URL)
    with RawHttp(TAKEN) as server:
        deliver(TWIN.at(server.port), message)
        [request] = server.requests
    [url] = parse_qs(request.partition(b"\r\n\r\n")[2].decode())["StatusCallback"]
    assert url.startswith(f"{RECEIPTS_URL}/twilio/sms/")
    told = TWIN.at(1).receipt(signed_by_twilio(url, {"MessageStatus": "sent"}))
    assert told.token == token


@pytest.mark.parametrize(
    ("code", "status", "kind", "outcome", "cause"),
    [
        (21211, 400, "refused", Outcome.BAD_ADDRESS, None),
        (21614, 400, "refused", Outcome.BAD_ADDRESS, None),
        (21635, 400, "refused", Outcome.BAD_ADDRESS, None),
        (21610, 400, "refused", Outcome.REJECTED, None),
        (21617, 400, "refused", Outcome.FAILED, None),
        (21408, 400, "refused", Outcome.FAILED, None),
        (21612, 400, "refused", Outcome.FAILED, None),
        (21606, 400, "postponed", None, Cause.ACCOUNT),
        (21212, 400, "postponed", None, Cause.ACCOUNT),
        (21608, 400, "postponed", None, Cause.ACCOUNT),
        (20003, 401, "postponed", None, Cause.ACCOUNT),
        (20003, 403, "postponed", None, Cause.ACCOUNT),
        (20404, 404, "postponed", None, Cause.ACCOUNT),
        (20005, 403, "postponed", None, Cause.NO_MONEY),
        (10001, 400, "postponed", None, Cause.NO_MONEY),
        (20001, 402, "postponed", None, Cause.NO_MONEY),
        (None, 402, "uncertain", None, None),
        (None, 401, "postponed", None, Cause.ACCOUNT),
        (None, 403, "uncertain", None, None),
        (None, 409, "uncertain", None, None),
        (20409, 409, "uncertain", None, None),
        (21211, 409, "refused", Outcome.BAD_ADDRESS, None),
        (20429, 400, "postponed", None, Cause.THROTTLED),
        (21611, 400, "postponed", None, Cause.THROTTLED),
        (20500, 500, "uncertain", None, None),
        (None, 503, "uncertain", None, None),
        (None, 408, "uncertain", None, None),
        (None, 302, "uncertain", None, None),
        (99999, 400, "refused", Outcome.FAILED, None),
        ("21211", 400, "uncertain", None, None),
        (True, 400, "uncertain", None, None),
        (400, 400, "uncertain", None, None),
        (None, 404, "uncertain", None, None),
    ],
)
def test_each_refusal_of_twilio_has_its_meaning(
    code: object, status: int, kind: str, outcome: Outcome | None, cause: Cause | None
) -> None:
    handover = answer({"code": code, "status": status, "message": "+79161234567"}, status)
    assert (handover.kind.value, handover.outcome, handover.cause) == (kind, outcome, cause)
    assert "+7916" not in handover.detail


@given(st.integers(100, 599), st.none() | st.integers())
def test_no_refusal_whatever_makes_the_judge_raise(status: int, code: int | None) -> None:
    handover = judge(status, code, SEND_CODES)
    assert (handover.outcome is not None) == (handover.kind is HandoverKind.REFUSED)
    assert (handover.cause is not None) == (handover.kind is HandoverKind.POSTPONED)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sid": None},
        {"sid": 5},
        {"sid": "CA" + "1" * 32},
        {"sid": "SM1"},
        {"sid": SID, "date_sent": "yesterday"},
        {"sid": SID, "error_code": "x"},
    ],
)
def test_an_answer_that_may_not_be_a_message_is_never_sent_again(body: object) -> None:
    assert answer(body, 201).kind in {HandoverKind.UNCERTAIN, HandoverKind.ACCEPTED}


@pytest.mark.parametrize(
    ("point", "text", "outcome"),
    [
        ("89161234567", "Долг", Outcome.BAD_ADDRESS),
        ("+7916", "Долг", Outcome.BAD_ADDRESS),
        ("+٧٩١٦١٢٣٤٥٦٧", "Долг", Outcome.BAD_ADDRESS),
        ("whatsapp:+79161234567", "Долг", Outcome.BAD_ADDRESS),
        ("+79161234567", "", Outcome.FAILED),
        ("+79161234567", "x" * 1601, Outcome.FAILED),
    ],
)
def test_what_twilio_could_not_send_is_refused_without_a_request(
    point: str, text: str, outcome: Outcome
) -> None:
    [handover] = deliver(TWIN.at(1), SmsMessage("t", point, "Energo", text, RECEIPTS_URL))
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, outcome)


@pytest.mark.parametrize(
    ("sid", "token", "sender", "base_url"),
    [
        ("AC1", TWILIO_TOKEN, "+74951234567", None),
        (TWILIO_SID, "", "+74951234567", None),
        (TWILIO_SID, TWILIO_TOKEN, "", None),
        (TWILIO_SID, TWILIO_TOKEN, "84951234567", None),
        (TWILIO_SID, TWILIO_TOKEN, "Энергосбыт", None),
        (TWILIO_SID, TWILIO_TOKEN, "EnergosbytOfTomsk", None),
        (TWILIO_SID, TWILIO_TOKEN, "whatsapp:+74951234567", None),
        (TWILIO_SID, TWILIO_TOKEN, "Energo", "http://twilio.example.com"),
        (TWILIO_SID, TWILIO_TOKEN, "Energo", "https://user:password@twilio.example.com"),
    ],
)
def test_settings_that_cannot_be_right_are_refused_without_quoting_the_token(
    sid: str, token: str, sender: str, base_url: str | None
) -> None:
    with pytest.raises(ValueError, match=r"twilio|http|адрес") as refusal:
        TwilioMessagesChannel(sid, token, sender, base_url=base_url)
    assert TWILIO_TOKEN not in str(refusal.value)
    assert "password" not in str(refusal.value)


@pytest.mark.parametrize("sender", ["+74951234567", "Energo", "ENERGO 24", "4445"])
def test_a_number_a_name_and_a_short_code_may_send(sender: str) -> None:
    assert TwilioMessagesChannel(TWILIO_SID, TWILIO_TOKEN, sender).provider == "twilio"


def by_tls(port: int, context: ssl.SSLContext | None) -> TwilioMessagesChannel:
    return TwilioMessagesChannel(
        TWILIO_SID,
        TWILIO_TOKEN,
        "+74951234567",
        base_url=f"https://127.0.0.1:{port}",
        timeout_seconds=2.0,
        tls_context=context,
    )


@pytest.mark.parametrize("broken", TLS_BREAKS.values(), ids=TLS_BREAKS)
def test_tls_that_breaks_after_the_post_is_uncertain_and_posted_once(
    client_tls: ssl.SSLContext, server_tls: ssl.SSLContext, broken: Broken
) -> None:
    with RawHttp(broken, server_tls) as server:
        [handover] = deliver(by_tls(server.port, client_tls), MESSAGE)
        assert len(server.requests) == 1
    assert handover.kind is HandoverKind.UNCERTAIN


def test_a_certificate_nobody_vouches_for_is_postponed_and_nothing_is_posted(
    server_tls: ssl.SSLContext, certificate: Path
) -> None:
    assert certificate.exists()
    with RawHttp(TAKEN, server_tls) as server:
        [handover] = deliver(by_tls(server.port, None), MESSAGE)
        assert server.requests == []
    assert (handover.kind, handover.cause) == (HandoverKind.POSTPONED, Cause.UNREACHABLE)


URL = f"{RECEIPTS_URL}/twilio/sms/1-1-abc"


def receipt(form: dict[str, str], url: str = URL) -> Receipt:
    return TWIN.at(1).receipt(signed_by_twilio(url, form))


@pytest.mark.parametrize(("code", "outcome"), sorted(ERROR_CODE.items()))
def test_a_failures_code_says_more_than_its_status(code: int, outcome: Outcome) -> None:
    for status in ("failed", "undelivered"):
        found = receipt({"MessageSid": SID, "MessageStatus": status, "ErrorCode": str(code)})
        assert (found.outcome, found.final, found.reference) == (outcome, True, SID)
        assert str(code) in found.detail


def test_a_filtered_text_does_not_condemn_the_customers_number() -> None:
    for code in (30007, 30034, 30002, 30008, 30003):
        outcome = outcome_of("undelivered", code)
        assert outcome is not None
        assert not MEANING[outcome].address_is_dead


@pytest.mark.parametrize("code", ["", "x", "99999", "-1", "1" * 50, "٣٠٠٠٣"])
@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_an_unknown_code_leaves_what_the_status_says(status: str, code: str) -> None:
    found = receipt({"MessageSid": SID, "MessageStatus": status, "ErrorCode": code})
    assert found.outcome is STATUS[status]


def test_a_code_beside_a_delivery_changes_nothing() -> None:
    found = receipt({"MessageSid": SID, "MessageStatus": "delivered", "ErrorCode": "30003"})
    assert found.outcome is Outcome.DELIVERED


FORM = {"MessageSid": SID, "MessageStatus": "delivered"}


@pytest.mark.parametrize(
    "payload",
    [
        Payload(URL, FORM),
        Payload(URL, FORM, {"x-twilio-signature": ""}),
        Payload(URL, FORM, {"x-twilio-signature": "AAAA"}),
        signed_by_twilio(URL, FORM, token="another-token"),
        Payload(f"{URL}x", FORM, signed_by_twilio(URL, FORM).headers),
        Payload(URL, {**FORM, "ErrorCode": "1"}, signed_by_twilio(URL, FORM).headers),
        signed_by_twilio(f"{RECEIPTS_URL}/twilio/status/1-1-abc", FORM),
        signed_by_twilio(f"{RECEIPTS_URL}/twilio/sms/", FORM),
        signed_by_twilio(f"{RECEIPTS_URL}/twilio/sms/a/b", FORM),
        Payload("http://[", FORM, {"x-twilio-signature": "AAAA"}),
    ],
)
def test_a_callback_that_is_not_twilios_to_this_address_is_forged(payload: Payload) -> None:
    with pytest.raises(Forged):
        TWIN.at(1).receipt(payload)
    with pytest.raises(Forged):
        TWIN.at(1).inbound(payload)


@given(
    st.dictionaries(
        st.sampled_from(["MessageSid", "SmsSid", "MessageStatus", "SmsStatus", "ErrorCode", "x"]),
        st.text(st.characters(codec="utf-8"), max_size=40),
    )
)
def test_no_signed_form_whatever_makes_a_receipt_raise(form: dict[str, str]) -> None:
    found = receipt(form)
    assert found.token == "1-1-abc"
    assert found.final == (found.outcome is not None)
    assert len(found.detail) < 100


INBOUND_URL = f"{RECEIPTS_URL}/twilio/inbound"


def test_what_a_customer_writes_is_read_as_it_came() -> None:
    form = {"MessageSid": SID, "From": "+79161234567", "To": "+74951234567", "Body": " Стоп!\n"}
    [found] = TWIN.at(1).inbound(signed_by_twilio(INBOUND_URL, form))
    assert isinstance(found, Inbound)
    assert (found.reference, found.contact_point, found.text) == (SID, "+79161234567", " Стоп!\n")


@pytest.mark.parametrize(
    "form",
    [
        {"MessageSid": SID, "Body": "Стоп"},
        {"MessageSid": SID, "From": "Beeline", "Body": "Стоп"},
        {"MessageSid": SID, "From": "900", "Body": "Стоп"},
        {"MessageSid": SID, "From": "+79161234567"},
    ],
)
def test_an_sms_from_nobody_or_without_a_text_is_handed_on_unread(form: dict[str, str]) -> None:
    [found] = TWIN.at(1).inbound(signed_by_twilio(INBOUND_URL, form))
    assert isinstance(found, Unread)


@pytest.mark.parametrize("name", [{}, {"MessageSid": "x"}])
def test_a_stop_without_a_name_of_its_own_is_read_all_the_same(name: dict[str, str]) -> None:
    form = {"From": "+79161234567", "Body": "Стоп", **name}
    found = TWIN.at(1).inbound(signed_by_twilio(INBOUND_URL, form))
    assert list(found) == [Inbound("", "+79161234567", "Стоп")]


def test_what_became_of_a_message_can_be_asked_for() -> None:
    async def ask(references: list[str]) -> list[Receipt | None]:
        async with TWIN.at(sandbox.http_port) as channel:
            return [await channel.look_up(reference) for reference in references]

    with rehearsal() as sandbox:
        [sent] = deliver(TWIN.beside(sandbox), TWIN.message(TWIN.points["good"]))
        under_way, unknown, nonsense = asyncio.run(ask([sent.reference or "", SID, "../Calls/CA1"]))
    assert under_way is not None
    assert (under_way.outcome, under_way.final, under_way.at) == (None, False, None)
    assert (unknown, nonsense) == (None, None)


def test_a_listed_message_without_a_word_of_its_text_may_still_be_the_one() -> None:
    listed = {"sid": SID, "status": "delivered", "body": "", "to": "+79161234567"}
    body = json.dumps({"messages": [listed], "next_page_uri": None}).encode()
    with RawHttp(http_answer(200, body)) as server:
        found = find(TWIN.at(server.port), sought(MESSAGE))
    assert found is not None
    assert [(one.reference, one.outcome) for one in found] == [(SID, Outcome.DELIVERED)]


@pytest.mark.parametrize(
    "changed",
    [
        {"to": "+79169999999"},
        {"direction": "inbound"},
        {"body": "Совсем другое."},
    ],
)
def test_a_listed_message_that_differs_is_not_the_one(changed: dict[str, str]) -> None:
    listed = {"sid": SID, "status": "delivered", "body": MESSAGE.text, "to": "+79161234567"}
    body = json.dumps({"messages": [{**listed, **changed}]}).encode()
    with RawHttp(http_answer(200, body)) as server:
        assert find(TWIN.at(server.port), sought(MESSAGE, NOON)) == []


def test_the_same_words_on_another_day_are_neither_the_message_nor_its_absence() -> None:
    created = {"date_created": "Mon, 30 Nov 2026 08:00:00 +0000"}
    listed = {"sid": SID, "status": "delivered", "body": MESSAGE.text, "to": "+79161234567"}
    body = json.dumps({"messages": [{**listed, **created}]}).encode()
    with RawHttp(http_answer(200, body)) as server:
        found = find(TWIN.at(server.port), sought(MESSAGE, NOON))
    assert [(one.reference, one.out_of_time) for one in found or ()] == [(SID, True)]
