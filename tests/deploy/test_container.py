"""deploy/Containerfile: what can be held of it without building it."""

import fnmatch
import json
import re

import pytest

from tests.deploy.command_line import parse
from tests.deploy.env_files import DEPLOY, ROOT


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    whole = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in whole.splitlines() if line.strip()]
    return [(word, rest) for word, rest in lines]


def of(instructions: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for one, rest in instructions if one == word]


def copied(instructions: list[tuple[str, str]]) -> list[str]:
    """What is taken from the checkout."""
    taken = [rest.split()[:-1] for rest in of(instructions, "COPY") if "--from" not in rest]
    return [name for names in taken for name in names]


def test_everything_that_is_copied_is_there(instructions: list[tuple[str, str]]) -> None:
    names = copied(instructions)
    assert {"dispatcher", "campaigns", "channels", "templates", "requirements.lock"} <= {*names}
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_everything_that_is_copied_is_let_through_and_nothing_else(
    instructions: list[tuple[str, str]],
) -> None:
    rules = [
        line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] != "#"
    ]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {*copied(instructions)}
    for private in (".env", "var", "deploy", ".git"):
        assert not any(fnmatch.fnmatch(private, rule[1:]) for rule in rules if rule[0] == "!")


def test_what_is_installed_is_what_is_locked(instructions: list[tuple[str, str]]) -> None:
    installs = [rest for rest in of(instructions, "RUN") if '"install"' in rest and "pip" in rest]
    assert "--require-hashes" in installs[0]
    assert "requirements.lock" in installs[0]
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


def test_the_last_user_of_every_image_is_nobody_in_particular(
    instructions: list[tuple[str, str]],
) -> None:
    users: dict[str, str] = {}
    stage = ""
    for word, rest in instructions:
        if word == "FROM":
            base, _as, stage = rest.split()
            users[stage] = users.get(base, "root")
        elif word == "USER":
            users[stage] = rest
    assert {users[name] for name in ("base", "backup", "dispatcher")} == {"10001"}
    assert stage == "dispatcher"  # what is built when nobody asks for another


def test_every_command_is_run_without_a_shell_and_known(
    instructions: list[tuple[str, str]],
) -> None:
    assert [json.loads(rest) for rest in of(instructions, "ENTRYPOINT")] == [["dispatcher"]]
    assert [parse(json.loads(rest)) for rest in of(instructions, "CMD")] == ["up", "backup"]
    asked = next(rest for rest in of(instructions, "HEALTHCHECK") if "CMD" in rest)
    command = json.loads(asked.partition("CMD")[2])
    compile(command[2], "HEALTHCHECK", "exec")
    port = re.search(r"DISPATCHER_METRICS_PORT=(\d+)", " ".join(of(instructions, "ENV")))
    assert port is not None
    assert f":{port[1]}/health" in command[2]


def test_no_secret_is_in_the_image(instructions: list[tuple[str, str]]) -> None:
    named = " ".join(of(instructions, "ENV") + of(instructions, "ARG"))
    assert not re.search(r"SECRET|PASSWORD|TOKEN|_KEY", named)
