"""What the launch screen asks of the ledger, on both databases."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from dispatcher.ledger import (
    Ledger,
    audiences,
    campaigns,
    jobs,
    launch_requests,
    planned,
    trial_sends,
)
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.launch_requests import RequestStatus, Wish
from tests.ledger.making import ACTOR, NOW, PHONE, campaign_of, due_rows, person


def test_a_request_is_found_by_its_rehearsal_and_decided_once(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person("1", "+79160000001")])
        job = jobs.ask(tx, "rehearse", {}, ACTOR, NOW)
        wish = Wish(campaign.scenario_id, campaign.audience_id, 1, 1, None, NOW, False)
        number = launch_requests.add(tx, wish, job, RequestStatus.WAITING, ACTOR, NOW)
        found = launch_requests.of_rehearsal(tx, job)
        assert found == launch_requests.hold(tx, number)
        assert found is not None
        assert found.wish == wish
        assert launch_requests.waiting(tx) == [found]
        assert launch_requests.decide(tx, number, RequestStatus.APPROVED, "b", NOW)
        assert not launch_requests.decide(tx, number, RequestStatus.REFUSED, "c", NOW)
        assert launch_requests.waiting(tx) == []


def test_deliveries_that_are_due_within_a_quarter_of_an_hour_are_due_alike(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 3)
    with ledger.read() as tx:
        [found] = planned.due_alike(tx, campaign.id)
        assert (found.channel, found.due_at, found.deliveries) == (PHONE, NOW, 3)
        assert planned.came_of(tx, 50) == []


def test_the_eleventh_test_message_of_an_hour_is_refused(ledger: Ledger) -> None:
    since = NOW - timedelta(hours=1)
    with ledger.write() as tx:
        told = [trial_sends.note(tx, 1, "a", NOW, since, 10) for _time in range(11)]
    assert told == [True] * 10 + [False]


def test_who_tells_a_list_something_is_known_from_the_draft_on_to_the_end(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person("1", "+79160000001")], running=False)
        told = (campaign.scenario_name, campaign.audience_id)
        assert campaigns.telling(tx, *told) == [campaign.id]
        campaigns.change(tx, campaign, CampaignStatus.CANCELLED, ACTOR, NOW)
        assert campaigns.telling(tx, *told) == []
        wish = Wish(campaign.scenario_id, campaign.audience_id, 1, 1, None, NOW, False)
        asked = jobs.ask(tx, "rehearse", {}, ACTOR, NOW)
        number = launch_requests.add(tx, wish, asked, RequestStatus.APPROVED, ACTOR, NOW)
        assert not launch_requests.being_launched(tx, *told)
        launch_requests.keep_job(tx, number, jobs.ask(tx, "launch", {}, ACTOR, NOW))
        assert launch_requests.being_launched(tx, *told)
        assert not launch_requests.being_launched(tx, *told, but=number)
        assert not launch_requests.being_launched(tx, "another", campaign.audience_id)
        launch_requests.keep_campaign(tx, number, campaign.id)
        assert not launch_requests.being_launched(tx, *told)


def test_of_two_who_decide_about_one_list_the_second_waits(ledger: Ledger) -> None:
    with ledger.write() as tx:
        number = campaign_of(tx, [person("1", "+79160000001")]).audience_id
    order = list[str]()
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with ledger.write() as tx:
            audiences.hold(tx, number)
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with ledger.write() as tx:
        audiences.hold(tx, number)
        inside.set()
        thread.join(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_launch_that_gets_its_draft_while_another_is_decided_about_is_seen(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(postgres_url)
    with ledger.write() as tx:
        former = campaign_of(tx, [person("1", "+79160000001")], running=False)
        campaigns.change(tx, former, CampaignStatus.CANCELLED, ACTOR, NOW)
        wish = Wish(former.scenario_id, former.audience_id, 1, 1, None, NOW, False)
        asked = jobs.ask(tx, "rehearse", {}, ACTOR, NOW)
        number = launch_requests.add(tx, wish, asked, RequestStatus.APPROVED, ACTOR, NOW)
        launch_requests.keep_job(tx, number, jobs.ask(tx, "launch", {}, ACTOR, NOW))
    told = (former.scenario_name, former.audience_id)

    def get_a_draft() -> None:
        with ledger.write() as tx:
            launch_requests.hold(tx, number)
            draft = campaigns.create(
                tx,
                scenario_id=former.scenario_id,
                audience_id=former.audience_id,
                zone=former.zone,
                start_at=NOW,
                end_at=NOW + timedelta(days=1),
                actor=ACTOR,
                now=NOW,
            )
            launch_requests.keep_campaign(tx, number, draft.id)

    telling = campaigns.telling

    def telling_a_little_earlier(*asked: Any) -> Sequence[int]:
        answer = telling(*asked)
        other = threading.Thread(target=get_a_draft)
        other.start()
        other.join()
        return answer

    monkeypatch.setattr(campaigns, "telling", telling_a_little_earlier)
    with ledger.write() as tx:
        audiences.hold(tx, former.audience_id)
        assert launch_requests.told_already(tx, *told)
    ledger.close()
