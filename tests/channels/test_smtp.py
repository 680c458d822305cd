"""E-mail by SMTP: what each answer means, kept connections, and nothing smuggled."""

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.outcome import Outcome
from channels.base import Handover, HandoverKind, MailMessage
from channels.email.envelope import UnsafeAddress, data_block, envelope_address
from channels.email.replies import Reply, Stage, judge_refusal
from channels.email.smtp import SmtpChannel
from channels.sandbox import Sandbox
from tests.channels.servers import (
    CLOSE,
    HANDSHAKE_BREAKS,
    HOLD,
    TLS_BREAKS,
    Broken,
    NoHandshake,
    ScriptedSmtp,
)
from tests.channels.twins import MAIL_PASSWORD, NOON, deliver, deliver_together, letter, rehearsal


def plain(port: int, timeout_seconds: float = 0.4, concurrency: int = 4) -> SmtpChannel:
    return SmtpChannel(
        "127.0.0.1",
        port,
        tls="none",
        timeout_seconds=timeout_seconds,
        concurrency=concurrency,
    )


def answered(script: dict[str, object], *letters: MailMessage) -> list[Handover]:
    with ScriptedSmtp(script) as server:
        return deliver(plain(server.port), *(letters or (letter("anna@example.com"),)))


@pytest.mark.parametrize(
    ("stage", "code", "text", "outcome"),
    [
        (Stage.RECIPIENT, 550, "5.1.1 no such user", Outcome.BAD_ADDRESS),
        (Stage.RECIPIENT, 550, "no such user here", Outcome.BAD_ADDRESS),
        (Stage.RECIPIENT, 553, "mailbox name not allowed", Outcome.BAD_ADDRESS),
        (Stage.RECIPIENT, 550, "5.2.1 mailbox disabled", Outcome.BOUNCED),
        (Stage.RECIPIENT, 554, "5.7.1 relay denied", Outcome.REJECTED),
        (Stage.RECIPIENT, 550, "5.7.1 you are on a list", Outcome.REJECTED),
        (Stage.RECIPIENT, 554, "transaction failed", Outcome.BOUNCED),
        (Stage.CONTENT, 550, "5.1.1 found out late", Outcome.BAD_ADDRESS),
        (Stage.CONTENT, 550, "looks like spam", Outcome.BOUNCED),
        (Stage.CONTENT, 554, "5.7.0 looks like spam", Outcome.REJECTED),
        (Stage.CONTENT, 552, "5.3.4 too big", Outcome.BOUNCED),
        # What is said about our own address must not condemn the customer's.
        (Stage.SENDER, 550, "5.1.8 bad sender domain", Outcome.REJECTED),
        (Stage.SENDER, 550, "5.1.0 sender rejected", Outcome.REJECTED),
        (Stage.RECIPIENT, 550, "5.1.7 bad sender", Outcome.REJECTED),
        (Stage.SENDER, 550, "go away", Outcome.BOUNCED),
    ],
)
def test_a_permanent_refusal_means_what_its_code_says(
    stage: Stage, code: int, text: str, outcome: Outcome
) -> None:
    handover = judge_refusal(Reply(code, text), stage)
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, outcome)


@pytest.mark.parametrize(
    ("stage", "code", "text", "about_recipient"),
    [
        (Stage.RECIPIENT, 450, "4.7.1 greylisted", True),
        (Stage.RECIPIENT, 452, "4.2.2 full", True),
        (Stage.RECIPIENT, 451, "4.3.0 disk trouble", False),
        (Stage.RECIPIENT, 421, "4.2.1 closing", False),
        (Stage.CONTENT, 452, "4.2.2 full", True),
        (Stage.CONTENT, 451, "local error", False),
        (Stage.SENDER, 451, "too many connections", False),
        (Stage.SENDER, 530, "5.7.0 authentication required", False),
        (Stage.RECIPIENT, 535, "5.7.8 bad login", False),
        (Stage.CONTENT, -1, "nonsense", False),
        (Stage.CONTENT, 250, "too early", False),
    ],
)
def test_a_temporary_refusal_or_our_own_fault_is_postponed(
    stage: Stage, code: int, text: str, about_recipient: bool
) -> None:
    handover = judge_refusal(Reply(code, text), stage)
    assert handover.kind is HandoverKind.POSTPONED
    assert handover.about_recipient is about_recipient


