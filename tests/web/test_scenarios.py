"""Scenarios: the list, what one says in words, its versions, and what differs between them."""

import pytest

from dispatcher.access.roles import Role
from dispatcher.rewording import draft_of
from dispatcher.voices import find_voice
from dispatcher.web.scenarios_changes import changes
from tests.web.house import House, words_of
from tests.web.scenario_house import add_audience, editing


def store(house: House, **texts: str) -> None:
    guest = house.visit(Role.EDITOR)
    fields = editing(guest) | {name.replace("__", "."): text for name, text in texts.items()}
    guest.post("/scenarios/save", fields)


def test_the_list_shows_built_in_scenarios_and_those_of_the_house(house: House) -> None:
    store(house, sms__txt="Ваш долг {{ total_kopecks | rub }}, тел. {{ company_phone | phone }}")
    page = house.visit(Role.READER).get("/scenarios")
    assert "Опрос об обслуживании" in words_of(page)
    assert words_of(page).count("встроен") == 8


def test_a_scenario_is_told_in_words_to_whoever_may_look(house: House) -> None:
    words = words_of(house.visit(Role.READER).get("/scenarios/service-offer"))
    assert "реклама, только с согласия" in words
    assert "только те, кто дал согласие" in words
    assert "с 10:00 до 21:00 по местному времени" in words
    assert "Изменить" not in words
    words = words_of(house.visit(Role.READER).get("/scenarios/debt-reminder"))
    assert "Обязательные столбцы долг (руб.)" in words


def test_an_unknown_scenario_or_version_is_told_so(house: House) -> None:
    guest = house.visit(Role.READER)
    assert guest.get("/scenarios/nothing-like-it").status_code == 404
    assert guest.get("/scenarios/debt-reminder?version=7").status_code == 404


def test_what_differs_between_versions_is_told_line_by_line(house: House) -> None:
    store(house, subject__txt="Долг за свет")
    guest = house.visit(Role.READER)
    page = guest.get("/scenarios/debt-reminder/differences?old=0&new=1")
    assert "Тема письма" in words_of(page)
    assert "Текст SMS" not in words_of(page)
    assert "<mark>свет</mark>" in page.text
    same = guest.get("/scenarios/debt-reminder/differences?old=1&new=1")
    assert "слово в слово" in words_of(same)


def test_a_text_that_comes_or_goes_is_a_change_of_its_own(house: House) -> None:
    store(house, sms__en__txt="You owe {{ total_kopecks | rub }}")
    with house.engine.ledger.read() as tx:
        old, new = draft_of(tx, "debt-reminder", 0), draft_of(tx, "debt-reminder", 1)
    [change] = changes(old, new)
    assert (change.file, change.old, change.new) == ("sms.en.txt", False, True)
    assert [line.kind for line in change.lines] == ["new"]


def test_the_person_of_an_audience_is_shown_only_to_who_may_see_persons(house: House) -> None:
    audience = add_audience(house)
    path = f"/scenarios/debt-reminder?audience={audience}"
    assert "лицевой счёт 70001" in words_of(house.visit(Role.EDITOR).get(path))
    shown = words_of(house.visit(Role.READER).get(path))
    assert "70001" not in shown
    assert "Вымышленный клиент" in shown


def test_one_leafs_through_an_audience_to_its_ends_and_no_further(house: House) -> None:
    audience = add_audience(house)
    guest = house.visit(Role.EDITOR)
    path = f"/scenarios/debt-reminder?audience={audience}"
    seen = []
    for _step in range(4):
        page = guest.get(path)
        seen.append(
            next(account for account in ("70001", "70002", "70003") if account in page.text)
        )
        recipient = page.text.split('name="recipient" value="')[1].split('"')[0]
        path = f"/scenarios/debt-reminder?audience={audience}&recipient={recipient}&step=next"
    assert seen == ["70001", "70002", "70003", "70003"]


def test_a_recipient_of_another_audience_is_not_shown_in_this_one(house: House) -> None:
    other = add_audience(house)
    audience = add_audience(house, name="Другие")
    guest = house.visit(Role.EDITOR)
    page = guest.get(f"/scenarios/debt-reminder?audience={other}&step=next&recipient=1")
    foreign = page.text.split('name="recipient" value="')[1].split('"')[0]
    page = guest.get(f"/scenarios/debt-reminder?audience={audience}&recipient={foreign}")
    assert f'name="recipient" value="{foreign}"' not in page.text


def test_the_letter_comes_with_a_policy_that_lets_it_do_nothing(house: House) -> None:
    answer = house.visit(Role.READER).get("/scenarios/debt-reminder/letter")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox;")
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "Мария Ивановна" in answer.text


@pytest.mark.skipif(find_voice() is None, reason="no voice is installed")
def test_the_call_is_heard_as_a_wave(house: House) -> None:
    store(house, call__txt="Здравствуйте.")
    answer = house.visit(Role.READER).get("/scenarios/debt-reminder/call.wav")
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content[:4] == b"RIFF"


def test_where_no_voice_is_installed_the_page_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    guest = house.visit(Role.READER)
    assert "не установлен голос" in words_of(guest.get("/scenarios/debt-reminder"))
    answer = guest.get("/scenarios/debt-reminder/call.wav")
    assert answer.status_code == 422
    assert "не установлен голос" in words_of(answer)


def test_the_cadence_is_drawn_with_what_the_rules_say(house: House) -> None:
    page = house.visit(Role.READER).get("/scenarios/debt-reminder")
    drawing = page.text[page.text.index('<svg class="chart cadence') :]
    drawing = drawing[: drawing.index("</svg>")]
    assert drawing.count("<circle") >= 10 + 5 + 1
    assert "SMS: все 7 попыток" in words_of(page) or "SMS: пока" in words_of(page)
