"""A real Chromium for tests of pages: at the width of a desk and of a phone.

Found as `chromium`, `chromium-browser` or `google-chrome` in the path, or named by
DISPATCHER_TEST_CHROMIUM; without one such tests are skipped at home, and fail in CI.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from dispatcher.access.roles import Role
from tests.web.house import House

DESK, PHONE = (1280, 900), (390, 844)
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    given = os.environ.get("DISPATCHER_TEST_CHROMIUM")
    return given or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        why = "no Chromium is installed (DISPATCHER_TEST_CHROMIUM names one)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield browser
        browser.close()


@contextmanager
def window(
    browser: Browser,
    house: House,
    role: Role | None = Role.ADMINISTRATOR,
    size: tuple[int, int] = DESK,
    *,
    dark: bool = False,
    scripts: bool = True,
) -> Iterator[Page]:
    """A window of somebody of a role who has come in; with no role, of somebody who has not.

    Whatever a page writes to the console as an error fails the test: a script that the policy
    refuses, a file that is not there.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        base_url=house.url,
    )
    if role is not None:
        cookie = {"name": "session", "value": house.token(role), "url": house.url}
        context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, errors


def faults_of(page: Page) -> list[str]:
    """What axe finds wrong with a page for readers who see badly, or not at all; WCAG 2.2 AA."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{fault['id']}: {node['html'][:160]}"
        for fault in found.response["violations"]
        for node in fault["nodes"]
    ]


def overflow_of(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )
