"""Nothing personal and nothing secret in logs, at any level, of ours or of a library's."""

import csv
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SURNAMES = ("Подберёзовиков", "Горбунков", "Семицветова", "Новосельцев", "Прокловская")
# What opens the sandbox's doors; a real key would stand in the same places.
SECRETS = ("sandbox-api-key-of-smsaero", "sandbox-auth-token-of-twilio")


def write_audience(path: Path) -> list[dict[str, str]]:
    """Thirty people; unmistakable data, so that a trace of them in a log is no chance."""
    rows = [
        {
            "Лицевой счёт": f"{740055000 + number}",
            "ФИО": f"{SURNAMES[number % 5]} Юрий Ипполитович",
            "Телефон": f"+7916{5540000 + number * 37:07}",
            "E-mail": f"private.person{number}@mailbox{number}.example",
            "Регион": "Москва",
            "Сумма долга": f"{1000 + number},50",
        }
        for number in range(30)
    ]
    rows[3]["Телефон"] = "не телефон 89165541234"
    rows[4]["E-mail"] = "private.person4@@mailbox4.example"
    with path.open("w", encoding="cp1251", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, str]], str]:
    """The rows of an audience, and everything that was logged about them."""
    folder = tmp_path_factory.mktemp("talkative")
    rows = write_audience(folder / "people.csv")
    command = [sys.executable, "-m", "tests.trouble.talkative_campaign"]
    done = subprocess.run(
        [*command, str(folder / "out"), str(folder / "people.csv")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return rows, done.stdout + done.stderr


def test_the_campaign_was_logged_at_all(told: tuple[list[dict[str, str]], str]) -> None:
    _rows, log = told
    attempts = [json.loads(line) for line in log.splitlines() if '"event": "attempt"' in line]
    assert {attempt["channel"] for attempt in attempts} == {"phone", "sms", "email"}
    assert "DEBUG" in log  # libraries were heard too


def test_no_full_phone_number_is_logged(told: tuple[list[dict[str, str]], str]) -> None:
    rows, log = told
    digits = re.sub(r"(?<=\d)[\s()-]+(?=\d)", "", log)
    national = [re.sub(r"\D", "", row["Телефон"])[-10:] for row in rows]
    assert [number for number in national if number in digits] == []


def test_no_mail_address_is_logged(told: tuple[list[dict[str, str]], str]) -> None:
    rows, log = told
    assert [row["E-mail"] for row in rows if row["E-mail"] in log] == []
    assert "private.person" not in log
    assert "private.person" not in log.replace("%40", "@")


def test_no_name_and_no_amount_is_logged(told: tuple[list[dict[str, str]], str]) -> None:
    rows, log = told
    assert [name for name in (*SURNAMES, "Ипполитович") if name in log] == []
    assert [row["Сумма долга"] for row in rows if row["Сумма долга"] in log] == []


def test_no_key_no_token_and_no_password_is_logged(
    told: tuple[list[dict[str, str]], str],
) -> None:
    _rows, log = told
    signing = hashlib.sha256(b"demo:3").hexdigest()
    assert [secret for secret in (*SECRETS, signing) if secret in log] == []
    assert "Authorization" not in log
    assert "Basic " not in log


def test_a_contact_point_in_a_log_line_is_masked(told: tuple[list[dict[str, str]], str]) -> None:
    _rows, log = told
    points = [
        json.loads(line)["contact_point"]
        for line in log.splitlines()
        if line.startswith("{") and '"contact_point"' in line
    ]
    assert points
    assert all("***" in point for point in points)
