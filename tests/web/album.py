"""`make screenshots`: every screen as people see it, filled with a rehearsed fortnight.

    python -m tests.web.album FOLDER [--full]

The campaign of `make demo` is run against the sandbox; then the pages over its books are looked at
in a real Chromium: on a desk and on a phone, in Russian and in English, light and dark (`--full`),
or on a desk in Russian only.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser

from campaigns.demo import BILLING_EXPORT
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import InquiryChannel
from campaigns.scenario_file import library_path, read_scenario
from campaigns.stop_words import Wish
from dispatcher import campaigning, logs
from dispatcher.access.roles import Role
from dispatcher.cli.shared import read_instant
from dispatcher.demo import Telling, rehearse
from dispatcher.engine import Engine
from dispatcher.inquiries.registering import register
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.settings import Settings
from dispatcher.wiring import make_works
from tests.web.browser import DESK, PHONE, open_browser, window
from tests.web.house import House, house_over

BEGINS = "2026-11-02T06:00"
DAYS = 14
QUESTIONS = (
    (Topic.OUTAGE, "Второй день нет света", "Здравствуйте! Второй день нет света. Когда включат?"),
    (Topic.BILLING, "Откуда такая сумма", "Прошу объяснить сумму в квитанции за октябрь."),
    (Topic.READING, "Показания", "Передаю показания: день 1234, ночь 567."),
    (Topic.THANKS, "Спасибо", "Спасибо оператору Марине за помощь!"),
)
"""What customers of the album wrote: topic, subject, text."""


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


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m tests.web.album")
    words.add_argument("folder", type=Path)
    words.add_argument("--full", action="store_true", help="on a phone, dark and in English, too")
    given = words.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    logs.configure("ERROR")
    with tempfile.TemporaryDirectory() as home:
        print("a fortnight is rehearsed: half a minute or more", flush=True)
        engine = rehearsed(Path(home))
        fill(engine)
        with house_over(engine) as house, open_browser() as browser:
            for look in LOOKS if given.full else LOOKS[:1]:
                for name in photograph(browser, house, look, given.folder):
                    print(name, flush=True)
        engine.ledger.close()


def rehearsed(home: Path) -> Engine:
    """The engine of the demonstration, at the end of its campaign."""
    settings = Settings(_env_file=None)
    start_at = read_instant(BEGINS, settings.zone)
    assert start_at is not None
    silent = Telling(lambda _rows: None, lambda _count: None, lambda *_now: None)
    scenario = read_scenario(library_path("debt-reminder"), supplier=settings.supplier())
    return rehearse(
        settings,
        scenario,
        BILLING_EXPORT,
        home,
        start_at=start_at,
        days=DAYS,
        seed=1,
        mapping={},
        telling=silent,
    ).engine


def fill(engine: Engine) -> None:
    """What a working day adds: inquiries, and a campaign that runs."""
    now = engine.clock.now()
    today = now.astimezone(ZoneInfo(engine.settings.zone)).date()
    with engine.ledger.write() as tx:
        for number, (topic, subject, text) in enumerate(QUESTIONS):
            new = NewInquiry(
                InquiryChannel.EMAIL,
                "info",
                f"album-{number}",
                f"klient{number}@example.com",
                Wish.QUESTION,
                text,
                subject=subject,
                customer="Анна Петровна Иванова",
                topic=topic,
                confidence=1.0,
                person="olga@energosbyt.example.com",
                respond_on=today + timedelta(days=number - 1),
                answer_on=today + timedelta(days=number + 10),
            )
            register(tx, engine, new, now - timedelta(days=2))
    campaigning.launch(engine, "debt-reminder", BILLING_EXPORT.stem, "olga", leave_out_unfit=True)
    make_works(engine).loop.tick()  # it has begun; nobody is there to send


def photograph(browser: Browser, house: House, look: Look, folder: Path) -> Iterator[str]:
    """Every page that an administrator finds in the menu, and what is behind the first of each."""
    with window(browser, house, Role.ADMINISTRATOR, look.size, dark=look.dark) as page:
        page.goto("/")
        if page.locator("html").get_attribute("lang") != look.language:
            if look.size == PHONE:
                page.locator(".menu summary").click()
            page.locator("form[action='/language'] button").click()
        menu = page.locator(".menu li a").evaluate_all("links => links.map(a => a.pathname)")
        for path in [*menu, *_BEHIND]:
            page.goto(path)
            name = path.strip("/").replace("/", "-") or "today"
            file = folder / f"{name}-{look.name}.png"
            page.screenshot(path=file, full_page=True)
            yield file.name


# Pages that are not in the menu; of the rehearsed campaign, its list, and one of its customers.
_BEHIND = (
    "/campaigns/1",
    "/launch",
    "/audiences/1",
    "/scenarios/debt-reminder",
    "/scenarios/debt-reminder/edit",
    "/recipients/5",
    "/recipients/5/proof",
    "/reports/campaigns/1",
    "/settings/api",
    "/me",
)


if __name__ == "__main__":
    main()
