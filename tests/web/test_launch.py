"""From a scenario and a list to a campaign: rehearsed, asked for, approved, launched once."""

import contextlib
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser
from pydantic import SecretStr
from sqlalchemy import func, select

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.scenario_file import library_path, read_scenario
from dispatcher import approving, campaigning, planner
from dispatcher.access import entering
from dispatcher.access.roles import Person, Role
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import (
    audiences,
    campaigns,
    jobs,
    launch_requests,
    periods,
    reports,
    scenarios,
    standing,
    symptoms,
    trail,
)
from dispatcher.ledger import tables as t
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.launch_requests import LaunchRequest, RequestStatus
from dispatcher.pacing import ProviderLimit
from dispatcher.rehearsal import stand_ins
from dispatcher.settings import Settings
from dispatcher.web.jobs import make_runner
from dispatcher.wiring import make_engine
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import PASSWORD, Guest, House, open_house, words_of
from tests.web.killed import do_one_job
from tests.web.launched import ask, form, furnish, number_of, people, rehearse

SMS = ChannelName.SMS
BIG, SMALL = 8, 4  # a second person is needed above five


@pytest.fixture(autouse=True)
def no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is spoken here: a voice takes its time, and is tested elsewhere."""
    monkeypatch.setattr("dispatcher.launching.find_voice", lambda: None)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    limits = {"phone.twilio": ProviderLimit(at_once=1)}
    with open_house(
        tmp_path, approval_above=5, limits=limits, sms_price_kopecks={"smsaero": 300}
    ) as house:
        yield house


def launched(house: House) -> Sequence[Campaign]:
    with house.engine.ledger.read() as tx:
        return campaigns.everything(tx)


def deliveries(engine: Engine) -> int:
    with engine.ledger.read() as tx:
        return int(tx.execute(select(func.count()).select_from(t.deliveries)).scalar_one())


def request_of(house: House, path: str) -> LaunchRequest:
    with house.engine.ledger.read() as tx:
        return launch_requests.get(tx, number_of(path))


def approver(house: House, login: str) -> Guest:
    """One more person who may approve."""
    invited = entering.invite(house.engine, login, login, Role.APPROVER, "tests")
    guest = house.guest()
    token = entering.accept(house.engine, invited, PASSWORD).token
    guest.csrf = entering.csrf_token(token)
    guest.session.cookies.set("session", token)
    return guest


def decide(house: House, guest: Guest, path: str, how: str, **fields: str) -> int:
    seen = str(request_of(house, path).seen_id)
    return guest.post(f"{path}/{how}", {"seen": seen, **fields}).status_code


def test_a_rehearsal_shows_what_would_happen_and_leaves_nothing_behind(house: House) -> None:
    audience = furnish(house, people(20))
    guest = house.visit(Role.EDITOR)
    page = words_of(guest.get(rehearse(house, guest, audience)))
    assert "Нет номера или адреса" in page  # two of the twenty
    assert "Омск" in page
    assert "Владивосток" in page
    assert "₽" in page
    assert (launched(house), deliveries(house.engine)) == ([], 0)


def test_where_nobody_has_set_what_an_sms_costs_the_cost_of_a_launch_is_told_as_unknown(
    tmp_path: Path,
) -> None:
    with open_house(tmp_path, sms_price_kopecks={}) as house:
        guest = house.visit(Role.EDITOR)
        page = words_of(guest.get(rehearse(house, guest, furnish(house, people(SMALL)))))
    assert "Ожидаемая стоимость SMS Неизвестна" in page
    assert "₽" not in page


def test_a_small_launch_needs_nobody_else_and_the_button_pressed_twice_launches_once(
    house: House,
) -> None:
    guest = house.visit(Role.EDITOR)
    path = rehearse(house, guest, furnish(house, people(SMALL)))
    first, second = (guest.post(f"{path}/launch") for _time in range(2))
    assert first.url == second.url
    house.do_jobs()
    [campaign] = launched(house)
    assert campaign.status is CampaignStatus.SCHEDULED
    assert campaign.created_by == Role.EDITOR.value
    assert f"/campaigns/{campaign.id}" in guest.get(first.url.removeprefix(house.url)).text


def test_a_big_launch_waits_for_a_second_person_who_has_not_asked_for_it(house: House) -> None:
    path = ask(house, furnish(house, people(BIG)), Role.APPROVER)
    house.do_jobs()
    assert launched(house) == []
    with house.engine.ledger.read() as tx:
        assert [one.id for one in launch_requests.waiting(tx)] == [number_of(path)]
    assert decide(house, house.visit(Role.APPROVER), path, "approve") == 422  # one's own
    assert decide(house, house.visit(Role.EDITOR), path, "approve") == 403  # no right
    assert decide(house, house.visit(Role.ADMINISTRATOR), path, "approve", remark="да") == 200
    house.do_jobs()
    [campaign] = launched(house)
    found = request_of(house, path)
    assert (found.status, found.campaign_id) == (RequestStatus.APPROVED, campaign.id)
    assert (found.decided_by, found.remark) == (Role.ADMINISTRATOR.value, "да")
    with house.engine.ledger.read() as tx:
        acts = [(act.actor, act.action) for act in trail.of(tx, found.subject)]
    assert acts == [("approver", "launch.ask"), ("administrator", "launch.approved")]


def test_with_the_setting_at_nought_every_launch_needs_a_second_person(tmp_path: Path) -> None:
    with open_house(tmp_path, approval_above=0) as house:
        path = ask(house, furnish(house, people(1 + 1)))
        assert request_of(house, path).status is RequestStatus.WAITING


def test_what_was_approved_is_launched_though_there_is_a_newer_version_by_then(
    house: House,
) -> None:
    path = ask(house, furnish(house, people(BIG)))
    file = read_scenario(library_path("debt-reminder"))
    newer = replace(file, digest="0" * 64)
    with house.engine.ledger.write() as tx:
        assert scenarios.add(tx, newer, "tests", house.engine.clock.now()).version == 2
    guest = house.visit(Role.APPROVER)
    assert "версия" in words_of(guest.get(path))
    assert decide(house, guest, path, "approve") == 200
    house.do_jobs()
    assert [one.scenario_version for one in launched(house)] == [1]


def test_of_two_who_approve_at_the_same_moment_one_launches(house: House) -> None:
    path = ask(house, furnish(house, people(BIG)))
    guests = [approver(house, login) for login in ("first", "second")]
    start, statuses = threading.Barrier(2), list[int]()

    def approve(guest: Guest) -> None:
        start.wait()
        statuses.append(decide(house, guest, path, "approve"))

    threads = [threading.Thread(target=approve, args=(guest,)) for guest in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.do_jobs()
    assert statuses == [200, 200]
    assert len(launched(house)) == 1


def test_a_refusal_says_why_and_ends_it(house: House) -> None:
    path = ask(house, furnish(house, people(BIG)))
    guest = house.visit(Role.APPROVER)
    assert decide(house, guest, path, "refuse", remark=" ") == 422
    assert decide(house, guest, path, "refuse", remark="Долги уже погашены") == 200
    assert decide(house, guest, path, "approve") == 422
    assert "Долги уже погашены" in words_of(house.visit(Role.EDITOR).get(path))
    house.do_jobs()
    assert launched(house) == []


def test_only_whoever_asked_takes_it_back(house: House) -> None:
    path = ask(house, furnish(house, people(BIG)))
    assert decide(house, house.visit(Role.APPROVER), path, "withdraw") == 422
    assert decide(house, house.visit(Role.EDITOR), path, "withdraw") == 200
    assert decide(house, house.visit(Role.APPROVER), path, "approve") == 422


def test_a_list_that_has_grown_since_is_looked_at_again_before_it_is_approved(
    house: House,
) -> None:
    audience = furnish(house, people(BIG))
    path = ask(house, audience)
    with house.engine.ledger.write() as tx:
        audiences.add_recipients(tx, audience, people(BIG + 3)[BIG:])
        audiences.finish(tx, audience, 3, ["debt_kopecks"], "tests", house.engine.clock.now())
    guest = house.visit(Role.APPROVER)
    before = str(request_of(house, path).seen_id)
    assert decide(house, guest, path, "approve") == 422
    assert guest.post(f"{path}/rehearse").status_code == 200
    house.do_jobs()
    assert guest.post(f"{path}/approve", {"seen": before}).status_code == 422  # an older look
    assert decide(house, guest, path, "approve") == 200
    house.do_jobs()
    assert len(launched(house)) == 1
    assert request_of(house, path).wish.recipients == BIG + 3


def test_approved_after_its_start_it_begins_at_once_and_after_its_end_not_at_all(
    house: House,
) -> None:
    audience = furnish(house, people(BIG))
    guest, now = house.visit(Role.EDITOR), house.engine.clock.now()
    moscow = (now + timedelta(minutes=20)).astimezone(ZoneInfo("Europe/Moscow"))
    soon = f"{moscow:%Y-%m-%dT%H:%M}"
    paths = [
        guest.post(f"{rehearse(house, guest, audience, start=soon)}/launch").url.removeprefix(
            house.url
        )
        for _time in range(2)
    ]
    second = house.visit(Role.APPROVER)
    clock = SimulatedClock(now + timedelta(minutes=40))
    house.engine.clock = clock
    assert decide(house, second, paths[0], "approve") == 200
    house.do_jobs()
    [campaign] = launched(house)
    assert campaign.start_at == clock.now()
    wish = request_of(house, paths[1]).wish
    person = Person(1, "administrator", "", Role.ADMINISTRATOR, "ru")
    clock.move_to(wish.end_at)
    seen = request_of(house, paths[1]).seen_id or 0
    with pytest.raises(NotPossible):
        approving.approve(house.engine, number_of(paths[1]), person, seen)


def test_a_text_that_is_too_long_stops_the_launch_unless_it_is_left_out(house: House) -> None:
    [long, *others] = people(SMALL + 1)[1:]
    audience = furnish(house, [replace(long, name="Имя" * 90), *others])
    file = read_scenario(library_path("debt-reminder"))
    texts = {**file.templates, SMS: {"sms.txt": "{{ name }}, у вас долг."}}
    with house.engine.ledger.write() as tx:
        now = house.engine.clock.now()
        scenarios.add(tx, replace(file, templates=texts, digest="1" * 64), "tests", now)
    guest = house.visit(Role.EDITOR)
    path = rehearse(house, guest, audience)
    page = words_of(guest.get(path))
    assert "1 сообщение не может уйти в таком виде" in page
    assert "(имя 270)" in page
    assert long.account_number in page.replace(" ", "")
    assert guest.post(f"{path}/launch").status_code == 422
    path = rehearse(house, guest, audience, leave_out_unfit="yes")
    assert guest.post(f"{path}/launch").status_code == 200
    house.do_jobs()
    [campaign] = launched(house)
    with house.engine.ledger.read() as tx:
        left_out = [one for one in reports.by_status(tx, campaign.id) if one.reason]
    assert [(one.channel, one.status, one.deliveries) for one in left_out] == [
        (SMS, Status.GIVEN_UP, 1)
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scenario": "no-such"}, "Выберите сценарий"),
        ({"audience": "999"}, "Выберите список"),
        ({"end": "2020-01-01T10:00"}, "уже прошло"),
        ({"end": "soon"}, "Нужны день и время"),
        ({"start": "2999-01-01T10:00"}, "позже начала"),
        ({"end": "9999-12-31T23:59"}, "больше года"),
    ],
)
def test_a_form_that_cannot_be_done_comes_back_as_it_was_typed(
    house: House, changes: dict[str, str], words: str
) -> None:
    audience = furnish(house, people(2))
    answer = house.visit(Role.EDITOR).post("/launch/rehearsals", form(house, audience, **changes))
    assert answer.status_code == 422
    assert words in words_of(answer)
    with house.engine.ledger.read() as tx:
        assert jobs.lately(tx, approving.REHEARSE, 1) == []


def test_a_list_without_a_column_that_the_scenario_needs_is_told_so(house: House) -> None:
    audience = furnish(house, people(2), scenario="supply-restriction")
    fields = form(house, audience, scenario="supply-restriction")
    answer = house.visit(Role.EDITOR).post("/launch/rehearsals", fields)
    assert answer.status_code == 422
    said = words_of(answer)
    assert "нет столбц" in said
    assert "дата ограничения" in said
    assert "restriction" not in said


def test_who_may_only_look_launches_nothing(house: House) -> None:
    guest = house.visit(Role.READER)
    for path in ("/launch", "/launch/requests"):
        assert guest.get(path).status_code == 403
    assert guest.post("/launch/rehearsals", {}).status_code == 403


def test_nothing_of_what_is_not_there_is_shown_or_launched(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    for path in ("/launch/rehearsals/9", "/launch/requests/9", "/launch/requests/9/progress"):
        assert guest.get(path).status_code == 404
    assert guest.post("/launch/rehearsals/9/launch").status_code == 404


@pytest.fixture(scope="module")
def asked_for(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with one launch that was asked for and not begun, and one rehearsal after it."""
    folder = tmp_path_factory.mktemp("asked")
    with open_house(folder) as house:
        audience = furnish(house, people(SMALL))
        ask(house, audience)
        house.visit(Role.EDITOR).post("/launch/rehearsals", form(house, audience))
    return folder / "var"


