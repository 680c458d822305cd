"""The screen as an attacker sees it: who may reach what, and what an answer gives away."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from dispatcher.access import entering, knocking, passwords
from dispatcher.access.roles import RIGHTS, Right, Role
from dispatcher.clock import Clock, SharedClock
from dispatcher.engine import Engine
from dispatcher.settings import Settings
from dispatcher.web.app import application
from dispatcher.web.screens import from_our_form, right_of
from dispatcher.web.security import HEADERS, MOST_BYTES
from dispatcher.web.visitor import is_public
from dispatcher.wiring import make_engine
from tests.web.house import PASSWORD, Guest, House, house_over, open_house, words_of

# What anybody may ask for. Whoever adds a line here opens a door.
PUBLIC = {
    "/health",
    "/ready",
    "/login",
    "/language",
    "/invitation/{token}",
    "/static/{name}",
}
# Other systems come in by a key of their own: their tests are in tests/api.
BY_KEY = ("/api",)
UPLOAD = "/audiences/upload"
LOGIN = {"login": "editor", "password": PASSWORD}


class SetClock(Clock):
    """A clock that a test puts forward."""

    def __init__(self, engine: Engine) -> None:
        self.ahead = timedelta(0)
        self._real = engine.clock

    def now(self) -> Any:
        return self._real.now() + self.ahead


def routes(house: House) -> list[Any]:
    """Every route of the pages, flat."""

    def walk(found: Any) -> Iterator[Any]:
        for route in found:
            inner = getattr(route, "routes", None) or getattr(
                getattr(route, "original_router", None), "routes", None
            )
            if inner is not None and not isinstance(route, Route):
                if not getattr(route, "path", "").startswith(BY_KEY):
                    yield from walk(inner)
            else:
                yield route

    return [
        route
        for route in walk(application(house.engine).routes)
        if hasattr(route, "path") and not route.path.startswith(BY_KEY)
    ]


def right_needed(route: Any) -> Right | None:
    return right_of(list(getattr(route, "dependencies", [])))


def path_of(route: Any) -> str:
    """An address that the route answers."""
    parts = []
    for part in route.path.split("/"):
        parts.append("1" if part.startswith("{") else part)
    return "/".join(parts)


def raw(house: House, text: bytes, source: str = "127.0.0.1") -> http.client.HTTPResponse:
    """What the server answers to exactly these bytes, from an address of this machine."""
    import socket

    connection = socket.create_connection(
        ("127.0.0.1", house.server.port), timeout=10, source_address=(source, 0)
    )
    connection.sendall(text)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    connection.close()
    return answer


# --- who may reach what -----------------------------------------------------------------------


def test_every_route_is_private_but_those_that_are_listed(house: House) -> None:
    found = routes(house)
    assert len(found) > 50
    for route in found:
        if route.path in PUBLIC:
            assert is_public(path_of(route)), route.path
        else:
            assert not is_public(path_of(route)), route.path
            assert right_needed(route) is not None, f"{route.path} says not who may ask it"


def test_every_act_asks_for_the_token_of_the_session(house: House) -> None:
    """A private route that changes something and was not made by `Screens.act` is a hole; but for
    the one that looks at the token itself, before a file of many megabytes is read."""
    for route in routes(house):
        if route.path in PUBLIC or not set(route.methods) - {"GET", "HEAD"}:
            continue
        asked = {one.dependency for one in route.dependencies}
        assert from_our_form in asked or route.path == UPLOAD, route.path
    answer = house.visit(Role.EDITOR).session.post(
        house.url + UPLOAD, {"csrf": "made up"}, files={"file": ("a.csv", b"a;b")}, timeout=30
    )
    assert (answer.status_code, "Страница устарела" in answer.text) == (403, True)


def test_nobody_reaches_a_private_page_without_a_session(house: House) -> None:
    guest = house.guest()
    for route in routes(house):
        if route.path in PUBLIC:
            continue
        method = "POST" if "POST" in route.methods else "GET"
        answer = guest.session.request(
            method, house.url + path_of(route), allow_redirects=False, timeout=30
        )
        assert answer.status_code == 303, route.path
        assert answer.headers["location"].startswith("/login"), route.path


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reaches_what_its_rights_allow_and_nothing_else(house: House, role: Role) -> None:
    """Acts go without the token: past the right, and no further."""
    guest = house.visit(role)
    for route in routes(house):
        needed = right_needed(route)
        if needed is None:
            continue
        may = needed in RIGHTS[role]
        if "POST" in route.methods:
            answer = guest.session.post(house.url + path_of(route), timeout=30)
            assert answer.status_code in (403, 404, 422), route.path
            too_old = "Страница устарела" in answer.text
            assert too_old == may or answer.status_code != 403, route.path
        elif not may:
            assert guest.get(path_of(route)).status_code in (403, 404), route.path


def test_every_right_is_somebodys_and_an_administrator_has_all_of_them() -> None:
    assert set().union(*RIGHTS.values()) == set(Right) == RIGHTS[Role.ADMINISTRATOR]
    assert RIGHTS[Role.READER] < RIGHTS[Role.EDITOR] < RIGHTS[Role.APPROVER]
    assert Right.SEE_PERSONS not in RIGHTS[Role.READER]


# --- sessions ---------------------------------------------------------------------------------


@pytest.fixture
def set_clock(tmp_path: Path) -> Iterator[tuple[House, SetClock]]:
    engine = make_engine(Settings(_env_file=None, data_dir=tmp_path / "var"))
    clock = SetClock(engine)
    engine.clock = clock
    try:
        with house_over(engine) as house:
            yield house, clock
    finally:
        engine.ledger.close()


def is_in(guest: Guest) -> bool:
    return guest.get("/me", allow_redirects=False).status_code == 200


def test_a_session_ends_after_an_hour_in_which_nobody_did_anything(
    set_clock: tuple[House, SetClock],
) -> None:
    house, clock = set_clock
    guest = house.visit(Role.READER)
    for _half_hour in range(4):
        clock.ahead += timedelta(minutes=30)
        assert is_in(guest)
    clock.ahead += timedelta(minutes=61)
    assert not is_in(guest)


def test_a_page_that_refreshes_itself_keeps_no_session_open(
    set_clock: tuple[House, SetClock],
) -> None:
    house, clock = set_clock
    guest = house.visit(Role.READER)
    for _half_hour in range(3):
        clock.ahead += timedelta(minutes=25)
        left = guest.get("/me", headers={"HX-Request": "true"}, allow_redirects=False)
    assert (left.status_code, left.headers["hx-redirect"]) == (401, "/login")


def test_a_session_ends_after_twelve_hours_however_busy(
    set_clock: tuple[House, SetClock],
) -> None:
    house, clock = set_clock
    guest = house.visit(Role.READER)
    for _half_hour in range(23):
        clock.ahead += timedelta(minutes=30)
        assert is_in(guest)
    clock.ahead += timedelta(minutes=31)
    assert not is_in(guest)


def test_a_log_in_begins_a_new_session_and_ends_the_one_of_this_browser(house: House) -> None:
    """Whoever planted a session, or a made-up one, into a browser is not in with its owner."""
    planted = house.token(Role.EDITOR)
    guest = house.guest()
    answer = guest.post(
        "/login", LOGIN, headers={"Cookie": f"session={planted}"}, allow_redirects=False
    )
    assert answer.cookies["session"] != planted
    assert is_in(guest)
    assert not is_in(house.visit(Role.EDITOR)), "the planted one is over"
    made_up = house.guest()
    made_up.session.cookies.set("session", "made-up")
    assert not is_in(made_up)


# --- cookies ----------------------------------------------------------------------------------


def cookies_of(house: House, *headers: str, source: str = "127.0.0.1") -> dict[str, str]:
    """What a log-in sets, by name, in small letters."""
    house.token(Role.EDITOR)
    body = f"login=editor&password={PASSWORD.replace(' ', '+')}"
    lines = [
        "POST /login HTTP/1.1",
        "Host: pages.example.com",
        "Connection: close",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    answer = raw(house, ("\r\n".join(lines) + "\r\n\r\n" + body).encode(), source)
    assert answer.status == 303
    set_cookies = answer.headers.get_all("set-cookie") or []
    return {one.partition("=")[0]: one.partition(";")[2].lower() for one in set_cookies}


def test_cookies_are_hidden_from_scripts_and_from_other_sites(house: House) -> None:
    found = cookies_of(house)
    assert set(found) == {"session", "device"}
    for name, attributes in found.items():
        assert "httponly" in attributes, name
        assert "samesite=lax" in attributes, name
        assert "domain" not in attributes, name


def test_behind_a_proxy_that_speaks_tls_cookies_travel_by_tls_alone(house: House) -> None:
    found = cookies_of(house, "X-Forwarded-Proto: https")
    assert set(found) == {"__Host-session", "device"}
    for name, attributes in found.items():
        assert "secure" in attributes, name
    assert "path=/;" in found["__Host-session"] + ";"


def test_a_proxy_of_another_machine_is_not_believed(house: House) -> None:
    found = cookies_of(house, "X-Forwarded-Proto: https", source="127.0.0.2")
    assert "session" in found


def test_where_pages_have_an_https_address_no_session_goes_without(tmp_path: Path) -> None:
    with open_house(tmp_path, web_url="https://pages.example.com") as house:
        found = cookies_of(house)
        assert "secure" in found["__Host-session"]
        plain = house.guest()
        plain.session.cookies.set("session", house.token(Role.EDITOR))
        assert not is_in(plain)


def test_a_notice_is_shown_once_and_nobody_else_can_write_one(house: House) -> None:
    boss = house.visit()
    shown = boss.post("/me/sessions/end-others")
    assert "В остальных местах" in words_of(shown)
    assert "В остальных местах" not in words_of(boss.get("/me"))
    import base64

    text = base64.urlsafe_b64encode(json.dumps("Позвоните нам").encode()).decode()
    for forged in (f"{text}.00", f"{text}.", text, "%%%.x", "\u00e9.x"):
        boss.session.cookies.set("notice", forged.encode().decode("latin-1"))
        answer = boss.get("/me")
        assert (answer.status_code, "Позвоните" in answer.text) == (200, False)


# --- what comes in ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_form_of_another_site_is_taken_not_even_a_log_in(
    house: House, headers: dict[str, str]
) -> None:
    answer = house.guest().post("/login", LOGIN, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_token_of_one_session_is_worth_nothing_in_another(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    guest.csrf = house.visit(Role.ADMINISTRATOR).csrf
    assert guest.post("/me/sessions/end-others").status_code == 403
    guest.csrf = ""
    assert guest.post("/me/sessions/end-others").status_code == 403


@pytest.mark.parametrize("length", ["-1", "1e9", "²", "9" * 30, str(MOST_BYTES + 1), ""])
def test_a_length_that_is_none_or_too_much_is_refused(house: House, length: str) -> None:
    text = f"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
    assert raw(house, text.encode("latin-1")).status in (400, 413)


def test_a_body_without_a_length_is_read_no_further_than_allowed(house: House) -> None:
    def pieces() -> Iterator[bytes]:
        for _piece in range(40):
            yield b"a" * (MOST_BYTES // 20)

    guest = house.guest()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer = guest.session.post(
            house.url + "/login", data=pieces(), headers=headers, timeout=30
        )
        assert answer.status_code in (400, 413)
    except OSError:
        pass  # it was hung up on, which is an answer, too
    assert house.guest().get("/login").status_code == 200


def test_nothing_is_made_of_the_host_that_a_visitor_names(house: House) -> None:
    guest = house.visit()
    for path in ("/", "/people", "/me/", "/people/", "/login/", "/nowhere"):
        for name in ("Host", "X-Forwarded-Host", "Forwarded"):
            given = "host=evil.example" if name == "Forwarded" else "evil.example"
            answer = guest.get(path, headers={name: given}, allow_redirects=False)
            assert "evil.example" not in answer.text + str(answer.headers), (path, name)


@pytest.mark.parametrize("wanted", ["//[", "/\t/evil.example", "/\\evil.example", "http:/x"])
def test_an_address_to_go_back_to_that_is_none_of_ours_leads_to_the_first_page(
    house: House, wanted: str
) -> None:
    house.token(Role.EDITOR)
    answer = house.guest().post("/login", {**LOGIN, "next": wanted}, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


# --- what goes out ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/nowhere", "/people/x", "/static/style.css", "/static/none.css", "/health"],
)
def test_every_answer_carries_the_headers_errors_and_files_too(house: House, path: str) -> None:
    answer = house.visit(Role.READER).get(path)
    for name in HEADERS:
        assert name in answer.headers, name
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


def test_a_bug_tells_nobody_anything_and_the_log_only_where_it_is(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_given: object) -> None:
        raise RuntimeError("Ирина Петрова +79001234567")

    monkeypatch.setattr("dispatcher.ledger.staff.invited", break_down)
    answer = house.guest().get("/invitation/very-secret-token")
    assert answer.status_code == 500
    assert set(HEADERS) <= {name.title().replace("Csp", "CSP") for name in answer.headers} | set(
        answer.headers
    )
    assert "Петрова" not in answer.text
    told = "".join(capsys.readouterr())
    assert "RuntimeError" in told
    assert "tests/web/test_safety.py" in told
    for secret in ("Петрова", "79001234567", "very-secret-token"):
        assert secret not in told


def test_an_address_that_holds_a_token_is_told_to_no_page(house: House) -> None:
    answer = house.guest().get("/invitation/very-secret-token")
    assert (answer.status_code, answer.headers["referrer-policy"]) == (410, "strict-origin")


def test_names_of_files_that_strangers_make_up_are_not_kept(house: House) -> None:
    from dispatcher.web import assets

    before = len(assets._contents())
    for number in range(5):
        assert house.guest().get(f"/static/made-up-{number}.css").status_code == 404
    for path in ("/static/..%2Fapp.py", "/static/%2Fetc%2Fpasswd", "/static/people.html"):
        assert house.guest().get(path).status_code in (303, 404)
    assert len(assets._contents()) == before


# --- guessing ---------------------------------------------------------------------------------


def fail(engine: Engine, login: str, address: str, device: str = "") -> None:
    assert entering.log_in(engine, login, "wrong", address, device=device) is None


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guesses that need no work: what is counted is not how long they take."""
    monkeypatch.setattr(entering, "is_right", lambda password, _known: password == PASSWORD)


