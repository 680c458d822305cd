"""`provider list`, `provider retry` and `check --live`, as staff use them: real processes against
real servers."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.channel import ChannelName
from channels.sandbox import Sandbox
from dispatcher.ledger import circuits, open_ledger, trail
from tests.channels.servers import HOLD, ScriptedSmtp, closed_port
from tests.cli.test_commands import environment, home, run

__all__ = ["environment", "home", "run"]  # fixtures

Run = Callable[..., subprocess.CompletedProcess[str]]
KEY = (ChannelName.EMAIL, "smtp")
MAIL = {
    "DISPATCHER_SMTP_HOST": "127.0.0.1",
    "DISPATCHER_SMTP_TLS": "none",
    "DISPATCHER_MAIL_FROM": "info@example.com",
    "DISPATCHER_PROVIDER_TIMEOUT_SECONDS": "3",
    "DISPATCHER_ACTOR": "olga",
}


def facts(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def leave_alone(home: Path) -> Callable[[], None]:
    """Puts the mail server out of order, as a worker would."""

    def act() -> None:
        ledger = open_ledger(f"sqlite:///{home / 'var' / 'dispatcher.sqlite3'}")
        now = datetime.now(UTC)
        with ledger.write() as tx:
            circuits.open_(tx, KEY, "unreachable", now, now + timedelta(minutes=8))
        ledger.close()

    return act


def mail_at(port: int) -> dict[str, str]:
    return MAIL | {"DISPATCHER_SMTP_PORT": str(port)}


def test_a_provider_out_of_order_is_shown_with_its_reason_and_used_again_when_staff_say_so(
    run: Run, home: Path, leave_alone: Callable[[], None]
) -> None:
    mail = mail_at(closed_port())
    assert facts(run("provider", "list", "--json", **mail)) == [
        {"channel": "email", "provider": "smtp", "in_order": True}
    ]
    leave_alone()
    [shown] = facts(run("provider", "list", "--json", **mail))
    assert (shown["in_order"], shown["reason"], shown["openings"]) == (False, "unreachable", 1)
    told = run("provider", "list", **mail).stdout
    assert "не работает" in told
    assert "нет связи" in told
    assert run("provider", "retry", "email", "smtp", **mail).returncode == 0
    again = run("provider", "retry", "email", "smtp", "--json", **mail)
    assert (again.returncode, facts(again)) == (1, {"closed": False})
    ledger = open_ledger(f"sqlite:///{home / 'var' / 'dispatcher.sqlite3'}")
    with ledger.read() as tx:
        [act] = trail.of(tx, "provider:email.smtp")
    ledger.close()
    assert (act.actor, act.action) == ("olga", "provider.retry")


def test_a_provider_nobody_knows_is_bad_use_and_the_known_ones_are_named(run: Run) -> None:
    done = run("provider", "retry", "email", "pigeon", **mail_at(closed_port()))
    assert done.returncode == 2
    assert "smtp" in done.stderr


def test_without_a_provider_the_list_says_what_to_do(run: Run) -> None:
    assert ".env.example" in run("provider", "list").stdout


def test_a_live_check_logs_in_and_sends_nothing(run: Run) -> None:
    with ScriptedSmtp({}) as server:
        done = run("check", "--live", "--json", **mail_at(server.port))
    asked = [one for one in facts(done) if "smtp" in one["what"]]
    assert done.returncode == 0
    assert [one["ok"] for one in asked] == [True]
    commands = {command.split()[0] for command in server.commands}
    assert commands <= {"EHLO", "NOOP", "QUIT"}
    assert server.letters == []


@pytest.mark.parametrize("trouble", ["refused login", "silent", "nobody there"])
def test_a_live_check_names_what_is_wrong_and_exits_with_one(run: Run, trouble: str) -> None:
    script: dict[str, object] = {
        "refused login": {"EHLO": "250-x\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 no"},
        "silent": {"GREETING": HOLD},
        "nobody there": {},
    }[trouble]  # type: ignore[assignment]
    with ScriptedSmtp(script) as server:
        port = closed_port() if trouble == "nobody there" else server.port
        login = {"DISPATCHER_SMTP_USERNAME": "u", "DISPATCHER_SMTP_PASSWORD": "very-secret"}
        done = run("check", "--live", **mail_at(port), **login)
    assert done.returncode == 1
    assert "very-secret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    says = {
        "refused login": "не принимает логин",
        "silent": "не отвечает",
        "nobody there": "нет соединения",
    }
    assert says[trouble] in " ".join(done.stdout.split())


def test_a_live_check_asks_every_provider_though_one_of_them_is_away(
    run: Run, leave_alone: Callable[[], None]
) -> None:
    with Sandbox(lambda: datetime.now(UTC)) as sandbox:
        providers = {
            **mail_at(closed_port()),
            "DISPATCHER_SMSAERO_EMAIL": sandbox.smsaero_email,
            "DISPATCHER_SMSAERO_API_KEY": sandbox.smsaero_api_key,
            "DISPATCHER_SMSAERO_GATE": sandbox.smsaero_gate,
            "DISPATCHER_SMS_SIGN": "Energosbyt",
        }
        run("provider", "list", **providers)
        leave_alone()
        done = run("check", "--live", "--json", **providers)
    told = {one["what"].rpartition(", ")[2]: one["ok"] for one in facts(done)}
    assert done.returncode == 1
    assert (told["smtp"], told["не работает"], told["smsaero"]) == (False, False, True)