def test_the_servers_words_never_reach_a_detail_for_they_quote_the_address() -> None:
    reply = Reply(550, "5.1.1 <anna@example.com> unknown")
    assert judge_refusal(reply, Stage.RECIPIENT).detail == "RCPT 550 5.1.1"


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", [HOLD, CLOSE, "nonsense"], ids=["silent", "cut", "nonsense"])
def test_trouble_before_the_letter_is_postponed(command: str, trouble: object) -> None:
    script = {command: trouble, "HELO": trouble} if command == "EHLO" else {command: trouble}
    [handover] = answered(script)
    assert handover.kind is HandoverKind.POSTPONED


@pytest.mark.parametrize("trouble", [HOLD, CLOSE, "nonsense"], ids=["silent", "cut", "nonsense"])
def test_trouble_after_the_final_dot_is_uncertain_under_the_message_id(trouble: object) -> None:
    with ScriptedSmtp({"END": trouble}) as server:
        [handover] = deliver(plain(server.port), letter("anna@example.com"))
    assert handover.kind is HandoverKind.UNCERTAIN
    assert handover.reference == "<1@mail.example.com>"
    assert len(server.letters) == 1


def test_a_greeting_of_421_is_postponed() -> None:
    [handover] = answered({"GREETING": "421 4.3.2 too busy"})
    assert (handover.kind, handover.about_recipient) == (HandoverKind.POSTPONED, False)
    assert "421" in handover.detail


def test_a_server_that_knows_no_ehlo_is_greeted_the_old_way() -> None:
    [handover] = answered({"EHLO": "502 what?"})
    assert handover.kind is HandoverKind.ACCEPTED


def test_one_refused_recipient_of_fifty_costs_one_letter_and_no_connection() -> None:
    letters = [letter(f"good{number}@example.com", name=str(number)) for number in range(49)]
    letters.insert(20, letter("bounce@example.com"))
    with rehearsal() as sandbox:
        channel = SmtpChannel(
            "127.0.0.1",
            sandbox.smtp_port,
            tls="none",
            username="energy",
            password=MAIL_PASSWORD,
            timeout_seconds=2,
        )
        handovers = deliver_together(channel, letters)
        taken = len(sandbox.received)
    kinds = [handover.kind for handover in handovers]
    assert kinds.pop(20) is HandoverKind.REFUSED
    assert set(kinds) == {HandoverKind.ACCEPTED}
    assert taken == 49


def test_a_batch_keeps_its_connections_open_and_few() -> None:
    with ScriptedSmtp({}) as server:
        deliver_together(
            plain(server.port, concurrency=3),
            [letter(f"u{number}@example.com") for number in range(30)],
        )
    assert len(server.letters) == 30
    assert 1 <= server.connections <= 3


def test_after_a_refusal_the_connection_is_reset_and_used_again() -> None:
    refusals = iter(["550 5.1.1 no", "250 yes"])
    with ScriptedSmtp({"RCPT": lambda _connection: next(refusals)}) as server:
        first, second = deliver(
            plain(server.port), letter("a@example.com"), letter("b@example.com")
        )
    assert (first.kind, second.kind) == (HandoverKind.REFUSED, HandoverKind.ACCEPTED)
    assert server.connections == 1
    assert server.commands.count("RSET") == 1


def test_a_kept_connection_the_server_has_closed_is_opened_anew_without_loss() -> None:
    # The first connection takes one letter and closes as soon as it is spoken to again.
    asked = iter(["250 OK", CLOSE, "250 OK"])
    with ScriptedSmtp({"MAIL": lambda _connection: next(asked)}) as server:
        handovers = deliver(plain(server.port), letter("a@example.com"), letter("b@example.com"))
    assert [handover.kind for handover in handovers] == [HandoverKind.ACCEPTED] * 2
    assert (server.connections, len(server.letters)) == (2, 2)


def test_a_kept_connection_told_to_go_for_idleness_is_opened_anew() -> None:
    asked = iter(["250 OK", "421 4.4.2 idle too long", "250 OK"])
    with ScriptedSmtp({"MAIL": lambda _connection: next(asked)}) as server:
        handovers = deliver(plain(server.port), letter("a@example.com"), letter("b@example.com"))
    assert [handover.kind for handover in handovers] == [HandoverKind.ACCEPTED] * 2


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.com\r\nRCPT TO:<other@example.com>",
        "anna@example.com>\r\nDATA",
        "anna@exa\nmple.com",
        "<anna@example.com>",
        "an na@example.com",
        "anna\x00@example.com",
        "anna",
        "@example.com",
        "anna@",
        "anna@" + "x" * 400,
        "anna@" + "я" * 80 + ".рф",
    ],
)
def test_an_address_that_would_break_the_command_is_refused_before_any_connection(
    address: str,
) -> None:
    with pytest.raises(UnsafeAddress):
        envelope_address(address)
    [handover] = deliver(plain(1), letter(address))
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, Outcome.BAD_ADDRESS)
    assert "anna" not in handover.detail


def test_a_cyrillic_domain_is_written_in_ascii() -> None:
    assert envelope_address("info@почта.рф").text == "info@xn--80a1acny.xn--p1ai"


def test_a_cyrillic_mailbox_needs_a_server_that_can_take_it() -> None:
    [handover] = answered({}, letter("иван@example.com"))
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, Outcome.BOUNCED)
    with Sandbox(lambda: NOON, simulated=True) as sandbox:
        [handover] = deliver(plain(sandbox.smtp_port), letter("good-иван@example.com"))
        assert handover.kind is HandoverKind.ACCEPTED
        assert sandbox.received[0].contact_point == "good-иван@example.com"


def without_sender(contact_point: str) -> MailMessage:
    return replace(letter(contact_point), sender="")


def test_what_must_not_be_answered_goes_by_the_null_path() -> None:
    with ScriptedSmtp({}) as server:
        first, second = deliver(
            plain(server.port), without_sender("anna@example.com"), letter("oleg@example.com")
        )
    assert (first.kind, second.kind) == (HandoverKind.ACCEPTED, HandoverKind.ACCEPTED)
    senders = [command for command in server.commands if command.startswith("MAIL")]
    assert senders == ["MAIL FROM:<>", "MAIL FROM:<energy@example.com>"]


def test_the_null_path_is_taken_by_a_real_mail_server_also_toward_a_cyrillic_mailbox() -> None:
    points = ["good@example.com", "good-иван@example.com", "bounce@example.com"]
    with Sandbox(lambda: NOON, simulated=True) as sandbox:
        handovers = deliver(plain(sandbox.smtp_port, 2.0), *map(without_sender, points))
        taken = [one.contact_point for one in sandbox.received]
    kinds = [handover.kind for handover in handovers]
    assert kinds == [HandoverKind.ACCEPTED, HandoverKind.ACCEPTED, HandoverKind.REFUSED]
    assert taken == points[:2]


def test_the_null_path_toward_a_cyrillic_mailbox_asks_for_smtputf8() -> None:
    with ScriptedSmtp({"EHLO": "250-scripted\r\n250 SMTPUTF8"}) as server:
        deliver(plain(server.port), without_sender("иван@example.com"))
    assert "MAIL FROM:<> SMTPUTF8" in server.commands
    assert "RCPT TO:<иван@example.com>" in server.commands


