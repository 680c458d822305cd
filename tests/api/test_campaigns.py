"""Campaigns that another system asks for, and what it reads of them."""

from typing import Any

import pytest

from campaigns.channel import ChannelName
from dispatcher import approving
from dispatcher.access.keys import Scope
from dispatcher.access.roles import Person, Role
from dispatcher.jobs import JobRunner
from dispatcher.ledger import campaigns, launch_requests, trail
from dispatcher.ledger import jobs as asked
from dispatcher.ledger.launch_requests import LaunchRequest
from dispatcher.web import jobs
from tests.api.caller import System, Town, customer, kind_of, pointers
from tests.flow.rehearsing import DAY

CHIEF = Person(7, "chief", "Chief", Role.APPROVER, "ru")
PEOPLE = [customer(f"7000185000{n}", phones=[f"+7916123450{n}"], emails=[]) for n in range(5)]
CSV = (
    "Лицевой счёт;ФИО;Телефон;Долг на 01.12\r\n"
    "70001850005;Иванова Анна Петровна;+79161234567;2547,30\r\n"
    "70001850013;Петров Пётр Петрович;+79161234568;не знаю\r\n"
).encode("cp1251")


def test_a_list_becomes_a_campaign_that_can_be_read(either_town: Town) -> None:
    either_town.store()
    system = either_town.system()
    body = {"scenario": "trial", "customers": PEOPLE}
    accepted = system.post("/campaigns", body, idempotency_key="list-1")
    assert accepted.status_code == 202, accepted.text
    again = system.post("/campaigns", body, idempotency_key="list-1")
    assert again.json() == accepted.json()
    either_town.do_jobs()
    launch = system.get(f"/launches/{accepted.json()['id']}").json()
    assert (launch["state"], launch["recipients"]) == ("launched", 5)
    either_town.rehearsal.run(2 * DAY)
    campaign_id = launch["campaign_id"]
    told = system.get(f"/campaigns/{campaign_id}").json()
    assert {(f["channel"], f["status"]): f["deliveries"] for f in told["figures"]} == {
        ("sms", "positive"): 5,
        ("email", "skipped"): 5,
    }
    seen, place = [], ""
    while True:
        page = system.get(f"/campaigns/{campaign_id}/attempts?limit=2{place}").json()
        seen += [item["account"] for item in page["items"]]
        if page["next"] is None:
            break
        place = f"&cursor={page['next']}"
    assert sorted(seen) == [person["account"] for person in PEOPLE]
    with either_town.rehearsal.ledger.read() as tx:
        acts = [act.action for act in trail.of(tx, f"campaign:{campaign_id}")]
    assert acts.count("export.attempts") == 1


