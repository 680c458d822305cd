"""The pages by which an administrator lets other systems in, and tells them what happens."""

import re

import pytest
from playwright.sync_api import Browser

from dispatcher.access import keys
from dispatcher.access.keys import Scope, key_with
from dispatcher.access.roles import Role
from dispatcher.ledger import webhooks
from dispatcher.ledger.webhooks import Event
from dispatcher.webhooks import keeping
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House, words_of


def test_a_key_is_made_shown_once_and_revoked(house: House) -> None:
    guest = house.visit()
    made = guest.post(
        "/settings/keys/make",
        {"name": "Биллинг", "scope": ["messages:send", "nonsense"], "days": "0"},
    )
    found = re.search(r"dsp_[a-z2-7]{8}_[\w-]{43}", made.text)
    assert found is not None
    key = key_with(house.engine, found[0])
    assert key is not None
    assert (key.name, key.scopes) == ("Биллинг", frozenset({Scope.SEND}))
    assert found[0] not in guest.get("/settings/keys").text
    guest.post(f"/settings/keys/{key.id}/revoke")
    assert key_with(house.engine, found[0]) is None


def test_a_key_for_nothing_is_not_made(house: House) -> None:
    answer = house.visit().post("/settings/keys/make", {"name": "Биллинг"})
    assert answer.status_code == 422
    assert "Отметьте хотя бы одно" in words_of(answer)


def test_a_webhook_is_added_tried_and_ended(house: House) -> None:
    guest = house.visit()
    fields = {"url": "https://billing.example.com/hooks", "event": [Event.CAMPAIGN_PAUSED.value]}
    added = guest.post("/settings/webhooks/add", fields)
    [secret] = re.findall(r"whsec_[\w+/=]{44}", added.text)
    assert secret not in guest.get("/settings/webhooks/1").text
    guest.post("/settings/webhooks/1/test")
    assert "ждёт" in words_of(guest.get("/settings/webhooks/1"))
    guest.post("/settings/webhooks/1/end")
    assert "отключён" in words_of(guest.get("/settings/webhooks"))
    assert guest.post("/settings/webhooks/1/test").status_code == 422


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://billing.example.com/", "https://"),
        ("https://10.1.2.3/", "имя сервера, а не его IP-адрес"),
        ("https://[::1]/", "имя сервера, а не его IP-адрес"),
        ("https://erp/hooks", "только внутри сети"),
        ("https://billing.example.com:22/", "Порт 22"),
    ],
)
def test_an_address_that_will_not_do_is_told_at_its_field(
    house: House, url: str, words: str
) -> None:
    fields = {"url": url, "event": [Event.CAMPAIGN_PAUSED.value]}
    guest = house.visit()
    answer = guest.post("/settings/webhooks/add", fields)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert words in words_of(answer)
    assert url in answer.text
    with house.engine.ledger.read() as tx:
        assert webhooks.everything(tx) == []


def test_a_webhook_for_nothing_is_told_so_and_its_address_is_not_blamed(house: House) -> None:
    guest = house.visit()
    fields = {"url": "https://billing.example.com/hooks"}
    webhook_id, _secret = keeping.add(house.engine, fields["url"], list(Event), "admin")
    for path in ("add", f"{webhook_id}/change"):
        answer = guest.post(f"/settings/webhooks/{path}", fields)
        assert answer.status_code == 422
        assert "Отметьте хотя бы одно событие" in words_of(answer)
        assert "aria-invalid" not in answer.text


@pytest.mark.parametrize("path", ["/settings/keys", "/settings/webhooks", "/settings/webhooks/1"])
def test_only_an_administrator_sees_them(house: House, path: str) -> None:
    assert house.visit(Role.APPROVER).get(path).status_code == 403


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_pages_can_be_read_by_everybody(
    browser: Browser, house: House, size: tuple[int, int]
) -> None:
    keys.make(house.engine, "Биллинг", list(Scope), "admin")
    url = "https://billing.example.com/a-long-way/" + "x" * 100
    keeping.add(house.engine, url, list(Event), "admin")
    keeping.try_out(house.engine, 1, "admin")
    with window(browser, house, size=size) as page:
        for path in ("keys", "webhooks", "webhooks/1", "api"):
            page.goto(f"/settings/{path}")
            for card in page.locator("details.card").all():
                card.evaluate("one => one.open = true")
            assert (path, faults_of(page), overflow_of(page)) == (path, [], 0)