def later(folder: Path) -> Engine:
    """Who comes after a dead process, when it has been silent long enough."""
    settings = Settings(_env_file=None, data_dir=folder, secret=SecretStr("of the tests"))
    engine = make_engine(settings)
    engine.channels = stand_ins()
    engine.clock = SimulatedClock(engine.clock.now() + timedelta(minutes=2))
    return engine


@pytest.mark.parametrize("commits", range(1, 8))
def test_killed_anywhere_in_a_launch_there_is_one_campaign_and_it_is_whole(
    asked_for: Path, tmp_path: Path, commits: int
) -> None:
    folder = tmp_path / "var"
    shutil.copytree(asked_for, folder)
    was_killed = do_one_job(folder, commits)
    engine = later(folder)
    try:
        runner = make_runner(engine)
        while runner.do_next():
            pass
        with engine.ledger.read() as tx:
            [campaign] = campaigns.everything(tx)
            [asked] = launch_requests.lately(tx, 9)
            whole = deliveries(engine)
            done = [jobs.get(tx, number).status.value for number in (1, 2, 3)]
        assert campaign.status is CampaignStatus.SCHEDULED
        assert asked.campaign_id == campaign.id
        assert whole == SMALL * 3
        assert done == ["done"] * 3
        assert was_killed or commits > 6
    finally:
        engine.ledger.close()


