"""A launch with limits of its own: typed, rehearsed, approved, launched, seen on the campaign."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaigns.channel import ChannelName
from campaigns.hourly import Hourly
from dispatcher import approving
from dispatcher.access.roles import Role
from dispatcher.forecast import Bears, Outlook
from dispatcher.ledger import campaign_limits, campaigns, claims, jobs, launch_requests
from tests.web.house import House, open_house, words_of
from tests.web.launched import form, furnish, number_of, people, rehearse

PHONE, SMS = ChannelName.PHONE, ChannelName.SMS


@pytest.fixture(autouse=True)
def no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatcher.launching.find_voice", lambda: None)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, approval_above=5) as house:
        yield house


def outlook(house: House, path: str) -> Outlook:
    with house.engine.ledger.read() as tx:
        return approving.outlook_of(jobs.get(tx, number_of(path)))


def calls_end_at(seen: Outlook) -> datetime:
    [end_at] = [one.finishes_at for one in seen.channels if one.channel is PHONE]
    assert end_at is not None
    return end_at


def test_a_rehearsal_with_a_limit_finishes_later_and_says_what_holds_it_up(house: House) -> None:
    audience = furnish(house, people(60))
    guest = house.visit(Role.EDITOR)
    free = outlook(house, rehearse(house, guest, audience))
    path = rehearse(house, guest, audience, phone_per_hour="2")
    seen = outlook(house, path)
    early, late = calls_end_at(free), calls_end_at(seen)
    assert late - early > timedelta(days=1)
    [bound] = [one for one in seen.bounds if one.channel is PHONE]
    assert (bound.kind, bound.size, bound.per_hour) == (Bears.LIMIT, 2, Hourly(2).pace)
    page = words_of(guest.get(path))
    assert "Предел в час 2 звонка" in page
    assert "Сдерживает собственный предел запуска — 2 звонка в час." in page


def test_what_was_rehearsed_is_asked_for_approved_and_launched_with_the_same_limits(
    house: House,
) -> None:
    audience = furnish(house, people(20))
    guest = house.visit(Role.EDITOR)
    path = rehearse(house, guest, audience, phone_per_hour="1 200", sms_per_hour="90")
    asked = guest.post(f"{path}/launch").url.removeprefix(house.url)
    chief = house.visit(Role.APPROVER)
    assert "1 200 звонков, 90 SMS" in words_of(chief.get(asked))
    with house.engine.ledger.read() as tx:
        request = launch_requests.get(tx, number_of(asked))
    assert request.wish.limits == {PHONE: 1200, SMS: 90}
    chief.post(f"{asked}/approve", {"seen": str(request.seen_id)})
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        [campaign] = campaigns.everything(tx)
        assert campaign_limits.of(tx, campaign.id) == {PHONE: 1200, SMS: 90}
    page = words_of(chief.get(f"/campaigns/{campaign.id}"))
    assert "Предел в час 1 200 звонков, 90 SMS" in page
    assert "звонков в час, не больше: 1 200" in words_of(
        house.visit(Role.ADMINISTRATOR).get("/journal")
    )


def test_a_campaign_whose_hour_is_used_up_says_when_the_next_one_goes(house: House) -> None:
    audience = furnish(house, people(3))
    guest = house.visit(Role.EDITOR)
    path = rehearse(house, guest, audience, phone_per_hour="1")
    guest.post(f"{path}/launch")
    house.do_jobs()
    now = house.engine.clock.now()
    with house.engine.ledger.write() as tx:
        campaigns.start_due(tx, now)
        [campaign] = campaigns.everything(tx)
        allowance = campaign_limits.hold(tx, campaign.id, PHONE, now)
        assert allowance is not None
        allowance.take()
        campaign_limits.write_down(tx, allowance)
        assert PHONE not in {head.channel for head in claims.heads_due(tx, now, [PHONE])}
    page = words_of(guest.get(f"/campaigns/{campaign.id}"))
    assert "Дальше: Телефон не раньше" in page


@pytest.mark.parametrize("typed", ["0", "-5", "много", "1.5", "9" * 12])
def test_what_is_no_number_is_told_at_its_field_and_nothing_typed_is_lost(
    house: House, typed: str
) -> None:
    audience = furnish(house, people(3))
    guest = house.visit(Role.EDITOR)
    asked = form(house, audience, phone_per_hour=typed, sms_per_hour="40")
    answer = guest.post("/launch/rehearsals", asked)
    assert answer.status_code == 422
    assert 'id="phone_per_hour-wrong"' in answer.text
    assert 'id="sms_per_hour-wrong"' not in answer.text
    assert f'value="{typed}"' in answer.text
    assert 'value="40"' in answer.text


def test_a_limit_of_a_channel_that_the_scenario_does_not_use_is_told(house: House) -> None:
    audience = furnish(house, people(3), scenario="satisfaction-survey")
    guest = house.visit(Role.EDITOR)
    asked = form(house, audience, scenario="satisfaction-survey", email_per_hour="5")
    answer = guest.post("/launch/rehearsals", asked)
    assert answer.status_code == 422
    assert "Сценарий не использует этот канал" in answer.text


def test_who_changes_what_was_asked_finds_all_of_it_in_the_form(house: House) -> None:
    audience = furnish(house, people(3))
    guest = house.visit(Role.EDITOR)
    path = rehearse(house, guest, audience, phone_per_hour="300", leave_out_unfit="yes")
    page = guest.get(path).text
    where = page.partition('href="/launch?')[2].partition('"')[0].replace("&amp;", "&")
    again = guest.get(f"/launch?{where}").text
    assert 'name="phone_per_hour" type="text" value="300"' in again
    assert 'name="leave_out_unfit" value="yes" checked' in again
