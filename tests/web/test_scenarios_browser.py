"""The scenarios in a real browser: what is typed is checked and shown, with scripts and without."""

import pytest
from playwright.sync_api import Browser, Page, expect

from dispatcher.access.roles import Role
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House
from tests.web.scenario_house import editing, newest

SMS, SUBJECT = "[id='sms.txt']", "[id='subject.txt']"


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_scenario_and_its_editor_can_be_read_by_everybody(
    browser: Browser, house: House, size: tuple[int, int]
) -> None:
    guest = house.visit(Role.EDITOR)
    guest.post("/scenarios/save", editing(guest) | {"subject.txt": "Долг за свет"})
    with window(browser, house, Role.EDITOR, size, dark=size is PHONE) as page:
        for path in ("", "/edit", "/differences?old=0&new=1"):
            page.goto(f"/scenarios/debt-reminder{path}")
            assert faults_of(page) == []
            assert overflow_of(page) == 0


def test_mistakes_the_letter_and_the_cadence_follow_what_is_typed(
    browser: Browser, house: House
) -> None:
    with window(browser, house, Role.EDITOR) as page:
        page.goto("/scenarios/emergency/edit")
        letter = page.frame_locator("iframe[name=letter]")
        expect(letter.locator("body")).to_contain_text("Мария Ивановна")
        page.fill(SMS, "Авария {{ nowhere }}")
        mistake = page.get_by_role("link", name="Текст SMS, строка 1")
        mistake.click()
        expect(page.locator(SMS)).to_be_focused()
        page.fill(SMS, "Авария, звоните: {{ company_phone | phone }}")
        expect(page.locator(".bubble")).to_contain_text("Авария, звоните")
        page.fill("[id='body.html']", "<h1>Здесь был свет</h1>")
        expect(letter.get_by_role("heading")).to_have_text("Здесь был свет")
        before = page.locator("#cadence circle").count()
        page.locator("[id='scenario.toml']").press("Control+End")
        page.keyboard.type("\nmax_attempts = 1\n")
        expect(page.locator("#cadence circle")).not_to_have_count(before)
        leave(page)


def test_the_story_goes_without_any_script(browser: Browser, house: House) -> None:
    with window(browser, house, Role.EDITOR, scripts=False) as page:
        page.goto("/scenarios")
        page.get_by_role("link", name="Напоминание о задолженности").click()
        page.get_by_role("link", name="Изменить", exact=True).click()
        page.fill(SMS, "Долг {{ nowhere }}")
        page.get_by_role("button", name="Проверить").click()
        assert page.get_by_role("link", name="Текст SMS, строка 1").is_visible()
        page.fill(SMS, "Долг {{ total_kopecks | rub }}")
        page.get_by_role("button", name="Показать").click()
        letter = page.frame_locator("iframe[name=letter]")
        expect(letter.locator("body")).to_contain_text("Мария Ивановна")
        page.get_by_role("button", name="Сохранить версию").click()
        assert page.get_by_text("Версия 1 сохранена").is_visible()
    assert newest(house).version == 1


def leave(page: Page) -> None:
    """Away, though nothing was stored: the browser asks, and is told yes."""
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/scenarios")
