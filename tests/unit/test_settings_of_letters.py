"""Settings that no mail-robot could work with are refused as soon as they are read, by name, with
what to write instead."""

import json
from pathlib import Path

import pytest

from dispatcher.errors import BadSetting
from dispatcher.settings import load_settings
from templates.i18n import set_language

BOX = {"name": "info", "host": "imap.example.com", "username": "info@example.com"}
BARE = BOX | {"tls": "none", "password": "pa55word"}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    set_language("ru")


def advice(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setenv(f"DISPATCHER_{name}", text)
    with pytest.raises(BadSetting) as raised:
        load_settings()
    assert raised.value.name == f"DISPATCHER_{name}"
    return raised.value.advice


@pytest.mark.parametrize("name", ["MAIL_FROM", "MAIL_REPLY_TO", "MAIL_BOUNCES_TO", "INQUIRIES_TO"])
@pytest.mark.parametrize(
    "value", ["nobody", "a@example.com, b@example.com", "Info <info@example.com>", "@example.com"]
)
def test_what_no_letter_can_be_sent_to_is_no_address(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert "info@example.com" in advice(monkeypatch, name, value)


@pytest.mark.parametrize("name", ["MAIL_FROM", "MAIL_REPLY_TO", "MAIL_BOUNCES_TO", "INQUIRIES_TO"])
@pytest.mark.parametrize("value", ["", "info@example.com", "info@почта.рф", "desk@localhost"])
def test_an_address_and_none_are_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"DISPATCHER_{name}", value)
    load_settings()


def test_two_mailboxes_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert advice(monkeypatch, "MAILBOXES", [BOX, BOX]).startswith("info: у каждого ящика")


def test_a_password_that_would_travel_in_the_clear_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = advice(monkeypatch, "MAILBOXES", [BOX, BARE | {"name": "other"}])
    assert told.startswith("1: пароль почтового сервера imap.example.com")
    assert "pa55word" not in told


@pytest.mark.parametrize(
    "account", [BARE | {"host": "127.0.0.1"}, BARE | {"password": ""}, BARE | {"tls": "starttls"}]
)
def test_a_password_that_nobody_overhears_is_taken(
    monkeypatch: pytest.MonkeyPatch, account: dict[str, str]
) -> None:
    monkeypatch.setenv("DISPATCHER_MAILBOXES", json.dumps([account]))
    load_settings()


def test_a_misspelt_field_is_told_as_missing_and_as_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = advice(monkeypatch, "MAILBOXES", [{"name": "info", "hst": "imap.example.com"}])
    assert "0 → host: этого поля не хватает" in told
    assert "поля «hst» здесь нет, возможно, имелось в виду host?" in told
    assert "не подходит" not in told


def test_a_field_like_no_other_is_told_with_those_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = advice(monkeypatch, "MAILBOXES", [BOX | {"xyzzy": "1"}])
    assert "поля «xyzzy» здесь нет; можно указать: name, host" in told


def test_a_row_that_is_wrong_throughout_is_told_in_a_few_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = {f"field{number}": "x" for number in range(1000)}
    assert len(advice(monkeypatch, "MAILBOXES", [wrong])) < 600
