"""People: who is invited, what a role change does at once, and what nobody may do."""

import threading
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dispatcher.access import entering, staffing
from dispatcher.access.roles import Role
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import staff, trail
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import PASSWORD, House, open_house, words_of

NEW_PASSWORD = "another battery, correct"


def member_id(house: House, role: Role) -> int:
    house.token(role)
    return staffing.member_of(house.engine, role.value).id


def link_in(house: House, text: str) -> str:
    """The path of the link that a page shows."""
    start = text.index(f"{house.url}/invitation/")
    return text[start : text.index('"', start)].removeprefix(house.url)


def test_whoever_is_invited_comes_in_by_the_link_that_is_shown_once(house: House) -> None:
    boss = house.visit()
    fields = {"login": " I.Petrova ", "name": " Ирина  Петрова ", "role": "editor"}
    shown = boss.post("/people/invite", fields)
    path = link_in(house, shown.text)
    assert path not in boss.get("/people").text
    guest = house.guest()
    assert "i.petrova" in words_of(guest.get(path))
    guest.post(path, {"password": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert "Ирина Петрова" in words_of(guest.get("/me"))
    with house.engine.ledger.read() as tx:
        told = str(trail.of(tx, f"staff:{staffing.member_of(house.engine, 'i.petrova').id}"))
    assert path.rpartition("/")[2] not in told
    assert "Ирина" not in told


def test_a_link_is_never_made_of_the_host_that_a_visitor_names(house: House) -> None:
    boss = house.visit()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    shown = boss.post("/people/invite", {"login": "new", "name": "Н"}, headers=headers)
    assert "evil.example" not in shown.text
    assert link_in(house, shown.text)


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("reader", "Кто-то ещё"),
        ("Петрова", "Ирина Петрова"),
        ("loop", "Ирина Петрова"),
        ("api:key", "Ирина Петрова"),
        ("new", " "),
        ("new", "Имя\u202e"),
    ],
)
def test_an_invitation_that_cannot_be_is_shown_again_with_what_was_typed(
    house: House, login: str, name: str
) -> None:
    house.token(Role.READER)
    shown = house.visit().post("/people/invite", {"login": login, "name": name, "role": "editor"})
    assert shown.status_code == 422
    assert f'value="{login}"' in shown.text
    assert "/invitation/" not in shown.text


def test_a_role_holds_from_the_next_request_on(house: House) -> None:
    boss, clerk = house.visit(), house.visit(Role.EDITOR)
    assert clerk.get("/people").status_code == 403
    their_id = member_id(house, Role.EDITOR)
    boss.post(f"/people/{their_id}/role", {"role": "administrator"})
    assert clerk.get("/people").status_code == 200
    boss.post(f"/people/{their_id}/role", {"role": "reader"})
    assert clerk.get("/people").status_code == 403


def test_who_is_shut_out_is_out_at_once_and_no_link_of_theirs_works(house: House) -> None:
    boss, clerk = house.visit(), house.visit(Role.EDITOR)
    their_id = member_id(house, Role.EDITOR)
    link = link_in(house, boss.post(f"/people/{their_id}/link").text)
    boss.post(f"/people/{their_id}/shut-out")
    assert clerk.get("/", allow_redirects=False).status_code == 303
    assert house.guest().get(link).status_code == 410
    fields = {"login": "editor", "password": PASSWORD}
    assert house.guest().post("/login", fields).status_code == 403
    assert boss.post(f"/people/{their_id}/link").status_code == 422
    boss.post(f"/people/{their_id}/let-in")
    assert clerk.get("/", allow_redirects=False).status_code == 303, "the session of before is over"
    assert house.guest().get(link).status_code == 410, "and so is the link"
    assert house.guest().post("/login", fields).status_code == 200


def test_nobody_shuts_themselves_out_nor_takes_the_last_administrator_away(house: House) -> None:
    boss, own_id = house.visit(), member_id(house, Role.ADMINISTRATOR)
    assert boss.post(f"/people/{own_id}/shut-out").status_code == 422
    assert boss.post(f"/people/{own_id}/role", {"role": "reader"}).status_code == 422
    # Somebody who was made one, and has never come in, does not count.
    boss.post("/people/invite", {"login": "new", "name": "Новый", "role": "administrator"})
    assert boss.post(f"/people/{own_id}/role", {"role": "reader"}).status_code == 422
    boss.post(f"/people/{member_id(house, Role.EDITOR)}/role", {"role": "administrator"})
    left = boss.post(f"/people/{own_id}/role", {"role": "reader"})
    assert (left.status_code, left.url) == (200, f"{house.url}/me")


def test_of_two_administrators_who_take_each_others_right_one_keeps_it(
    tmp_path: Path, ledger_url: str
) -> None:
    with open_house(tmp_path, ledger_url) as house:
        _take_each_others_right(house.engine)


