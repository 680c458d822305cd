"""One message to one customer: exactly once, by all the rules, and seen in the books."""

import re
import threading
from datetime import timedelta

import pytest
import requests

from campaigns.channel import ChannelName
from dispatcher import audit, campaigning
from dispatcher.access.keys import Scope
from dispatcher.ledger import audiences, campaigns, idempotency
from tests.api.caller import ACCOUNT, PHONE_NUMBER, Town, customer, kind_of, pointers
from tests.flow.rehearsing import DAY, scenario_text

SMS, EMAIL = ChannelName.SMS, ChannelName.EMAIL
SHORTLY = timedelta(seconds=5)


def test_a_message_reaches_the_customer_and_tells_so(either_town: Town) -> None:
    either_town.store()
    system = either_town.system(Scope.SEND)
    accepted = system.send()
    assert accepted.status_code == 202, accepted.text
    assert accepted.json()["state"] == "in_progress"
    either_town.rehearsal.run(SHORTLY)
    assert (either_town.received(SMS), either_town.received(EMAIL)) == (1, 1)
    either_town.rehearsal.run(2 * DAY)
    told = system.get(f"/messages/{accepted.json()['id']}").json()
    assert told["state"] == "reached"
    assert {c["channel"]: c["status"] for c in told["channels"]} == {
        "sms": "positive",
        "email": "positive",
    }


def test_the_same_request_again_is_one_message_and_the_same_answer(either_town: Town) -> None:
    either_town.store()
    system = either_town.system(Scope.SEND)
    body = {"scenario": "trial", "customer": customer()}
    first = system.post("/messages", body, idempotency_key="payment-1")
    either_town.rehearsal.run(SHORTLY)
    again = system.post("/messages", body, idempotency_key="payment-1")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    either_town.rehearsal.run(SHORTLY)
    assert either_town.received(SMS) == 1


