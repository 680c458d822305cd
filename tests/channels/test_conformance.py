"""What every channel promises, held against every provider and its twin in the sandbox."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from campaigns.outcome import MEANING, Outcome
from channels.base import AccountState, Cause, Channel, Handover, HandoverKind
from channels.sandbox import Sandbox
from tests.channels.servers import CLOSE, HOLD, RawHttp, ScriptedSmtp, closed_port, http_answer
from tests.channels.twins import (
    MailTwin,
    PhoneTwin,
    SmsTwin,
    TwilioSmsTwin,
    Twin,
    deliver,
    deliver_together,
    rehearsal,
    sought,
    strangers,
)

TWINS: list[Twin] = [PhoneTwin(), SmsTwin(), TwilioSmsTwin(), MailTwin()]
HTTP_TWINS: list[Twin] = [PhoneTwin(), SmsTwin(), TwilioSmsTwin()]
SMS_TWINS: list[Twin] = [SmsTwin(), TwilioSmsTwin()]
every_provider = pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
http_providers = pytest.mark.parametrize("twin", HTTP_TWINS, ids=lambda twin: twin.name)
sms_providers = pytest.mark.parametrize("twin", SMS_TWINS, ids=lambda twin: twin.name)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with rehearsal() as running:
        yield running


@every_provider
def test_an_accepted_message_bears_the_reference_the_provider_knows(
    twin: Twin, sandbox: Sandbox
) -> None:
    [handover] = deliver(twin.beside(sandbox), twin.message(twin.points["good"]))
    assert handover.kind is HandoverKind.ACCEPTED
    taken = sandbox.received[-1]
    assert (taken.contact_point, taken.reference) == (twin.points["good"], handover.reference)


@every_provider
def test_a_dead_address_is_refused_at_once_and_taken_by_nobody(
    twin: Twin, sandbox: Sandbox
) -> None:
    before = len(sandbox.received)
    [handover] = deliver(twin.beside(sandbox), twin.message(twin.points["dead"]))
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, Outcome.BAD_ADDRESS)
    assert MEANING[Outcome.BAD_ADDRESS].address_is_dead
    assert len(sandbox.received) == before


@http_providers
def test_a_throttled_message_is_postponed_as_long_as_the_provider_says(
    twin: Twin, sandbox: Sandbox
) -> None:
    message = twin.message(twin.points["throttled"])
    first, second = deliver(twin.beside(sandbox), message, message)
    assert (first.kind, first.retry_after_seconds) == (HandoverKind.POSTPONED, 2.0)
    assert (first.cause, first.about_recipient) == (Cause.THROTTLED, False)
    assert second.kind is HandoverKind.ACCEPTED


def test_a_greylisted_letter_is_postponed_for_its_recipient_alone(sandbox: Sandbox) -> None:
    twin = MailTwin()
    [handover] = deliver(twin.beside(sandbox), twin.message("later@example.com"))
    assert (handover.kind, handover.about_recipient) == (HandoverKind.POSTPONED, True)


@pytest.mark.parametrize("trouble", ["silent", "cut"])
@every_provider
def test_no_answer_after_acceptance_is_uncertain_and_the_message_was_sent_once(
    twin: Twin, trouble: str, sandbox: Sandbox
) -> None:
    before = len(sandbox.received)
    [handover] = deliver(twin.beside(sandbox), twin.message(twin.points[trouble]))
    assert (handover.kind, handover.cause) == (HandoverKind.UNCERTAIN, None)
    assert len(sandbox.received) == before + 1


@every_provider
def test_a_refused_connection_is_postponed_for_nothing_was_sent(twin: Twin) -> None:
    [handover] = deliver(twin.at(closed_port()), twin.message(twin.points["good"]))
    assert (handover.kind, handover.cause) == (HandoverKind.POSTPONED, Cause.UNREACHABLE)
    assert not handover.about_recipient
    assert "connection" in handover.detail


@every_provider
def test_a_connection_that_cannot_be_made_in_time_is_postponed(twin: Twin) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = int(full.getsockname()[1])
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:  # the queue of the listener is full: further SYNs are dropped
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        [handover] = deliver(twin.at(port), twin.message(twin.points["good"]))
        for one in waiting:
            one.close()
    assert (handover.kind, handover.cause) == (HandoverKind.POSTPONED, Cause.UNREACHABLE)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HOLD, id="silence"),
        pytest.param(CLOSE, id="closed"),
        pytest.param(b"this is not HTTP\r\n\r\n", id="not-http"),
        pytest.param(http_answer(200, b"<html>welcome</html>", "text/html"), id="html-200"),
        pytest.param(http_answer(502, b"<html>Bad Gateway</html>", "text/html"), id="html-502"),
        pytest.param(http_answer(200, b"[1, 2]"), id="json-list"),
        pytest.param(http_answer(200, b'"ok"'), id="json-string"),
        pytest.param(http_answer(201, b"{}"), id="json-empty"),
        pytest.param(http_answer(500, b'{"success": false, "message": "x"}'), id="json-500"),
        pytest.param(http_answer(200, b"[" * 100_000), id="json-bottomless"),
        pytest.param(http_answer(200, b"\xff\xfe\x00"), id="binary"),
        pytest.param(http_answer(200, b'{"success": true, "data": {"id"'), id="json-truncated"),
        pytest.param(http_answer(200, b'{"data": ' + b'{"a": ' * 50_000), id="json-deep"),
        pytest.param(http_answer(200, b"x" * 10_000_000), id="ten-megabytes"),
        pytest.param(http_answer(204, b""), id="no-content"),
        pytest.param(http_answer(503, b""), id="503-without-a-word"),
        pytest.param(http_answer(503, b"", headers={"Retry-After": "5"}), id="503-come-again"),
        # Written by something on the way, which may have passed the message on before.
        *(
            pytest.param(http_answer(status, b"<html>?</html>", "text/html"), id=f"html-{status}")
            for status in (400, 402, 403, 404, 405, 408, 409, 413, 422, 499)
        ),
        pytest.param(http_answer(409, b'{"message": "a conflict"}'), id="json-409-unknown"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", id="cut-short"),
        pytest.param(http_answer(307, b"", headers={"Location": "/v2/sms/send"}), id="redirect"),
    ],
)
@http_providers
def test_an_answer_that_proves_nothing_is_uncertain_after_exactly_one_post(
    twin: Twin, answer: bytes | object
) -> None:
    with RawHttp(answer) as server:
        [handover] = deliver(twin.at(server.port), twin.message(twin.points["good"]))
    assert handover.kind is HandoverKind.UNCERTAIN
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 429])
@http_providers
def test_a_status_that_says_not_applied_is_a_proof_without_a_word(twin: Twin, status: int) -> None:
    with RawHttp(http_answer(status, b"<html>no</html>", "text/html")) as server:
        [handover] = deliver(twin.at(server.port), twin.message(twin.points["good"]))
    assert handover.kind is HandoverKind.POSTPONED
    assert len(server.requests) == 1


def test_a_mail_server_that_speaks_nonsense_is_postponed_before_the_letter() -> None:
    with ScriptedSmtp({"GREETING": "welcome to the future"}) as server:
        [handover] = deliver(MailTwin().at(server.port), MailTwin().message("a@example.com"))
    assert handover.kind is HandoverKind.POSTPONED


@every_provider
def test_wrong_credentials_are_postponed_with_a_word_to_staff(twin: Twin) -> None:
    with strangers() as stranger:
        [handover] = deliver(twin.beside(stranger), twin.message(twin.points["good"]))
        assert stranger.received == []
    assert (handover.kind, handover.cause) == (HandoverKind.POSTPONED, Cause.ACCOUNT)
    assert "refuses" in handover.detail


@sms_providers
def test_an_empty_account_is_postponed_and_told_apart_from_a_wrong_one(
    twin: Twin, sandbox: Sandbox
) -> None:
    [handover] = deliver(twin.beside(sandbox), twin.message("+79161230017"))
    assert (handover.kind, handover.cause) == (HandoverKind.POSTPONED, Cause.NO_MONEY)
    assert not handover.about_recipient


@sms_providers
def test_an_unwanted_sms_is_refused_for_that_customer(twin: Twin, sandbox: Sandbox) -> None:
    [handover] = deliver(twin.beside(sandbox), twin.message("+79161230015"))
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, Outcome.REJECTED)


@every_provider
def test_the_secret_is_in_no_log_and_no_word_whatever_goes_wrong(
    twin: Twin, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    everything: list[object] = []

    async def use(channel: Channel) -> None:
        everything.append(channel)
        message = twin.message(twin.points["good"])
        async with channel:
            for what in ("good", "dead", "cut"):
                everything.append(await channel.deliver(twin.message(twin.points[what])))
            everything.append(await channel.look_up("123"))
            everything.append(await channel.find(sought(message)))
            everything.append(await channel.account())

    with caplog.at_level(logging.DEBUG), strangers() as stranger:
        for name in list(logging.root.manager.loggerDict):
            caplog.set_level(logging.DEBUG, logger=name)
        with RawHttp(http_answer(500, b'{"code": 1, "status": 500}')) as broken:
            ports = [broken.port, closed_port()]
            channels = [twin.beside(sandbox), twin.beside(stranger), *map(twin.at, ports)]
            for channel in channels:
                asyncio.run(use(channel))
        # The mail server of the sandbox logs what it hears, in the same process.
        logged = [record for record in caplog.records if not record.name.startswith("mail.log")]
    said = " ".join([*map(repr, everything), *map(logging.Formatter().format, logged)])
    assert twin.secret not in said
    assert "Basic " not in said  # the credentials in the form they travel in
    details = [str(one) for one in everything if isinstance(one, Handover | AccountState)]
    assert "+7916123" not in " ".join(details)
    assert "79161230" not in " ".join(record.getMessage() for record in logged)


@every_provider
def test_many_at_once_are_each_taken_once(twin: Twin) -> None:
    local = "u{}@example.com" if isinstance(twin, MailTwin) else "+7916555{}"
    points = [local.format(number) for number in range(2000, 2060)]
    with rehearsal() as sandbox:
        channel = twin.beside(sandbox)
        handovers = deliver_together(channel, [twin.message(point) for point in points])
    accepted = [h.reference for h in handovers if h.kind is HandoverKind.ACCEPTED]
    known = [taken.reference for taken in sandbox.received]
    assert len(known) == len({taken.contact_point for taken in sandbox.received})
    assert set(accepted) <= set(known)
    assert len(accepted) > 40


@every_provider
def test_two_workers_may_use_one_channel_at_the_same_time(twin: Twin, sandbox: Sandbox) -> None:
    channel = twin.beside(sandbox)
    messages = [twin.message(twin.points["good"])] * 5
    with ThreadPoolExecutor(2) as workers:
        batches = [workers.submit(deliver_together, channel, messages) for _ in range(2)]
        kinds = {handover.kind for batch in batches for handover in batch.result()}
    assert kinds == {HandoverKind.ACCEPTED}


@every_provider
def test_a_channel_is_entered_twice_in_one_loop_and_closed_by_the_last(
    twin: Twin, sandbox: Sandbox
) -> None:
    channel, message = twin.beside(sandbox), twin.message(twin.points["good"])

    async def nested() -> list[HandoverKind]:
        async with channel:
            async with channel:
                first = await channel.deliver(message)
            second = await channel.deliver(message)
        return [first.kind, second.kind]

    assert asyncio.run(nested()) == [HandoverKind.ACCEPTED] * 2


@every_provider
def test_outside_a_batch_a_channel_says_that_it_is_misused(twin: Twin) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(twin.at(9).deliver(twin.message(twin.points["good"])))
