"""Scenario files: everything wrong is refused at once, by file, field and line, with advice."""

from pathlib import Path

import pytest

from campaigns.channel import ChannelName
from campaigns.scenario_file import (
    ScenarioFile,
    check_scenario,
    library_path,
    read_scenario,
    restore_scenario,
)
from templates.i18n import speaking
from templates.problem import Problem, Refused
from tests.unit.waves import wav

HEAD = 'name = "own"\ntitle = "Своё"\npurpose = "service"\n'
SMS = '[channels.sms]\ntemplate = "own"\n'


class Desk:
    """A folder in which a clerk writes a scenario and its texts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "own.toml"
        self.template("sms.txt", "Просим оплатить электроэнергию.")

    def template(self, name: str, text: str | bytes) -> None:
        path = self.folder / "templates" / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, source: str | bytes) -> ScenarioFile:
        self.file.write_bytes(source if isinstance(source, bytes) else source.encode())
        return read_scenario(self.file)

    def refused(self, source: str | bytes) -> list[Problem]:
        with pytest.raises(Refused) as refused:
            self.read(source)
        assert all(p.message and p.advice and p.file for p in refused.value.problems)
        return list(refused.value.problems)

    def found(self, source: str | bytes) -> list[tuple[str, str | None, int | None]]:
        return [(p.code, p.field, p.line) for p in self.refused(source)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_template_beside_the_scenario_wins_over_the_library(desk: Desk) -> None:
    read = desk.read(HEAD + SMS)
    assert read.templates[ChannelName.SMS] == {"sms.txt": "Просим оплатить электроэнергию."}
    assert read.warnings == ()


def test_a_template_of_the_library_needs_no_copy(desk: Desk) -> None:
    read = desk.read(HEAD + 'fields = ["tariff_on"]\n[channels.sms]\ntemplate = "tariff-change"\n')
    assert "тариф" in read.templates[ChannelName.SMS]["sms.txt"]


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines(desk: Desk) -> None:
    source = """name = "Bad Name"
title = "x"
purpose = "servise"
urgnt = true

[channels.sms]
tempate = "own"
retry = "5x"
positive = ["delivred"]

[channels.fax]
template = "own"

