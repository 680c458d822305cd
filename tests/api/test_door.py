"""Who comes in by a key, and what is told to who does not."""

from datetime import timedelta

import pytest

from dispatcher.access import keys
from dispatcher.access.keys import Scope
from dispatcher.api.pace import Pace
from dispatcher.ledger import api_keys
from tests.api.caller import System, Town, customer, kind_of

SHUT = (401, "no-key")


def ask(town: Town, token: str) -> tuple[int, str]:
    answer = System(town.server.url, token).get("/campaigns")
    return answer.status_code, kind_of(answer) if not answer.ok else ""


def test_only_a_good_key_comes_in(town: Town) -> None:
    engine = town.rehearsal.engine
    token = keys.make(engine, "billing", [Scope.CAMPAIGNS], "chief", timedelta(days=1))
    assert ask(town, token) == (200, "")
    assert ask(town, token[:-1] + ("A" if token[-1] != "A" else "B")) == SHUT
    assert ask(town, "made up") == SHUT
    with engine.ledger.read() as tx:
        [stored] = api_keys.everything(tx)
    assert token.rpartition("_")[2] not in repr(stored)
    assert stored.used_at is not None
    town.rehearsal.clock.move_to(town.rehearsal.clock.now() + timedelta(days=1))
    assert ask(town, token) == SHUT


def test_a_revoked_key_is_shut_out_at_once(town: Town) -> None:
    engine = town.rehearsal.engine
    token = keys.make(engine, "billing", [Scope.CAMPAIGNS], "chief", None)
    assert ask(town, token) == (200, "")
    assert keys.revoke(engine, 1, "chief")
    assert ask(town, token) == SHUT
    assert not keys.revoke(engine, 1, "chief")


def test_a_session_of_the_staff_is_no_key(town: Town) -> None:
    answer = System(town.server.url, "").session.get(
        f"{town.server.url}/api/v1/campaigns", cookies={"session": "anything"}, timeout=30
    )
    assert (answer.status_code, kind_of(answer)) == SHUT
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_answer_names_its_request(town: Town) -> None:
    system = town.system(Scope.CAMPAIGNS)
    named = system.get("/campaigns", headers={"X-Request-Id": "billing-17"})
    assert named.headers["X-Request-Id"] == "billing-17"
    answer = system.get("/nothing", headers={"X-Request-Id": "no good name\u00a0"})
    assert answer.status_code == 404
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] != "no good name\u00a0"


def test_a_body_that_is_too_large_or_no_json_is_refused(town: Town) -> None:
    system = town.system(Scope.SEND)
    large = system.ask(
        "POST", "/messages", data=b" " * 70_000, headers={"Content-Type": "application/json"}
    )
    assert (large.status_code, kind_of(large)) == (413, "too-large")
    chunks = system.ask(
        "POST",
        "/messages",
        data=(b" " * 10_000 for _one in range(8)),
        headers={"Content-Type": "application/json"},
    )
    assert (chunks.status_code, kind_of(chunks)) == (413, "too-large")
    broken = system.ask(
        "POST", "/messages", data=b"{", headers={"Content-Type": "application/json"}
    )
    assert (broken.status_code, kind_of(broken)) == (400, "malformed")


def test_what_sends_needs_a_name_for_the_request(town: Town) -> None:
    answer = town.system(Scope.SEND).post(
        "/messages", {"scenario": "trial", "customer": customer()}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_who_asks_too_much_is_told_when_to_come_again() -> None:
    now = [100.0]
    pace = Pace(per_second=2, at_once=3, clock=lambda: now[0])
    assert [pace.wait_seconds(1) for _one in range(4)] == [0, 0, 0, 1]
    assert pace.wait_seconds(2) == 0
    now[0] += 0.5
    assert [pace.wait_seconds(1), pace.wait_seconds(1)] == [0, 1]


@pytest.mark.parametrize("path", ["/openapi.json"])
def test_what_is_public_is_the_document_alone(town: Town, path: str) -> None:
    system = System(town.server.url, "none")
    assert system.get(path).status_code == 200
    for route, operations in system.get("/openapi.json").json()["paths"].items():
        for method in operations:
            answer = system.ask(method.upper(), route.replace("{", "").replace("}", ""))
            assert (answer.status_code, kind_of(answer)) == SHUT
