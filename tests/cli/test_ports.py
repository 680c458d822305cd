"""Ports that another program has: told in one sentence, with the setting, and exit code 2."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dispatcher.errors import BadSetting
from dispatcher.listening import listening, need_free
from tests.cli.test_commands import environment, home, run
from tests.cli.test_mailrobot import ROBOT

__all__ = ["environment", "home", "run"]  # fixtures

Run = Callable[..., CompletedProcess[str]]
HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens at."""
    with socket.create_server((HOST, 0)) as other:
        yield other.getsockname()[1]


def refused(done: CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    told = " ".join(done.stderr.split())
    assert "Traceback" not in told
    for word in words:
        assert word in told


def test_a_second_robot_with_the_same_settings_is_told_of_the_first(run: Run, taken: int) -> None:
    done = run("mailrobot", **ROBOT, DISPATCHER_LMTP_PORT=str(taken))
    refused(done, "DISPATCHER_LMTP_PORT", f"{HOST}:{taken}", "другой mail-робот", "LMTP_PORT=0")


def test_receipts_beside_up_are_told_that_up_takes_them(run: Run, taken: int) -> None:
    done = run("receipts", DISPATCHER_RECEIPTS_PORT=str(taken))
    refused(done, "DISPATCHER_RECEIPTS_PORT", f"{HOST}:{taken}", "«up»")


def test_up_beside_receipts_is_told_the_same(run: Run, taken: int) -> None:
    refused(run("up", DISPATCHER_RECEIPTS_PORT=str(taken)), "DISPATCHER_RECEIPTS_PORT")


def test_a_sandbox_beside_another_names_the_option(run: Run, taken: int) -> None:
    done = run("sandbox", "--smtp-port", "0", "--http-port", "0", "--imap-port", str(taken))
    refused(done, "--imap-port", f"{HOST}:{taken}")


def test_one_port_for_two_servers_is_refused_for_the_second(taken: int) -> None:
    with socket.create_server((HOST, 0)) as other:
        free = other.getsockname()[1]
    need_free(HOST, {"--smtp-port": free, "--http-port": 0, "--imap-port": 0})
    with pytest.raises(BadSetting, match="--http-port"):
        need_free(HOST, {"--smtp-port": free, "--http-port": free})
    with pytest.raises(BadSetting, match="--smtp-port"):
        need_free(HOST, {"--smtp-port": taken, "--http-port": free})


@pytest.mark.parametrize("host", ["192.0.2.1", "a" * 70])
def test_an_address_of_another_machine_is_told_by_the_setting_of_the_host(host: str) -> None:
    with (
        pytest.raises(BadSetting, match="DISPATCHER_LMTP_HOST"),
        listening("DISPATCHER_LMTP_PORT", host, 2424),
    ):
        socket.create_server((host, 2424)).close()


def test_a_port_of_the_system_is_told_as_such() -> None:
    with (
        pytest.raises(BadSetting, match=r"DISPATCHER_LMTP_PORT: порт 24 .* больше 1023"),
        listening("DISPATCHER_LMTP_PORT", HOST, 24),
    ):
        raise PermissionError(13, "Permission denied")


def test_two_mailboxes_of_one_name_do_not_pass_the_check(run: Run, home: Path) -> None:
    box = {"name": "info", "host": HOST, "tls": "none"}
    settings = {**ROBOT, "DISPATCHER_MAILBOXES": json.dumps([box, box])}
    refused(run("check", **settings), "DISPATCHER_MAILBOXES", "info:")
    assert not (home / "var").exists()


def mailrobot(home: Path, environment: dict[str, str], **settings: str) -> str:
    """What a robot tells at its start, until it works; then it is stopped."""
    with subprocess.Popen(
        [sys.executable, "-m", "dispatcher", "mailrobot"],
        cwd=home,
        env=environment | ROBOT | settings,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            told += process.stdout.read()  # not communicate: it passes over what is buffered
            assert process.wait(30) == 0
        finally:
            process.kill()
    return " ".join(told.split())


def test_a_robot_that_no_letter_reaches_works_and_says_so(
    home: Path, environment: dict[str, str]
) -> None:
    told = mailrobot(home, environment)
    assert "mail-робот работает" in told
    assert "Письма не принимаются" in told


def test_a_robot_that_letters_are_handed_to_says_where(
    home: Path, environment: dict[str, str]
) -> None:
    with socket.create_server((HOST, 0)) as other:
        free = other.getsockname()[1]
    told = mailrobot(home, environment, DISPATCHER_LMTP_PORT=str(free))
    assert f"{HOST}:{free} (LMTP)" in told
    assert "не принимаются" not in told
