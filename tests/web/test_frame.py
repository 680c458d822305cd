"""The frame of every page, in a real browser: for any eyes, any width, with no script."""

import re

import pytest
from playwright.sync_api import Browser

from dispatcher.access.roles import Role
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import PASSWORD, House


@pytest.mark.parametrize("size", [DESK, PHONE])
@pytest.mark.parametrize("dark", [False, True])
def test_the_frame_can_be_read_by_everybody(
    browser: Browser, house: House, size: tuple[int, int], dark: bool
) -> None:
    with window(browser, house, size=size, dark=dark) as page:
        page.goto("/")
        assert faults_of(page) == []
        assert overflow_of(page) == 0
        page.goto("/login")
        assert faults_of(page) == []


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "/"),
        ("/campaigns", "/campaigns"),
        ("/launch", "/campaigns"),
        ("/launch/requests", "/campaigns"),
        ("/settings/keys", "/settings"),
        ("/me", None),
    ],
)
def test_the_menu_tells_where_one_is(house: House, path: str, place: str | None) -> None:
    menu = house.visit().get(path).text.partition("<ul>")[2].partition("</ul>")[0]
    marked = re.findall(r'href="([^"]+)" aria-current="page"', menu)
    assert marked == ([place] if place else [])


def test_one_comes_in_and_goes_without_any_script(browser: Browser, house: House) -> None:
    house.token(Role.EDITOR)
    with window(browser, house, role=None, scripts=False) as page:
        page.goto("/")
        page.get_by_label("Логин").fill("editor")
        page.get_by_label("Пароль").fill(PASSWORD)
        page.get_by_role("button", name="Войти").click()
        assert page.get_by_role("heading", name="Сегодня").is_visible()
        page.get_by_role("button", name="English").click()
        assert page.get_by_role("heading", name="Today").is_visible()
        page.get_by_role("button", name="Log out").click()
        assert page.url == f"{house.url}/login"
