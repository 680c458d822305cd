"""deploy/compose.yaml and the example of settings: as far as they can be held without an engine."""

import json
import re
import shlex
import subprocess
from importlib import resources
from typing import Any

import pytest
import yaml
from jsonschema import validators  # type: ignore[import-untyped]

from dispatcher.settings import PREFIX, Settings, load_settings
from tests.deploy.command_line import EVERY_QUEUE, parse, queues_of
from tests.deploy.env_files import DEPLOY, ROOT, read_env

COMPOSE = DEPLOY / "compose.yaml"
# Our roles end within so long of their own accord.
STOP_SECONDS = 10


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def ours(compose: dict[str, Any]) -> dict[str, Any]:
    services = compose["services"]
    return {name: one for name, one in services.items() if "build" in one}


def arguments_of(service: dict[str, Any]) -> list[str]:
    return [str(word) for word in service["command"]]


def schema() -> dict[str, Any]:
    """The compose specification's own, as check-jsonschema carries it."""
    folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    found: dict[str, Any] = json.loads((folder / "compose-spec.json").read_text("utf-8"))
    return found


def test_it_is_what_the_compose_specification_allows(compose: dict[str, Any]) -> None:
    checks = validators.validator_for(schema())(schema())
    assert [error.message for error in checks.iter_errors(compose)] == []


def test_the_specification_would_find_a_mistake(compose: dict[str, Any]) -> None:
    wrong = compose | {"services": {"loop": {"imagee": "dispatcher"}}}
    checks = validators.validator_for(schema())(schema())
    assert list(checks.iter_errors(wrong))


def test_every_command_is_one_that_the_program_knows(ours: dict[str, Any]) -> None:
    roles = {parse(arguments_of(service)) for service in ours.values()}
    assert roles == {"migrate", "loop", "worker", "receipts", "web", "mailrobot", "backup"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["lopo"], "No such command"),
        (["worker", "--queues", "urgent"], "No such option"),
        (["backup"], "Missing parameter: place"),
    ],
)
def test_a_command_that_there_is_not_is_noticed(wrong: list[str], told: str) -> None:
    with pytest.raises(Exception, match=told):
        parse(wrong)


def by_hand() -> list[list[str]]:
    """What the manual runs in a container: words after `docker compose run`."""
    manual = (ROOT / "docs" / "deployment.md").read_text("utf-8").replace("\\\n", " ")
    found = re.findall(r"docker compose run --rm ([^`\n]+)", manual)
    return [shlex.split(line, comments=True) for line in found]


@pytest.mark.parametrize("words", by_hand(), ids=" ".join)
def test_what_the_manual_runs_by_hand_can_be_run_there(
    words: list[str], ours: dict[str, Any]
) -> None:
    options = {}
    while words[0].startswith("--"):
        options[words[0]], words = words[1], words[2:]
    service, arguments = ours[words[0]], words[1:] or arguments_of(ours[words[0]])
    parse(arguments)
    if "--live" in arguments:  # the other network leads nowhere
        assert "outside" in service["networks"]
    handed_in = [options.get("--volume", ":"), *service.get("volumes", [])]
    kept = tuple(one.split(":")[1] for one in handed_in)
    for word in arguments:
        if word.startswith("/"):  # all else is gone with the container, or read-only
            assert word.startswith(tuple(filter(None, kept)))


def test_the_manual_stops_every_role_before_a_restore(ours: dict[str, Any]) -> None:
    manual = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    stopped = re.search(r"docker compose stop (.+)", manual)
    assert stopped is not None
    assert {*stopped[1].split()} == ours.keys() - {"migrate", "backup"}


def test_postgres_is_there_only_when_it_answers_as_it_does_later(compose: dict[str, Any]) -> None:
    assert "--host=127.0.0.1" in compose["services"]["postgres"]["healthcheck"]["test"]


def test_every_queue_is_served_and_none_is_misspelt(ours: dict[str, Any]) -> None:
    served: set[str] = set()
    for service in ours.values():
        if arguments_of(service)[0] == "worker":
            served |= queues_of(arguments_of(service))
    assert served == EVERY_QUEUE