[channels.email]
template = "debt-remindr"
max_attempts = 0
window = { from = "25:00", days = [] }
"""
    assert desk.found(source) == [
        ("bad_name", "name", 1),
        ("unknown_purpose", "purpose", 3),
        ("unknown_field", "urgnt", 4),
        ("missing_field", "channels.sms.template", 6),
        ("unknown_field", "channels.sms.tempate", 7),
        ("bad_duration", "channels.sms.retry", 8),
        ("unknown_outcome", "channels.sms.positive.0", 9),
        ("unknown_channel", "channels.fax", 11),
        ("missing_template", "channels.email.template", 15),
        ("out_of_range", "channels.email.max_attempts", 16),
        ("bad_time", "channels.email.window.from", 17),
        ("bad_days", "channels.email.window.days", 17),
    ]


def test_a_misspelt_word_gets_the_right_one_as_advice(desk: Desk) -> None:
    (problem,) = desk.refused(HEAD + "urgnt = true\n" + SMS)
    assert "«urgent»" in problem.advice
    with speaking("en"):
        (problem,) = desk.refused(HEAD + "urgnt = true\n" + SMS)
    assert "“urgent”" in problem.advice


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('name = "own\n', 1),
        ("a = 1\n\na = 2\n", 3),
        ("a = 1\nb = [1,\n", 2),
        ("[channels\n", 1),
        ("a = " + "[" * 5000 + "]" * 5000, 1),
    ],
)
def test_broken_toml_is_refused_with_its_line(desk: Desk, source: str, line: int) -> None:
    assert desk.found(source) == [("toml_syntax", None, line)]


def test_an_empty_file_is_told_what_belongs_in_it(desk: Desk) -> None:
    assert [code for code, _field, _line in desk.found("")] == ["missing_field"] * 4


def test_another_encoding_is_named(desk: Desk) -> None:
    assert desk.found((HEAD + SMS).encode("cp1251")) == [("not_utf8", None, None)]


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(desk: Desk) -> None:
    source = b"\xef\xbb\xbf" + (HEAD + SMS).replace("\n", "\r\n").encode()
    assert desk.read(source).scenario.title == "Своё"


def test_a_file_that_is_not_there_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_scenario(tmp_path / "none.toml")
    assert refused.value.problems[0].code == "file_unreadable"


@pytest.mark.parametrize("name", ["../own", "/etc", "own/../own", ".", "CON:"])
def test_a_template_name_cannot_leave_its_folder(desk: Desk, name: str) -> None:
    source = HEAD + f'[channels.sms]\ntemplate = "{name}"\n'
    assert desk.found(source) == [("bad_name", "channels.sms.template", 5)]


@pytest.mark.parametrize(
    ("rules", "code", "line"),
    [
        ('[channels.sms]\ntemplate = "own"\nretry = "23h"\n', "retry_too_short", 6),
        ('[channels.sms]\ntemplate = "own"\nwindow = { from = "09:59" }\n', "window_too_wide", 6),
        ('[channels.sms]\ntemplate = "own"\nwindow = { until = "21:01" }\n', "window_too_wide", 6),
        (
            '[channels.sms]\ntemplate = "own"\n[channels.sms.window]\nfrom = "20:00"\n'
            'until = "10:00"\n',
            "window_too_wide",
            6,
        ),
        (
            '[channels.sms]\ntemplate = "own"\n[channels.sms.window]\nfrom = "12:00"\n'
            'until = "12:00"\n',
            "window_too_wide",
            6,
        ),
        (
            '[channels.sms]\ntemplate = "own"\n[channels.sms.window]\nfrom = "12:00"\n'
            'until = "24:00"\n',
            "window_too_wide",
            6,
        ),
        (
            '[channels.sms]\ntemplate = "own"\n[channels.sms.window]\nholidays = true\n',
            "holidays_forbidden",
            7,
        ),
        ('[channels.sms]\ntemplate = "own"\nwindow = { days = [] }\n', "bad_days", 6),
        (
            '[channels.sms]\ntemplate = "own"\nwindow = { days = ["mon", "mon"] }\n',
            "repeated_day",
            6,
        ),
        ('[channels.sms]\ntemplate = "own"\npositive = []\n', "no_positive", 6),
        ('[channels.sms]\ntemplate = "own"\npositive = ["heard"]\n', "impossible_outcome", 6),
        ('[channels.sms]\ntemplate = "own"\nretry = "999999d"\n', "bad_duration", 6),
        ('[channels.sms]\ntemplate = "own"\nretry = 2\n', "bad_duration", 6),
        (SMS + '[order]\nchannels = ["email"]\n', "order_mismatch", 7),
        (SMS + "[values]\ngreeting = 'x'\n", "reserved_name", 7),
        (SMS + "[values]\n'Имя клиента' = 'x'\n", "bad_name", 7),
        (SMS + "[values]\nn = 5\n", "wrong_type_text", 7),
    ],
)
def test_a_rule_of_the_standard_cannot_be_undercut(
    desk: Desk, rules: str, code: str, line: int
) -> None:
    assert [(found, at) for found, _field, at in desk.found(HEAD + rules)] == [(code, line)]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ('retry = "119m"', "retry_too_short"),
        ('quiet_after_positive = "6d 23h"', "quiet_too_short"),
    ],
)
def test_a_phone_keeps_its_two_hours_and_seven_days(desk: Desk, rules: str, code: str) -> None:
    desk.template("call.txt", "Здравствуйте!")
    source = HEAD + f'[channels.phone]\ntemplate = "own"\n{rules}\n'
    assert [found for found, _field, _line in desk.found(source)] == [code]


def test_an_emergency_may_be_urgent_and_then_faster_than_the_standard(desk: Desk) -> None:
    head = HEAD.replace("service", "emergency") + "urgent = true\n"
    rules = 'retry = "1h"\nwindow = { from = "00:00", until = "00:00", holidays = true }\n'
    assert desk.read(head + SMS + rules).scenario.urgent
    assert desk.found(HEAD + "urgent = true\n" + SMS) == [("urgent_not_emergency", "urgent", 4)]


def test_even_an_emergency_does_not_ring_without_a_pause(desk: Desk) -> None:
    head = HEAD.replace("service", "emergency") + "urgent = true\n"
    assert desk.found(head + SMS + 'retry = "0s"\n') == [
        ("retry_too_short", "channels.sms.retry", 7)
    ]


def test_a_missing_file_of_a_template_is_named(desk: Desk) -> None:
    desk.template("subject.txt", "Тема")
    problems = desk.refused(HEAD + '[channels.email]\ntemplate = "own"\n')
    assert [(p.code, Path(p.file or "").name) for p in problems] == [
        ("missing_template_file", "body.html"),
        ("missing_template_file", "body.txt"),
    ]


def test_a_template_in_another_encoding_is_named(desk: Desk) -> None:
    desk.template("sms.txt", "Долг".encode("cp1251"))
    (problem,) = desk.refused(HEAD + SMS)
    assert (problem.code, Path(problem.file or "").name) == ("not_utf8", "sms.txt")


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("Долг\n{{ debt_kopeks | rub }}", "unfilled_placeholder", 2),
        ("Долг\n\n{{ unsubscribe_url }}", "unfilled_placeholder", 3),
        ("{% for a in accounts %}\n{{ a.company }}\n{% endfor %}", "unfilled_placeholder", 2),
        ("Долг\n{{ debt_kopecks | rub }}", "differs_between_accounts", 2),
        ("Счёт\n{{ account_number }}", "differs_between_accounts", 2),
        ("{{ total_kopecks | date }}", "unfit_value", None),
        ("{{ total_kopecks | rub }}" + " слово" * 26, "sms_too_long", 1),
        ("{# nothing to say #}", "empty_text", 1),
        ("{{ total_kopecks * 2 }}", "template_arithmetic", 1),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused_before_anybody_gets_it(
    desk: Desk, text: str, code: str, line: int | None
) -> None:
    desk.template("sms.txt", text)
    found = desk.found(HEAD + 'fields = ["debt_kopecks"]\n' + SMS)
    assert [(found_code, at) for found_code, _field, at in found] == [(code, line)]


def test_a_placeholder_filled_by_values_or_columns_is_fine(desk: Desk) -> None:
    desk.template("sms.txt", "{{ works }} {{ works_on | date }} {{ адрес }}")
    fields = 'fields = ["works_on", "адрес"]\nsame_contact = "separate"\n'
    read = desk.read(HEAD + fields + SMS + "[values]\nworks = 'Ремонт'\n")
    assert read.scenario.values == {"works": "Ремонт"}


def test_an_sms_that_only_long_values_break_is_a_warning(desk: Desk) -> None:
    desk.template("sms.txt", "{{ total_kopecks | rub }} " + "а" * 147)
    read = desk.read(HEAD + 'fields = ["debt_kopecks"]\n' + SMS)
    assert [warning.code for warning in read.warnings] == ["sms_may_not_fit"]


def test_a_call_over_a_minute_is_refused_and_its_comments_do_not_count(desk: Desk) -> None:
    source = HEAD + '[channels.phone]\ntemplate = "own"\n'
    desk.template("call.txt", "# comment {{ nonsense }}\n" * 50 + "Здравствуйте!\n")
    assert desk.read(source).scenario.name == "own"
    desk.template("call.txt", "Напоминаем вам об оплате электроэнергии.\n" * 25)
    desk.template("call.txt", "Да.\n" * 40 + "Напоминаем вам об оплате электроэнергии, пожалуйста.")
    (problem,) = desk.refused(source)
    assert problem.code == "call_too_long"
    assert " с: Напоминаем вам" in problem.advice


PHONE = '[channels.phone]\ntemplate = "own"\n'


def test_a_recording_travels_with_the_scenario_and_another_one_is_another_version(
    desk: Desk,
) -> None:
    desk.template("call.txt", "@play intro.wav\nДа.\n@key 2 repeat: @play two.wav")
    desk.template("call.en.txt", "@play intro.en.wav\nYes.")
    for number, name in enumerate(("intro.wav", "two.wav", "intro.en.wav")):
        desk.template(name, wav(1 + number))
    first = desk.read(HEAD + PHONE)
    assert {name: sound.ref.seconds for name, sound in first.sounds.items()} == {
        "intro.wav": 1.0,
        "two.wav": 2.0,
        "intro.en.wav": 3.0,
    }
    assert desk.read(HEAD + PHONE).digest == first.digest
    desk.template("intro.wav", wav(1, tone=1))
    assert desk.read(HEAD + PHONE).digest != first.digest
    again = check_scenario(first.source_toml, first.templates, sounds=first.sounds)
    assert (again.digest, again.sounds) == (first.digest, first.sounds)
    restored = restore_scenario(first.source_toml, first.templates, first.sounds)
    assert (restored.digest, restored.sounds) == (first.digest, first.sounds)


def test_a_recording_that_is_missing_or_broken_is_told_at_its_line(desk: Desk) -> None:
    desk.template("call.txt", "Да.\n@play intor.wav\n@play bad.wav\n")
    desk.template("bad.wav", b"no sound")
    desk.template("intro.wav", wav())
    found = desk.refused(HEAD + PHONE)
    assert [(p.code, p.line, p.value) for p in found] == [
        ("sound_missing", 2, "intor.wav"),
        ("sound_unreadable", 3, "bad.wav"),
    ]
    assert all(Path(p.file or "").name == "call.txt" for p in found)


def test_an_editor_that_has_no_recording_is_told_too(desk: Desk) -> None:
    texts = {ChannelName.PHONE: {"call.txt": "@play intro.wav\nДа."}}
    with pytest.raises(Refused) as refused:
        check_scenario(HEAD + PHONE, texts)
    assert [(p.code, p.file, p.line) for p in refused.value.problems] == [
        ("sound_missing", "own/call.txt", 1)
    ]


def test_a_recording_counts_towards_the_minute(desk: Desk) -> None:
    desk.template("call.txt", "@play intro.wav\nНапоминаем вам об оплате.")
    desk.template("intro.wav", wav(59))
    (problem,) = desk.refused(HEAD + PHONE)
    assert problem.code == "call_too_long"
    assert "59.0 с: intro.wav" in problem.advice


def test_grammar_of_a_call_is_told_with_everything_else(desk: Desk) -> None:
    desk.template("call.txt", "Да.\n@key 1 haerd: x\n{{ ghost }}")
    found = desk.found(HEAD + 'retry = "1"\n' + PHONE)
    assert ("call_action", None, 2) in found
    assert len(found) == 2  # the wrong name in the scenario as well


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("Звоните 112", "call_raw_number", 1),
        ("Да.\n{{ account_number }}", "call_raw_number", 2),
        ("Да.\n{{ hours }}", "call_raw_number", 2),
        ("Да.\n@key 4 answer good: x", "call_answer_purpose", 2),
    ],
)
def test_what_a_voice_would_say_oddly_is_a_warning(
    desk: Desk, text: str, code: str, line: int
) -> None:
    desk.template("call.txt", text)
    read = desk.read(HEAD + PHONE + "[values]\nhours = 'с 9 до 18'\n")
    assert [(w.code, w.line) for w in read.warnings] == [(code, line)]


def test_a_survey_counts_answers(desk: Desk) -> None:
    desk.template("call.txt", "Да.\n@key 4 answer good: x")
    assert desk.read(HEAD.replace("service", "survey") + PHONE).warnings == ()


def test_a_marketing_letter_must_say_how_to_unsubscribe(desk: Desk) -> None:
    for name in ("subject.txt", "body.txt", "body.html"):
        desk.template(name, "Предложение")
    head = HEAD.replace("service", "marketing")
    found = desk.found(head + '[channels.email]\ntemplate = "own"\n')
    assert [code for code, _field, _line in found] == ["no_unsubscribe", "no_unsubscribe"]


def test_a_cascade_that_does_not_wait_for_bounces_is_a_warning(desk: Desk) -> None:
    source = """name = "own"
