"""The whole story by clicking: from a file of the billing to a report, at a desk and on a phone."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dispatcher.access.roles import Role
from tests.flow.rehearsing import Rehearsal, open_rehearsal
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import PASSWORD, House, house_over

EXPORT = """Лицевой счёт;ФИО;Телефон;E-mail;Регион;Долг
100000000001;Иванова Мария Петровна;+7 916 000-00-01;maria@example.com;Москва;2547,30
100000000002;Петров Иван Сергеевич;+7 916 000-00-02;ivan@example.com;Омская область;910,00
100000000003;Сидорова Анна Ильинична;не указан;anna@example.com;Приморский край;120,50
;Без счёта;+7 916 000-00-04;;Москва;10,00
"""
FILE = {"name": "Ноябрь.csv", "mimeType": "text/csv", "buffer": EXPORT.encode("cp1251")}
FORTNIGHT = timedelta(days=15)


@pytest.fixture
def rehearsal(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    running = open_rehearsal(tmp_path, ledger_url)
    yield running.rehearsal
    running.close()


@pytest.fixture
def house(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The pages over a rehearsal whose customers answer; nothing is spoken aloud."""
    monkeypatch.setattr("dispatcher.launching.find_voice", lambda: None)
    with house_over(rehearsal.engine) as house:
        yield house


def look(page: Page) -> None:
    """Anybody can read this page, at this width."""
    assert (faults_of(page), overflow_of(page)) == ([], 0)


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_clerk_goes_from_a_file_to_a_report(
    browser: Browser, house: House, rehearsal: Rehearsal, size: tuple[int, int]
) -> None:
    with window(browser, house, Role.EDITOR, size) as page:
        page.goto("/audiences")
        page.get_by_label("Выберите файл").set_input_files(FILE)  # type: ignore[arg-type]
        page.get_by_role("button", name="Принять список").click()
        house.do_jobs()
        expect(page.get_by_text("Список готов: 3 человека.")).to_be_visible()

        page.goto("/launch")
        page.get_by_label("Сценарий").select_option(label="Напоминание о задолженности")
        page.get_by_label("Список получателей").select_option(index=1)
        look(page)
        page.get_by_role("button", name="Провести репетицию").click()
        house.do_jobs()
        launch = page.get_by_role("button", name="Запустить", exact=True)
        expect(launch).to_be_visible()
        look(page)
        launch.click()
        house.do_jobs()
        page.wait_for_url(re.compile(r"/campaigns/\d+$"))
        campaign = page.url.removeprefix(house.url)

        rehearsal.run(FORTNIGHT)
        page.goto(campaign)  # a session does not last that long
        page.get_by_label("Логин").fill("editor")
        page.get_by_label("Пароль").fill(PASSWORD)
        page.get_by_role("button", name="Войти").click()
        expect(page.get_by_text("Завершена").first).to_be_visible()
        look(page)
        page.goto(f"/reports{campaign}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("задолженности")
        look(page)

        page.goto("/recipients")
        page.get_by_label("Кого найти?").fill("100000000002")
        page.get_by_role("button", name="Найти", exact=True).click()
        page.get_by_role("link", name=re.compile("Петров")).first.click()
        expect(page.get_by_text("SMS").first).to_be_visible()
        look(page)
    told = [one for one in rehearsal.taken() if one.contact_point == "+79160000002"]
    assert told
