"""Much at once: the staff's pages answer all the same, and whoever must wait is told so in time."""

import threading
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from campaigns.channel import ChannelName
from dispatcher import compose, feeding
from dispatcher.access.keys import Scope
from dispatcher.api import payloads, repeating, seats
from dispatcher.ledger import scenarios, standing
from tests.api.caller import Town, customer, kind_of
from tests.flow.rehearsing import scenario_text

SYSTEMS = 40


def test_the_words_of_a_message_are_made_while_nobody_waits_for_it(
    either_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes them holds neither the day's campaign nor, on SQLite, the right to write."""
    town, ledger = either_town, either_town.rehearsal.ledger
    town.store(scenario_text("sms"))
    made: list[ChannelName] = []
    really_made = compose.content_of

    def slowly(*given: Any) -> Any:
        with ledger.write() as tx:
            tx.exec_driver_sql(
                "PRAGMA user_version" if ledger.is_sqlite else "SET LOCAL lock_timeout = '2s'"
            )
            standing.one_at_a_time(tx, scenarios.find(tx, "trial").id)
        made.append(given[2])
        return really_made(*given)

    monkeypatch.setattr(feeding, "content_of", slowly)
    answer = town.system(Scope.SEND).send()
    assert (answer.status_code, made) == (202, [ChannelName.SMS]), answer.text


def test_messages_that_wait_for_each_other_leave_the_pages_to_the_staff(
    postgres_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody holds up the day's campaign: forty messages wait for it, and nobody else does."""
    monkeypatch.setattr(seats, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(repeating, "PATIENCE_SECONDS", 2.0)
    town = postgres_town
    town.store(scenario_text("sms"))
    system = town.system(Scope.SEND)

    def send(number: int) -> requests.Response:
        body = {"scenario": "trial", "customer": customer(f"7000185{number:04}")}
        return requests.post(
            f"{system.url}/api/v1/messages",
            json=body,
            headers={"Authorization": f"Bearer {system.key}", "Idempotency-Key": f"one-{number}"},
            timeout=60,
        )

    with ThreadPoolExecutor(SYSTEMS) as pool:
        with town.rehearsal.ledger.write() as tx:
            standing.one_at_a_time(tx, scenarios.find(tx, "trial").id)
            sent = [pool.submit(send, number) for number in range(SYSTEMS)]
            until(lambda: waiting(town) > 0)
            began = time.monotonic()
            for _time in range(5):
                assert requests.get(f"{town.server.url}/ready", timeout=10).status_code == 200
                assert requests.get(f"{town.server.url}/login", timeout=10).status_code == 200
            assert time.monotonic() - began < 5
            answers = [one.result() for one in sent]
        assert time.monotonic() - began < 15
        assert {answer.status_code for answer in answers} == {503}
        assert {kind_of(answer) for answer in answers} <= {"busy", "away"}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
        again = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in again} == {202}
    assert town.rehearsal.count("recipients") == 8


def test_while_a_body_is_looked_at_the_pages_are_answered(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of ten thousand takes seconds: it is read beside the pages, and not before them."""
    reading, answered = threading.Event(), threading.Event()
    in_time: list[bool] = []

    class Slow:
        @staticmethod
        def category(character: str) -> str:
            reading.set()
            in_time.append(answered.wait(10))
            return unicodedata.category(character)

    monkeypatch.setattr(payloads, "unicodedata", Slow)
    system = town.system(Scope.SEND)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(system.send, scenario="none", customer=customer(name="Ан\u00adна"))
        assert reading.wait(20)
        assert requests.get(f"{town.server.url}/health", timeout=20).status_code == 200
        answered.set()
        assert sent.result().status_code == 422
    assert set(in_time) == {True}


def test_of_a_list_that_is_all_wrong_the_first_wrong_values_are_told(town: Town) -> None:
    """And no more is looked at than that takes."""
    town.store()
    system = town.system(Scope.LAUNCH)
    people = [customer(f"{n:011}", phones=7, nothing={"of": "ours"}) for n in range(5_000)]
    people[:150] = [customer(f"{n:011}") for n in range(150)]
    body = {"scenario": "trial", "customers": people}
    answer = system.post("/campaigns", body, idempotency_key="list-1")
    assert (answer.status_code, kind_of(answer)) == (422, "invalid")
    told = answer.json()["errors"]
    assert len(told) == 100
    assert [(one["pointer"], one["code"]) for one in told[:2]] == [
        ("#/customers/150/phones", "list_type"),
        ("#/customers/150/nothing", "extra_forbidden"),
    ]


@pytest.mark.parametrize(("count", "code"), [(0, "too_short"), (10_001, "too_long")])
def test_a_list_has_its_size(town: Town, count: int, code: str) -> None:
    body = {"scenario": "trial", "customers": [customer()] * count}
    answer = town.system(Scope.LAUNCH).post("/campaigns", body, idempotency_key="list-1")
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("#/customers", code)
    ]


def until(happens: Callable[[], bool]) -> None:
    pause, deadline = threading.Event(), time.monotonic() + 20
    while not happens():
        assert time.monotonic() < deadline
        pause.wait(0.01)


def waiting(town: Town) -> int:
    with town.rehearsal.ledger.read() as tx:
        return int(
            tx.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).scalar_one()
        )
