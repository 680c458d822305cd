"""`staff …`, as whoever runs the program uses it: real processes over one ledger."""

import json
import subprocess
from collections.abc import Callable

from tests.cli.test_commands import environment, home, run

__all__ = ["environment", "home", "run"]  # fixtures

Run = Callable[..., subprocess.CompletedProcess[str]]
ADD = ("staff", "invite", "a.petrova", "--name", "Анна Петрова", "--role", "editor")


def test_somebody_is_invited_shut_out_and_let_in_from_the_console(run: Run) -> None:
    url = "https://dispatcher.example.com"
    added = run(*ADD, "--json", DISPATCHER_WEB_URL=url)
    link = json.loads(added.stdout)["link"]
    assert link.startswith(f"{url}/invitation/")
    token = link.rpartition("/")[2]
    assert token not in added.stderr, "a link stands in no log"
    [member] = json.loads(run("staff", "list", "--json").stdout)
    assert (member["login"], member["role"], member["can_log_in"]) == ("a.petrova", "editor", False)
    assert member["invited_until"]
    again = run("staff", "link", "A.Petrova", DISPATCHER_WEB_URL=url)
    assert f"{url}/invitation/" in again.stdout
    assert token not in again.stdout
    assert run("staff", "shut-out", "a.petrova").returncode == 0
    assert run("staff", "shut-out", "a.petrova").returncode == 1
    refused = run("staff", "link", "a.petrova")
    assert (refused.returncode, "Доступ этого сотрудника закрыт" in refused.stderr) == (2, True)
    assert "доступ закрыт" in run("staff", "list").stdout
    assert run("staff", "let-in", "a.petrova").returncode == 0


def test_who_is_not_there_and_a_login_that_is_taken_are_bad_use(run: Run) -> None:
    run(*ADD)
    for command in (ADD, ("staff", "link", "nobody"), ("staff", "invite", "х", "--name", "Х")):
        assert run(*command).returncode == 2
