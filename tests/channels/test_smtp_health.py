"""What a mail server's trouble says about its health, and what it says of our account."""

import asyncio

import pytest

from channels.base import AccountState, Cause, HandoverKind
from channels.email.replies import Reply, Stage, judge_refusal
from channels.email.smtp import SmtpChannel
from tests.channels.servers import CLOSE, HOLD, ScriptedSmtp, closed_port
from tests.channels.twins import deliver, letter

LOGIN = {"EHLO": "250-scripted\r\n250 AUTH PLAIN"}
PASSWORD = "secret-password-of-mail"


def channel(port: int, *, login: bool = False) -> SmtpChannel:
    return SmtpChannel(
        "127.0.0.1",
        port,
        tls="none",
        timeout_seconds=0.4,
        username="energy" if login else None,
        password=PASSWORD if login else None,
    )


def account(one: SmtpChannel) -> AccountState:
    async def ask() -> AccountState:
        async with one:
            return await one.account()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ({"GREETING": "421 4.3.2 shutting down"}, Cause.UNREACHABLE),
        ({"GREETING": "421 4.7.0 too many connections"}, Cause.THROTTLED),
        ({"GREETING": HOLD}, Cause.UNREACHABLE),
        ({"EHLO": CLOSE, "HELO": CLOSE}, Cause.UNREACHABLE),
        ({"MAIL": HOLD}, Cause.UNREACHABLE),
        ({"MAIL": "451 4.7.1 slow down"}, Cause.THROTTLED),
        ({"MAIL": "530 5.7.0 authentication required"}, Cause.ACCOUNT),
        ({"RCPT": CLOSE}, Cause.UNREACHABLE),
        ({"RCPT": "451 4.3.0 disk trouble"}, Cause.UNREACHABLE),
        ({"DATA": "nonsense"}, Cause.UNREACHABLE),
        ({"RCPT": "450 4.2.2 mailbox full"}, None),
    ],
)
def test_a_letter_that_was_put_off_tells_how_the_server_is(
    script: dict[str, object], cause: Cause | None
) -> None:
    with ScriptedSmtp(script) as server:
        [handover] = deliver(channel(server.port), letter("anna@example.com"))
    assert (handover.kind, handover.cause) == (HandoverKind.POSTPONED, cause)
    assert handover.about_recipient == (cause is None)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [("535 5.7.8 no", Cause.ACCOUNT), ("454 4.7.0 come later", Cause.THROTTLED)],
)
def test_a_login_that_is_refused_is_ours_to_mend_and_one_put_off_is_not(
    answer: str, cause: Cause
) -> None:
    with ScriptedSmtp({**LOGIN, "AUTH": answer}) as server:
        [handover] = deliver(channel(server.port, login=True), letter("anna@example.com"))
    assert (handover.kind, handover.cause) == (HandoverKind.POSTPONED, cause)


def test_nobody_there_is_unreachable() -> None:
    [handover] = deliver(channel(closed_port()), letter("anna@example.com"))
    assert handover.cause is Cause.UNREACHABLE


@pytest.mark.parametrize("code", [400, 421, 450, 451, 452, 499])
def test_a_server_that_asks_for_patience_without_a_reason_is_well(code: int) -> None:
    assert judge_refusal(Reply(code, "later"), Stage.SENDER).cause is Cause.THROTTLED


def test_an_account_is_asked_by_logging_in_and_no_letter_is_begun() -> None:
    with ScriptedSmtp({**LOGIN, "AUTH": "235 welcome"}) as server:
        state = account(channel(server.port, login=True))
    assert state.ok
    said = [command.split()[0] for command in server.commands]
    assert said == ["EHLO", "AUTH", "NOOP", "QUIT"]
    assert server.letters == []


@pytest.mark.parametrize(
    "script",
    [
        {"GREETING": "554 no"},
        {"GREETING": HOLD},
        {"GREETING": CLOSE},
        {"GREETING": "nonsense"},
        {**LOGIN, "AUTH": "535 5.7.8 <energy> no"},
        {**LOGIN, "AUTH": "235 welcome", "NOOP": CLOSE},
        {**LOGIN, "AUTH": "235 welcome", "NOOP": HOLD},
        {**LOGIN, "AUTH": "235 welcome", "NOOP": "421 bye"},
        {"EHLO": "250 no login here"},
    ],
)
def test_whatever_a_server_answers_an_account_that_is_not_in_order_is_told_without_a_secret(
    script: dict[str, object],
) -> None:
    with ScriptedSmtp(script) as server:
        state = account(channel(server.port, login=True))
    assert not state.ok
    assert state.note
    assert PASSWORD not in state.note
    assert "<energy>" not in state.note


def test_nobody_there_is_told_in_the_readers_language() -> None:
    state = account(channel(closed_port()))
    assert not state.ok
    assert "нет соединения" in state.note