@pytest.mark.usefixtures("cheap")
def test_whoever_guesses_at_one_login_is_barred_and_its_owner_elsewhere_is_not(
    house: House,
) -> None:
    house.token(Role.EDITOR)
    for _try in range(knocking.MOST_OF_ONE):
        fail(house.engine, "editor", "192.0.2.1")
    with pytest.raises(knocking.Barred):
        entering.log_in(house.engine, "Editor ", PASSWORD, "192.0.2.1")
    assert entering.log_in(house.engine, "editor", PASSWORD, "192.0.2.2") is not None
    assert is_in(house.visit(Role.EDITOR)), "and who is in stays in"


@pytest.mark.usefixtures("cheap")
def test_one_address_that_guesses_at_many_logins_is_barred(house: House) -> None:
    house.token(Role.EDITOR)
    for number in range(knocking.MOST_OF_ADDRESS):
        # The same network of IPv6 is the same visitor.
        fail(house.engine, f"login-{number}", f"2001:db8::{number:x}")
    with pytest.raises(knocking.Barred):
        entering.log_in(house.engine, "editor", PASSWORD, "2001:db8::ffff")
    assert entering.log_in(house.engine, "editor", PASSWORD, "2001:db8:0:1::1") is not None


@pytest.mark.usefixtures("cheap")
def test_guesses_from_everywhere_bar_new_browsers_but_not_the_one_that_is_known(
    house: House,
) -> None:
    guest = house.guest()
    house.token(Role.EDITOR)
    guest.post("/login", LOGIN)
    [device] = [one.value for one in guest.session.cookies if one.name == "device"]
    assert device is not None
    for number in range(knocking.MOST_OF_LOGIN):
        fail(house.engine, "editor", f"198.51.100.{number}")
    with pytest.raises(knocking.Barred):
        entering.log_in(house.engine, "editor", PASSWORD, "203.0.113.9")
    again = entering.log_in(house.engine, "editor", PASSWORD, "203.0.113.9", device=device)
    assert again is not None
    # It is no pass for guessing, nor for another login.
    for _try in range(knocking.MOST_OF_ONE):
        fail(house.engine, "editor", "203.0.113.9", device)
    with pytest.raises(knocking.Barred):
        entering.log_in(house.engine, "editor", PASSWORD, "203.0.113.9", device=device)
    assert not knocking.is_device_of(device, "administrator", house.engine.secret)