title = "x"
purpose = "service"
fields = ["debt_kopecks"]
[channels.email]
template = "debt-reminder"
[channels.sms]
template = "debt-reminder"
[order]
kind = "cascade"
channels = ["email", "sms"]
delay = "23h"
"""
    warnings = desk.read(source).warnings
    assert [(w.code, w.line) for w in warnings] == [("cascade_before_settled", 12)]
    assert desk.read(source.replace("23h", "24h")).warnings == ()


def test_an_urgent_scenario_that_keeps_the_quiet_time_is_warned_of_waiting(desk: Desk) -> None:
    source = """
name = "own"
title = "x"
purpose = "emergency"
urgent = true
fields = ["message"]
[channels.phone]
template = "emergency"
"""
    [warning] = desk.read(source).warnings
    assert (warning.code, warning.line) == ("urgent_waits", 7)
    assert "7d" in warning.message
    assert desk.read(source + 'quiet_after_positive = "0s"\n').warnings == ()


def test_real_supplier_names_are_measured_where_they_are_known(desk: Desk) -> None:
    desk.template("sms.txt", "{{ company }}: " + "а" * 140)
    desk.file.write_text(HEAD + SMS, encoding="utf-8")
    assert read_scenario(desk.file, supplier={"company": "Свет"}).warnings == ()
    with pytest.raises(Refused):
        read_scenario(desk.file, supplier={"company": "АО «АтомЭнергоСбыт»"})


def test_another_comma_is_another_version(desk: Desk) -> None:
    first = desk.read(HEAD + SMS)
    assert desk.read(HEAD + SMS).digest == first.digest
    desk.template("sms.txt", "Просим, оплатить электроэнергию.")
    assert desk.read(HEAD + SMS).digest != first.digest


def test_what_the_ledger_keeps_gives_the_same_scenario_again() -> None:
    read = read_scenario(library_path("debt-reminder"))
    assert restore_scenario(read.source_toml, read.templates) == read
    assert check_scenario(read.source_toml, read.templates) == read


def test_an_unknown_built_in_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Refused, match="debt-reminder"):
        library_path("debt-remainder")
