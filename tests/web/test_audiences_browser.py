"""A clerk brings a list in by clicking: with scripts and without, at a desk and on a phone."""

import pytest
from playwright.sync_api import Browser, expect

from dispatcher.access.roles import Role
from tests.web.audiences import EXPORT
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House

FILE = {"name": "Декабрь.csv", "mimeType": "text/csv", "buffer": EXPORT.encode("cp1251")}


@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (PHONE, True)])
def test_a_list_is_brought_in_corrected_accepted_and_searched(
    browser: Browser, house: House, size: tuple[int, int], dark: bool
) -> None:
    with window(browser, house, Role.EDITOR, size, dark=dark) as page:
        page.goto("/audiences")
        assert faults_of(page) == []
        page.get_by_label("Выберите файл").set_input_files(FILE)  # type: ignore[arg-type]
        expect(page.get_by_role("heading", name="Как прочитан файл")).to_be_visible()
        expect(page.get_by_role("heading", name="Иванова Мария Петровна")).to_be_visible()
        assert (faults_of(page), overflow_of(page)) == ([], 0)
        page.get_by_label("Что значит «Задолженность»").select_option("-")
        expect(page.get_by_text("2 547,30 ₽")).to_have_count(0)  # read anew without a word
        assert page.get_by_label("Что значит «Задолженность»").input_value() == "-"
        page.get_by_role("button", name="Принять список").click()
        expect(page.get_by_text("Ждёт своей очереди…")).to_be_visible()
        house.do_jobs()
        expect(page.get_by_text("Список готов: 3 человека.")).to_be_visible()
        page.get_by_role("link", name="Открыть список").click()
        assert (faults_of(page), overflow_of(page)) == ([], 0)
        page.get_by_label("Найти человека").fill("петров")
        page.get_by_role("button", name="Найти", exact=True).click()
        page.get_by_role("link", name="7000 0000 002").click()
        expect(page.get_by_text("ivan@example.com")).to_be_visible()
        assert (faults_of(page), overflow_of(page)) == ([], 0)


def test_a_list_is_brought_in_without_any_script(browser: Browser, house: House) -> None:
    with window(browser, house, Role.EDITOR, scripts=False) as page:
        page.goto("/audiences")
        page.get_by_label("Выберите файл").set_input_files(FILE)  # type: ignore[arg-type]
        page.get_by_role("button", name="Отправить").click()
        page.get_by_label("Что значит «Задолженность»").select_option("-")
        page.get_by_role("button", name="Прочитать заново").click()
        assert page.get_by_text("2 547,30 ₽").count() == 0
        page.get_by_role("button", name="Принять список").click()
        house.do_jobs()
        page.reload()
        page.get_by_role("link", name="Открыть список").click()
        assert page.get_by_role("heading", name="Декабрь").is_visible()