@pytest.mark.usefixtures("cheap")
def test_the_count_is_one_for_two_processes_and_for_tries_at_the_same_moment(
    tmp_path: Path, ledger_url: str
) -> None:
    with open_house(tmp_path, ledger_url) as one:
        one.token(Role.EDITOR)
        other = make_engine(one.engine.settings)
        if isinstance(other.clock, SharedClock):
            other.clock.stop()  # it would open the ledger once more
        barred, start = [], threading.Barrier(4)

        def guess(engine: Engine) -> None:
            start.wait()
            for _try in range(5):
                try:
                    fail(engine, "editor", "192.0.2.1")
                except knocking.Barred:
                    barred.append(1)

        threads = [
            threading.Thread(target=guess, args=(engine,))
            for engine in (one.engine, other, one.engine, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other.ledger.close()
        # At the worst each of the others was counted while one was.
        assert 20 - knocking.MOST_OF_ONE - 3 <= len(barred) <= 20 - knocking.MOST_OF_ONE


def test_an_unknown_login_is_answered_like_a_known_one_in_words_and_in_time(
    house: House,
) -> None:
    house.token(Role.EDITOR)

    def took(login: str) -> tuple[float, str]:
        began = time.perf_counter()
        answer = house.guest().post("/login", {"login": login, "password": "wrong wrong wrong"})
        return time.perf_counter() - began, words_of(answer)

    took("warm")
    known = [took("editor") for _try in range(4)]
    unknown = [took("nobody") for _try in range(4)]
    assert {told for _seconds, told in known} == {told for _seconds, told in unknown}
    # A hash is most of it; without one an answer would come ten times sooner.
    fastest_known = min(seconds for seconds, _told in known)
    assert min(seconds for seconds, _told in unknown) > fastest_known * 0.5


def test_a_crowd_before_the_door_takes_neither_memory_nor_the_pages(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.token(Role.EDITOR)
    boss, hold, inside = house.visit(), threading.Event(), threading.Semaphore(0)

    def slow(_password: str, _known: str | None) -> bool:
        inside.release()
        hold.wait(20)
        return False

    monkeypatch.setattr(entering, "is_right", slow)
    crowd = [
        threading.Thread(target=lambda: house.guest().post("/login", LOGIN))
        for _place in range(passwords.PLACES)
    ]
    for thread in crowd:
        thread.start()
    for _place in range(passwords.PLACES):
        assert inside.acquire(timeout=20)
    answer = house.guest().post("/login", LOGIN)
    assert (answer.status_code, "через несколько секунд" in words_of(answer)) == (429, True)
    assert boss.get("/me").status_code == 200
    hold.set()
    for thread in crowd:
        thread.join()
