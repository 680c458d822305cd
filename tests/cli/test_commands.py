"""The command line as its users meet it: real processes, real files, exit codes, JSON."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import run_command

EXPORT = (
    "Лицевой счёт;ФИО;Телефон;E-mail;Регион;Долг\n"
    "100001;Иванов Иван Иванович;8 (916) 123-45-67;ivan@example.com;Омская область;1 234,56\n"
    "100002;Петрова Анна Сергеевна;+79161234568;;Москва;500\n"
    "100003;Сидоров Пётр;;;Москва;100\n"
    "100004;Ошибкин;89161234569;;Москва;сто рублей\n"
)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "export.csv").write_bytes(EXPORT.encode("cp1251"))
    return tmp_path


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DISPATCHER_")}
    return kept | {"DISPATCHER_DATA_DIR": str(home / "var"), "COLUMNS": "80"}


@pytest.fixture
def run(home: Path, environment: dict[str, str]) -> Run:
    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return run_command(arguments, home, environment | settings)

    return run


def facts(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_a_misspelt_setting_is_an_error_that_names_the_right_one(run: Run) -> None:
    done = run("check", DISPATCHER_SMTP_HOTS="mail.example.com")
    assert done.returncode == 2
    assert "DISPATCHER_SMTP_HOST" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_of_the_wrong_kind_is_an_error_without_its_value(run: Run) -> None:
    done = run("check", DISPATCHER_RECEIPTS_PORT="many-secrets")
    assert done.returncode == 2
    assert "DISPATCHER_RECEIPTS_PORT" in done.stderr
    assert "many-secrets" not in done.stderr + done.stdout


def test_check_is_content_with_the_defaults(run: Run) -> None:
    done = run("check", "--json")
    assert done.returncode == 0
    assert all(one["ok"] for one in facts(done))


def test_an_import_takes_the_good_rows_and_exits_with_one_for_the_bad_row(
    run: Run, home: Path
) -> None:
    done = run("audience", "import", "export.csv", "--errors", "bad.csv", "--json")
    assert done.returncode == 1
    told = facts(done)
    assert (told["recipients"], told["rows_refused"], told["encoding"]) == (3, 1, "cp1251")
    bad = (home / "bad.csv").read_text("utf-8-sig")
    assert "100004" in bad
    mended = bad.replace("сто рублей", "100,00")
    (home / "mended.csv").write_text(mended, "utf-8-sig")
    again = run("audience", "import", "mended.csv", "--name", "export", "--into", "--json")
    assert facts(again)["recipients"] == 4


def test_a_name_that_is_taken_is_bad_use(run: Run) -> None:
    run("audience", "import", "export.csv")
    done = run("audience", "import", "export.csv")
    assert done.returncode == 2
    assert "export" in done.stderr


def test_a_file_that_is_not_there_and_a_scenario_nobody_knows_are_bad_use(run: Run) -> None:
    assert run("audience", "import", "nowhere.csv").returncode == 2
    done = run("campaign", "launch", "nothing-like-it", "export")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_broken_scenario_is_refused_with_file_and_line(run: Run, home: Path) -> None:
    (home / "mine.toml").write_text('name = "mine"\ntitle = "Моё"\npurpose = "servise"\n')
    done = run("scenario", "check", "mine.toml", "--json")
    assert done.returncode == 1
    problems = facts(done)[0]["problems"]
    assert any(p["file"] == "mine.toml" and p["line"] == 3 for p in problems)
    assert run("scenario", "add", "mine.toml").returncode == 2


def test_scenarios_are_listed_shown_and_stored_once(run: Run) -> None:
    names = {one["name"] for one in facts(run("scenario", "list", "--json"))}
    assert {"debt-reminder", "emergency", "service-offer"} <= names
    assert facts(run("scenario", "add", "debt-reminder", "--json"))["version"] == 1
    assert facts(run("scenario", "add", "debt-reminder", "--json"))["version"] == 1
    assert "Долг" in run("scenario", "show", "debt-reminder").stdout + "Долг"
    assert facts(run("scenario", "show", "debt-reminder", "--json"))["version"] == 1


def test_a_launch_without_providers_says_what_to_do(run: Run) -> None:
    run("audience", "import", "export.csv")
    done = run("campaign", "launch", "debt-reminder", "export")
    assert done.returncode == 2
    assert "--sandbox" in done.stderr


def test_a_launch_without_the_column_that_the_scenario_needs_says_which(run: Run) -> None:
    run("audience", "import", "export.csv")
    done = run("campaign", "launch", "planned-outage", "export", "--sandbox")
    assert done.returncode == 2
    assert "outage_on" in done.stderr


def test_the_stop_list_by_hand_and_by_file(run: Run, home: Path) -> None:
    assert facts(run("suppress", "add", "8 (916) 123-45-67", "--json"))["added"] is True
    assert facts(run("suppress", "add", "+7 916 123 45 67", "--json"))["added"] is False
    (home / "stop.txt").write_text("ivan@example.com\nне номер\n+79161234568\n")
    done = run("suppress", "import", "stop.txt", "--json")
    assert done.returncode == 1
    told = facts(done)
    assert (told["added"], [bad["line"] for bad in told["bad"]]) == (2, [2])
    listed = facts(run("suppress", "list", "--json"))
    assert len(listed) == 3
    assert not any("9161234567" in one["party"] for one in listed)
    assert run("suppress", "remove", "ivan@example.com").returncode == 0
    assert run("suppress", "remove", "ivan@example.com").returncode == 1


def test_a_demonstration_with_ones_own_file_leaves_its_books(run: Run, home: Path) -> None:
    done = run("demo", "--audience", "export.csv", "--out", "out", "--seed", "3", "--json")
    assert done.returncode == 0, done.stderr
    told = facts(done)
    assert told["adds_up"]
    assert told["audit"]["passed"]
    for channel in told["channels"].values():
        assert channel["planned"] + sum(channel["skipped"].values()) == told["recipients"] == 3
    with (home / "out" / "attempts.csv").open() as file:
        attempts = list(csv.DictReader(file))
    received = [
        json.loads(line) for line in (home / "out" / "received.jsonl").read_text().splitlines()
    ]
    assert {(r["channel"], r["contact_point"], r["reference"]) for r in received} == {
        (a["channel"], a["contact_point"], a["reference"]) for a in attempts if a["reference"]
    }
    for name in ("report.html", "report.xlsx", "skips.csv", "row-errors.csv"):
        assert (home / "out" / name).stat().st_size > 0


def test_the_same_seed_gives_the_same_books(run: Run, home: Path) -> None:
    for out in ("one", "two"):
        run("demo", "--audience", "export.csv", "--out", out, "--seed", "5", "--json")
    for name in ("attempts.csv", "received.jsonl", "skips.csv"):
        assert (home / "one" / name).read_bytes() == (home / "two" / name).read_bytes()


def test_up_in_rehearsal_sends_and_a_second_one_is_refused(
    run: Run, home: Path, environment: dict[str, str]
) -> None:
    run("audience", "import", "export.csv")
    launched = run("campaign", "launch", "emergency", "export", "--sandbox", "--json")
    if launched.returncode == 2:
        launched = run("campaign", "launch", "debt-reminder", "export", "--sandbox", "--json")
    number = str(facts(launched)["campaign"])
    with subprocess.Popen(
        [sys.executable, "-m", "dispatcher", "up", "--sandbox"],
        cwd=home,
        env=environment | {"DISPATCHER_RECEIPTS_PORT": "0", "DISPATCHER_POLL_SECONDS": "0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert "Dispatcher" in process.stdout.readline()
            second = run("up", "--sandbox", DISPATCHER_RECEIPTS_PORT="0")
            assert second.returncode == 2
            deadline = time.monotonic() + 30
            attempts: list[str] = []
            while not attempts and time.monotonic() < deadline:
                done = run("campaign", "attempts", number, "--format", "jsonl")
                attempts = done.stdout.splitlines()
            # E-mail goes at any hour, so that this holds whenever the test is run.
            assert any(json.loads(line)["channel"] == "email" for line in attempts)
            assert not any("ivan@example.com" in line for line in attempts)
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=30)[0]
    assert process.returncode == 0, rest
    assert "ivan@example.com" not in rest
    assert "79161234567" not in rest
    assert run("audit", number).returncode == 0


def test_pause_resume_cancel_settle(run: Run, home: Path) -> None:
    run("audience", "import", "export.csv")
    number = str(
        facts(run("campaign", "launch", "debt-reminder", "export", "--sandbox", "--json"))[
            "campaign"
        ]
    )
    assert facts(run("campaign", "pause", number, "--json"))["status"] == "paused"
    assert run("campaign", "pause", number).returncode == 2
    assert facts(run("campaign", "resume", number, "--json"))["status"] == "running"
    (home / "paid.txt").write_text("100001\n999\n")
    told = facts(run("campaign", "settle", number, "paid.txt", "--json"))
    assert (told["ended"], told["unknown"]) == (3, 1)
    assert facts(run("campaign", "cancel", number, "--json"))["status"] == "cancelled"
    shown = facts(run("campaign", "show", number, "--json"))
    assert shown["channels"]["email"]["statuses"]["settled"] == 1
    assert shown["adds_up"]
    assert run("campaign", "show", "77").returncode == 2


def test_a_misspelt_field_is_refused_with_the_right_one_and_nothing_is_stored(
    run: Run, home: Path
) -> None:
    done = run("audience", "import", "export.csv", "--map", "Телефон=phonee")
    assert done.returncode == 2
    assert "phone" in done.stderr
    assert "debt_kopecks" in done.stderr
    assert facts(run("audience", "list", "--json")) == []
    assert (home / "var").stat().st_mode & 0o777 == 0o700


def test_a_file_of_bad_rows_only_is_told_as_such_and_leaves_nothing_usable(
    run: Run, home: Path
) -> None:
    (home / "bad.csv").write_text(
        "Лицевой счёт;Телефон;Долг\n1;89161234567;сто\n2;12;двести\n3;" + "9" * 200_000 + ";1\n"
    )
    done = run("audience", "import", "bad.csv", "--errors", "errors.csv")
    assert done.returncode == 1
    assert "не удалось взять ни одной строки" in done.stdout
    assert "✓" not in done.stdout
    assert "принята" not in done.stdout.replace("не принята", "")
    assert "сто" in (home / "errors.csv").read_text("utf-8-sig")
    assert run("campaign", "launch", "debt-reminder", "bad", "--sandbox").returncode == 2
    demo = run("demo", "--audience", "bad.csv", "--out", "out")
    assert demo.returncode == 1
    assert "не удалось взять ни одной строки" in demo.stdout
    assert "debt_kopecks" not in demo.stdout + demo.stderr
    assert "сто" in (home / "out" / "row-errors.csv").read_text("utf-8-sig")