def test_who_stops_is_given_more_time_than_it_needs(ours: dict[str, Any]) -> None:
    for service in ours.values():
        grace = int(re.fullmatch(r"(\d+)s", service["stop_grace_period"])[1])  # type: ignore[index]
        assert grace >= 2 * STOP_SECONDS


def test_who_starts_waits_for_the_ledger_to_be_up_to_date(ours: dict[str, Any]) -> None:
    for name, service in ours.items():
        waits = service["depends_on"]
        if name in ("migrate", "backup"):
            assert waits["postgres"]["condition"] == "service_healthy"
        else:
            assert waits["migrate"]["condition"] == "service_completed_successfully"


def test_nothing_is_reached_from_other_machines(compose: dict[str, Any]) -> None:
    published = {name: one.get("ports", []) for name, one in compose["services"].items()}
    assert {name for name, ports in published.items() if ports} == {"receipts", "web"}
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis"):
        assert compose["services"][name]["networks"] == ["inside"]


def test_what_must_not_be_single_is_not(ours: dict[str, Any]) -> None:
    for name in ("loop", "receipts", "web"):
        assert ours[name]["deploy"]["replicas"] >= 2


def test_no_role_runs_with_rights_or_without_bounds(ours: dict[str, Any]) -> None:
    for service in ours.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["deploy"]["resources"]["limits"]["memory"]


def test_the_queue_keeps_nothing_and_drops_nothing(compose: dict[str, Any]) -> None:
    command = [str(word) for word in compose["services"]["redis"]["command"]]
    told = dict(zip(command[1::2], command[2::2], strict=True))
    assert (told["--save"], told["--appendonly"]) == ("", "no")
    assert told["--maxmemory-policy"] == "noeviction"


def test_postgres_bears_the_connections_of_all_processes(compose: dict[str, Any]) -> None:
    words = " ".join(map(str, compose["services"]["postgres"]["command"]))
    most = int(re.search(r"max_connections=(\d+)", words)[1])  # type: ignore[index]
    running = [
        one.get("deploy", {}).get("replicas", 1)
        for one in compose["services"].values()
        if "build" in one and "profiles" not in one and one["command"] != ["migrate"]
    ]
    assert 20 * sum(running) + 20 <= most


def test_the_example_of_settings_is_a_set_of_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)  # no .env of somebody's own
    for name, value in read_env(DEPLOY / "dispatcher.env.example").items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.secret is not None
    assert not settings.is_embedded
    assert settings.redis_url is not None


def test_whoever_listens_to_this_machine_alone_is_told_how_to_listen_to_others() -> None:
    """The layout of several machines: a proxy, a monitoring and a mail server that come from
    elsewhere."""
    fields = Settings.model_fields.items()
    inward = {f"{PREFIX}{name.upper()}" for name, one in fields if one.default == "127.0.0.1"}
    assert f"{PREFIX}RECEIPTS_HOST" in inward
    example = (DEPLOY / "dispatcher.env.example").read_text("utf-8")
    assert set(re.findall(r"^#(\w+_HOST)=0\.0\.0\.0$", example, re.MULTILINE)) == inward
    manual = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+_HOST)=10\.", manual, re.MULTILINE)) == inward


def test_every_variable_that_is_set_anywhere_is_a_setting(ours: dict[str, Any]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    text = "".join(path.read_text("utf-8") for path in DEPLOY.rglob("*") if path.is_file())
    assert set(re.findall(r"\bDISPATCHER_[A-Z0-9_]+\b", text)) <= known
    for name in ("receipts", "web"):
        assert ours[name]["environment"].keys() == {"FORWARDED_ALLOW_IPS"}  # uvicorn's own


def test_what_holds_secrets_is_kept_out_of_the_repository() -> None:
    for name in ("deploy/dispatcher.env", "deploy/secrets/postgres-password", ".env"):
        told = subprocess.run(["git", "check-ignore", name], cwd=ROOT, check=False)
        if told.returncode == 128:
            pytest.skip("this is no checkout of git")
        assert told.returncode == 0


def test_the_example_holds_no_secret() -> None:
    for name, value in read_env(DEPLOY / "dispatcher.env.example").items():
        if name.endswith(("PASSWORD", "SECRET", "TOKEN", "KEY")):
            assert value.startswith("change-me")
