"""Settings: what the program goes by, in words, without a secret; and providers that are asked."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from pydantic import SecretStr

from campaigns.channel import ChannelName
from dispatcher.access.roles import Role
from dispatcher.ledger import circuits, trail
from dispatcher.settings import Settings
from dispatcher.web import settings_facts
from tests.channels.servers import ScriptedSmtp, closed_port
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House, open_house, words_of

SECRET = "sesame-of-the-tests"
SECRETS: dict[str, Any] = {
    "smsaero_api_key": SecretStr(SECRET),
    "smtp_password": SecretStr(SECRET),
    "twilio_auth_token": SecretStr(SECRET),
    "mailboxes": [
        {"name": "info", "host": "imap.example.com", "username": "info", "password": SECRET}
    ],
}


def mail_at(port: int) -> dict[str, Any]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_tls": "none",
        "mail_from": "info@example.com",
    }


def test_settings_are_told_in_words_and_no_secret_is_shown(tmp_path: Path) -> None:
    with open_house(tmp_path, max_per_day={"sms": 2}, **SECRETS) as house:
        shown = house.visit().get("/settings").text
        told = words_of(house.visit().get("/settings"))
    assert SECRET not in shown
    assert house.engine.secret not in shown
    assert "SMS: 2 DISPATCHER_MAX_PER_DAY" in told
    assert "imap.example.com, папка INBOX DISPATCHER_MAILBOXES" in told


def test_every_fact_names_a_setting_that_there_is(house: House) -> None:
    facts = [fact for group in settings_facts.groups(house.engine) for fact in group.facts]
    assert {fact.setting for fact in facts} <= set(Settings.model_fields)
    assert all(fact.value for fact in facts)


def test_settings_are_the_administrators(house: House) -> None:
    clerk = house.visit(Role.APPROVER)
    assert clerk.get("/settings").status_code == 403
    assert clerk.post("/settings/providers/sms/smsaero/ask").status_code == 403
    assert clerk.post("/settings/providers/sms/smsaero/retry").status_code == 403


def test_a_provider_that_is_asked_answers_and_it_is_noted(tmp_path: Path) -> None:
    with ScriptedSmtp({}) as server, open_house(tmp_path, **mail_at(server.port)) as house:
        boss = house.visit()
        assert "Отвечает." in words_of(boss.post("/settings/providers/email/smtp/ask"))
        assert boss.post("/settings/providers/email/other/ask").status_code == 404
        assert boss.post("/settings/providers/pigeon/smtp/ask").status_code == 404
        with house.engine.ledger.read() as tx:
            [act] = trail.of(tx, "provider:email.smtp")
        assert (act.actor, act.action, act.details) == (
            "administrator",
            "provider.ask",
            {"ok": True},
        )
    assert server.letters == []


def test_a_provider_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    with open_house(tmp_path, **mail_at(closed_port())) as house:
        answer = words_of(house.visit().post("/settings/providers/email/smtp/ask"))
        assert "Не работает:" in answer


def test_a_provider_out_of_order_is_used_again_by_hand(tmp_path: Path) -> None:
    with open_house(tmp_path, **mail_at(closed_port())) as house:
        now, key = house.engine.clock.now(), (ChannelName.EMAIL, "smtp")
        with house.engine.ledger.write() as tx:
            circuits.open_(tx, key, "unreachable", now, now + timedelta(minutes=5))
        boss = house.visit()
        assert "не работает" in words_of(boss.get("/settings"))
        assert "снова" in words_of(boss.post("/settings/providers/email/smtp/retry"))
        assert "не работает" not in words_of(boss.get("/settings"))
        with house.engine.ledger.read() as tx:
            assert circuits.standing(tx) == {}


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_settings_can_be_read_by_everybody(
    browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    with (
        open_house(tmp_path, smtp_host="mail.example.com", mail_from="a@b.ru") as house,
        window(browser, house, size=size) as page,
    ):
        page.goto("/settings")
        assert faults_of(page) == []
        assert overflow_of(page) == 0