def test_headers_beyond_ascii_ask_for_smtputf8_though_the_envelope_is_plain() -> None:
    message = without_sender("anna@example.com")
    message = replace(message, content="From: инфо@example.com\r\n\r\nText\r\n".encode())
    with ScriptedSmtp({"EHLO": "250-scripted\r\n250 SMTPUTF8"}) as server:
        deliver(plain(server.port), message, without_sender("oleg@example.com"))
    senders = [command for command in server.commands if command.startswith("MAIL")]
    assert senders == ["MAIL FROM:<> SMTPUTF8", "MAIL FROM:<>"]


def test_no_recipient_is_no_null_path() -> None:
    [handover] = deliver(plain(1), letter(""))
    assert (handover.kind, handover.outcome) == (HandoverKind.REFUSED, Outcome.BAD_ADDRESS)


@given(st.binary(max_size=300))
def test_whatever_the_letter_holds_it_ends_only_at_its_end(content: bytes) -> None:
    block = data_block(content)
    assert block.endswith(b"\r\n.\r\n") or block == b"\r\n.\r\n"
    assert block.count(b"\r\n.\r\n") + block.startswith(b".\r\n") == 1
    lone = block.replace(b"\r\n", b"")
    assert b"\r" not in lone
    assert b"\n" not in lone


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b""))))
def test_a_proper_letter_arrives_as_it_was(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines) or b"\r\n"
    received = data_block(content).removesuffix(b".\r\n").split(b"\r\n")
    undotted = [line[1:] if line.startswith(b".") else line for line in received]
    assert b"\r\n".join(undotted) == content


def test_a_letter_cannot_smuggle_a_second_one() -> None:
    body = b"Hello\n.\nMAIL FROM:<evil@example.com>\r\n.\rDATA\r\n"
    with ScriptedSmtp({}) as server:
        deliver(plain(server.port), letter("anna@example.com", body))
    assert len(server.letters) == 1
    assert [command[:4] for command in server.commands].count("MAIL") == 1


def test_a_password_is_not_sent_in_the_clear_to_another_machine() -> None:
    with pytest.raises(ValueError, match="smtp"):
        SmtpChannel("smtp.example.com", 25, username="energy", password="x", tls="none")


def test_a_wrong_password_is_postponed_with_a_word_to_staff() -> None:
    with rehearsal() as sandbox:
        channel = SmtpChannel(
            "127.0.0.1", sandbox.smtp_port, tls="none", username="energy", password="wrong"
        )
        [handover] = deliver(channel, letter("good@example.com"))
        assert sandbox.received == []
    assert handover.kind is HandoverKind.POSTPONED
    assert "login" in handover.detail


def test_a_server_that_wants_a_login_it_was_not_given_is_postponed() -> None:
    with rehearsal() as sandbox:
        [handover] = deliver(plain(sandbox.smtp_port), letter("good@example.com"))
    assert handover.kind is HandoverKind.POSTPONED
    assert "login" in handover.detail


def test_starttls_the_server_does_not_offer_is_postponed_not_skipped() -> None:
    with ScriptedSmtp({}) as server:
        channel = SmtpChannel("127.0.0.1", server.port, tls="starttls", timeout_seconds=1)
        [handover] = deliver(channel, letter("anna@example.com"))
    assert handover.kind is HandoverKind.POSTPONED
    assert server.letters == []


@pytest.fixture
def tls_sandbox(server_tls: ssl.SSLContext) -> Sandbox:
    return rehearsal(smtp_tls_context=server_tls)


def test_an_unknown_certificate_is_refused_unless_staff_say_otherwise(tls_sandbox: Sandbox) -> None:
    with tls_sandbox as sandbox:
        options = {"username": "energy", "password": MAIL_PASSWORD}
        strict = SmtpChannel("127.0.0.1", sandbox.smtp_port, **options)  # type: ignore[arg-type]
        lax = SmtpChannel(
            "127.0.0.1",
            sandbox.smtp_port,
            verify_certificates=False,
            **options,  # type: ignore[arg-type]
        )
        [refused] = deliver(strict, letter("good@example.com"))
        [accepted] = deliver(lax, letter("good@example.com"))
    assert refused.kind is HandoverKind.POSTPONED
    assert "certificate" in refused.detail
    assert accepted.kind is HandoverKind.ACCEPTED