def test_a_launch_that_dies_half_way_is_whole_afterwards(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.store()
    system = town.system()
    accepted = system.post(
        "/campaigns", {"scenario": "trial", "customers": PEOPLE}, idempotency_key="list-1"
    )
    [(kind, doer)] = [one for one in jobs.DOERS.items() if one[0] == "api.launch"]
    with town.rehearsal.ledger.read() as tx:
        [job] = asked.lately(tx, kind, 1)
    # Done, and dead before it was written down: the next one does it again.
    doer(town.rehearsal.engine, job, lambda _done, _total=None: None)  # type: ignore[arg-type]
    JobRunner(town.rehearsal.engine, jobs.DOERS).do_next()
    assert system.get(f"/launches/{accepted.json()['id']}").json()["state"] == "launched"
    with town.rehearsal.ledger.read() as tx:
        assert len(campaigns.everything(tx)) == 1


def test_a_file_of_the_billing_system_is_taken_and_its_bad_rows_are_told(
    either_town: Town,
) -> None:
    either_town.store()
    system = either_town.system()
    sent = system.ask("POST", "/uploads", data=CSV, headers={"Content-Type": "text/csv"})
    assert (sent.status_code, sent.json()["size"]) == (201, len(CSV))
    body = {
        "scenario": "trial",
        "upload_id": sent.json()["id"],
        "columns": {"Долг на 01.12": "debt_kopecks"},
    }
    accepted = system.post("/campaigns", body, idempotency_key="file-1").json()
    either_town.do_jobs()
    launch = system.get(f"/launches/{accepted['id']}").json()
    assert (launch["state"], launch["recipients"], launch["rows_refused"]) == ("launched", 1, 1)
    [error] = launch["row_errors"]
    assert (error["row"], error["column"], error["fatal"]) == (3, "Долг на 01.12", True)
    assert "не знаю" not in str(error)


def test_a_file_without_what_the_scenario_needs_is_told_and_the_list_stays(town: Town) -> None:
    town.store()
    system = town.system()
    sent = system.ask("POST", "/uploads", data=CSV, headers={"Content-Type": "text/csv"}).json()
    body = {"scenario": "trial", "upload_id": sent["id"], "columns": {"Долг на 01.12": "-"}}
    accepted = system.post("/campaigns", body, idempotency_key="file-1").json()
    town.do_jobs()
    launch = system.get(f"/launches/{accepted['id']}").json()
    assert launch["state"] == "failed"
    assert "debt_kopecks" in launch["detail"]


@pytest.mark.parametrize("as_file", [False, True])
def test_a_large_launch_waits_for_staff_and_is_launched_when_they_agree(
    town: Town, as_file: bool
) -> None:
    system, launch_id = ask_large(town, as_file=as_file)
    for _time in range(2):
        town.do_jobs()
        told = system.get(f"/launches/{launch_id}").json()
        assert (told["state"], told["campaign_id"]) == ("waits_for_approval", None)
    request = waiting_request(town)
    assert (request.asked_by, request.wish.recipients) == ("api:billing", told["recipients"])
    with town.rehearsal.ledger.read() as tx:
        assert campaigns.everything(tx) == []  # of the rehearsal nothing is left
        assert approving.outlook_of(asked.get(tx, request.seen_id or 0)).planned
    approving.approve(town.rehearsal.engine, request.id, CHIEF, request.seen_id or 0)
    assert system.get(f"/launches/{launch_id}").json()["state"] == "waiting"
    town.do_jobs()
    told = system.get(f"/launches/{launch_id}").json()
    with town.rehearsal.ledger.read() as tx:
        [campaign] = campaigns.everything(tx)
    assert (told["state"], told["campaign_id"]) == ("launched", campaign.id)
    town.rehearsal.run(2 * DAY)
    assert town.received(ChannelName.SMS) == told["recipients"]


def test_a_large_launch_that_staff_refuse_says_so_and_why(town: Town) -> None:
    system, launch_id = ask_large(town)
    town.do_jobs()
    approving.refuse(town.rehearsal.engine, waiting_request(town).id, CHIEF, "Сумма неверна.")
    for _time in range(2):
        told = system.get(f"/launches/{launch_id}").json()
        assert (told["state"], told["detail"]) == ("refused", "Сумма неверна.")
        town.rehearsal.run(30 * DAY)
    assert town.received(ChannelName.SMS) == 0


def test_a_large_launch_whose_doer_dies_is_one_request(town: Town) -> None:
    """Before it is written down that the job is over, and in the middle of the rehearsal."""
    system, launch_id = ask_large(town)
    engine = town.rehearsal.engine

    def die(_done: int, _total: int | None = None) -> None:
        raise RuntimeError("the process dies here")

    with engine.ledger.write() as tx:
        job = asked.take(tx, ["api.launch"], "first", engine.clock.now(), engine.clock.now())
    assert job is not None
    with pytest.raises(RuntimeError):
        jobs.DOERS["api.launch"](engine, job, die)  # type: ignore[arg-type]
    with engine.ledger.read() as tx:
        job = asked.get(tx, launch_id)
    jobs.DOERS["api.launch"](engine, job, lambda _done, _total=None: None)  # type: ignore[arg-type]
    with engine.ledger.write() as tx:
        asked.give_back(tx, job)
    town.do_jobs()
    assert waiting_request(town).asked_by == "api:billing"
    assert system.get(f"/launches/{launch_id}").json()["state"] == "waits_for_approval"


def test_a_large_launch_that_cannot_be_is_told_as_failed(town: Town) -> None:
    """Nobody is bothered with it."""
    system, launch_id = ask_large(town, phones=[])
    town.do_jobs()
    told = system.get(f"/launches/{launch_id}").json()
    assert told["state"] == "failed"
    assert "никто не будет" in told["detail"]
    assert town.rehearsal.count("launch_requests") == 0


def ask_large(town: Town, *, as_file: bool = False, **changes: Any) -> tuple[System, int]:
    """A launch above the size from which a second person approves, and its number."""
    town.store()
    engine = town.rehearsal.engine
    engine.settings = engine.settings.model_copy(update={"approval_above": 0})
    system = town.system()
    body: dict[str, Any] = {"scenario": "trial"}
    if as_file:
        sent = system.ask("POST", "/uploads", data=CSV, headers={"Content-Type": "text/csv"})
        body |= {"upload_id": sent.json()["id"], "columns": {"Долг на 01.12": "debt_kopecks"}}
    else:
        body["customers"] = [person | changes for person in PEOPLE]
    answer = system.post("/campaigns", body, idempotency_key="list-1")
    assert answer.status_code == 202
    assert answer.json()["state"] == ("waiting" if as_file else "waits_for_approval")
    return system, answer.json()["id"]


def waiting_request(town: Town) -> LaunchRequest:
    with town.rehearsal.ledger.read() as tx:
        [request] = launch_requests.waiting(tx)
    return request


def test_a_list_is_taken_whole_or_not_at_all(town: Town) -> None:
    town.store()
    wrong = [*PEOPLE, PEOPLE[0], customer("70001850099", phones=["12"])]
    body = {"scenario": "trial", "customers": wrong}
    answer = town.system().post("/campaigns", body, idempotency_key="list-1")
    assert pointers(answer) == {"#/customers/5/account", "#/customers/6/phones/0"}
    assert town.rehearsal.count("audiences") == 0


def test_who_has_paid_is_told_no_more(town: Town) -> None:
    town.store()
    system = town.system()
    body = {"scenario": "trial", "customers": PEOPLE}
    accepted = system.post("/campaigns", body, idempotency_key="list-1").json()
    town.do_jobs()
    path = f"/campaigns/{accepted['campaign_id']}/settlements"
    paid = {"accounts": ["70001850000", "unknown"]}
    assert system.post(path, paid).json() == {"deliveries": 1, "unknown": 1}
    assert system.post(path, paid).json() == {"deliveries": 0, "unknown": 1}
    answer = town.system(Scope.SEND).post(path, paid)
    assert (answer.status_code, kind_of(answer)) == (403, "not-allowed")


def test_an_entry_of_the_stop_list_is_put_read_and_lifted(town: Town) -> None:
    system = town.system(Scope.STOP_LIST)
    body = {"contact_point": "8 (916) 123-45-67", "channel": "sms"}
    entry = system.post("/stop-list", body).json()
    assert (entry["contact_point"], entry["removed_at"]) == ("+79161234567", None)
    assert system.post("/stop-list", body).json() == entry
    for _time in range(2):
        assert system.ask("DELETE", f"/stop-list/{entry['id']}").status_code == 204
    assert system.get(f"/stop-list/{entry['id']}").json()["removed_at"] is not None
    assert system.post("/stop-list", body).json()["id"] != entry["id"]


def test_campaigns_are_leafed_through_and_a_foreign_cursor_is_refused(town: Town) -> None:
    town.store()
    system = town.system()
    for _day in range(3):
        system.send()
        town.rehearsal.run(DAY)
    first = system.get("/campaigns?limit=2").json()
    rest = system.get(f"/campaigns?limit=2&cursor={first['next']}").json()
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]
    campaign_id = first["items"][0]["id"]
    answer = system.get(f"/campaigns/{campaign_id}/attempts?cursor={first['next']}")
    assert (answer.status_code, kind_of(answer)) == (422, "invalid")
