"""E-mail by SMTP: whom a refusal is about, and how long a server may think about a letter."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.outcome import Outcome
from channels.base import Fault, HandoverKind
from channels.email.replies import Reply, Stage, judge_refusal
from channels.email.smtp import SmtpChannel
from tests.channels.servers import HOLD, ScriptedSmtp
from tests.channels.twins import deliver, letter
from tests.flow.mail_sink import MailSink

SENDER, RECIPIENT, CONTENT = Stage.SENDER, Stage.RECIPIENT, Stage.CONTENT


@pytest.mark.parametrize(
    ("stage", "code", "text", "fault"),
    [
        (RECIPIENT, 550, "5.1.1 no such user", Fault.RECIPIENT),
        (RECIPIENT, 550, "no such user here", Fault.RECIPIENT),
        (RECIPIENT, 550, "5.2.1 mailbox disabled", Fault.RECIPIENT),
        (RECIPIENT, 552, "mailbox full", Fault.RECIPIENT),
        (CONTENT, 550, "5.1.1 found out late", Fault.RECIPIENT),
        (CONTENT, 552, "5.3.4 too large", Fault.LETTER),
        (SENDER, 552, "too large", Fault.LETTER),
        (SENDER, 550, "go away", Fault.SENDER),
        (SENDER, 550, "5.7.1 client host blocked", Fault.SENDER),
        (RECIPIENT, 550, "5.1.8 <>: Sender address rejected: Domain not found", Fault.SENDER),
        (RECIPIENT, 553, "5.7.1 <>: Sender address rejected: not owned by user", Fault.SENDER),
        (RECIPIENT, 550, "5.1.0 <info@example.com>: Sender address rejected", Fault.SENDER),
        (RECIPIENT, 550, "Sender verify failed", Fault.SENDER),
        (RECIPIENT, 554, "5.7.1 client host blocked", None),
        (RECIPIENT, 554, "5.7.1 relay access denied", None),
        (RECIPIENT, 550, "relay not permitted", None),
        (CONTENT, 554, "5.7.1 rejected as spam", None),
        (CONTENT, 554, "transaction failed", None),
    ],
)
def test_a_refusal_says_whom_it_is_about(
    stage: Stage, code: int, text: str, fault: Fault | None
) -> None:
    assert judge_refusal(Reply(code, text), stage).fault is fault


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "relay not permitted"),
        (550, "5.1.0 <info@example.com>: Sender address rejected: undeliverable address"),
        (553, "sender rejected"),
        (550, "Your client host is on a blacklist"),
    ],
)
def test_what_a_server_says_of_us_condemns_no_customers_mailbox(code: int, text: str) -> None:
    assert judge_refusal(Reply(code, text), RECIPIENT).outcome is Outcome.REJECTED


@pytest.mark.parametrize("text", ["<sender@example.com> is nobody", "spam.relay@example.com?"])
def test_words_in_an_address_that_is_quoted_say_nothing(text: str) -> None:
    handover = judge_refusal(Reply(550, text), RECIPIENT)
    assert (handover.outcome, handover.fault) == (Outcome.BAD_ADDRESS, Fault.RECIPIENT)


@given(st.sampled_from(Stage), st.integers(500, 599), st.text())
def test_a_mailbox_that_is_not_there_is_always_the_recipients_fault(
    stage: Stage, code: int, text: str
) -> None:
    handover = judge_refusal(Reply(code, text), stage)
    if handover.outcome is Outcome.BAD_ADDRESS:
        assert handover.fault in (Fault.RECIPIENT, Fault.LETTER)


def test_an_answer_of_a_megabyte_is_judged_at_once() -> None:
    begun = time.process_time()
    for text in ("5.1.0 " + "sende" * 200_000, "@ " * 500_000, "5" * 1_000_000):
        judge_refusal(Reply(550, text), RECIPIENT)
    assert time.process_time() - begun < 2


def slow_channel(port: int) -> SmtpChannel:
    return SmtpChannel("127.0.0.1", port, tls="none", timeout_seconds=0.3)


def test_a_server_may_think_about_a_letter_longer_than_about_a_command() -> None:
    with MailSink() as sink:
        ready = time.monotonic() + 0.8
        sink.after_content = lambda _one: sink.wait_for(lambda: time.monotonic() > ready)
        patient = replace(letter("anna@example.com"), verdict_seconds=30.0)
        [handover] = deliver(slow_channel(sink.port), patient)
        assert len(sink.received) == 1
    assert handover.kind is HandoverKind.ACCEPTED


def test_a_server_that_says_nothing_for_that_long_leaves_the_letter_in_doubt() -> None:
    with ScriptedSmtp({"END": HOLD}) as server:
        patient = replace(letter("anna@example.com"), verdict_seconds=0.4)
        [handover] = deliver(slow_channel(server.port), patient)
    assert handover.kind is HandoverKind.UNCERTAIN