@pytest.mark.parametrize("commits", range(1, 6))
def test_killed_anywhere_in_a_rehearsal_nothing_of_it_is_left(
    asked_for: Path, tmp_path: Path, commits: int
) -> None:
    folder = tmp_path / "var"
    shutil.copytree(asked_for, folder)
    engine = later(folder)
    engine.clock = SimulatedClock(engine.clock.now() - timedelta(minutes=2))
    assert make_runner(engine).do_next()  # the launch
    engine.ledger.close()
    assert do_one_job(folder, commits)
    engine = later(folder)
    try:
        assert make_runner(engine).do_next()
        with engine.ledger.read() as tx:
            assert len(campaigns.everything(tx)) == 1
            assert jobs.get(tx, 3).told["outlook"]["recipients"] == SMALL
        assert deliveries(engine) == SMALL * 3
    finally:
        engine.ledger.close()


def test_no_campaign_is_made_of_a_list_that_another_system_is_filling(house: House) -> None:
    ours = furnish(house, people(SMALL))
    now = house.engine.clock.now()
    with house.engine.ledger.write() as tx:
        stored = scenarios.find(tx, "debt-reminder")
        filled = standing.begin(
            tx,
            scenario_id=stored.id,
            feeds_until=now + timedelta(hours=9),
            part=1,
            list_name="API debt-reminder 1",
            zone="Europe/Moscow",
            end_at=now + timedelta(days=14),
            actor="api:billing",
            now=now,
        ).audience_id
        audiences.add_recipients(tx, filled, people(1))
        standing.count_in(tx, filled, ["debt_kopecks"])
    guest = house.visit(Role.EDITOR)
    for path in ("/launch", "/audiences"):
        page = words_of(guest.get(path))
        assert "Должники" in page
        assert "API debt-reminder" not in page
    assert guest.get(f"/audiences/{filled}").status_code == 200, "its campaign leads there"
    assert guest.post("/launch/rehearsals", form(house, ours)).status_code == 200
    assert guest.post("/launch/rehearsals", form(house, filled)).status_code == 422
    with house.engine.ledger.write() as tx, pytest.raises(NotPossible, match="API debt-reminder"):
        campaigning.begin(tx, house.engine, stored, audiences.get(tx, filled), "tests")


def test_the_whole_way_by_clicking_can_be_walked_by_everybody(
    browser: Browser, house: House
) -> None:
    furnish(house, people(BIG))
    with window(browser, house, Role.EDITOR) as page:
        page.goto("/launch")
        assert faults_of(page) == []
        page.get_by_label("Сценарий").select_option(index=1)
        page.get_by_label("Список получателей").select_option(index=1)
        page.get_by_role("button", name="Провести репетицию").click()
        page.get_by_text("Репетиция идёт").wait_for()
        house.do_jobs()
        page.get_by_role("button", name="Отправить на утверждение").wait_for()
        assert (faults_of(page), overflow_of(page)) == ([], 0)
        page.get_by_role("button", name="Отправить на утверждение").click()
        page.get_by_text("Ждёт утверждения").first.wait_for()
        path = page.url.removeprefix(house.url)
    with window(browser, house, Role.APPROVER, PHONE, dark=True, scripts=False) as page:
        page.goto(path)
        assert overflow_of(page) == 0
        page.get_by_role("button", name="Утвердить и запустить").click()
        house.do_jobs()
        page.goto(path)
        assert page.get_by_role("link", name="К кампании").is_visible()
    with window(browser, house, Role.APPROVER, DESK) as page:
        page.goto(path)
        assert faults_of(page) == []