def _take_each_others_right(engine: Engine) -> None:
    ids = {}
    for login in ("a.one", "a.two"):
        token = entering.invite(engine, login, login, Role.ADMINISTRATOR, "tests")
        ids[login] = entering.accept(engine, token, PASSWORD).person.id
    start, refused = threading.Barrier(2), []

    def take(whose: str, actor: str) -> None:
        start.wait()
        try:
            staffing.change_role(engine, ids[whose], Role.READER, actor)
        except NotPossible:
            refused.append(actor)

    threads = [
        threading.Thread(target=take, args=pair)
        for pair in (("a.one", "a.two"), ("a.two", "a.one"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.ledger.read() as tx:
        left = staff.count_active(tx, Role.ADMINISTRATOR.value)
    assert (left, len(refused)) == (1, 1)


def test_a_new_password_ends_the_other_sessions_and_the_links(house: House) -> None:
    here, there = house.visit(Role.EDITOR), house.guest()
    there.post("/login", {"login": "editor", "password": PASSWORD})
    link = link_in(house, house.visit().post(f"/people/{member_id(house, Role.EDITOR)}/link").text)
    fields = {"former": PASSWORD, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert here.post("/me/password", {**fields, "former": "wrong"}).status_code == 422
    assert here.post("/me/password", {**fields, "again": "other"}).status_code == 422
    short = here.post("/me/password", {**fields, "password": "short", "again": "short"})
    assert short.status_code == 422
    assert there.get("/me", allow_redirects=False).status_code == 200
    assert here.post("/me/password", fields).status_code == 200
    assert here.get("/me", allow_redirects=False).status_code == 200
    assert there.get("/me", allow_redirects=False).status_code == 303
    assert house.guest().get(link).status_code == 410
    fields = {"login": "editor", "password": NEW_PASSWORD}
    assert house.guest().post("/login", fields).status_code == 200


def test_with_a_session_alone_nobody_guesses_the_password_behind_it(house: House) -> None:
    stolen = house.visit(Role.EDITOR)
    fields = {"former": "wrong", "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    for _try in range(10):
        stolen.post("/me/password", fields)
    answer = stolen.post("/me/password", {**fields, "former": PASSWORD})
    assert answer.status_code == 422
    assert "15 минут" in words_of(answer)


def test_one_ends_the_sessions_of_other_browsers_and_of_nobody_else(house: House) -> None:
    here, there, boss = house.visit(Role.EDITOR), house.guest(), house.visit()
    there.post("/login", {"login": "editor", "password": PASSWORD})
    own_id = member_id(house, Role.EDITOR)
    own = entering.digest_of(house.token(Role.EDITOR))
    [theirs] = [one for one in staffing.open_sessions(house.engine, own_id) if one.digest != own]
    [foreign] = staffing.open_sessions(house.engine, member_id(house, Role.ADMINISTRATOR))
    here.post("/me/sessions/end", {"mark": staffing.mark_of(foreign)})
    assert boss.get("/me", allow_redirects=False).status_code == 200
    here.post("/me/sessions/end", {"mark": staffing.mark_of(theirs)})
    assert there.get("/me", allow_redirects=False).status_code == 303
    there.post("/login", {"login": "editor", "password": PASSWORD})
    here.post("/me/sessions/end-others")
    assert there.get("/me", allow_redirects=False).status_code == 303
    assert here.get("/me", allow_redirects=False).status_code == 200


def test_somebody_is_invited_and_comes_in_with_no_script_at_all(
    browser: Browser, house: House
) -> None:
    with window(browser, house, scripts=False) as page:
        page.goto("/people")
        page.get_by_label("Имя").fill("Ирина Петрова")
        page.get_by_label("Логин").fill("i.petrova")
        page.get_by_role("button", name="Создать ссылку").click()
        link = page.get_by_label("Ссылка").input_value()
    with window(browser, house, role=None, scripts=False, size=PHONE) as page:
        page.goto(link)
        assert overflow_of(page) == 0  # axe is a script, and never ends where none runs
        page.get_by_label("Пароль").fill(NEW_PASSWORD)
        page.get_by_label("Ещё раз").fill(NEW_PASSWORD)
        page.get_by_role("button", name="Сохранить и войти").click()
        page.goto("/me")
        assert page.get_by_role("heading", name="Ирина Петрова").is_visible()


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_people_can_be_read_by_everybody(
    browser: Browser, house: House, size: tuple[int, int]
) -> None:
    own_id = member_id(house, Role.EDITOR)
    with window(browser, house, size=size) as page:
        for path in ("/people", f"/people/{own_id}", "/me"):
            page.goto(path)
            assert faults_of(page) == [], path
            assert overflow_of(page) == 0, path


def test_the_link_is_made_of_the_address_that_staff_use(tmp_path: Path) -> None:
    with open_house(tmp_path, web_url="https://dispatcher.example.com/") as house:
        guest = house.visit()
        guest.session.headers["Cookie"] = f"__Host-session={house.token(Role.ADMINISTRATOR)}"
        shown = guest.post("/people/invite", {"login": "new", "name": "Новый"})
        assert "https://dispatcher.example.com/invitation/" in shown.text