def test_a_known_certificate_opens_starttls_and_the_login_goes_through_it(
    tls_sandbox: Sandbox, certificate: Path
) -> None:
    with tls_sandbox as sandbox:
        channel = SmtpChannel(
            "127.0.0.1",
            sandbox.smtp_port,
            username="energy",
            password=MAIL_PASSWORD,
            tls_context=ssl.create_default_context(cafile=str(certificate)),
        )
        [handover] = deliver(channel, letter("good@example.com"))
        assert handover.kind is HandoverKind.ACCEPTED


def by_tls(port: int, context: ssl.SSLContext, timeout_seconds: float = 2.0) -> SmtpChannel:
    return SmtpChannel(
        "127.0.0.1", port, tls="tls", tls_context=context, timeout_seconds=timeout_seconds
    )


@pytest.mark.parametrize("broken", TLS_BREAKS.values(), ids=TLS_BREAKS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_that_breaks_after_the_final_dot_is_uncertain_under_the_message_id(
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    version: ssl.TLSVersion,
    broken: Broken,
) -> None:
    server_tls.maximum_version = version
    with ScriptedSmtp({"END": broken}, server_tls) as server:
        [handover] = deliver(by_tls(server.port, client_tls), letter("anna@example.com"))
        assert len(server.letters) == 1
    assert handover.kind is HandoverKind.UNCERTAIN
    assert handover.reference == "<1@mail.example.com>"


@pytest.mark.parametrize("broken", TLS_BREAKS.values(), ids=TLS_BREAKS)
@pytest.mark.parametrize("command", ["END", "DATA"])
def test_starttls_that_breaks_is_uncertain_only_after_the_final_dot(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, command: str, broken: Broken
) -> None:
    offer: dict[str, object] = {"EHLO": "250-scripted\r\n250 STARTTLS", "STAR": "220 go on"}
    with ScriptedSmtp({**offer, command: broken}, starttls=server_tls) as server:
        channel = SmtpChannel("127.0.0.1", server.port, tls_context=client_tls)
        [handover] = deliver(channel, letter("anna@example.com"))
        assert "DATA" in server.commands
        assert len(server.letters) == (1 if command == "END" else 0)
    expected = HandoverKind.UNCERTAIN if command == "END" else HandoverKind.POSTPONED
    assert handover.kind is expected


def test_starttls_that_fails_is_postponed(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    plain_words = {"EHLO": "250-scripted\r\n250 STARTTLS", "STAR": "220 go on\r\nbut not by TLS"}
    with ScriptedSmtp(plain_words) as server:
        channel = SmtpChannel("127.0.0.1", server.port, tls_context=client_tls)
        [handover] = deliver(channel, letter("anna@example.com"))
        assert server.letters == []
    assert handover.kind is HandoverKind.POSTPONED


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("broken", TLS_BREAKS.values(), ids=TLS_BREAKS)
def test_tls_that_breaks_before_the_letter_is_postponed(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, command: str, broken: Broken
) -> None:
    script = {command: broken, "HELO": broken} if command == "EHLO" else {command: broken}
    with ScriptedSmtp(script, server_tls) as server:
        [handover] = deliver(by_tls(server.port, client_tls), letter("anna@example.com"))
        assert any(said.startswith(command) for said in server.commands)
        assert server.letters == []
    assert handover.kind is HandoverKind.POSTPONED


@pytest.mark.parametrize("greeting", HANDSHAKE_BREAKS.values(), ids=HANDSHAKE_BREAKS)
def test_a_handshake_that_fails_is_postponed(client_tls: ssl.SSLContext, greeting: object) -> None:
    with NoHandshake(greeting) as server:
        [handover] = deliver(by_tls(server.port, client_tls, 0.4), letter("anna@example.com"))
        assert server.connections == 1
    assert handover.kind is HandoverKind.POSTPONED