# Told twice, and in small pieces ---------------------------------------------------------------


def test_a_list_that_is_told_already_is_not_told_again_without_a_second_person(
    house: House,
) -> None:
    number = furnish(house, people(2))
    ask(house, number)
    house.do_jobs()
    editor = house.visit(Role.EDITOR)
    path = rehearse(house, editor, number)
    page = editor.get(path)
    assert "уже сообщает" in words_of(page)
    assert '<a href="/campaigns/1">' in page.text
    again = request_of(house, editor.post(f"{path}/launch").url.removeprefix(house.url))
    assert again.status is RequestStatus.WAITING
    house.do_jobs()
    assert len(launched(house)) == 1


def test_small_launches_that_come_to_a_large_one_within_a_day_wait_for_a_second_person(
    house: House,
) -> None:
    """Above five recipients somebody else has to agree: three and three are six."""
    statuses = []
    for name in ("Первый", "Второй"):
        path = ask(house, furnish(house, people(3), name))
        house.do_jobs()
        statuses.append(request_of(house, path).status)
    assert statuses == [RequestStatus.APPROVED, RequestStatus.WAITING]


def test_a_number_that_no_row_can_have_is_no_page(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    for path in ("/campaigns/99999999999999999999", "/audiences?before=99999999999999999999999"):
        assert guest.get(path).status_code in (200, 404)


def test_of_two_launches_of_one_thing_asked_for_at_the_same_moment_one_waits(house: House) -> None:
    number = furnish(house, people(2))
    editor = house.visit(Role.EDITOR)
    jobs_of = [number_of(rehearse(house, editor, number)) for _time in range(2)]
    person = Person(1, "editor", "", Role.EDITOR, "ru")
    start, asked = threading.Barrier(2), list[RequestStatus]()

    def press(rehearsal: int) -> None:
        start.wait()
        asked.append(approving.ask_launch(house.engine, rehearsal, person).status)

    threads = [threading.Thread(target=press, args=(one,)) for one in jobs_of]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.do_jobs()
    assert sorted(asked) == [RequestStatus.APPROVED, RequestStatus.WAITING]
    assert len(launched(house)) == 1


def test_who_approves_has_seen_each_campaign_that_tells_the_list_the_same(house: House) -> None:
    number = furnish(house, people(BIG))
    paths = [ask(house, number) for _time in range(2)]
    second = house.visit(Role.APPROVER)
    pages = [second.get(path).text for path in paths]
    assert all("уже сообщает" not in page for page in pages)
    assert decide(house, second, paths[0], "approve") == 200
    assert decide(house, second, paths[1], "approve") == 422  # the first is about to begin
    house.do_jobs()
    seen = {"seen": str(request_of(house, paths[1]).seen_id)}
    answer = second.post(f"{paths[1]}/approve", {**seen, "telling": ""})
    assert answer.status_code == 422
    assert "уже сообщает" in words_of(answer)
    [campaign] = launched(house)
    answer = second.post(f"{paths[1]}/approve", {**seen, "telling": str(campaign.id)})
    assert answer.status_code == 200
    house.do_jobs()
    assert len(launched(house)) == 2


def test_a_rehearsal_under_way_is_no_campaign_and_cannot_be_made_one(house: House) -> None:
    audience_id = furnish(house, people(2))
    with house.engine.ledger.write() as tx:
        stored = scenarios.find(tx, "debt-reminder")
        audience = audiences.get(tx, audience_id)
        draft = campaigning.begin(tx, house.engine, stored, audience, "editor", on_trial=True)
        assert campaigns.telling(tx, "debt-reminder", audience_id) == []
    assert launched(house) == []
    planner.fill(house.engine, draft)  # everybody in the list has their deliveries
    guest, now = house.visit(Role.EDITOR), house.engine.clock.now()
    assert "Должники" not in guest.get("/campaigns?show=scheduled").text
    for path in ("/reports", "/recipients/1", f"/audiences/{audience_id}"):
        assert f"/campaigns/{draft.id}" not in guest.get(path).text, path
    with house.engine.ledger.read() as tx:
        assert periods.at_work(tx, now, now + timedelta(days=1)) == []
        hours_later = now + timedelta(hours=3)
        assert symptoms.drafts_before(tx, hours_later) == []
        [left] = symptoms.drafts_before(tx, now + timedelta(days=2))
    assert left.on_trial
    with pytest.raises(NotPossible, match="репетиция"):
        campaigning.resume(house.engine, draft.id, "editor")


def test_the_console_tells_a_list_again_only_if_that_is_meant(house: House) -> None:
    furnish(house, people(2))
    for _time in range(2):
        with contextlib.suppress(NotPossible):
            campaigning.launch(house.engine, "debt-reminder", "Должники", "clerk")
    assert len(launched(house)) == 1
    with pytest.raises(NotPossible, match="--again"):
        campaigning.launch(house.engine, "debt-reminder", "Должники", "clerk")
    campaigning.launch(house.engine, "debt-reminder", "Должники", "clerk", again=True)
    assert len(launched(house)) == 2
