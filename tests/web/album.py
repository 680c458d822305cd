"""`make screenshots`: every screen as people see it, filled with a rehearsed fortnight.

    python -m tests.web.album FOLDER [--full]
    python -m tests.web.album FOLDER --pictures

The campaign of `make demo` is run against the sandbox, and half a day of another one; then the
pages over their books are looked at in a real Chromium: on a desk and on a phone, in Russian and in
English, light and dark (`--full`), or on a desk in Russian only. `--pictures` makes those of the
README alone, as much of a page as a screen shows.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from dispatcher import logs
from tests.web.album_house import (
    at_noon,
    name_people,
    plan_launches,
    receive_inquiries,
    rehearsed,
    stay_alive,
)
from tests.web.browser import DESK, PHONE, open_browser, window
from tests.web.house import House, house_over, open_house

# Of a picture of the README; whoever clones the repository takes them along.
MOST_BYTES = 250_000


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking at a page."""

    name: str
    size: tuple[int, int] = DESK
    language: str = "ru"
    dark: bool = False


LOOKS = (
    Look("desk"),
    Look("phone", PHONE),
    Look("dark", dark=True),
    Look("english", language="en"),
)
# Pages that are not in the menu; of the campaigns, their list, and one of its customers.
BEHIND = (
    "/campaigns/1",
    "/campaigns/2",
    "/launch",
    "/launch/requests",
    "/audiences/1",
    "/audiences/1/errors",
    "/audiences/1/people/5",
    "/scenarios/debt-reminder",
    "/scenarios/debt-reminder/edit",
    "/recipients/5",
    "/recipients/5/proof",
    "/reports/campaigns/1",
    "/reports/period?first=2026-11-01&last=2026-11-30",
    "/settings/api",
    "/settings/keys",
    "/settings/webhooks",
    "/me",
)
# What somebody sees on the first day.
EMPTY = (
    "/",
    "/campaigns",
    "/audiences",
    "/launch",
    "/inquiries",
    "/reports",
    "/stop-list",
    "/settings",
    "/settings/webhooks",
)


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m tests.web.album")
    words.add_argument("folder", type=Path)
    words.add_argument("--full", action="store_true", help="on a phone, dark and in English, too")
    words.add_argument("--pictures", action="store_true", help="those of the README alone")
    given = words.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    logs.configure("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        print("a fortnight is rehearsed: half a minute or more", flush=True)
        engine = at_noon(rehearsed(home / "past"), home)
        receive_inquiries(engine)
        with house_over(engine) as house, open_browser() as browser:
            stay_alive(engine)  # before anybody looks whether all is well
            name_people(house)
            rehearsal, request = plan_launches(house)
            if given.pictures:
                shots = pictures(browser, house, rehearsal, given.folder)
                for name in shots:
                    print(name, flush=True)
            else:
                looks = LOOKS if given.full else LOOKS[:1]
                for look in looks:
                    paths = (*BEHIND, rehearsal, request)
                    for name in photograph(browser, house, look, given.folder, paths):
                        print(name, flush=True)
                for name in photograph_first_day(browser, home / "first", looks, given.folder):
                    print(name, flush=True)
        engine.ledger.close()


def photograph(
    browser: Browser, house: House, look: Look, folder: Path, behind: Sequence[str]
) -> Iterator[str]:
    """Every page that an administrator finds in the menu, and those behind them."""
    with window(browser, house, size=look.size, dark=look.dark) as page:
        speak(page, look)
        menu = page.locator(".menu li a").evaluate_all("links => links.map(a => a.pathname)")
        for path in [*menu, *behind]:
            stay_alive(house.engine)
            yield _shoot(page, path, look, folder)


def photograph_first_day(
    browser: Browser, home: Path, looks: Sequence[Look], folder: Path
) -> Iterator[str]:
    """The door, and a house in which nothing was ever done."""
    with open_house(home) as house:
        for look in looks:
            with window(browser, house, role=None, size=look.size, dark=look.dark) as page:
                yield _shoot(page, "/login", look, folder)
            with window(browser, house, size=look.size, dark=look.dark) as page:
                speak(page, look)
                for path in EMPTY:
                    yield _shoot(page, path, look, folder, "empty-")


def pictures(browser: Browser, house: House, rehearsal: str, folder: Path) -> Iterator[str]:
    """What the README shows, in the language of each."""
    shown = {
        "today": "/",
        "campaign": "/campaigns/2",
        "rehearsal": rehearsal,
        "scenario": "/scenarios/debt-reminder/edit",
    }
    for language in ("ru", "en"):
        with window(browser, house) as page:
            speak(page, Look(language, language=language))
            for name, path in shown.items():
                stay_alive(house.engine)
                page.goto(path)
                file = folder / f"{name}-{language}.png"
                page.screenshot(path=file)
                size = file.stat().st_size
                assert size < MOST_BYTES, f"{file.name} has {size} bytes: {MOST_BYTES} at most"
                yield file.name


def speak(page: Page, look: Look) -> None:
    """Change the language of who has come in, as they do."""
    page.goto("/")
    if page.locator("html").get_attribute("lang") != look.language:
        if look.size == PHONE:
            page.locator(".menu summary").click()
        page.locator("form[action='/language'] button").click()


def _shoot(page: Page, path: str, look: Look, folder: Path, prefix: str = "") -> str:
    page.goto(path)
    name = path.partition("?")[0].strip("/").replace("/", "-") or "today"
    file = folder / f"{prefix}{name}-{look.name}.png"
    page.screenshot(path=file, full_page=True)
    return file.name


if __name__ == "__main__":
    main()