def test_ten_at_once_under_one_key_are_one_message(either_town: Town) -> None:
    either_town.store()
    system = either_town.system(Scope.SEND)
    body = {"scenario": "trial", "customer": customer()}
    answers: list[requests.Response] = []

    def send() -> None:
        answers.append(system.post("/messages", body, idempotency_key="payment-1"))

    threads = [threading.Thread(target=send) for _one in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = {a.json()["id"] for a in answers if a.status_code == 202}
    assert len(accepted) == 1
    for late in (a for a in answers if a.status_code != 202):
        assert (kind_of(late), late.headers["Retry-After"]) == ("under-way", "1")
    either_town.rehearsal.run(SHORTLY)
    assert either_town.received(SMS) == 1


def test_a_request_that_another_one_carries_out_is_told_to_come_again(
    postgres_town: Town,
) -> None:
    """On SQLite, which has one writer, whoever comes second waits and finds it done."""
    postgres_town.store()
    system = postgres_town.system(Scope.SEND)
    with postgres_town.rehearsal.ledger.write() as tx:
        assert idempotency.hold(tx, 1, "payment-1")
        body = {"scenario": "trial", "customer": customer()}
        answer = system.post("/messages", body, idempotency_key="payment-1")
        assert (answer.status_code, kind_of(answer)) == (409, "under-way")
    assert system.post("/messages", body, idempotency_key="payment-1").status_code == 202


def test_a_key_that_named_another_request_is_refused(town: Town) -> None:
    town.store()
    system = town.system(Scope.SEND)
    body = {"scenario": "trial", "customer": customer()}
    assert system.post("/messages", body, idempotency_key="one").status_code == 202
    other = {"scenario": "trial", "customer": customer("70001850013")}
    answer = system.post("/messages", other, idempotency_key="one")
    assert (answer.status_code, kind_of(answer)) == (422, "key-used-before")
    # Of another system it is another name.
    other_system = town.system(Scope.SEND, name="crm")
    assert other_system.post("/messages", other, idempotency_key="one").status_code == 202


def test_whoever_dies_before_the_end_has_done_nothing(
    either_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    either_town.store()
    system = either_town.system(Scope.SEND)
    body = {"scenario": "trial", "customer": customer()}

    def die(*_given: object) -> None:
        raise RuntimeError("the process dies here")

    with monkeypatch.context() as dying:
        dying.setattr(idempotency, "remember", die)
        answer = system.post("/messages", body, idempotency_key="payment-1")
        assert (answer.status_code, kind_of(answer)) == (500, "broken")
        assert "dies here" not in answer.text
    either_town.rehearsal.run(SHORTLY)
    assert either_town.received(SMS) == 0
    assert system.post("/messages", body, idempotency_key="payment-1").status_code == 202
    either_town.rehearsal.run(SHORTLY)
    assert either_town.received(SMS) == 1


def test_thousands_of_messages_are_one_campaign_of_the_day(either_town: Town) -> None:
    """Who is told twice stands in the second campaign of the day; the books hold for each."""
    either_town.store()
    system = either_town.system(Scope.SEND)
    for number in range(5):
        assert system.send(customer=customer(f"7000185000{number}")).status_code == 202
        either_town.rehearsal.run(SHORTLY)
    assert system.send(customer=customer("70001850000")).status_code == 202
    either_town.rehearsal.run(16 * DAY)
    with either_town.rehearsal.ledger.read() as tx:
        found = campaigns.everything(tx)
        assert [audiences.get(tx, c.audience_id).recipients for c in found] == [5, 1]
        assert {c.status.value for c in found} == {"completed"}
        rules, now = either_town.rehearsal.engine.rules(tx), either_town.rehearsal.clock.now()
        for campaign in found:
            result = audit.examine(tx, campaign.id, rules, now)
            assert result.passed, [c for c in result.checks if not c.passed]


def test_lists_that_other_systems_fill_are_named_for_a_clerk(town: Town) -> None:
    """By what is told, and by when; two scenarios of one title are told apart."""
    first = scenario_text("sms").replace('"Trial"', '"Напоминание о долге"')
    paid = first.replace("Напоминание о долге", "Оплата прошла")
    for text in (first, paid):
        town.store(text)
        town.store(text.replace('"trial"', '"other"'))
    system = town.system()
    for scenario in ("trial", "trial", "other"):
        assert system.send(scenario=scenario).status_code == 202
    body = {"scenario": "trial", "customers": [customer()]}
    assert system.post("/campaigns", body, idempotency_key="list-1").status_code == 202
    with town.rehearsal.ledger.read() as tx:
        names = [audience.name for audience in audiences.all_ready(tx)]
    assert names[:2] == [
        "Оплата прошла (версия 2): сообщения от других систем, 7 сентября 2026",
        "Оплата прошла (версия 2): сообщения от других систем, 7 сентября 2026, часть 2",
    ]
    assert names[2] == names[0] + " (other)"
    assert re.fullmatch(
        r"Оплата прошла: список от системы «billing», 7 сентября 2026, 10:00 \([0-9a-f]{6}\)",
        names[3],
    )


def test_the_next_day_has_a_campaign_of_its_own(town: Town) -> None:
    town.store()
    system = town.system(Scope.SEND)
    first = system.send().json()
    town.rehearsal.run(DAY)
    second = system.send().json()
    assert first["campaign_id"] != second["campaign_id"]


def test_only_the_channels_that_were_asked_for_are_used(town: Town) -> None:
    town.store()
    answer = town.system(Scope.SEND).send(channels=["email"])
    told = {c["channel"]: (c["status"], c["reason"]) for c in answer.json()["channels"]}
    assert told == {"email": ("pending", ""), "sms": ("skipped", "not_asked")}
    town.rehearsal.run(SHORTLY)
    assert (town.received(SMS), town.received(EMAIL)) == (0, 1)


def test_who_is_on_the_stop_list_is_not_told_and_the_sender_hears_why(town: Town) -> None:
    town.store()
    system = town.system(Scope.SEND, Scope.STOP_LIST)
    assert system.post("/stop-list", {"account": ACCOUNT}).status_code == 200
    answer = system.send().json()
    assert answer["state"] == "not_sent"
    assert {c["reason"] for c in answer["channels"]} == {"suppressed"}
    town.rehearsal.run(SHORTLY)
    assert town.received(SMS) == 0


def test_marketing_without_consent_is_not_sent(town: Town) -> None:
    town.store(scenario_text("sms", purpose="marketing"))
    system = town.system(Scope.SEND)
    assert system.send().json()["channels"][0]["reason"] == "no_consent"
    agreed = customer("70001850013", consents=[{"granted": True, "purpose": "marketing"}])
    assert system.send(customer=agreed).json()["channels"][0]["status"] == "pending"


def test_at_night_an_sms_waits_for_its_hour_and_an_urgent_one_does_not(town: Town) -> None:
    town.store(scenario_text("sms"))
    town.rehearsal.run(timedelta(hours=14))  # past midnight in Moscow
    system = town.system(Scope.SEND)
    assert system.send().json()["channels"][0]["due_at"] == "2026-09-08T07:00:00Z"
    town.store(scenario_text("sms", purpose="emergency", top="urgent = true"))
    system.send()
    town.rehearsal.run(SHORTLY)
    assert town.received(SMS) == 1


def test_a_customer_is_told_the_same_no_more_than_twenty_times_a_day(town: Town) -> None:
    town.store()
    system = town.system(Scope.SEND)
    for _time in range(20):
        assert system.send().status_code == 202
    answer = system.send()
    assert (answer.status_code, kind_of(answer)) == (429, "too-often")


def test_when_staff_cancel_the_day_no_more_is_taken(town: Town) -> None:
    town.store()
    system = town.system(Scope.SEND)
    campaign_id = system.send().json()["campaign_id"]
    campaigning.cancel(town.rehearsal.engine, campaign_id, "chief")
    answer = system.send(customer=customer("70001850013"))
    assert (answer.status_code, kind_of(answer)) == (409, "not-possible")


def test_what_is_wrong_is_told_by_its_place_and_never_repeated(town: Town) -> None:
    town.store()
    wrong = customer(
        "no digits",
        phones=[PHONE_NUMBER, "12"],
        emails=["anna at home"],
        zone="Mars/Olympus",
        fields={"debt_kopecks": "lots", "paid_on": "yesterday"},
    )
    answer = town.system(Scope.SEND).send(customer=wrong)
    assert (answer.status_code, kind_of(answer)) == (422, "invalid")
    assert pointers(answer) == {
        "#/customer/account",
        "#/customer/phones/1",
        "#/customer/emails/0",
        "#/customer/zone",
        "#/customer/fields/debt_kopecks",
        "#/customer/fields/paid_on",
    }
    for said in ("no digits", "anna at home", "Olympus", "lots", "yesterday"):
        assert said not in answer.text


def test_a_field_that_the_scenario_needs_is_asked_for(town: Town) -> None:
    town.store()
    answer = town.system(Scope.SEND).send(customer=customer(fields={}))
    assert pointers(answer) == {"#/customer/fields/debt_kopecks"}


def test_a_scenario_or_a_channel_that_is_not_there_is_told(town: Town) -> None:
    town.store()
    system = town.system(Scope.SEND)
    assert pointers(system.send(scenario="nothing")) == {"#/scenario"}
    assert pointers(system.send(channels=["phone"])) == {"#/channels"}
