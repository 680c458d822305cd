"""The editor of a scenario: checks as one types, what a customer gets, and storing it."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from campaigns.channel import ChannelName
from dispatcher.access.roles import Role
from dispatcher.ledger import scenarios, trail
from dispatcher.rewording import MOST_CHARACTERS, SOURCE
from tests.web.house import House, open_house, words_of
from tests.web.scenario_house import add_audience, editing, fields_of, newest

SMS = "Ваш долг {{ total_kopecks | rub }}, тел. {{ company_phone | phone }}"


def test_what_is_stored_is_a_new_version_and_stands_in_the_journal(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    answer = guest.post("/scenarios/save", editing(guest) | {"sms.txt": SMS})
    assert "Версия 1 сохранена" in words_of(answer)
    stored = newest(house)
    assert stored.templates[ChannelName.SMS] == {"sms.txt": SMS}
    assert stored.added_by == "editor"
    with house.engine.ledger.read() as tx:
        [act] = trail.of(tx, "scenario:debt-reminder")
    assert (act.actor, act.action) == ("editor", "scenario.add")


def test_what_went_through_the_editor_untouched_is_no_new_version(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    guest.post("/scenarios/save", editing(guest) | {"sms.txt": SMS})
    answer = guest.post("/scenarios/save", editing(guest))
    assert "Ничего не изменилось" in words_of(answer)
    assert newest(house).version == 1


def test_a_button_pressed_twice_stores_once(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    fields = editing(guest) | {"sms.txt": SMS}
    with ThreadPoolExecutor(4) as hands:
        list(hands.map(lambda _n: guest.post("/scenarios/save", fields), range(4)))
    assert newest(house).version == 1


def test_a_mistake_keeps_all_of_it_out_and_what_was_typed_on_the_page(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    fields = editing(guest) | {"sms.txt": "Долг {{ detb_kopecks | rub }}", "subject.txt": "Новая"}
    answer = guest.post("/scenarios/save", fields)
    assert answer.status_code == 422
    kept = fields_of(answer)
    assert (kept["sms.txt"], kept["subject.txt"]) == (fields["sms.txt"], "Новая")
    assert "detb_kopecks" in words_of(answer)
    with house.engine.ledger.read() as tx:
        assert not scenarios.versions(tx, "debt-reminder")


def test_a_mistake_is_told_with_its_field_line_and_advice(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    broken = "{{ greeting }}\r\nДолг {{ total_kopeks | money }}"
    answer = guest.post("/scenarios/look", editing(guest) | {"call.txt": broken})
    words = words_of(answer)
    assert "Текст звонка, строка 2" in words
    assert "Может быть, «total_kopecks»?" in words
    assert 'href="#call.txt" data-line="2"' in answer.text


def test_the_other_channels_are_shown_while_one_has_a_mistake(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    words = words_of(guest.post("/scenarios/look", editing(guest) | {"call.txt": "{{ nobody }}"}))
    assert "Сохранить пока нельзя" in words
    assert "из 160 знаков" in words


def test_rules_that_cannot_be_read_leave_the_editor_standing(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    words = words_of(guest.post("/scenarios/look", editing(guest) | {"source": "name = "}))
    assert "Сначала исправьте правила" in words


def test_an_sms_is_measured_as_the_customer_of_the_audience_gets_it(house: House) -> None:
    audience = add_audience(house)
    guest = house.visit(Role.EDITOR)
    fields = editing(guest) | {"audience": str(audience), "sms.txt": "Долг {{ account_number }}"}
    first = guest.post("/scenarios/look", fields)
    assert "Долг 70001" in words_of(first)
    assert "10 из 160 знаков" in words_of(first)
    recipient = first.text.split('name="recipient" value="')[1].split('"')[0]
    second = guest.post("/scenarios/look", fields | {"recipient": recipient, "step": "next"})
    assert "Долг 70002" in words_of(second)


def test_who_began_from_an_older_version_sees_both_and_decides(house: House) -> None:
    mine, theirs = house.visit(Role.EDITOR), house.visit(Role.APPROVER)
    fields = editing(mine) | {"subject.txt": "Мой вариант"}
    theirs.post("/scenarios/save", editing(theirs) | {"subject.txt": "Чужой вариант"})
    answer = mine.post("/scenarios/save", fields)
    assert answer.status_code == 409
    words = words_of(answer)
    assert "approver" in words
    assert "Чужой вариант" in words
    assert "Мой вариант" in words
    assert newest(house).version == 1
    answer = mine.post("/scenarios/save", fields_of(answer))
    assert "Версия 2 сохранена" in words_of(answer)
    assert newest(house).templates[ChannelName.EMAIL]["subject.txt"] == "Мой вариант"


def test_of_two_who_store_at_once_one_is_asked(tmp_path: Path, ledger_url: str) -> None:
    with open_house(tmp_path, ledger_url) as house:
        mine, theirs = house.visit(Role.EDITOR), house.visit(Role.APPROVER)
        both = [
            (mine, editing(mine) | {"subject.txt": "Мой"}),
            (theirs, editing(theirs) | {"subject.txt": "Чужой"}),
        ]
        with ThreadPoolExecutor(2) as hands:
            answers = list(hands.map(lambda one: one[0].post("/scenarios/save", one[1]), both))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert newest(house).version == 1


def test_one_leafs_forwards_and_back_in_either_database(tmp_path: Path, ledger_url: str) -> None:
    with open_house(tmp_path, ledger_url) as house:
        audience = add_audience(house)
        add_audience(house, name="Другие")
        guest = house.visit(Role.EDITOR)
        fields = editing(guest) | {"audience": str(audience), "sms.txt": "№ {{ account_number }}"}
        seen = []
        for step in ("", "next", "next", "next", "former", "former", "former"):
            words = guest.post("/scenarios/look", fields | {"step": step})
            seen.append(words_of(words).split("№ ")[1][:5])
            fields["recipient"] = words.text.split('name="recipient" value="')[1].split('"')[0]
    assert [int(account[-1]) for account in seen] == [1, 2, 3, 3, 2, 1, 1]


def test_an_older_wording_once_more_does_not_pass_for_the_newest(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    guest.post("/scenarios/save", editing(guest) | {"subject.txt": "Первая"})
    guest.post("/scenarios/save", editing(guest) | {"subject.txt": "Вторая"})
    older = fields_of(guest.get("/scenarios/debt-reminder/edit?version=1"))
    answer = guest.post("/scenarios/save", older)
    assert answer.status_code == 422
    assert "слово в слово версия 1" in words_of(answer)
    older["source"] = "# как версия 1\r\n" + older["source"]
    assert "Версия 3 сохранена" in words_of(guest.post("/scenarios/save", older))


def test_a_copy_gets_a_name_of_its_own(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    fields = fields_of(guest.get("/scenarios/debt-reminder/copy"))
    assert 'name = "debt-reminder-copy"' in fields["source"]
    taken = fields | {"source": fields["source"].replace("debt-reminder-copy", "emergency", 1)}
    answer = guest.post("/scenarios/save", taken)
    assert answer.status_code == 422
    assert "уже есть" in words_of(answer)
    answer = guest.post("/scenarios/save", fields)
    assert answer.url.endswith("/scenarios/debt-reminder-copy")
    assert newest(house, "debt-reminder-copy").version == 1


def test_a_scenario_is_not_renamed_under_the_hands_of_others(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    fields = editing(guest)
    fields["source"] = fields["source"].replace('"debt-reminder"', '"other"', 1)
    answer = guest.post("/scenarios/save", fields)
    assert answer.status_code == 422
    assert "начинают как копию" in words_of(answer)


def test_a_reader_may_not_open_the_editor_nor_post_to_it(house: House) -> None:
    fields = editing(house.visit(Role.EDITOR))
    reader = house.visit(Role.READER)
    assert reader.get("/scenarios/debt-reminder/edit").status_code == 403
    for act in ("save", "look", "check", "letter", "voice"):
        assert reader.post(f"/scenarios/{act}", fields).status_code == 403


def test_a_letter_that_is_being_written_is_shown_where_no_script_runs(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    html = "<p>{{ greeting }}</p><script>parent.document.title = 1</script>"
    answer = guest.post("/scenarios/letter", editing(guest) | {"body.html": html})
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "Мария Ивановна" in answer.text


HOSTILE = {
    "tags in a line": ("call.txt", "{% if name %}x{% endif %}"),
    "tags that never end": ("call.txt", "{%"),
    "remarks that never end": ("call.txt", "{# @key "),
    "commands": ("call.txt", "@key 1 heard: x\r\n"),
    "placeholders": ("body.html", "{{ greeting }}"),
    "rows": ("body.txt", "{% for account in accounts %}{{ account.name }}{% endfor %}"),
    "brackets": ("sms.txt", "{{ ("),
    "comparisons": ("sms.txt", "{% if 1<1<"),
    "tables": (SOURCE, "[a]\r\n"),
    "arrays": (SOURCE, "a=["),
    "dots": (SOURCE, "a."),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_page_full_of_the_worst_is_answered_soon(house: House, what: str) -> None:
    """Measured is this process's own work: other programs may keep the machine busy."""
    file, piece = HOSTILE[what]
    guest = house.visit(Role.EDITOR)
    text = (piece * (MOST_CHARACTERS[file] // len(piece) + 1))[: MOST_CHARACTERS[file]]
    field = "source" if file == SOURCE else file
    fields = editing(guest) | {field: text}
    began = time.process_time()
    answer = guest.post("/scenarios/look", fields)
    assert time.process_time() - began < 5
    assert answer.status_code == 200
    assert len(answer.text) < 1_000_000


def test_what_is_far_too_long_is_not_read_at_all(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    fields = editing(guest) | {"call.txt": "{% if name %}" * 10_000}
    assert "слишком длинно" in words_of(guest.post("/scenarios/look", fields))
    assert guest.post("/scenarios/save", fields).status_code == 422
